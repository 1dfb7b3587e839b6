package server

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

func TestWhatLoadBalancersAreTold(t *testing.T) {
	e := start(t, upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the upstream got %s", r.RequestURI) }))
	want := func(method, path string, status int, body string) {
		t.Helper()
		got, header, text := e.do(t, method, path, nil)
		if got != status || text != body || header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %d %q, want %d %q", method, path, got, text, status, body)
		}
	}
	if e.handler.Watched() {
		t.Error("watched before anybody has asked")
	}
	want("GET", "/livez", 200, `{"status":"alive"}`)
	want("GET", "/health", 200, `{"status":"healthy"}`)
	if e.handler.Watched() {
		t.Error("watched by who asks for something else")
	}
	want("GET", "/readyz", 200, `{"status":"ready"}`)
	want("GET", "/readyz?verbose", 200, `{"status":"ready"}`)
	want("HEAD", "/readyz", 200, "")
	if !e.handler.Watched() {
		t.Error("not watched")
	}
	e.handler.Upstream().Lost()
	want("GET", "/readyz", 503, `{"status":"not ready","reasons":["The model server does not answer."]}`)
	want("HEAD", "/readyz", 503, "")
	if status, _, _ := e.do(t, "POST", "/readyz", strings.NewReader("{}")); status != 405 {
		t.Errorf("POST: %d", status)
	}
	want("GET", "/livez", 200, `{"status":"alive"}`)
	e.handler.Upstream().Answered()
	want("GET", "/readyz", 200, `{"status":"ready"}`)
	e.handler.Upstream().Lost()
	e.handler.Leave()
	want("GET", "/readyz", 503, `{"status":"not ready","reasons":["The gateway is shutting down.","The model server does not answer."]}`)
	want("GET", "/livez", 200, `{"status":"alive"}`)
	want("GET", "/health", 200, `{"status":"healthy"}`)
	if s := e.log.String(); strings.Contains(s, "readyz") || strings.Contains(s, "livez") {
		t.Errorf("questions of machines fill the log: %s", s)
	}
}

// While the gateway leaves, all is served, and each reply of HTTP/1 says that it is the last of
// its connection.
func TestRepliesOfAGatewayThatLeaves(t *testing.T) {
	target := upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			_, _ = io.Copy(io.Discard, r.Body)
			answers(w, r)
			return
		}
		c, err := websocket.Accept(w, r, nil)
		if err == nil {
			_ = c.Close(websocket.StatusNormalClosure, "")
		}
	})
	e := start(t, target, func(c *config.Config) { c.Log.Level = "ERROR" })
	closes := func(request string) bool {
		t.Helper()
		c := dial(t, e)
		_, _ = io.WriteString(c, request)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
			t.Errorf("%.40q: %d, %v", request, resp.StatusCode, err)
		}
		return resp.Close
	}
	post := func(path, body string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	}
	requests := []string{
		"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", "GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n",
		post("/v1/chat/completions", chatBody(false)), post("/v1/chat/completions", chatBody(true)), post("/elsewhere", "{}"),
	}
	for _, r := range requests {
		if closes(r) {
			t.Errorf("%.40q: the connection ends", r)
		}
	}
	e.handler.Leave()
	for _, r := range requests {
		if !closes(r) {
			t.Errorf("%.40q: the connection goes on", r)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	c, _, err := websocket.Dial(ctx, e.url+"/v1/realtime", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.CloseNow()
}

// What runs is known in its order, whichever ends first.
func TestTheOldestUnderWay(t *testing.T) {
	var f inFlight
	calls := make([]call, 3)
	for i := range calls {
		f.begin(&calls[i])
	}
	f.end(&calls[1])
	f.end(&calls[0])
	if f.first != &calls[2] || f.last != &calls[2] || f.n.Load() != 1 || f.oldest() == 0 {
		t.Errorf("%+v", &f)
	}
	f.begin(&calls[0])
	f.end(&calls[0])
	f.end(&calls[2])
	if f.first != nil || f.last != nil || f.n.Load() != 0 || f.oldest() != 0 {
		t.Errorf("%+v", &f)
	}
}

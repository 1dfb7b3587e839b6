package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

const (
	served  = "Qwen/Served"
	virtual = "qwen3.5-thinking-coding"
	// soon bounds the wait for what must happen; nothing is said about how fast it does.
	soon = 20 * time.Second
)

// edge is a gateway on a port of its own.
type edge struct {
	url     string
	handler *Handler
	config  *config.Config
	log     *journal
}

// journal is a log that a test can read while it is written.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func configured(target string, changes ...func(*config.Config)) *config.Config {
	c := config.Default()
	c.Upstreams = []config.Upstream{{Name: "test", URL: target, Model: served, MaxModelLen: 4096}}
	c.AllowedHosts = []string{"x", "here", "*.example", "example.com"} // what requests are sent to here that are written by hand
	for _, change := range changes {
		change(c)
	}
	return c
}

// start puts a gateway in front of target.
func start(t testing.TB, target string, changes ...func(*config.Config)) *edge {
	t.Helper()
	e := &edge{config: configured(target, changes...), log: &journal{}}
	level := new(slog.LevelVar)
	l, err := logging.ParseLevel(e.config.Log.Level)
	if err != nil {
		t.Fatal(err)
	}
	level.Set(l)
	log, err := logging.New(e.log, "json", level)
	if err != nil {
		t.Fatal(err)
	}
	if e.handler, err = NewHandler(e.config, true, log); err != nil {
		t.Fatal(err)
	}
	ln := listen(t)
	srv := HTTP(e.handler, e.handler, e.config, log)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(Listeners([]net.Listener{ln}, e.config.Limits.Connections)[0]); err != http.ErrServerClosed {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
		e.handler.End()
		balanced(t, e.handler)
	})
	e.url = "http://" + ln.Addr().String()
	return e
}

// balanced tells that exchanges have given back all memory that they held.
func balanced(t testing.TB, h *Handler) {
	t.Helper()
	eventually(t, "no exchange under way that holds memory", func() bool { return h.InFlight() == 0 && h.Memory().Held() == 0 })
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// upstreamOf serves h as the upstream and returns its URL.
func upstreamOf(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// rawUpstream gives each connection to serve, after its first request was read.
func rawUpstream(t testing.TB, serve func(c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	ln := listen(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				serve(c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + ln.Addr().String()
}

// readRequest reads a request off a raw upstream's connection, body and all.
func readRequest(r *bufio.Reader) error {
	req, err := http.ReadRequest(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err
}

// client is one whose connections end with the test.
func newClient(t testing.TB) *http.Client {
	tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func chatBody(stream bool) string {
	return fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":"hello"}]}`, virtual, stream)
}

// post sends a chat request and returns the reply's status, header and body.
func (e *edge) post(t testing.TB, body io.Reader, header ...string) (int, http.Header, string) {
	t.Helper()
	return e.do(t, "POST", "/v1/chat/completions", body, header...)
}

func (e *edge) do(t testing.TB, method, path string, body io.Reader, header ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequest(method, e.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := newClient(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the reply: %v (after %q)", err, b)
	}
	return resp.StatusCode, resp.Header, string(b)
}

const chatReply = `{"id":"1","object":"chat.completion","model":"` + served + `","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`

func chatEvent(text string) string {
	return fmt.Sprintf("data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":%q,\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}]}\n\n", served, text)
}

const chatEnd = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"" + served + "\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"

// answers is an upstream that reads each request and answers it whole.
func answers(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	if bytes.Contains(b, []byte(`"stream":true`)) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, chatEvent("hi")+chatEnd)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, chatReply)
}

// wholeStream fails unless a stream's text ends by the grammar of Chat Completions, once.
func wholeStream(t testing.TB, text string) {
	t.Helper()
	if !strings.HasSuffix(text, "data: [DONE]\n\n") || strings.Count(text, "[DONE]") != 1 {
		t.Errorf("the stream does not end with one [DONE]: %q", tail(text))
	}
	for line := range strings.Lines(text) {
		data, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "data: ")
		if ok && data != "[DONE]" && !json.Valid([]byte(data)) {
			t.Errorf("an event is not JSON: %q", data)
		}
	}
}

func tail(s string) string { return s[max(0, len(s)-200):] }

// eventually waits for what must come true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(soon); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// lines decodes the log's lines that have this message.
func (e *edge) lines(t testing.TB, msg string) (out []map[string]any) {
	t.Helper()
	for line := range strings.Lines(e.log.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if m["msg"] == msg {
			out = append(out, m)
		}
	}
	return out
}

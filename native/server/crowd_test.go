package server

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// One request too many is told when to try again, in its dialect and before its body is read;
// what needs no model server is answered all the same.
func TestMoreExchangesThanMayBeUnderWayAreRefused(t *testing.T) {
	arrived, let := make(chan struct{}), make(chan struct{})
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-let
		answers(w, r)
	}), func(c *config.Config) { c.Limits.Exchanges = 1 })
	first := make(chan int)
	go func() {
		status, _, _ := e.post(t, strings.NewReader(chatBody(false)))
		first <- status
	}()
	<-arrived
	for path, want := range map[string]string{
		"/v1/chat/completions": `"code":503`, "/v1/messages": `"type":"overloaded_error"`, "/v1/responses": `"error":{`, "/elsewhere": `"code":503`,
	} {
		status, header, body := e.do(t, "POST", path, strings.NewReader("never looked at"))
		if status != 503 && status != 529 || header.Get("Retry-After") == "" || !strings.Contains(body, want) || !strings.Contains(body, "limits.exchanges") {
			t.Errorf("%s: %d %q %s", path, status, header.Get("Retry-After"), body)
		}
	}
	if status, _, _ := e.do(t, "GET", "/health", nil); status != 200 {
		t.Errorf("/health: %d", status)
	}
	close(let)
	if status := <-first; status != 200 {
		t.Errorf("the one under way: %d", status)
	}
	go func() { <-arrived }()
	if status, _, _ := e.post(t, strings.NewReader(chatBody(false))); status != 200 {
		t.Errorf("the next one: %d", status)
	}
}

// A client that finds no place waits for one, and gets it when another leaves.
func TestConnectionsHavePlaces(t *testing.T) {
	e := start(t, upstreamOf(t, answers), func(c *config.Config) { c.Limits.Connections = 2 })
	request := "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
	served := func(c net.Conn) {
		t.Helper()
		_, _ = io.WriteString(c, request)
		if _, err := io.ReadFull(c, make([]byte, len("HTTP/1.1 200"))); err != nil {
			t.Fatal(err)
		}
	}
	one, two := dial(t, e), dial(t, e)
	served(one)
	served(two)
	for range 5 {
		next := dial(t, e) // the machine's queue takes it
		_, _ = io.WriteString(next, request)
		_ = one.Close()
		served(next)
		one = next
	}
}

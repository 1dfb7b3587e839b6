package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

func TestClientGoneCancelsTheUpstream(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		headFirst  bool
		kind       string
	}{
		{"before the head", "/v1/chat/completions", false, ""},
		{"in a stream", "/v1/chat/completions", true, "text/event-stream"},
		{"in a whole reply", "/v1/chat/completions", true, "application/json"},
		{"in a reply passed on", "/elsewhere", true, "text/event-stream"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			arrived, cancelled := make(chan struct{}), make(chan struct{})
			e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if tt.headFirst {
					w.Header().Set("Content-Type", tt.kind)
					_, _ = io.WriteString(w, chatEvent("first"))
					w.(http.Flusher).Flush()
				}
				close(arrived)
				<-r.Context().Done()
				close(cancelled)
			}))
			ctx, leave := context.WithCancel(t.Context())
			req, _ := http.NewRequestWithContext(ctx, "POST", e.url+tt.path, strings.NewReader(chatBody(true)))
			go func() {
				<-arrived
				leave()
			}()
			if resp, err := newClient(t).Do(req); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			select {
			case <-cancelled:
			case <-time.After(soon):
				t.Fatal("the upstream was not told")
			}
			eventually(t, "the exchange is over", func() bool { return e.handler.InFlight() == 0 })
			if lines := e.lines(t, "exchange"); len(lines) != 1 || lines[0]["error_type"] != "client_gone" {
				t.Errorf("logged: %v", lines)
			}
		})
	}
}

// A client that stays but takes or gives nothing doesn't hold the upstream for ever.
func TestAStuckClientIsLetGo(t *testing.T) {
	t.Run("that stops reading", func(t *testing.T) {
		cancelled := make(chan struct{})
		e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/event-stream")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, chatEvent(strings.Repeat("x", 10_000))); err != nil {
					break
				}
				w.(http.Flusher).Flush()
			}
			close(cancelled)
		}), short)
		c := dial(t, e)
		_, _ = fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(chatBody(true)), chatBody(true))
		select {
		case <-cancelled:
		case <-time.After(soon):
			t.Fatal("the upstream still sends")
		}
		eventually(t, "the exchange is over", func() bool { return e.handler.InFlight() == 0 })
	})
	t.Run("that stops sending", func(t *testing.T) {
		e := start(t, upstreamOf(t, answers), short)
		for path, want := range map[string]string{
			"/v1/chat/completions": `{"error":{"message":"The request body did not come in time`,
			"/v1/messages":         `{"type":"error","error":{"type":"timeout_error","message":"The request body did not come in time`,
		} {
			c := dial(t, e)
			_, _ = io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 408 || !resp.Close || err != nil || !strings.HasPrefix(string(body), want) {
				t.Errorf("%s: status %d, close %t, %v: %s", path, resp.StatusCode, resp.Close, err, body)
			}
		}
	})
	t.Run("that is only slow", func(t *testing.T) {
		e := start(t, upstreamOf(t, answers), func(c *config.Config) { c.Timeouts.Idle = config.Duration(2 * time.Second) })
		c := dial(t, e)
		body := chatBody(false)
		_, _ = fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(body))
		for _, b := range []byte(body) {
			_, _ = c.Write([]byte{b})
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("status %d", resp.StatusCode)
		}
	})
}

func dial(t *testing.T, e *edge) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(soon))
	return c
}

package server

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
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
			if resp, err := client(t).Do(req); err == nil {
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

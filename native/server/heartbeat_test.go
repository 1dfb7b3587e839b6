package server

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// An upstream computes a long prompt behind its reply's head, and may stop to think
// later: a client must hear something all the while, in its stream's grammar.
func TestSilentStreamsBeat(t *testing.T) {
	for _, tt := range []struct{ path, body, first, later string }{
		{"/v1/messages", `{"model":"claude-x","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`, ": keep-alive", "event: ping"},
		{"/v1/responses", `{"model":"gpt-5","stream":true,"store":false,"input":"hi"}`, ": keep-alive", ": keep-alive"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			goOn := make(chan struct{})
			up := upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "text/event-stream")
				for _, text := range []string{"", chatEvent("word"), chatEnd} {
					_, _ = io.WriteString(w, text)
					w.(http.Flusher).Flush()
					if text == chatEnd {
						return
					}
					select {
					case <-goOn:
					case <-r.Context().Done():
						return
					}
				}
			})
			h, err := NewHandler(configured(up), true, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			h.beat = time.Millisecond
			s := httptest.NewServer(h)
			defer s.Close()
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, "POST", s.URL+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := newClient(t).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			lines := bufio.NewScanner(resp.Body)
			await := func(line string) {
				t.Helper()
				for lines.Scan() {
					if strings.Contains(lines.Text(), line) {
						return
					}
				}
				t.Fatalf("the stream ended before %q", line)
			}
			await(tt.first)
			goOn <- struct{}{}
			await("word")
			await(tt.later)
			goOn <- struct{}{}
			for lines.Scan() {
			}
			if err := lines.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

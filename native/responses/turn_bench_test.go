package responses

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// What state costs a request of 67 KB and a stream of 200 events: nothing behind it but
// reading the one and writing the other. bare is that alone.
func BenchmarkTurn(b *testing.B) {
	var items strings.Builder
	for items.Len() < 65_000 {
		items.WriteString(`{"type":"function_call","call_id":"c","name":"read","arguments":"{\"path\":\"a/b.go\"}"},{"type":"function_call_output","call_id":"c","output":"` + strings.Repeat(`func f() { return \"x\" }\n`, 40) + `"},`)
	}
	body := func(members string) []byte {
		return []byte(`{"model":"m","stream":true` + members + `,"input":[` + items.String() + `{"role":"user","content":"go on"}]}`)
	}
	event := []byte("event: response.output_text.delta\ndata: " + `{"type":"response.output_text.delta","sequence_number":100,"item_id":"msg_abcdefghijklmnopqrst0001","output_index":0,"content_index":0,"delta":" word","logprobs":[]}` + "\n\n")
	object := `{"id":"%s","object":"response","store":%t,"status":"completed","output":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"` + strings.Repeat(" word", 200) + `"}]}]}`
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stores := r.Header.Get("Store") != "false"
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		for range 200 {
			_, _ = w.Write(event)
		}
		fmt.Fprintf(w, "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":200,\"response\":"+object+"}\n\n", newID("resp_"), stores)
	})
	c := config.Default()
	c.Upstreams = []config.Upstream{{Model: "m"}}
	s, err := store.Open(store.Options{MaxSize: 256 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	log := slog.New(slog.DiscardHandler)
	h := New(next, context.Background(), s, c, log, server.NewObserver(log))
	defer h.Close()
	for _, tt := range []struct {
		name    string
		handler http.Handler
		body    []byte
	}{{"bare", next, body("")}, {"store=false", h, body(`,"store":false`)}, {"store=true", h, body("")}} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", "/v1/responses", bytes.NewReader(tt.body))
				r.Header.Set("Store", strings.TrimPrefix(tt.name, "store="))
				tt.handler.ServeHTTP(silent{http.Header{}}, r)
			}
		})
	}
}

// silent is a client that takes everything.
type silent struct{ header http.Header }

func (s silent) Header() http.Header         { return s.header }
func (s silent) Write(p []byte) (int, error) { return len(p), nil }
func (s silent) WriteHeader(int)             {}
func (s silent) Flush()                      {}

package responses

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/keeper"
	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// What a create request of 67 KB with a stream of 200 events costs, with state and without:
// time and allocations are those of the gateway and an upstream that answers at once.
func BenchmarkCreate(b *testing.B) {
	var items strings.Builder
	for items.Len() < 65_000 {
		items.WriteString(`{"type":"function_call","call_id":"c","name":"read","arguments":"{\"path\":\"a/b.go\"}"},` +
			`{"type":"function_call_output","call_id":"c","output":"` + strings.Repeat(`func f() { return \"x\" }\n`, 40) + `"},`)
	}
	stream := []byte(strings.Repeat(`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}`+"\n\n", 200) +
		`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n")
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write(stream)
	}))
	defer up.Close()
	c := config.Default()
	c.Upstreams = []config.Upstream{{Name: "model", URL: up.URL, Model: "m", MaxModelLen: 1 << 20}}
	s, err := store.Open(store.Options{MaxSize: 256 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	log := slog.New(slog.DiscardHandler)
	next, err := server.NewHandler(c, true, log)
	if err != nil {
		b.Fatal(err)
	}
	h, end := benched(next, s, c, log)
	defer end()
	for _, tt := range []struct {
		name    string
		handler http.Handler
		members string
	}{{"bare", next, ""}, {"store=false", h, `,"store":false`}, {"store=true", h, ""}} {
		body := []byte(`{"model":"` + instruct + `","stream":true` + tt.members + `,"input":[` + items.String() + `{"role":"user","content":"go on"}]}`)
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", "http://localhost/v1/responses", bytes.NewReader(body))
				tt.handler.ServeHTTP(silent{http.Header{}}, r)
			}
		})
	}
}

func benched(next *server.Handler, s store.Store, c *config.Config, log *slog.Logger) (h http.Handler, end func()) {
	base := next.BaseContext(nil)
	a := keeper.New(base, s, c, next.Memory(), log, keeper.RealClock)
	return New(next, base, a, s, log), func() { next.End(); a.Close() }
}

// silent is a client that takes everything.
type silent struct{ header http.Header }

func (s silent) Header() http.Header         { return s.header }
func (s silent) Write(p []byte) (int, error) { return len(p), nil }
func (s silent) WriteHeader(int)             {}
func (s silent) Flush()                      {}

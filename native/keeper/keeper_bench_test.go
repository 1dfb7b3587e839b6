package keeper

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// What state costs a request of 67 KB and a stream of 200 events: what is asked of a turn,
// and what it is told.
func BenchmarkTurn(b *testing.B) {
	var items strings.Builder
	for items.Len() < 65_000 {
		items.WriteString(`{"type":"function_call","call_id":"c","name":"read","arguments":"{\"path\":\"a/b.go\"}"},` +
			`{"type":"function_call_output","call_id":"c","output":"` + strings.Repeat(`func f() { return \"x\" }\n`, 40) + `"},`)
	}
	body := []byte(`{"model":"m","stream":true,"input":[` + items.String() + `{"role":"user","content":"go on"}]}`)
	s, err := store.Open(store.Options{MaxSize: 256 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	a := New(context.Background(), s, config.Default(), nil, slog.New(slog.DiscardHandler), RealClock)
	defer a.Close()
	for _, wish := range []hub.Wish{hub.No, hub.Unsaid} {
		b.Run(map[hub.Wish]string{hub.No: "store=false", hub.Unsaid: "store=true"}[wish], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				t := a.NewKeeper(access.Credential{})
				leave := t.Give(b.Context(), &hub.Need{Kind: hub.NeedLeave, Body: body, Store: wish, Streamed: true})
				if leave.Told != nil {
					b.Fatal("events of a request of HTTP are told to nobody")
				}
				keep := finished()
				keep.Response.Stored = wish != hub.No
				t.Give(b.Context(), &keep)
				t.Over(server.Outcome{Status: 200, Streamed: true})
			}
		})
	}
}

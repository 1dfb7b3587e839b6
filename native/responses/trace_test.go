package responses

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A trace is the calls that cross the borders between rooms, in order.
type trace struct {
	mu    sync.Mutex
	calls []string
}

func (t *trace) note(call string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, call)
}

func (t *trace) take() (calls []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls, t.calls = t.calls, nil
	return calls
}

func (t *trace) has(call string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Contains(t.calls, call)
}

// tracedServer is the border from responses to server, and hands the next one in.
type tracedServer struct {
	exchanges
	*trace
}

func (s tracedServer) Serve(w http.ResponseWriter, r *http.Request, k server.Keeper) {
	s.note("server.Serve")
	s.exchanges.Serve(w, r, tracedKeeper{k, s.trace})
}

func (s tracedServer) Run(ctx context.Context, m *server.Message) {
	s.note("server.Run")
	m.Keeper = tracedKeeper{m.Keeper, s.trace}
	s.exchanges.Run(ctx, m)
}

// tracedKeeper is the border from server to keeper.
type tracedKeeper struct {
	server.Keeper
	*trace
}

func (k tracedKeeper) Give(ctx context.Context, n *hub.Need) hub.Given {
	k.note("keeper." + map[hub.NeedKind]string{hub.NeedLeave: "leave", hub.NeedContext: "context", hub.NeedItem: "item",
		hub.NeedStart: "start", hub.NeedKeep: "keep"}[n.Kind])
	return k.Keeper.Give(ctx, n)
}

func (k tracedKeeper) Over(o server.Outcome) {
	k.Keeper.Over(o)
	k.note("keeper.over")
}

// tracedStore is the border from keeper to store.
type tracedStore struct {
	store.Store
	*trace
}

func (s tracedStore) Put(ctx context.Context, tenant string, r *store.Response) error {
	s.note("store.Put")
	return s.Store.Put(ctx, tenant, r)
}

func (s tracedStore) Get(ctx context.Context, tenant, id string) (store.Head, []byte, error) {
	s.note("store.Get")
	return s.Store.Get(ctx, tenant, id)
}

func (s tracedStore) Chain(ctx context.Context, tenant, id string, maxBytes int) ([]store.Entry, error) {
	s.note("store.Chain")
	return s.Store.Chain(ctx, tenant, id, maxBytes)
}

func (s tracedStore) Start(ctx context.Context, tenant string, r *store.Response, l store.Lease) error {
	s.note("store.Start")
	return s.Store.Start(ctx, tenant, r, l)
}

func (s tracedStore) Update(ctx context.Context, tenant, id, owner string, status store.Status, object []byte) error {
	s.note("store.Update")
	return s.Store.Update(ctx, tenant, id, owner, status, object)
}

func (s tracedStore) Append(ctx context.Context, tenant, id, owner string, first uint64, events [][]byte) error {
	s.note("store.Append")
	return s.Store.Append(ctx, tenant, id, owner, first, events)
}

func (s tracedStore) Finish(ctx context.Context, tenant, owner string, r *store.Response, first uint64, events [][]byte) error {
	err := s.Store.Finish(ctx, tenant, owner, r, first, events)
	s.note("store.Finish")
	return err
}

func (s tracedStore) ConversationContext(ctx context.Context, tenant, id string, maxBytes int) ([]store.Item, uint64, error) {
	s.note("store.ConversationContext")
	return s.Store.ConversationContext(ctx, tenant, id, maxBytes)
}

func (s tracedStore) LockConversation(ctx context.Context, tenant, id string, l store.Lease) error {
	s.note("store.LockConversation")
	return s.Store.LockConversation(ctx, tenant, id, l)
}

func (s tracedStore) UnlockConversation(ctx context.Context, tenant, id, owner string) error {
	s.note("store.UnlockConversation")
	return s.Store.UnlockConversation(ctx, tenant, id, owner)
}

func TestACreateEntersEachRoomOnce(t *testing.T) {
	tr := &trace{}
	e := start(t, setup{trace: tr, clock: func(c *clocks) { c.Sweep, c.Lease = time.Hour, time.Hour }})
	first, object := e.create(create("one"))
	item := object["output"].([]any)[0].(map[string]any)["id"].(string)
	eventually(t, "the first one's end", func() bool { return tr.has("keeper.over") })
	conversation := e.conversation(`{}`)
	c := e.dial()
	tr.take()
	post := func(body string) func() {
		return func() {
			t.Helper()
			if r := e.do("POST", "/v1/responses", body); r.status != 200 {
				t.Error(r.text)
			}
		}
	}
	for _, tt := range []struct {
		name string
		ask  func()
		want string
	}{
		{"stored", post(create("two")), "server.Serve keeper.leave keeper.keep store.Put keeper.over"},
		{"streamed", post(create("two", `"stream":true`)), "server.Serve keeper.leave keeper.keep store.Put keeper.over"},
		{"not stored", post(create("two", `"store":false`)), "server.Serve keeper.leave keeper.keep keeper.over"},
		{"going on", post(create("two", `"previous_response_id":"`+first+`"`)),
			"server.Serve keeper.leave keeper.context store.Chain keeper.keep store.Put keeper.over"},
		{"with a reference", post(`{"model":"` + instruct + `","input":[{"type":"item_reference","id":"` + item + `"},{"role":"user","content":"two"}]}`),
			"server.Serve keeper.leave keeper.item store.Get keeper.keep store.Put keeper.over"},
		{"in a conversation", post(create("two", `"conversation":"`+conversation+`"`)),
			"server.Serve keeper.leave keeper.context store.LockConversation store.ConversationContext keeper.keep store.Put store.UnlockConversation keeper.over"},
		{"on a socket", func() { c.send(message("two")); c.turn() }, "server.Run keeper.leave keeper.keep store.Put keeper.over"},
		{"a question", func() { e.do("POST", "/v1/responses/compact", create("two", `"previous_response_id":"`+first+`"`)) },
			"server.Serve keeper.context store.Chain keeper.over"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.ask()
			eventually(t, "its end", func() bool { return tr.has("keeper.over") })
			if got := strings.Join(tr.take(), " "); got != tt.want {
				t.Errorf("it went through\n%s, wanted\n%s", got, tt.want)
			}
		})
	}
	for _, members := range []string{`"background":true`, `"background":true,"stream":true`} {
		t.Run(members, func(t *testing.T) {
			post(create("two", members))()
			eventually(t, "its end", func() bool { return tr.has("keeper.over") && tr.has("store.Finish") })
			calls, counts := tr.take(), map[string]int{}
			for _, c := range calls {
				counts[c]++
			}
			// What runs beside the exchange gathers what it has to store.
			if counts["store.Update"] > 1 || counts["store.Append"] > 20 || counts["store.Append"] > 0 && !strings.Contains(members, "stream") {
				t.Error(calls)
			}
			delete(counts, "store.Update")
			delete(counts, "store.Append")
			want := map[string]int{"server.Serve": 1, "keeper.leave": 1, "keeper.start": 1, "store.Start": 1, "keeper.keep": 1, "keeper.over": 1, "store.Finish": 1}
			if fmt.Sprint(counts) != fmt.Sprint(want) {
				t.Errorf("it went through %v", calls)
			}
			if start := []string{"server.Serve", "keeper.leave", "keeper.start", "store.Start"}; !slices.Equal(calls[:4], start) {
				t.Errorf("it began by %v", calls[:4])
			}
		})
	}
}

package server

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A note is a Keeper that keeps nothing but what it is asked and told.
type note struct {
	mu     sync.Mutex
	needs  []hub.NeedKind
	events []string
	gone   bool            // the context of NeedKeep has ended
	ctx    context.Context // to go on under without the client, nil for with it
	over   chan Outcome
}

func newNote() *note { return &note{over: make(chan Outcome, 1)} }

func (n *note) Credential() access.Credential { return access.Credential{Authorization: "Bearer key"} }

func (n *note) Give(ctx context.Context, need *hub.Need) (g hub.Given) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.needs = append(n.needs, need.Kind)
	n.gone = ctx.Err() != nil
	return hub.Given{Stores: true, Stored: true, Told: n.tell}
}

func (n *note) tell(name, data []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, string(name))
}

func (n *note) Detached() context.Context { return n.ctx }

func (n *note) Over(o Outcome) { n.over <- o }

func (n *note) last() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.events) == 0 {
		return ""
	}
	return n.events[len(n.events)-1]
}

// begun: the first word was told.
func (n *note) begun() bool { return n.last() == "response.output_text.delta" }

func createBody(members string) []byte {
	return []byte(`{"model":"` + virtual + `","input":"hello"` + members + `}`)
}

// run runs a message to its end.
func (e *edge) run(ctx context.Context, members string, n *note) Outcome {
	e.handler.Run(ctx, &Message{
		Path: "/v1/responses", Header: http.Header{"X-Request-Id": {"from-a-socket"}, "Authorization": {"Bearer key"}},
		Host: "here", Remote: "1.2.3.4:5", Body: createBody(members), Keeper: n,
	})
	return <-n.over
}

func TestAMessageIsServedLikeARequest(t *testing.T) {
	e := start(t, upstreamOf(t, answers))
	n := newNote()
	if o := e.run(t.Context(), `,"stream":true`, n); o.Status != 200 || !o.Streamed || o.Problem != nil {
		t.Errorf("%+v", o)
	}
	if n.events[0] != "response.created" || n.last() != "response.completed" || len(n.needs) != 2 || n.needs[0] != hub.NeedLeave || n.needs[1] != hub.NeedKeep {
		t.Error(n.events, n.needs)
	}
	lines := e.lines(t, "exchange")
	if len(lines) != 1 {
		t.Fatal(lines)
	}
	for key, want := range map[string]any{"request_id": "from-a-socket", "client": "1.2.3.4", "method": "POST", "route": "responses",
		"uri": "/v1/responses", "code": 200.0, "stream": true, "bytes_in": float64(len(createBody(`,"stream":true`)))} {
		if lines[0][key] != want {
			t.Errorf("%s is %v, not %v", key, lines[0][key], want)
		}
	}
	if n := e.handler.InFlight(); n != 0 {
		t.Error(n)
	}
}

func TestAMessageThatFailsSaysHow(t *testing.T) {
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"error":{"message":"busy","type":"x","param":null,"code":503}}`)
	}))
	if o := e.run(t.Context(), `,"stream":true`, newNote()); o.Status != 503 || o.Streamed || o.Problem == nil || o.Problem.Message != "busy" || o.RetryAfter != "7" {
		t.Errorf("%+v", o)
	}
	if o := e.run(t.Context(), `,"n":2`, newNote()); o.Status != 400 || o.Problem == nil || o.Problem.Param != "n" || o.RetryAfter != "" {
		t.Errorf("%+v", o)
	}
}

// waiting is an upstream that says a word and waits until nobody waits for it.
func waiting(arrived, cancelled chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, chatEvent("first"))
		w.(http.Flusher).Flush()
		close(arrived)
		<-r.Context().Done()
		close(cancelled)
	}
}

func TestAMessageEndsWithItsContext(t *testing.T) {
	arrived, cancelled := make(chan struct{}), make(chan struct{})
	e := start(t, upstreamOf(t, waiting(arrived, cancelled)))
	ctx, leave := context.WithCancel(t.Context())
	n := newNote()
	go func() {
		<-arrived
		eventually(t, "the first word", n.begun)
		leave()
	}()
	e.run(ctx, `,"stream":true`, n)
	<-cancelled
	if n.last() != "response.failed" || !n.gone {
		t.Error(n.events, n.gone)
	}
}

// A background response goes on when the request that asked for it has been answered.
func TestAnExchangeGoesOnWithoutItsClient(t *testing.T) {
	arrived, cancelled := make(chan struct{}), make(chan struct{})
	e := start(t, upstreamOf(t, waiting(arrived, cancelled)))
	n := newNote()
	ctx, abort := context.WithCancel(context.Background())
	n.ctx = ctx
	front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.handler.Serve(w, r, n)
		w.Header().Set("X-Answered", "elsewhere")
		_, _ = io.WriteString(w, "queued")
	})
	srv := HTTP(e.handler, front, e.config, e.handler.log)
	ln := listen(t)
	go func() { _ = srv.Serve(ln) }()
	defer srv.Close()
	resp, err := newClient(t).Post("http://"+ln.Addr().String()+"/v1/responses", "application/json", strings.NewReader(string(createBody(`,"background":true`))))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 || string(text) != "queued" || resp.Header.Get("X-Answered") == "" {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	<-arrived
	if lines := e.lines(t, "exchange"); len(lines) != 0 || e.handler.InFlight() != 1 {
		t.Error(lines, e.handler.InFlight())
	}
	eventually(t, "the first word", n.begun)
	abort()
	<-cancelled
	if o := <-n.over; o.Status != 200 || !o.Streamed || n.last() != "response.failed" {
		t.Errorf("%+v %v", o, n.events)
	}
	eventually(t, "its line in the log", func() bool { return len(e.lines(t, "exchange")) == 1 && e.handler.InFlight() == 0 })
}

// A panic has no client's connection to cut.
func TestAMessageSurvivesAPanic(t *testing.T) {
	e := start(t, upstreamOf(t, answers))
	n := &failing{note: newNote()}
	e.handler.Run(t.Context(), &Message{Path: "/v1/responses", Header: http.Header{}, Body: createBody(``), Keeper: n})
	if o := <-n.over; o.Status != 500 || o.Problem == nil || o.Problem.Reason != "panic" {
		t.Errorf("%+v", o)
	}
}

type failing struct{ *note }

func (failing) Give(context.Context, *hub.Need) hub.Given { panic("a fault") }

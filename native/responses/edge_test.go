package responses

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/native/keeper"
	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// soon bounds the wait for what must happen; nothing is said about how fast it does.
const soon = 20 * time.Second

// A model stands in for the server that answers Chat Completions. The last message says
// what it does: "refuse N" answers with status N, "fail" ends a stream by an error,
// "cut short" at the token limit, "wait" says a word and waits until it is let go, "linger"
// does so when it has said all, and at "panic" the gateway panics after a word. Any other
// text is answered with how many messages came before it.
type model struct {
	n    atomic.Int64
	next chan struct{} // lets one "wait" go on

	mu      sync.Mutex
	bodies  []map[string]any
	ended   int // "wait" turns that ended since nobody waits for them
	running int
}

func newModel() *model { return &model{next: make(chan struct{})} }

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	var body map[string]any
	if err != nil || json.Unmarshal(b, &body) != nil {
		http.Error(w, "not JSON", 400)
		return
	}
	m.mu.Lock()
	m.bodies = append(m.bodies, body)
	m.running++
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.running--
		m.mu.Unlock()
	}()
	m.n.Add(1)
	messages, _ := body["messages"].([]any)
	last, _ := messages[len(messages)-1].(map[string]any)
	said, _ := last["content"].(string)
	answer := fmt.Sprintf("%d before: %s", len(messages)-1, said)
	var status int
	if _, err := fmt.Sscanf(said, "refuse %d", &status); err == nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"error":{"message":"refused","type":"invalid_request_error","param":null,"code":`+fmt.Sprint(status)+`}}`)
		return
	}
	if body["stream"] != true {
		w.Header().Set("Content-Type", "application/json")
		choice := map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": answer}}
		_ = json.NewEncoder(w).Encode(map[string]any{"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []any{choice}})
		return
	}
	m.stream(w, r, said, answer)
}

func (m *model) stream(w http.ResponseWriter, r *http.Request, said, answer string) {
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(data string) {
		_, _ = io.WriteString(w, "data: "+data+"\n\n")
		w.(http.Flusher).Flush()
	}
	chunk := func(delta map[string]any, finish any) {
		b, _ := json.Marshal(map[string]any{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
			"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}})
		event(string(b))
	}
	say := func(text string) { chunk(map[string]any{"content": text}, nil) }
	end := func(finish string) {
		chunk(map[string]any{}, finish)
		event("[DONE]")
	}
	chunk(map[string]any{"role": "assistant", "content": ""}, nil)
	switch said {
	case "fail":
		say(answer)
		event(`{"error":{"message":"it failed","type":"server_error","code":500}}`)
		event("[DONE]")
	case "linger":
		say(answer)
		end("stop")
		select {
		case <-m.next:
		case <-r.Context().Done():
			<-m.next
		}
	case "cut short":
		say(answer)
		end("length")
	case "panic":
		say("a word")
		say(ofPanic)
		<-r.Context().Done()
	case "wait":
		say("a word")
		select {
		case <-m.next:
			say(": " + answer)
			end("stop")
		case <-r.Context().Done():
			m.mu.Lock()
			m.ended++
			m.mu.Unlock()
		}
	default:
		_, _ = io.WriteString(w, ": a comment\n\n")
		say(answer)
		end("stop")
	}
}

func (m *model) counts() (running, ended int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running, m.ended
}

// ofPanic is what the gateway panics of, by its log.
const ofPanic = "a fault of the gateway"

// A clocks is all waits that tests shorten.
type clocks struct {
	clock
	keeper.Clock
}

// quick waits for nothing longer than a test does.
var quick = clocks{
	clock: clock{now: time.Now, ping: 20 * time.Millisecond, age: time.Hour, cancelled: soon, keepAlive: 50 * time.Millisecond, room: soon},
	Clock: keeper.Clock{Lease: 2 * time.Second, Sweep: 20 * time.Millisecond, Probe: 10 * time.Millisecond, Busy: 50 * time.Millisecond},
}

// An edge is a gateway that keeps state, in front of a model.
type edge struct {
	t       *testing.T
	h       *Handler
	archive *keeper.Archive
	model   *model
	url     string
	store   store.Store
	end     func()
	reload  func(*config.Config) error
}

type setup struct {
	store  store.Store
	config func(*config.Config)
	clock  func(*clocks)
	// upstream is a model unless given.
	upstream http.Handler
	// trace notes calls from room to room.
	trace *trace
}

func start(t *testing.T, s setup) *edge {
	t.Helper()
	e := &edge{t: t, model: newModel(), store: s.store}
	if s.upstream == nil {
		s.upstream = e.model
	}
	up := httptest.NewServer(s.upstream)
	t.Cleanup(up.Close)
	c := config.Default()
	c.Upstreams = []config.Upstream{{Name: "model", URL: up.URL, Model: "m", MaxModelLen: 1 << 20}}
	if s.config != nil {
		s.config(c)
	}
	if e.store == nil {
		var err error
		if e.store, err = store.Open(store.Options{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.store.Close() })
	}
	clock := quick
	if s.clock != nil {
		s.clock(&clock)
	}
	log := slog.New(testLog{t})
	next, err := server.NewHandler(c, true, log)
	if err != nil {
		t.Fatal(err)
	}
	base := next.BaseContext(nil)
	e.end, e.reload = next.End, next.Reload
	var behind exchanges = next
	if s.trace != nil {
		behind, e.store = tracedServer{next, s.trace}, tracedStore{e.store, s.trace}
	}
	e.archive = keeper.New(base, e.store, c, next.Memory(), log, clock.Clock)
	e.h = newHandler(behind, base, e.archive, e.store, log, next.Observer(), clock.clock)
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = server.HTTP(next, e.h, c, log)
	srv.Start()
	e.url = srv.URL
	t.Cleanup(func() {
		next.End()
		e.h.Drain()
		e.archive.Close()
		srv.Close()
		eventually(t, "the end of all that runs", func() bool { return e.h.InFlight() == 0 && next.InFlight() == 0 })
		eventually(t, "the end of all memory that exchanges hold", func() bool { return next.Memory().Held() == 0 })
	})
	return e
}

// testLog is a log in the test's, and panics of what it is to.
type testLog struct{ t *testing.T }

func (l testLog) Enabled(context.Context, slog.Level) bool { return true }
func (l testLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l testLog) WithGroup(string) slog.Handler            { return l }

func (l testLog) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo {
		var b strings.Builder
		_ = slog.NewTextHandler(&b, nil).Handle(ctx, r)
		l.t.Log(strings.TrimSuffix(b.String(), "\n"))
		return nil
	}
	r.Attrs(func(a slog.Attr) bool {
		if r.Message == "event from the upstream" && strings.Contains(a.Value.String(), ofPanic) {
			panic(ofPanic)
		}
		return true
	})
	return nil
}

// A reply is what came back.
type reply struct {
	status int
	header http.Header
	text   string
	object map[string]any
}

func (e *edge) do(method, path, body string, header ...string) reply {
	e.t.Helper()
	r, err := e.try(method, path, body, header...)
	if err != nil {
		e.t.Fatal(err)
	}
	return r
}

func (e *edge) try(method, path, body string, header ...string) (reply, error) {
	req, err := http.NewRequest(method, e.url+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	out := reply{status: resp.StatusCode, header: resp.Header, text: string(b)}
	_ = json.Unmarshal(b, &out.object)
	return out, err
}

// create posts a create request and returns the response's id.
func (e *edge) create(body string) (id string, object map[string]any) {
	e.t.Helper()
	r := e.do("POST", "/v1/responses", body)
	if r.status != 200 {
		e.t.Fatalf("status %d: %s", r.status, r.text)
	}
	id, _ = r.object["id"].(string)
	if id == "" {
		e.t.Fatalf("no id in %s", r.text)
	}
	return id, r.object
}

// wants checks a reply's status, and for an error its param, code and words of the message.
func (r reply) wants(t *testing.T, status int, param, code any, words ...string) {
	t.Helper()
	failure, _ := r.object["error"].(map[string]any)
	if r.status != status || failure == nil || failure["param"] != param || failure["code"] != code {
		t.Fatalf("status %d, %s; want %d, param %v, code %v", r.status, r.text, status, param, code)
	}
	for _, w := range words {
		if m, _ := failure["message"].(string); !strings.Contains(m, w) {
			t.Errorf("%q is missing in the message %q", w, m)
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(soon); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func textOf(item any) string {
	m, _ := item.(map[string]any)
	parts, _ := m["content"].([]any)
	if len(parts) == 0 {
		return ""
	}
	part, _ := parts[0].(map[string]any)
	s, _ := part["text"].(string)
	return s
}

func answerOf(object map[string]any) string {
	output, _ := object["output"].([]any)
	if len(output) == 0 {
		return ""
	}
	return textOf(output[len(output)-1])
}

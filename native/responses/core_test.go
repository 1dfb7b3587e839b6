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

	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// soon bounds the wait for what must happen; nothing is said about how fast it does.
const soon = 20 * time.Second

// A core stands in for the handler that translates. The last text of the input says
// what it does: "refuse N" answers with status N, "fail" ends in response.failed, "cut
// short" in response.incomplete, "wait" says a word and waits until it is let go, "linger"
// does so when it has said all, "panic" panics after a word. Any other text is answered with how many items came before it.
type core struct {
	n    atomic.Int64
	next chan struct{} // lets one "wait" go on

	mu      sync.Mutex
	bodies  []map[string]any
	context []string // what the memory gave, per request
	ended   int      // "wait" turns that ended since their client left
	running int
}

func newCore() *core { return &core{next: make(chan struct{})} }

func (c *core) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	var body map[string]any
	refuse := func(status int, typ, code, message, param string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"type": typ, "code": orNull(code), "message": message, "param": orNull(param)}})
	}
	if err != nil || json.Unmarshal(b, &body) != nil {
		refuse(400, "invalid_request_error", "", "not JSON", "")
		return
	}
	m := server.MemoryOf(r.Context())
	wish := hub.Unsaid
	if store, ok := body["store"].(bool); ok {
		wish = map[bool]hub.Wish{true: hub.Yes, false: hub.No}[store]
	}
	leave := m.Give(&hub.Need{Kind: hub.NeedLeave, Store: wish, Background: body["background"] == true})
	if p := leave.Problem; p != nil {
		refuse(p.Status, p.Type, p.Code, p.Message, p.Param)
		return
	}
	before := "[]"
	previous, _ := body["previous_response_id"].(string)
	conversation, _ := body["conversation"].(string)
	if previous != "" || conversation != "" {
		g := m.Give(&hub.Need{Kind: hub.NeedContext, Previous: previous, Conversation: conversation})
		if p := g.Problem; p != nil {
			refuse(p.Status, p.Type, p.Code, p.Message, p.Param)
			return
		}
		before = "[" + string(g.Items) + "]"
	}
	c.mu.Lock()
	c.bodies = append(c.bodies, body)
	c.context = append(c.context, before)
	c.running++
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.running--
		c.mu.Unlock()
	}()
	var items []any
	if err := json.Unmarshal([]byte(before), &items); err != nil {
		refuse(500, "server_error", "", "the memory's items are no JSON", "")
		return
	}
	said := lastText(body["input"])
	n := c.n.Add(1)
	object := map[string]any{
		"id": fmt.Sprintf("resp_%020d0000", n), "object": "response", "created_at": 1, "status": "in_progress", "error": nil, "incomplete_details": nil,
		"model": body["model"], "output": []any{}, "usage": nil, "previous_response_id": orNull(previous),
		"store": leave.Stores && body["store"] != false, "background": body["background"] == true,
	}
	answer := fmt.Sprintf("%d before: %s", len(items), said)
	var status int
	if _, err := fmt.Sscanf(said, "refuse %d", &status); err == nil {
		refuse(status, "invalid_request_error", "", "refused", "")
		return
	}
	item := func(status, text string) map[string]any {
		return map[string]any{"type": "message", "id": fmt.Sprintf("msg_%020d0001", n), "status": status, "role": "assistant",
			"content": []any{map[string]any{"type": "output_text", "text": text, "annotations": []any{}, "logprobs": []any{}}}}
	}
	if body["stream"] != true {
		object["status"], object["output"] = "completed", []any{item("completed", answer)}
		b, _ := json.Marshal(object)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		_, _ = w.Write(b)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	sequence := 0
	send := func(kind string, members map[string]any) {
		members["type"], members["sequence_number"] = kind, sequence
		sequence++
		b, _ := json.Marshal(members)
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind, b)
		w.(http.Flusher).Flush()
	}
	end := func(kind, status, text string) {
		object["status"], object["output"] = status, []any{item("completed", text)}
		if status == "failed" {
			object["error"] = map[string]any{"code": "server_error", "message": "it failed"}
		}
		send("response.output_item.done", map[string]any{"output_index": 0, "item": item("completed", text)})
		send(kind, map[string]any{"response": object})
	}
	if object["background"] == true {
		object["status"] = "queued"
	}
	send("response.created", map[string]any{"response": object})
	object["status"] = "in_progress"
	send("response.in_progress", map[string]any{"response": object})
	if body["generate"] == false {
		object["status"] = "completed"
		send("response.completed", map[string]any{"response": object})
		return
	}
	send("response.output_item.added", map[string]any{"output_index": 0, "item": item("in_progress", "")})
	send("response.output_text.delta", map[string]any{"output_index": 0, "delta": "a word"})
	switch said {
	case "fail":
		end("response.failed", "failed", answer)
	case "linger":
		end("response.completed", "completed", answer)
		<-c.next
	case "cut short":
		end("response.incomplete", "incomplete", answer)
	case "panic":
		panic("a fault of the core")
	case "wait":
		select {
		case <-c.next:
			end("response.completed", "completed", answer)
		case <-r.Context().Done():
			c.mu.Lock()
			c.ended++
			c.mu.Unlock()
			end("response.failed", "failed", "a word")
		}
	default:
		fmt.Fprint(w, ": a heartbeat\n\n")
		end("response.completed", "completed", answer)
	}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func lastText(input any) string {
	switch v := input.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			if m, ok := v[len(v)-1].(map[string]any); ok {
				s, _ := m["content"].(string)
				return s
			}
		}
	}
	return ""
}

func (c *core) counts() (running, ended int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running, c.ended
}

// quick waits for nothing longer than a test does.
var quick = clock{now: time.Now, lease: 2 * time.Second, sweep: 20 * time.Millisecond, probe: 10 * time.Millisecond,
	busy: 50 * time.Millisecond, ping: 20 * time.Millisecond, age: time.Hour, cancelled: soon, keepAlive: 50 * time.Millisecond}

// An edge is a Handler that serves, in front of a core.
type edge struct {
	t     *testing.T
	h     *Handler
	core  *core
	url   string
	store store.Store
	end   context.CancelFunc
}

type setup struct {
	store  store.Store
	config func(*config.Config)
	clock  func(*clock)
	core   http.Handler
}

func start(t *testing.T, s setup) *edge {
	t.Helper()
	c := config.Default()
	c.Upstreams = []config.Upstream{{Model: "m"}}
	if s.config != nil {
		s.config(c)
	}
	e := &edge{t: t, core: newCore(), store: s.store}
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
	next := s.core
	if next == nil {
		next = e.core
	}
	base, end := context.WithCancel(context.Background())
	e.end = end
	log := slog.New(slog.NewTextHandler(testLog{t}, nil))
	e.h = newHandler(next, base, e.store, c, log, server.NewObserver(log), clock)
	srv := httptest.NewServer(e.h)
	e.url = srv.URL
	t.Cleanup(func() {
		end()
		e.h.Close()
		srv.Close()
		eventually(t, "the end of all that runs", func() bool { return e.h.InFlight() == 0 })
	})
	return e
}

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
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

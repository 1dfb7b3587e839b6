package gateway

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A worker is an edge with one thread, as Envoy's are: it runs one task after another and
// never waits in one. What an exchange needs comes as a task of its own, behind others.
type worker struct {
	tasks  []func()
	random *rand.Rand
	// ran counts the tasks, away those that ran while an exchange needed something.
	ran, away int
}

func (w *worker) later(task func()) { w.tasks = append(w.tasks, task) }

func (w *worker) run() {
	for len(w.tasks) > 0 {
		i := w.random.IntN(len(w.tasks))
		task := w.tasks[i]
		w.tasks = slices.Delete(w.tasks, i, i+1)
		task()
		w.ran++
	}
}

// A passage is one exchange on a worker.
type passage struct {
	*worker
	x      *Exchange
	c      *passageCase
	needs  []hub.NeedKind
	events []string // that were told
	kept   *hub.Need
	up     string
	down   strings.Builder
	status int
}

type passageCase struct {
	name, path, body string
	reply            []string // pieces: of a stream, or one whole reply
	fault            hub.Fault
	give             map[hub.NeedKind]hub.Given
	needs            []hub.NeedKind
	// down is what the client gets at least, status that of an answer of our own.
	down   string
	status int
}

func (c *passageCase) stream() bool { return len(c.reply) != 1 }

// start opens the exchange and gives it its body.
func (p *passage) start(g *Gateway) {
	n := uint64(0)
	p.x = open(g, Env{
		Now: 1, LearnsWindow: true, Keeps: true,
		Random: func() uint64 { n++; return n * 0x9E3779B97F4A7C15 },
	}, "POST", p.c.path)
	out, a := p.x.Request(nil, []byte(p.c.body))
	p.goOn(out, a, func(out []byte, a *hub.Answer) {
		p.up = string(out)
		if a != nil {
			p.status = a.Status
			p.down.Write(a.Body)
			return
		}
		p.later(p.head)
	})
}

// goOn has then run when the exchange needs nothing more. It returns at once.
func (p *passage) goOn(out []byte, a *hub.Answer, then func(out []byte, a *hub.Answer)) {
	n := p.x.Need()
	if n == nil {
		then(out, a)
		return
	}
	p.needs = append(p.needs, n.Kind)
	asked := p.ran
	if n.Kind == hub.NeedKeep || n.Kind == hub.NeedStart {
		kept := *n
		kept.Object = slices.Clone(n.Object)
		p.kept = &kept
	}
	p.later(func() {
		p.away += p.ran - asked
		given := p.c.give[p.x.Need().Kind]
		if p.x.Need().Kind == hub.NeedLeave {
			given.Told = func(name, data []byte) { p.events = append(p.events, string(name)+" "+string(data)) }
		}
		out, a := p.x.Resume(out, given)
		p.goOn(out, a, then)
	})
}

func (p *passage) head() {
	kind := "application/json"
	if p.c.stream() {
		kind = "text/event-stream"
	}
	switch plan := p.x.ReplyHead(200, values("content-type", kind)); plan.Mode {
	case ReplyStream:
		p.later(func() { p.piece(0) })
	case ReplyWhole:
		out, a := p.x.ReplyWhole(nil, []byte(p.c.reply[0]))
		p.goOn(out, a, func(out []byte, a *hub.Answer) {
			if a != nil {
				p.status, out = a.Status, a.Body
			}
			p.down.Write(out)
		})
	}
}

// piece takes the stream's piece of that number, and the end behind the last.
func (p *passage) piece(n int) {
	var out []byte
	switch {
	case n < len(p.c.reply):
		out = p.x.Reply(nil, []byte(p.c.reply[n]), false)
	case p.c.fault != hub.NoFault:
		out = p.x.Abort(nil, p.c.fault)
	default:
		out = p.x.Reply(nil, nil, true)
	}
	p.goOn(out, nil, func(out []byte, _ *hub.Answer) {
		p.down.Write(out)
		if n < len(p.c.reply) {
			p.later(func() { p.piece(n + 1) })
		}
	})
}

const (
	callReply = `{"id":"c","object":"chat.completion","created":1,"model":"Qwen/X","choices":[{"index":0,"message":{"role":"assistant","content":null,` +
		`"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],` +
		`"usage":{"prompt_tokens":4000,"completion_tokens":96,"total_tokens":4096}}`
	textReply = `{"id":"c","object":"chat.completion","created":1,"model":"Qwen/X","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},` +
		`"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}`
	longReply = `{"id":"c","object":"chat.completion","created":1,"model":"Qwen/X","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},` +
		`"finish_reason":"length"}],"usage":{"prompt_tokens":4000,"completion_tokens":96,"total_tokens":4096}}`
)

var textStream = []string{
	`data: {"id":"c","model":"Qwen/X","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]}` + "\n\n",
	`data: {"id":"c","model":"Qwen/X","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}` + "\n\ndata: {\"id\":\"c\",\"mod",
	`el":"Qwen/X","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n",
	`data: {"id":"c","model":"Qwen/X","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}` + "\n\ndata: [DONE]\n\n",
}

var passages = []passageCase{
	{name: "no limit", path: "/v1/chat/completions", body: `{"model":"gpt-5","messages":[]}`, reply: []string{textReply}, down: `"content":"Hello"`},
	{name: "a limit", path: "/v1/chat/completions", body: `{"model":"gpt-5","messages":[],"max_tokens":5000}`, reply: []string{textReply},
		needs: []hub.NeedKind{hub.NeedWindow}, down: `"content":"Hello"`},
	{name: "a call that the window cut", path: "/v1/chat/completions", body: `{"model":"gpt-5","messages":[]}`, reply: []string{callReply},
		needs: []hub.NeedKind{hub.NeedWindow}, down: `"finish_reason":"length"`},
	{name: "a stream", path: "/v1/chat/completions", body: `{"model":"gpt-5","messages":[],"stream":true}`, reply: textStream, down: "[DONE]"},
	{name: "a message", path: "/v1/messages", body: `{"model":"gpt-5","max_tokens":100,"messages":[{"role":"user","content":"Hi"}]}`, reply: []string{longReply},
		needs: []hub.NeedKind{hub.NeedWindow}, down: `"model_context_window_exceeded"`},
	{name: "a message as a stream", path: "/v1/messages", body: `{"model":"gpt-5","max_tokens":9000,"stream":true,"thinking":{"type":"enabled","budget_tokens":8000},` +
		`"messages":[{"role":"user","content":"Hi"}]}`, reply: textStream,
		needs: []hub.NeedKind{hub.NeedWindow}, down: "event: message_stop"},
	{name: "a response", path: "/v1/responses", body: `{"model":"gpt-5","input":"Hi"}`, reply: []string{textReply},
		give:  map[hub.NeedKind]hub.Given{hub.NeedLeave: {Stores: true}, hub.NeedKeep: {Stored: true}},
		needs: []hub.NeedKind{hub.NeedLeave, hub.NeedKeep}, down: `"store":true`},
	{name: "a response that the store did not take", path: "/v1/responses", body: `{"model":"gpt-5","input":"Hi","stream":true}`, reply: textStream,
		give:  map[hub.NeedKind]hub.Given{hub.NeedLeave: {Stores: true}},
		needs: []hub.NeedKind{hub.NeedLeave, hub.NeedKeep}, down: `"store":false`},
	{name: "all that can be needed", path: "/v1/responses",
		body: `{"model":"gpt-5","previous_response_id":"resp_1","stream":true,"max_output_tokens":9000,` +
			`"input":[{"type":"item_reference","id":"msg_1"},{"role":"user","content":"Hi"},{"type":"item_reference","id":"msg_2"}]}`,
		reply: textStream,
		give: map[hub.NeedKind]hub.Given{
			hub.NeedLeave: {Stores: true}, hub.NeedKeep: {Stored: true},
			hub.NeedContext: {Items: []byte(`{"type":"message","id":"msg_0","role":"user","content":"Before"}`)},
			hub.NeedItem:    {Items: []byte(`{"type":"message","id":"msg_1","role":"user","content":"Referred to"}`)},
		},
		needs: []hub.NeedKind{hub.NeedLeave, hub.NeedContext, hub.NeedItem, hub.NeedItem, hub.NeedWindow, hub.NeedKeep}, down: `"status":"completed"`},
	{name: "in the background", path: "/v1/responses", body: `{"model":"gpt-5","input":"Hi","background":true}`, reply: textStream,
		give:  map[hub.NeedKind]hub.Given{hub.NeedLeave: {Stores: true}, hub.NeedKeep: {Stored: true}},
		needs: []hub.NeedKind{hub.NeedLeave, hub.NeedStart, hub.NeedKeep}, down: "event: response.queued"},
	{name: "an error in one piece in place of a stream", path: "/v1/responses", body: `{"model":"gpt-5","input":"Hi","stream":true}`,
		reply: []string{`{"error":{"message":"The queue is full.","type":"server_error","code":503}}`},
		give:  map[hub.NeedKind]hub.Given{hub.NeedLeave: {Stores: true}},
		needs: []hub.NeedKind{hub.NeedLeave}, down: `"The queue is full."`, status: 503},
	{name: "a response in one piece in place of a stream", path: "/v1/responses", body: `{"model":"gpt-5","input":"Hi","stream":true}`,
		reply: []string{textReply},
		give:  map[hub.NeedKind]hub.Given{hub.NeedLeave: {Stores: true}, hub.NeedKeep: {Stored: true}},
		needs: []hub.NeedKind{hub.NeedLeave, hub.NeedKeep}, down: `event: response.completed`},
	{name: "a stream that is cut", path: "/v1/responses", body: `{"model":"gpt-5","input":"Hi","stream":true}`, reply: textStream[:2],
		give:  map[hub.NeedKind]hub.Given{hub.NeedLeave: {Stores: true}, hub.NeedKeep: {Stored: true}},
		needs: []hub.NeedKind{hub.NeedLeave, hub.NeedKeep}, down: "event: response.failed"},
	{name: "a stream that stalls", path: "/v1/responses", body: `{"model":"gpt-5","input":"Hi","stream":true}`, reply: textStream[:2], fault: hub.Idle,
		give:  map[hub.NeedKind]hub.Given{hub.NeedLeave: {Stores: true}, hub.NeedKeep: {Stored: true}},
		needs: []hub.NeedKind{hub.NeedLeave, hub.NeedKeep}, down: "event: response.failed"},
	{name: "a warm-up", path: "/v1/responses", body: `{"model":"gpt-5","input":"Hi","generate":false,"stream":true}`,
		give:  map[hub.NeedKind]hub.Given{hub.NeedLeave: {Stores: true}, hub.NeedKeep: {Stored: true}},
		needs: []hub.NeedKind{hub.NeedLeave, hub.NeedKeep}, down: "event: response.completed", status: 200},
	{name: "tokens of a conversation", path: "/v1/responses/input_tokens", body: `{"model":"gpt-5","conversation":"conv_1","input":"Hi"}`, reply: []string{`{"count":7}`},
		give:  map[hub.NeedKind]hub.Given{hub.NeedContext: {Items: []byte(`{"type":"message","role":"user","content":"Before"}`)}},
		needs: []hub.NeedKind{hub.NeedContext}, down: `"input_tokens":7`},
	{name: "no leave", path: "/v1/responses", body: `{"model":"gpt-5","input":"Hi"}`,
		give:  map[hub.NeedKind]hub.Given{hub.NeedLeave: {Problem: hub.Refuse("no", "store", "No.")}},
		needs: []hub.NeedKind{hub.NeedLeave}, down: `"No."`, status: 400},
	{name: "no context", path: "/v1/responses", body: `{"model":"gpt-5","conversation":"conv_1","input":"Hi"}`,
		give:  map[hub.NeedKind]hub.Given{hub.NeedContext: {Problem: hub.Refuse("gone", "conversation", "Gone.")}},
		needs: []hub.NeedKind{hub.NeedLeave, hub.NeedContext}, down: `"Gone."`, status: 400},
	{name: "no start", path: "/v1/responses", body: `{"model":"gpt-5","input":"Hi","background":true}`,
		give:  map[hub.NeedKind]hub.Given{hub.NeedLeave: {Stores: true}, hub.NeedStart: {Problem: hub.Refuse("full", "", "Full.")}},
		needs: []hub.NeedKind{hub.NeedLeave, hub.NeedStart}, down: `"Full."`, status: 400},
	{name: "a reference to nothing", path: "/v1/responses", body: `{"model":"gpt-5","input":[{"type":"item_reference","id":"x"}]}`,
		needs: []hub.NeedKind{hub.NeedLeave, hub.NeedItem}, down: `no stored item`, status: 400},
}

// Every step that the core has is taken by exchanges that share one thread: each asks,
// returns, and is resumed when others have run. Waiting could not hide: there is nobody who
// would go on.
func TestAWorkerWithOneThreadServesAllExchanges(t *testing.T) {
	g := newGateway(t, "", Edge{})
	// Alone, each is resumed at once.
	alone := make([]*passage, len(passages))
	for i := range passages {
		c := &passages[i]
		if c.give == nil {
			c.give = map[hub.NeedKind]hub.Given{}
		}
		c.give[hub.NeedWindow] = hub.Given{Window: 4096}
		w := &worker{random: rand.New(rand.NewPCG(1, 1))}
		alone[i] = &passage{worker: w, c: c}
		alone[i].start(g)
		w.run()
		alone[i].check(t)
	}
	for seed := range uint64(50) {
		w := &worker{random: rand.New(rand.NewPCG(seed, 2))}
		together := make([]*passage, len(passages))
		for i := range passages {
			together[i] = &passage{worker: w, c: &passages[i]}
			w.later(func() { together[i].start(g) })
		}
		w.run()
		if w.away == 0 {
			t.Error("nobody else ran while something was needed")
		}
		for i, p := range together {
			if want := alone[i]; p.up != want.up || p.down.String() != want.down.String() || !slices.Equal(p.events, want.events) {
				t.Errorf("seed %d, %s: beside others\nup   %s\ndown %s\nalone\nup   %s\ndown %s", seed, p.c.name, p.up, &p.down, want.up, &want.down)
			}
		}
	}
}

func (p *passage) check(t *testing.T) {
	t.Helper()
	down := p.down.String()
	if !slices.Equal(p.needs, p.c.needs) || p.status != p.c.status || !strings.Contains(down, p.c.down) {
		t.Errorf("%s: needs %v, want %v; status %d; client got\n%s", p.c.name, p.needs, p.c.needs, p.status, down)
	}
	if p.kept == nil {
		return
	}
	// What is kept says the same as the object, and is what the client is told last.
	object, r := gjson.ParseBytes(p.kept.Object), p.kept.Response
	if object.Get("id").String() != r.ID || object.Get("status").String() != r.Status || object.Get("store").Bool() != r.Stored {
		t.Errorf("%s: %+v of %s", p.c.name, r, object)
	}
	var output []json.RawMessage
	if err := json.Unmarshal([]byte(object.Get("output").Raw), &output); err != nil || len(output) != len(r.Output) {
		t.Fatalf("%s: %d items of %s", p.c.name, len(r.Output), object)
	}
	for i, item := range r.Output {
		if string(item.JSON) != string(output[i]) || gjson.GetBytes(item.JSON, "id").String() != item.ID {
			t.Errorf("%s: item %q is %s, want %s", p.c.name, item.ID, item.JSON, output[i])
		}
	}
	told := strings.Contains(down, "event: ")
	if told != (len(p.events) > 0) {
		t.Errorf("%s: told %d events", p.c.name, len(p.events))
	}
	for _, event := range p.events {
		name, data, _ := strings.Cut(event, " ")
		if !strings.Contains(down, "event: "+name+"\ndata: "+data+"\n\n") {
			t.Errorf("%s: told %s", p.c.name, event)
		}
	}
	if want := strings.Count(down, "event: "); want != len(p.events) {
		t.Errorf("%s: told %d events of %d", p.c.name, len(p.events), want)
	}
}

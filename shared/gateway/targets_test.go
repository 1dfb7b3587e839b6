package gateway

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// twoUpstreams has a model that two servers answer, of two generations.
func twoUpstreams(t testing.TB, edge Edge) *Gateway {
	t.Helper()
	c, err := config.Decode([]byte(`{"upstreams":[{"name":"local","model":"Qwen/Qwen3.5-27B","session_header":"x-here"},
		{"name":"far","model":"Qwen3.8-27B","api_key":"their-key"},{"name":"open","model":"Qwen3-Coder-Next"}],
		"models":[{"name":"both","profile":"thinking-coding","targets":["local","far","open"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(c, edge)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func fieldsOf(e *hub.HeaderEdit) string {
	var set []string
	for _, f := range e.Set {
		set = append(set, f[0]+"="+f[1])
	}
	if e.Drops("authorization") {
		set = append(set, "no authorization")
	}
	return strings.Join(set, " ")
}

func TestARequestGoesToAnotherTargetInItsTerms(t *testing.T) {
	for _, tt := range []struct{ path, body string }{
		{"/v1/chat/completions", `{"model":"both","messages":[{"role":"user","content":"hi"}],"reasoning_effort":"high"}`},
		{"/v1/messages", `{"model":"both","max_tokens":2000,"messages":[{"role":"user","content":"hi"}],"output_config":{"effort":"high"}}`},
		{"/v1/responses", `{"model":"both","input":"hi","reasoning":{"effort":"high"}}`},
	} {
		t.Run(tt.path, func(t *testing.T) {
			x := open(twoUpstreams(t, Edge{Several: true}), Env{}, "POST", tt.path, "authorization", "Bearer mine", "x-session-id", "s")
			a := x.Targets()
			for i, want := range []struct{ model, effort, header string }{
				{"Qwen/Qwen3.5-27B", "", "x-here="},
				{"Qwen3.8-27B", "xhigh", "authorization=Bearer their-key"},
				{"Qwen3-Coder-Next", "", "no authorization"},
			} {
				body := []byte(tt.body)
				var out []byte
				var answer *hub.Answer
				if i == 0 {
					out, answer = x.Request(nil, body)
				} else {
					out, answer = a.Again(nil, body, i)
				}
				if answer != nil {
					t.Fatalf("target %d: %d %s", i, answer.Status, answer.Body)
				}
				if got := gjson.GetBytes(out, "model").Str; got != want.model {
					t.Errorf("target %d is asked for %q", i, got)
				}
				if got := gjson.GetBytes(out, "reasoning_effort").Str; got != want.effort {
					t.Errorf("target %d is asked for the effort %q, want %q", i, got, want.effort)
				}
				if m := a.Model(); m.Name != "both" || m.Targets() != 3 {
					t.Errorf("to choose of %+v", m)
				}
				place, edit := a.Upstream()
				if got := fieldsOf(edit); place != i || !strings.Contains(got, want.header) || i > 0 && strings.Contains(got, "x-here") {
					t.Errorf("target %d: upstream %d, %s", i, place, got)
				}
			}
			x.ReplyHead(200, values("content-type", "application/json"))
			out, answer := x.ReplyWhole(nil, []byte(`{"id":"c","object":"chat.completion","created":1,"model":"Qwen3-Coder-Next",`+
				`"choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}`))
			if answer != nil || gjson.GetBytes(out, "model").Str != "both" {
				t.Errorf("the client gets %s, %v", out, answer)
			}
			if r := x.Report(); r.Model != "both" || r.Served != "Qwen3-Coder-Next" || r.Upstream != "open" {
				t.Errorf("reported are %q, %q and %q", r.Model, r.Served, r.Upstream)
			}
		})
	}
}

// What the edge keeps is asked for once, and knows the response by one id.
func TestAnotherTargetsResponseIsTheSame(t *testing.T) {
	x := open(twoUpstreams(t, Edge{Several: true}), Env{Keeps: true}, "POST", "/v1/responses")
	body := []byte(`{"model":"both","input":"go on","previous_response_id":"resp_1","background":true,"stream":true}`)
	out, answer := x.Request(nil, body)
	var kinds []hub.NeedKind
	var started string
	for n := x.Need(); n != nil; n = x.Need() {
		kinds = append(kinds, n.Kind)
		given := hub.Given{}
		switch n.Kind {
		case hub.NeedLeave:
			given.Stores = true
		case hub.NeedContext:
			given.Items = []byte(`{"type":"message","role":"user","content":"before"}`)
		case hub.NeedStart:
			started = gjson.GetBytes(n.Object, "id").Str
		}
		out, answer = x.Resume(out, given)
	}
	if answer != nil || len(kinds) != 3 || started == "" {
		t.Fatalf("asked for %v, started %q, answered %+v", kinds, started, answer)
	}
	again, answer := x.Targets().Again(nil, body, 1)
	if answer != nil || x.Need() != nil {
		t.Fatalf("%+v, needs %+v", answer, x.Need())
	}
	if got := gjson.GetBytes(again, "messages.#.content").Raw; got != `["before","go on"]` || got != gjson.GetBytes(out, "messages.#.content").Raw {
		t.Errorf("the history is %s", got)
	}
	x.ReplyHead(200, values("content-type", "text/event-stream"))
	stream := x.Reply(nil, nil, false)
	if !strings.Contains(string(stream), `"id":"`+started+`"`) {
		t.Errorf("the response that started as %s is told as %s", started, stream)
	}
}

func TestAnEdgeWithOneUpstreamHasTheDefaultOne(t *testing.T) {
	g := twoUpstreams(t, Edge{})
	x := open(g, Env{}, "POST", "/v1/chat/completions")
	out, _ := x.Request(nil, []byte(`{"model":"both","messages":[{"role":"user","content":"hi"}]}`))
	if x.Targets() != nil || gjson.GetBytes(out, "model").Str != "Qwen/Qwen3.5-27B" {
		t.Errorf("%s", out)
	}
	if n := g.Notes(); len(n) != 1 || !strings.HasPrefix(n[0], "2 of the upstreams are not used here") {
		t.Errorf("%q", n)
	}
}

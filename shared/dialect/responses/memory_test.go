package responses

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// memory is an edge's state with one response and one conversation.
type memory struct {
	context string
	items   map[string]string
	off     bool
}

// give is what it has for a need.
func (m memory) give(n *hub.Need) hub.Given {
	switch n.Kind {
	case hub.NeedLeave:
		return hub.Given{Stores: !m.off}
	case hub.NeedContext:
		if n.Previous == "resp_1" || n.Conversation == "conv_1" {
			return hub.Given{Items: []byte(m.context)}
		}
		return hub.Given{Problem: &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Code: "previous_response_not_found", Param: "previous_response_id", Message: "gone"}}
	case hub.NeedItem:
		return hub.Given{Items: []byte(m.items[n.Item])}
	}
	return hub.Given{}
}

// request has a create request made at an edge that has m.
func (m memory) request(body []byte, turn *hub.Turn) ([]byte, *hub.Problem) {
	turn.Edge.Keeps = true
	out, p := Create.Request(nil, body, turn)
	for p == nil && turn.Need() != nil {
		out, p = turn.Give(out, m.give(turn.Need()))
	}
	return out, p
}

const earlier = `{"type":"message","id":"msg_1","status":"completed","role":"developer","content":[{"type":"input_text","text":"Rule."}]},
	{"type":"message","id":"msg_2","status":"completed","role":"user","content":[{"type":"input_text","text":"Before"}]},
	{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"hm"}],"status":"completed"},
	{"type":"function_call","id":"fc_1","call_id":"c1","namespace":"n","name":"f","arguments":"{\"a\":","status":"incomplete"}`

func remembering(t *testing.T, m memory, body string) (string, *hub.Turn, *hub.Problem) {
	t.Helper()
	turn := turnOf(settings(t, "Qwen/X"))
	out, p := m.request([]byte(body), turn)
	if p == nil && !gjson.ValidBytes(out) {
		t.Fatalf("not JSON: %s", out)
	}
	return string(out), turn, p
}

func TestARequestGoesOnFromAnEarlierOne(t *testing.T) {
	want := usual + `[{"role":"system","content":"New.\n\nRule."},{"role":"user","content":"Before"},{"role":"assistant","content":null,"reasoning":"hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"n__f","arguments":"{\"_raw_arguments\":\"{\\\"a\\\":\"}"}}]},` +
		`{"role":"tool","tool_call_id":"c1","content":"1"}]}`
	for name, from := range map[string]string{"a response": `"previous_response_id":"resp_1"`, "a conversation": `"conversation":"conv_1"`, "a conversation as object": `"conversation":{"id":"conv_1"}`} {
		got, turn, p := remembering(t, memory{context: earlier}, `{"model":"think",`+from+`,"instructions":"New.","input":[{"type":"function_call_output","call_id":"c1","output":"1"}]}`)
		if p != nil || got != want {
			t.Errorf("%s: %+v\ngot  %s\nwant %s", name, p, got, want)
			continue
		}
		e := gjson.Parse("{" + string(turn.Request.State.(*request).echo) + "}")
		switch name {
		case "a response":
			if e.Get("previous_response_id").String() != "resp_1" || e.Get("conversation").Exists() {
				t.Errorf("echo %s", e)
			}
		default:
			if e.Get("conversation").Raw != `{"id":"conv_1"}` {
				t.Errorf("echo %s", e)
			}
		}
		if turn.UseCallID([]byte("c1")) {
			t.Error("an id of the earlier turn counts as new")
		}
	}
	got, _, p := remembering(t, memory{context: earlier}, `{"model":"think","previous_response_id":"resp_1"}`)
	if p != nil || roles(got) != "sua" {
		t.Errorf("without input: %s %+v", got, p)
	}
	got, _, p = remembering(t, memory{}, `{"model":"think","previous_response_id":"resp_1","input":"Hi"}`)
	if p != nil || roles(got) != "u" {
		t.Errorf("an empty context: %s %+v", got, p)
	}
}

func TestALongChainIsRead(t *testing.T) {
	var b strings.Builder
	for n := range 10_000 {
		number := strings.NewReplacer(`_1"`, fmt.Sprintf(`_%d1"`, n), `_2"`, fmt.Sprintf(`_%d2"`, n))
		_, _ = number.WriteString(&b, earlier+`,{"type":"function_call_output","id":"fco_1","call_id":"c1","output":"1"},`)
	}
	turns := b.String()
	got, _, p := remembering(t, memory{context: strings.TrimSuffix(turns, ",")}, `{"model":"think","previous_response_id":"resp_1","input":"Hi"}`)
	if p != nil || gjson.Get(got, "messages.#").Int() != 30_002 {
		t.Errorf("%d messages, %+v", gjson.Get(got, "messages.#").Int(), p)
	}
}

func TestWhatIsNotThereIsSaid(t *testing.T) {
	m := memory{context: earlier, items: map[string]string{"msg_9": `{"type":"message","id":"msg_9","role":"user","content":[{"type":"input_text","text":"Nine"}]}`, "bad": `{"type":`}}
	for body, want := range map[string]struct{ code, param string }{
		`"previous_response_id":"resp_2","input":"Hi"`:                                                          {"previous_response_not_found", "previous_response_id"},
		`"previous_response_id":"","input":"Hi"`:                                                                {"previous_response_not_found", "previous_response_id"},
		`"conversation":"","input":"Hi"`:                                                                        {"invalid_value", "conversation"},
		`"previous_response_id":7,"input":"Hi"`:                                                                 {"invalid_type", "previous_response_id"},
		`"conversation":{},"input":"Hi"`:                                                                        {"missing_required_parameter", "conversation.id"},
		`"conversation":[],"input":"Hi"`:                                                                        {"invalid_type", "conversation"},
		`"previous_response_id":"resp_1","conversation":"conv_1","input":"Hi"`:                                  {"invalid_value", "previous_response_id"},
		`"background":true,"store":false,"input":"Hi"`:                                                          {"invalid_value", "store"},
		`"input":[{"role":"user","content":"Hi"},{"type":"item_reference","id":"x"}]`:                           {"invalid_value", "input[1].id"},
		`"previous_response_id":"resp_1","input":[{"type":"function_call_output","call_id":"c2","output":"1"}]`: {"", "input"},
	} {
		if _, _, p := remembering(t, m, `{"model":"think",`+body+`}`); p == nil || p.Status != 400 || p.Code != want.code || p.Param != want.param {
			t.Errorf("%s: %+v", body, p)
		}
	}
	if _, _, p := remembering(t, m, `{"model":"think","input":[{"id":"bad"}]}`); p == nil || p.Status != 500 {
		t.Errorf("a broken store: %+v", p)
	}
	if _, _, p := remembering(t, memory{context: `{"type":"mess`}, `{"model":"think","previous_response_id":"resp_1"}`); p == nil || p.Status != 500 {
		t.Errorf("a broken store: %+v", p)
	}
	got, _, p := remembering(t, m, `{"model":"think","input":[{"id":"msg_9"},{"type":"item_reference","id":"msg_9"}]}`)
	if p != nil || gjson.Get(got, "messages").Raw != `[{"role":"user","content":"Nine"}]` {
		t.Errorf("references: %s %+v", got, p)
	}
}

func TestStoreAndBackgroundComeBack(t *testing.T) {
	tests := []struct {
		memory                     *memory
		body                       string
		store, background, refused bool
	}{
		{nil, ``, false, false, false},
		{nil, `,"store":true`, false, false, false},
		{&memory{}, ``, true, false, false},
		{&memory{}, `,"store":false`, false, false, false},
		{&memory{}, `,"store":null,"background":true`, true, true, false},
		{&memory{off: true}, `,"store":true`, false, false, false},
		{&memory{off: true}, `,"background":true`, false, false, true},
	}
	for _, tt := range tests {
		turn := turnOf(settings(t, "Qwen/X"))
		body := []byte(`{"model":"think","input":"Hi"` + tt.body + `}`)
		var p *hub.Problem
		if tt.memory != nil {
			_, p = tt.memory.request(body, turn)
		} else {
			_, p = Create.Request(nil, body, turn)
		}
		if (p != nil) != tt.refused {
			t.Errorf("%s: %+v", tt.body, p)
		}
		if p != nil {
			continue
		}
		r := turn.Request.State.(*request)
		e := gjson.Parse("{" + string(r.echo) + "}")
		if e.Get("store").Bool() != tt.store || e.Get("background").Bool() != tt.background || r.background != tt.background {
			t.Errorf("%s: %s", tt.body, e)
		}
	}
}

func TestInputIsStoredAsItems(t *testing.T) {
	turn := turnOf(settings(t, "Qwen/X"))
	n := 0
	id := func(dst []byte, prefix string) []byte { n++; return append(append(dst, prefix...), byte('0'+n)) }
	find := func(id string) []byte {
		if id == "msg_9" {
			return []byte(`{"type":"message","id":"msg_9","role":"user","content":[]}`)
		}
		return nil
	}
	tests := []struct{ name, input, want string }{
		{"a string", `"Hi \"you\""`, `{"type":"message","id":"msg_1","status":"completed","role":"user","content":[{"type":"input_text","text":"Hi \"you\""}]}`},
		{"the easy form", `[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"type":"message","role":"developer","content":"c","phase":null}]`,
			`{"type":"message","id":"msg_1","status":"completed","role":"user","content":[{"type":"input_text","text":"a"}]},` +
				`{"type":"message","id":"msg_2","status":"completed","role":"assistant","content":[{"type":"output_text","text":"b","annotations":[],"logprobs":[]}]},` +
				`{"id":"msg_3","status":"completed","type":"message","role":"developer","content":[{"type":"input_text","text":"c"}],"phase":null}`},
		{"whole items stay", `[ {"type":"message","id":"msg_x","status":"completed","role":"user","content":[ {"type":"input_text","text":"a"}
			]}, {"type":"function_call","id":null,"call_id":"c","name":"f","arguments":"{\"n\":9007199254740993}"},{"type":"compaction_trigger"}]`,
			`{"type":"message","id":"msg_x","status":"completed","role":"user","content":[ {"type":"input_text","text":"a"}			]},{"id":"fc_1","type":"function_call","call_id":"c","name":"f","arguments":"{\"n\":9007199254740993}"}`},
		{"references", `[{"id":"msg_9"},{"id":"msg_8"}]`, `{"type":"message","id":"msg_9","role":"user","content":[]},{"type":"item_reference","id":"msg_8"}`},
		{"tools", `[{"type":"additional_tools","role":"developer","tools":[{"type":"function","name":"f"}]}]`, `{"id":"at_1","type":"additional_tools","role":"developer","tools":[{"type":"function","name":"f"}]}`},
		{"an output that has its call's id", `[{"type":"local_shell_call","id":"lsh_x","call_id":"c","action":{"command":["ls"]}},{"type":"local_shell_call_output","call_id":null,"id":"lsh_x","output":"a"},{"type":"local_shell_call_output","id":"lsho_x","call_id":"c","output":"b"}]`,
			`{"type":"local_shell_call","id":"lsh_x","call_id":"c","action":{"command":["ls"]}},` +
				`{"id":"lsho_1","call_id":"lsh_x","type":"local_shell_call_output","output":"a"},{"type":"local_shell_call_output","id":"lsho_x","call_id":"c","output":"b"}`},
		{"nothing", `[]`, ``},
		{"null", `null`, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n = 0
			got := string(AppendInputItems([]byte("x"), []byte(`{"model":"think","input":`+tt.input+`}`), id, find, nil))
			if got != "x"+tt.want {
				t.Errorf("got  %s\nwant x%s", got, tt.want)
			}
			if !gjson.Valid("[" + got[1:] + "]") {
				t.Error("not JSON")
			}
		})
	}
	if got := AppendInputItems(nil, []byte(`{"input":[{"role":"user","content":"a"}]}`), turn.AppendID, nil, nil); !strings.HasPrefix(gjson.GetBytes(got, "id").String(), "msg_") {
		t.Errorf("%s", got)
	}
}

// A local shell's output has no id of its own when it comes: its id is the call's. Stored
// so, there would be two items of one id, and a conversation keeps one.
func TestALocalShellsOutputIsStoredBesideItsCall(t *testing.T) {
	turn := turnOf(settings(t, "Qwen/X"))
	input := `[{"role":"user","content":"a"},{"type":"local_shell_call","id":"lsh_x","call_id":"c","action":{"command":["ls"]}},{"type":"local_shell_call_output","id":"lsh_x","output":"b"}]`
	stored := string(AppendInputItems(nil, []byte(`{"input":`+input+`}`), turn.AppendID, nil, nil))
	ids := gjson.Get("["+stored+"]", "#.id").Array()
	if len(ids) != 3 || ids[1].String() != "lsh_x" || !strings.HasPrefix(ids[2].String(), "lsho_") {
		t.Errorf("ids %v", ids)
	}
	direct, _, p := remembering(t, memory{}, `{"model":"think","input":`+input+`}`)
	if p != nil {
		t.Fatal(p.Message)
	}
	for name, body := range map[string]string{"gone on from": `"previous_response_id":"resp_1"`, "sent again": `"input":[` + stored + `]`} {
		if got, _, p := remembering(t, memory{context: stored}, `{"model":"think",`+body+`}`); p != nil || got != direct {
			t.Errorf("%s: %+v\ngot  %s\nwant %s", name, p, got, direct)
		}
	}
}

func TestAnItemsIDHasALimit(t *testing.T) {
	for _, c := range []struct{ param, body string }{
		{"input[1].id", `"input":[{"role":"user","content":"a"},{"role":"user","content":"b","id":"ID"}]`},
		{"input[1].id", `"input":[{"role":"user","content":"a"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}","id":"ID"}]`},
		{"input[1].id", `"input":[{"role":"user","content":"a"},{"type":"item_reference","id":"ID"}]`},
	} {
		for n, ok := range map[int]bool{512: true, 513: false} {
			id := strings.Repeat("i", n)
			m := memory{items: map[string]string{id: `{"type":"message","role":"user","content":"x","id":"` + id + `"}`}}
			_, _, p := remembering(t, m, `{"model":"think",`+strings.ReplaceAll(c.body, "ID", id)+`}`)
			switch {
			case ok && p != nil:
				t.Errorf("%s: %+v", c.body, *p)
			case !ok && (p == nil || p.Status != 400 || p.Param != c.param || p.Code != "invalid_value" || len(p.Message) > 200):
				t.Errorf("%s: %+v", c.body, p)
			}
		}
	}
}

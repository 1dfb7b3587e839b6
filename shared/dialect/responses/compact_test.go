package responses

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// roles is the roles of a chat request's messages in short.
func roles(body string) (s string) {
	for _, m := range gjson.Get(body, "messages").Array() {
		s += m.Get("role").String()[:1]
	}
	return s
}

func TestCompactAsksForASummaryWithoutThinking(t *testing.T) {
	s := settings(t, "Qwen/X")
	got, turn := ask(t, s, Compact, `{"model":"think","instructions":"Be short.","stream":true,"reasoning":{"effort":"high","summary":"auto"},"tools":[{"type":"function","name":"f"}],"tool_choice":"required","text":{"format":{"type":"json_object"}},
		"stop":["x"],"top_logprobs":3,"parallel_tool_calls":true,"input":[{"role":"user","content":"First"},{"role":"developer","content":"Rule."},{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},
		{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"1"},{"type":"message","id":"msg_2","status":"completed","role":"user","content":[{"type":"input_text","text":"Second"}]}]}`)
	want := `{"chat_template_kwargs":{"enable_thinking":false},"model":"Qwen/X","messages":[{"role":"system","content":"Be short.\n\nRule."},{"role":"user","content":"First"},` +
		`{"role":"assistant","content":null,"reasoning":"hm","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"},` +
		`{"role":"user","content":"Second"},{"role":"user","content":` + string(handOver) + `}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],"tool_choice":"none"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r := turn.Request.State.(*request)
	if !r.compaction || r.blob != keptBlob || turn.Request.Streamed || !turn.Request.NoThinking || r.tools.Accept([]byte("f")) {
		t.Errorf("%+v", r)
	}
	kept := gjson.Parse("[" + string(r.kept) + "]")
	if kept.Get("#").Int() != 2 || !strings.HasPrefix(kept.Get("0.id").String(), "msg_") || kept.Get("0.content").Raw != `[{"type":"input_text","text":"First"}]` ||
		kept.Get("0.status").String() != "completed" || kept.Get("1").Raw != `{"type":"message","id":"msg_2","status":"completed","role":"user","content":[{"type":"input_text","text":"Second"}]}` {
		t.Errorf("kept %s", kept)
	}
}

func TestCompactNeedsAModelAndSomethingToCompact(t *testing.T) {
	s := settings(t, "Qwen/X")
	for body, param := range map[string]string{`{"input":"Hi"}`: "model", `{"model":"think"}`: "input", `{"model":"think","input":[]}`: "input", `{"model":"think","input":"Hi","previous_response_id":"x"}`: "previous_response_id"} {
		if _, p := Compact.Request(nil, []byte(body), turnOf(s)); p == nil || p.Status != 400 || p.Param != param {
			t.Errorf("%s: %+v", body, p)
		}
	}
	got, turn := ask(t, s, Compact, `{"model":"think","input":"One long prompt","prompt_cache_key":"k","service_tier":"flex"}`)
	if r := turn.Request.State.(*request); roles(got) != "uu" || gjson.GetBytes(r.kept, "content.0.text").String() != "One long prompt" {
		t.Errorf("%s, kept %s", got, r.kept)
	}
}

func TestCompactKeepsTheNewestMessagesThatFit(t *testing.T) {
	s := settings(t, "Qwen/X")
	long := strings.Repeat("x", maxKeptMessages/2)
	_, turn := ask(t, s, Compact, `{"model":"think","input":[{"role":"user","content":"1"},{"role":"user","content":"2`+long+`"},{"role":"user","content":"3`+long+`"},{"role":"assistant","content":"a"},{"role":"user","content":"4"}]}`)
	kept := gjson.Parse("[" + string(turn.Request.State.(*request).kept) + "]").Get("#.content.0.text").Array()
	if len(kept) != 3 || kept[0].String() != "1" || kept[1].String()[0] != '3' || kept[2].String() != "4" {
		t.Errorf("kept %.100s", kept)
	}
}

func TestATriggerAtTheEndCompactsInsteadOfAnswering(t *testing.T) {
	s := settings(t, "Qwen/X")
	got, turn := ask(t, s, Create, `{"model":"think","stream":true,"input":[{"role":"user","content":"First"},{"role":"assistant","content":"a"},{"type":"compaction_trigger"}],"tools":[{"type":"function","name":"f"}],"max_output_tokens":500}`)
	r := turn.Request.State.(*request)
	if roles(got) != "uau" || gjson.Get(got, "messages.2.content").Raw != string(handOver) || gjson.Get(got, "chat_template_kwargs").Raw != `{"enable_thinking":false}` ||
		gjson.Get(got, "max_completion_tokens").Int() != 500 || !turn.Request.Streamed || !r.compaction || r.blob != coveringBlob || len(r.kept) > 0 {
		t.Errorf("%s %+v", got, r)
	}
	if !strings.Contains(string(r.echo), `"tools":[{`) {
		t.Errorf("echo %s", r.echo)
	}
	got, turn = ask(t, s, Create, `{"model":"think","input":[{"type":"compaction_trigger"},{"role":"user","content":"First"}]}`)
	if r := turn.Request.State.(*request); roles(got) != "u" || r.compaction {
		t.Errorf("a trigger that is not the last: %s", got)
	}
}

func TestASummaryIsAUsersMessage(t *testing.T) {
	s := settings(t, "Qwen/X")
	blob := func(kind blobKind) string {
		b, _ := appendSealed(nil, kind, []byte(`All \"done\".`), turnOf(s))
		return `{"type":"compaction","id":"cmp_1","encrypted_content":"` + string(b) + `"}`
	}
	const summary = `{"role":"user","content":"` + handedOver + `All \"done\"."}`
	tests := []struct{ name, input, want string }{
		{"alone", blob(keptBlob), `[` + summary + `]`},
		{"what compact kept stays", `{"role":"user","content":"Hi"},` + blob(keptBlob) + `,{"role":"user","content":"Hi"}`, `[` + user + `,` + summary + `,` + user + `]`},
		{"kept, and an assistant before", `{"role":"user","content":"Hi"},{"role":"assistant","content":"a"},` + blob(keptBlob), `[` + user + `,{"role":"assistant","content":"a"},` + summary + `]`},
		{"what is covered goes, the developer's words stay", `{"role":"developer","content":"Rule."},{"role":"user","content":"x"},{"type":"reasoning","summary":[]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"x"},` +
			blob(coveringBlob) + `,{"role":"user","content":"Hi"}`, `[{"role":"system","content":"Rule."},` + summary + `,` + user + `]`},
		{"of two the later covers the earlier", `{"role":"user","content":"x"},{"role":"assistant","content":"x"},` + blob(coveringBlob) + `,{"role":"assistant","content":"y"},` + blob(coveringBlob), `[` + summary + `]`},
		{"users alone were left by the client", `{"role":"user","content":"Hi"},` + blob(coveringBlob), `[` + user + `,` + summary + `]`},
		{"an output whose call is in the summary", `{"role":"user","content":"x"},{"role":"assistant","content":"x"},` + blob(coveringBlob) + `,{"type":"function_call_output","call_id":"gone","output":"x"}`, `[` + summary + `]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := ask(t, s, Create, `{"model":"think","input":[`+tt.input+`]}`)
			if m := gjson.Get(got, "messages").Raw; m != tt.want {
				t.Errorf("got  %s\nwant %s", m, tt.want)
			}
		})
	}
	thinking, _ := appendSealed(nil, reasoningBlob, []byte("x"), turnOf(s))
	for _, content := range []string{string(thinking), plainTag, "", "gAAAA"} {
		_, p := Create.Request(nil, []byte(`{"model":"think","input":[{"role":"user","content":"Hi"},{"type":"compaction","encrypted_content":"`+content+`"}]}`), turnOf(s))
		if p == nil || p.Status != 400 || p.Code != "invalid_encrypted_content" || p.Param != "input[1].encrypted_content" {
			t.Errorf("%q: %+v", content, p)
		}
	}
}

func TestToolsOfCoveredItemsStay(t *testing.T) {
	s := settings(t, "Qwen/X")
	b, _ := appendSealed(nil, coveringBlob, []byte(`x`), turnOf(s))
	got, _ := ask(t, s, Create, `{"model":"think","input":[{"type":"additional_tools","role":"developer","tools":[{"type":"function","name":"f"}]},{"role":"user","content":"x"},{"role":"assistant","content":"x"},{"type":"compaction","encrypted_content":"`+string(b)+`"}]}`)
	if names := upstreamNames(got); len(names) != 1 || names[0] != "f" {
		t.Errorf("%s", got)
	}
}

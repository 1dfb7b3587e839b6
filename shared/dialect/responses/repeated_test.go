package responses

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

func TestWhatStandsTwiceGoesOnce(t *testing.T) {
	const (
		hi     = `{"id":"msg_1","type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}`
		think  = `{"id":"rs_1","type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}],"status":"completed"}`
		said   = `{"id":"msg_2","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"é","annotations":[],"logprobs":[]}]}`
		call   = `{"id":"fc_1","type":"function_call","call_id":"c1","name":"f","arguments":"{\"a\":1}","status":"completed"}`
		result = `{"id":"fco_1","type":"function_call_output","call_id":"c1","output":"1"}`
		all    = hi + "," + think + "," + said + "," + call + "," + result
	)
	m := memory{context: all, items: map[string]string{"msg_1": hi, "rs_1": think, "fc_1": call}}
	once := `[{"role":"user","content":"Hi"},{"role":"assistant","content":"é","reasoning":"hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"c1","content":"1"}`
	next := `,{"role":"user","content":"Next"}`
	ask := `{"role":"user","content":"Next"}`
	tests := []struct{ name, body, want string }{
		{"twice in the input", `"input":[` + all + `,` + all + `,` + ask + `]`, once + next + `]`},
		{"beside a response", `"previous_response_id":"resp_1","input":[` + all + `,` + ask + `]`, once + next + `]`},
		{"beside a conversation", `"conversation":"conv_1","input":[` + call + `,` + ask + `]`, once + next + `]`},
		{"references to what is there", `"previous_response_id":"resp_1","input":[{"id":"msg_1"},{"type":"item_reference","id":"fc_1"},` + ask + `]`, once + next + `]`},
		{"written in another way", `"previous_response_id":"resp_1","input":[
			{ "role":"user", "id":"msg_1", "content":"H\u0069", "type":null },{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAAA"},
			{"status":"incomplete","type":"message","id":"msg_2","role":"assistant","content":[{"text":"\u00e9","type":"output_text"}]},
			{"id":"fc_1","type":"function_call","call_id":"c1","name":"f","namespace":null,"arguments":"{\u0022a\u0022:1}"},` + ask + `]`, once + next + `]`},
		{"a call and its result without ids", `"previous_response_id":"resp_1","input":[{"type":"function_call","call_id":"c1","name":"f","arguments":"{\"a\":1}"},{"type":"function_call_output","call_id":"c1","output":"1"},` + ask + `]`, once + next + `]`},
		{"the thinking's id first", `"input":[{"id":"msg_1","role":"user","content":"Hi"},{"type":"reasoning","id":"rs_0","summary":[]},` + strings.Replace(think, "rs_1", "rs_0", 1) + `,` + said + `]`,
			`[{"role":"user","content":"Hi"},{"role":"assistant","content":"é","reasoning":"hm"}]`},
		{"calls of one id, of nobody's items", `"input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"1"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"1"}]`,
			`[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"},` +
				`{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"}]`},
		{"a local shell's output that bears its call's id", `"input":[{"role":"user","content":"Hi"},{"type":"local_shell_call","id":"lsh_1","call_id":"c","action":{"type":"exec","command":["ls"]}},{"type":"local_shell_call_output","id":"lsh_1","output":"x"}]`,
			`[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"local_shell","arguments":"{\"command\":[\"ls\"]}"}}]},{"role":"tool","tool_call_id":"c","content":"x"}]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, _, p := remembering(t, m, `{"model":"think",`+test.body+`}`)
			if p != nil || gjson.Get(got, "messages").Raw != test.want {
				t.Errorf("%+v\ngot  %s\nwant %s", p, gjson.Get(got, "messages").Raw, test.want)
			}
		})
	}
	for name, body := range map[string]string{
		"another text":               `"input":[` + hi + `,` + strings.Replace(hi, `"Hi"`, `"Ho"`, 1) + `]`,
		"another text, beside":       `"previous_response_id":"resp_1","input":[` + strings.Replace(hi, `"Hi"`, `"Ho"`, 1) + `]`,
		"another part":               `"input":[` + hi + `,` + strings.Replace(hi, `}]`, `},{"type":"input_text","text":"Ho"}]`, 1) + `]`,
		"other arguments":            `"input":[` + hi + `,` + call + `,` + strings.Replace(call, `1}`, `2}`, 1) + `]`,
		"another type":               `"input":[` + hi + `,{"type":"reasoning","id":"msg_1","summary":[]}]`,
		"another thought":            `"input":[` + hi + `,` + think + `,` + strings.Replace(think, `hm`, `oh`, 1) + `]`,
		"one call_id under two ids":  `"input":[` + hi + `,` + call + `,` + strings.Replace(call, `fc_1`, `fc_2`, 1) + `]`,
		"the same beside a response": `"previous_response_id":"resp_1","input":[` + strings.Replace(call, `fc_1`, `fc_2`, 1) + `]`,
	} {
		_, _, p := remembering(t, m, `{"model":"think",`+body+`}`)
		if p == nil || p.Status != 400 || p.Param != "input" || p.Code != "" || !strings.HasPrefix(p.Message, "Duplicate item found with ") {
			t.Errorf("%s: %+v", name, p)
		}
	}
	// In a store that has it so already, the first counts.
	m.context = hi + "," + strings.Replace(hi, `"Hi"`, `"Ho"`, 1)
	if got, _, p := remembering(t, m, `{"model":"think","previous_response_id":"resp_1"}`); p != nil || gjson.Get(got, "messages").Raw != `[{"role":"user","content":"Hi"}]` {
		t.Errorf("%s %+v", got, p)
	}
}

func TestThinkingThatBringsItsIDAloneIsRecalled(t *testing.T) {
	m := memory{items: map[string]string{
		"rs_1":  `{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}`,
		"msg_1": `{"type":"message","id":"msg_1","role":"user","content":"no thought"}`, "bad": `{"type":`,
	}}
	for id, want := range map[string]string{"rs_1": `"hm"`, "rs_2": ``, "msg_1": ``, "bad": ``} {
		got, _, p := remembering(t, m, `{"model":"think","input":[{"role":"user","content":"Hi"},{"type":"reasoning","id":"`+id+`","summary":[]},{"role":"assistant","content":"a"}]}`)
		if p != nil || gjson.Get(got, "messages.1.reasoning").Raw != want || gjson.Get(got, "messages.1.content").String() != "a" {
			t.Errorf("%s: %s %+v", id, got, p)
		}
	}
	// Without a store, and with a text of its own, nothing is asked for.
	got, _ := ask(t, settings(t, "Qwen/X"), Create, `{"model":"think","input":[{"role":"user","content":"Hi"},{"type":"reasoning","id":"rs_1","summary":[]}]}`)
	if roles(got) != "u" {
		t.Errorf("%s", got)
	}
}

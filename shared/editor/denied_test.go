package editor

import (
	"strconv"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

func TestDeniedFieldsGoAndAreNamed(t *testing.T) {
	tests := []struct{ name, body, want, header string }{
		{"none", `{"model":"gpt-5","prompt":"a","seed":1}`, `{"model":"Qwen/X","prompt":"a","seed":1}`, ""},
		{"one", `{"model":"gpt-5","priority":-5,"prompt":"a"}`, `{"model":"Qwen/X","prompt":"a"}`, "priority"},
		{"several, one of them twice", `{"chat_template":"x","model":"gpt-5","priority":-5,"prompt":"a","prior\u0069ty":{"a":[]}}`,
			`{"model":"Qwen/X","prompt":"a"}`, "chat_template, priority"},
		{"one that the gateway reads too", `{"model":"gpt-5","prompt":"a","max_tokens":7}`, `{"model":"Qwen/X","prompt":"a"}`, "max_tokens"},
		{"not inside another", `{"model":"gpt-5","prompt":"a","vllm_xargs":{"priority":1}}`, `{"model":"Qwen/X","prompt":"a","vllm_xargs":{"priority":1}}`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			turn := newTurn(t, hub.ByDialect)
			turn.Denied = []string{"priority", "chat_template", "max_tokens"}
			var ed Editor
			got, p := ed.Edit(nil, []byte(test.body), turn, Form{Limits: true})
			if p != nil || string(got) != test.want {
				t.Errorf("%v %s", p, got)
			}
			header := ""
			for _, h := range turn.Request.ReplyHeader {
				header += h[1]
			}
			if header != test.header {
				t.Errorf("named are %q", header)
			}
			if test.header != "" && (turn.Request.Changes&hub.FieldsDenied == 0 || turn.Request.Limit != 0) {
				t.Errorf("%+v", turn.Request)
			}
		})
	}
}

// A request whose results are out of order is read twice: what was taken out is counted once, and
// what a dialect has left out before stays named.
func TestDeniedFieldsAreCountedOnce(t *testing.T) {
	turn := newTurn(t, hub.ByDialect)
	fields := ""
	for i := range 25 {
		name := "field" + strconv.Itoa(i)
		turn.Denied = append(turn.Denied, name)
		fields += `"` + name + `":1,`
	}
	turn.Request.IgnoreField([]byte("odd"))
	call := func(id string) string {
		return `{"id":"` + id + `","type":"function","function":{"name":"f","arguments":"{}"}}`
	}
	body := `{` + fields + `"model":"gpt-5","messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[` + call("a") + `,` + call("b") +
		`]},{"role":"tool","tool_call_id":"b","content":"b"},{"role":"tool","tool_call_id":"a","content":"a"}]}`
	var ed Editor
	_, p := ed.Edit(nil, []byte(body), turn, Form{Messages: true})
	got := turn.Request.DroppedFields.Join(" ")
	if p != nil || turn.Request.Changes&hub.ResultsSorted == 0 || !strings.HasPrefix(got, "odd field0 field1 ") || !strings.HasSuffix(got, " field18 6 more") {
		t.Errorf("%v %q", p, got)
	}
}

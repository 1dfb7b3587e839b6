package editor

import (
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

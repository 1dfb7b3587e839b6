package gateway

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// A client's own words come back in an error so that they are found, not all of them.
func TestAnErrorQuotesLittleOfWhatTheClientSent(t *testing.T) {
	long := strings.Repeat("é", 1<<19)
	const responses, messages, chat = "/v1/responses", "/v1/messages", "/v1/chat/completions"
	function := `{"type":"function","name":"f","parameters":{}}`
	tests := []struct{ name, method, path, body, says string }{
		{"a model", "POST", chat, `{"model":"LONG","messages":[]}`, "The models are qwen3.5-thinking-general"},
		{"a model of Responses", "POST", responses, `{"model":"LONG","input":"x"}`, "The models are qwen3.5-thinking-general"},
		{"a model of Messages", "POST", messages, `{"model":"LONG","max_tokens":1,"messages":[{"role":"user","content":"x"}]}`, "The models are qwen3.5-thinking-general"},
		{"a model of the list", "GET", "/v1/models/LONG", ``, "The models are qwen3.5-thinking-general"},
		{"a path that is switched off", "GET", "/LONG", ``, "switched off"},
		{"a method", "LONG", chat, ``, "is not allowed on " + chat + ", POST is."},
		{"a method and a path", "LONG", "/v1/models/LONG", ``, "GET is."},
		{"an item's reference", "POST", responses, `{"model":"gpt-5","input":[{"id":"LONG"}]}`, "at most 512"},
		{"an output's call", "POST", responses, `{"model":"gpt-5","input":[{"type":"function_call_output","call_id":"LONG","output":"x"}]}`, "Send the call before its output."},
		{"a response before", "POST", responses, `{"model":"gpt-5","input":"x","previous_response_id":"LONG"}`, "not found"},
		{"a key of metadata", "POST", responses, `{"model":"gpt-5","input":"x","metadata":{"LONG":"x"}}`, "has more."},
		{"a key of metadata without a string", "POST", responses, `{"model":"gpt-5","input":"x","metadata":{"LONG":1}}`, ""},
		{"a tool's name", "POST", responses, `{"model":"gpt-5","input":"x","tools":[{"type":"function","name":"LONG"}]}`, "does not match"},
		{"a tool choice", "POST", responses, `{"model":"gpt-5","input":"x","tools":[` + function + `],"tool_choice":{"type":"function","name":"LONG"}}`, "in tools."},
		{"a form", "POST", responses, `{"model":"gpt-5","input":"x","text":{"format":{"type":"LONG"}}}`, "is none of text"},
		{"an effort", "POST", responses, `{"model":"gpt-5","input":"x","reasoning":{"effort":"LONG"}}`, "is none of none"},
		{"a block's type", "POST", messages, `{"model":"gpt-5","max_tokens":1,"messages":[{"role":"user","content":[{"type":"LONG_tool_result"}]}]}`, "can't stand here."},
		{"a result's call", "POST", messages, `{"model":"gpt-5","max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"LONG"}]}]}`, "unexpected `tool_use_id` found in `tool_result` blocks"},
		{"a tool that stands twice", "POST", messages, `{"model":"gpt-5","max_tokens":1,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"LONG","input_schema":{}},{"name":"LONG","input_schema":{}}]}`, "stands twice."},
		{"a tool choice of Messages", "POST", messages, `{"model":"gpt-5","max_tokens":1,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool","name":"LONG"}}`, "is none of the tools"},
		{"a tool that runs elsewhere", "POST", messages, `{"model":"gpt-5","max_tokens":1,"messages":[{"role":"user","content":"x"}],"tools":[{"type":"code_execution_1","name":"LONG"}]}`, "there is no other tool."},
	}
	g := newGateway(t, `,"passthrough":false`, Edge{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := open(g, Env{}, strings.ReplaceAll(tt.method, "LONG", long), strings.ReplaceAll(tt.path, "LONG", long))
			answer := x.Plan().Answer
			if tt.body != "" && answer == nil {
				_, answer = x.Request(nil, []byte(strings.ReplaceAll(tt.body, "LONG", long)))
			}
			if answer == nil || answer.Status < 400 {
				t.Fatal("it is no error: ", answer)
			}
			if len(answer.Body) > 2000 || !utf8.Valid(answer.Body) || !gjson.ValidBytes(answer.Body) {
				t.Errorf("%d bytes: %.2000s", len(answer.Body), answer.Body)
			}
			if m := gjson.GetBytes(answer.Body, "error.message").String(); !strings.Contains(m, tt.says) {
				t.Errorf("%q is missing in %.2000s", tt.says, m)
			}
		})
	}
}

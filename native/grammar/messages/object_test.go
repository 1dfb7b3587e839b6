package messages_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/grammar/messages"
	"github.com/qwenvoy/qwenvoy/native/grammar/mutation"
)

// message is a whole message with a stop reason and content.
func message(reason, content string, others ...string) string {
	members := append([]string{
		`"id":"msg_0123456789abcdefABCD","type":"message","role":"assistant","model":"claude-qwen","container":null`,
		`"content":[` + content + `],"stop_reason":"` + reason + `"`,
		`"usage":{"input_tokens":3,"cache_creation_input_tokens":1,"cache_read_input_tokens":16,"output_tokens":9,
			"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens_details":{"thinking_tokens":4},"server_tool_use":null,"service_tier":"standard"}`,
	}, others...)
	if len(others) == 0 {
		members = append(members, `"stop_sequence":null,"stop_details":null`)
	}
	return "{" + strings.Join(members, ",") + "}"
}

const (
	thinking = `{"type":"thinking","thinking":"The user","signature":"qv1"}`
	text     = `{"type":"text","text":"Let me look.","citations":null}`
	call     = `{"type":"tool_use","id":"toolu_1","name":"Read","input":{"a":1}}`
	search   = `{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}}`
	found    = `{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":{"type":"web_search_tool_result_error","error_code":"unavailable"}}`
)

var goodMessages = map[string]string{
	"text":          message("end_turn", text),
	"calls":         message("tool_use", thinking+","+text+","+call),
	"a call cut":    message("max_tokens", call),
	"nothing":       message("model_context_window_exceeded", `{"type":"text","text":"","citations":null}`),
	"stop sequence": message("stop_sequence", text, `"stop_sequence":"END","stop_details":null`),
	"refusal":       message("refusal", call, `"stop_sequence":null,"stop_details":{"type":"refusal","category":null,"explanation":null}`),
	"search":        message("end_turn", search+","+found+","+text),
}

func TestGoodMessagesPass(t *testing.T) {
	for name, m := range goodMessages {
		for _, f := range messages.Object([]byte(m)) {
			t.Errorf("%s: %v", name, f)
		}
	}
}

// A message alone has no second place that says the same, so that a value may become
// another of its kind. But no key may go, be null or of another type.
func TestEveryMissingKeyOfAMessageIsSeen(t *testing.T) {
	exceptions := []struct{ path, change, why string }{
		{`content\[\d\]`, `delete`, "a block may be left out, unless the stop reason needs it"},
		{`.*input\.\w+`, `delete|null|type`, "the model's own input"},
	}
	for name, good := range goodMessages {
		d := json.NewDecoder(strings.NewReader(good))
		d.UseNumber()
		var object map[string]any
		if err := d.Decode(&object); err != nil {
			t.Fatal(err)
		}
		for _, m := range mutation.Objects(object) {
			if m.Change == "other" || len(messages.Object(m.Events[0].JSON())) > 0 {
				continue
			}
			why := ""
			for _, e := range exceptions {
				if matches(e.path, m.Path) && matches(e.change, m.Change) {
					why = e.why
				}
			}
			if why == "" {
				t.Errorf("%s: %s went unseen", name, m)
			}
		}
	}
}

func TestThePartsOfAMessageFit(t *testing.T) {
	tests := []struct{ name, message, fault string }{
		{"no block", message("end_turn", ""), "one that says nothing has one empty text block"},
		{"call and end_turn", message("end_turn", call), `stop_reason is "end_turn", but there is a tool_use block`},
		{"tool_use without call", message("tool_use", text), "there is no tool_use block"},
		{"id twice", message("tool_use", call+","+call), `content[1].id "toolu_1" was another block's`},
		{"empty text", message("tool_use", `{"type":"text","text":"\n","citations":null},`+call), "content[0] is text of white space only"},
		{"line feed behind thinking", message("end_turn", thinking+`,{"type":"text","text":"\n\nHi","citations":null}`), "begins with a line feed"},
		{"stop sequence missing", message("stop_sequence", text), "stop_sequence is missing or null"},
		{"stop sequence for nothing", message("end_turn", text, `"stop_sequence":"END","stop_details":null`), `stop_sequence is "END"; must be null`},
		{"result of no search", message("end_turn", found+","+text), "must be the id of a server_tool_use block before it"},
		{"input a string", message("tool_use", strings.Replace(call, `{"a":1}`, `"{}"`, 1)), `content[0].input is "{}"; must be an object`},
		{"thinking above output", strings.Replace(message("end_turn", text), `"thinking_tokens":4`, `"thinking_tokens":10`, 1), "they are a part of output_tokens, 9"},
		{"not JSON", "[", "is not JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { mustFail(t, messages.Object([]byte(tt.message)), tt.fault) })
	}
}

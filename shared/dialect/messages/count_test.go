package messages

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// What is counted must be what would be sent: the same messages, tools and arguments of
// the template, and nothing that /tokenize does not know.
func TestCountTokensAsksForWhatWouldBeSent(t *testing.T) {
	const newer = `,"upstreams":[{"model":"Qwen/Qwen3.8-Max"}]`
	for _, tt := range []struct{ name, settings, messages, more string }{
		{"the least", "", hello, ""},
		{"tools", "", hello, `,"tools":[{"name":"f","input_schema":{"type":"object"}},{"type":"bash_20250124","name":"bash"}],"tool_choice":{"type":"any","disable_parallel_tool_use":true}`},
		{"a folded system message", "", hello + `,{"role":"system","content":"S"}`, `,"system":[{"type":"text","text":"A"}]`},
		{"thinking off", "", hello, `,"thinking":{"type":"disabled"}`},
		{"thinking kept, more arguments", "", hello, `,"thinking":{"type":"enabled","budget_tokens":5000},"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"chat_template_kwargs":{"x":1}`},
		{"a prefill", "", hello + `,{"role":"assistant","content":"Well"}`, ""},
		{"a form beside tools", "", hello, `,"tools":[{"name":"f"}],"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}`},
		{"sampling and vLLM's own", "", hello, `,"stop_sequences":["x"],"temperature":1,"seed":1,"mm_processor_kwargs":{"a":1},"metadata":{"user_id":"u"}`},
		{"a result's images", "", `{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":[{"type":"image","source":{"type":"url","url":"u"}}]}]}`, ""},
	} {
		sent := translate(t, newTurn(t, tt.settings), chat(tt.messages, tt.more))
		turn := newTurn(t, tt.settings)
		out, p := CountTokens.Request(nil, []byte(strings.Replace(chat(tt.messages, tt.more), `"max_tokens":4096,`, "", 1)), turn)
		if p != nil {
			t.Errorf("%s: refused: %s", tt.name, p.Message)
			continue
		}
		for _, key := range []string{"model", "messages", "tools", "chat_template_kwargs", "add_generation_prompt", "continue_final_message", "mm_processor_kwargs"} {
			if got, want := gjson.GetBytes(out, key).Raw, gjson.Get(sent, key).Raw; got != want {
				t.Errorf("%s: %s is\n%s\nwant\n%s", tt.name, key, got, want)
			}
		}
		gjson.ParseBytes(out).ForEach(func(key, _ gjson.Result) bool {
			switch key.String() {
			case "model", "messages", "tools", "chat_template_kwargs", "add_generation_prompt", "continue_final_message", "mm_processor_kwargs":
			default:
				t.Errorf("%s: /tokenize is told %s", tt.name, key)
			}
			return true
		})
		words := slices.Contains(turn.Request.ReplyHeader, [2]string{hub.FormatHeader, "words"})
		if h := turn.Request.ReplyHeader; h[0][0] != "request-id" || words != (tt.name == "a form beside tools") || len(h) > 2 || len(h) == 2 && !words {
			t.Errorf("%s: the header is %v", tt.name, turn.Request.ReplyHeader)
		}
	}

	// The effort that a chat request names reaches the template as an argument.
	out, _ := CountTokens.Request(nil, []byte(`{"model":"claude-x","messages":[`+hello+`],"output_config":{"effort":"high"}}`), newTurn(t, newer))
	expect(t, string(out), "chat_template_kwargs.reasoning_effort", `"xhigh"`, "reasoning_effort", "")
}

// Claude Code counts each of its tools alone; nothing about that may fail.
func TestCountTokensRefusesNoTool(t *testing.T) {
	for _, list := range []string{`{"type":"web_search_20250305","name":"web_search"}`, `{"type":"code_execution_20250825","name":"code_execution"}`, `{"name":"f","defer_loading":true}`} {
		for _, choice := range []string{"", `,"tool_choice":{"type":"any"}`, `,"tool_choice":{"type":"tool","name":"web_search"}`} {
			turn := newTurn(t, `,"unsupported_tools":"reject"`)
			out, p := CountTokens.Request(nil, []byte(`{"model":"claude-x","messages":[{"role":"user","content":"foo"}],"tools":[`+list+`]`+choice+`}`), turn)
			if p != nil || turn.Request.Answer != nil {
				t.Errorf("%s%s: %+v", list, choice, p)
				continue
			}
			expect(t, string(out), "tools", "", "messages.#", "1")
		}
	}
}

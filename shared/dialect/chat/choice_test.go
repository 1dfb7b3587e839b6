package chat

import (
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// play takes chunks through a stream and returns the events' data, a line each. A chunk is
// written as the members of its choices, without index 0.
func play(t *testing.T, model string, script ...string) string {
	t.Helper()
	turn := newTurn(t, model, hub.OnlyReasoning)
	turn.Request.HideUsage = true
	s := Chat.Stream(turn)
	var out []byte
	done := false
	for _, step := range script {
		if step != "[DONE]" {
			step = `{"choices":[` + step + `]}`
		}
		if out, done = s.Event(out, nil, []byte(step), true); done {
			break
		}
	}
	text := strings.ReplaceAll(strings.TrimSuffix(string(out), "\n\n"), "\n\n", "\n")
	return strings.ReplaceAll(text, "data: ", "")
}

func TestChoicesAreFollowedFromChunkToChunk(t *testing.T) {
	const cut = `{"error":{"message":"The model server's answer ended before it was complete.","type":"server_error","param":null,"code":502}}`
	off := func(reason string) string {
		return `{"error":{"message":"The model server broke its answer off (finish_reason \"` + reason + `\").","type":"server_error","param":null,"code":502}}`
	}
	call := func(rest string) string { return `{"delta":{"tool_calls":[` + rest + `]}}` }
	for _, tt := range []struct {
		name         string
		script, want []string
	}{
		{"nothing said in any choice", []string{`{"delta":{"role":"assistant","content":""}}`, `{"index":1,"delta":{"content":null,"reasoning":"","tool_calls":[]}}`, "[DONE]"},
			[]string{`{"delta":{"role":"assistant","content":""}}`, `{"index":1,"delta":{"content":null,"reasoning":"","tool_calls":[]}}`, cut, "[DONE]"}},
		{"thinking said", []string{`{"delta":{"reasoning":"a"}}`, "[DONE]"}, []string{`{"delta":{"reasoning":"a"}}`, "[DONE]"}},
		{"a call open in the second choice", []string{`{"delta":{"content":"a"}}`, `{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]}}`, "[DONE]"},
			[]string{`{"delta":{"content":"a"}}`, `{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]}}`, cut, "[DONE]"}},
		{"a reason behind an open call of no arguments", []string{call(`{"index":0,"function":{"name":"f"}}`), `{"delta":{},"finish_reason":"tool_calls"}`, "[DONE]"},
			[]string{call(`{"index":0,"function":{"name":"f"}}`), `{"delta":{},"finish_reason":"tool_calls"}`, "[DONE]"}},
		{"a cut call in the same chunk as the reason", []string{`{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{\"a\\\""}}]},"finish_reason":"stop"}`, "[DONE]"},
			[]string{`{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{\"a\\\""}}]},"finish_reason":"length"}`, "[DONE]"}},
		{"a filter that cut a call", []string{call(`{"index":0,"function":{"name":"f","arguments":"{"}}`), `{"delta":{},"finish_reason":"content_filter"}`, "[DONE]"},
			[]string{call(`{"index":0,"function":{"name":"f","arguments":"{"}}`), `{"delta":{},"finish_reason":"content_filter"}`, "[DONE]"}},
		{"only the choice that was cut says so", []string{call(`{"index":0,"function":{"name":"f","arguments":"{"}}`), `{"index":1,"delta":{},"finish_reason":"stop"}`, `{"delta":{},"finish_reason":"stop"}`, "[DONE]"},
			[]string{call(`{"index":0,"function":{"name":"f","arguments":"{"}}`), `{"index":1,"delta":{},"finish_reason":"stop"}`, `{"delta":{},"finish_reason":"length"}`, "[DONE]"}},
		{"a failure of one choice of two", []string{`{"delta":{"content":"a"}},{"index":1,"delta":{},"finish_reason":"error"}`, `{"delta":{"content":"b"}}`, "[DONE]"},
			[]string{off("error"), "[DONE]"}},
		{"choices of no place", []string{`{"index":-1,"delta":{"reasoning":"a"}}`, `{"index":1000000000,"delta":{"content":"\na"},"finish_reason":"repetition"}`, "[DONE]"},
			[]string{`{"index":-1,"delta":{"reasoning":"a"}}`, `{"index":1000000000,"delta":{"content":"\na"},"finish_reason":"length"}`, "[DONE]"}},
		{"line feeds of each choice behind its own thinking", []string{`{"delta":{"reasoning":"a"}}`, `{"index":1,"delta":{"content":"\nb"}}`, `{"delta":{"content":"\r\n\nb"}}`, `{"delta":{"content":"\n"}}`, "[DONE]"},
			[]string{`{"delta":{"reasoning":"a"}}`, `{"index":1,"delta":{"content":"\nb"}}`, `{"delta":{"content":"b"}}`, `{"delta":{"content":"\n"}}`, "[DONE]"}},
		{"line feeds behind thinking in one chunk", []string{`{"delta":{"content":"\n\n b","reasoning_content":"a"}}`, "[DONE]"}, []string{`{"delta":{"content":" b","reasoning":"a"}}`, "[DONE]"}},
		{"thinking again", []string{`{"delta":{"reasoning":"a"}}`, `{"delta":{"content":"b"}}`, `{"delta":{"reasoning":"c"}}`, `{"delta":{"content":"\nd"}}`, "[DONE]"},
			[]string{`{"delta":{"reasoning":"a"}}`, `{"delta":{"content":"b"}}`, `{"delta":{"reasoning":"c"}}`, `{"delta":{"content":"d"}}`, "[DONE]"}},
		{"pieces of one call, its name behind its arguments", []string{call(`{"index":2,"function":{"arguments":"{"}},null,{"index":2,"id":"x","function":{"name":"f","arguments":"}"}}`), "[DONE]"},
			[]string{call(`{"index":2,"id":"x","type":"function","function":{"name":"f","arguments":"{}"}}`), "[DONE]"}},
		{"two calls of one index stay two", []string{call(`{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}},{"index":0,"id":"y","function":{"name":"f","arguments":"{}"}}`), "[DONE]"},
			[]string{call(`{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}},{"index":1,"id":"y","function":{"name":"f","arguments":"{}"}}`), "[DONE]"}},
		{"two calls of one index, over chunks", []string{call(`{"index":0,"id":"x","function":{"name":"f","arguments":"{"}}`), call(`{"index":0,"function":{"arguments":"}"}}`),
			call(`{"id":"y","x":1,"index": 0 ,"function":{"name":"g","arguments":"{"}}`), call(`{"index":0,"function":{"arguments":"}"}}`), call(`{"index":1,"id":"z","function":{"name":"h","arguments":"{}"}}`), "[DONE]"},
			[]string{call(`{"index":0,"id":"x","function":{"name":"f","arguments":"{"}}`), call(`{"index":0,"function":{"arguments":"}"}}`),
				call(`{"id":"y","x":1,"index": 1 ,"function":{"name":"g","arguments":"{"}}`), call(`{"index":1,"function":{"arguments":"}"}}`), call(`{"index":2,"id":"z","function":{"name":"h","arguments":"{}"}}`), "[DONE]"}},
		{"two calls of one index, the second without an id", []string{call(`{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}}`), call(`{"index":0,"function":{"name":"f","arguments":"{}"}}`), "[DONE]"},
			[]string{call(`{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}}`), call(`{"index":1,"function":{"name":"f","arguments":"{}"}}`), "[DONE]"}},
		{"a name that is said again", []string{call(`{"index":0,"id":"x","function":{"name":"f","arguments":"{"}}`), call(`{"index":0,"function":{"name":"f","arguments":"}"}}`), call(`{"index":0,"function":{"name":"f","arguments":""}}`), "[DONE]"},
			[]string{call(`{"index":0,"id":"x","function":{"name":"f","arguments":"{"}}`), call(`{"index":0,"function":{"name":"f","arguments":"}"}}`), call(`{"index":0,"function":{"name":"f","arguments":""}}`), "[DONE]"}},
		{"calls without an index", []string{call(`{ "id":"x","function":{"name":"f","arguments":"{}"},"x":1},{"id":"y","function":{"name":"f","arguments":"{"}}`), call(`{"function":{"arguments":"}"}},{}`), "[DONE]"},
			[]string{call(`{"index":0,"id":"x","function":{"name":"f","arguments":"{}"},"x":1},{"index":1,"id":"y","function":{"name":"f","arguments":"{"}}`), call(`{"index":1,"function":{"arguments":"}"}}`), "[DONE]"}},
		{"a call of the old form that is cut", []string{`{"delta":{"function_call":{"name":"f","arguments":"{\"a\""}}}`, `{"delta":{},"finish_reason":"function_call"}`, "[DONE]"},
			[]string{`{"delta":{"function_call":{"name":"f","arguments":"{\"a\""}}}`, `{"delta":{},"finish_reason":"length"}`, "[DONE]"}},
		{"a call of the old form", []string{`{"delta":{"function_call":{"name":"f","arguments":"{"}}}`, `{"delta":{"function_call":{"arguments":"}"}},"finish_reason":"function_call"}`, "[DONE]"},
			[]string{`{"delta":{"function_call":{"name":"f","arguments":"{"}}}`, `{"delta":{"function_call":{"arguments":"}"}},"finish_reason":"function_call"}`, "[DONE]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := make([]string, len(tt.want))
			for i, w := range tt.want {
				if want[i] = w; w != "[DONE]" && !strings.HasPrefix(w, `{"error"`) {
					want[i] = `{"choices":[` + w + `]}`
				}
			}
			if got := play(t, "qwen3.5-thinking-general", tt.script...); got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
}

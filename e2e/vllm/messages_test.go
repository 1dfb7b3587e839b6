package vllm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

const messagesPath = "/v1/messages"

// message makes a Messages request at temperature 0, with a limit under which a model that thinks does.
func message(model string, more m, messages ...any) m {
	return with(m{"model": model, "max_tokens": 1024, "messages": messages, "temperature": 0}, more)
}

var weatherTool = l{m{"name": "get_weather", "description": "Weather of a city",
	"input_schema": m{"type": "object", "properties": m{"city": m{"type": "string"}, "days": m{"type": "integer"}}, "required": l{"city"}}}}

// messageBothWays asks for a message whole and as a stream, whose pieces must say the same.
func messageBothWays(t *testing.T, url string, request m) gjson.Result {
	t.Helper()
	whole := ask(t, "POST", url+messagesPath, request)
	wantStatus(t, whole, 200)
	stream := ask(t, "POST", url+messagesPath, with(request, m{"stream": true}))
	wantStatus(t, stream, 200)
	checkMessagesStream(t, stream.raw)
	for _, c := range []struct{ pieces, whole string }{
		{"delta.text", "content.#.text"}, {"delta.thinking", "content.#.thinking"}, {"delta.partial_json", "content.#.input"},
		{"delta.stop_reason", "stop_reason"}, {"content_block.name", "content.#.name"},
	} {
		var parts []string
		value := whole.get(c.whole)
		if value.IsArray() {
			for _, v := range value.Array() {
				parts = append(parts, v.String())
			}
		} else {
			parts = append(parts, value.String())
		}
		if got := stream.sum(c.pieces); got != strings.Join(parts, "") {
			t.Errorf("%s sums up to %q, whole %q", c.pieces, got, parts)
		}
	}
	return whole.whole
}

func TestMessages(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		r := messageBothWays(t, url, message(thinking, m{"thinking": m{"type": "adaptive"}}, user("What is 2+2?")))
		want(t, "blocks", r.Get("content.#.type"), `["thinking","text"]`)
		want(t, "thought", r.Get("content.0.thinking"), "Two plus two is four.\n")
		want(t, "text", r.Get("content.1.text"), "2 + 2 = 4.")
		want(t, "stop_reason", r.Get("stop_reason"), "end_turn")
		want(t, "model", r.Get("model"), thinking)

		for _, model := range []string{thinking, "claude-sonnet-4-5"} {
			r = messageBothWays(t, url, message(model, nil, user("What is 2+2?")))
			want(t, "blocks where nobody asked for thinking", r.Get("content.#.type"), `["text"]`)
		}
		r = messageBothWays(t, url, message(instruct, m{"thinking": m{"type": "adaptive"}}, user("What is 2+2?")))
		want(t, "blocks without thinking", r.Get("content.#.type"), `["text"]`)
		r = messageBothWays(t, url, message(thinking, m{"thinking": m{"type": "disabled"}}, user("What is 2+2?")))
		want(t, "blocks with thinking disabled", r.Get("content.#.type"), `["text"]`)
		r = messageBothWays(t, url, message("claude-sonnet-4-5", m{"thinking": m{"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}, user("What is 2+2?")))
		want(t, "blocks with a budget", r.Get("content.#.type"), `["thinking","text"]`)

		r = messageBothWays(t, url, message(instruct, m{"system": l{m{"type": "text", "text": "Be brief.", "cache_control": m{"type": "ephemeral"}}}},
			user("hello"), system("Be kind."), assistant("Hello!"), user("What is 2+2?"), system("Be exact.")))
		want(t, "stop_reason with late system messages", r.Get("stop_reason"), "end_turn")
	})
}

func TestMessagesToolsAndTheirResults(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		question := user("Weather in Rome and Oslo?")
		r := messageBothWays(t, url, message(thinking, m{"tools": weatherTool}, question))
		want(t, "blocks", r.Get("content.#.type"), `["thinking","tool_use","tool_use"]`)
		want(t, "first call", r.Get("content.1.input"), `{"city": "Rome"}`)
		want(t, "second call", r.Get("content.2.input"), `{"city": "Oslo"}`)
		want(t, "stop_reason", r.Get("stop_reason"), "tool_use")

		results := l{m{"type": "tool_result", "tool_use_id": r.Get("content.2.id").String(), "content": "rain"},
			m{"type": "tool_result", "tool_use_id": r.Get("content.1.id").String(), "content": l{m{"type": "text", "text": "sunny"}}},
			m{"type": "text", "text": "Which is better?"}}
		r = messageBothWays(t, url, message(thinking, m{"tools": weatherTool}, question, m{"role": "assistant", "content": r.Get("content").Value()}, m{"role": "user", "content": results}))
		if reason := r.Get("stop_reason").String(); reason != "end_turn" && reason != "tool_use" && reason != "max_tokens" {
			t.Errorf("stop_reason %q after the results", reason)
		}
		r = messageBothWays(t, url, message(instruct, m{"tools": weatherTool, "tool_choice": m{"type": "tool", "name": "get_weather"}}, user("Weather in Paris?")))
		want(t, "stop_reason of a named call", r.Get("stop_reason"), "tool_use")
	})
}

func TestMessagesOtherAnswers(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		r := messageBothWays(t, url, message(instruct, m{"stop_sequences": l{"5"}}, user("Count to ten")))
		want(t, "stop_reason", r.Get("stop_reason"), "stop_sequence")
		want(t, "stop_sequence", r.Get("stop_sequence"), "5")
		r = messageBothWays(t, url, message(instruct, m{"max_tokens": 4}, user("Count to ten")))
		want(t, "stop_reason of a cut text", r.Get("stop_reason"), "max_tokens")
		r = messageBothWays(t, url, message(instruct, m{"output_config": m{"format": m{"type": "json_schema", "schema": m{"type": "object", "properties": m{"city": m{"type": "string"}}, "required": l{"city"}}}}}, user("Give me JSON")))
		if text := r.Get("content.0.text").String(); !gjson.Valid(text) || !gjson.Get(text, "city").Exists() {
			t.Errorf("structured output %q", text)
		}
		r = messageBothWays(t, url, message(instruct, m{"max_tokens": 20}, user("Count to ten"), assistant("1 2 3")))
		if text := r.Get("content.0.text").String(); !strings.HasPrefix(strings.TrimSpace(text), "4") {
			t.Errorf("a turn begun by the client goes on with %q", text)
		}

		request := message(thinking, m{"thinking": m{"type": "adaptive"}, "tools": weatherTool, "system": "Be kind."}, user("hello"), system("Be brief."), assistant("Hello!"), user("What is 2+2?"))
		used := ask(t, "POST", url+messagesPath, with(request, m{"max_tokens": 1}))
		wantStatus(t, used, 200)
		counted := ask(t, "POST", url+messagesPath+"/count_tokens", with(request, m{"max_tokens": nil}))
		wantStatus(t, counted, 200)
		if n := used.get("usage.input_tokens").Int() + used.get("usage.cache_read_input_tokens").Int() + used.get("usage.cache_creation_input_tokens").Int(); n != counted.get("input_tokens").Int() {
			t.Errorf("counted %d, used %d", counted.get("input_tokens").Int(), n)
		}
	})
}

// Requests of a real Claude Code, their long texts shortened to fit the model's window:
// what counts is that Qwen's template takes their shape.
func TestMessagesTakeTheShapeOfClaudeCodesRequests(t *testing.T) {
	files, err := filepath.Glob("../agents/testdata/claude-code-*turn*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no requests of Claude Code found (%v)", err)
	}
	onBothEdges(t, func(t *testing.T, url string) {
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var request m
			if err := json.Unmarshal(text, &request); err != nil {
				t.Fatal(err)
			}
			request = shortened(request, 60).(m)
			// Few tools, too: their schemas are long.
			if tools, _ := request["tools"].(l); len(tools) > 4 {
				request["tools"] = tools[:4]
			}
			t.Run(filepath.Base(file), func(t *testing.T) {
				// The limit may cut a call, which a stream has begun to show by then and a
				// whole reply leaves out: the two need not be equal here.
				request = with(request, m{"stream": nil, "temperature": 0, "max_tokens": 60})
				wantStatus(t, ask(t, "POST", url+messagesPath, request), 200)
				stream := ask(t, "POST", url+messagesPath, with(request, m{"stream": true}))
				wantStatus(t, stream, 200)
				checkMessagesStream(t, stream.raw)
			})
		}
	})
}

// shortened is a value whose texts are cut to so many bytes.
func shortened(v any, n int) any {
	switch v := v.(type) {
	case string:
		if len(v) > n {
			return strings.ToValidUTF8(v[:n], "")
		}
	case m:
		for k := range v {
			v[k] = shortened(v[k], n)
		}
	case l:
		for i := range v {
			v[i] = shortened(v[i], n)
		}
	}
	return v
}

func TestMessagesErrors(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		for _, stream := range []bool{false, true} {
			a := ask(t, "POST", url+messagesPath, message(instruct, m{"stream": stream}, user(strings.Repeat("hello ", 9000))))
			wantStatus(t, a, 400)
			want(t, "type", a.get("type"), "error")
			if text := a.get("error.message").String(); !strings.HasPrefix(text, "prompt is too long") {
				t.Errorf("an overflow says %q", text)
			}
			a = ask(t, "POST", url+messagesPath, message("llama", m{"stream": stream}, user("hello")))
			wantStatus(t, a, 404)
			want(t, "type of an unknown model", a.get("error.type"), "not_found_error")
			a = ask(t, "POST", url+messagesPath, message(instruct, m{"stream": stream, "temperature": -1}, user("hello")))
			wantStatus(t, a, 400)
			want(t, "type of a bad value", a.get("error.type"), "invalid_request_error")
		}
	})
}

package vllm

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/sse"
)

const (
	real     = "Qwen/Qwen3.5-397B-A17B-FP8"
	thinking = "qwen3.5-thinking-general"
	instruct = "qwen3.5-instruct-general"
)

type (
	m = map[string]any
	l = []any
)

func user(text string) m      { return m{"role": "user", "content": text} }
func system(text string) m    { return m{"role": "system", "content": text} }
func assistant(text string) m { return m{"role": "assistant", "content": text} }

var weather = l{m{"type": "function", "function": m{"name": "get_weather", "description": "Weather of a city",
	"parameters": m{"type": "object", "properties": m{"city": m{"type": "string"}, "days": m{"type": "integer"}}, "required": l{"city"}}}}}

// chat makes a request at temperature 0, where the model's words are certain.
func chat(model string, more m, messages ...any) m {
	r := m{"model": model, "messages": messages, "temperature": 0}
	for k, v := range more {
		r[k] = v
	}
	return r
}

// answer is a reply; whole is its JSON, events the data of a stream's events.
type answer struct {
	status int
	header http.Header
	raw    []byte
	whole  gjson.Result
	events []string
}

// get reads a value of a whole reply.
func (a *answer) get(path string) gjson.Result { return a.whole.Get(path) }

// sum joins a value of all events.
func (a *answer) sum(path string) string {
	var b strings.Builder
	for _, e := range a.events {
		b.WriteString(gjson.Get(e, path).String())
	}
	return b.String()
}

// A first request with a grammar takes vLLM 13 s. Redirects are answers too.
var client = &http.Client{Timeout: 2 * time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func encode(t *testing.T, body any) string {
	t.Helper()
	if text, ok := body.(string); ok {
		return text
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ask sends a request with a body of JSON, or none for nil.
func ask(t *testing.T, method, url string, body any) *answer {
	t.Helper()
	return askAs(t, method, url, body, "application/json")
}

func askAs(t *testing.T, method, url string, body any, contentType string) *answer {
	t.Helper()
	var text io.Reader
	if body != nil {
		text = strings.NewReader(encode(t, body))
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, text)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("content-type", contentType)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := &answer{status: resp.StatusCode, header: resp.Header, raw: reply}
	if strings.HasPrefix(resp.Header.Get("content-type"), "text/event-stream") {
		var f sse.Framer
		f.Feed(reply)
		for ev, ok := f.Next(); ok; ev, ok = f.Next() {
			if ev.HasData {
				a.events = append(a.events, string(ev.Data))
			}
		}
		return a
	}
	a.whole = gjson.ParseBytes(reply)
	return a
}

// want checks a value.
func want(t *testing.T, what string, got gjson.Result, value string) {
	t.Helper()
	if got.String() != value {
		t.Errorf("%s is %q, want %q", what, got.String(), value)
	}
}

func wantStatus(t *testing.T, a *answer, status int) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.whole.Raw)
	}
}

// wantStream checks what every chat stream of ours must be: the client's model name in
// each chunk, one finish_reason for each choice, [DONE] once and last.
func wantStream(t *testing.T, a *answer, model string) {
	t.Helper()
	wantStatus(t, a, 200)
	if len(a.events) == 0 || a.events[len(a.events)-1] != "[DONE]" || strings.Count(strings.Join(a.events, "\n"), "[DONE]") != 1 {
		t.Fatalf("the stream does not end in one [DONE]: %q", a.events)
	}
	for _, e := range a.events[:len(a.events)-1] {
		if got := gjson.Get(e, "model").String(); got != model {
			t.Fatalf("model %q in %s, want %q", got, e, model)
		}
	}
}

func TestThinkingFollowsTheVirtualModel(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		a := ask(t, "POST", url+"/v1/chat/completions", chat(thinking, nil, user("What is 2+2?")))
		wantStatus(t, a, 200)
		want(t, "model", a.get("model"), thinking)
		want(t, "reasoning", a.get("choices.0.message.reasoning"), "Two plus two is four.\n")
		want(t, "reasoning_content", a.get("choices.0.message.reasoning_content"), "Two plus two is four.\n")
		want(t, "content", a.get("choices.0.message.content"), "2 + 2 = 4.")

		a = ask(t, "POST", url+"/v1/chat/completions", chat(instruct, nil, user("What is 2+2?")))
		want(t, "content", a.get("choices.0.message.content"), "2 + 2 = 4.")
		want(t, "reasoning", a.get("choices.0.message.reasoning"), "")

		a = ask(t, "POST", url+"/v1/chat/completions", chat(thinking, m{"reasoning_effort": "none"}, user("What is 2+2?")))
		want(t, "content without effort", a.get("choices.0.message.content"), "2 + 2 = 4.")

		a = ask(t, "POST", url+"/v1/chat/completions", chat(instruct, m{"reasoning_effort": "high", "chat_template_kwargs": m{"enable_thinking": true}}, user("What is 2+2?")))
		want(t, "content of a model that does not think", a.get("choices.0.message.content"), "2 + 2 = 4.")
	})
}

func TestStreams(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		a := ask(t, "POST", url+"/v1/chat/completions", chat("claude-opus", m{"stream": true}, user("Say café and 你好 🙂")))
		wantStream(t, a, "claude-opus")
		for path, text := range map[string]string{
			"choices.0.delta.reasoning":         "Some words beyond ASCII: naïve, 世界 🌍.\n",
			"choices.0.delta.reasoning_content": "Some words beyond ASCII: naïve, 世界 🌍.\n",
			"choices.0.delta.content":           "café 你好 🙂",
			"choices.0.finish_reason":           "stop",
			"usage.prompt_tokens":               "",
		} {
			if got := a.sum(path); got != text {
				t.Errorf("%s is %q, want %q", path, got, text)
			}
		}
		a = ask(t, "POST", url+"/v1/chat/completions", chat(instruct, m{"stream": true, "stream_options": m{"include_usage": true}}, user("Count to ten")))
		wantStream(t, a, instruct)
		if got := a.sum("choices.0.delta.content"); got != "1 2 3 4 5 6 7 8 9 10" || a.sum("choices.0.delta.reasoning") != "" {
			t.Errorf("content %q", got)
		}
		if a.sum("usage.prompt_tokens") == "" {
			t.Error("the usage that was asked for did not come")
		}
		a = ask(t, "POST", url+"/v1/chat/completions", chat(thinking, m{"stream": true, "n": 2, "temperature": 0.01, "logprobs": true, "top_logprobs": 1}, user("hello")))
		wantStream(t, a, thinking)
		if a.sum(`choices.#(index==1).delta.content`) == "" || a.sum("choices.0.logprobs.content.0.token") == "" {
			t.Errorf("a choice or its log probabilities are missing: %q", a.events)
		}
	})
}

// Each of these is a 400 of Qwen's template, or was one on older servers.
func TestSystemMessagesGoWhereTheTemplateTakesThem(t *testing.T) {
	parts := m{"role": "system", "content": l{m{"type": "text", "text": "Be brief."}}}
	onBothEdges(t, func(t *testing.T, url string) {
		for name, messages := range map[string]l{
			"several":        {system("Be kind."), parts, user("hello")},
			"late":           {user("hello"), assistant("Hello!"), system("Be kind."), user("What is 2+2?")},
			"developer":      {m{"role": "developer", "content": "Be kind."}, user("hello")},
			"late developer": {system("Be kind."), user("hello"), m{"role": "developer", "content": "Be brief."}},
		} {
			for _, stream := range []bool{false, true} {
				a := ask(t, "POST", url+"/v1/chat/completions", chat(instruct, m{"stream": stream, "max_tokens": 8}, messages...))
				if a.status != 200 {
					t.Errorf("%s, stream %t: %d %s", name, stream, a.status, a.whole.Raw)
				}
			}
		}
	})
}

func TestToolsAndTheirResults(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		tools := m{"tools": weather}
		a := ask(t, "POST", url+"/v1/chat/completions", chat(thinking, tools, user("Weather in Rome and Oslo?")))
		wantStatus(t, a, 200)
		want(t, "finish", a.get("choices.0.finish_reason"), "tool_calls")
		want(t, "first call", a.get("choices.0.message.tool_calls.0.function.arguments"), `{"city": "Rome"}`)
		want(t, "second call", a.get("choices.0.message.tool_calls.1.function.arguments"), `{"city": "Oslo"}`)

		a = ask(t, "POST", url+"/v1/chat/completions", chat(thinking, m{"tools": weather, "stream": true}, user("Weather in Rome and Oslo?")))
		wantStream(t, a, thinking)
		if got := a.sum("choices.0.delta.tool_calls.0.function.arguments"); got != `{"city": "Rome"}{"city": "Oslo"}` {
			t.Errorf("streamed arguments %q", got)
		}

		// A flat tool of the Responses API, and arguments that poison a history.
		flat := l{m{"type": "function", "name": "get_weather", "description": "Weather of a city", "parameters": m{"type": "object", "properties": m{"city": m{"type": "string"}}}}}
		for _, arguments := range []any{`{"city": "Paris"}`, `{"city": "Par`, "", nil, "not JSON", m{"city": "Paris"}} {
			turn := m{"role": "assistant", "content": nil, "reasoning_content": "A call is needed.\n",
				"tool_calls": l{m{"id": "call_1", "type": "function", "function": m{"name": "get_weather", "arguments": arguments}}}}
			a := ask(t, "POST", url+"/v1/chat/completions", chat(thinking, m{"tools": flat, "max_tokens": 20}, user("Weather in Paris?"), turn, m{"role": "tool", "tool_call_id": "call_1", "content": "sunny"}))
			if a.status != 200 {
				t.Errorf("arguments %v: %d %s", arguments, a.status, a.whole.Raw)
			}
		}
		a = ask(t, "POST", url+"/v1/chat/completions", chat(thinking, m{"tools": l{}, "tool_choice": "auto"}, user("hello")))
		wantStatus(t, a, 200)
	})
}

func TestACutCallSaysSo(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		whole := ask(t, "POST", url+"/v1/chat/completions", chat(instruct, m{"tools": weather}, user("Weather in Rome and Oslo?")))
		wantStatus(t, whole, 200)
		tokens := int(whole.get("usage.completion_tokens").Int())
		cut := 0
		for limit := tokens - 12; limit < tokens-1; limit++ {
			a := ask(t, "POST", url+"/v1/chat/completions", chat(instruct, m{"tools": weather, "max_tokens": limit}, user("Weather in Rome and Oslo?")))
			if a.get("choices.0.message.tool_calls.#").Int() > 0 {
				cut++
				want(t, "finish", a.get("choices.0.finish_reason"), "length")
			}
		}
		if cut == 0 {
			t.Error("no limit cut a call; the test shows nothing")
		}
	})
}

func TestLimitsOverTheWindowAreClamped(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		wantStatus(t, ask(t, "POST", url+"/v1/chat/completions", chat(instruct, m{"max_tokens": 64000}, user("hello"))), 200)
		wantStatus(t, ask(t, "POST", url+"/v1/completions", m{"model": instruct, "prompt": "hello", "max_tokens": 32000, "stop": "\n", "temperature": 0}), 200)
	})
}

func TestOtherAnswers(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		a := ask(t, "POST", url+"/v1/chat/completions", chat(instruct, m{"response_format": m{"type": "json_object"}}, user("Give me JSON")))
		wantStatus(t, a, 200)
		if !gjson.Valid(a.get("choices.0.message.content").String()) {
			t.Errorf("no JSON: %s", a.whole.Raw)
		}
		a = ask(t, "POST", url+"/v1/chat/completions", chat(instruct, m{"stop": l{"5"}}, user("Count to ten")))
		want(t, "content up to the stop", a.get("choices.0.message.content"), "1 2 3 4 ")

		for _, stream := range []bool{false, true} {
			a = ask(t, "POST", url+"/v1/completions", m{"model": "gpt-4", "prompt": "hello", "max_tokens": 5, "stream": stream, "temperature": 0})
			wantStatus(t, a, 200)
			if stream {
				wantStream(t, a, "gpt-4")
			} else {
				want(t, "model", a.get("model"), "gpt-4")
			}
		}
	})
}

func TestModels(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		a := ask(t, "GET", url+"/v1/models", nil)
		wantStatus(t, a, 200)
		want(t, "names", a.get("data.#.id"), `["qwen3.5-thinking-general","qwen3.5-thinking-coding","qwen3.5-instruct-general","qwen3.5-instruct-reasoning",`+
			`"qwen-thinking-general","qwen-thinking-coding","qwen-instruct-general","qwen-instruct-reasoning","`+real+`"]`)
		want(t, "window", a.get("data.3.max_model_len"), "8192")
		a = ask(t, "GET", url+"/v1/models/gpt-5", nil)
		want(t, "one", a.get("id"), "gpt-5")
	})
}

// The count is that of the prompt which chat will really use.
func TestTokenizeCountsWhatChatUses(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		for _, model := range []string{thinking, instruct} {
			request := chat(model, m{"tools": weather, "max_tokens": 1}, system("Be kind."), user("hello"), assistant("Hello!"), system("Be brief."), user("What is 2+2?"))
			used := ask(t, "POST", url+"/v1/chat/completions", request)
			wantStatus(t, used, 200)
			counted := ask(t, "POST", url+"/tokenize", request)
			wantStatus(t, counted, 200)
			want(t, "count for "+model, counted.get("count"), used.get("usage.prompt_tokens").String())
		}
		a := ask(t, "POST", url+"/tokenize", m{"prompt": "hello", "return_token_strs": true})
		wantStatus(t, a, 200)
		back := ask(t, "POST", url+"/detokenize", m{"model": thinking, "tokens": a.get("tokens").Value()})
		want(t, "detokenized", back.get("prompt"), "hello")
	})
}

func TestErrors(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		a := ask(t, "POST", url+"/v1/chat/completions", chat("llama", nil, user("hello")))
		wantStatus(t, a, 404)
		want(t, "type", a.get("error.type"), "model_not_found")
		wantStatus(t, ask(t, "POST", url+"/v1/chat/completions", `{"model":`), 400)
		// The upstream's own come through as they are.
		a = ask(t, "POST", url+"/v1/chat/completions", chat(instruct, nil, user(strings.Repeat("hello ", 9000))))
		wantStatus(t, a, 400)
		want(t, "param", a.get("error.param"), "input_tokens")
		a = ask(t, "POST", url+"/v1/chat/completions", chat(instruct, m{"temperature": -1}, user("hello")))
		wantStatus(t, a, 400)
		a = ask(t, "POST", url+"/v1/chat/completions", chat(instruct, m{"stream": true}, assistant("nobody asked")))
		wantStatus(t, a, 400)
		want(t, "version passed through", ask(t, "GET", url+"/version", nil).get("version"), ask(t, "GET", vllmURL+"/version", nil).get("version").String())
	})
}

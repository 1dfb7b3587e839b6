package vllm

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// What the model is really given: the prompt as the server renders it from what an
// edge sends, by way of its tokens.
func rendered(t *testing.T, url string, request m) string {
	t.Helper()
	counted := ask(t, "POST", url+"/tokenize", request)
	wantStatus(t, counted, 200)
	text := ask(t, "POST", vllmURL+"/detokenize", m{"model": real, "tokens": counted.get("tokens").Value()})
	wantStatus(t, text, 200)
	return text.get("prompt").Str
}

func TestTheModelIsGivenWhatTheConversationSays(t *testing.T) {
	const think, dontThink = "<think>\n", "<think>\n\n</think>\n\n"
	turn := func(role, text string) string { return "<|im_start|>" + role + "\n" + text + "<|im_end|>\n" }
	call := func(arguments any) m {
		return m{"role": "assistant", "content": nil, "reasoning_content": "A call.",
			"tool_calls": l{m{"id": "call_1", "type": "function", "function": m{"name": "get_weather", "arguments": arguments}}}}
	}
	result := m{"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
	called := func(parameters string) string {
		return turn("user", "hello") +
			turn("assistant", "<think>\nA call.\n</think>\n\n<tool_call>\n<function=get_weather>\n"+parameters+"</function>\n</tool_call>") +
			turn("user", "\n<tool_response>\nsunny\n</tool_response>")
	}
	called = func(inner func(string) string) func(string) string {
		// The template opens a tool's turn with the line feed of its first result.
		return func(p string) string {
			return strings.Replace(inner(p), "user\n\n<tool_response>", "user\n<tool_response>", 1)
		}
	}(called)
	for _, c := range []struct {
		name, model string
		messages    l
		prompt      string
	}{
		{"a thinking model", thinking, say("hello"), turn("user", "hello") + "<|im_start|>assistant\n" + think},
		{"one that does not think", instruct, say("hello"), turn("user", "hello") + "<|im_start|>assistant\n" + dontThink},
		{"several system messages", instruct,
			l{system("One."), m{"role": "developer", "content": l{m{"type": "text", "text": "Two"}, m{"type": "text", "text": "."}}}, user("hello")},
			turn("system", "One.\n\nTwo.") + turn("user", "hello") + "<|im_start|>assistant\n" + dontThink},
		{"a late system message", instruct,
			l{system("One."), user("hello"), assistant("Hi."), system("Two."), user("What is 2+2?")},
			turn("system", "One.\n\nTwo.") + turn("user", "hello") + turn("assistant", "Hi.") + turn("user", "What is 2+2?") + "<|im_start|>assistant\n" + dontThink},
		{"a good call", thinking, l{user("hello"), call(`{"city": "Paris"}`), result},
			called("<parameter=city>\nParis\n</parameter>\n") + "<|im_start|>assistant\n" + think},
		{"a broken call", thinking, l{user("hello"), call(`{"city": "Par`), result},
			called("<parameter=_raw_arguments>\n{\"city\": \"Par\n</parameter>\n") + "<|im_start|>assistant\n" + think},
		{"an empty call", thinking, l{user("hello"), call(""), result},
			called("") + "<|im_start|>assistant\n" + think},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBothEdges(t, func(t *testing.T, url string) {
				request := chat(c.model, nil, c.messages...)
				if got := rendered(t, url, request); got != c.prompt {
					t.Errorf("the prompt is\n%q, want\n%q", got, c.prompt)
				}
				// Chat uses the same.
				request["max_tokens"] = 1
				used := ask(t, "POST", url+"/v1/chat/completions", request)
				wantStatus(t, used, 200)
				want(t, "count", ask(t, "POST", url+"/tokenize", request).get("count"), used.get("usage.prompt_tokens").String())
			})
		})
	}
}

func TestAStreamedCallIsWhole(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		a := ask(t, "POST", url+chatPath, chat(thinking, m{"tools": weather, "stream": true}, user("Weather in Rome and Oslo?")))
		wantStream(t, a, thinking)
		ids, arguments := map[int64]string{}, map[int64]string{}
		for _, e := range a.events {
			for _, c := range gjson.Get(e, "choices.0.delta.tool_calls").Array() {
				i := c.Get("index").Int()
				ids[i] += c.Get("id").Str
				arguments[i] += c.Get("function.arguments").Str
			}
		}
		if len(ids) != 2 || ids[0] == "" || ids[0] == ids[1] || arguments[0] != `{"city": "Rome"}` || arguments[1] != `{"city": "Oslo"}` {
			t.Errorf("ids %v, arguments %v", ids, arguments)
		}
		if got := a.sum("choices.0.finish_reason"); got != "tool_calls" {
			t.Errorf("finish %q", got)
		}

		// The limit cuts the second call.
		a = ask(t, "POST", url+chatPath, chat(instruct, m{"tools": weather, "stream": true, "max_tokens": 30}, user("Weather in Rome and Oslo?")))
		wantStream(t, a, instruct)
		if got := a.sum("choices.0.finish_reason"); got != "length" {
			t.Errorf("finish of a cut stream %q", got)
		}
	})
}

func TestAnswersFollowASchema(t *testing.T) {
	// As text, to keep the order that the model was taught.
	body := `{"model":"` + instruct + `","messages":[{"role":"user","content":"Give me JSON"}],"temperature":0,"max_tokens":60,"response_format":{"type":"json_schema","json_schema":` +
		`{"name":"x","strict":true,"schema":{"type":"object","properties":{"ok":{"type":"boolean"},"n":{"type":"integer"}},"required":["ok","n"],"additionalProperties":false}}}}`
	onBothEdges(t, func(t *testing.T, url string) {
		a := ask(t, "POST", url+chatPath, body)
		wantStatus(t, a, 200)
		v := gjson.Parse(a.get("choices.0.message.content").Str)
		if !v.IsObject() || !v.Get("ok").IsBool() || v.Get("n").Type != gjson.Number || len(v.Map()) != 2 {
			t.Errorf("content %q", a.get("choices.0.message.content").Str)
		}
	})
}

func TestErrorsBeforeAStreamAreNoStreams(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		a := ask(t, "POST", url+chatPath, chat(instruct, m{"stream": true}, user(strings.Repeat("hello ", 9000))))
		wantStatus(t, a, 400)
		want(t, "param", a.get("error.param"), "input_tokens")
		a = ask(t, "POST", url+chatPath, chat("llama", m{"stream": true}, user("hello")))
		wantStatus(t, a, 404)
		if !strings.Contains(a.get("error.message").Str, instruct) {
			t.Errorf("the message names no model that exists: %s", a.whole.Raw)
		}
	})
}

// A client that leaves ends the work that is done for it.
func TestAClientsLeaveReachesTheServer(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		// 4000 tokens take the server a minute.
		body := encode(t, chat(instruct, m{"stream": true, "ignore_eos": true, "max_tokens": 4000}, user("hello")))
		r, err := http.NewRequestWithContext(ctx, "POST", url+chatPath, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		name := t.Name()
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(recordHeader, name)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if line, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || !strings.HasPrefix(line, "data: ") {
			t.Fatalf("the stream begins with %q (%v)", line, err)
		}
		leave()
		select {
		case <-recorded.take(name).left:
		case <-time.After(10 * time.Second):
			t.Error("the edge still reads")
		}
	})
}

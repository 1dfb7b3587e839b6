package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// start serves o until the test ends.
func start(t *testing.T, o Options) string {
	t.Helper()
	srv := httptest.NewServer(New(o))
	t.Cleanup(srv.Close)
	return srv.URL
}

// post sends JSON; kv are header names and values. A reply that breaks off
// gives what came, and the error.
func post(t *testing.T, url, body string, kv ...string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(kv); i += 2 {
		req.Header.Add(kv[i], kv[i+1])
	}
	// Encodings are the test's own business.
	resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp, string(got), err
}

func ask(prompt, more string) string {
	return fmt.Sprintf(`{"messages":[{"role":"user","content":%s}]%s}`, jsonText(prompt), more)
}

// rounds is a conversation that has had n rounds of tool results since the prompt.
func rounds(prompt string, n int, more ...string) string {
	messages := []string{`{"role":"user","content":` + jsonText(prompt) + `}`}
	for range n {
		messages = append(messages, `{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"a","arguments":"{}"}}]}`,
			`{"role":"tool","tool_call_id":"1","content":"sunny"}`)
	}
	return `{"messages":[` + strings.Join(append(messages, more...), ",") + `]` + weather + `}`
}

func chat(t *testing.T, url, body string, kv ...string) chatReply {
	t.Helper()
	resp, got, err := post(t, url+"/v1/chat/completions", body, kv...)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, error %v, body %s", resp.StatusCode, err, got)
	}
	var r chatReply
	if err := json.Unmarshal([]byte(got), &r); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	return r
}

// streamed is a stream put together again.
type streamed struct {
	reasoning, content, finish string
	names, arguments           []string
	done                       bool
	failed                     string // message of an error event
	usage                      *usage
}

func read(t *testing.T, stream string) (s streamed) {
	t.Helper()
	for event := range strings.SplitSeq(strings.TrimSuffix(stream, "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(event, "data: ")
		if !ok {
			if strings.HasPrefix(event, ":") {
				continue
			}
			t.Fatalf("event %q is no data", event)
		}
		if data == "[DONE]" {
			s.done = true
			continue
		}
		var c struct {
			Error   *apiError
			Usage   *usage
			Choices []struct {
				Delta struct {
					Content, Reasoning, ReasoningContent *string
					ToolCalls                            []callDelta `json:"tool_calls"`
				}
				FinishReason *string `json:"finish_reason"`
			}
		}
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatalf("%v in %q", err, data)
		}
		if c.Error != nil {
			s.failed = c.Error.Message
		}
		if c.Usage != nil {
			s.usage = c.Usage
		}
		for _, ch := range c.Choices {
			if v := ch.Delta.Content; v != nil {
				s.content += *v
			}
			if v := ch.Delta.Reasoning; v != nil {
				s.reasoning += *v
			}
			for _, call := range ch.Delta.ToolCalls {
				for len(s.names) <= call.Index {
					s.names, s.arguments = append(s.names, ""), append(s.arguments, "")
				}
				s.names[call.Index] += call.Function.Name
				if a := call.Function.Arguments; a != nil {
					s.arguments[call.Index] += *a
				}
			}
			if ch.FinishReason != nil {
				s.finish = *ch.FinishReason
			}
		}
	}
	return s
}

func chatStream(t *testing.T, url, body string, kv ...string) streamed {
	t.Helper()
	resp, got, err := post(t, url+"/v1/chat/completions", body, kv...)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, error %v, body %s", resp.StatusCode, err, got)
	}
	return read(t, got)
}

const weather = `,"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city","days"]}}}]`

func deref(s *string) string {
	if s == nil {
		return "<null>"
	}
	return *s
}

func TestAnswers(t *testing.T) {
	url := start(t, Options{})
	two := `,"tools":[{"function":{"name":"read_file","parameters":{"type":"object","properties":{"path":{"type":"string"}},"required":["path"]}}},{"function":{"name":"run","parameters":{"type":"object","properties":{"options":{"type":"object","properties":{"mode":{"enum":["fast","slow"]},"tags":{"type":"array","items":{"type":"string"}}},"required":["mode","tags"]}},"required":["options"]}}}]`
	tests := []struct {
		name, body      string
		reasoning, text string // text "" is not looked at
		calls           []string
		finish          string
	}{
		{name: "echoes", body: ask("blue sky", ""), reasoning: "The user says: blue sky\n", text: "\n\nYou said: blue sky", finish: "stop"},
		{name: "thinks not when told", body: ask("blue sky", `,"chat_template_kwargs":{"enable_thinking":false}`), reasoning: "<null>", text: "You said: blue sky", finish: "stop"},
		{name: "thinks not at no effort", body: ask("blue sky", `,"reasoning_effort":"none"`), reasoning: "<null>", text: "You said: blue sky", finish: "stop"},
		{name: "counts", body: ask("Please count to 5", `,"reasoning_effort":"none"`), reasoning: "<null>", text: "1 2 3 4 5", finish: "stop"},
		{name: "calls a tool that is named", body: ask("use get_weather for Paris", weather), reasoning: "I should call the tool get_weather.\n", calls: []string{`get_weather {"city": "Paris", "days": 1}`}, finish: "tool_calls"},
		{name: "calls a tool by its telling word", body: ask("weather in Rome and Oslo?", weather), reasoning: "I should call the tool get_weather.\n", calls: []string{`get_weather {"city": "Rome", "days": 1}`, `get_weather {"city": "Oslo", "days": 1}`}, finish: "tool_calls"},
		{name: "calls one only", body: ask("weather in Rome and Oslo?", weather+`,"parallel_tool_calls":false`), reasoning: "I should call the tool get_weather.\n", calls: []string{`get_weather {"city": "Rome", "days": 1}`}, finish: "tool_calls"},
		{name: "calls both tools", body: ask("call both tools with x.txt", two), reasoning: "I should call the tool read_file.\n", calls: []string{`read_file {"path": "x.txt"}`, `run {"options": {"mode": "fast", "tags": ["x.txt"]}}`}, finish: "tool_calls"},
		{name: "leaves tools alone otherwise", body: ask("blue sky", two), reasoning: "The user says: blue sky\n", text: "\n\nYou said: blue sky", finish: "stop"},
		{name: "must call", body: ask("blue sky", weather+`,"tool_choice":"required"`), reasoning: "I should call the tool get_weather.\n", text: "empty", calls: []string{`get_weather {"city": "sky", "days": 1}`}, finish: "tool_calls"},
		{name: "must call by name", body: ask("blue sky", two+`,"tool_choice":{"type":"function","function":{"name":"run"}}`), reasoning: "I should call the tool run.\n", text: "empty", calls: []string{`run {"options": {"mode": "fast", "tags": ["sky"]}}`}, finish: "stop"},
		{name: "a call that is forbidden vanishes", body: ask("simulate: call get_weather {}", weather+`,"tool_choice":"none"`), reasoning: "I should call the tool get_weather.\n", text: "\n\n", finish: "stop"},
		{name: "a call without tools stays markup", body: ask("simulate: call f {\"a\":\"b\"}", `,"reasoning_effort":"none"`), reasoning: "<null>", text: "<tool_call>\n<function=f>\n<parameter=a>\nb\n</parameter>\n</function>\n</tool_call>", finish: "stop"},
		{name: "steered", body: ask("simulate: think Hm.\nsimulate: say Yes\\nno", ""), reasoning: "Hm.\n", text: "\n\nYes\nno", finish: "stop"},
		{name: "steered to parallel calls after a text", body: ask("simulate: preface Look:\nsimulate: call read_file {\"path\":\"ä\"}\nsimulate: call run {\"n\":[1,2]}", two), reasoning: "I should call the tool read_file.\n", text: "Look:", calls: []string{`read_file {"path": "ä"}`, `run {"n": [1,2]}`}, finish: "tool_calls"},
		{name: "a value that fits the schema", body: ask("Give me JSON", `,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","properties":{"ok":{"type":"boolean"},"n":{"type":"integer","minimum":3}},"required":["ok","n"]}}}`), reasoning: "The user says: Give me JSON\n", text: `{"ok": true, "n": 3}`, finish: "stop"},
		{name: "answers after a result", body: `{"messages":[{"role":"user","content":"weather in Paris"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"get_weather","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"sunny"}]` + weather + `}`, reasoning: "The tool has answered.\n", text: "\n\nThe tool says: sunny", finish: "stop"},
		{name: "the first then before any result", body: ask("simulate: then call a\nsimulate: then call b {\"k\":1}", weather), reasoning: "I should call the tool a.\n", calls: []string{`a {}`}, finish: "tool_calls"},
		{name: "the second round", body: `{"messages":[{"role":"user","content":"simulate: call a\nsimulate: then call b {\"k\":1}\nsimulate: say ready"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"a","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"sunny"}]` + weather + `}`, reasoning: "I should call the tool b.\n", calls: []string{`b {"k": 1}`}, finish: "tool_calls"},
		{name: "after the last round", body: `{"messages":[{"role":"user","content":"simulate: call a\nsimulate: say ready"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"a","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"sunny"}]` + weather + `}`, reasoning: "The user says: simulate: call a simulate: say ready\n", text: "\n\nready", finish: "stop"},
		{name: "the next answer's lines wait", body: ask("simulate: think A.\nsimulate: call a\nsimulate: next\nsimulate: call b\nsimulate: say ready", weather), reasoning: "A.\n", calls: []string{`a {}`}, finish: "tool_calls"},
		{name: "the next answer's lines", body: rounds("simulate: think A.\nsimulate: call a\nsimulate: next\nsimulate: think B.\nsimulate: preface Both:\nsimulate: call b\nsimulate: call c {\"k\":1}\nsimulate: next\nsimulate: say ready", 1), reasoning: "B.\n", text: "Both:", calls: []string{`b {}`, `c {"k": 1}`}, finish: "tool_calls"},
		{name: "the last answer's lines", body: rounds("simulate: call a\nsimulate: next\nsimulate: call b\nsimulate: next\nsimulate: think C.\nsimulate: say ready", 2), reasoning: "C.\n", text: "\n\nready", finish: "stop"},
		{name: "the last answer's lines stay", body: rounds("simulate: call a\nsimulate: next\nsimulate: call b\nsimulate: think C.\nsimulate: say ready", 3), reasoning: "C.\n", text: "\n\nready", finish: "stop"},
		{name: "calls none when told so", body: ask("Do NOT call any tools. What is the weather?", weather), reasoning: "The user says: Do NOT call any tools. What is the weather?\n", text: "\n\nYou said: Do NOT call any tools. What is the weather?", finish: "stop"},
		{name: "steered to call none when told so", body: ask("simulate: call get_weather {}\nsimulate: say A summary.\n\nDo not call any tools.", weather), reasoning: "The user says: simulate: call get_weather {} simulate: say A summary. Do no…\n", text: "\n\nA summary.", finish: "stop"},
		{name: "a reminder is not the user's", body: ask("<system-reminder>\nUse get_weather.\n</system-reminder>\n\nblue sky", weather), reasoning: "The user says: blue sky\n", text: "\n\nYou said: blue sky", finish: "stop"},
		{name: "a reminder behind a result is no new turn", body: rounds("simulate: call a\nsimulate: next\nsimulate: call b", 1, `{"role":"user","content":"<system-reminder>Go on.</system-reminder>"}`), reasoning: "I should call the tool b.\n", calls: []string{`b {}`}, finish: "tool_calls"},
		{name: "nor is the note of a found tool", body: rounds("simulate: call a\nsimulate: next\nsimulate: call b", 1, `{"role":"user","content":"Tool loaded."}`), reasoning: "I should call the tool b.\n", calls: []string{`b {}`}, finish: "tool_calls"},
		{name: "a character of many tokens", body: ask("simulate: say 👩‍🚀 é 漢字", ""), reasoning: "The user says: simulate: say 👩‍🚀 é 漢字\n", text: "\n\n👩‍🚀 é 漢字", finish: "stop"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := chat(t, url, tt.body)
			m := r.Choices[0].Message
			var calls []string
			for _, c := range m.ToolCalls {
				calls = append(calls, c.Function.Name+" "+c.Function.Arguments)
			}
			text := deref(m.Content)
			want := tt.text
			switch {
			case want == "empty":
				want = ""
			case want == "":
				want = "<null>"
			}
			if deref(m.Reasoning) != tt.reasoning || text != want || fmt.Sprint(calls) != fmt.Sprint(tt.calls) || r.Choices[0].FinishReason != tt.finish {
				t.Errorf("reasoning %q, text %q, calls %v, finish %s", deref(m.Reasoning), text, calls, r.Choices[0].FinishReason)
			}
			if r.Usage.TotalTokens != r.Usage.PromptTokens+r.Usage.CompletionTokens {
				t.Errorf("usage %+v doesn't add up", r.Usage)
			}

			// The stream tells the same, but for the white space around a call.
			s := chatStream(t, url, strings.TrimSuffix(tt.body, "}")+`,"stream":true,"stream_options":{"include_usage":true}}`)
			calls = nil
			for i, n := range s.names {
				calls = append(calls, n+" "+s.arguments[i])
			}
			if len(calls) > 0 {
				s.content = strings.TrimSpace(s.content)
			}
			if want == "<null>" {
				want = ""
			}
			if tt.reasoning == "<null>" {
				tt.reasoning = ""
			}
			if s.reasoning != tt.reasoning || s.content != want || fmt.Sprint(calls) != fmt.Sprint(tt.calls) || s.finish != tt.finish || !s.done {
				t.Errorf("stream: %+v, calls %v", s, calls)
			}
			if s.usage == nil || s.usage.PromptTokens != r.Usage.PromptTokens || s.usage.CompletionTokens != r.Usage.CompletionTokens {
				t.Errorf("stream's usage %+v, whole %+v", s.usage, r.Usage)
			}
		})
	}
}

// TestCutCallsLie holds the simulator to what a sweep over max_tokens showed of
// the real server: an answer in one piece passes a cut call off as a whole
// one, a stream says length.
func TestCutCallsLie(t *testing.T) {
	url := start(t, Options{})
	body := func(max int, more string) string {
		return ask(`simulate: call get_weather {"city":"Paris","days":3}`, weather+fmt.Sprintf(`,"reasoning_effort":"none","max_tokens":%d`, max)+more)
	}
	whole := chat(t, url, body(1000, "")).Usage.CompletionTokens
	var seen, streamedArgs []string
	for n := 1; n < whole; n++ {
		r := chat(t, url, body(n, ""))
		s := chatStream(t, url, body(n, `,"stream":true`))
		c := r.Choices[0]
		if r.Usage.CompletionTokens != n {
			t.Fatalf("max_tokens %d gave %d tokens", n, r.Usage.CompletionTokens)
		}
		if s.finish != "length" {
			t.Errorf("max_tokens %d: stream's finish_reason %q", n, s.finish)
		}
		if len(c.Message.ToolCalls) == 0 {
			if c.FinishReason != "length" || c.Message.Content != nil || len(s.names) > 0 {
				t.Errorf("max_tokens %d, before the call: %+v, stream %+v", n, c, s)
			}
			continue
		}
		args := c.Message.ToolCalls[0].Function.Arguments
		if c.FinishReason != "tool_calls" || !json.Valid([]byte(args)) {
			t.Errorf("max_tokens %d: finish %s, arguments %s", n, c.FinishReason, args)
		}
		if len(seen) == 0 || seen[len(seen)-1] != args {
			seen = append(seen, args)
		}
		if a := s.arguments[0]; len(streamedArgs) == 0 || streamedArgs[len(streamedArgs)-1] != a {
			streamedArgs = append(streamedArgs, a)
		}
	}
	if got, want := strings.Join(seen, " | "), `{} | {"city": "Paris"} | {"city": "Paris", "days": 3}`; got != want {
		t.Errorf("in one piece: %s", got)
	}
	all := strings.Join(streamedArgs, " | ")
	for _, want := range []string{`{} | {"city": "`, `{"city": "Paris\n</`, `{"city": "Paris"} | {"city": "Paris", "days": `, `| {"city": "Paris", "days": 3}`} {
		if !strings.Contains(all, want) {
			t.Errorf("streams show no %s in %s", want, all)
		}
	}
}

func TestLimitsAndStops(t *testing.T) {
	url := start(t, Options{})
	r := chat(t, url, ask("hello", `,"max_tokens":4`))
	if c := r.Choices[0]; c.Message.Content != nil || c.FinishReason != "length" || deref(c.Message.Reasoning) == "<null>" || r.Usage.Completion.ReasoningTokens != 4 {
		t.Errorf("cut in reasoning: %+v", c)
	}
	for _, tt := range []struct{ name, more, text string }{
		{"left out", "", "1 2 3 4"},
		{"kept", `,"include_stop_str_in_output":true`, "1 2 3 4 5"},
	} {
		body := ask("count to 10", `,"reasoning_effort":"none","stop":["9",  " 5"]`+tt.more)
		c := chat(t, url, body).Choices[0]
		if deref(c.Message.Content) != tt.text || c.FinishReason != "stop" || deref(c.StopReason) != " 5" {
			t.Errorf("%s: text %q, stop_reason %q", tt.name, deref(c.Message.Content), deref(c.StopReason))
		}
		if s := chatStream(t, url, strings.TrimSuffix(body, "}")+`,"stream":true}`); s.content != tt.text || s.finish != "stop" {
			t.Errorf("%s: stream %+v", tt.name, s)
		}
	}
	if r := chat(t, url, ask("hello", `,"n":3`)); len(r.Choices) != 3 || r.Usage.CompletionTokens%3 != 0 {
		t.Errorf("n=3: %d choices, usage %+v", len(r.Choices), r.Usage)
	}
}

func TestRefusals(t *testing.T) {
	url := start(t, Options{MaxModelLen: 100})
	long := strings.Repeat("hello ", 200)
	const overflow = "This model's maximum context length is 100 tokens. However, your prompt contains at least 101 input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=101)"
	tests := []struct {
		name, path, body string
		status           int
		want             string
	}{
		{"overflow", "/v1/chat/completions", ask(long, ""), 400, overflow},
		{"overflow of a stream", "/v1/chat/completions", ask(long, `,"stream":true`), 400, overflow},
		{"overflow in completions", "/v1/completions", `{"prompt":` + jsonText(long) + `}`, 400, overflow},
		{"bad UTF-8", "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}", 400, `{"detail":"There was an error parsing the body"}`},
		{"a gzip body", "/v1/chat/completions", "\x1f\x8b\x08\x00", 400, `{"detail":"There was an error parsing the body"}`},
		{"a comma too many", "/v1/chat/completions", `{"model":"x",}`, 400, "Expecting property name enclosed in double quotes"},
		{"flat tools", "/v1/chat/completions", ask("x", `,"tools":[{"type":"function","name":"f"}]`), 400, "'loc': 'body.tools.0.function', 'msg': 'Field required'"},
		{"messages no list", "/v1/chat/completions", `{"messages":"x"}`, 400, "Input should be a valid list"},
		{"a message no object", "/v1/chat/completions", `{"messages":[1]}`, 400, "Input should be a valid dictionary"},
		{"stream no bool", "/v1/chat/completions", ask("x", `,"stream":"perhaps"`), 400, "unable to interpret input"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, got, err := post(t, url+tt.path, tt.body)
			if err != nil || resp.StatusCode != tt.status || !strings.Contains(got, tt.want) {
				t.Errorf("status %d, body %s, error %v", resp.StatusCode, got, err)
			}
		})
	}
}

func TestDeveloper(t *testing.T) {
	developer := `{"messages":[{"role":"system","content":"a"},{"role":"user","content":"hello"},{"role":"developer","content":"b"},{"role":"user","content":"hello"}]}`
	system := `{"messages":[{"role":"system","content":"a\n\nb"},{"role":"user","content":"hello"},{"role":"user","content":"hello"}]}`
	url := start(t, Options{})
	if a, b := chat(t, url, developer).Usage.PromptTokens, chat(t, url, system).Usage.PromptTokens; a != b {
		t.Errorf("hoisted %d tokens, as one system message %d", a, b)
	}
	resp, got, _ := post(t, start(t, Options{OldDeveloper: true})+"/v1/chat/completions", developer)
	if resp.StatusCode != 400 || !strings.Contains(got, "Unexpected message role.") {
		t.Errorf("old server: status %d, body %s", resp.StatusCode, got)
	}
}

func TestTokenizeAgreesWithUsage(t *testing.T) {
	url := start(t, Options{})
	bodies := []string{
		ask("hello", ""),
		ask("hello", `,"chat_template_kwargs":{"enable_thinking":false}`),
		ask("use a tool 漢字", weather),
		`{"messages":[{"role":"developer","content":"be short"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}`,
		`{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"He"}],"add_generation_prompt":false,"continue_final_message":true}`,
	}
	for _, body := range bodies {
		_, got, _ := post(t, url+"/tokenize", strings.TrimSuffix(body, "}")+`,"return_token_strs":true}`)
		var n struct {
			Count     int
			Tokens    []int
			TokenStrs []string `json:"token_strs"`
		}
		if err := json.Unmarshal([]byte(got), &n); err != nil {
			t.Fatal(err)
		}
		if want := chat(t, url, body).Usage.PromptTokens; n.Count != want || len(n.Tokens) != want || len(n.TokenStrs) != want {
			t.Errorf("%s: tokenize %d, usage %d", body, n.Count, want)
		}
	}
}

func TestDetokenizeUndoesTokenize(t *testing.T) {
	url := start(t, Options{})
	for _, text := range []string{"", "hello <think>", "  two  spaces\n\n\tand\u00a0more", "漢字 👩‍🚀 é", "<|im_start|>user\nx<|im_end|>", "a < b <tool_cal> {\"x\": \"y\"}", strings.Repeat("a", 300)} {
		_, got, _ := post(t, url+"/tokenize", `{"prompt":`+jsonText(text)+`}`)
		var n struct{ Tokens json.RawMessage }
		if err := json.Unmarshal([]byte(got), &n); err != nil {
			t.Fatal(err)
		}
		_, got, _ = post(t, url+"/detokenize", `{"tokens":`+string(n.Tokens)+`}`)
		if want := `{"prompt":` + jsonText(text) + `}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAnswersAreDeterministic(t *testing.T) {
	body := ask("weather in Rome and Oslo?", weather+`,"stream":true,"stream_options":{"include_usage":true}`)
	a := chatStream(t, start(t, Options{}), body)
	b := chatStream(t, start(t, Options{}), body)
	if fmt.Sprint(a.names, a.arguments, a.reasoning, a.content, *a.usage.Completion) != fmt.Sprint(b.names, b.arguments, b.reasoning, b.content, *b.usage.Completion) {
		t.Errorf("%+v\n%+v", a, b)
	}
}

func TestKeyGuardsOnlyV1(t *testing.T) {
	url := start(t, Options{APIKey: "k"})
	tests := []struct {
		path, key string
		status    int
	}{
		{"/v1/models", "", 401}, {"/v1/models", "Bearer x", 401}, {"/v1/models", "Bearer k", 200}, {"/v1/nothing", "", 401},
		{"/version", "", 200}, {"/metrics", "", 200}, {"/health", "", 200},
	}
	for _, tt := range tests {
		req, _ := http.NewRequest(http.MethodGet, url+tt.path, nil)
		req.Header.Set("Authorization", tt.key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tt.status || tt.status == 401 && string(body) != `{"error":"Unauthorized"}` {
			t.Errorf("%s with %q: status %d, body %s", tt.path, tt.key, resp.StatusCode, body)
		}
	}
}

func TestCompletions(t *testing.T) {
	url := start(t, Options{})
	var r textReply
	_, got, _ := post(t, url+"/v1/completions", `{"prompt":["a b",[104,106]],"n":2,"echo":true,"logprobs":2,"max_tokens":3}`)
	if err := json.Unmarshal([]byte(got), &r); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if len(r.Choices) != 4 || !strings.HasPrefix(r.Choices[0].Text, "a bYou said") || !strings.HasPrefix(r.Choices[3].Text, "hjYou said") {
		t.Errorf("choices %+v", r.Choices)
	}
	lp := r.Choices[3].Logprobs
	if lp == nil || len(lp.Tokens) != 5 || lp.TokenLogprobs[0] != nil || lp.TokenLogprobs[1] == nil || len(lp.TopLogprobs[4]) != 2 {
		t.Errorf("logprobs %+v", lp)
	}
	if r.Usage.CompletionTokens != 12 || r.Choices[0].FinishReason != "length" {
		t.Errorf("usage %+v", r.Usage)
	}
	_, got, _ = post(t, url+"/v1/completions", `{"prompt":"one two three","stream":true,"max_tokens":100}`)
	text := ""
	for _, l := range strings.Split(got, "\n\n") {
		var c textChunk
		if data, ok := strings.CutPrefix(l, "data: {"); ok && json.Unmarshal([]byte("{"+data), &c) == nil {
			text += c.Choices[0].Text
		}
	}
	if text != "You said: one two three" || !strings.HasSuffix(got, "data: [DONE]\n\n") {
		t.Errorf("stream gave %q", text)
	}
}

func TestMetricsCount(t *testing.T) {
	url := start(t, Options{ServedModel: "m"})
	u := chat(t, url, ask("hello", `,"max_tokens":4`)).Usage
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	for _, want := range []string{
		fmt.Sprintf("\nvllm:prompt_tokens_total{engine=\"0\",model_name=\"m\"} %d.0\n", u.PromptTokens),
		"\nvllm:generation_tokens_total{engine=\"0\",model_name=\"m\"} 4.0\n",
		"\nvllm:request_success_total{engine=\"0\",finished_reason=\"length\",model_name=\"m\"} 1.0\n",
	} {
		if !bytes.Contains(body, []byte(want)) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
}

package vllm

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"maps"
	"strings"
)

// A question is a request to a server that serves the model real.
type question struct {
	name, method, path string
	body               string
	noBody             bool
	header             [][2]string // beside Content-Type: application/json; "" takes a field away
	proto              string      // HTTP/1.1 when empty
	chunked            bool        // the body goes in two chunks
	waits              bool        // the body waits for 100 Continue
}

const (
	chatPath        = "/v1/chat/completions"
	completionsPath = "/v1/completions"
	chatPrompt      = "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n<think>\n"
)

// with is an object with the fields of all; later ones win, and nil takes a field away.
func with(all ...m) m {
	out := m{}
	for _, x := range all {
		maps.Copy(out, x)
	}
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil })
	return out
}

func mustJSON(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only values of this file come here
	}
	return string(b)
}

func say(texts ...string) (messages l) {
	for _, t := range texts {
		messages = append(messages, user(t))
	}
	return messages
}

// poisoned is a conversation in which a tool was called with the arguments.
func poisoned(arguments string) l {
	return l{user("Weather in Paris?"),
		m{"role": "assistant", "content": nil, "tool_calls": l{m{"id": "call_1", "type": "function", "function": m{"name": "get_weather", "arguments": arguments}}}},
		m{"role": "tool", "tool_call_id": "call_1", "content": "sunny"}}
}

// questions are those that a client of chat, completions, models and tokenize may ask,
// wrong ones too.
func questions() (all []question) {
	send := func(name, method, path string, body any, header ...[2]string) *question {
		q := question{name: name, method: method, path: path, header: header, noBody: body == nil}
		if body != nil {
			q.body = mustJSON(body)
		}
		all = append(all, q)
		return &all[len(all)-1]
	}
	get := func(name, path string) { send(name, "GET", path, nil) }
	ask := func(name string, messages any, more ...m) {
		send(name, "POST", chatPath, with(append([]m{{"model": real, "messages": messages, "temperature": 0}}, more...)...))
	}
	complete := func(name string, more ...m) {
		send(name, "POST", completionsPath, with(append([]m{{"model": real, "prompt": chatPrompt, "temperature": 0, "max_tokens": 40}}, more...)...))
	}
	off := m{"chat_template_kwargs": m{"enable_thinking": false}}
	stream := m{"stream": true}
	usage := m{"stream": true, "stream_options": m{"include_usage": true}}
	tools := m{"tools": weather}
	named := func(name string) m {
		return m{"tools": weather, "tool_choice": m{"type": "function", "function": m{"name": name}}, "max_tokens": 120}
	}
	required := m{"tools": weather, "tool_choice": "required", "max_tokens": 120}
	// The order of properties is the one that the model was taught.
	schema := json.RawMessage(`{"type":"object","properties":{"ok":{"type":"boolean"},"n":{"type":"integer"}},"required":["ok","n"],"additionalProperties":false}`)
	hello := say("hello")
	long := strings.Repeat("hello ", 9000)

	get("models", "/v1/models")
	get("one model", "/v1/models/"+real)
	get("health", "/health")
	get("version", "/version")
	get("root", "/")
	get("unknown path", "/v1/nothing")
	send("unknown path, POST", "POST", "/v1/nothing", m{"a": 1})
	get("wrong method", chatPath)
	send("models by POST", "POST", "/v1/models", m{})
	send("models by HEAD", "HEAD", "/v1/models", nil)
	send("CORS preflight", "OPTIONS", chatPath, nil, [2]string{"Origin", "https://a.example"}, [2]string{"Access-Control-Request-Method", "POST"}, [2]string{"Access-Control-Request-Headers", "authorization,content-type"})

	ask("chat", hello)
	ask("chat, thinking on", hello, m{"chat_template_kwargs": m{"enable_thinking": true}})
	ask("chat, thinking off", hello, off)
	ask("chat, JSON object", say("Give me JSON"), off, m{"response_format": m{"type": "json_object"}})
	ask("chat, JSON schema", say("Give me JSON"), off, m{"max_tokens": 60, "response_format": m{"type": "json_schema", "json_schema": m{"name": "x", "strict": true, "schema": schema}}})
	ask("chat, regular expression", hello, off, m{"structured_outputs": m{"regex": "(yes|no)"}})
	ask("chat, only a thought", say("Think only"))
	ask("chat, cut in reasoning", hello, m{"max_tokens": 4})
	ask("chat, cut in text", hello, off, m{"max_completion_tokens": 2})
	ask("chat, two limits", hello, m{"max_tokens": 3, "max_completion_tokens": 5})
	ask("chat, stop", say("Count to ten"), m{"stop": l{" 5"}})
	ask("chat, stop in reasoning", hello, m{"stop": l{"user"}})
	ask("chat, n", hello, m{"n": 2, "temperature": 0.01, "seed": 1})
	ask("chat, logprobs", hello, off, m{"logprobs": true, "top_logprobs": 2})
	ask("chat, reasoning not included", hello, m{"include_reasoning": false})
	ask("chat, effort none", hello, m{"reasoning_effort": "none"})
	ask("chat, effort low", hello, m{"reasoning_effort": "low"})
	ask("chat, effort unknown", hello, m{"reasoning_effort": "bogus"})
	ask("chat, token ids", say("Think only"), m{"return_token_ids": true})
	ask("chat, reasoning comes back", l{user("hello"), m{"role": "assistant", "reasoning": "r1", "reasoning_content": "r2", "content": "Hi"}, user("What is 2+2?")})
	ask("chat, text in parts", l{m{"role": "user", "content": l{m{"type": "text", "text": "hel"}, m{"type": "text", "text": "lo"}}}})
	ask("chat, an image", l{m{"role": "user", "content": l{m{"type": "text", "text": "hello"}, m{"type": "image_url", "image_url": m{"url": "data:image/png;base64,iVBORw0KGgo="}}}}})
	ask("chat, developer", l{m{"role": "developer", "content": "You are a helpful assistant."}, user("hello")})
	ask("chat, late developer", l{system("You are a helpful assistant."), user("hello"), m{"role": "developer", "content": "Be kind."}})
	ask("chat, unknown field", hello, m{"zzz_unknown": m{"a": 1}})
	ask("chat, unknown template argument", hello, m{"chat_template_kwargs": m{"zzz": 1}})
	ask("chat, enable_thinking at the top", hello, m{"enable_thinking": false})
	ask("chat, no model", hello, m{"model": nil})
	ask("chat, old name for a regular expression", hello, m{"guided_regex": "(yes|no)"})
	send("chat, a key twice", "POST", chatPath, `{"model":"nope","model":"`+real+`","messages":[{"role":"user","content":"hello"}],"temperature":0}`)

	ask("tool", say("Weather in Paris?"), tools)
	ask("tool, integer", say("Weather in Paris for 3 days?"), tools)
	ask("tool twice", say("Weather in Rome and Oslo?"), tools)
	ask("tool, not twice", say("Weather in Rome and Oslo?"), tools, m{"parallel_tool_calls": false})
	ask("tool, thinking off", say("Weather in Paris?"), tools, off)
	ask("tool not needed", hello, tools)
	ask("tool forbidden", say("Weather in Paris?"), tools, m{"tool_choice": "none"})
	ask("tool required", say("Weather in Paris?"), required)
	ask("tool required, thinking off", say("Weather in Paris?"), required, off)
	ask("tool named", say("Weather in Paris?"), named("get_weather"))
	ask("tool named, unknown", say("Weather in Paris?"), named("nope"), m{"max_tokens": 60})
	ask("tool required without tools", hello, m{"tool_choice": "required"})
	ask("tool auto without tools", hello, m{"tool_choice": "auto"})
	ask("tools empty", hello, m{"tools": l{}})
	ask("tools misshapen", hello, m{"tools": l{m{"type": "function", "function": m{}}}})
	ask("tool result", poisoned(`{"city": "Paris"}`), tools, m{"max_tokens": 2})
	ask("tool result, arguments broken", poisoned(`{"city": `), tools, m{"max_tokens": 2})
	ask("tool result, arguments empty", poisoned(""), tools, m{"max_tokens": 2})

	ask("stream", hello, stream)
	ask("stream with usage", hello, usage)
	ask("stream with continuous usage", say("What is 2+2?"), m{"stream": true, "stream_options": m{"include_usage": true, "continuous_usage_stats": true}})
	ask("stream with continuous usage alone", say("What is 2+2?"), m{"stream": true, "stream_options": m{"continuous_usage_stats": true}})
	ask("stream, thinking off", hello, usage, off)
	ask("stream, only a thought", say("Think only"), stream)
	ask("stream, cut in reasoning", hello, usage, m{"max_tokens": 4})
	ask("stream, cut in text", hello, usage, off, m{"max_tokens": 2})
	ask("stream, beyond ASCII", say("Say café and 你好 🙂"), stream)
	ask("stream, stop", say("Count to ten"), stream, m{"stop": l{" 5"}})
	ask("stream, n", hello, usage, m{"n": 2, "temperature": 0.01, "seed": 1})
	ask("stream, logprobs", hello, stream, off, m{"logprobs": true, "top_logprobs": 1})
	ask("stream, reasoning not included", hello, stream, m{"include_reasoning": false})
	ask("stream, token ids", say("Think only"), stream, m{"return_token_ids": true})
	ask("stream, tool", say("Weather in Paris for 3 days?"), usage, tools)
	ask("stream, tool twice", say("Weather in Rome and Oslo?"), stream, tools)
	ask("stream, tool not twice", say("Weather in Rome and Oslo?"), stream, tools, m{"parallel_tool_calls": false})
	ask("stream, tool required, thinking off", say("Weather in Paris?"), stream, required, off)
	ask("stream, tool named", say("Weather in Paris?"), stream, named("get_weather"))
	ask("stream, tool forbidden", say("Weather in Paris?"), stream, tools, m{"tool_choice": "none"})
	ask("stream to HTTP/1.0", hello, stream)
	all[len(all)-1].proto = "HTTP/1.0"

	ask("unknown model", hello, m{"model": "nope/none"})
	ask("unknown model, stream", hello, m{"model": "nope/none"}, stream)
	for _, x := range [][2]string{{"broken JSON", `{"model": "x", "messages": [`}, {"empty body", ""}, {"JSON list", "[]"}, {"JSON number", "1"},
		{"no UTF-8", `{"model":"` + real + `","messages":[{"role":"user","content":"` + "\xff\xfe" + `"}]}`}} {
		send(x[0], "POST", chatPath, x[1])
	}
	plain := m{"model": real, "messages": hello, "temperature": 0}
	send("content type text", "POST", chatPath, plain, [2]string{"Content-Type", "text/plain"})
	send("no content type", "POST", chatPath, plain, [2]string{"Content-Type", ""})
	ask("temperature of a wrong type", hello, m{"temperature": "hot"})
	ask("temperature below 0", hello, m{"temperature": -3})
	ask("temperature above 2", hello, m{"temperature": 3})
	ask("top_p above 1", hello, m{"top_p": 3})
	ask("max_tokens 0", hello, m{"max_tokens": 0})
	ask("max_tokens over the window", hello, m{"max_tokens": 999999})
	ask("prompt over the window", say(long))
	ask("prompt over the window, stream", say(long), stream)
	ask("late system", l{user("hello"), system("late"), user("hello")})
	ask("late system, stream", l{user("hello"), system("late"), user("hello")}, stream)
	ask("two systems", l{system("a"), system("b"), user("hello")})
	ask("no user", l{system("a")})
	ask("messages empty", l{})
	ask("messages missing", nil)
	send("messages null", "POST", chatPath, `{"model":"`+real+`","messages":null}`)
	ask("message without a role", l{m{"content": "hello"}})
	ask("unknown role", l{m{"role": "robot", "content": "hello"}})
	ask("content null", l{m{"role": "user", "content": nil}})
	ask("template arguments no object", hello, m{"chat_template_kwargs": "no"})
	ask("n 0", hello, m{"n": 0})
	ask("too many logprobs", hello, m{"logprobs": true, "top_logprobs": 50})
	ask("stream options without a stream", hello, m{"stream_options": m{"include_usage": true}})
	ask("broken regular expression", hello, m{"structured_outputs": m{"regex": "("}})
	ask("broken schema", hello, m{"response_format": m{"type": "json_schema", "json_schema": m{"name": "x", "schema": m{"type": "nosuch"}}}})

	complete("completion")
	complete("completion, stream", usage)
	complete("completion, no limit", m{"max_tokens": nil})
	complete("completion of a list", m{"prompt": l{chatPrompt, "x"}, "max_tokens": 5})
	complete("completion of tokens", m{"prompt": l{400, 100, 200}, "max_tokens": 3})
	complete("completion with echo and logprobs", m{"echo": true, "logprobs": 1, "max_tokens": 3})
	complete("completion with a suffix", m{"suffix": "end"})
	complete("completion, n", m{"n": 2, "temperature": 0.01, "max_tokens": 3})
	complete("completion, prompt over the window", m{"prompt": long})
	complete("completion, prompt empty", m{"prompt": ""})
	complete("completion, prompt missing", m{"prompt": nil})
	complete("completion, unknown model", m{"model": "nope"})
	complete("completion, max_tokens over the window", m{"max_tokens": 999999})
	for _, text := range []string{`{`, `{"prompt"`, `{"prompt":"x"`, `{"prompt":"x`, `{"prompt":"\x"}`, `{"prompt":"x",}`, `{"prompt":["x" "y"]}`, `{"prompt":"x"} {}`, `{"prompt":tru}`, "{\"prompt\":\"a\nb\"}", `{"é":"é`, `{"é":"\u00`, `{"é":"\u00x"}`, `{"prompt":"x\`, `[1`, `[nul]`, `{prompt:1}`} {
		send("completion, broken JSON "+text, "POST", completionsPath, text)
	}

	tokenize := func(name string, body m) { send(name, "POST", "/tokenize", body) }
	tokenize("tokenize", m{"model": real, "prompt": "hello <think>"})
	tokenize("tokenize, no model", m{"prompt": "hello"})
	tokenize("tokenize, texts", m{"model": real, "prompt": "hello", "return_token_strs": true, "add_special_tokens": false})
	tokenize("tokenize chat", m{"model": real, "messages": hello, "add_generation_prompt": true, "return_token_strs": true})
	tokenize("tokenize chat, thinking off", with(m{"model": real, "messages": hello}, off))
	tokenize("tokenize chat, tools", with(m{"model": real, "messages": hello}, tools))
	tokenize("tokenize chat, late system", m{"model": real, "messages": l{user("hello"), system("x")}})
	tokenize("tokenize, unknown model", m{"model": "nope", "prompt": "x"})
	tokenize("tokenize, neither", m{"model": real})
	send("tokenize, broken JSON", "POST", "/tokenize", `{"prompt"`)
	send("detokenize", "POST", "/detokenize", m{"model": real, "tokens": l{1, 2, 3}})
	send("detokenize, no such token", "POST", "/detokenize", m{"model": real, "tokens": l{999999}})
	send("detokenize, unknown model", "POST", "/detokenize", m{"model": "nope", "tokens": l{1}})

	text := mustJSON(plain)
	var zipped, deflated bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(text)) // to memory: can't fail
	_ = z.Close()
	d := zlib.NewWriter(&deflated)
	_, _ = d.Write([]byte(text))
	_ = d.Close()
	send("gzip request", "POST", chatPath, zipped.String(), [2]string{"Content-Encoding", "gzip"})
	send("deflate request", "POST", chatPath, deflated.String(), [2]string{"Content-Encoding", "deflate"})
	send("compressed answer welcome", "POST", chatPath, plain, [2]string{"Accept-Encoding", "gzip, br, zstd"})
	send("request id", "POST", chatPath, plain, [2]string{"X-Request-Id", "my-id-1"})
	send("request id, stream", "POST", chatPath, with(plain, stream), [2]string{"X-Request-Id", "my-id-2"})
	send("origin", "POST", chatPath, plain, [2]string{"Origin", "https://a.example"})
	send("key that nobody asked for", "POST", chatPath, plain, [2]string{"Authorization", "Bearer anything"})
	send("70 KB of header", "POST", chatPath, plain, [2]string{"X-Big", strings.Repeat("a", 70000)})
	send("byte order mark", "POST", chatPath, "\ufeff"+text)
	send("slash at the end", "POST", chatPath+"/", plain)
	send("double slash", "POST", "//v1//chat/completions", plain)
	send("request in chunks", "POST", chatPath, plain).chunked = true
	send("100 Continue", "POST", chatPath, plain, [2]string{"Expect", "100-continue"}).waits = true
	return all
}

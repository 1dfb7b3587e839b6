package vllm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// A question goes to the real vLLM and to the simulator; what must agree is the shape
// of the answers: status, header names, keys in their order with the types of their
// values, kinds and order of events.
type question struct {
	name, method, path string
	body               any
	contentType        string // application/json when empty
}

func questions() []question {
	q := []question{}
	add := func(name, method, path string, body any) {
		q = append(q, question{name: name, method: method, path: path, body: body})
	}
	post := func(name string, body any) { add(name, "POST", "/v1/chat/completions", body) }
	think := func(on bool) m { return m{"chat_template_kwargs": m{"enable_thinking": on}} }
	with := func(a, b m) m {
		c := m{}
		for _, x := range []m{a, b} {
			for k, v := range x {
				c[k] = v
			}
		}
		return c
	}
	off, stream := think(false), m{"stream": true}
	usage := m{"stream": true, "stream_options": m{"include_usage": true}}

	post("plain", chat(real, nil, user("What is 2+2?")))
	post("thinking off", chat(real, off, user("What is 2+2?")))
	post("effort none", chat(real, m{"reasoning_effort": "none"}, user("What is 2+2?")))
	post("effort unknown", chat(real, m{"reasoning_effort": "enormous"}, user("What is 2+2?")))
	post("n", chat(real, with(off, m{"n": 2, "temperature": 0.01}), user("hello")))
	post("logprobs", chat(real, with(off, m{"logprobs": true, "top_logprobs": 2, "max_tokens": 2}), user("hello")))
	post("cut in reasoning", chat(real, m{"max_tokens": 2}, user("hello")))
	post("cut in text", chat(real, with(off, m{"max_completion_tokens": 2}), user("hello")))
	post("tool", chat(real, m{"tools": weather}, user("Weather in Paris?")))
	post("two tools", chat(real, with(off, m{"tools": weather}), user("Weather in Rome and Oslo?")))
	post("tool required", chat(real, with(off, m{"tools": weather, "tool_choice": "required"}), user("Weather in Paris?")))
	post("tool named", chat(real, with(off, m{"tools": weather, "tool_choice": m{"type": "function", "function": m{"name": "get_weather"}}}), user("Weather in Paris?")))
	post("tools empty", chat(real, m{"tools": l{}}, user("hello")))
	post("tool choice alone", chat(real, m{"tool_choice": "auto"}, user("hello")))
	post("developer", chat(real, off, m{"role": "developer", "content": "Be kind."}, user("hello")))

	post("stream", chat(real, stream, user("What is 2+2?")))
	post("stream with usage", chat(real, usage, user("What is 2+2?")))
	post("stream with continuous usage", chat(real, m{"stream": true, "stream_options": m{"include_usage": true, "continuous_usage_stats": true}}, user("What is 2+2?")))
	post("stream, thinking off", chat(real, with(off, usage), user("What is 2+2?")))
	post("stream of a tool", chat(real, with(stream, m{"tools": weather}), user("Weather in Paris?")))
	post("stream of two tools", chat(real, with(off, with(usage, m{"tools": weather})), user("Weather in Rome and Oslo?")))
	post("stream cut", chat(real, with(off, with(stream, m{"max_tokens": 2})), user("Count to ten")))

	post("unknown model", chat("nope", nil, user("hello")))
	post("unknown model, stream", chat("nope", stream, user("hello")))
	post("no model", m{"messages": l{user("hello")}, "max_tokens": 1})
	post("late system", chat(real, nil, user("hello"), system("late")))
	post("two systems", chat(real, nil, system("a"), system("b"), user("hello")))
	post("no user", chat(real, nil, assistant("hello")))
	post("no messages", m{"model": real})
	post("empty messages", m{"model": real, "messages": l{}})
	post("null messages", m{"model": real, "messages": nil})
	post("unknown role", chat(real, nil, m{"role": "wizard", "content": "x"}))
	post("overflow", chat(real, nil, user(strings.Repeat("hello ", 9000))))
	post("max_tokens over the window", chat(real, m{"max_tokens": 9000}, user("hello")))
	post("max_tokens zero", chat(real, m{"max_tokens": 0}, user("hello")))
	post("temperature type", chat(real, m{"temperature": "hot"}, user("hello")))
	post("temperature range", chat(real, m{"temperature": 3}, user("hello")))
	post("top_p range", chat(real, m{"top_p": 2}, user("hello")))
	post("n zero", chat(real, m{"n": 0}, user("hello")))
	post("kwargs type", chat(real, m{"chat_template_kwargs": "x"}, user("hello")))
	post("stream options without stream", chat(real, m{"stream_options": m{"include_usage": true}}, user("hello")))
	post("broken JSON", `{"model": "x",`)
	post("JSON list", `[]`)
	post("empty", ``)
	q = append(q, question{"content type", "POST", "/v1/chat/completions", chat(real, nil, user("hello")), "text/plain"})

	add("completion", "POST", "/v1/completions", m{"model": real, "prompt": "hello", "max_tokens": 3, "temperature": 0})
	add("completion, stream", "POST", "/v1/completions", m{"model": real, "prompt": "hello", "max_tokens": 3, "temperature": 0, "stream": true})
	add("completion of a list", "POST", "/v1/completions", m{"model": real, "prompt": l{"hello", "world"}, "max_tokens": 2, "temperature": 0})
	add("completion, unknown model", "POST", "/v1/completions", m{"model": "nope", "prompt": "hello"})

	add("models", "GET", "/v1/models", nil)
	add("one model", "GET", "/v1/models/"+real, nil)
	add("models by POST", "POST", "/v1/models", m{})
	add("health", "GET", "/health", nil)
	add("version", "GET", "/version", nil)
	add("no such path", "GET", "/nothing", nil)
	add("trailing slash", "POST", "/v1/chat/completions/", m{})

	add("tokenize prompt", "POST", "/tokenize", m{"model": real, "prompt": "hello"})
	add("tokenize messages", "POST", "/tokenize", m{"model": real, "messages": l{user("hello")}, "return_token_strs": true})
	add("tokenize neither", "POST", "/tokenize", m{"model": real})
	add("tokenize late system", "POST", "/tokenize", m{"model": real, "messages": l{user("hello"), system("late")}})
	add("tokenize unknown model", "POST", "/tokenize", m{"model": "nope", "prompt": "hello"})
	add("detokenize", "POST", "/detokenize", m{"model": real, "tokens": l{1, 2}})
	return q
}

// unlike lists in which questions the simulator may answer in another shape, and why.
// An entry that is no longer true fails the test.
var unlike = map[string]string{}

func TestTheSimulatorAnswersInTheShapeOfARealServer(t *testing.T) {
	need(t, "QWENVOY_VLLM_URL", vllmURL)
	need(t, "QWENVOY_BIN", binary)
	url, err := simulator()
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, q := range questions() {
		asked[q.name] = true
		t.Run(q.name, func(t *testing.T) {
			diff := cmp.Diff(shape(t, vllmURL, q), shape(t, url, q))
			switch reason := unlike[q.name]; {
			case diff != "" && reason == "":
				t.Errorf("(-real +simulated):\n%s", diff)
			case diff == "" && reason != "":
				t.Errorf("there is no difference any more, though it is explained: %s", reason)
			case diff != "":
				t.Logf("differs because %s:\n%s", reason, diff)
			}
		})
	}
	for name := range unlike {
		if !asked[name] {
			t.Errorf("a difference is explained for %q, which is not asked", name)
		}
	}
}

// shape is what an answer looks like, a line for each thing.
func shape(t *testing.T, url string, q question) []string {
	t.Helper()
	kind := "application/json"
	if q.contentType != "" {
		kind = q.contentType
	}
	a := askAs(t, q.method, url+q.path, q.body, kind)
	lines := []string{fmt.Sprint("status ", a.status)}
	for name := range a.header {
		if name != "Date" {
			lines = append(lines, "header "+name)
		}
	}
	slices.Sort(lines[1:])
	lines = append(lines, "content-type "+a.header.Get("Content-Type"))
	if len(a.events) > 0 {
		last := ""
		for _, e := range a.events {
			kind := e
			if gjson.Valid(e) {
				kind = "event " + strings.Join(structure("", gjson.Parse(e)), " ")
			}
			// How many pieces a text comes in depends on the tokenizer and the load.
			if kind != last {
				lines = append(lines, kind)
			}
			last = kind
		}
		return lines
	}
	if !a.whole.IsObject() && !a.whole.IsArray() {
		return append(lines, fmt.Sprintf("text %q", a.whole.Raw))
	}
	return append(lines, structure("", a.whole)...)
}

// structure lists keys in order with the types of their values; of lists, the first
// element and whether there are more.
func structure(path string, v gjson.Result) (lines []string) {
	switch {
	case v.IsObject():
		lines = append(lines, path+"{}")
		v.ForEach(func(k, v gjson.Result) bool {
			lines = append(lines, structure(path+"."+k.Str, v)...)
			return true
		})
	case v.IsArray():
		list := v.Array()
		lines = append(lines, fmt.Sprintf("%s[%d]", path, min(len(list), 2)))
		if len(list) > 0 {
			lines = append(lines, structure(path+"[]", list[0])...)
		}
	case v.Type == gjson.String && slices.Contains(words, v.Str):
		lines = append(lines, path+"="+v.Str)
	default:
		lines = append(lines, path+":"+v.Type.String())
	}
	return lines
}

// words are values that belong to the shape.
var words = []string{"stop", "length", "tool_calls", "assistant", "function", "chat.completion", "chat.completion.chunk", "text_completion", "list", "model",
	"BadRequestError", "Bad Request", "NotFoundError", "InternalServerError", "input_tokens", "Not Found", "Method Not Allowed"}

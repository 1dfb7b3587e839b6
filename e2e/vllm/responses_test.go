package vllm

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

const responsesPath = "/v1/responses"

// response makes a Responses request at temperature 0.
func response(model string, more m, input any) m {
	return with(m{"model": model, "input": input, "temperature": 0, "store": false}, more)
}

var weatherFunction = l{m{"type": "function", "name": "get_weather", "description": "Weather of a city", "strict": false,
	"parameters": m{"type": "object", "properties": m{"city": m{"type": "string"}, "days": m{"type": "integer"}}, "required": l{"city"}}}}

// bothWays asks for a response whole and as a stream, whose last object must say the same.
func bothWays(t *testing.T, url string, request m) gjson.Result {
	t.Helper()
	whole := ask(t, "POST", url+responsesPath, request)
	wantStatus(t, whole, 200)
	stream := ask(t, "POST", url+responsesPath, with(request, m{"stream": true}))
	wantStatus(t, stream, 200)
	checkResponsesStream(t, stream.raw)
	last := gjson.Parse(stream.events[len(stream.events)-1])
	for _, path := range []string{"status", "model", "incomplete_details", "output.#.type", "output.#.status", "output.#.content.#.text", "output.#.arguments", "usage.output_tokens"} {
		want(t, path+" of the stream", last.Get("response."+path), whole.get(path).String())
	}
	return whole.whole
}

func TestResponses(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		r := bothWays(t, url, response(thinking, nil, "What is 2+2?"))
		want(t, "status", r.Get("status"), "completed")
		want(t, "items", r.Get("output.#.type"), `["reasoning","message"]`)
		want(t, "thought", r.Get("output.0.content.0.text"), "Two plus two is four.\n")
		want(t, "text", r.Get("output.1.content.0.text"), "2 + 2 = 4.")
		want(t, "model", r.Get("model"), thinking)

		r = bothWays(t, url, response(instruct, nil, "What is 2+2?"))
		want(t, "items without thinking", r.Get("output.#.type"), `["message"]`)
		want(t, "text without thinking", r.Get("output.0.content.0.text"), "2 + 2 = 4.")

		r = bothWays(t, url, response(thinking, m{"reasoning": m{"effort": "none"}}, "What is 2+2?"))
		want(t, "items with effort none", r.Get("output.#.type"), `["message"]`)
		r = bothWays(t, url, response(thinking, m{"reasoning": m{"effort": "high", "summary": "auto"}}, "What is 2+2?"))
		want(t, "summary", r.Get("output.0.summary.0.text"), "Two plus two is four.\n")

		r = bothWays(t, url, response("gpt-5.5", m{"instructions": "Be brief."}, l{
			m{"role": "developer", "content": "Be kind."}, user("hello"), assistant("Hello!"), m{"role": "developer", "content": "Be exact."}, user("What is 2+2?")}))
		want(t, "status with late developer messages", r.Get("status"), "completed")
	})
}

func TestResponsesToolsAndTheirResults(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		question := "Weather in Rome and Oslo?"
		tools := m{"tools": weatherFunction, "include": l{"reasoning.encrypted_content"}}
		r := bothWays(t, url, response(thinking, tools, question))
		want(t, "items", r.Get("output.#.type"), `["reasoning","function_call","function_call"]`)
		want(t, "first call", r.Get("output.1.arguments"), `{"city": "Rome"}`)
		want(t, "second call", r.Get("output.2.arguments"), `{"city": "Oslo"}`)

		input := l{user(question)}
		for _, o := range r.Get("output").Array() {
			input = append(input, o.Value())
		}
		for _, id := range r.Get("output.#.call_id").Array() {
			input = append(input, m{"type": "function_call_output", "call_id": id.String(), "output": "sunny"})
		}
		r = bothWays(t, url, response(thinking, tools, input))
		want(t, "status after the results", r.Get("status"), "completed")

		r = bothWays(t, url, response(instruct, m{"tools": weatherFunction, "tool_choice": m{"type": "function", "name": "get_weather"}}, "Weather in Paris?"))
		want(t, "named call", r.Get("output.#.type"), `["function_call"]`)
	})
}

func TestResponsesOtherAnswers(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		r := bothWays(t, url, response(instruct, m{"text": m{"format": m{"type": "json_schema", "name": "place", "schema": m{"type": "object", "properties": m{"city": m{"type": "string"}}, "required": l{"city"}}}}}, "Give me JSON"))
		if text := r.Get("output.0.content.0.text").String(); !gjson.Valid(text) || !gjson.Get(text, "city").Exists() {
			t.Errorf("structured output %q", text)
		}
		r = bothWays(t, url, response(instruct, m{"max_output_tokens": 4}, "Count to ten"))
		want(t, "status of a cut text", r.Get("status"), "incomplete")
		want(t, "its reason", r.Get("incomplete_details.reason"), "max_output_tokens")
		r = bothWays(t, url, response(thinking, m{"reasoning": m{"effort": "high"}, "max_output_tokens": 4}, "What is 2+2?"))
		want(t, "items when cut in the thought", r.Get("output.#.type"), `["reasoning"]`)

		request := response(thinking, m{"reasoning": m{"effort": "high"}, "tools": weatherFunction, "instructions": "Be kind."}, l{user("hello"), assistant("Hello!"), user("What is 2+2?")})
		used := ask(t, "POST", url+responsesPath, with(request, m{"max_output_tokens": 1}))
		counted := ask(t, "POST", url+responsesPath+"/input_tokens", request)
		wantStatus(t, counted, 200)
		want(t, "input tokens", counted.get("input_tokens"), used.get("usage.input_tokens").String())

		compacted := ask(t, "POST", url+responsesPath+"/compact", m{"model": instruct, "input": l{user("What is 2+2?"), assistant("4"), user("hello")}})
		wantStatus(t, compacted, 200)
		want(t, "object", compacted.get("object"), "response.compaction")
		input := append(compacted.get("output").Value().([]any), user("What is 2+2?"))
		want(t, "status behind a compaction", bothWays(t, url, response(instruct, m{"max_output_tokens": 100}, input)).Get("object"), "response")
	})
}

func TestResponsesErrors(t *testing.T) {
	onBothEdges(t, func(t *testing.T, url string) {
		for _, stream := range []bool{false, true} {
			a := ask(t, "POST", url+responsesPath, response(instruct, m{"stream": stream}, strings.Repeat("hello ", 9000)))
			wantStatus(t, a, 400)
			want(t, "code of an overflow", a.get("error.code"), "context_length_exceeded")
			a = ask(t, "POST", url+responsesPath, response("llama", m{"stream": stream}, "hello"))
			wantStatus(t, a, 404)
			want(t, "code of an unknown model", a.get("error.code"), "model_not_found")
			a = ask(t, "POST", url+responsesPath, response(instruct, m{"stream": stream, "temperature": -1}, "hello"))
			wantStatus(t, a, 400)
			want(t, "type of a bad value", a.get("error.type"), "invalid_request_error")
		}
	})
}

package agents

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// accumulated has an SDK for Node gather the streamed answer to a request.
func accumulated(t *testing.T, h *home, sdk, url, request string) gjson.Result {
	t.Helper()
	out, complaints := h.program(t, request, node(), h.client(t, "sdk.mjs"), sdk, url)
	if complaints != "" {
		t.Fatalf("%s: %s", sdk, complaints)
	}
	return gjson.Parse(out)
}

func quoted(t *testing.T, s string) string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const (
	weatherSchema = `{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]}`
	rome          = `get_weather {"city":"Rome \"città\"","days":12345678901234567}`
	oslo          = `get_weather {"city":"Oslo"}`
)

// weather is what the SDKs' conversation asks for.
var weather = script{
	think("Two towns, two calls."),
	preface("I look at both."),
	call(rome),
	call(oslo),
	next,
	think("Now I know."),
	say("Rome is warm, Oslo is not. 🌦"),
}

// AnthropicForNode has Anthropic's SDK for Node, whose accumulator is stricter than that for Go,
// gather a thought, a text and two calls from one stream, and give them back with results.
func AnthropicForNode(t *testing.T, gateway string, model *Model) {
	for _, sdk := range []string{"anthropic", "anthropic-beta"} {
		t.Run(sdk, func(t *testing.T) {
			front := startFront(t, gateway)
			h := newHome(t)
			h.env = append(h.env, "QWENVOY_AGENTS="+agentsFolder())
			mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())
			prompt := quoted(t, weather.prompt(mark+" How is the weather?"))
			request := func(messages string) string {
				return `{"model":"qwen3.5-thinking-coding","max_tokens":2000,"system":"Be brief.","tools":[{"name":"get_weather","description":"The weather.","input_schema":` + weatherSchema + `}],"messages":[{"role":"user","content":` + prompt + `}` + messages + `]}`
			}
			first := accumulated(t, h, sdk, front.url(), request(""))
			blocks := first.Get("content").Array()
			if got, want := first.Get("content.#.type").Raw, `["thinking","text","tool_use","tool_use"]`; got != want {
				t.Fatalf("the content is %s, want %s: %s", got, want, first.Raw)
			}
			for path, want := range map[string]string{
				"content.0.thinking": "Two towns, two calls.\n", "content.1.text": "I look at both.",
				"content.2.name": "get_weather", "content.2.input.city": `Rome "città"`, "content.3.input.city": "Oslo",
				"stop_reason": "tool_use", "model": "qwen3.5-thinking-coding", "role": "assistant", "type": "message",
			} {
				if got := first.Get(path).String(); got != want {
					t.Errorf("%s is %q, want %q", path, got, want)
				}
			}
			second := accumulated(t, h, sdk, front.url(), request(`,{"role":"assistant","content":`+first.Get("content").Raw+`},{"role":"user","content":[`+
				`{"type":"tool_result","tool_use_id":`+blocks[3].Get("id").Raw+`,"content":"Cold."},{"type":"tool_result","tool_use_id":`+blocks[2].Get("id").Raw+`,"content":[{"type":"text","text":"Warm."}]}]}`))
			if got := second.Get("content.#.type").Raw; got != `["thinking","text"]` || second.Get("content.1.text").Str != "Rome is warm, Oslo is not. 🌦" || second.Get("stop_reason").Str != "end_turn" {
				t.Errorf("the second message is %s", second.Raw)
			}
			requests := completions(t, model.asked(t, mark), 2)
			grows(t, requests)
			told(t, requests[1],
				// JavaScript has rounded the number on its way.
				turn{role: "assistant", reasoning: "Two towns, two calls.\n", content: "I look at both.", calls: []string{strings.Replace(rome, "67}", "68}", 1), oslo}},
				turn{role: "tool", content: "Warm."}, turn{role: "tool", content: "Cold."})
			prompts, written := usage(t, requests)
			var in, out int64
			for _, m := range []gjson.Result{first, second} {
				in += m.Get("usage.input_tokens").Int() + m.Get("usage.cache_read_input_tokens").Int() + m.Get("usage.cache_creation_input_tokens").Int()
				out += m.Get("usage.output_tokens").Int()
			}
			if in != prompts || out != written {
				t.Errorf("the SDK counted %d and %d tokens, the model's server %d and %d", in, out, prompts, written)
			}
		})
	}
}

// OpenAIForNode has OpenAI's SDK for Node do the same over the Responses API.
func OpenAIForNode(t *testing.T, gateway string, model *Model) {
	front := startFront(t, gateway)
	h := newHome(t)
	h.env = append(h.env, "QWENVOY_AGENTS="+agentsFolder())
	mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())
	prompt := quoted(t, weather.prompt(mark+" How is the weather?"))
	request := func(items string) string {
		return `{"model":"qwen3.5-thinking-coding","store":false,"instructions":"Be brief.","tools":[{"type":"function","name":"get_weather","strict":false,"parameters":` + weatherSchema + `}],"input":[{"role":"user","content":` + prompt + `}` + items + `]}`
	}
	first := accumulated(t, h, "openai", front.url(), request(""))
	items := first.Get("output").Array()
	if got, want := first.Get("output.#.type").Raw, `["reasoning","message","function_call","function_call"]`; got != want {
		t.Fatalf("the output is %s, want %s: %s", got, want, first.Raw)
	}
	for path, want := range map[string]string{
		"output.0.content.0.text": "Two towns, two calls.\n", "output.1.content.0.text": "I look at both.", "output_text": "I look at both.",
		"output.2.name": "get_weather", "status": "completed", "model": "qwen3.5-thinking-coding",
	} {
		if got := first.Get(path).String(); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	history := ""
	for _, i := range items {
		history += "," + i.Raw
	}
	for i, result := range []string{"Warm.", "Cold."} {
		history += `,{"type":"function_call_output","call_id":` + items[2+i].Get("call_id").Raw + `,"output":"` + result + `"}`
	}
	second := accumulated(t, h, "openai", front.url(), request(history))
	if second.Get("output_text").Str != "Rome is warm, Oslo is not. 🌦" || second.Get("status").Str != "completed" {
		t.Errorf("the second response is %s", second.Raw)
	}
	requests := completions(t, model.asked(t, mark), 2)
	grows(t, requests)
	told(t, requests[1],
		turn{role: "assistant", reasoning: "Two towns, two calls.\n", content: "I look at both.", calls: []string{rome, oslo}},
		turn{role: "tool", content: "Warm."}, turn{role: "tool", content: "Cold."})
}

package responses

import (
	"testing"

	"github.com/tidwall/gjson"
)

func TestCountingAsksAboutTheSamePrompt(t *testing.T) {
	s := settings(t, "Qwen/X")
	body := `{"model":"think","instructions":"Be short.","temperature":0.1,"stream":true,"max_output_tokens":5,"top_k":3,"tool_choice":"auto","parallel_tool_calls":true,"truncation":"auto",
		"reasoning":{"effort":"low","context":"all_turns"},"text":{"format":{"type":"json_schema","name":"n","schema":{}}},"chat_template_kwargs":{"a":1},"mm_processor_kwargs":{"b":2},
		"tools":[{"type":"custom","name":"c"},{"type":"web_search"}],"input":[{"role":"user","content":"Hi"},{"type":"custom_tool_call","call_id":"1","name":"c","input":"x"},{"type":"custom_tool_call_output","call_id":"1","output":"y"}]}`
	created, _ := ask(t, s, Create, body)
	counted, turn := ask(t, s, InputTokens, body)
	for _, key := range []string{"model", "messages", "tools", "chat_template_kwargs", "mm_processor_kwargs"} {
		if a, b := gjson.Get(created, key).Raw, gjson.Get(counted, key).Raw; a == "" || a != b {
			t.Errorf("%s: %s and %s", key, a, b)
		}
	}
	if n := gjson.Get(counted, "@keys.#").Int(); n != 5 {
		t.Errorf("more than the tokenizer takes: %s", counted)
	}
	if turn.Request.Streamed {
		t.Error("a count is no stream")
	}
	got, _ := ask(t, s, InputTokens, `{"input":"Hi"}`)
	if got != `{"messages":[{"role":"user","content":"Hi"}]}` {
		t.Errorf("without a model: %s", got)
	}
	for _, body := range []string{`{"model":"think"}`, `{"model":"think","input":"Hi","previous_response_id":"x"}`, `{"model":"llama","input":"Hi"}`} {
		if _, p := InputTokens.Request(nil, []byte(body), turnOf(s)); p == nil {
			t.Errorf("%s was accepted", body)
		}
	}
}

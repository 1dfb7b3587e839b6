package simulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzBodies sends any body to every POST route: each is answered by JSON or a
// whole stream, and none panics.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		ask("hello", ""), ask("count to 9", `,"stream":true,"stop":["9"],"n":2`), ask("weather in Rome", weather), `{"prompt":["a",[1,2]],"echo":true}`,
		`{"messages":[{"role":1,"content":[{"type":"text"}],"tool_calls":[1]}]}`, `{"messages":[null]}`, `{"tokens":[-1,1.5,99999999]}`,
		ask("use a tool", `,"tools":[{"function":{"name":"f","parameters":{"required":["a","b"],"properties":{"a":{"$ref":"#"},"b":{"$ref":"#"}}}}}]`),
		ask("use a tool", `,"tools":[{"function":{"name":"f","parameters":{"type":"array","minItems":100,"items":{"$ref":"#"}}}}],"tool_choice":{}`),
		ask("simulate: call\nsimulate: then\nsimulate:", weather+`,"max_tokens":9,"stream":true`), ask("x", `,"n":1e9`), ask("x", `,"max_tokens":1e300`),
		ask("é", `,"continue_final_message":true,"add_generation_prompt":false,"logprobs":true,"top_logprobs":-1`),
	} {
		f.Add(seed)
	}
	h := New(Options{MaxModelLen: 500})
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/v1/chat/completions", "/v1/completions", "/tokenize", "/detokenize"} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			got := w.Body.String()
			if strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
				if !strings.HasSuffix(got, "data: [DONE]\n\n") {
					t.Errorf("%s: the stream ends in %q", path, got)
				}
			} else if !json.Valid([]byte(got)) {
				t.Errorf("%s: %q is no JSON", path, got)
			}
		}
	})
}

package server

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// A prompt that is too long is counted by the upstream's /tokenize, with the body that was refused,
// whether or not the refusal names the window.
func TestAnOverflowIsCounted(t *testing.T) {
	for _, refusal := range []string{
		`{"error":{"message":"This model's maximum context length is 8192 tokens. However, your prompt contains at least 8193 input tokens, which exceeds this limit even without any output tokens.","type":"BadRequestError","param":"input_tokens","code":400}}`,
		`{"error":{"message":"Your input exceeds the context window of this model.","type":"BadRequestError","param":null,"code":400}}`,
	} {
		testCountOf(t, refusal)
	}
}

func testCountOf(t *testing.T, refusal string) {
	for _, stream := range []string{"false", "true"} {
		for _, tokenize := range []bool{true, false} {
			var refused string
			e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				w.Header().Set("Content-Type", "application/json")
				switch {
				case r.URL.Path == "/v1/chat/completions":
					refused = string(body)
					w.WriteHeader(400)
					_, _ = io.WriteString(w, refusal)
				case r.URL.Path == "/tokenize" && tokenize:
					if string(body) != refused || r.Header.Get("Authorization") != "Bearer k" {
						t.Errorf("%s was refused, %s is counted, for %q", refused, body, r.Header.Get("Authorization"))
					}
					_, _ = io.WriteString(w, `{"count":12345,"max_model_len":8192,"tokens":[1`+strings.Repeat(",2", 12344)+`]}`)
				default:
					w.WriteHeader(404)
				}
			}))
			long := strings.Repeat("word ", 100_000)
			status, _, body := e.do(t, "POST", "/v1/messages", strings.NewReader(`{"model":"claude-x","max_tokens":9,"stream":`+stream+`,"messages":[{"role":"user","content":"`+long+`"}]}`), "x-api-key", "k")
			want := "prompt is too long: 12345 tokens > 8192 maximum"
			if !tokenize {
				want = "prompt is too long: (" + gjson.Get(refusal, "error.message").Str + ")"
			}
			if m := gjson.Get(body, "error.message").Str; status != 400 || m != want {
				t.Errorf("stream %s, /tokenize %t: %d %s", stream, tokenize, status, body)
			}
		}
	}
}

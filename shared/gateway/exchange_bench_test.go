package gateway

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkExchange is one chat request and its whole reply, as an edge carries them.
func BenchmarkExchange(b *testing.B) {
	g := newGateway(b, "", Edge{})
	reply := []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"Qwen/X","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("hello world ", 60) + `","refusal":null,"annotations":null,"audio":null,"function_call":null,"tool_calls":[],"reasoning":"I should say something."},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null}],"usage":{"prompt_tokens":11,"total_tokens":211,"completion_tokens":200,"prompt_tokens_details":null}}`)
	for _, size := range []int{3_000, 67_000} {
		body := []byte(`{"max_tokens":512,"messages":[{"role":"system","content":"` + strings.Repeat("Keep to the point. ", size/100) + `"},{"role":"user","content":"` + strings.Repeat("The build reads \\\"every\\\" file.\\n", size*3/100) + `"}],"model":"gpt-5","stream":false}`)
		b.Run(fmt.Sprintf("%dKB", len(body)/1000), func(b *testing.B) {
			request, answer := values("content-type", "application/json"), values("content-type", "application/json")
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				x := g.Open(Head{Method: "POST", Path: "/v1/chat/completions", Header: request}, Env{})
				var a any
				if out, a = x.Request(out[:0], body); len(out) == 0 {
					b.Fatal(a)
				}
				if p := x.ReplyHead(200, answer); p.Mode != ReplyWhole {
					b.Fatal(p.Mode)
				}
				if out, a = x.ReplyWhole(out[:0], reply); len(out) == 0 {
					b.Fatal(a)
				}
				_ = x.Report()
			}
		})
	}
}

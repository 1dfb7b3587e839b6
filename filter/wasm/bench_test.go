package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

// agentChat is a chat request as coding agents send it: a long system prompt, tools,
// and turns of tool call and result, about n bytes in all.
func agentChat(n int, stream bool) []byte {
	type m = map[string]any
	prose := "The build reads every file under the source folder, keeps what changed, and writes a \"report\" with line numbers.\n\tSee docs/guide.md for the rules — naïve paths fail. "
	text := func(n int) string { return strings.Repeat(prose, n/len(prose)+1)[:n] }
	var tools []any
	messages := []any{m{"role": "system", "content": text(n / 5)}, m{"role": "user", "content": "Fix the failing test."}}
	for i := range 18 {
		tools = append(tools, m{"type": "function", "function": m{"name": fmt.Sprintf("tool_%02d", i), "description": text(n / 170),
			"parameters": m{"type": "object", "properties": m{"path": m{"type": "string"}, "line": m{"type": "integer"}}, "required": []string{"path"}}}})
	}
	for i := range 20 {
		id := fmt.Sprintf("call_%04d", i)
		messages = append(messages,
			m{"role": "assistant", "content": "Looking at it.", "tool_calls": []any{m{"id": id, "type": "function", "function": m{"name": fmt.Sprintf("tool_%02d", i%18), "arguments": `{"path":"pkg/file.go"}`}}}},
			m{"role": "tool", "tool_call_id": id, "content": text(n * 6 / 10 / 20)})
	}
	body, err := json.Marshal(m{"model": virtual, "messages": messages, "tools": tools, "stream": stream})
	if err != nil {
		panic(err)
	}
	return body
}

// The times hold wazero's code and the host's copies, not V8's; they are for comparing
// one change of the filter with the last.
func BenchmarkChat(b *testing.B) {
	for _, size := range []int{3 << 10, 67 << 10, 646 << 10} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			h := wasmtest.New(b, wasmtest.Options{Config: configuration(""), Knob: true})
			r, reply := wasmtest.Post(chat, agentChat(size, false)), replies(wasmtest.JSON(200, []byte(answer)))
			b.SetBytes(int64(len(r.Body[0])))
			calls := h.Hostcalls()
			for b.Loop() {
				if s := h.Exchange(b, r, reply); s.Client.Status() != 200 {
					b.Fatal(s.Client)
				}
			}
			b.ReportMetric(float64(h.Hostcalls()-calls)/float64(b.N), "hostcalls/op")
			b.ReportMetric(float64(h.MemoryBytes()), "wasm-bytes")
		})
	}
}

func BenchmarkStreamEvent(b *testing.B) {
	h := wasmtest.New(b, wasmtest.Options{Config: configuration(""), Knob: true})
	s := h.NewStream()
	s.RequestHead(wasmtest.Post(chat).Header, false)
	s.RequestBody([]byte(streamed), true)
	s.ReplyHead(wasmtest.Events().Header, false)
	e := []byte(event(`{"content":" and so it goes on"}`, "null"))
	calls := h.Hostcalls()
	for b.Loop() {
		s.ReplyBody(e, false)
		s.Client.Pieces = s.Client.Pieces[:0]
	}
	b.ReportMetric(float64(h.Hostcalls()-calls)/float64(b.N), "hostcalls/op")
}

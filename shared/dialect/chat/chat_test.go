package chat

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/sse"
)

func newTurn(t testing.TB, model string, field hub.ReasoningField) *hub.Turn {
	t.Helper()
	c, err := config.Decode([]byte(`{"upstreams":[{"model":"Qwen/X"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.New(c)
	if err != nil {
		t.Fatal(err)
	}
	turn := &hub.Turn{Settings: &hub.Settings{Catalog: cat, ReasoningField: field}, Edge: hub.EdgeFacts{Window: hub.NoWindow}}
	if _, p := Chat.Request(nil, []byte(`{"model":"`+model+`","messages":[],"stream":true}`), turn); p != nil {
		t.Fatal(p)
	}
	return turn
}

// Whatever an upstream sends, the client's stream is one of chat: each event JSON,
// [DONE] once and last.
func FuzzAnyStreamEndsByItsGrammar(f *testing.F) {
	f.Add("data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"a\",\"content\":null},\"finish_reason\":\"stop\"}]}\n\n", true)
	f.Add("data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"logprobs\":{\"content\":[{\"token\":\"a\"}]}}]}\n\n"+
		"data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"xab\"},\"logprobs\":null},{\"delta\":{\"tool_calls\":[1]},\"finish_reason\":\"stop\"}]}\n\n"+
		"data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"x\"}},{\"index\":2}]}\n\n", true)
	f.Add("data: {\"error\":{\"code\":1}}\n\ndata: [DONE]\n\n", false)
	f.Add(": c\n\n{\"error\":1}", true)
	f.Add("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\r\n\r\ndata: [DONE]", true)
	f.Fuzz(func(t *testing.T, upstream string, cut bool) {
		for i, model := range []string{"qwen3.5-thinking-general", "qwen3.5-instruct-general", "qwen3.5-thinking-general", "qwen3.5-instruct-general"} {
			turn := newTurn(t, model, hub.BothFields)
			if i > 1 {
				turn.Request.Stops, turn.Request.Choices = words([]string{"ab", "ac"}), i-1
			}
			s := Chat.Stream(turn)
			var out []byte
			ended := false
			var framer sse.Framer
			take := func() {
				for ev, ok := framer.Next(); ok && !ended; ev, ok = framer.Next() {
					out, ended = s.Event(out, ev.Other, ev.Data, ev.HasData)
				}
			}
			framer.Feed([]byte(upstream))
			take()
			if !cut {
				framer.End()
				take()
			}
			if !ended && cut {
				out = s.Abort(out, hub.FaultProblem(hub.Cut, 0))
			} else if !ended {
				out = s.End(out)
			}
			checkStream(t, out)
		}
	})
}

func checkStream(t *testing.T, out []byte) {
	t.Helper()
	var framer sse.Framer
	framer.Feed(out)
	done := 0
	for ev, ok := framer.Next(); ok; ev, ok = framer.Next() {
		if !ev.HasData {
			continue
		}
		if done > 0 {
			t.Fatalf("an event behind [DONE] in %q", out)
		}
		if string(ev.Data) == "[DONE]" {
			done++
		} else if !json.Valid(ev.Data) {
			t.Fatalf("%q is not JSON in %q", ev.Data, out)
		}
	}
	if done != 1 || !bytes.HasSuffix(out, []byte("data: [DONE]\n\n")) {
		t.Fatalf("[DONE] is not the end of %q", out)
	}
}

func FuzzAnyReplyStaysJSON(f *testing.F) {
	f.Add(`{"model":"Qwen/X","choices":[{"index":0,"message":{"content":null,"reasoning":"a","reasoning_content":"b","tool_calls":[1]},"finish_reason":"stop"}],"usage":{"completion_tokens":5}}`)
	f.Add(`{"choices":[{"message":{"reasoning":"a"}}]}`)
	f.Add(`{"choices":[{"message":{"content":"xab","tool_calls":[1]},"logprobs":{"content":[{"token":"x"},{"token":"ab"}]},"finish_reason":"stop"}]}`)
	f.Add(`{"error":"no"}`)
	f.Add(`{"choices":[{"message":{"reasoning":"a","reasoning":"b","content":"c","content":1}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, model := range []string{"qwen3.5-thinking-general", "qwen3.5-instruct-general"} {
			for _, field := range []hub.ReasoningField{hub.BothFields, hub.OnlyReasoning, hub.OnlyReasoningContent} {
				turn := newTurn(t, model, field)
				turn.Request.Limit = 5
				if field != hub.BothFields {
					turn.Request.Stops = words([]string{"ab", "ac"})
				}
				out, p := Chat.Reply(nil, []byte(body), turn)
				if p == nil && !json.Valid([]byte(strings.TrimPrefix(string(out), "\xEF\xBB\xBF"))) {
					t.Fatalf("%s\nbecame %s", body, out)
				}
				if p != nil && p.Status < 400 {
					t.Fatalf("%s\nbecame %+v", body, p)
				}
			}
		}
	})
}

func benchmarkEvents(b *testing.B, model, data string, stops ...string) {
	turn := newTurn(b, model, hub.BothFields)
	turn.Request.Stops = words(stops)
	s := Chat.Stream(turn)
	event := []byte(data)
	var dst []byte
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = s.Event(dst[:0], nil, event, true)
	}
}

const chunk = `{"id":"chatcmpl-b45cc0676068145e","object":"chat.completion.chunk","created":1795248366,"model":"Qwen/X","choices":[{"index":0,"delta":{"FIELD":" plus"},"logprobs":null,"finish_reason":null,"token_ids":null}]}`

func BenchmarkStreamEvent(b *testing.B) {
	for _, tt := range []struct{ name, model, field string }{
		{"content", "qwen3.5-thinking-general", "content"},
		{"reasoning doubled", "qwen3.5-thinking-general", "reasoning"},
		{"reasoning repaired", "qwen3.5-instruct-general", "reasoning"},
	} {
		b.Run(tt.name, func(b *testing.B) { benchmarkEvents(b, tt.model, strings.Replace(chunk, "FIELD", tt.field, 1)) })
	}
	b.Run("stop strings", func(b *testing.B) {
		benchmarkEvents(b, "qwen3.5-thinking-general", strings.Replace(chunk, "FIELD", "content", 1), "\nObservation:", "<|a rather long word that ends the text|>")
	})
	b.Run("stop strings, text held back", func(b *testing.B) {
		benchmarkEvents(b, "qwen3.5-thinking-general", strings.Replace(chunk, "FIELD", "content", 1), "s plus<|a rather long word|>")
	})
}

func BenchmarkReply(b *testing.B) {
	body := []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"Qwen/X","choices":[{"index":0,"message":{"role":"assistant","content":"` + strings.Repeat("hello world ", 60) + `","refusal":null,"annotations":null,"audio":null,"function_call":null,"tool_calls":[],"reasoning":"I should say something."},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null}],"usage":{"prompt_tokens":11,"total_tokens":211,"completion_tokens":200,"prompt_tokens_details":null}}`)
	turn := newTurn(b, "qwen3.5-thinking-general", hub.BothFields)
	var dst []byte
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var p *hub.Problem
		if dst, p = Chat.Reply(dst[:0], body, turn); p != nil {
			b.Fatal(p)
		}
	}
}

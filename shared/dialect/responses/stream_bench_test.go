package responses

import (
	"bytes"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/sse"
)

// longStream is a stream of 200 events such as a vLLM sends: thinking, text, calls of a
// function and of a custom tool.
func longStream() []byte {
	var b bytes.Buffer
	b.WriteString(chunk(`{"role":"assistant","content":""}`, ""))
	for range 80 {
		b.WriteString(think(" thought"))
	}
	for range 77 {
		b.WriteString(text(" word"))
	}
	piece := func(index, members string) {
		b.WriteString(chunk(`{"tool_calls":[{"index":`+index+`,`+members+`}]}`, ""))
	}
	piece("0", `"id":"chatcmpl-tool-1","type":"function","function":{"name":"get_weather","arguments":"{\"text\": \""}`)
	for range 18 {
		piece("0", `"function":{"arguments":" code"}`)
	}
	piece("0", `"function":{"arguments":"\"}"}`)
	piece("1", `"id":"chatcmpl-tool-2","type":"function","function":{"name":"apply_patch","arguments":"{\"input\": \""}`)
	for range 17 {
		piece("1", `"function":{"arguments":"\\n+code"}`)
	}
	piece("1", `"function":{"arguments":"\"}"}`)
	b.WriteString(chunk(`{}`, "tool_calls"))
	b.WriteString(usage + done)
	return b.Bytes()
}

// longTurn takes stream through the dialect as an edge does, one event at a time.
func longTurn(out, stream []byte, f *sse.Framer) []byte {
	r := newRequest()
	r.tools = clientTools
	s := Create.Stream(replyTurn(r))
	f.Reset()
	f.Feed(stream)
	out = s.Begin(out)
	for ev, ok := f.Next(); ok; ev, ok = f.Next() {
		var ended bool
		if out, ended = s.Event(out, ev.Other, ev.Data, ev.HasData); ended {
			break
		}
	}
	return out
}

func BenchmarkStream(b *testing.B) {
	stream := longStream()
	var f sse.Framer
	out := longTurn(nil, stream, &f)
	b.ReportAllocs()
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		out = longTurn(out[:0], stream, &f)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/event")
}

// BenchmarkStreamEvent is one event in the midst of a long text.
func BenchmarkStreamEvent(b *testing.B) {
	s := Create.Stream(replyTurn(newRequest()))
	data := []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"qwen","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null,"token_ids":null}]}`)
	out := s.Begin(nil)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		out, _ = s.Event(out[:0], nil, data, true)
	}
}

func TestAStreamAllocatesLittle(t *testing.T) {
	stream := longStream()
	var f sse.Framer
	out := longTurn(nil, stream, &f)
	if n := bytes.Count(stream, []byte("\n\n")); n != 200 {
		t.Fatalf("%d events", n)
	}
	allocations := testing.AllocsPerRun(20, func() { out = longTurn(out[:0], stream, &f) })
	if allocations > 2*200 {
		t.Errorf("%v allocations for 200 events", allocations)
	}
	t.Logf("%v allocations for 200 events", allocations)
}

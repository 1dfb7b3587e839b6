package messages

import (
	"bytes"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/sse"
)

// longStream is a stream of 200 events: thinking, text, a call.
func longStream() []byte {
	var b bytes.Buffer
	b.WriteString(chunk(`{"role":"assistant","content":""}`, ""))
	for range 80 {
		b.WriteString(chunk(`{"reasoning":" thought"}`, ""))
	}
	for range 77 {
		b.WriteString(chunk(`{"content":" word"}`, ""))
	}
	b.WriteString(chunk(call(0, "chatcmpl-tool-1", "write", `"{\"text\": \""`), ""))
	for range 37 {
		b.WriteString(chunk(piece(0, ` code`), ""))
	}
	b.WriteString(chunk(piece(0, `"}`), ""))
	b.WriteString(chunk(`{}`, "tool_calls"))
	b.WriteString(usage + done)
	return b.Bytes()
}

// longTurn takes stream through the dialect as an edge does, one event at a time.
func longTurn(out, stream []byte, f *sse.Framer) []byte {
	s := Create.Stream(replyTurn(newRequest()))
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
}

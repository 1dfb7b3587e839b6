package sse

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// read feeds text in pieces that end at the given offsets and writes the events down.
func read(f *Framer, text string, cuts ...int) string {
	var out strings.Builder
	take := func() {
		for ev, ok := f.Next(); ok; ev, ok = f.Next() {
			fmt.Fprintf(&out, "[%s|%s|%q|%t]", ev.Name, ev.Other, ev.Data, ev.HasData)
		}
	}
	last := 0
	for _, c := range append(cuts, len(text)) {
		piece := []byte(text[last:c])
		f.Feed(piece)
		take()
		for i := range piece {
			piece[i] = '#' // the chunk is the caller's again
		}
		last = c
	}
	f.End()
	take()
	return out.String()
}

var streams = []struct{ name, text, want string }{
	{"one event", "data: a\n\n", `[||"a"|true]`},
	{"no space", "data:a\n\n", `[||"a"|true]`},
	{"two spaces keep one", "data:  a\n\n", `[||" a"|true]`},
	{"several data lines", "data: a\ndata: b\ndata:\n\n", `[||"a\nb\n"|true]`},
	{"empty data", "data\n\n", `[||""|true]`},
	{"name", "event: x\ndata: a\n\n", `[x||"a"|true]`},
	{"comment alone", ": keep-alive\n\ndata: a\n\n", "[|: keep-alive\n|\"\"|false][||\"a\"|true]"},
	{"comment within", ": c\nid: 7\ndata: a\n\n", "[|: c\nid: 7\n|\"a\"|true]"},
	{"no blank line at the end", "data: a\n\ndata: b", `[||"a"|true][||"b"|true]`},
	{"line end but no blank line", "data: a\n", `[||"a"|true]`},
	{"extra blank lines", "\n\ndata: a\n\n\n\ndata: b\n\n", `[||"a"|true][||"b"|true]`},
	{"byte order mark", "\xEF\xBB\xBFdata: a\n\n", `[||"a"|true]`},
	{"UTF-8", "data: né😀\n\n", `[||"né😀"|true]`},
	{"JSON without a field name", `{"error":1}`, "[|{\"error\":1}\n|\"\"|false]"},
	{"nothing", "", ""},
}

func TestFramerReadsEveryLineEndAndSplit(t *testing.T) {
	for _, tt := range streams {
		for _, end := range []string{"\n", "\r\n", "\r"} {
			text := strings.ReplaceAll(tt.text, "\n", end)
			if got := read(&Framer{}, text); got != tt.want {
				t.Errorf("%s with %q: got %s, want %s", tt.name, end, got, tt.want)
			}
			for cut := range len(text) {
				if got := read(&Framer{}, text, cut); got != tt.want {
					t.Errorf("%s with %q cut at %d: got %s, want %s", tt.name, end, cut, got, tt.want)
				}
			}
			var all []int
			for i := 1; i < len(text); i++ {
				all = append(all, i)
			}
			if got := read(&Framer{}, text, all...); got != tt.want {
				t.Errorf("%s with %q byte by byte: got %s, want %s", tt.name, end, got, tt.want)
			}
		}
	}
}

func TestFramerKeepsToItsLimit(t *testing.T) {
	for _, text := range []string{"data: " + strings.Repeat("x", 100), strings.Repeat("data: xxxxxxx\n", 10)} {
		f := Framer{Limit: 64}
		for i := range text {
			f.Feed([]byte(text[i : i+1]))
			if _, ok := f.Next(); ok {
				t.Fatal("an event came")
			}
		}
		if !errors.Is(f.Err(), ErrTooLarge) {
			t.Errorf("%.20s…: no error", text)
		}
	}
	f := Framer{Limit: 64}
	if got := read(&f, strings.Repeat("data: 12345678901234567890\n\n", 50)); f.Err() != nil || strings.Count(got, "[") != 50 {
		t.Errorf("many small events are not one large one: %v", f.Err())
	}
}

func TestManyShortLinesTakeLinearTime(t *testing.T) {
	// 4 MiB of CR took hours when each line looked for the next LF anew.
	var f Framer
	f.Feed(bytes.Repeat([]byte{'\r'}, 4<<20))
	if ev, ok := f.Next(); ok {
		t.Errorf("an event out of nothing: %+v", ev)
	}
}

func TestAppendSplitsDataLines(t *testing.T) {
	if got := string(Append(nil, []byte(": c\n"), "n", []byte("a\nb"))); got != ": c\nevent: n\ndata: a\ndata: b\n\n" {
		t.Errorf("%q", got)
	}
}

func FuzzFramerIgnoresChunking(f *testing.F) {
	for _, s := range streams {
		f.Add([]byte(strings.ReplaceAll(s.text, "\n", "\r\n")), uint8(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, step uint8) {
		want := read(&Framer{}, string(text))
		var cuts []int
		for i := int(step%7) + 1; i < len(text); i += int(step%7) + 1 {
			cuts = append(cuts, i)
		}
		if got := read(&Framer{}, string(text), cuts...); got != want {
			t.Errorf("cut: %s\nwhole: %s", got, want)
		}
	})
}

func BenchmarkFramer(b *testing.B) {
	chunk := bytes.Repeat([]byte(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"content":" hello"},"logprobs":null,"finish_reason":null}]}`+"\n\n"), 1)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	var f Framer
	for b.Loop() {
		f.Feed(chunk)
		for _, ok := f.Next(); ok; _, ok = f.Next() {
		}
	}
}

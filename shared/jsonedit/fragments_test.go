package jsonedit

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFragmentsMendAndHoldBack(t *testing.T) {
	tests := []struct {
		name   string
		pieces []string
		want   []string // what each Next gives, then End
	}{
		{"plain text goes as it is", []string{`Hello`, ` "world"`, `\n\u00e9é`}, []string{`Hello`, ` "world"`, `\n\u00e9é`, ``}},
		{"an escape that is cut", []string{`a\`, `nb`}, []string{`a`, `\nb`, ``}},
		{"a code point that is cut", []string{`a\u0`, `0`, `e9b`}, []string{`a`, ``, `\u00e9b`, ``}},
		{"a surrogate pair that is cut", []string{`\ud83d`, `\ude42!`}, []string{``, `\ud83d\ude42!`, ``}},
		{"a surrogate pair that is cut everywhere", strings.Split(`\ud83d\ude42`, ""), []string{``, ``, ``, ``, ``, ``, ``, ``, ``, ``, ``, `\ud83d\ude42`, ``}},
		{"a high surrogate alone", []string{`\ud83d`, `x`}, []string{``, `\ufffdx`, ``}},
		{"a high surrogate alone at the end", []string{`\uD83D`}, []string{``, `\ufffd`}},
		{"a high surrogate before another escape", []string{`\ud83d\n`, `\ud83d\u0041`, `\ud83d\ud83d\ude42`}, []string{`\ufffd\n`, `\ufffd\u0041`, `\ufffd\ud83d\ude42`, ``}},
		{"a low surrogate alone", []string{`\ude42x`}, []string{`\ufffdx`, ``}},
		{"an escaped backslash before what looks like a surrogate", []string{`\\ud83d`, `x`}, []string{`\\ud83d`, `x`, ``}},
		{"a rune that is cut", []string{"a\xf0\x9f", "\x99", "\x82b"}, []string{`a`, ``, "🙂b", ``}},
		{"a rune that never ends", []string{"\xf0\x9f", "x"}, []string{``, `\ufffd\ufffdx`, ``}},
		{"a rune that is cut off", []string{"\xf0\x9f"}, []string{``, `\ufffd\ufffd`}},
		{"bytes that are no UTF-8", []string{"a\xffb\xc0\x80"}, []string{`a\ufffdb\ufffd\ufffd`, ``}},
		{"U+FFFD itself", []string{"\uFFFD"}, []string{"\uFFFD", ``}},
		{"control characters", []string{"a\nb\x00\x1f\t"}, []string{`a\nb\u0000\u001f\u0009`, ``}},
		{"a backslash that escapes nothing", []string{`\d+`, `\`, `d`, `\u12g`, `\`}, []string{`\\d+`, ``, `\\d`, `\\u12g`, ``, `\\`}},
		{"a code point that never ends", []string{`\u12`}, []string{``, `\\u12`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var f Fragments
			for i, want := range test.want {
				got := ""
				if i < len(test.pieces) {
					got = string(f.Next([]byte(test.pieces[i])))
				} else {
					got = string(f.End())
				}
				if got != want {
					t.Errorf("step %d gives %q, want %q", i, got, want)
				}
			}
		})
	}
}

func TestFragmentsCopyNothingThatIsRight(t *testing.T) {
	var f Fragments
	piece := []byte(`né \ud83d\ude42 \\`)
	if got := f.Next(piece); &got[0] != &piece[0] {
		t.Error("a piece that needs no change was copied")
	}
}

// FuzzFragments: each piece is a literal's inside for itself, and how the text is cut
// changes nothing of the whole.
func FuzzFragments(f *testing.F) {
	f.Add([]byte(`a\ud83d\ude42\n"é`), uint16(3))
	f.Add([]byte("\\\xf0\x9f\x99\x82\\u12"), uint16(1))
	f.Add([]byte(`\\\d\ud83d\ud83d\u`), uint16(2))
	f.Fuzz(func(t *testing.T, text []byte, size uint16) {
		text = bytes.ReplaceAll(text, []byte(`"`), []byte(`'`)) // a bare quote would end the literal
		var one, many Fragments
		want := append(append([]byte{}, one.Next(text)...), one.End()...)
		step := int(size)%7 + 1
		var got []byte
		piece := func(p []byte) {
			if !utf8.Valid(p) {
				t.Errorf("%q is no UTF-8", p)
			}
			var s string
			if err := json.Unmarshal([]byte(`"`+string(p)+`"`), &s); err != nil {
				t.Errorf("%q is no inside of a literal: %v", p, err)
			}
			if again := string(AppendUnescaped(nil, p)); again != s {
				t.Errorf("%q means %q, encoding/json reads %q", p, again, s)
			}
			got = append(got, p...)
		}
		for i := 0; i < len(text); i += step {
			piece(many.Next(text[i:min(i+step, len(text))]))
		}
		piece(many.End())
		if !bytes.Equal(got, want) {
			t.Errorf("in pieces of %d: %q, whole: %q", step, got, want)
		}
		if i := bytes.Index(want, []byte(replacement)); i < 0 && utf8.Valid(text) && json.Valid([]byte(`"`+string(text)+`"`)) && !bytes.Equal(want, text) {
			t.Errorf("%q was right and became %q", text, want)
		}
	})
}

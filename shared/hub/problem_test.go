package hub

import (
	"strings"
	"testing"
)

func TestAnExcerptIsCutBetweenCharacters(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"short", "gpt-5", "gpt-5"},
		{"as long as may be", strings.Repeat("x", 200), strings.Repeat("x", 200)},
		{"one more", strings.Repeat("x", 201), strings.Repeat("x", 200) + "…"},
		{"a character on the border", strings.Repeat("x", 199) + "é", strings.Repeat("x", 199) + "…"},
		{"a long one on the border", strings.Repeat("x", 197) + "😀", strings.Repeat("x", 197) + "…"},
		{"a character before the border", strings.Repeat("x", 196) + "😀y", strings.Repeat("x", 196) + "😀…"},
		{"no text", "a\x80b", "a\uFFFDb"},
		{"no text at the border", strings.Repeat("\x80", 300), "\uFFFD…"},
	}
	for _, tt := range tests {
		if got := Excerpt(tt.text); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

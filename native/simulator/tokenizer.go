package simulator

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// specials are tokens of their own wherever they stand, as in Qwen's
// tokenizer. Their ids follow those of the merges.
var specials = []string{
	"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>",
	"<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>",
	"<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
}

//go:embed words.txt
var words string

// tokenizer is a byte-level BPE: ids 0-255 are bytes, then come the merges
// that spell the words of words.txt, then the specials. It is not Qwen's
// vocabulary: counts are of the right order, no more.
type tokenizer struct {
	merges map[[2]int]int // pair of ids → id of the merged token; the id is also its rank
	tokens []string       // id → bytes
	ids    map[string]int // of the specials
}

var vocabulary = sync.OnceValue(func() *tokenizer {
	t := &tokenizer{merges: map[[2]int]int{}, ids: map[string]int{}}
	for b := range 256 {
		t.tokens = append(t.tokens, string([]byte{byte(b)}))
	}
	for _, w := range strings.Fields(words) {
		t.learn(" " + w)
		t.learn(w)
	}
	for _, w := range []string{"\n\n", ".\n", "  ", "    ", "\": \"", "\", \"", "\"}", "{\""} {
		t.learn(w)
	}
	for _, s := range specials {
		t.ids[s] = len(t.tokens)
		t.tokens = append(t.tokens, s)
	}
	return t
})

// learn adds the merges that make w one token.
func (t *tokenizer) learn(w string) {
	p := t.merge(nil, w)
	for len(p) > 1 {
		pair := [2]int{p[0], p[1]}
		id, ok := t.merges[pair]
		if !ok {
			id = len(t.tokens)
			t.merges[pair] = id
			t.tokens = append(t.tokens, t.tokens[p[0]]+t.tokens[p[1]])
		}
		p = append([]int{id}, p[2:]...)
	}
}

// merge appends the ids of one word to dst: the lowest pair first.
func (t *tokenizer) merge(dst []int, word string) []int {
	start := len(dst)
	for i := range len(word) {
		dst = append(dst, int(word[i]))
	}
	for {
		best, at := -1, 0
		for i := start; i+1 < len(dst); i++ {
			if id, ok := t.merges[[2]int{dst[i], dst[i+1]}]; ok && (best < 0 || id < best) {
				best, at = id, i
			}
		}
		if best < 0 {
			return dst
		}
		dst[at] = best
		dst = append(dst[:at+1], dst[at+2:]...)
	}
}

// encode returns the ids of text.
func (t *tokenizer) encode(text string) []int {
	var out []int
	for text != "" {
		at, special := len(text), ""
		if i := strings.IndexByte(text, '<'); i >= 0 {
			at, special = nextSpecial(text, i)
		}
		for plain := text[:at]; plain != ""; {
			n := wordLength(plain)
			out = t.merge(out, plain[:n])
			plain = plain[n:]
		}
		if special != "" {
			out = append(out, t.ids[special])
		}
		text = text[at+len(special):]
	}
	return out
}

// nextSpecial finds the first special at or after from.
func nextSpecial(text string, from int) (at int, special string) {
	for i := from; i < len(text); {
		for _, s := range specials {
			if strings.HasPrefix(text[i:], s) {
				return i, s
			}
		}
		n := strings.IndexByte(text[i+1:], '<')
		if n < 0 {
			break
		}
		i += 1 + n
	}
	return len(text), ""
}

// longestWord keeps merge, which is quadratic in a word, quick.
const longestWord = 64

// wordLength is the length of the leading word of s: a space and letters, one
// digit, a run of white space or a run of other signs.
func wordLength(s string) int {
	class := func(r rune) int {
		switch {
		case unicode.IsLetter(r) || unicode.Is(unicode.M, r):
			return 1
		case unicode.IsDigit(r):
			return 2
		case unicode.IsSpace(r):
			return 3
		}
		return 4
	}
	first, n := utf8.DecodeRuneInString(s)
	c := class(first)
	if first == ' ' && n < len(s) {
		if r, m := utf8.DecodeRuneInString(s[n:]); class(r) == 1 || class(r) == 4 {
			c = class(r)
			n += m
		}
	}
	if c == 2 {
		return n
	}
	for n < len(s) && n < longestWord {
		r, m := utf8.DecodeRuneInString(s[n:])
		if class(r) != c {
			break
		}
		if c == 3 && r == ' ' && n+1 < len(s) && !unicode.IsSpace(rune(s[n+1])) {
			break // the last space belongs to the word after it
		}
		n += m
	}
	return n
}

// decode returns the bytes that ids stand for.
func (t *tokenizer) decode(ids []int) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(t.tokens[id])
	}
	return b.String()
}

package repair

import (
	"bytes"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Logprobs is where the list of a choice's logprobs stands in src, whose logprobs are at; absent
// where there is none.
func Logprobs(s *jsonedit.Scanner, src []byte, at jsonedit.Span) (list jsonedit.Span) {
	if at.Absent() {
		return jsonedit.Span{}
	}
	s.Reset(at.Of(src))
	for s.BeginObject(); s.NextMember(); {
		if string(s.Key()) == "content" && s.Kind() == jsonedit.Array {
			list = s.Value()
			list = jsonedit.Span{Start: at.Start + list.Start, End: at.Start + list.End}
		} else {
			s.Value()
		}
	}
	return list
}

// BlankTokens is how many bytes at the front of a list of logprobs, behind its bracket, belong
// to tokens that lie wholly in the first n bytes of the text, which are white space. With that
// white space they go: a client adds the tokens up to the text.
func BlankTokens(list []byte, n int) int {
	var said []byte
	var outer, inner jsonedit.Scanner
	outer.Reset(list)
	for outer.BeginArray(); outer.NextElement(); {
		at := outer.Value()
		from := len(said)
		if said = AppendToken(said, &inner, at.Of(list)); from >= n || len(said) > n || len(bytes.TrimSpace(said[from:])) > 0 {
			return at.Start - len("[")
		}
	}
	return len(list) - len("[]")
}

// dropTokens takes the tokens of the text's first n bytes out of a chunk's logprobs.
func dropTokens(e *jsonedit.Edits, src []byte, at jsonedit.Span, n int) {
	var s jsonedit.Scanner
	list := Logprobs(&s, src, at)
	if list.Absent() {
		return
	}
	if dropped := BlankTokens(list.Of(src), n); dropped > 0 {
		start := list.Start + len("[")
		e.Delete(start, start+dropped)
	}
}

// AppendToken appends what an element of a list of logprobs says: its bytes, or its text where it has none.
func AppendToken(dst []byte, s *jsonedit.Scanner, element []byte) []byte {
	s.Reset(element)
	if s.Kind() != jsonedit.Object {
		return dst
	}
	from, hasBytes := len(dst), false
	for s.BeginObject(); s.NextMember(); {
		switch key := string(s.Key()); {
		case key == "token" && s.Kind() == jsonedit.String && !hasBytes:
			dst = jsonedit.AppendUnquoted(dst[:from], s.Value().Of(element))
		case key == "bytes" && s.Kind() == jsonedit.Array:
			dst, hasBytes = dst[:from], true
			for s.BeginArray(); s.NextElement(); {
				n, _ := strconv.ParseUint(string(s.Value().Of(element)), 10, 8)
				dst = append(dst, byte(n))
			}
		default:
			s.Value()
		}
	}
	return dst
}

// TextLogprobs is what of a whole reply's list belongs to its text. vLLM lists all that
// the model generated: the thinking, the calls and the tokens between them too, which a
// stream brings beside what they say. text and thinking stand as inside string literals;
// other: the list holds what is neither. Where the text's tokens can't be found, a list
// that holds nothing else stays as it is, and of one that does none are given: a client
// would take the thinking's for the text's.
func TextLogprobs(list, text, thinking []byte, other bool) []byte {
	other = other || len(thinking) > 0
	var said []byte // by all tokens
	var tokens []token
	var outer, inner jsonedit.Scanner
	outer.Reset(list)
	for outer.BeginArray(); outer.NextElement(); {
		at := outer.Value()
		if said = AppendToken(said, &inner, at.Of(list)); outer.Err() == nil {
			tokens = append(tokens, token{at, len(said)})
		}
	}
	first, end := -1, 0
	if from := behind(said, jsonedit.AppendUnescaped(nil, thinking)); from >= 0 {
		plain := jsonedit.AppendUnescaped(nil, text)
		if first, end = find(tokens, said, from, plain); first < 0 {
			first, end = find(tokens, said, from, bytes.TrimSpace(plain)) // of which a token may hold more
		}
	}
	switch {
	case first >= 0:
		cut := append(make([]byte, 0, tokens[end-1].at.End-tokens[first].at.Start+2), '[')
		return append(jsonedit.PutBytes(cut, list[tokens[first].at.Start:tokens[end-1].at.End]), ']')
	case other:
		return nil
	}
	return list
}

// A token is an element of the list, and where in all that was said it ends.
type token struct {
	at  jsonedit.Span
	end int
}

// behind is where the thinking ends in what was said, -1 where it is not found.
func behind(said, thinking []byte) int {
	i := bytes.Index(said, thinking)
	if i < 0 {
		return -1
	}
	return i + len(thinking)
}

// find returns the tokens first to end-1 that say the text and nothing else but white
// space: the first such ones that begin at from or later. first is -1 for none. It looks
// at 100 places at most: a model that repeats itself without end has very many.
func find(tokens []token, said []byte, from int, text []byte) (first, end int) {
	if len(text) == 0 {
		return -1, 0
	}
	start := 0 // of the token first
	for range 100 {
		i := bytes.Index(said[from:], text)
		if i < 0 {
			return -1, 0
		}
		from += i
		for tokens[first].end <= from {
			start = tokens[first].end
			first++
		}
		for end = first; tokens[end].end < from+len(text); {
			end++
		}
		if isBlank(said[start:from]) && isBlank(said[from+len(text):tokens[end].end]) {
			return first, end + 1
		}
		from++
	}
	return -1, 0
}

func isBlank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

// SplitLogprobs parts a list behind the tokens that begin in the text, an inside of a literal.
func SplitLogprobs(list, text []byte) (of, behind []byte) {
	if len(list) == 0 {
		return nil, nil
	}
	n := len(jsonedit.AppendUnescaped(nil, text))
	var outer, inner jsonedit.Scanner
	var said []byte
	end := 0
	outer.Reset(list)
	for outer.BeginArray(); outer.NextElement(); {
		at := outer.Value()
		if len(said) >= n && end > 0 {
			return append(bytes.Clone(list[:end]), ']'), append([]byte{'['}, list[at.Start:]...)
		}
		said, end = AppendToken(said, &inner, at.Of(list)), at.End
	}
	return list, nil
}

// JoinLogprobs appends the elements of the list b to a, which is the caller's own; either
// may be nil.
func JoinLogprobs(a, b []byte) []byte {
	switch {
	case len(b) == 0 || jsonedit.IsEmpty(b):
		return a
	case len(a) == 0 || jsonedit.IsEmpty(a):
		return jsonedit.PutBytes(a[:0], b)
	}
	return jsonedit.PutBytes(append(a[:len(a)-1], ','), b[1:])
}

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

// blankTokens is how many bytes at the front of a list of logprobs, behind its bracket, belong
// to tokens that lie wholly in the first n bytes of the text, which are white space. With that
// white space they go: a client adds the tokens up to the text.
func blankTokens(list []byte, n int) int {
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

// TrimTokens is a list without the tokens that lie wholly in the first n bytes of the text, which are
// white space.
func TrimTokens(list []byte, n int) []byte {
	if n == 0 || len(list) == 0 {
		return list
	}
	if dropped := blankTokens(list, n); dropped > 0 {
		return jsonedit.PutBytes([]byte{'['}, list[1+dropped:])
	}
	return list
}

// dropTokens takes the tokens of the text's first n bytes out of a chunk's logprobs.
func dropTokens(e *jsonedit.Edits, src []byte, at jsonedit.Span, n int) {
	var s jsonedit.Scanner
	list := Logprobs(&s, src, at)
	if list.Absent() {
		return
	}
	if dropped := blankTokens(list.Of(src), n); dropped > 0 {
		start := list.Start + len("[")
		e.Delete(start, start+dropped)
	}
}

// dropTokensBehind takes the tokens of the text's first n bytes out of a whole reply's logprobs, in
// which the thinking's stand before them, and most servers' mark of its end.
func dropTokensBehind(e *jsonedit.Edits, src []byte, at jsonedit.Span, thinking []byte, n int) {
	var s jsonedit.Scanner
	list := Logprobs(&s, src, at)
	if list.Absent() {
		return
	}
	tokens, said := tokensOf(list.Of(src))
	from := behind(said, jsonedit.AppendUnescaped(nil, thinking))
	if from < 0 {
		return
	}
	if mark := bytes.Index(said[from:], []byte("</think>")); mark >= 0 && isBlank(said[from:from+mark]) {
		from += mark + len("</think>")
	}
	first := 0
	for start := 0; first < len(tokens) && start < from; first++ {
		start = tokens[first].end
	}
	last := first
	for last < len(tokens) && tokens[last].end <= from+n && isBlank(said[from:tokens[last].end]) {
		last++
	}
	switch {
	case last == first:
	case last < len(tokens):
		e.Delete(list.Start+tokens[first].at.Start, list.Start+tokens[last].at.Start)
	case first > 0:
		e.Delete(list.Start+tokens[first-1].at.End, list.Start+tokens[last-1].at.End)
	default:
		e.Delete(list.Start+tokens[0].at.Start, list.Start+tokens[last-1].at.End)
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
	tokens, said := tokensOf(list)
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

// CutLogprobs is what of a whole reply's list stays where of its text no more is kept than the
// beginning: all up to there, the thinking's too. nil where it can't be told.
func CutLogprobs(list, text, thinking, beginning []byte) []byte {
	tokens, said := tokensOf(list)
	kept := len(jsonedit.AppendUnescaped(nil, beginning))
	plain := jsonedit.AppendUnescaped(nil, text)
	from := behind(said, jsonedit.AppendUnescaped(nil, thinking))
	if from < 0 {
		return nil
	}
	first, _ := find(tokens, said, from, plain)
	if first < 0 {
		return nil
	}
	start := 0
	if first > 0 {
		start = tokens[first-1].end
	}
	start += bytes.Index(said[start:], plain)
	n := 0 // of the tokens that stay
	for n < len(tokens) && (n == 0 || tokens[n-1].end < start+kept) {
		n++
	}
	if kept == 0 {
		n = first
	}
	if n == 0 {
		return []byte("[]")
	}
	return append(bytes.Clone(list[:tokens[n-1].at.End]), ']')
}

// tokensOf reads a list: its tokens, and what they say one after another.
func tokensOf(list []byte) (tokens []token, said []byte) {
	var outer, inner jsonedit.Scanner
	outer.Reset(list)
	for outer.BeginArray(); outer.NextElement(); {
		at := outer.Value()
		if said = AppendToken(said, &inner, at.Of(list)); outer.Err() == nil {
			tokens = append(tokens, token{at, len(said)})
		}
	}
	return tokens, said
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

// splitLogprobs parts a list behind the tokens that begin in the text's next n bytes, of which
// tokens that are gone have said ahead. It tells how far those that go are ahead of the n bytes.
func splitLogprobs(list []byte, n, ahead int) (of, behind []byte, nowAhead int) {
	var outer, inner jsonedit.Scanner
	var said []byte
	end := 0
	outer.Reset(list)
	for outer.BeginArray(); outer.NextElement(); {
		at := outer.Value()
		if ahead+len(said) >= n {
			behind = append([]byte{'['}, list[at.Start:]...)
			if end > 0 {
				of = append(bytes.Clone(list[:end]), ']')
			}
			return of, behind, ahead + len(said) - n
		}
		said, end = AppendToken(said, &inner, at.Of(list)), at.End
	}
	return list, nil, max(ahead+len(said)-n, 0)
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

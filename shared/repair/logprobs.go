package repair

import (
	"bytes"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

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
	if at.Absent() {
		return
	}
	var s jsonedit.Scanner
	s.Reset(at.Of(src))
	for s.BeginObject(); s.NextMember(); {
		if string(s.Key()) != "content" || s.Kind() != jsonedit.Array {
			s.Value()
			continue
		}
		list := s.Value()
		start := at.Start + list.Start + len("[")
		if dropped := BlankTokens(list.Of(at.Of(src)), n); dropped > 0 {
			e.Delete(start, start+dropped)
		}
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

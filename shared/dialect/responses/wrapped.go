package responses

import (
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// wrapped takes the input of a custom tool out of the arguments {"input":"…"} of the
// function that stands for the tool, while they come. The string's inside is JSON's way
// to write the input, and a client's event needs just that; so the arguments lose one of
// their two levels of escapes and the input is copied.
//
// Nothing is lost of arguments in another shape: they are kept until their end.
type wrapped struct {
	state wrappedState
	// raw holds the arguments as they came until the input begins.
	raw  []byte
	held []byte // the end of the string, if it is the end
	// escaped: the next character of the string is behind a backslash.
	escaped   bool
	plain     []byte
	out       []byte
	fragments jsonedit.Fragments
}

type wrappedState uint8

// What is expected next.
const (
	opening wrappedState = iota
	key                  // the states of its characters follow
	colon   = key + wrappedState(len(inputKey))
	quote   = colon + 1
	inside  = colon + 2
	closing = colon + 3 // behind a quote: the end, or a member more
	nothing = colon + 4 // behind the brace
	skipped = colon + 5 // further members
	other   = colon + 6 // it is another shape
)

const inputKey = `"input"`

func (a *wrapped) reset() {
	a.state, a.raw, a.held, a.escaped = opening, a.raw[:0], a.held[:0], false
	a.fragments.Reset()
}

// next takes a piece of the arguments and returns what it brings of the input, both as
// inside string literals; valid until the next call.
func (a *wrapped) next(piece []byte) []byte {
	if a.state < inside || a.state == other {
		a.raw = append(a.raw, piece...)
	}
	if a.state == other {
		return nil
	}
	a.plain = jsonedit.AppendUnescaped(a.plain[:0], piece)
	a.out = a.out[:0]
	for _, c := range a.plain {
		a.character(c)
	}
	return a.fragments.Next(a.out)
}

func (a *wrapped) character(c byte) {
	blank := c == ' ' || c == '\n' || c == '\t' || c == '\r'
	switch a.state {
	case inside:
		a.text(c)
	case closing, nothing:
		switch {
		case blank:
			a.held = append(a.held, c)
		case a.state == closing && c == '}':
			a.held, a.state = append(a.held, c), nothing
		case a.state == closing && c == ',':
			a.state = skipped
		default:
			// The model forgot to escape a quote: what looked like the end was none.
			a.state = inside
			a.out = append(a.out, '\\')
			a.out = append(a.out, a.held...)
			a.text(c)
		}
	case skipped, other:
	case key, key + 1, key + 2, key + 3, key + 4, key + 5, key + 6:
		switch {
		case c == inputKey[a.state-key]:
			a.state++
		case !(blank && a.state == key):
			a.state = other
		}
	default:
		switch {
		case blank:
		case a.state == opening && c == '{', a.state == colon && c == ':', a.state == quote && c == '"':
			a.state++
		default:
			a.state = other
		}
	}
}

func (a *wrapped) text(c byte) {
	switch {
	case a.escaped:
		a.escaped = false
	case c == '\\':
		a.escaped = true
	case c == '"':
		a.state, a.held = closing, append(a.held[:0], c)
		return
	}
	a.out = append(a.out, c)
}

// end returns what is left of the input when the arguments have ended; cut says that
// a limit ended them.
func (a *wrapped) end(cut bool) []byte {
	if a.state >= inside && a.state != other {
		return a.fragments.End()
	}
	if cut && a.state != other {
		return nil // cut inside the wrapper
	}
	a.plain = jsonedit.AppendUnescaped(a.plain[:0], a.raw)
	if input, ok := onlyString(a.plain); ok {
		a.out = append(a.out[:0], a.fragments.Next(input)...)
		return append(a.out, a.fragments.End()...)
	}
	return a.raw
}

// onlyString finds the input in an object of another shape: the inside of its member
// "input", or of its only string.
func onlyString(object []byte) (inside []byte, ok bool) {
	var s jsonedit.Scanner
	s.Reset(object)
	strings, named := 0, false
	for s.BeginObject(); s.NextMember(); {
		isInput := string(s.Key()) == "input"
		if s.Kind() != jsonedit.String {
			s.Value()
			continue
		}
		strings++
		literal := s.Value().Of(object)
		if len(literal) > 1 && !named {
			inside, named = literal[1:len(literal)-1], isInput
		}
	}
	return inside, s.Finish() == nil && (named || strings == 1)
}

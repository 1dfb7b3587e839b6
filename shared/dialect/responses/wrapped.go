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
	wantBrace wrappedState = iota
	wantKey                // and a state for each of its characters
	wantColon = wantKey + wrappedState(len(inputKey))
	wantQuote = wantColon + 1
	inInput   = wantColon + 2
	behind    = wantColon + 3 // the input's quote
	atEnd     = wantColon + 4 // behind the brace
	inRest    = wantColon + 5 // members behind the input
	another   = wantColon + 6 // it is another shape
)

const inputKey = `"input"`

func (a *wrapped) reset() {
	a.state, a.raw, a.held, a.escaped = wantBrace, a.raw[:0], a.held[:0], false
	a.fragments.Reset()
}

// next takes a piece of the arguments and returns what it brings of the input, both as
// inside string literals; valid until the next call.
func (a *wrapped) next(piece []byte) []byte {
	if a.state < inInput || a.state == another {
		a.raw = jsonedit.PutBytes(a.raw, piece)
	}
	if a.state == another {
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
	case inInput:
		a.text(c)
	case behind, atEnd:
		switch {
		case blank:
			a.held = append(a.held, c)
		case a.state == behind && c == '}':
			a.held, a.state = append(a.held, c), atEnd
		case a.state == behind && c == ',':
			a.state = inRest
		default:
			// The model forgot to escape a quote: what looked like the end was none.
			a.state = inInput
			a.out = append(a.out, '\\')
			a.out = jsonedit.PutBytes(a.out, a.held)
			a.text(c)
		}
	case inRest, another:
	case wantKey, wantKey + 1, wantKey + 2, wantKey + 3, wantKey + 4, wantKey + 5, wantKey + 6:
		switch {
		case c == inputKey[a.state-wantKey]:
			a.state++
		case !(blank && a.state == wantKey):
			a.state = another
		}
	default:
		switch {
		case blank:
		case a.state == wantBrace && c == '{', a.state == wantColon && c == ':', a.state == wantQuote && c == '"':
			a.state++
		default:
			a.state = another
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
		a.state, a.held = behind, append(a.held[:0], c)
		return
	}
	a.out = append(a.out, c)
}

// end returns what is left of the input when the arguments have ended; cut says that
// a limit ended them.
func (a *wrapped) end(cut bool) []byte {
	switch {
	case a.state == inInput:
		return nil // an escape that was cut is no text
	case a.state == another:
	case a.state > inInput:
		return a.fragments.End()
	case cut:
		return nil // inside the wrapper
	}
	a.plain = jsonedit.AppendUnescaped(a.plain[:0], a.raw)
	if input, ok := onlyString(a.plain); ok {
		a.out = jsonedit.PutBytes(a.out[:0], a.fragments.Next(input))
		return jsonedit.PutBytes(a.out, a.fragments.End())
	}
	return a.raw
}

// onlyString finds the input in an object of another shape: the inside of its member
// "input", or of its only string.
func onlyString(object []byte) (input []byte, ok bool) {
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
			input, named = literal[1:len(literal)-1], isInput
		}
	}
	return input, s.Finish() == nil && (named || strings == 1)
}

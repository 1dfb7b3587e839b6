package responses

import (
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// customInput takes the input of a custom tool out of the arguments {"input":"…"} of the
// function that stands for the tool, while they come. The string's inside is JSON's way
// to write the input, and a client's event needs just that; so the arguments lose one of
// their two levels of escapes and the input is copied.
//
// Nothing is lost of arguments in another shape: they are kept until their end.
type customInput struct {
	state inputState
	// raw holds the arguments as they came until the input begins.
	raw  []byte
	held []byte // the end of the string, if it is the end
	// escaped: the next character of the string is behind a backslash.
	escaped   bool
	plain     []byte
	out       []byte
	pair      pair
	fragments jsonedit.Fragments
}

type inputState uint8

// What is expected next.
const (
	wantBrace inputState = iota
	wantKey              // and a state for each of its characters
	wantColon = wantKey + inputState(len(inputKey))
	wantQuote = wantColon + 1
	inInput   = wantColon + 2
	behind    = wantColon + 3 // the input's quote
	atEnd     = wantColon + 4 // behind the brace
	inRest    = wantColon + 5 // members behind the input
	another   = wantColon + 6 // it is another shape
)

const inputKey = `"input"`

func (i *customInput) reset() {
	i.state, i.raw, i.held, i.escaped = wantBrace, i.raw[:0], i.held[:0], false
	i.pair.reset()
	i.fragments.Reset()
}

// next takes a piece of the arguments and returns what it brings of the input, both as
// inside string literals; valid until the next call.
func (i *customInput) next(piece []byte) []byte {
	if i.state < inInput || i.state == another {
		i.raw = jsonedit.PutBytes(i.raw, piece)
	}
	if i.state == another {
		return nil
	}
	i.plain = jsonedit.AppendUnescaped(i.plain[:0], piece)
	i.out = i.out[:0]
	for _, c := range i.plain {
		i.character(c)
	}
	return i.pair.next(i.fragments.Next(i.out))
}

func (i *customInput) character(c byte) {
	blank := c == ' ' || c == '\n' || c == '\t' || c == '\r'
	switch i.state {
	case inInput:
		i.text(c)
	case behind, atEnd:
		switch {
		case blank:
			i.held = append(i.held, c)
		case i.state == behind && c == '}':
			i.held, i.state = append(i.held, c), atEnd
		case i.state == behind && c == ',':
			i.state = inRest
		default:
			// The model forgot to escape a quote: what looked like the end was none.
			i.state = inInput
			i.out = append(i.out, '\\')
			i.out = jsonedit.PutBytes(i.out, i.held)
			i.text(c)
		}
	case inRest, another:
	case wantKey, wantKey + 1, wantKey + 2, wantKey + 3, wantKey + 4, wantKey + 5, wantKey + 6:
		switch {
		case c == inputKey[i.state-wantKey]:
			i.state++
		case !(blank && i.state == wantKey):
			i.state = another
		}
	default:
		switch {
		case blank:
		case i.state == wantBrace && c == '{', i.state == wantColon && c == ':', i.state == wantQuote && c == '"':
			i.state++
		default:
			i.state = another
		}
	}
}

func (i *customInput) text(c byte) {
	switch {
	case i.escaped:
		i.escaped = false
	case c == '\\':
		i.escaped = true
	case c == '"':
		i.state, i.held = behind, append(i.held[:0], c)
		return
	}
	i.out = append(i.out, c)
}

// end returns what is left of the input when the arguments have ended; cut says that
// a limit ended them.
func (i *customInput) end(cut bool) []byte {
	switch {
	case i.state == inInput:
		return i.pair.end() // an escape that was cut is no text
	case i.state == another:
	case i.state > inInput:
		return i.last(nil)
	case cut:
		return nil // inside the wrapper
	}
	i.plain = jsonedit.AppendUnescaped(i.plain[:0], i.raw)
	if input, ok := i.pair.in(i.plain); ok {
		return i.last(input)
	}
	if input, ok := onlyString(i.plain); ok {
		return i.last(input)
	}
	return i.raw
}

// last is the last piece of the input, and what was held back of those before it.
func (i *customInput) last(piece []byte) []byte {
	i.out = jsonedit.PutBytes(i.out[:0], i.pair.next(i.fragments.Next(piece)))
	i.out = jsonedit.PutBytes(i.out, i.pair.next(i.fragments.End()))
	return jsonedit.PutBytes(i.out, i.pair.end())
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

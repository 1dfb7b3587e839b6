// Package parts puts what a Chat Completions server says into the order in which the
// other dialects show it: one part after another (thinking, text, a tool call), each
// opened, filled and closed before the next one opens. Whole replies and streams go
// the same way, so that both give the same parts.
//
// It imports hub, repair and jsonedit.
package parts

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// Kind is the kind of a part.
type Kind uint8

const (
	Reasoning Kind = iota
	Text
	Refusal
	Call
)

// A Part is one piece of the model's turn. It is valid until the next part opens.
type Part struct {
	Kind Kind
	// Index counts the parts of the turn from 0.
	Index int
	// ID and Name are a call's, as plain text. ID is never empty and unique in the exchange.
	ID, Name []byte
	// Object: the call's arguments so far are a complete JSON object.
	Object bool
	// Empty: there was no Delta, or only empty ones.
	Empty bool
	// Cut: at Close, the reply ended inside the part, by a token limit or a content filter.
	// Last: at Close, no part follows.
	Cut, Last bool
}

// A Writer writes one dialect's form of a turn. Open, Delta and Close are called for one
// part at a time. Delta's text stands as inside a JSON string literal, escapes and all,
// so it can be copied into one; it is never empty, and valid during the call only.
type Writer interface {
	// Begin is called once, before any part.
	Begin(dst []byte) []byte
	Open(dst []byte, p *Part) []byte
	// Delta brings more of the part; logprobs is the choice's logprobs.content list as
	// JSON, nil for none.
	Delta(dst []byte, p *Part, text, logprobs []byte) []byte
	Close(dst []byte, p *Part) []byte
	// Finish ends the turn; Turn.Finish and Turn.Usage are known.
	Finish(dst []byte) []byte
	// Fail ends the turn for a fault; open is the part that was still open, nil for none.
	Fail(dst []byte, open *Part, problem *hub.Problem) []byte
	// Beat is hub.Stream's.
	Beat(dst []byte, n int) []byte
	// Accept tells whether a call of that name is handed on.
	Accept(name []byte) bool
}

// Options are how dialects differ.
type Options struct {
	// Early: Begin is called when the upstream has begun to answer, not at its first
	// event, which tells the prompt's token count.
	Early bool
	// KeepBlank: a turn of nothing but white space is handed on as text.
	KeepBlank bool
	// CallPrefix begins ids made up for calls, such as "call_".
	CallPrefix string
}

// Arguments follows the text of a call's arguments and knows when it is a complete
// JSON object. It takes the text as it stands in a string literal, cut anywhere.
type Arguments struct {
	depth  int
	state  argumentState
	escape uint8 // of the literal: characters still to come; 1 behind a backslash, 2 to 5 in \uXXXX
	hex    rune
	done   bool
	broken bool
}

type argumentState uint8

const (
	outside argumentState = iota
	inString
	inEscape // behind a backslash of the arguments' own
)

// Reset starts on another call.
func (a *Arguments) Reset() { *a = Arguments{} }

// Object reports whether the text so far is a complete object.
func (a *Arguments) Object() bool { return a.done && !a.broken }

// Feed takes the next piece.
func (a *Arguments) Feed(piece []byte) {
	for _, c := range piece {
		switch a.escape {
		case 0:
			if c == '\\' {
				a.escape = 1
			} else {
				a.char(rune(c))
			}
		case 1:
			a.escape = 0
			switch c {
			case 'u':
				a.escape, a.hex = 2, 0
			case 'n', 't', 'r':
				a.char(' ')
			case 'b', 'f':
				a.char(0)
			default: // a quote, a backslash, a slash
				a.char(rune(c))
			}
		default:
			a.hex = a.hex<<4 | rune(hexDigit(c))
			if a.escape++; a.escape > 5 {
				a.escape = 0
				a.char(a.hex)
			}
		}
	}
}

func hexDigit(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// char takes a character of the arguments. Only brackets and strings are followed: what
// the model wrote between them decides nothing about where the object ends.
func (a *Arguments) char(c rune) {
	switch a.state {
	case inString:
		switch c {
		case '\\':
			a.state = inEscape
		case '"':
			a.state = outside
		}
		return
	case inEscape:
		a.state = inString
		return
	}
	switch c {
	case ' ', '\n', '\r', '\t':
		return
	case '{', '[':
		if a.done || a.depth == 0 && c == '[' {
			a.broken = true
		}
		a.depth++
		return
	case '}', ']':
		if a.depth--; a.depth == 0 {
			a.done = true
		}
		if a.depth < 0 {
			a.broken = true
		}
		return
	case '"':
		a.state = inString
	}
	if a.depth <= 0 {
		a.broken = true
	}
}

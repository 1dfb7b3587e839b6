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
	// Offered tells whether the request offers a tool of that name; a dialect that can't tell
	// says true.
	Offered(name []byte) bool
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
	// HideReasoning: thinking is not handed on.
	HideReasoning bool
	// CallPrefix begins ids made up for calls, such as "call_".
	CallPrefix string
}

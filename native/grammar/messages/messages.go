// Package messages checks event streams of the Messages API, strictly: framing, order
// and nesting, indices, every required field, and that stop reason, blocks and usage fit.
//
//	if faults := messages.Check(stream, messages.Options{}); len(faults) > 0 { … }
//
// The grammar:
//
//	stream   = message_start block* tail
//	block(i) = content_block_start content_block_delta* content_block_stop    i = 0, 1, 2, …, one open at a time
//	tail     = message_delta message_stop | error
//
// A ping may stand between any two events. An error may replace the rest from any point
// on, and is the last event.
//
// It comes from Anthropic's public description and the types of its SDK for Go
// (v1.84.0), narrowed to what all of that SDK, the one for TypeScript and Claude Code
// read without loss.
package messages

import "github.com/qwenvoy/qwenvoy/native/grammar"

// Options says which stream is looked at. The zero value fits any.
type Options struct {
	// EstimatedInput: the input tokens of message_start are an estimate, so that
	// those of message_delta may be others.
	EstimatedInput bool
}

// Check reads a stream of server-sent events and returns what is wrong with it, faults
// and notes, in the order of the events.
func Check(stream []byte, o Options) []error {
	faults, _ := Read(stream, o)
	return faults
}

// Read does what Check does and also says what the stream held.
func Read(stream []byte, o Options) ([]error, Summary) {
	c := New(o)
	return grammar.Run(stream, c), c.Summary()
}

// Summary says what a stream held.
type Summary struct {
	Events int
	// Blocks are the types of the content blocks, in order.
	Blocks []string
	// StopReason is that of message_delta; "" if there was none.
	StopReason string
	// Terminal is "message_stop" or "error"; "" if there was neither.
	Terminal string
}

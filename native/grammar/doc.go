// Package grammar is what the checkers of event streams stand on: a strict reader of
// server-sent events, a strict reader of JSON, and shapes of JSON objects.
//
//	native/grammar            this package
//	native/grammar/responses  checks streams of the Responses API
//	native/grammar/messages   checks streams of the Messages API
//	native/grammar/example    good streams, for tests
//	native/grammar/mutation   breaks good streams, for the checkers' own tests
//
// A fault is what a client stumbles over: order, nesting, ids, lost or doubled deltas,
// missing required fields. All else that a stream of the gateway never has and those of
// OpenAI's, Anthropic's and others' servers may have is a note. Whoever wants a stream as
// the gateway writes it lets neither pass.
//
// The checkers are written from the public descriptions of the two APIs. They import
// nothing of the core, above all not its dialects and its reader of event streams:
// a checker that shared the core's code would share its mistakes.
package grammar

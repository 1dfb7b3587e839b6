// Package grammar takes streams of an upstream, recorded ones and such as no server
// should send, through the dialects, and what comes out through the grammar checkers of
// native/grammar. The checkers share no code with the dialects, so the core's own tests
// can't import them.
package grammar

// Package simulator is a simulated vLLM 0.32 that serves one Qwen model: what
// it accepts, refuses and answers, byte shapes and header names included, was
// taken from recordings of the real server. It needs no model: its answers
// are made up by fixed rules, so that the same request always gets the same
// text.
//
// The package imports nothing of the gateway: a fault of the gateway's own
// reading of the protocol must not be repeated here.
package simulator

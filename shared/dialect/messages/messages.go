// Package messages is Anthropic's Messages API: requests become Chat Completions
// requests, replies and streams become messages and their events. count_tokens asks the
// upstream's /tokenize.
//
// The API as Anthropic documents it and as its SDKs and Claude Code read it;
// RATIONALE.md says what was decided where they leave room.
//
// A reader reads the request, a conversation orders its history, a chatRequest writes
// what both came to; parts brings the reply in order, which message or events write.
//
// It imports access, catalog, editor, history, hub, jsonedit, parts and refusal.
package messages

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

// Dialect serves one of the routes.
type Dialect struct{ kind kind }

type kind uint8

const (
	create kind = iota
	countTokens
)

// The routes: POST /v1/messages and /v1/messages/count_tokens.
var (
	Create      = Dialect{create}
	CountTokens = Dialect{countTokens}
)

var _ hub.Translator = Dialect{}

// request is what a reply needs to know of its request; it holds copies only, since the
// request's bytes are lent.
type request struct {
	// id is the message's, msg_….
	id []byte
	// stops are the client's stop sequences, plain.
	stops []string
	// tools are the names of the model's tools, plain, with a zero byte before and behind each.
	tools []byte
	// hideThinking: thinking is left out of the reply.
	hideThinking bool
	// judged: the client asks for its calls to be judged.
	judged bool
	// warming: nothing is asked for but that the server reads the prompt (max_tokens 0).
	warming bool
	// computer: members of the computer's toolset are offered.
	computer bool
	// noCalls: tool_choice none, calls that arrive all the same are dropped.
	noCalls bool
	// size is that of the request's body in bytes, for an estimate where tokens can't be counted;
	// each image in it counts imageSize.
	size int
}

// signature is in the place of Anthropic's in each thinking block: base64 of
// "qwenvoy/thinking/1". Clients that find none take a block for foreign text, and give it
// back as such or not at all. It is fixed, since nothing is proved by it, and recognisable,
// so that nobody takes it for Anthropic's own.
const signature = "cXdlbnZveS90aGlua2luZy8x"

// offers tells whether the model has a tool of that name.
func (r *request) offers(name []byte) bool {
	for rest := r.tools; ; {
		_, behind, found := bytes.Cut(rest, name)
		if !found || len(name) == 0 {
			return false
		}
		at := len(rest) - len(behind) - len(name)
		if at > 0 && rest[at-1] == 0 && len(behind) > 0 && behind[0] == 0 {
			return true
		}
		rest = rest[at+1:]
	}
}

// options are how a reply to the request is put in order.
func (r *request) options() parts.Options {
	return parts.Options{CallPrefix: "toolu_", HideReasoning: r.hideThinking}
}

package responses

import (
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

// Dialect serves one of the routes.
type Dialect struct{ kind kind }

type kind uint8

const (
	create kind = iota
	compact
	inputTokens
)

// The routes: POST /v1/responses, /v1/responses/compact and /v1/responses/input_tokens.
var (
	Create      = Dialect{create}
	Compact     = Dialect{compact}
	InputTokens = Dialect{inputTokens}
)

var _ hub.Translator = Dialect{}

// request is what a reply needs to know of its request; it holds copies only, since the
// request's bytes are lent.
type request struct {
	// id is the response's, resp_….
	id []byte
	// echo holds the members of the response object that follow from the request
	// (previous_response_id, instructions, model, tools, tool_choice, parallel_tool_calls,
	// temperature, top_p, presence_penalty, frequency_penalty, top_logprobs, text,
	// reasoning, truncation, max_output_tokens, max_tool_calls, store, background,
	// service_tier, metadata, safety_identifier, prompt_cache_key; user and conversation
	// where they were sent): `"a":1,"b":2`, the same in every event of a stream.
	echo []byte
	// stored: the response is kept, and echo says so before storedAt.
	stored   bool
	storedAt int
	// background: the response's first status is queued.
	background bool
	// summary: thinking is shown as a summary. sealed: encrypted_content was asked for.
	// logprobs: they were asked for.
	summary, sealed, logprobs bool
	// compaction: the reply is a compaction item, not a turn of the conversation; its
	// blob is of the kind given.
	compaction bool
	blob       blobKind
	// kept holds the user messages that a compact reply repeats, as items with commas
	// between.
	kept []byte
	// tools knows the upstream's function names.
	tools toolset.Table
}

// unstored has the echo say that the response is not kept.
func (r *request) unstored() {
	r.stored = false
	before, after := r.echo[:r.storedAt-len("true")], r.echo[r.storedAt:]
	echo := jsonedit.PutBytes(make([]byte, 0, len(r.echo)+1), before)
	r.echo = jsonedit.PutBytes(jsonedit.Put(echo, "false"), after)
}

var options = parts.Options{Early: true, KeepBlank: true, CallPrefix: "call_"}

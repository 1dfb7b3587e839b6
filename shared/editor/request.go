package editor

import (
	"slices"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// The request keys that are read; the sampling keys follow, in the catalog's order.
const (
	keyModel = iota
	keyMessages
	keyPrompt
	keyKwargs
	keyEffort
	keyBudget
	keyTools
	keyToolChoice
	keyMaxTokens
	keyMaxCompletionTokens
	keyStream
	keyStreamOptions
	keyN
	keyContinue
	keyResponseFormat
	keyStructured
	keyStop
	keyIncludeStop
	keyMinTokens
	keyMetadata
	keyCacheKey
	keySampling
	keyCount = keySampling + len(catalog.SamplingKeys)
)

// keyNumber is the number of a key of the request, -1 for one that is not read.
func keyNumber(key []byte) int {
	switch string(key) {
	case "model":
		return keyModel
	case "messages":
		return keyMessages
	case "prompt":
		return keyPrompt
	case "chat_template_kwargs":
		return keyKwargs
	case "reasoning_effort":
		return keyEffort
	case "thinking_token_budget":
		return keyBudget
	case "tools":
		return keyTools
	case "tool_choice":
		return keyToolChoice
	case "max_tokens":
		return keyMaxTokens
	case "max_completion_tokens":
		return keyMaxCompletionTokens
	case "stream":
		return keyStream
	case "stream_options":
		return keyStreamOptions
	case "n":
		return keyN
	case "continue_final_message":
		return keyContinue
	case "response_format":
		return keyResponseFormat
	case "structured_outputs":
		return keyStructured
	case "stop":
		return keyStop
	case "include_stop_str_in_output":
		return keyIncludeStop
	case "min_tokens":
		return keyMinTokens
	case "metadata":
		return keyMetadata
	case "prompt_cache_key":
		return keyCacheKey
	case "temperature":
		return keySampling
	case "top_p":
		return keySampling + 1
	case "top_k":
		return keySampling + 2
	case "min_p":
		return keySampling + 3
	case "presence_penalty":
		return keySampling + 4
	case "repetition_penalty":
		return keySampling + 5
	}
	return -1
}

// A request is a document with the fields of its top level: what is read, left out and
// added there. What needs all of the request to be known works on it.
type request struct {
	document
	members jsonedit.Members
	fields  [keyCount]field
	// added are members, each followed by a comma, that go to the front of the request.
	added []byte
}

// begin starts on a request, and forgets the fields of the one before.
func (r *request) begin(body []byte, trusted []jsonedit.Span, t *hub.Turn) {
	r.document.begin(body, trusted, t)
	r.fields, r.added = [keyCount]field{}, r.added[:0]
}

// kind is the kind of a field's value, Null if it is absent.
func (r *request) kind(key int) jsonedit.Kind { return r.fields[key].kind(r.src) }

// literal is a field's value as it stands in the request, empty if it is absent.
func (r *request) literal(key int) []byte { return r.fields[key].value.Of(r.src) }

// drop leaves a field out, which must be there.
func (r *request) drop(key int) { r.members.Drop(r.fields[key].member) }

// add puts a member, given in pieces and with a comma behind it, to the front of the request.
func (r *request) add(pieces ...string) {
	for _, piece := range pieces {
		r.added = jsonedit.Put(r.added, piece)
	}
}

// write appends the request with all edits made to dst.
func (r *request) write(dst []byte) []byte {
	r.members.Commit(&r.edits, r.added)
	return r.edits.Apply(slices.Grow(dst, len(r.src)+r.edits.Size()), r.src)
}

package gateway

import (
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// Head is what an edge knows of a request before its body.
type Head struct {
	Method string
	// Path is the request's path with its query, as sent ("/v1/chat/completions?x=1").
	Path string
	// Header returns the value of a header field, its name given in lower case;
	// "" when it is absent. It is called only for the few names that matter.
	Header func(name string) string
	// Credential is what access.Read says of the request.
	Credential access.Credential
}

// Env hands in what the core may not fetch itself.
type Env struct {
	// RequestID is the id that logs know the exchange by. May be empty.
	RequestID string
	// Now is the time in Unix seconds.
	Now int64
	// Clock tells the time, as Now does, for what is noted later. Nil: it stands still.
	Clock func() int64
	// Random returns 64 unpredictable bits.
	Random func() uint64
	// Keeps: the edge keeps state, and gives what NeedLeave, NeedContext, NeedItem, NeedStart
	// and NeedKeep ask for.
	Keeps bool
	// Counts: the edge can have a prompt counted by its server, for NeedCount.
	Counts bool
	// Nameless says why the served model's name is not known yet, as a part of a sentence; only
	// an edge that learns it has to.
	Nameless string
	// LearnsWindow: the edge can ask the upstream for its model's context window, and gives
	// what NeedWindow asks for. Else there is the configuration's max_model_len only.
	LearnsWindow bool
	// Decode undoes the content-encoding of a whole body, of which at most limit bytes may
	// come; over it the fault is BodyTooLarge, for an encoding that the edge does not know
	// BadEncoding, for a body that is not of its encoding Undecodable. src is not needed once
	// it has returned without a fault, and what it returns until the body is turned. Nil: the
	// core undoes gzip, and no other.
	Decode func(src []byte, encoding string, limit int) (plain []byte, f hub.Fault)
}

// An Action says what the edge has to do with a request.
type Action uint8

const (
	// Pass: forward the request untouched, then ReplyHead says what of the reply's head
	// changes; of the other methods only Fault, Report and Close may be called.
	Pass Action = iota
	// Local: send Plan.Answer, call no upstream.
	Local
	// Transform: give the whole request body to Request, send what it returns, then ReplyHead.
	Transform
)

// A Plan is decided from the head alone, since an Envoy without
// allow_on_headers_stop_iteration can't edit headers later.
type Plan struct {
	Action Action
	// Route names the route for logs and metrics: chat, completions, models, model,
	// tokenize, detokenize, responses, responses_compact, responses_input_tokens,
	// messages, messages_count_tokens, telemetry, health, root, pass.
	Route string
	// Answer is set for Local.
	Answer *hub.Answer
	// Path goes upstream instead of the client's when not empty.
	Path string
	// Edit changes the request's header. content-length is dropped for every Transform
	// with a body: the edge sets the length of what Request returned, or sends chunks.
	Edit hub.HeaderEdit
	// MaxBody is the limit of the request body in bytes; over it the edge sends Fault(hub.BodyTooLarge).
	MaxBody int
	// NoBody: the request has no body to transform (GET); Request need not be called.
	NoBody bool
	// Kept is how many bytes of the body are kept for the reply, which repeats them: Request
	// sets it.
	Kept int
}

// ReplyMode says how the reply's body is handled.
type ReplyMode uint8

const (
	// ReplyPass: forward the reply's body untouched.
	ReplyPass ReplyMode = iota
	// ReplyWhole: gather the whole body (at most ReplyPlan.MaxBody bytes) and give it to ReplyWhole.
	ReplyWhole
	// ReplyStream: give each chunk to Reply as it comes, and flush what it returns.
	ReplyStream
	// ReplyLocal: send ReplyPlan.Answer instead of the upstream's reply.
	ReplyLocal
)

// A ReplyPlan is decided from the reply's head.
type ReplyPlan struct {
	Mode   ReplyMode
	Answer *hub.Answer
	// Status replaces the upstream's where it is not 0.
	Status int
	// Beats: the stream has a heartbeat, see Beat.
	Beats bool
	// Edit changes the reply's header. The edge itself removes content-length where the
	// body changes.
	Edit hub.HeaderEdit
	// MaxBody is the limit in bytes for ReplyWhole; over it the edge sends Fault(hub.ReplyTooLarge).
	MaxBody int
}

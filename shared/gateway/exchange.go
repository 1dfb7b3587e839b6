package gateway

import "github.com/qwenvoy/qwenvoy/shared/hub"

// Head is what an edge knows of a request before its body.
type Head struct {
	Method string
	// Path is the request's path with its query, as sent ("/v1/chat/completions?x=1").
	Path string
	// Header returns the value of a header field, its name given in lower case;
	// "" when it is absent. It is called only for the few names that matter.
	Header func(name string) string
}

// Env hands in what the core may not fetch itself.
type Env struct {
	// RequestID is the id that logs know the exchange by. May be empty.
	RequestID string
	// Window returns the upstream model's context window in tokens, 0 when it is not
	// known. It is called only when a request names a token limit. Nil: the
	// configuration's max_model_len.
	Window func() int
	// Decode undoes a content-encoding other than gzip on a whole request body,
	// appending to dst at most limit bytes; ok is false for an encoding that the edge
	// does not know. Nil: none but gzip.
	Decode func(dst, src []byte, encoding string, limit int) (out []byte, ok bool, err error)
}

// An Action says what the edge has to do with a request.
type Action uint8

const (
	// Pass: forward the request and its reply untouched; no other method of the
	// Exchange but Fault and Report may be called.
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
	// tokenize, detokenize, health, pass.
	Route string
	// Answer is set for Local.
	Answer *hub.Answer
	// Method and Path go upstream instead of the client's when not empty.
	Method, Path string
	// Drop names request header fields to remove, Set those to set, in lower case.
	// content-length is among Drop for every Transform with a body: the edge sets the
	// length of what Request returned, or sends chunks.
	Drop []string
	Set  [][2]string
	// MaxBody is the limit of the request body in bytes; over it the edge sends Fault(hub.BodyTooLarge).
	MaxBody int
	// NoBody: the request has no body to transform (GET); Request need not be called.
	NoBody bool
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
	// Drop names reply header fields to remove, Set those to set, in lower case. The
	// edge itself removes content-length where the body changes.
	Drop []string
	Set  [][2]string
	// MaxBody is the limit in bytes for ReplyWhole; over it the edge sends Fault(hub.ReplyTooLarge).
	MaxBody int
}

// Repairs says what was mended, as a set.
type Repairs uint32

// Report says what happened in an exchange, for logs and metrics. It never holds prompts.
type Report struct {
	Route string
	// Model is the name that the client asked for, "" when there was none or it is unknown;
	// Served is the name that went upstream.
	Model, Served string
	// Stream: the reply was a stream of events. Thinking: the effective state.
	Stream, Thinking bool
	// Finish is the first choice's finish_reason.
	Finish string
	// Token counts as the upstream reported them; HasUsage is false when it didn't.
	HasUsage                                                      bool
	PromptTokens, CompletionTokens, CachedTokens, ReasoningTokens int
	// Changes names the edits of the request ("model", "system_merged", "temperature"),
	// Repairs those of the reply ("reasoning_to_content").
	Changes, Repairs []string
	// Reason is the Answer's reason when the exchange was answered locally or failed.
	Reason string
}

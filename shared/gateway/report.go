package gateway

import (
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// Report says what happened in an exchange, for logs and metrics. It never holds prompts, nor
// words of either side that aren't words.
type Report struct {
	Route string
	// Model is the virtual model's name, "" when none was named or it is unknown; a
	// client's own words are no label. Served is the name that went upstream.
	Model, Served string
	// Upstream is the name of the upstream that the request was for, "" where it had none.
	Upstream string
	// Session, Prompt, Agent and Parent are hashes of the ids that the client's agent says of
	// itself, "" where it says none; Class is what it says that the request is for.
	Session, Prompt, Agent, Parent string
	Class                          access.Class
	// Asked is the name that the client used, as a JSON string literal; empty if it named none.
	// These are the client's words, and valid until Close.
	Asked []byte
	// Stream: the reply was a stream of events, of which Events have come from upstream.
	// Thinking: the effective state.
	Stream, Thinking bool
	Events           int
	// Finish is the first choice's finish_reason: the upstream's own word where nobody knows it.
	Finish string
	// Token counts as the upstream reported them; HasUsage is false when it didn't.
	HasUsage                                                      bool
	PromptTokens, CompletionTokens, CachedTokens, ReasoningTokens int
	// Changes names the edits of the request ("model", "system_merged", "temperature"),
	// Repairs those of the reply ("reasoning_to_content").
	Changes, Repairs []string
	// DroppedItems are the types of items that the model did not get.
	DroppedItems hub.Names
	// Reason is the Answer's reason when the exchange was answered locally or failed.
	Reason string
	// Problem is what was told in place of the reply, or at the end of its stream; nil for
	// nothing. It may quote the client's words, so it is not for logs.
	Problem *hub.Problem
}

// Report says what has happened so far.
func (x *Exchange) Report() Report {
	t := &x.turn
	usage := &t.Reply.Usage
	r := Report{
		Route: x.plan.Route, Stream: x.stream.phase != noStream, Thinking: t.Request.Thinking,
		Events: x.stream.count, Asked: t.Request.Name, Finish: t.Reply.Finish, HasUsage: t.Reply.HasUsage,
		PromptTokens: usage.Prompt, CompletionTokens: usage.Completion, CachedTokens: usage.Cached, ReasoningTokens: usage.Reasoning,
		Changes: t.Request.Changes.Names(), Repairs: t.Reply.Repairs.Names(),
		DroppedItems: t.Request.DroppedItems.Shown(redact.Word),
	}
	if t.Request.Model != nil {
		r.Model, r.Served, r.Upstream = t.Request.Model.Name, t.Request.Model.Target.Model, t.Request.Model.Target.Upstream
	}
	h := &t.Request.Hints
	r.Session, r.Prompt, r.Agent, r.Parent = access.Hashed(h.Session), access.Hashed(h.Prompt), access.Hashed(h.Agent), access.Hashed(h.Parent)
	r.Class = h.Class
	if t.Reply.FinishSaid != "" {
		r.Finish = redact.Word(t.Reply.FinishSaid)
	}
	if x.problem != nil {
		r.Reason, r.Problem = x.problem.Reason, x.problem
	}
	return r
}

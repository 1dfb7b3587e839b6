package messages

import (
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A reader reads one request, in one pass over its text, and decides what of it the
// model gets. What the messages say it adds to the conversation.
type reader struct {
	kind kind
	turn *hub.Turn
	req  *request

	in       input
	fields   fields
	messages messageReader
	tools    toolset

	// These are known once all was read.
	choice   toolChoice
	format   []byte // the JSON schema of the answer, nil for none
	thinking thinking
}

// link gives the readers in r each other, and the conversation that they add to. It is done
// once, since r is reused.
func (r *reader) link(out *conversation) {
	r.messages.in, r.messages.out = &r.in, out
	blocks := &r.messages.blocks
	blocks.in, blocks.out, blocks.tools = &r.in, out, &r.tools
	blocks.lines.in, blocks.lines.tools = &r.in, &r.tools
}

// reset starts on another request; nil leaves nothing of one behind but buffers.
func (r *reader) reset(k kind, body []byte, t *hub.Turn, req *request) {
	r.kind, r.turn, r.req = k, t, req
	r.in.reset(body)
	r.fields = fields{}
	r.messages.reset()
	r.tools.reset()
	r.choice, r.thinking = toolChoice{}, thinking{}
	r.format = nil
}

// read walks the request.
func (r *reader) read() *hub.Problem {
	s := &r.in.s
	if k := s.Kind(); k != jsonedit.Object && k != jsonedit.Invalid {
		return hub.BadRequest("", "The request body must be a JSON object.")
	}
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "messages":
			r.messages.readAll()
		case "system":
			r.messages.readPrompt()
		case "tools":
			r.tools.readAll(&r.in)
		default:
			if field := r.fields.field(s.Key()); field != nil {
				*field = s.Literal()
			} else {
				r.skip(s)
			}
		}
	}
	if err := s.Finish(); err != nil {
		return hub.BadRequest("", "The request body is not valid JSON: %v.", err)
	}
	r.turn.Request.ListInReply(hub.DroppedItemsHeader, &r.turn.Request.DroppedItems)
	r.req.size += r.messages.blocks.imageBytes
	return r.check()
}

// skip passes over a member that nobody reads. One that Anthropic's API has is known to do nothing
// here, all others are named in the reply.
func (r *reader) skip(s *jsonedit.Scanner) {
	switch string(s.Key()) {
	case "cache_control", "service_tier", "inference_geo", "speed", "betas", "diagnostics":
		s.Value()
		return
	}
	name := append([]byte(nil), s.Key()...)
	if s.Literal() != nil {
		r.turn.Request.IgnoreField(name)
	}
}

// classify tells what Claude Code asks beside its conversation where it does not say so itself: a
// title is a form without tools, and its judge has 64 tokens for a verdict.
func (r *reader) classify() {
	h := &r.turn.Request.Hints
	if !h.ClaudeCode || h.Class != access.Unknown || len(r.tools.declared) > 0 {
		return
	}
	limit, _ := integer(r.fields.maxTokens)
	if limit == verdictTokens || r.fields.format != nil || r.in.member(r.fields.output, "format") != nil {
		h.Class = access.Auxiliary
	}
}

const verdictTokens = 64

// check looks at the fields that can't be ignored.
func (r *reader) check() *hub.Problem {
	r.fields.checkModel(&r.in, r.turn.Catalog)
	if !r.messages.found {
		r.in.reject("messages", "is required and must hold at least one message.")
	}
	if r.kind == create {
		r.fields.checkCreate(&r.in, r.req, r.turn)
	}
	r.fields.checkObjects(&r.in)
	r.in.checkEffort("output_config.effort", r.in.member(r.fields.output, "effort"))
	r.in.checkEffort("reasoning_effort", r.fields.passed[hub.PassedEffort])
	if r.in.problem == nil && r.fields.thread != nil {
		r.in.problem = threadRefused()
	}
	return r.in.problem
}

// decide settles which tools the model gets, and with them the form of its answer. Where
// the request has an answer of our own it stops there.
func (r *reader) decide() *hub.Problem {
	in, t := &r.in, r.turn
	r.choice = readChoice(in, r.fields.choice)
	r.req.noCalls = r.choice.kind == chooseNone
	chosen := jsonedit.Text(r.choice.name)
	functions, ok := r.tools.choose(in, chosen)
	if !ok {
		return in.problem
	}
	r.req.computer = r.tools.computer
	r.tools.dropHosted(in, r.kind, t, !functions && !r.req.noCalls && !r.req.warming)
	if in.problem != nil || t.Request.Answer != nil {
		return in.problem
	}
	if chosen != nil && r.tools.byName[string(chosen)] == nil && r.kind == create {
		in.reject("tool_choice.name", "%q is none of the tools that can be offered here.", hub.Excerpt(string(chosen)))
	}
	if r.tools.sent == 0 && r.choice.forced() && r.kind == create {
		in.reject("tool_choice", "a call can't be demanded without tools.")
	}
	t.Request.SingleCall = r.choice.single && r.tools.sent > 0 && r.kind == create
	r.format = outputFormat(in, &r.fields)
	if r.req.warming {
		r.checkWarming()
	}
	return in.problem
}

// checkWarming refuses what makes no sense without an answer, as Anthropic's API does.
func (r *reader) checkWarming() {
	const with = "0 asks for no answer, so it can't be combined with %s."
	switch {
	case r.turn.Request.Streamed:
		r.in.reject("max_tokens", with, "stream")
	case r.choice.forced():
		r.in.reject("max_tokens", with, "a tool_choice of any or tool")
	case r.format != nil, r.fields.shaped():
		r.in.reject("max_tokens", with, "a format")
	}
}

// readThinking reads what is asked of thinking.
func (r *reader) readThinking(afterResults bool) {
	r.thinking = readThinking(&r.in, &r.fields, afterResults)
}

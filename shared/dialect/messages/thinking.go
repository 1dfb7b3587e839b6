package messages

import (
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// thinking is what a request says of thinking. Whether the model thinks is decided
// later, by the virtual model's profile; here the client can only switch it off.
type thinking struct {
	// off: the client switched it off.
	off bool
	// keep: the thinking of earlier turns stays, of keepTurns turns where that is over 0.
	keep      bool
	keepTurns int
	// budget is how many tokens of it are allowed, 0 for no limit.
	budget int
}

// readThinking reads thinking and context_management; afterResults says that the last
// message brings results of tools.
func readThinking(in *input, f *fields, afterResults bool) (t thinking) {
	switch string(in.typeOf(f.thinking)) {
	case "disabled":
		t.off = true
	case "between_tools":
		t.off = !afterResults
	case "enabled":
		if n, ok := integer(in.member(f.thinking, "budget_tokens")); ok && n > 0 {
			t.budget = n
		}
	}
	edits := in.member(f.management, "edits")
	if !jsonedit.Is(edits, jsonedit.Array) {
		return t
	}
	s := in.enter(edits)
	defer in.leave(s)
	for s.BeginArray(); s.NextElement(); {
		edit := s.Value().Of(edits)
		// The other edits leave things out to save tokens; more is kept than was asked for.
		if string(in.typeOf(edit)) != "clear_thinking_20251015" {
			continue
		}
		t.keep = true
		switch keep := in.member(edit, "keep"); {
		case keep == nil:
			t.keepTurns = 1
		case string(in.typeOf(keep)) == "thinking_turns":
			if n, ok := integer(in.member(keep, "value")); ok && n > 0 {
				t.keepTurns = n
			}
		}
	}
	return t
}

// asksThinking tells whether the request says anything of thinking or effort, in Anthropic's
// words or in those of vLLM's chat requests.
func (r *reader) asksThinking() bool {
	f := &r.fields
	for _, said := range [...][]byte{f.thinking, r.messages.effort, r.in.member(f.output, "effort"), f.passed[hub.PassedBudget],
		f.passed[hub.PassedEffort],
		r.in.member(f.passed[hub.PassedKwargs], "enable_thinking")} {
		if said != nil {
			return true
		}
	}
	return false
}

// hideThinking does what is configured for a request that says nothing of thinking. The
// commonest way to read a reply is content[0].text, and Anthropic's API lets it work.
func (r *reader) hideThinking() {
	t := r.turn
	switch {
	case t.Messages.Thinking == hub.ShownWhenAsked:
		r.req.hideThinking = true
	case t.Messages.Thinking == hub.ShownByProfile, len(r.tools.declared)+len(r.tools.added) > 0:
	case string(jsonedit.Text(t.Request.Name)) == t.Request.Model.Name, t.Request.Model.Thinking == catalog.Always:
		r.req.hideThinking = true // the profile was chosen, or there is none other, so the model thinks
	default:
		t.Request.NoThinking = true
	}
}

// effort is the client's own, as JSON, nil for none: chat's member, what the latest system message
// says, or the request.
func (r *reader) effort() []byte {
	switch {
	case r.fields.passed[hub.PassedEffort] != nil:
		return r.fields.passed[hub.PassedEffort]
	case r.messages.effort != nil:
		return r.messages.effort
	}
	return r.in.member(r.fields.output, "effort")
}

// checkEffort refuses a word that nobody knows, by the name at which Claude Code leaves it out.
func (in *input) checkEffort(path string, effort []byte) {
	if _, wrong := hub.ReadEffort(effort); wrong != "" && in.problem == nil {
		in.problem = hub.BadRequest("", "capability_rejected: effort_unsupported (%s: %s)", path, wrong)
	}
}

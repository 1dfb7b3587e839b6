package messages

import (
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/refusal"
)

const (
	tooLong = "prompt is too long"
	// minAnswer is how many tokens of the window must be left for a smaller max_tokens to help.
	minAnswer = 4000
)

// refusalMessage is an upstream's problem in the words by which Anthropic's clients know what to
// do, ok is false for one that has none and stays. Claude Code leaves out what is named
// behind capability_rejected and goes on; at any other sentence it asks again several times
// and ends, with the block in its history. The server's sentence follows for people.
func refusalMessage(p *hub.Problem) (message string, ok bool) {
	if strings.HasPrefix(p.Message, tooLong) || strings.HasPrefix(p.Message, "capability_rejected:") {
		return p.Message, true
	}
	r := refusal.Of(p)
	switch capability := r.Class.Capability(); {
	case r.Class == refusal.PromptTooLong, r.Class == refusal.LimitTooLarge:
		return overflowMessage(r, p.Message), true
	case capability != "":
		return "capability_rejected: " + capability + " (" + p.Message + ")", true
	}
	return "", false
}

// WantsCount implements hub.Counter: a server that stopped counting, or names no window, leaves
// Claude Code without the two numbers by which it compacts in one step.
func (d Dialect) WantsCount(p *hub.Problem) bool {
	if d.kind != create || strings.HasPrefix(p.Message, tooLong) {
		return false
	}
	r := refusal.Of(p)
	return r.Class == refusal.PromptTooLong && (r.Window == 0 || r.Prompt == 0 || r.Bound)
}

// overflowMessage is a complaint about the context window in Anthropic's words; original is
// the server's. Claude Code compacts the conversation for "prompt is too long", by the
// difference of the two numbers where there are two, and asks again with a smaller
// max_tokens for "input length and `max_tokens` exceed context limit". Nothing may stand
// around these.
func overflowMessage(r refusal.Refusal, original string) string {
	n := strconv.Itoa
	switch {
	case r.Prompt >= r.Window && r.Window > 0 && !r.Bound:
		// A prompt that fills the window leaves nothing for an answer.
		return tooLong + ": " + n(r.Prompt) + " tokens > " + n(min(r.Window, r.Prompt-1)) + " maximum"
	case r.Window-r.Prompt < minAnswer:
		// Claude Code asks for at least 3,000 tokens after taking 1,000 off what is left;
		// of less it would give up. So it is to compact.
	case r.Limit >= r.Window, r.Prompt > 0 && r.Limit > 0 && !r.Bound:
		return "input length and `max_tokens` exceed context limit: " + n(max(r.Prompt, 1)) + " + " + n(r.Limit) + " > " + n(r.Window) +
			", decrease input length or `max_tokens` and try again"
	}
	return tooLong + ": (" + original + ")"
}

package messages

import (
	"bytes"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// think reads what the request says of thinking. Whether the model thinks is decided
// later, by the virtual model's profile; here the client can only switch it off.
func (r *reader) think() {
	switch string(jsonedit.Text(r.member(r.thinking, "type"))) {
	case "disabled":
		r.turn.Request.NoThinking = true
	case "between_tools":
		r.turn.Request.NoThinking = !r.afterResults
	}
	edits := r.member(r.management, "edits")
	if !jsonedit.Is(edits, jsonedit.Array) {
		return
	}
	keepTurns := -1
	s := r.scan(edits)
	defer r.done(s)
	for s.BeginArray(); s.NextElement(); {
		edit := s.Value().Of(edits)
		// The other edits leave things out to save tokens; more is kept than was asked for.
		if string(jsonedit.Text(r.member(edit, "type"))) != "clear_thinking_20251015" {
			continue
		}
		r.keepThinking = true
		switch keep := r.member(edit, "keep"); {
		case keep == nil:
			keepTurns = 1
		case string(jsonedit.Text(r.member(keep, "type"))) == "thinking_turns":
			if n, ok := integer(r.member(keep, "value")); ok && n > 0 {
				keepTurns = n
			}
		}
	}
	if keepTurns > 0 {
		r.history.KeepReasoning(keepTurns)
	}
}

// effort is the word that goes up as reasoning_effort, "" for none. Qwen3.8 knows three;
// the models before it are thinking or not, and vLLM answers 400 to words that it does
// not know.
func (r *reader) effort() string {
	if r.off() || !bytes.Contains(bytes.ToLower([]byte(r.turn.Request.Model.Target.Model)), []byte("qwen3.8")) {
		return ""
	}
	said := r.said // by the latest system message that says any
	if said == nil {
		said = r.member(r.output, "effort")
	}
	switch string(jsonedit.Text(said)) {
	case "low", "minimal":
		return "low"
	case "medium":
		return "medium"
	case "high", "xhigh", "max":
		return "xhigh"
	}
	return ""
}

// appendThinking appends effort and budget; limit is max_tokens.
func (r *reader) appendThinking(c []byte, limit int) []byte {
	if effort := r.effort(); effort != "" && r.extras[extraEffort] == nil {
		c = append(jsonedit.Put(jsonedit.Put(c, `,"reasoning_effort":"`), effort), '"')
	}
	if r.off() || r.extras[extraBudget] != nil || string(jsonedit.Text(r.member(r.thinking, "type"))) != "enabled" {
		return c
	}
	if budget, ok := integer(r.member(r.thinking, "budget_tokens")); ok && budget > 0 {
		// Something must be left to answer with, of max_tokens as the Editor clamps it.
		if window := r.turn.Edge.Window(); window > 0 {
			limit = min(limit, window)
		}
		if budget = min(budget, limit-1); budget > 0 {
			c = strconv.AppendInt(jsonedit.Put(c, `,"thinking_token_budget":`), int64(budget), 10)
		}
	}
	return c
}

// appendKwargs appends the template's arguments: the client's own and what follows from
// the request. The client's own come last and so count.
func (r *reader) appendKwargs(c, own []byte) []byte {
	more := r.text[:0]
	if r.keepThinking && r.member(own, "preserve_thinking") == nil {
		more = jsonedit.Put(more, `"preserve_thinking":true,`)
	}
	if r.kind == countTokens {
		// A chat request's effort reaches the template as an argument of this name;
		// /tokenize has no field for it.
		if effort := r.effort(); effort != "" && r.member(own, "reasoning_effort") == nil {
			more = jsonedit.Put(jsonedit.Put(jsonedit.Put(more, `"reasoning_effort":"`), effort), `",`)
		}
	}
	r.text = more
	switch empty := own == nil || len(bytes.TrimSpace(own[1:len(own)-1])) == 0; {
	case len(more) == 0 && own == nil:
		return c
	case empty && len(more) > 0:
		c = jsonedit.PutBytes(jsonedit.Put(c, `,"chat_template_kwargs":{`), more[:len(more)-1])
		return append(c, '}')
	default:
		c = jsonedit.PutBytes(jsonedit.Put(c, `,"chat_template_kwargs":{`), more)
		return jsonedit.PutBytes(c, own[1:])
	}
}

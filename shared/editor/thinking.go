package editor

import (
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// templateArguments reads chat_template_kwargs, decides whether the model thinks and how
// much, and tells its template there.
type templateArguments struct {
	members        jsonedit.Members
	enableThinking field
	// hasPreserve and hasEffort: the client's own say so.
	hasPreserve, hasEffort bool
	front                  []byte // what is put before the client's own
}

// reset forgets the request before.
func (a *templateArguments) reset() {
	a.enableThinking, a.hasPreserve, a.hasEffort = field{}, false, false
}

// scan walks chat_template_kwargs.
func (a *templateArguments) scan(d *document) jsonedit.Span {
	s := &d.scanner
	a.reset()
	if s.Kind() != jsonedit.Object {
		return s.Value()
	}
	start := s.Start()
	a.members.Begin(s.BeginObject())
	for s.NextMember() {
		key, enable := s.KeySpan(), false
		switch string(s.Key()) {
		case "enable_thinking":
			enable = true
		case "preserve_thinking":
			a.hasPreserve = true
		case "reasoning_effort":
			a.hasEffort = true
		}
		v := s.Value()
		i := a.members.Add(key, v)
		if enable {
			if !a.enableThinking.value.Absent() {
				a.members.Drop(a.enableThinking.member)
			}
			a.enableThinking = field{i, v}
		}
	}
	return jsonedit.Span{Start: start, End: s.Pos()}
}

// setThinking decides the effective state and tells the server. counted: it is asked for the
// prompt's tokens only, and knows an effort as an argument of the template alone.
func (a *templateArguments) setThinking(r *request, counted bool) *hub.Problem {
	kind := r.kind(keyKwargs)
	if kind != jsonedit.Object && kind != jsonedit.Null {
		return hub.BadRequest("chat_template_kwargs", "chat_template_kwargs must be an object.")
	}
	effort, wrong := hub.ReadEffort(r.literal(keyEffort))
	if wrong != "" {
		return hub.BadRequest("reasoning_effort", "reasoning_effort: %s", wrong)
	}
	facts := &r.turn.Request
	if facts.Model == nil {
		if kind == jsonedit.Object {
			a.members.Commit(&r.edits, nil)
		}
		return nil
	}
	if p := a.decide(r, effort); p != nil {
		return p
	}
	if facts.Thinking && facts.Model.Thinking != catalog.Always && a.capped(r, effort) {
		facts.Thinking = false
		facts.ReplyHeader = append(facts.ReplyHeader, [2]string{hub.ThinkingHeader, hub.OffByCap})
		r.changed(hub.ThinkingOffByCap)
	}
	word, generation := "", facts.Model.Target.Generation
	if facts.Thinking {
		word = generation.Effort(effort)
	} else if !r.fields[keyBudget].value.Absent() {
		r.drop(keyBudget)
	}
	state := strconv.FormatBool(facts.Thinking)
	a.front = a.front[:0]
	if a.enableThinking.value.Absent() {
		a.add("enable_thinking", state)
	}
	if facts.PreserveThinking != "" && !a.hasPreserve && generation.Preserves() {
		a.add("preserve_thinking", facts.PreserveThinking)
	}
	if counted && word != "" && !a.hasEffort {
		a.add("reasoning_effort", `"`+word+`"`)
	}
	a.commit(r, state)
	if !r.fields[keyEffort].value.Absent() {
		setEffort(r, word, counted)
	}
	return nil
}

// add puts an argument before the client's own.
func (a *templateArguments) add(name, value string) {
	a.front = jsonedit.Put(jsonedit.Put(append(a.front, '"'), name), `":`)
	a.front = append(jsonedit.Put(a.front, value), ',')
}

// commit makes the edits of chat_template_kwargs.
func (a *templateArguments) commit(r *request, state string) {
	kwargs, enable := r.fields[keyKwargs].value, a.enableThinking.value
	switch {
	case kwargs.Absent():
		r.add(`"chat_template_kwargs":{`)
		r.added = jsonedit.PutBytes(r.added, a.front[:len(a.front)-1])
		r.add("},")
	case r.kind(keyKwargs) == jsonedit.Null:
		r.replace(kwargs, "{"+string(a.front[:len(a.front)-1])+"}")
	default:
		a.members.Commit(&r.edits, a.front)
		if string(enable.Of(r.src)) == state {
			return
		}
		if !enable.Absent() {
			r.replace(enable, state)
		}
	}
	r.changed(hub.ChangedThinking)
}

// setEffort puts the generation's word in the place of the client's, "" for none.
func setEffort(r *request, word string, counted bool) {
	switch {
	case word == "", counted:
		r.drop(keyEffort)
	case string(jsonedit.Text(r.literal(keyEffort))) != word:
		r.replace(r.fields[keyEffort].value, `"`+word+`"`)
	}
}

// decide sets the effective state: what the model's entry says, and where that leaves it to
// the client, what the client says. A turn that the client has begun is past thinking: with it
// switched on, the rest of the text would come as reasoning.
func (a *templateArguments) decide(r *request, effort catalog.Effort) *hub.Problem {
	facts := &r.turn.Request
	begun := r.kind(keyContinue) == jsonedit.True
	none := begun || facts.NoThinking || effort == catalog.EffortNone
	switch facts.Model.Thinking {
	case catalog.Always:
		facts.Thinking = !begun
	case catalog.On:
		facts.Thinking = !none
	case catalog.Off:
		facts.Thinking = false
	case catalog.Client:
		facts.Thinking = !none
		switch a.enableThinking.kind(r.src) {
		case jsonedit.True:
			facts.Thinking = !begun
		case jsonedit.False:
			facts.Thinking = false
		case jsonedit.Null:
		default:
			return hub.BadRequest("chat_template_kwargs.enable_thinking", "chat_template_kwargs.enable_thinking must be true or false.")
		}
	}
	return nil
}

// smallCap is the token limit below which a model that thinks hardly comes to an answer: what
// agents have judged or named in so many tokens would be cut within its thinking, and empty.
const smallCap = 1024

// capped tells whether a small token limit speaks for an answer without thinking, where the
// client has asked for neither thinking nor an effort.
func (a *templateArguments) capped(r *request, effort catalog.Effort) bool {
	t := r.turn
	if t.KeepSmallCaps || t.Request.AsksThinking || effort != catalog.EffortUnsaid || r.kind(keyBudget) != jsonedit.Null ||
		a.enableThinking.kind(r.src) == jsonedit.True {
		return false
	}
	limit := t.Request.Cap
	if limit == 0 {
		limit, _ = limitOf(r, keyMaxCompletionTokens)
	}
	if limit == 0 {
		limit, _ = limitOf(r, keyMaxTokens)
	}
	return limit > 0 && limit < smallCap
}

package editor

import (
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// templateArguments reads chat_template_kwargs, decides whether the model thinks, and tells
// its template there.
type templateArguments struct {
	members        jsonedit.Members
	enableThinking field
}

// reset forgets the request before.
func (a *templateArguments) reset() { a.enableThinking = field{} }

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
		key, enable := s.KeySpan(), string(s.Key()) == "enable_thinking"
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

// setThinking decides the effective state and tells the template.
func (a *templateArguments) setThinking(r *request) *hub.Problem {
	kind := r.kind(keyKwargs)
	if kind != jsonedit.Object && kind != jsonedit.Null {
		return hub.BadRequest("chat_template_kwargs", "chat_template_kwargs must be an object.")
	}
	if r.turn.Request.Model == nil {
		if kind == jsonedit.Object {
			a.members.Commit(&r.edits, nil)
		}
		return nil
	}
	if p := a.decide(r); p != nil {
		return p
	}
	state := strconv.FormatBool(r.turn.Request.Thinking)
	kwargs := r.fields[keyKwargs].value
	switch enable := a.enableThinking.value; {
	case kwargs.Absent():
		r.add(`"chat_template_kwargs":{"enable_thinking":`, state, "},")
	case kind == jsonedit.Null:
		r.replace(kwargs, `{"enable_thinking":`+state+"}")
	case enable.Absent():
		a.members.Commit(&r.edits, []byte(`"enable_thinking":`+state+","))
	default:
		a.members.Commit(&r.edits, nil)
		if string(enable.Of(r.src)) == state {
			return nil
		}
		r.replace(enable, state)
	}
	r.changed(hub.ChangedThinking)
	return nil
}

// decide sets the effective state: what the model's entry says, and where that leaves it to
// the client, what the client says. A turn that the client has begun is past thinking: with it
// switched on, the rest of the text would come as reasoning.
func (a *templateArguments) decide(r *request) *hub.Problem {
	facts := &r.turn.Request
	begun := r.kind(keyContinue) == jsonedit.True
	none := begun || facts.NoThinking || string(r.literal(keyEffort)) == `"none"`
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

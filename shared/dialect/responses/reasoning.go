package responses

import (
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// reasoning is the reasoning object of a request. What becomes of the effort the Editor decides.
type reasoning struct {
	effort, summary []byte // literals
	context         []byte // a text
}

var maxEffort = []byte(`"max"`)

var reasoningNames = [...]string{"effort", "summary", "generate_summary", "context"}

// read reads a reasoning object, nil where there is none; effort is chat's member
// reasoning_effort, which counts where the object names none.
func (r *reasoning) read(s *jsonedit.Scanner, raw, effort []byte) *hub.Problem {
	name := "reasoning_effort"
	if raw != nil {
		if raw[0] != '{' {
			return hub.WrongType("reasoning", "an object")
		}
		var v [len(reasoningNames)][]byte
		s.Pick(raw, reasoningNames[:], v[:])
		for i, name := range reasoningNames[:3] {
			if v[i] != nil && v[i][0] != '"' {
				return hub.WrongType("reasoning."+name, "a string")
			}
		}
		if r.summary = v[1]; r.summary == nil {
			r.summary = v[2]
		}
		if r.context = jsonedit.Inside(v[3]); v[0] != nil {
			effort, name = v[0], "reasoning.effort"
		}
	}
	if effort != nil && effort[0] != '"' {
		return hub.WrongType(name, "a string")
	}
	word, wrong := hub.ReadEffort(effort)
	if wrong != "" {
		return hub.WrongValue(name, wrong)
	}
	if r.effort = effort; word == catalog.EffortMax {
		r.effort = maxEffort // Codex has another word for it, which the API's types lack
	}
	switch word := jsonedit.Text(r.summary); string(word) {
	case "auto", "concise", "detailed":
	default:
		if word != nil {
			return hub.WrongValue("reasoning.summary", hub.Quoted(word)+" is none of auto, concise, detailed.")
		}
	}
	return nil
}

// echo is the object as it holds.
func (r *reasoning) echo() []byte {
	out := jsonedit.PutOr(jsonedit.Put(nil, `{"effort":`), r.effort, "null")
	return append(jsonedit.PutOr(jsonedit.Put(out, `,"summary":`), r.summary, "null"), '}')
}

// preserve is what the context says of whose thinking the template shows the model again.
func (r *reasoning) preserve() string {
	switch string(r.context) {
	case "all_turns":
		return "true"
	case "current_turn":
		return "false"
	}
	return ""
}

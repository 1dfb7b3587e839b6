package responses

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// reasoning is the reasoning object of a request: the effort is a thinking switch, and more for
// models that know several.
type reasoning struct {
	effort, summary []byte // literals
	context         []byte // a text
}

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
	if r.effort = effort; effort != nil && !knownEffort(effort) {
		return hub.WrongValue(name, hub.Quoted(jsonedit.Text(effort))+" is none of none, minimal, low, medium, high, xhigh, max.")
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

// knownEffort tells whether a literal is one of the API's words.
func knownEffort(literal []byte) bool {
	switch string(jsonedit.Text(literal)) {
	case "none", "minimal", "low", "medium", "high", "xhigh", "max":
		return true
	}
	return false
}

// off tells whether the model is not to think.
func (r *reasoning) off() bool { return string(jsonedit.Text(r.effort)) == "none" }

// graded is the effort for models that know more than on and off, "" for none. Qwen3.8
// knows low, medium and xhigh; earlier ones have no such word in their template. off: the
// client's own template arguments say so, and decide where the model leaves it to them.
func (r *reasoning) graded(t *hub.Turn, off bool) string {
	m := t.Request.Model
	if r.effort == nil || t.Request.NoThinking || m == nil || m.Thinking == catalog.Off ||
		off && m.Thinking == catalog.Client || !strings.Contains(strings.ToLower(m.Target.Model), "qwen3.8") {
		return ""
	}
	switch string(jsonedit.Text(r.effort)) {
	case "minimal", "low":
		return "low"
	case "medium":
		return "medium"
	}
	return "xhigh"
}

// echo is the object as it holds.
func (r *reasoning) echo() []byte {
	out := jsonedit.PutOr(jsonedit.Put(nil, `{"effort":`), r.effort, "null")
	return append(jsonedit.PutOr(jsonedit.Put(out, `,"summary":`), r.summary, "null"), '}')
}

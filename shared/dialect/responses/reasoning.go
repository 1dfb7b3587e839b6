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

// read reads a reasoning object, nil where there is none.
func (r *reasoning) read(s *jsonedit.Scanner, raw []byte) *hub.Problem {
	if raw == nil {
		return nil
	}
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
	r.effort, r.summary, r.context = v[0], v[1], jsonedit.Inside(v[3])
	if r.summary == nil {
		r.summary = v[2]
	}
	switch word := jsonedit.Text(r.effort); string(word) {
	case "none", "minimal", "low", "medium", "high", "xhigh", "max":
	default:
		if word != nil {
			return hub.WrongValue("reasoning.effort", hub.Quoted(word)+" is none of none, minimal, low, medium, high, xhigh, max.")
		}
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

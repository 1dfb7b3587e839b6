package editor

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// answerFormat is the form that the client wants of the answer beside tools. A server's grammar
// holds for all that follows the thinking, and so would forbid every call: what can be asked for
// in words is, at the end of the system message, and what can't is refused.
type answerFormat struct {
	// words ask for the form, as inside a string literal; empty where there is nothing to ask for.
	words []byte
}

// reset forgets the request before.
func (f *answerFormat) reset() { f.words = f.words[:0] }

// read reads the form and takes what is put into words out of the request.
func (f *answerFormat) read(r *request) *hub.Problem {
	if r.kind(keyResponseFormat) == jsonedit.Object {
		if f.responseFormat(r.literal(keyResponseFormat), &r.inner); len(f.words) > 0 {
			r.drop(keyResponseFormat)
		}
	}
	if r.kind(keyStructured) == jsonedit.Object {
		said := len(f.words)
		if p := f.structured(r.literal(keyStructured), &r.inner); p != nil {
			return p
		}
		if len(f.words) > said {
			r.drop(keyStructured)
		}
	}
	if len(f.words) > 0 {
		r.changed(hub.FormatInWords)
		r.turn.Request.ReplyHeader = append(r.turn.Request.ReplyHeader, [2]string{hub.FormatHeader, "words"})
	}
	return nil
}

// begin begins another wish.
func (f *answerFormat) begin(wish string) {
	if len(f.words) > 0 {
		f.words = jsonedit.Put(f.words, `\n\n`)
	}
	f.words = jsonedit.Put(f.words, "When you answer with text and not with a tool call, the text must be nothing but ")
	f.words = jsonedit.Put(f.words, wish)
}

// responseFormat reads a response_format. A kind that leaves room for calls, such as
// structural_tag, is the server's, and so is one that nobody knows.
func (f *answerFormat) responseFormat(raw []byte, s *jsonedit.Scanner) {
	var v [2][]byte
	s.Pick(raw, []string{"type", "json_schema"}, v[:])
	switch {
	case !jsonedit.IsString(v[0]):
	case string(jsonedit.Text(v[0])) == "json_object":
		f.object()
	case string(jsonedit.Text(v[0])) == "json_schema" && jsonedit.Is(v[1], jsonedit.Object):
		var m [3][]byte
		s.Pick(v[1], []string{"schema", "name", "description"}, m[:])
		f.schema(m[0], m[1], m[2])
	}
}

// object asks for any object.
func (f *answerFormat) object() { f.begin("one JSON object.") }

// schema asks for what a schema allows; it, or a string that holds it, may be absent.
func (f *answerFormat) schema(schema, name, description []byte) {
	f.begin("one JSON value")
	if inside := jsonedit.Inside(name); len(inside) > 0 {
		f.words = jsonedit.PutBetween(f.words, " (", inside, ")")
	}
	switch {
	case jsonedit.IsString(schema):
		f.words = jsonedit.PutBetween(f.words, ` that matches this JSON schema:\n\n`, jsonedit.Inside(schema), "")
		return
	case schema == nil:
		f.words = append(f.words, '.')
		return
	}
	f.words = jsonedit.Put(f.words, " that matches this JSON schema")
	if inside := jsonedit.Inside(description); len(inside) > 0 {
		f.words = jsonedit.PutBetween(f.words, " (", inside, ")")
	}
	f.words = jsonedit.AppendEscaped(jsonedit.Put(f.words, `:\n\n`), schema)
}

var structuredNames = [...]string{"json", "json_object", "choice", "regex", "grammar"}

// structured reads vLLM's structured_outputs.
func (f *answerFormat) structured(raw []byte, s *jsonedit.Scanner) *hub.Problem {
	var v [len(structuredNames)][]byte
	s.Pick(raw, structuredNames[:], v[:])
	schema, object, choice := v[0], v[1], v[2]
	switch {
	case jsonedit.IsString(v[3]):
		return besideTools("structured_outputs.regex")
	case jsonedit.IsString(v[4]):
		return besideTools("structured_outputs.grammar")
	case jsonedit.Is(schema, jsonedit.Object), jsonedit.IsString(schema):
		f.schema(schema, nil, nil)
	case jsonedit.Is(choice, jsonedit.Array) && !jsonedit.IsEmpty(choice):
		f.begin("one of these, as it is written inside its quotes: ")
		f.words = jsonedit.AppendEscaped(f.words, choice[1:len(choice)-1])
	case jsonedit.Is(object, jsonedit.True):
		f.object()
	}
	return nil
}

// besideTools refuses a form for which there are no words.
func besideTools(param string) *hub.Problem {
	return hub.BadRequest(param, "%s and tools can't be had together: the server would hold all of the answer to it, "+
		"so that no tool could be called. Send one of them, or tool_choice none.", param)
}

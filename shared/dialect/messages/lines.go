package messages

import (
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A lineReader reads the lines that a person would see in the results of hosted tools and
// the like. Encrypted texts and ids of files say nothing to a model.
type lineReader struct {
	in    *input
	tools *toolset
	text  []byte // the lines, as inside a string literal
}

func (r *lineReader) reset() { r.text = r.text[:0] }

// add adds a line.
func (r *lineReader) add(text []byte) { r.addPrefixed("", text) }

// addPrefixed adds a line that begins with prefix, where there is a text.
func (r *lineReader) addPrefixed(prefix string, text []byte) {
	if len(prefix)+len(text) == 0 {
		return
	}
	if len(r.text) > 0 {
		r.text = jsonedit.Put(r.text, `\n`)
	}
	r.text = jsonedit.PutBytes(jsonedit.Put(r.text, prefix), text)
}

// addReference adds a line that names a tool, which is offered from there on.
func (r *lineReader) addReference(name []byte) {
	if jsonedit.IsString(name) {
		r.tools.refer(name)
		r.addPrefixed("Tool available: ", jsonedit.Inside(name))
	}
}

// read adds the lines of a value.
func (r *lineReader) read(v []byte) {
	if v == nil {
		return
	}
	s := r.in.enter(v)
	r.readFrom(s, v, 0)
	r.in.leave(s)
}

func (r *lineReader) readFrom(s *jsonedit.Scanner, v []byte, depth int) {
	switch kind := s.Kind(); {
	case kind == jsonedit.String:
		r.add(jsonedit.Inside(s.Value().Of(v)))
	case kind == jsonedit.Array && depth < 8:
		for s.BeginArray(); s.NextElement(); {
			r.readFrom(s, v, depth+1)
		}
	case kind == jsonedit.Object && depth < 8:
		for s.BeginObject(); s.NextMember(); {
			switch string(s.Key()) {
			case "title", "url", "text", "stdout", "stderr", "content", "lines", "tool_references":
				r.readFrom(s, v, depth+1)
			case "source":
				r.readSource(s.Value().Of(v))
			case "error_code":
				if code := jsonedit.Inside(s.Literal()); code != nil {
					r.addPrefixed("Error: ", code)
				}
			case "return_code":
				if n, ok := integer(s.Literal()); ok && n != 0 {
					r.addPrefixed("Exit code ", strconv.AppendInt(nil, int64(n), 10))
				}
			case "tool_name":
				r.addReference(s.Literal())
			default:
				s.Value()
			}
		}
	default:
		s.Value()
	}
}

// readSource adds the lines of a document's source: a text, or content.
func (r *lineReader) readSource(source []byte) {
	if string(r.in.typeOf(source)) == "text" {
		r.add(jsonedit.Inside(r.in.member(source, "data")))
	} else if content := r.in.member(source, "content"); content != nil && r.in.depth < 4 {
		r.read(content)
	}
}

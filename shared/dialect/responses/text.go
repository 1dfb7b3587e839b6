package responses

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// format is the text object of a request: which form the model's text has to have.
type format struct {
	kind formatKind
	// literals and values of the client's
	name, description, schema, strict []byte
	// object is all of text.format, for the echo.
	object, verbosity []byte
}

type formatKind uint8

const (
	plainText formatKind = iota
	jsonObject
	jsonSchema
)

var (
	textNames   = [...]string{"format", "verbosity"}
	formatNames = [...]string{"type", "name", "description", "schema", "strict"}
)

// read reads a text object, nil where there is none.
func (f *format) read(s *jsonedit.Scanner, text []byte) *hub.Problem {
	if text == nil {
		return nil
	}
	if text[0] != '{' {
		return hub.WrongType("text", "an object")
	}
	var v [len(textNames)][]byte
	s.Pick(text, textNames[:], v[:])
	f.object, f.verbosity = v[0], v[1]
	switch string(f.verbosity) {
	case "", `"low"`, `"medium"`, `"high"`:
	default:
		return hub.WrongValue("text.verbosity", "low, medium or high was expected.")
	}
	if f.object == nil {
		return nil
	}
	if f.object[0] != '{' {
		return hub.WrongType("text.format", "an object")
	}
	var m [len(formatNames)][]byte
	s.Pick(f.object, formatNames[:], m[:])
	var kind []byte
	kind, f.name, f.description, f.schema, f.strict = m[0], m[1], m[2], m[3], m[4]
	switch {
	case kind == nil:
		return hub.Missing("text.format.type")
	case kind[0] != '"':
		return hub.WrongType("text.format.type", "a string")
	}
	switch word := jsonedit.Text(kind); string(word) {
	case "text":
		return nil
	case "json_object":
		f.kind = jsonObject
		return nil
	case "json_schema":
		f.kind = jsonSchema
		return f.checkSchema()
	default:
		return hub.WrongValue("text.format.type", hub.Quoted(word)+" is none of text, json_object, json_schema.")
	}
}

func (f *format) checkSchema() *hub.Problem {
	switch {
	case f.name == nil:
		return hub.Missing("text.format.name")
	case f.name[0] != '"':
		return hub.WrongType("text.format.name", "a string")
	case f.schema == nil:
		return hub.Missing("text.format.schema")
	case f.schema[0] != '{':
		return hub.WrongType("text.format.schema", "an object")
	case f.description != nil && f.description[0] != '"':
		return hub.WrongType("text.format.description", "a string")
	case f.strict != nil && !jsonedit.IsBool(f.strict):
		return hub.WrongType("text.format.strict", "true or false")
	}
	return nil
}

// appendMember appends the format as a chat request has it.
func (f *format) appendMember(dst []byte) []byte {
	if f.kind == jsonObject {
		return jsonedit.Put(dst, `,"response_format":{"type":"json_object"}`)
	}
	dst = jsonedit.Put(dst, `,"response_format":{"type":"json_schema","json_schema":{"name":`)
	dst = jsonedit.PutBetween(jsonedit.PutBytes(dst, f.name), `,"schema":`, f.schema, "")
	dst = jsonedit.PutMember(dst, "strict", f.strict)
	return jsonedit.Put(jsonedit.PutMember(dst, "description", f.description), `}}`)
}

// echo is the object as it holds.
func (f *format) echo() []byte {
	out := jsonedit.PutOr(jsonedit.Put(nil, `{"format":`), f.object, `{"type":"text"}`)
	return append(jsonedit.PutMember(out, "verbosity", f.verbosity), '}')
}

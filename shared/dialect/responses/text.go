package responses

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// format is text.format: which form the model's text has to have.
type format struct {
	kind formatKind
	// literals and values of the client's
	name, description, schema, strict []byte
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

// textFormat reads the text object.
func (r *translation) textFormat() *hub.Problem {
	raw := r.raw(keyText)
	if raw == nil {
		return nil
	}
	if raw[0] != '{' {
		return hub.WrongType("text", "an object")
	}
	var v [len(textNames)][]byte
	r.part.Pick(raw, textNames[:], v[:])
	r.echoed.format, r.echoed.verbosity = v[0], v[1]
	switch string(r.echoed.verbosity) {
	case "", `"low"`, `"medium"`, `"high"`:
	default:
		return hub.WrongValue("text.verbosity", "low, medium or high was expected.")
	}
	if r.echoed.format == nil {
		return nil
	}
	if r.echoed.format[0] != '{' {
		return hub.WrongType("text.format", "an object")
	}
	f := &r.format
	var m [len(formatNames)][]byte
	r.part.Pick(r.echoed.format, formatNames[:], m[:])
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
	default:
		return hub.WrongValue("text.format.type", hub.Quoted(word)+" is none of text, json_object, json_schema.")
	}
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
	case f.strict != nil && f.strict[0] != 't' && f.strict[0] != 'f':
		return hub.WrongType("text.format.strict", "true or false")
	}
	return nil
}

// describeFormat puts the format into words where the model may call tools: the
// upstream's grammar covers all that follows the thinking, and would forbid a call.
func (r *translation) describeFormat() {
	f := &r.format
	if f.kind == plainText || !r.tools.Callable() || !r.extras[responseFormat].Absent() {
		return
	}
	text := jsonedit.Put(r.text[:0], `When you answer with text and not with a tool call, the text must be nothing but one JSON object`)
	if f.kind == jsonSchema {
		text = jsonedit.PutBetween(text, ` (`, jsonedit.Inside(f.name), `) that matches this JSON schema`)
		if f.description != nil {
			text = jsonedit.PutBetween(text, ` (`, jsonedit.Inside(f.description), ")")
		}
		text = jsonedit.AppendEscaped(jsonedit.Put(text, `:\n\n`), f.schema)
	} else {
		text = append(text, '.')
	}
	r.text = text
	r.instruct(text)
}

// appendFormat appends response_format, unless describeFormat has said it or the client
// sends one of its own.
func (r *translation) appendFormat(c []byte) []byte {
	f := &r.format
	if f.kind == plainText || r.tools.Callable() || !r.extras[responseFormat].Absent() {
		return c
	}
	if f.kind == jsonObject {
		return jsonedit.Put(c, `,"response_format":{"type":"json_object"}`)
	}
	c = jsonedit.Put(c, `,"response_format":{"type":"json_schema","json_schema":{"name":`)
	c = jsonedit.PutBetween(jsonedit.PutBytes(c, f.name), `,"schema":`, f.schema, "")
	c = jsonedit.PutMember(c, "strict", f.strict)
	return jsonedit.Put(jsonedit.PutMember(c, "description", f.description), `}}`)
}

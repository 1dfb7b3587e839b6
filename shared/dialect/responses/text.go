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

// textFormat reads the text object.
func (r *translation) textFormat() *hub.Problem {
	raw := r.raw(keyText)
	if raw == nil {
		return nil
	}
	if raw[0] != '{' {
		return wrongType("text", "an object")
	}
	s := &r.part
	s.Reset(raw)
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "format":
			r.echoed.format = present(s.Value(), raw)
		case "verbosity":
			r.echoed.verbosity = present(s.Value(), raw)
		default:
			s.Value()
		}
	}
	if v := r.echoed.verbosity; !v.Absent() {
		switch string(v.Of(raw)) {
		case `"low"`, `"medium"`, `"high"`:
		default:
			return wrongValue("text.verbosity", "low, medium or high was expected.")
		}
	}
	if r.echoed.format.Absent() {
		return nil
	}
	object := r.echoed.format.Of(raw)
	if object[0] != '{' {
		return wrongType("text.format", "an object")
	}
	f := &r.format
	var kind []byte
	s.Reset(object)
	for s.BeginObject(); s.NextMember(); {
		var into *[]byte
		switch string(s.Key()) {
		case "type":
			into = &kind
		case "name":
			into = &f.name
		case "description":
			into = &f.description
		case "schema":
			into = &f.schema
		case "strict":
			into = &f.strict
		}
		if v := s.Value(); into != nil {
			*into = nil
			if object[v.Start] != 'n' {
				*into = v.Of(object)
			}
		}
	}
	switch {
	case kind == nil:
		return missing("text.format.type")
	case kind[0] != '"':
		return wrongType("text.format.type", "a string")
	}
	switch word := plain(kind); string(word) {
	case "text":
		return nil
	case "json_object":
		f.kind = jsonObject
		return nil
	case "json_schema":
		f.kind = jsonSchema
	default:
		return wrongValue("text.format.type", quoted(word)+" is none of text, json_object, json_schema.")
	}
	switch {
	case f.name == nil:
		return missing("text.format.name")
	case f.name[0] != '"':
		return wrongType("text.format.name", "a string")
	case f.schema == nil:
		return missing("text.format.schema")
	case f.schema[0] != '{':
		return wrongType("text.format.schema", "an object")
	case f.description != nil && f.description[0] != '"':
		return wrongType("text.format.description", "a string")
	case f.strict != nil && f.strict[0] != 't' && f.strict[0] != 'f':
		return wrongType("text.format.strict", "true or false")
	}
	return nil
}

// describeFormat puts the format into words where the model may call tools: the
// upstream's grammar covers all that follows the thinking, and would forbid a call.
func (r *translation) describeFormat() {
	f := &r.format
	if f.kind == plainText || !r.callable() || !r.extras[responseFormat].Absent() {
		return
	}
	text := append(r.text[:0], `When you answer with text and not with a tool call, the text must be nothing but one JSON object`...)
	if f.kind == jsonSchema {
		text = put(text, ` (`, inside(f.name), `) that matches this JSON schema`)
		if f.description != nil {
			text = put(text, ` (`, inside(f.description), ")")
		}
		text = jsonedit.AppendEscaped(append(text, `:\n\n`...), f.schema)
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
	if f.kind == plainText || r.callable() || !r.extras[responseFormat].Absent() {
		return c
	}
	if f.kind == jsonObject {
		return append(c, `,"response_format":{"type":"json_object"}`...)
	}
	c = append(c, `,"response_format":{"type":"json_schema","json_schema":{"name":`...)
	c = put(append(c, f.name...), `,"schema":`, f.schema, "")
	c = appendMember(c, "strict", f.strict)
	return append(appendMember(c, "description", f.description), `}}`...)
}

package simulator

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bounds for a schema that refers to itself.
const (
	schemaDepth  = 12
	schemaValues = 2000
)

// fitting makes a value that fits a JSON schema: required properties only,
// the first of an enum, texts from word. Keywords about patterns and formats
// are not obeyed.
func fitting(schema json.RawMessage, word string) json.RawMessage {
	var root fields
	json.Unmarshal(schema, &root)
	f := fitter{root: root, word: word, left: schemaValues}
	return f.fit(root, 0)
}

type fitter struct {
	root fields
	word string
	left int // values that may yet be made
}

func (f *fitter) fit(s fields, depth int) json.RawMessage {
	if f.left--; depth > schemaDepth || f.left < 0 {
		return json.RawMessage("null")
	}
	if s.has("$ref") {
		if t := resolve(f.root, s.text("$ref")); t != nil {
			return f.fit(t, depth+1)
		}
	}
	if v, ok := s["const"]; ok {
		return v
	}
	if l := list(s["enum"]); len(l) > 0 {
		for _, v := range l { // a value that the prompt names, else the first
			if kindOf(v) == '"' && strings.EqualFold(text(v), f.word) {
				return v
			}
		}
		return l[0]
	}
	for _, k := range []string{"anyOf", "oneOf"} {
		if l := list(s[k]); len(l) > 0 {
			var o fields
			json.Unmarshal(l[0], &o)
			return f.fit(o, depth+1)
		}
	}
	if l := list(s["allOf"]); len(l) > 0 {
		return f.fit(f.merged(l), depth+1)
	}
	switch kind := schemaType(s, depth); kind {
	case "object":
		return f.object(s, depth)
	case "array":
		return f.array(s, depth)
	case "integer", "number":
		return f.number(s, kind)
	case "boolean":
		return json.RawMessage("true")
	case "null":
		return json.RawMessage("null")
	}
	return f.text(s)
}

// schemaType is the first type that a schema names, or else the one that its keywords are for.
func schemaType(s fields, depth int) string {
	kind := s.text("type")
	if l := list(s["type"]); len(l) > 0 {
		kind = text(l[0])
	}
	if kind != "" {
		return kind
	}
	switch {
	case s.has("properties"), s.has("required"):
		return "object"
	case s.has("items"):
		return "array"
	case depth == 0:
		return "object"
	}
	return ""
}

// merged is what the schemas of an allOf ask for together.
func (f *fitter) merged(schemas []json.RawMessage) fields {
	merged := fields{}
	for _, raw := range schemas {
		var o fields
		json.Unmarshal(raw, &o)
		if o.has("$ref") {
			o = resolve(f.root, o.text("$ref"))
		}
		for k, v := range o {
			switch k {
			case "properties":
				merged[k] = joinObjects(merged[k], v)
			case "required":
				merged[k] = encode(append(list(merged[k]), list(v)...))
			default:
				merged[k] = v
			}
		}
	}
	return merged
}

func (f *fitter) object(s fields, depth int) json.RawMessage {
	props := s.object("properties")
	var b strings.Builder
	b.WriteByte('{')
	for i, raw := range list(s["required"]) {
		if i > 0 {
			b.WriteString(", ")
		}
		var p fields
		json.Unmarshal(props[text(raw)], &p)
		b.WriteString(jsonText(text(raw)) + ": ")
		b.Write(f.fit(p, depth+1))
	}
	b.WriteByte('}')
	return json.RawMessage(b.String())
}

func (f *fitter) array(s fields, depth int) json.RawMessage {
	n := 1
	if m, ok := s.number("minItems"); ok {
		n = min(int(m), 100)
	}
	if m, ok := s.number("maxItems"); ok {
		n = min(n, int(m))
	}
	var items []string
	for range n {
		items = append(items, string(f.fit(s.object("items"), depth+1)))
	}
	return json.RawMessage("[" + strings.Join(items, ", ") + "]")
}

func (f *fitter) number(s fields, kind string) json.RawMessage {
	n, err := strconv.ParseFloat(f.word, 64)
	if err != nil || kind == "integer" && n != math.Trunc(n) {
		n = 1
	}
	if m, ok := s.number("minimum"); ok {
		n = max(n, m)
	}
	if m, ok := s.number("exclusiveMinimum"); ok && n <= m {
		n = m + 1
	}
	if m, ok := s.number("maximum"); ok {
		n = min(n, m)
	}
	if m, ok := s.number("exclusiveMaximum"); ok && n >= m {
		n = m - 1
	}
	if kind == "integer" {
		return json.RawMessage(strconv.FormatInt(int64(math.Ceil(n)), 10))
	}
	return json.RawMessage(strconv.FormatFloat(n, 'g', -1, 64))
}

func (f *fitter) text(s fields) json.RawMessage {
	w := f.word
	if m, ok := s.number("maxLength"); ok && m >= 0 {
		if r := []rune(w); len(r) > int(m) {
			w = string(r[:int(m)])
		}
	}
	if m, ok := s.number("minLength"); ok {
		for len([]rune(w)) < min(int(m), 1000) {
			w += "x"
		}
	}
	return encode(w)
}

func resolve(root fields, ref string) fields {
	at, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	o := root
	for _, k := range strings.Split(strings.TrimPrefix(at, "/"), "/") {
		if k != "" {
			o = o.object(strings.NewReplacer("~1", "/", "~0", "~").Replace(k))
		}
	}
	return o
}

func joinObjects(a, b json.RawMessage) json.RawMessage {
	var o fields
	json.Unmarshal(a, &o)
	if o == nil {
		o = fields{}
	}
	var p fields
	json.Unmarshal(b, &p)
	for k, v := range p {
		o[k] = v
	}
	return encode(o)
}

// checkSchema refuses a schema as the grammar compiler does: only types that
// don't exist are noticed.
func checkSchema(schema json.RawMessage) *apiError {
	var s fields
	if json.Unmarshal(schema, &s) != nil {
		return nil
	}
	if kindOf(s["type"]) == '"' {
		switch t := s.text("type"); t {
		case "object", "array", "string", "number", "integer", "boolean", "null":
		default:
			return badRequest(fmt.Sprintf("Grammar error: Invalid type: %s", t))
		}
	}
	for _, sub := range s.object("properties") {
		if e := checkSchema(sub); e != nil {
			return e
		}
	}
	if kindOf(s["items"]) == '{' {
		return checkSchema(s["items"])
	}
	return nil
}

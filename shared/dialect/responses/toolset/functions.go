package toolset

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// AppendTools appends `,"tools":[…]` and returns where the list stands, which is valid and in
// the hub's form. Nothing is appended where no function is sent: vLLM answers 400 to an empty
// list, and to a choice without tools.
func (s *Set) AppendTools(dst []byte) (_ []byte, list jsonedit.Span) {
	for i := range s.all {
		f := &s.all[i]
		if !f.sent {
			continue
		}
		if list.Start == 0 {
			dst = jsonedit.Put(dst, `,"tools":[`)
			list.Start = len(dst) - 1
		} else {
			dst = append(dst, ',')
		}
		dst = s.appendFunction(dst, f)
	}
	if list.Start > 0 {
		dst = append(dst, ']')
		list.End = len(dst)
	}
	return dst, list
}

// AppendChoice appends `,"tool_choice":…`, nothing where the client left it out.
func (s *Set) AppendChoice(dst []byte) []byte {
	switch {
	case s.forced > 0:
		dst = jsonedit.Put(dst, `,"tool_choice":{"type":"function","function":{"name":"`)
		return jsonedit.PutBetween(dst, "", s.upstream(&s.all[s.forced-1]), `"}}`)
	case s.mode != "":
		return append(jsonedit.Put(jsonedit.Put(dst, `,"tool_choice":"`), s.mode), '"')
	}
	return dst
}

func (s *Set) appendFunction(dst []byte, f *function) []byte {
	d := &s.defs[f.definition]
	dst = jsonedit.PutBetween(dst, `{"type":"function","function":{"name":"`, s.upstream(f), `"`)
	dst = s.appendDescription(dst, f, d)
	dst = jsonedit.Put(dst, `,"parameters":`)
	switch parameters := d.raw(memberParameters); {
	case f.kind == Custom:
		dst = jsonedit.Put(dst, customParameters)
	case f.kind > ToolSearch:
		dst = jsonedit.Put(dst, typedParameters[f.kind])
	case parameters == nil && f.kind == ToolSearch:
		dst = jsonedit.Put(dst, typedParameters[f.kind])
	case parameters == nil:
		dst = jsonedit.Put(dst, `{"type":"object","properties":{}}`)
	default:
		dst, f.sealed = appendSchema(dst, &s.small, parameters)
	}
	if f.kind == Function {
		dst = jsonedit.PutMember(dst, "strict", d.raw(memberStrict))
	}
	return jsonedit.Put(dst, `}}`)
}

// appendDescription appends `,"description":"…"`, nothing where there is none.
func (s *Set) appendDescription(dst []byte, f *function, d *definition) []byte {
	// The namespace's description stands before that of its first tool.
	var before []byte
	if d.parent >= 0 {
		if parent := &s.defs[d.parent]; parent.inner.Start == f.definition {
			before = jsonedit.Inside(parent.raw(memberDescription))
		}
	}
	description := jsonedit.Inside(d.raw(memberDescription))
	if len(before) == 0 && description == nil && f.kind == Function {
		return dst
	}
	dst = jsonedit.Put(dst, `,"description":"`)
	empty := len(dst)
	dst = jsonedit.PutBytes(dst, before)
	if len(description) > 0 {
		dst = jsonedit.PutBytes(paragraph(dst, empty), description)
	} else if f.kind > Custom {
		dst = jsonedit.Put(paragraph(dst, empty), typedDescriptions[f.kind])
	}
	if f.kind == Custom {
		dst = jsonedit.Put(paragraph(dst, empty), customNote)
		if g := d.grammar(&s.small); g.definition != nil {
			dst = jsonedit.Put(dst, `\n\nIt must match this `)
			if syntax := jsonedit.Inside(g.syntax); syntax != nil {
				dst = jsonedit.PutBetween(dst, "", syntax, " ")
			}
			dst = jsonedit.PutBetween(dst, `grammar:\n\n`, jsonedit.Inside(g.definition), "")
		}
	}
	return append(dst, '"')
}

// paragraph begins another paragraph of a text that began at start.
func paragraph(dst []byte, start int) []byte {
	if len(dst) > start {
		dst = jsonedit.Put(dst, `\n\n`)
	}
	return dst
}

// appendSchema copies a schema without the marks encrypted:true that Codex puts into
// schemas of its own tools: they concern OpenAI's transport, not the model. marked: there was one.
func appendSchema(dst []byte, s *jsonedit.Scanner, schema []byte) (_ []byte, marked bool) {
	// The end of "encrypted", since Contains goes from one place of its first byte to the
	// next, and a schema is full of quotes.
	if !bytes.Contains(schema, []byte(`ypted"`)) {
		return jsonedit.PutBytes(dst, schema), false
	}
	var e jsonedit.Edits
	s.Reset(schema)
	marked = unmark(s, schema, &e)
	return e.Apply(dst, schema), marked
}

// unmark walks one value and takes members out that are encrypted and true or false. A
// property of that name has a schema as its value, and stays. marked: one of them was true.
func unmark(s *jsonedit.Scanner, src []byte, e *jsonedit.Edits) (marked bool) {
	switch s.Kind() {
	case jsonedit.Object:
		var m jsonedit.Members
		for m.Begin(s.BeginObject()); s.NextMember(); {
			key, mark := s.KeySpan(), string(s.Key()) == "encrypted"
			start := s.Start()
			if mark = mark && (s.Kind() == jsonedit.True || s.Kind() == jsonedit.False); mark {
				marked = marked || s.Kind() == jsonedit.True
				s.Value()
			} else {
				marked = unmark(s, src, e) || marked
			}
			if n := m.Add(key, jsonedit.Span{Start: start, End: s.Pos()}); mark {
				m.Drop(n)
			}
		}
		m.Commit(e, nil)
	case jsonedit.Array:
		for s.BeginArray(); s.NextElement(); {
			marked = unmark(s, src, e) || marked
		}
	default:
		s.Value()
	}
	return marked
}

// What the model is told of tools without a name or a schema of their own. All texts are insides
// of string literals.
var typedDescriptions = [kinds]string{
	ToolSearch: "Finds tools that can be called afterwards.",
	LocalShell: "Runs a command on the user's machine and returns its output.",
	Shell:      "Runs shell commands on the user's machine and returns their output.",
	ApplyPatch: "Creates, changes or deletes one file.",
}

const (
	customNote       = `The input is one raw text, not JSON: put all of it into the argument input, as it is.`
	customParameters = `{"type":"object","properties":{"input":{"type":"string","description":"The raw text."}},` +
		`"required":["input"],"additionalProperties":false}`
)

var typedParameters = [kinds]string{
	ToolSearch: `{"type":"object","properties":{"query":{"type":"string","description":"What the tools are wanted for."}},` +
		`"required":["query"]}`,
	LocalShell: `{"type":"object","properties":{` +
		`"command":{"type":"array","items":{"type":"string"},"description":"The program and its arguments."},` +
		`"working_directory":{"type":"string"},"timeout_ms":{"type":"integer"},` +
		`"env":{"type":"object","additionalProperties":{"type":"string"},"description":"Further environment variables."}},` +
		`"required":["command"]}`,
	Shell: `{"type":"object","properties":{` +
		`"commands":{"type":"array","items":{"type":"string"},"description":"Command lines, run one after another."},` +
		`"timeout_ms":{"type":"integer"},"max_output_length":{"type":"integer","description":"In characters."}},` +
		`"required":["commands"]}`,
	ApplyPatch: `{"type":"object","properties":{"operation":{"type":"object","properties":{` +
		`"type":{"type":"string","enum":["create_file","update_file","delete_file"]},"path":{"type":"string"},` +
		`"diff":{"type":"string","description":"For create_file and update_file: the change in V4A diff format, ` +
		`the lines of a new file each with a + before it."}},` +
		`"required":["type","path"]}},"required":["operation"]}`,
}

package editor

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// toolCalls repairs the arguments of calls in the history. One call with malformed
// arguments would else fail every later turn of the conversation.
type toolCalls struct {
	function jsonedit.Members
}

// scan walks the tool_calls of one message, a list, and appends each call's id to ids, absent
// for one without.
func (c *toolCalls) scan(d *document, ids []jsonedit.Span) (jsonedit.Span, []jsonedit.Span) {
	s := &d.scanner
	start := s.Start()
	for s.BeginArray(); s.NextElement(); {
		if s.Kind() != jsonedit.Object {
			s.Value()
			continue
		}
		var id jsonedit.Span
		for s.BeginObject(); s.NextMember(); {
			switch string(s.Key()) {
			case "function":
				if s.Kind() == jsonedit.Object {
					c.scanFunction(d)
				} else {
					s.Value()
				}
			case "id":
				id = s.Value()
			default:
				s.Value()
			}
		}
		ids = append(ids, id)
	}
	return jsonedit.Span{Start: start, End: s.Pos()}, ids
}

func (c *toolCalls) scanFunction(d *document) {
	s := &d.scanner
	var arguments field
	for c.function.Begin(s.BeginObject()); s.NextMember(); {
		key, read := s.KeySpan(), string(s.Key()) == "arguments" && !s.Trusted()
		v := s.Value()
		i := c.function.Add(key, v)
		if read {
			d.set(&arguments, field{i, v}, &c.function)
		}
	}
	c.function.Commit(&d.edits, nil)
	if at := arguments.value; !at.Absent() {
		repairArguments(d, at)
	}
}

// repairArguments makes arguments a string that holds a JSON object: empty or null
// becomes {}, an object outside a string is put into one, anything else is handed on
// under _raw_arguments, never lost.
func repairArguments(d *document, at jsonedit.Span) {
	text := at.Of(d.src)
	kind := jsonedit.KindOf(text[0])
	if kind == jsonedit.String {
		d.scratch = jsonedit.AppendUnquoted(d.scratch[:0], text)
		text = d.scratch
		if kind = kindInside(&d.inner, text); kind == jsonedit.Object && !d.inner.Mended() {
			return
		}
	}
	d.edits.ReplaceFunc(at.Start, at.End, func(dst []byte) []byte {
		switch kind {
		case jsonedit.Null:
			return jsonedit.Put(dst, `"{}"`)
		case jsonedit.Object:
			return jsonedit.AppendQuoted(dst, text)
		}
		wrapped := append(jsonedit.AppendQuoted([]byte(`{"_raw_arguments":`), text), '}')
		return jsonedit.AppendQuoted(dst, wrapped)
	})
	d.changed(hub.ArgumentsRepaired)
}

// kindInside is what a string holds: Object if that is valid, Null also if it is blank,
// Invalid for anything else.
func kindInside(s *jsonedit.Scanner, text []byte) jsonedit.Kind {
	s.Reset(text)
	s.MendSurrogates() // the template is given the object
	switch s.Kind() {
	case jsonedit.Object:
		if s.Value(); s.Finish() == nil {
			return jsonedit.Object
		}
	case jsonedit.Null:
		if string(text[s.Start():]) == "null" {
			return jsonedit.Null
		}
	case jsonedit.Invalid:
		if s.Start() == len(text) {
			return jsonedit.Null
		}
	}
	return jsonedit.Invalid
}

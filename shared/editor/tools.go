package editor

import (
	"fmt"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// param names a place in a request the way its user would write it; n < 0 leaves the
// second index out.
func param(list string, i int, key string, n int) string {
	p := fmt.Sprintf("%s[%d].%s", list, i, key)
	if n >= 0 {
		p += fmt.Sprintf("[%d]", n)
	}
	return p
}

// scanTools walks tools and nests flat ones: the Responses API's
// {type,name,description,parameters,strict} becomes {type,function:{…}}.
func (ed *Editor) scanTools() jsonedit.Span {
	s := &ed.s
	if ed.hasTools = s.Trusted(); ed.hasTools {
		return s.Value()
	}
	if s.Kind() != jsonedit.Array {
		return s.Value()
	}
	start := s.Start()
	for s.BeginArray(); s.NextElement(); ed.hasTools = true {
		if s.Kind() == jsonedit.Object {
			ed.scanTool()
		} else {
			s.Value()
		}
	}
	return jsonedit.Span{Start: start, End: s.Pos()}
}

func (ed *Editor) scanTool() {
	s := &ed.s
	start := s.Start()
	var isFunction, nested, named bool
	typeMember := -1
	for ed.tool.Begin(s.BeginObject()); s.NextMember(); {
		key := s.KeySpan()
		name := s.Key()
		isType := false
		switch string(name) {
		case "type":
			isType = true
		case "function":
			nested = true
		case "name":
			named = s.Kind() == jsonedit.String
		}
		v := s.Value()
		i := ed.tool.Add(key, v)
		if isType {
			typeMember, isFunction = i, string(v.Of(ed.src)) == `"function"`
		}
	}
	if !isFunction || nested || !named || s.Err() != nil {
		return
	}
	end := s.Pos()
	ed.e.ReplaceFunc(start, end, func(dst []byte) []byte {
		dst = jsonedit.Put(dst, `{"type":"function","function":{`)
		comma := false
		for i := range ed.tool.Len() {
			if i == typeMember {
				continue
			}
			if comma {
				dst = append(dst, ',')
			}
			dst = jsonedit.PutBytes(dst, ed.tool.Bounds(i).Of(ed.src))
			comma = true
		}
		return jsonedit.Put(dst, "}}")
	})
	ed.turn.Request.Changes |= hub.ToolsNested
}

// tools leaves out what vLLM answers 400 to: an empty list, and a choice without
// tools. A flat choice {type,name} is nested like a flat tool.
func (ed *Editor) tools() {
	t, tools, choice := ed.turn, ed.fields[keyTools], ed.fields[keyToolChoice]
	if ed.kind(keyTools) == jsonedit.Array && !ed.hasTools {
		ed.top.Drop(tools.member)
		t.Request.Changes |= hub.ToolsDropped
	}
	if choice.value.Absent() {
		return
	}
	if !ed.hasTools && (ed.kind(keyTools) == jsonedit.Array || ed.kind(keyTools) == jsonedit.Null) {
		ed.top.Drop(choice.member)
		t.Request.Changes |= hub.ToolChoiceDropped
		return
	}
	if ed.kind(keyToolChoice) != jsonedit.Object {
		return
	}
	raw := choice.value.Of(ed.src)
	s := &ed.part
	s.Reset(raw)
	var name jsonedit.Span
	var isFunction, nested bool
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "type":
			isFunction = string(s.Value().Of(raw)) == `"function"`
		case "name":
			name = s.Value()
		case "function":
			nested = true
			s.Value()
		default:
			s.Value()
		}
	}
	if isFunction && !nested && !name.Absent() {
		ed.e.ReplaceFunc(choice.value.Start, choice.value.End, func(dst []byte) []byte {
			return jsonedit.Put(jsonedit.PutBytes(jsonedit.Put(dst, `{"type":"function","function":{"name":`), name.Of(raw)), "}}")
		})
		t.Request.Changes |= hub.ToolsNested
	}
}

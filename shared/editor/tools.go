package editor

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// tools reads the list of tools and the choice among them.
type tools struct {
	nonEmpty bool             // the list holds something
	object   jsonedit.Members // of one tool
}

// reset forgets the request before.
func (l *tools) reset() { l.nonEmpty = false }

// scan walks tools and nests flat ones: the Responses API's
// {type,name,description,parameters,strict} becomes {type,function:{…}}.
func (l *tools) scan(d *document) jsonedit.Span {
	s := &d.scanner
	if l.nonEmpty = s.Trusted(); l.nonEmpty {
		return s.Value()
	}
	if s.Kind() != jsonedit.Array {
		return s.Value()
	}
	start := s.Start()
	for s.BeginArray(); s.NextElement(); l.nonEmpty = true {
		if s.Kind() == jsonedit.Object {
			l.scanTool(d)
		} else {
			s.Value()
		}
	}
	return jsonedit.Span{Start: start, End: s.Pos()}
}

func (l *tools) scanTool(d *document) {
	s := &d.scanner
	start := s.Start()
	var isFunction, nested, named bool
	typeMember := -1
	for l.object.Begin(s.BeginObject()); s.NextMember(); {
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
		i := l.object.Add(key, v)
		if isType {
			typeMember, isFunction = i, string(v.Of(d.src)) == `"function"`
		}
	}
	if !isFunction || nested || !named || s.Err() != nil {
		return
	}
	end := s.Pos()
	d.edits.ReplaceFunc(start, end, func(dst []byte) []byte {
		dst = jsonedit.Put(dst, `{"type":"function","function":{`)
		comma := false
		for i := range l.object.Len() {
			if i == typeMember {
				continue
			}
			if comma {
				dst = append(dst, ',')
			}
			dst = jsonedit.PutBytes(dst, l.object.Bounds(i).Of(d.src))
			comma = true
		}
		return jsonedit.Put(dst, "}}")
	})
	d.changed(hub.ToolsNested)
}

// callable tells whether the model may call one.
func (l *tools) callable(r *request) bool {
	return l.named(r) && !l.forbidden(r)
}

// named tells whether the request names tools, and forbidden whether the model may call none of them.
func (l *tools) named(r *request) bool { return l.nonEmpty && r.kind(keyTools) == jsonedit.Array }

func (l *tools) forbidden(r *request) bool { return string(r.literal(keyToolChoice)) == `"none"` }

// finish leaves out what vLLM answers 400 to: an empty list, and a choice without
// tools. A flat choice {type,name} is nested like a flat tool.
func (l *tools) finish(r *request) {
	list := r.kind(keyTools)
	if list == jsonedit.Array && !l.nonEmpty {
		r.drop(keyTools)
		r.changed(hub.ToolsDropped)
	}
	choice := r.fields[keyToolChoice].value
	if choice.Absent() {
		return
	}
	if !l.nonEmpty && (list == jsonedit.Array || list == jsonedit.Null) {
		r.drop(keyToolChoice)
		r.changed(hub.ToolChoiceDropped)
		return
	}
	if r.kind(keyToolChoice) == jsonedit.Object {
		nestChoice(&r.document, choice)
	}
}

func nestChoice(d *document, choice jsonedit.Span) {
	raw := choice.Of(d.src)
	s := &d.inner
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
		d.surround(choice, `{"type":"function","function":{"name":`, name.Of(raw), "}}")
		d.changed(hub.ToolsNested)
	}
}

package editor

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

type role uint8

const (
	otherRole role = iota
	systemRole
	developerRole
	userRole
	assistantRole
	toolRole
)

func (r role) isSystem() bool { return r == systemRole || r == developerRole }

// message is one element of messages, as far as placing system messages needs it.
type message struct {
	span    jsonedit.Span
	role    role
	roleAt  jsonedit.Span
	content jsonedit.Span
	// grown: something was joined to it, so its text is no longer what src says; text is
	// the literal that it was joined to, at its front or end, absent where a part was added.
	grown, front bool
	text         jsonedit.Span
}

// scanMessages walks messages, repairing what stands in the history. Where system
// messages go is decided later, by placeSystem.
func (ed *Editor) scanMessages() jsonedit.Span {
	s := &ed.s
	ed.messages = ed.messages[:0]
	if s.Kind() != jsonedit.Array {
		return s.Value()
	}
	start := s.Start()
	ed.messageList.Begin(s.BeginArray())
	for s.NextElement() {
		m := message{span: jsonedit.Span{Start: s.Start()}}
		if s.Kind() == jsonedit.Object {
			ed.scanMessage(&m)
		} else {
			s.Value() // the upstream says what it thinks of it
		}
		m.span.End = s.Pos()
		ed.messageList.Add(m.span, m.span)
		ed.messages = append(ed.messages, m)
	}
	return jsonedit.Span{Start: start, End: s.Pos()}
}

func (ed *Editor) scanMessage(m *message) {
	s := &ed.s
	const (
		role = iota
		content
		reasoning
		reasoningContent
		toolCalls
		count
	)
	var fields [count]field
	var keys [count]jsonedit.Span
	for ed.message.Begin(s.BeginObject()); s.NextMember(); {
		key, n := s.KeySpan(), -1
		switch string(s.Key()) {
		case "role":
			n = role
		case "content":
			n = content
		case "reasoning":
			n = reasoning
		case "reasoning_content":
			n = reasoningContent
		case "tool_calls":
			n = toolCalls
		}
		var v jsonedit.Span
		if n == toolCalls && s.Kind() == jsonedit.Array {
			v = ed.scanToolCalls()
		} else {
			v = s.Value()
		}
		i := ed.message.Add(key, v)
		if n < 0 {
			continue
		}
		if old := fields[n]; !old.value.Absent() {
			ed.message.Drop(old.member)
			ed.turn.Request.Changes |= hub.DuplicatesDropped
		}
		fields[n], keys[n] = field{i, v}, key
	}
	m.roleAt, m.content = fields[role].value, fields[content].value
	m.role = ed.roleOf(m.roleAt)
	// vLLM reads reasoning, and older versions nothing else (vLLM PR #33402).
	if old := fields[reasoningContent]; m.role == assistantRole && !old.value.Absent() {
		switch now := fields[reasoning]; {
		case now.value.Absent():
			ed.e.ReplaceString(keys[reasoningContent].Start, keys[reasoningContent].End, `"reasoning"`)
		case now.kind(ed.src) == jsonedit.Null:
			ed.message.Drop(now.member)
			ed.e.ReplaceString(keys[reasoningContent].Start, keys[reasoningContent].End, `"reasoning"`)
		default:
			ed.message.Drop(old.member)
		}
		ed.turn.Request.Changes |= hub.ReasoningRenamed
	}
	ed.message.Commit(&ed.e, nil)
}

// roleOf reads a role, unescaped, so that "s\u0079stem" gets no further than "system".
func (ed *Editor) roleOf(at jsonedit.Span) role {
	if at.Absent() || ed.src[at.Start] != '"' {
		return otherRole
	}
	ed.text = jsonedit.AppendUnquoted(ed.text[:0], at.Of(ed.src))
	switch string(ed.text) {
	case "system":
		return systemRole
	case "developer":
		return developerRole
	case "user":
		return userRole
	case "assistant":
		return assistantRole
	case "tool":
		return toolRole
	}
	return otherRole
}

// scanToolCalls repairs the arguments of calls in the history. One call with
// malformed arguments would else fail every later turn of the conversation.
func (ed *Editor) scanToolCalls() jsonedit.Span {
	s := &ed.s
	start := s.Start()
	for s.BeginArray(); s.NextElement(); {
		if s.Kind() != jsonedit.Object {
			s.Value()
			continue
		}
		for s.BeginObject(); s.NextMember(); {
			if string(s.Key()) == "function" && s.Kind() == jsonedit.Object {
				ed.scanCall()
			} else {
				s.Value()
			}
		}
	}
	return jsonedit.Span{Start: start, End: s.Pos()}
}

func (ed *Editor) scanCall() {
	s := &ed.s
	var arguments field
	for ed.call.Begin(s.BeginObject()); s.NextMember(); {
		key, named := s.KeySpan(), string(s.Key()) == "arguments" && !s.Trusted()
		v := s.Value()
		i := ed.call.Add(key, v)
		if !named {
			continue
		}
		if !arguments.value.Absent() {
			ed.call.Drop(arguments.member)
			ed.turn.Request.Changes |= hub.DuplicatesDropped
		}
		arguments = field{i, v}
	}
	ed.call.Commit(&ed.e, nil)
	if at := arguments.value; !at.Absent() {
		ed.repairArguments(at)
	}
}

// repairArguments makes arguments a string that holds a JSON object: empty or null
// becomes {}, an object outside a string is put into one, anything else is handed on
// under _raw_arguments, never lost.
func (ed *Editor) repairArguments(at jsonedit.Span) {
	raw := at.Of(ed.src)
	ed.text = ed.text[:0]
	switch jsonedit.KindOf(raw[0]) {
	case jsonedit.String:
		ed.text = jsonedit.AppendUnquoted(ed.text, raw)
		ed.part.Reset(ed.text)
		kind := ed.part.Kind()
		if kind == jsonedit.Object {
			ed.part.Value()
			if ed.part.Finish() == nil {
				return
			}
		}
		blank := kind == jsonedit.Invalid && ed.part.Start() == len(ed.text)
		if blank || string(ed.text[ed.part.Start():]) == "null" {
			ed.text = jsonedit.Put(ed.text[:0], "{}")
		} else {
			ed.text = ed.wrapArguments(ed.text)
		}
	case jsonedit.Null:
		ed.text = jsonedit.Put(ed.text, "{}")
	case jsonedit.Object:
		ed.text = jsonedit.PutBytes(ed.text, raw)
	default:
		ed.text = ed.wrapArguments(jsonedit.PutBytes(ed.text, raw))
	}
	ed.e.ReplaceFunc(at.Start, at.End, func(dst []byte) []byte { return jsonedit.AppendQuoted(dst, ed.text) })
	ed.turn.Request.Changes |= hub.ArgumentsRepaired
}

func (ed *Editor) wrapArguments(text []byte) []byte {
	return append(jsonedit.AppendQuoted([]byte(`{"_raw_arguments":`), text), '}')
}

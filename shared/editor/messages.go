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

// message is one element of messages, as far as its place depends on it.
type message struct {
	role    role
	roleAt  jsonedit.Span
	content jsonedit.Span
	// at is where it stands, id what a result says of its call.
	at, id jsonedit.Span
	// calls are the numbers, in messageList.callIDs, of the first of its calls and the one
	// behind its last.
	calls [2]int
	// joined is the side at which a late system message was last joined to it, so that its
	// text is no longer what src says.
	joined side
	// text is the literal that it was joined to, absent where a part was added.
	text jsonedit.Span
}

// messageList reads messages, and repairs what stands in the history. Where system messages
// go is decided later, by systemPlacer, and results by resultOrder.
type messageList struct {
	elements jsonedit.Members
	noted    []message
	callIDs  []jsonedit.Span
	object   jsonedit.Members // of one message
	calls    toolCalls
}

// reset forgets the request before.
func (l *messageList) reset() { l.noted, l.callIDs = l.noted[:0], l.callIDs[:0] }

// scan walks messages.
func (l *messageList) scan(d *document) jsonedit.Span {
	s := &d.scanner
	l.reset()
	if s.Kind() != jsonedit.Array {
		return s.Value()
	}
	start := s.Start()
	l.elements.Begin(s.BeginArray())
	for s.NextElement() {
		var m message
		at := jsonedit.Span{Start: s.Start()}
		if s.Kind() == jsonedit.Object {
			l.scanMessage(d, &m)
		} else {
			s.Value() // the upstream says what it thinks of it
		}
		at.End = s.Pos()
		m.at = at
		l.elements.Add(at, at)
		l.noted = append(l.noted, m)
	}
	return jsonedit.Span{Start: start, End: s.Pos()}
}

func (l *messageList) scanMessage(d *document, m *message) {
	s := &d.scanner
	const (
		role = iota
		content
		reasoning
		reasoningContent
		toolCalls
		callID
		count
	)
	var fields [count]field
	var reasoningKey jsonedit.Span // that of reasoning_content
	for l.object.Begin(s.BeginObject()); s.NextMember(); {
		key, n := s.KeySpan(), -1
		switch string(s.Key()) {
		case "role":
			n = role
		case "content":
			n = content
		case "reasoning":
			n = reasoning
		case "reasoning_content":
			n, reasoningKey = reasoningContent, key
		case "tool_calls":
			n = toolCalls
		case "tool_call_id":
			n = callID
		}
		var v jsonedit.Span
		if n == toolCalls && s.Kind() == jsonedit.Array {
			m.calls[0] = len(l.callIDs)
			v, l.callIDs = l.calls.scan(d, l.callIDs)
			m.calls[1] = len(l.callIDs)
		} else {
			v = s.Value()
		}
		i := l.object.Add(key, v)
		if n >= 0 {
			d.set(&fields[n], field{i, v}, &l.object)
		}
	}
	m.roleAt, m.content, m.id = fields[role].value, fields[content].value, fields[callID].value
	m.role = roleOf(d, m.roleAt)
	// vLLM reads reasoning, and older versions nothing else (vLLM PR #33402).
	if old := fields[reasoningContent]; m.role == assistantRole && !old.value.Absent() {
		switch now := fields[reasoning]; {
		case now.value.Absent():
			d.replace(reasoningKey, `"reasoning"`)
		case now.kind(d.src) == jsonedit.Null:
			l.object.Drop(now.member)
			d.replace(reasoningKey, `"reasoning"`)
		default:
			l.object.Drop(old.member)
		}
		d.changed(hub.ReasoningRenamed)
	}
	l.object.Commit(&d.edits, nil)
}

// roleOf reads a role, unescaped, so that "s\u0079stem" gets no further than "system".
func roleOf(d *document, at jsonedit.Span) role {
	if at.Absent() || d.src[at.Start] != '"' {
		return otherRole
	}
	d.scratch = jsonedit.AppendUnquoted(d.scratch[:0], at.Of(d.src))
	switch string(d.scratch) {
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

package editor

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// placeSystem puts system and developer messages where Qwen's templates take them: one
// message, at the front. Templates answer 400 to anything else ("System message must
// be at the beginning."), and older vLLMs to every developer message.
func (ed *Editor) placeSystem() *hub.Problem {
	t := ed.turn
	late := t.LateSystem
	if late == hub.ByDialect {
		if late = ed.form.LateSystem; late == hub.ByDialect {
			late = hub.Merge
		}
	}
	leading := len(ed.messages) // where the conversation begins
	for i, m := range ed.messages {
		if m.role == userRole || m.role == assistantRole {
			leading = i
			break
		}
	}
	// Those to be merged into the leading one: all, or only those before the conversation.
	merged, first := 0, -1
	for i, m := range ed.messages {
		if m.role.isSystem() && (i < leading || late == hub.Merge) {
			if merged++; merged == 1 {
				first = i
			}
		}
	}
	if late == hub.Fold {
		if p := ed.foldAll(leading); p != nil {
			return p
		}
	}
	insert := ed.merged[:0]
	switch {
	case merged == 1 && first == 0:
		if m := ed.messages[0]; m.role == developerRole {
			ed.e.ReplaceString(m.roleAt.Start, m.roleAt.End, `"system"`)
			t.Request.Changes |= hub.DeveloperRenamed
		}
	case merged > 0:
		insert = jsonedit.Put(insert, `{"role":"system","content":"`)
		empty := len(insert)
		for i, m := range ed.messages {
			if !m.role.isSystem() || i >= leading && late != hub.Merge {
				continue
			}
			ed.messageList.Drop(i)
			if len(insert) > empty {
				insert = jsonedit.Put(insert, `\n\n`)
			}
			before := len(insert)
			var p *hub.Problem
			if insert, p = ed.appendText(insert, i); p != nil {
				return p
			}
			if len(insert) == before && before > empty {
				insert = insert[:before-len(`\n\n`)]
			}
		}
		insert = jsonedit.Put(insert, `"},`)
		t.Request.Changes |= hub.SystemMerged
	}
	ed.merged = insert
	ed.messageList.Commit(&ed.e, insert)
	return nil
}

// appendText appends the text of message i as it stands inside a string literal: a
// string's own bytes, or the texts of its parts with nothing between them.
func (ed *Editor) appendText(dst []byte, i int) ([]byte, *hub.Problem) {
	content := ed.messages[i].content
	if content.Absent() {
		return dst, nil
	}
	switch raw := content.Of(ed.src); jsonedit.KindOf(raw[0]) {
	case jsonedit.Null:
		return dst, nil
	case jsonedit.String:
		return jsonedit.PutBytes(dst, raw[1:len(raw)-1]), nil
	case jsonedit.Array:
		s := &ed.part
		s.Reset(raw)
		for n, ok := 0, true; ok; n++ {
			if n == 0 {
				s.BeginArray()
			}
			if ok = s.NextElement(); !ok {
				break
			}
			text := textOfPart(s, raw)
			if text.Absent() {
				return dst, hub.BadRequest(param("messages", i, "content", n), "messages[%d].content[%d]: a system message can hold text parts only.", i, n)
			}
			dst = jsonedit.PutBytes(dst, raw[text.Start+1:text.End-1])
		}
		return dst, nil
	}
	return dst, hub.BadRequest(param("messages", i, "content", -1), "messages[%d].content must be a string or a list of text parts.", i)
}

// textOfPart reads one content part and returns where its text literal stands, absent
// for a part that is no text.
func textOfPart(s *jsonedit.Scanner, src []byte) (text jsonedit.Span) {
	switch s.Kind() {
	case jsonedit.String:
		return s.Value()
	case jsonedit.Object:
	default:
		s.Value()
		return text
	}
	isText := true
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "text":
			if s.Kind() == jsonedit.String {
				text = s.Value()
				continue
			}
			s.Value()
		case "type":
			switch string(s.Value().Of(src)) {
			case `"text"`, `"input_text"`, `"output_text"`:
			default:
				isText = false
			}
		default:
			s.Value()
		}
	}
	if !isText {
		return jsonedit.Span{}
	}
	return text
}

// foldAll joins each late system message to the turn before it: to the end of a user's
// text, or of the last result of a run of tool results; behind an assistant's turn,
// to the front of the user's text that follows. It never comes between a call and its
// results. Where there is no such turn it becomes a user's turn of its own.
func (ed *Editor) foldAll(leading int) *hub.Problem {
	before := leading // the last message that is no system message
	for i := leading; i < len(ed.messages); {
		if !ed.messages[i].role.isSystem() {
			before = i
			i++
			continue
		}
		// A run of system messages, and what follows it. Behind or before tool results
		// the run goes on to their end, system messages among them included.
		after := i
		for after < len(ed.messages) && ed.messages[after].role.isSystem() {
			after++
		}
		target, front := -1, false
		switch {
		case after < len(ed.messages) && ed.messages[after].role == toolRole:
			for ; after < len(ed.messages) && (ed.messages[after].role == toolRole || ed.messages[after].role.isSystem()); after++ {
				if ed.messages[after].role == toolRole {
					target = after
				}
			}
			before = target
		case ed.messages[before].role == userRole || ed.messages[before].role == toolRole:
			target = before
		case after < len(ed.messages) && ed.messages[after].role == userRole:
			target, front = after, true
		}
		for ; i < after; i++ {
			if !ed.messages[i].role.isSystem() {
				continue
			}
			if p := ed.fold(i, target, front); p != nil {
				return p
			}
		}
	}
	return nil
}

// fold joins the late system message i to message target, -1 for none.
func (ed *Editor) fold(i, target int, front bool) *hub.Problem {
	text, p := ed.appendText(nil, i)
	if p != nil {
		return p
	}
	ed.turn.Request.Changes |= hub.SystemFolded
	if len(text) == 0 || target >= 0 && ed.join(target, text, front) {
		ed.messageList.Drop(i)
		return nil
	}
	m := ed.messages[i]
	ed.e.ReplaceString(m.roleAt.Start, m.roleAt.End, `"user"`)
	return nil
}

// join puts text, given as it stands inside a string literal, at the end or the front
// of message i's content; false if that has no text to join to.
func (ed *Editor) join(i int, text []byte, front bool) bool {
	m := &ed.messages[i]
	if m.content.Absent() {
		return false
	}
	at := m.content
	if !m.grown || m.front != front {
		if m.text, m.front = at, front; ed.src[at.Start] == '[' {
			m.text = ed.textOfParts(at, front)
		}
	}
	literal := m.text
	if literal.Absent() { // no text on that side: an image, say
		if jsonedit.IsEmpty(at.Of(ed.src)) {
			return false
		}
		m.grown = true
		if front {
			ed.e.ReplaceFunc(at.Start+1, at.Start+1, func(dst []byte) []byte {
				return jsonedit.Put(jsonedit.PutBytes(jsonedit.Put(dst, `{"type":"text","text":"`), text), `\n\n"},`)
			})
		} else {
			ed.e.ReplaceFunc(at.End-1, at.End-1, func(dst []byte) []byte {
				return jsonedit.Put(jsonedit.PutBytes(jsonedit.Put(dst, `,{"type":"text","text":"\n\n`), text), `"}`)
			})
		}
		return true
	}
	if ed.src[literal.Start] != '"' {
		return false
	}
	blank := literal.End-literal.Start == 2 && !m.grown
	m.grown = true
	put := literal.End - 1
	if front {
		put = literal.Start + 1
	}
	ed.e.ReplaceFunc(put, put, func(dst []byte) []byte {
		if !front && !blank {
			dst = jsonedit.Put(dst, `\n\n`)
		}
		dst = jsonedit.PutBytes(dst, text)
		if front && !blank {
			dst = jsonedit.Put(dst, `\n\n`)
		}
		return dst
	})
	return true
}

// textOfParts is where the literal of a list's last text part stands, or its first
// one's; absent if the part on that side is no text.
func (ed *Editor) textOfParts(list jsonedit.Span, first bool) (literal jsonedit.Span) {
	raw := list.Of(ed.src)
	s := &ed.part
	s.Reset(raw)
	n := 0
	for s.BeginArray(); s.NextElement(); n++ {
		if part := textOfPart(s, raw); !first || n == 0 {
			literal = part
		}
	}
	if literal.Absent() {
		return literal
	}
	return jsonedit.Span{Start: literal.Start + list.Start, End: literal.End + list.Start}
}

package editor

import (
	"fmt"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A systemPlacer puts system and developer messages where Qwen's templates take them: one
// message, at the front. Templates answer 400 to anything else ("System message must
// be at the beginning."), and older vLLMs to every developer message.
type systemPlacer struct {
	*document
	list     *messageList
	messages []message
	late     hub.LateSystem // what becomes of those that are not at the front
	leading  int            // where the conversation begins, and late ones with it
	words    []byte         // what the leading one shall end with, as inside a string literal
}

func placeSystem(d *document, list *messageList, late hub.LateSystem, words []byte) *hub.Problem {
	s := systemPlacer{document: d, list: list, messages: list.noted, late: late, leading: len(list.noted), words: words}
	for i := range s.messages {
		if role := s.messages[i].role; role == userRole || role == assistantRole {
			s.leading = i
			break
		}
	}
	if late == hub.Fold {
		if p := s.foldAll(); p != nil {
			return p
		}
	}
	added, p := s.merge(d.scratch[:0])
	if p != nil {
		return p
	}
	d.scratch = added
	list.elements.Commit(&d.edits, added)
	return nil
}

// merges tells whether message i is to be merged into the leading one: all system messages
// are, or only those before the conversation.
func (s *systemPlacer) merges(i int) bool {
	return s.messages[i].role.isSystem() && (i < s.leading || s.late == hub.Merge)
}

// merge makes one message of those to be merged and of words, and appends it to dst; nothing
// where one stands at the front already, to which words can be joined.
func (s *systemPlacer) merge(dst []byte) ([]byte, *hub.Problem) {
	merged := 0
	for i := range s.messages {
		if s.merges(i) {
			merged++
		}
	}
	switch {
	case merged == 0 && len(s.words) == 0:
		return dst, nil
	case merged == 1 && s.merges(0) && (len(s.words) == 0 || s.join(0, s.words, back)):
		if m := s.messages[0]; m.role == developerRole {
			s.replace(m.roleAt, `"system"`)
			s.changed(hub.DeveloperRenamed)
		}
		return dst, nil
	}
	dst = jsonedit.Put(dst, `{"role":"system","content":"`)
	empty := len(dst)
	for i := range s.messages {
		if !s.merges(i) {
			continue
		}
		s.list.elements.Drop(i)
		if len(dst) > empty {
			dst = jsonedit.Put(dst, `\n\n`)
		}
		before := len(dst)
		var p *hub.Problem
		if dst, p = s.appendText(dst, i); p != nil {
			return dst, p
		}
		if len(dst) == before && before > empty {
			dst = dst[:before-len(`\n\n`)]
		}
	}
	if merged > 0 {
		s.changed(hub.SystemMerged)
	}
	if len(s.words) > 0 {
		if len(dst) > empty {
			dst = jsonedit.Put(dst, `\n\n`)
		}
		dst = jsonedit.PutBytes(dst, s.words)
	}
	return jsonedit.Put(dst, `"},`), nil
}

// appendText appends the text of message i as it stands inside a string literal: a
// string's own bytes, or the texts of its parts with nothing between them.
func (s *systemPlacer) appendText(dst []byte, i int) ([]byte, *hub.Problem) {
	content := s.messages[i].content
	if content.Absent() {
		return dst, nil
	}
	switch raw := content.Of(s.src); jsonedit.KindOf(raw[0]) {
	case jsonedit.Null:
		return dst, nil
	case jsonedit.String:
		return jsonedit.PutBytes(dst, raw[1:len(raw)-1]), nil
	case jsonedit.Array:
		parts := &s.inner
		parts.Reset(raw)
		parts.BeginArray()
		for n := 0; parts.NextElement(); n++ {
			text := textOfPart(parts, raw)
			if text.Absent() {
				at := fmt.Sprintf("messages[%d].content[%d]", i, n)
				return dst, hub.BadRequest(at, "%s: a system message can hold text parts only.", at)
			}
			dst = jsonedit.PutBytes(dst, raw[text.Start+1:text.End-1])
		}
		return dst, nil
	}
	at := fmt.Sprintf("messages[%d].content", i)
	return dst, hub.BadRequest(at, "%s must be a string or a list of text parts.", at)
}

// textOfPart reads the next content part and returns where its text literal stands, absent
// for a part that is no text.
func textOfPart(parts *jsonedit.Scanner, src []byte) (text jsonedit.Span) {
	switch parts.Kind() {
	case jsonedit.String:
		return parts.Value()
	case jsonedit.Object:
	default:
		parts.Value()
		return text
	}
	isText := true
	for parts.BeginObject(); parts.NextMember(); {
		switch string(parts.Key()) {
		case "text":
			if parts.Kind() == jsonedit.String {
				text = parts.Value()
				continue
			}
			parts.Value()
		case "type":
			switch string(parts.Value().Of(src)) {
			case `"text"`, `"input_text"`, `"output_text"`:
			default:
				isText = false
			}
		default:
			parts.Value()
		}
	}
	if !isText {
		return jsonedit.Span{}
	}
	return text
}

// side is an end of a message's text.
type side uint8

const (
	neither side = iota
	front
	back
)

// foldAll joins each late system message to the turn before it: to the end of a user's
// text, or of the last result of a run of tool results; behind an assistant's turn,
// to the front of the user's text that follows. It never comes between a call and its
// results. Where there is no such turn it becomes a user's turn of its own.
func (s *systemPlacer) foldAll() *hub.Problem {
	before := s.leading // the last message that is no system message
	for i := s.leading; i < len(s.messages); {
		if !s.messages[i].role.isSystem() {
			before = i
			i++
			continue
		}
		// A run of system messages, and what follows it. Behind or before tool results
		// the run goes on to their end, system messages among them included.
		after := i
		for after < len(s.messages) && s.messages[after].role.isSystem() {
			after++
		}
		target, at := -1, back
		switch {
		case after < len(s.messages) && s.messages[after].role == toolRole:
			for ; after < len(s.messages) && (s.messages[after].role == toolRole || s.messages[after].role.isSystem()); after++ {
				if s.messages[after].role == toolRole {
					target = after
				}
			}
			before = target
		case s.messages[before].role == userRole || s.messages[before].role == toolRole:
			target = before
		case after < len(s.messages) && s.messages[after].role == userRole:
			target, at = after, front
		}
		for ; i < after; i++ {
			if !s.messages[i].role.isSystem() {
				continue
			}
			if p := s.fold(i, target, at); p != nil {
				return p
			}
		}
	}
	return nil
}

// fold joins the late system message i to message target, -1 for none.
func (s *systemPlacer) fold(i, target int, at side) *hub.Problem {
	text, p := s.appendText(nil, i)
	if p != nil {
		return p
	}
	s.changed(hub.SystemFolded)
	if len(text) == 0 || target >= 0 && s.join(target, text, at) {
		s.list.elements.Drop(i)
		return nil
	}
	s.replace(s.messages[i].roleAt, `"user"`)
	return nil
}

// join puts text, given as it stands inside a string literal, at the front or the back of
// message i's content; false if that has no text to join to.
func (s *systemPlacer) join(i int, text []byte, at side) bool {
	m := &s.messages[i]
	content := m.content
	if content.Absent() {
		return false
	}
	if m.joined != at {
		if m.text = content; s.src[content.Start] == '[' {
			m.text = s.textOfParts(content, at)
		}
	}
	literal := m.text
	if literal.Absent() { // no text on that side: an image, say
		if jsonedit.IsEmpty(content.Of(s.src)) {
			return false
		}
		m.joined = at
		s.addPart(content, text, at)
		return true
	}
	if s.src[literal.Start] != '"' {
		return false
	}
	blank := literal.End-literal.Start == 2 && m.joined == neither
	m.joined = at
	put, before, after := literal.End-1, `\n\n`, ""
	if at == front {
		put, before, after = literal.Start+1, "", `\n\n`
	}
	if blank {
		before, after = "", ""
	}
	s.surround(jsonedit.Span{Start: put, End: put}, before, text, after)
	return true
}

// addPart puts text as a part of its own at the front or the back of a list that has others.
func (s *systemPlacer) addPart(list jsonedit.Span, text []byte, at side) {
	put, before, after := list.End-1, `,{"type":"text","text":"\n\n`, `"}`
	if at == front {
		put, before, after = list.Start+1, `{"type":"text","text":"`, `\n\n"},`
	}
	s.surround(jsonedit.Span{Start: put, End: put}, before, text, after)
}

// textOfParts is where the literal of a list's first text part stands, or at the back its
// last one's; absent if the part on that side is no text.
func (s *systemPlacer) textOfParts(list jsonedit.Span, at side) (literal jsonedit.Span) {
	raw := list.Of(s.src)
	parts := &s.inner
	parts.Reset(raw)
	n := 0
	for parts.BeginArray(); parts.NextElement(); n++ {
		if part := textOfPart(parts, raw); at == back || n == 0 {
			literal = part
		}
	}
	if literal.Absent() {
		return literal
	}
	return jsonedit.Span{Start: literal.Start + list.Start, End: literal.End + list.Start}
}

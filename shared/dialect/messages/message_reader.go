package messages

import (
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A messageReader reads system and messages, and adds what they say to the conversation.
type messageReader struct {
	in     *input
	out    *conversation
	blocks blockReader
	// found: there is a message, or something else in its place.
	found bool
	// effort is what the latest system message named, as JSON.
	effort []byte
}

func (r *messageReader) reset() {
	r.found, r.effort = false, nil
	r.blocks.reset()
}

// readPrompt reads the system prompt: a string, or text blocks with a blank line between.
func (r *messageReader) readPrompt() {
	s := &r.in.s
	r.in.place = nowhere
	r.out.beginPrompt()
	switch s.Kind() {
	case jsonedit.Null:
		s.Value()
	case jsonedit.String, jsonedit.Array:
		r.readContent(s, r.in.src)
	default:
		s.Value()
		r.in.reject("system", "must be a string or a list of text blocks.")
	}
	r.out.endPrompt()
}

// readAll reads the messages; of two lists, the last counts.
func (r *messageReader) readAll() {
	in, s := r.in, &r.in.s
	r.out.restart()
	r.blocks.tools.restart()
	r.found, r.effort, in.message = false, nil, -1
	if s.Kind() != jsonedit.Array {
		if s.Literal() != nil {
			in.reject("messages", "must be a list.")
			r.found = true
		}
		return
	}
	for s.BeginArray(); s.NextElement(); {
		r.found = true
		in.place = place{message: in.message + 1, block: -1, inner: -1}
		if s.Kind() != jsonedit.Object {
			s.Value()
			in.rejectHere("", "must be an object with role and content.")
			continue
		}
		r.readMessage()
	}
	in.message = -1
}

func (r *messageReader) readMessage() {
	in, s, c := r.in, &r.in.s, r.out
	c.begin()
	var content, clearAt []byte
	read := false
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "role":
			if c.role != noRole {
				in.rejectHere("role", "stands twice.")
			}
			r.readRole(s.Literal())
		case "content":
			if read || content != nil {
				in.rejectHere("content", "stands twice.")
			}
			if c.role == noRole {
				content = s.Value().Of(in.src)
				continue
			}
			read = true
			r.readContent(s, in.src)
		case "output_config":
			if effort := in.member(s.Literal(), "effort"); effort != nil {
				r.effort = effort
				in.checkEffort(in.at("output_config.effort"), effort)
			}
		case "clear_at":
			clearAt = s.Literal()
		default:
			s.Value()
		}
	}
	switch {
	case c.role == noRole:
		in.rejectHere("role", "must be user, assistant or system.")
		return
	case content != nil:
		late := in.enter(content)
		r.readContent(late, content)
		in.leave(late)
	case !read && c.role == user:
		in.rejectHere("content", "is required.")
	}
	c.end(string(jsonedit.Text(clearAt)) == "next_user_message")
}

func (r *messageReader) readRole(name []byte) {
	who := user
	switch string(jsonedit.Text(name)) {
	case "user":
	case "assistant":
		who = assistant
	case "system":
		who = system
	default:
		r.in.rejectHere("role", "must be user, assistant or system.")
	}
	r.out.beginRole(who)
}

// readContent reads what a message says: a string or blocks.
func (r *messageReader) readContent(s *jsonedit.Scanner, src []byte) {
	switch s.Kind() {
	case jsonedit.String:
		r.out.addText(jsonedit.Inside(s.Value().Of(src)))
	case jsonedit.Array:
		r.blocks.readList(s, src, &r.in.block, &r.in.blockKind)
	default:
		if s.Literal() != nil || r.out.role == user {
			r.in.rejectHere("content", "must be a string or a list of blocks.")
		}
	}
}

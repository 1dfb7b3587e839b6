package messages

import (
	"bytes"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/history"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

type role uint8

const (
	noRole role = iota
	user
	assistant
	system
)

// conversation is what the reader gathers of system and messages.
//
// Texts are insides of string literals, escapes and all: they are copied from the
// client's request into the upstream's without being looked at.
type conversation struct {
	history     history.History
	hasMessages bool

	// top is the text of system, lead that of system messages before the conversation.
	top, lead []byte
	// said is the effort that the latest system message named, as JSON.
	said []byte
	// query is the user's latest text.
	query []byte
	// afterResults: the last message brings results of tools.
	afterResults bool
	keepThinking bool
	// passing are the numbers of system messages that are shown until the user speaks.
	passing []int

	// Where the reader is: message, block in it, block in that; -1 for none.
	message, block, inner int

	role role // of the message that is read
	// parts are the content parts of a user's message, only the literal of the one text
	// part that there is so far.
	parts []byte
	only  jsonedit.Span
	count int
	// notes is the text of a system message, lines that of a block told in words.
	notes, lines []byte
	// result and images are those of a tool's result while inResult.
	result, images []byte
	inResult       bool
	// joined: text that follows belongs to the text before it.
	joined bool
	// turned: the message gave something other than parts, so none are needed.
	turned bool
}

func (c *conversation) reset() {
	c.history.Reset()
	*c = conversation{history: c.history, top: c.top[:0], lead: c.lead[:0], passing: c.passing[:0],
		message: -1, block: -1, inner: -1, parts: c.parts[:0], notes: c.notes[:0], lines: c.lines[:0], result: c.result[:0], images: c.images[:0]}
}

// at is a path such as messages.1.content.0.source.
func (r *reader) at(key string) string {
	p := "system"
	if r.message >= 0 {
		p = "messages." + strconv.Itoa(r.message)
	}
	if r.block >= 0 {
		if r.message >= 0 {
			p += ".content"
		}
		p += "." + strconv.Itoa(r.block)
	}
	if r.inner >= 0 {
		p += ".content." + strconv.Itoa(r.inner)
	}
	if key != "" {
		p += "." + key
	}
	return p
}

// system reads the system prompt: a string, or text blocks with a blank line between.
func (r *reader) system() {
	r.message, r.block, r.inner, r.role = -1, -1, -1, system
	r.notes = r.notes[:0]
	switch r.s.Kind() {
	case jsonedit.Null:
		r.s.Value()
	case jsonedit.String, jsonedit.Array:
		r.content(&r.s, r.src)
	default:
		r.s.Value()
		r.reject("system", "must be a string or a list of text blocks.")
	}
	r.top = jsonedit.PutBytes(r.top[:0], r.notes)
}

// systemText joins what goes into the leading system message.
func (r *reader) systemText() []byte {
	text := paragraph(r.top, r.lead)
	if schema := r.schemaText; len(schema) > 0 {
		text = paragraph(text, schema)
	}
	return text
}

// paragraph appends text behind a blank line.
func paragraph(dst, text []byte) []byte {
	if len(dst) > 0 && len(text) > 0 {
		dst = jsonedit.Put(dst, `\n\n`)
	}
	return jsonedit.PutBytes(dst, text)
}

// messages reads the conversation.
func (r *reader) messages() {
	s := &r.s
	r.restart()
	if s.Kind() != jsonedit.Array {
		if s.Literal() != nil {
			r.reject("messages", "must be a list.")
			r.hasMessages = true
		}
		return
	}
	for s.BeginArray(); s.NextElement(); {
		r.hasMessages = true
		r.message, r.block, r.inner = r.message+1, -1, -1
		if s.Kind() != jsonedit.Object {
			s.Value()
			r.reject(r.at(""), "must be an object with role and content.")
			continue
		}
		r.readMessage()
	}
	r.message = -1
}

// restart forgets messages that were given before: of two lists, the last counts.
func (r *reader) restart() {
	r.history.Reset()
	r.lead, r.passing, r.changes, r.added = r.lead[:0], r.passing[:0], r.changes[:0], r.added[:0]
	r.hasMessages, r.afterResults, r.said, r.query, r.message = false, false, nil, nil, -1
}

func (r *reader) readMessage() {
	s := &r.s
	r.role, r.joined, r.turned, r.inResult = noRole, false, false, false
	r.parts, r.notes, r.only, r.count = r.parts[:0], r.notes[:0], jsonedit.Span{}, 0
	var content, clearAt []byte
	read := false
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "role":
			if r.role != noRole {
				r.reject(r.at("role"), "stands twice.")
			}
			r.begin(s.Literal())
		case "content":
			if read || content != nil {
				r.reject(r.at("content"), "stands twice.")
			}
			if r.role == noRole {
				content = s.Value().Of(r.src)
				continue
			}
			read = true
			r.content(s, r.src)
		case "output_config":
			if effort := r.member(s.Literal(), "effort"); effort != nil {
				r.said = effort
			}
		case "clear_at":
			clearAt = s.Literal()
		default:
			s.Value()
		}
	}
	switch {
	case r.role == noRole:
		r.reject(r.at("role"), "must be user, assistant or system.")
		return
	case content != nil:
		late := r.scan(content)
		r.content(late, content)
		r.done(late)
	case !read && r.role == user:
		r.reject(r.at("content"), "is required.")
	}
	r.end(string(jsonedit.Text(clearAt)) == "next_user_message")
}

// begin starts a message of that role.
func (r *reader) begin(name []byte) {
	switch string(jsonedit.Text(name)) {
	case "user":
		r.role, r.afterResults = user, false
		for _, n := range r.passing {
			r.history.Drop(n)
		}
		r.passing = r.passing[:0]
	case "assistant":
		r.role, r.afterResults = assistant, false
	case "system":
		r.role = system
	default:
		r.reject(r.at("role"), "must be user, assistant or system.")
		r.role = user
	}
}

// end adds what a message came to.
func (r *reader) end(passing bool) {
	switch {
	case r.role == assistant:
		if !r.turned {
			r.history.Text("", nil)
		}
	case r.role == user && r.count == 0:
		if !r.turned { // roles must alternate in templates
			r.history.Message("user", []byte(`""`))
		}
	case r.role == user:
		content := r.only.Of(r.parts)
		if r.only.Absent() {
			r.parts = append(r.parts, ']')
			content = r.parts
		}
		r.history.Message("user", content)
	case r.role == system && len(r.notes) > 0:
		if r.history.Len() == 0 && !passing {
			r.lead = paragraph(r.lead, r.notes)
			return
		}
		r.parts = append(jsonedit.PutBytes(append(r.parts[:0], '"'), r.notes), '"')
		if passing {
			r.passing = append(r.passing, r.history.Len())
		}
		r.history.Message("system", r.parts)
	}
}

// content reads what a message says: a string or blocks.
func (r *reader) content(s *jsonedit.Scanner, src []byte) {
	switch s.Kind() {
	case jsonedit.String:
		r.say(jsonedit.Inside(s.Value().Of(src)))
	case jsonedit.Array:
		r.blocks(s, src, &r.block)
	default:
		if s.Literal() != nil || r.role == user {
			r.reject(r.at("content"), "must be a string or a list of blocks.")
		}
	}
}

const billingHeader = "x-anthropic-billing-header"

// say adds text where the reader is. Empty texts are nothing.
func (r *reader) say(text []byte) {
	if len(text) == 0 {
		return
	}
	switch {
	case r.inResult:
		if len(r.result) > 0 {
			r.result = jsonedit.Put(r.result, `\n`)
		}
		r.result = jsonedit.PutBytes(r.result, text)
	case r.role == system:
		// It differs from prompt to prompt and stands at the first bytes of all, so that
		// no prefix cache would ever hit.
		if !r.turn.Messages.KeepBilling && bytes.HasPrefix(text, []byte(billingHeader)) {
			return
		}
		r.notes = paragraph(r.notes, text)
	case r.role == assistant:
		between := `\n\n`
		if r.joined {
			between = ""
		}
		r.history.Text(between, text)
		r.joined = true
	default:
		r.query = text
		r.part()
		r.parts = jsonedit.Put(r.parts, `{"type":"text","text":`)
		start := len(r.parts)
		r.parts = append(jsonedit.PutBytes(append(r.parts, '"'), text), '"')
		if r.count == 1 {
			r.only = jsonedit.Span{Start: start, End: len(r.parts)}
		}
		r.parts = append(r.parts, '}')
	}
}

// part makes room for one more content part.
func (r *reader) part() {
	r.parts = append(r.parts, [...]byte{'[', ','}[min(r.count, 1)])
	r.count++
	r.only = jsonedit.Span{}
}

// show adds an image, whose URL is given in pieces of a literal.
func (r *reader) show(url ...[]byte) {
	if r.role != user {
		return // history tells what an assistant saw in words only
	}
	dst := &r.parts
	if r.inResult {
		if dst = &r.images; len(*dst) > 0 {
			*dst = append(*dst, ',')
		}
	} else {
		r.part()
	}
	*dst = jsonedit.Put(*dst, `{"type":"image_url","image_url":{"url":"`)
	for _, piece := range url {
		*dst = jsonedit.PutBytes(*dst, piece)
	}
	*dst = jsonedit.Put(*dst, `"}}`)
}

package messages

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A block is a content block: its members as JSON, nil where they are absent or null.
// What is not listed goes no further, cache_control first of all: it moves from turn to
// turn and would change the prompt.
type block struct {
	kind                                                   []byte // what type says
	text, source, id, useID, name, input, content, isError []byte
	thinking, title, context, tool, toolName, tabs         []byte
	told                                                   bool // content is in the reader's result and images already
}

// readBlock reads the next block of src. Blocks in a tool's result are taken at once
// where the type stands before them, so that they are read once.
func (r *reader) readBlock(b *block, s *jsonedit.Scanner, src []byte) {
	for s.BeginObject(); s.NextMember(); {
		var m *[]byte
		switch string(s.Key()) {
		case "type":
			b.kind = jsonedit.Text(s.Literal())
			continue
		case "text":
			m = &b.text
		case "source":
			m = &b.source
		case "id":
			m = &b.id
		case "tool_use_id":
			m = &b.useID
		case "name":
			m = &b.name
		case "input":
			m = &b.input
		case "content":
			b.told = string(b.kind) == "tool_result" && r.role == user && !r.inResult && s.Kind() == jsonedit.Array
			if b.told {
				r.resultBlocks(s, src)
				continue
			}
			m = &b.content
		case "is_error":
			m = &b.isError
		case "thinking":
			m = &b.thinking
		case "title":
			m = &b.title
		case "context":
			m = &b.context
		case "tool":
			m = &b.tool
		case "tool_name":
			m = &b.toolName
		case "tabs":
			m = &b.tabs
		default:
			s.Value()
			continue
		}
		*m = s.Literal()
	}
}

// take adds a block of a message.
func (r *reader) take(b *block) {
	switch kind := string(b.kind); {
	case kind == "tool_addition", kind == "tool_removal":
		r.turned = true
		r.change(b.tool, kind == "tool_addition")
	case kind == "compaction":
		// A summary of what came before it.
		if text := jsonedit.Inside(b.content); len(text) > 0 {
			r.history.Message("user", b.content)
			r.joined, r.turned = false, true
		}
	case kind == "mcp_tool_listing", kind == "fallback":
	case kind == "tool_result" && r.role == user:
		r.toolResult(b)
	case kind == "text", r.role == user:
		r.add(b)
	case r.role == assistant:
		r.recall(b)
	default:
		r.reject(r.at("type"), "must be text in a system prompt.")
	}
}

// add adds a block of a user's message or of a tool's result; text, of any message.
func (r *reader) add(b *block) {
	switch string(b.kind) {
	case "text":
		if text := jsonedit.Inside(b.text); text != nil {
			r.say(text)
		} else {
			r.reject(r.at("text"), "must be a string.")
		}
	case "image":
		r.image(b.source)
	case "document":
		r.document(b)
	case "search_result":
		r.searchResult(b)
	case "tool_reference":
		r.reference(b.toolName)
	case "browser_state":
		r.lines = r.lines[:0]
		r.gather(b.tabs)
		r.say(r.lines)
	case "container_upload":
		r.reject(r.at(""), "container_upload is not supported: there are no containers here.")
	case "":
		r.reject(r.at("type"), "is required.")
	default:
		r.reject(r.at("type"), "%q is not known.", hub.Excerpt(string(b.kind)))
	}
}

// source is where an image or document comes from.
type source struct {
	kind                           []byte
	mediaType, data, url, contents []byte // insides; contents is JSON
}

func (r *reader) readSource(v []byte) (src source, ok bool) {
	if !jsonedit.Is(v, jsonedit.Object) {
		r.reject(r.at("source"), "must be an object.")
		return src, false
	}
	s := r.scan(v)
	defer r.done(s)
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "type":
			src.kind = jsonedit.Text(s.Literal())
		case "media_type":
			src.mediaType = jsonedit.Inside(s.Literal())
		case "data":
			src.data = jsonedit.Inside(s.Literal())
		case "url":
			src.url = jsonedit.Inside(s.Literal())
		case "content":
			src.contents = s.Literal()
		default:
			s.Value()
		}
	}
	return src, true
}

func (r *reader) image(v []byte) {
	src, ok := r.readSource(v)
	if !ok {
		return
	}
	switch string(src.kind) {
	case "base64":
		if len(src.mediaType) == 0 || len(src.data) == 0 {
			r.reject(r.at("source"), "a base64 image needs media_type and data.")
			return
		}
		r.q.size += imageSize - len(src.data)
		r.show([]byte("data:"), src.mediaType, []byte(";base64,"), src.data)
	case "url":
		if len(src.url) == 0 {
			r.reject(r.at("source.url"), "must be a string.")
			return
		}
		r.show(src.url)
	default:
		r.reject(r.at("source"), "an image of this source can't be had here; send it as base64 or url.")
	}
}

// document adds a document that is text. Its images stand behind the text before them.
func (r *reader) document(b *block) {
	src, ok := r.readSource(b.source)
	if !ok {
		return
	}
	note := r.text[:0]
	if title := jsonedit.Inside(b.title); len(title) > 0 {
		note = jsonedit.Put(jsonedit.PutBytes(jsonedit.Put(note, "Title: "), title), `\n`)
	}
	if context := jsonedit.Inside(b.context); len(context) > 0 {
		note = jsonedit.Put(jsonedit.PutBytes(jsonedit.Put(note, "Context: "), context), `\n`)
	}
	switch kind := string(src.kind); {
	case kind == "text" && src.data != nil:
		r.text = jsonedit.PutBytes(note, src.data)
		r.say(r.text)
	case kind == "content" && jsonedit.IsString(src.contents):
		text := jsonedit.Inside(src.contents)
		r.text = jsonedit.PutBytes(note, text)
		r.say(r.text)
	case kind == "content" && jsonedit.Is(src.contents, jsonedit.Array):
		s := r.scan(src.contents)
		defer r.done(s)
		for s.BeginArray(); s.NextElement(); {
			if s.Kind() != jsonedit.Object {
				s.Value()
				r.reject(r.at("source.content"), "must hold text and image blocks.")
				continue
			}
			var part block
			if r.readBlock(&part, s, src.contents); s.Err() != nil {
				break
			}
			switch string(part.kind) {
			case "text":
				text := jsonedit.Inside(part.text)
				if text == nil {
					r.reject(r.at("source.content"), "a text block needs a text.")
				}
				note = jsonedit.PutBytes(note, text)
			case "image":
				r.say(note)
				note = note[:0]
				r.image(part.source)
			default:
				r.reject(r.at("source.content"), "must hold text and image blocks.")
			}
		}
		r.say(note)
		r.text = note
	default:
		r.reject(r.at("source"), "a document of this source can't be read here; send its text, as source type text or content.")
	}
}

// searchResult adds a result that the client found, as lines.
func (r *reader) searchResult(b *block) {
	r.lines = r.lines[:0]
	for _, v := range [][]byte{b.title, b.source} {
		r.line(jsonedit.Inside(v))
	}
	r.gather(b.content)
	r.say(r.lines)
}

// toolResult gives a call its result.
func (r *reader) toolResult(b *block) {
	r.turned, r.afterResults = true, true
	id := jsonedit.Inside(b.useID)
	if len(id) == 0 {
		r.reject(r.at("tool_use_id"), "must be the id of a tool_use block.")
		return
	}
	if !b.told {
		r.result, r.images = r.result[:0], r.images[:0]
		switch {
		case b.content == nil:
		case jsonedit.IsString(b.content):
			text := jsonedit.Inside(b.content)
			r.result = jsonedit.PutBytes(r.result, text)
		case jsonedit.Is(b.content, jsonedit.Array):
			s := r.scan(b.content)
			r.resultBlocks(s, b.content)
			r.done(s)
		default:
			r.reject(r.at("content"), "must be a string or a list of blocks.")
		}
	}
	if jsonedit.Is(b.isError, jsonedit.True) {
		r.result = r.failed(r.result)
	}
	if !r.history.Result(r.sameID(id), r.result, r.images) {
		r.reject(r.at(""), "unexpected tool_use_id %q: there is no tool_use block of that id before this result.", hub.Excerpt(string(id)))
	}
}

// resultBlocks reads the blocks of a tool's result.
func (r *reader) resultBlocks(s *jsonedit.Scanner, src []byte) {
	r.result, r.images, r.inResult = r.result[:0], r.images[:0], true
	r.blocks(s, src, &r.inner)
	r.inResult = false
}

// blocks reads a list of blocks; number is where the reader notes which one it is at,
// for what it may have to say of it: -1 before and behind the list.
func (r *reader) blocks(s *jsonedit.Scanner, src []byte, number *int) {
	*number = -1
	for s.BeginArray(); s.NextElement(); {
		*number++
		if s.Kind() != jsonedit.Object {
			s.Value()
			r.reject(r.at(""), "must be an object with a type.")
			continue
		}
		var b block
		r.readBlock(&b, s, src)
		switch {
		case s.Err() != nil:
		case r.inResult:
			r.add(&b)
		default:
			r.take(&b)
		}
	}
	*number = -1
}

// failed says in words that a result is an error's, where the text does not say so
// itself: a chat model's tool message has no such mark.
func (r *reader) failed(text []byte) []byte {
	for _, telling := range []string{"Error", "<tool_use_error>", "Exit code"} {
		if bytes.HasPrefix(text, []byte(telling)) {
			return text
		}
	}
	if len(text) == 0 {
		return jsonedit.Put(text, "Error")
	}
	r.text = jsonedit.PutBytes(r.text[:0], text)
	return jsonedit.PutBytes(jsonedit.Put(text[:0], "Error: "), r.text)
}

// sameID is an id written in the one way that lets ids be compared.
func (r *reader) sameID(id []byte) []byte {
	if bytes.IndexByte(id, '\\') < 0 {
		return id
	}
	r.text = append(jsonedit.PutBytes(append(r.text[:0], '"'), id), '"')
	return jsonedit.AppendEscaped(nil, jsonedit.AppendUnquoted(nil, r.text))
}

// recall adds a block of what the assistant said before.
func (r *reader) recall(b *block) {
	switch kind := string(b.kind); kind {
	case "thinking":
		// The signature is nobody's here: empty, made up, or Anthropic's own.
		text := jsonedit.Inside(b.thinking)
		r.history.Reasoning(text)
	case "redacted_thinking":
	case "tool_use":
		r.call(b)
	default:
		r.hosted(kind, b)
	}
	r.joined = false
}

// call adds a tool call. The input goes on byte for byte.
func (r *reader) call(b *block) {
	id := jsonedit.Inside(b.id)
	if len(id) == 0 {
		r.reject(r.at("id"), "must be a string that is not empty.")
		return
	}
	name := jsonedit.Inside(b.name)
	if len(name) == 0 {
		r.reject(r.at("name"), "must be a string that is not empty.")
		return
	}
	id = r.sameID(id)
	r.turn.UseCallID(jsonedit.Text(b.id))
	input := jsonedit.Inside(b.input)
	if input == nil { // a text would be arguments that are no object: the Editor's matter
		r.text = jsonedit.AppendEscaped(r.text[:0], b.input)
		input = r.text
	}
	if jsonedit.Is(b.input, jsonedit.Object) {
		r.history.CallObject(id, name, input)
	} else {
		r.history.Call(id, name, input)
	}
}

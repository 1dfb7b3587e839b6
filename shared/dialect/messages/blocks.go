package messages

import (
	"bytes"
	"strings"

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
	// resultRead: content is the conversation's result already.
	resultRead bool
}

// field is where a member's value is noted, nil for one that nobody reads.
func (b *block) field(key []byte) *[]byte {
	switch string(key) {
	case "text":
		return &b.text
	case "source":
		return &b.source
	case "id":
		return &b.id
	case "tool_use_id":
		return &b.useID
	case "name":
		return &b.name
	case "input":
		return &b.input
	case "content":
		return &b.content
	case "is_error":
		return &b.isError
	case "thinking":
		return &b.thinking
	case "title":
		return &b.title
	case "context":
		return &b.context
	case "tool":
		return &b.tool
	case "tool_name":
		return &b.toolName
	case "tabs":
		return &b.tabs
	}
	return nil
}

// A blockReader reads content blocks, and adds what they say to the conversation.
type blockReader struct {
	in    *input
	out   *conversation
	tools *toolset
	lines lineReader
	text  []byte
	// imageBytes is by how much the images count more than their bytes, for an estimate.
	imageBytes int
}

func (r *blockReader) reset() { r.imageBytes = 0 }

// readList reads a list of blocks; number and kind are where the place notes which one it is
// at, for what there may be to say of it: -1 before and behind the list.
func (r *blockReader) readList(s *jsonedit.Scanner, src []byte, number *int, kind *[]byte) {
	*number = -1
	for s.BeginArray(); s.NextElement(); {
		*number++
		*kind = nil
		if s.Kind() != jsonedit.Object {
			s.Value()
			r.in.rejectHere("", "must be an object with a type.")
			continue
		}
		var b block
		r.read(&b, s, src)
		*kind = b.kind
		switch {
		case s.Err() != nil:
		case r.out.inResult:
			r.addContent(&b)
		default:
			r.add(&b)
		}
	}
	*number = -1
}

// read reads the next block of src. Blocks in a tool's result are added at once where the
// type stands before them, so that they are read once.
func (r *blockReader) read(b *block, s *jsonedit.Scanner, src []byte) {
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "type":
			b.kind = jsonedit.Text(s.Literal())
			continue
		case "content":
			b.resultRead = string(b.kind) == "tool_result" && r.out.role == user && !r.out.inResult && s.Kind() == jsonedit.Array
			if b.resultRead {
				r.in.blockKind = b.kind
				r.readResult(s, src)
				continue
			}
		}
		field := b.field(s.Key())
		if v := s.Literal(); field != nil {
			*field = v
		}
	}
}

// add adds a block of a message.
func (r *blockReader) add(b *block) {
	switch kind := string(b.kind); {
	case kind == "tool_addition", kind == "tool_removal":
		r.out.hasOther = true
		r.tools.readChange(r.in, b.tool, kind == "tool_addition")
	case kind == "compaction":
		if len(jsonedit.Inside(b.content)) > 0 {
			r.out.addSummary(b.content)
		}
	case kind == "mcp_tool_listing", kind == "fallback":
	case kind == "tool_result" && r.out.role == user:
		r.addResult(b)
	case kind == "text", r.out.role == user:
		r.addContent(b)
	case r.out.role == assistant:
		r.addOutput(b)
	case isKnown(kind):
		r.in.rejectHere("type", "must be text in a system prompt.")
	default:
		r.addUnknown(b)
	}
}

// isKnown tells whether a type of blocks means something, if only elsewhere.
func isKnown(kind string) bool {
	switch kind {
	case "", "image", "document", "search_result", "tool_reference", "browser_state", "container_upload",
		"thinking", "redacted_thinking", "tool_use", "server_tool_use", "mcp_tool_use", "tool_result":
		return true
	}
	return strings.HasSuffix(kind, "_tool_result")
}

// addUnknown adds a block of a type that nobody knows: what can be read of it is a text. One without
// is left out and named in the reply, since a block that is refused once is in each later turn.
func (r *blockReader) addUnknown(b *block) {
	if r.readUnknown(b); len(r.lines.text) > 0 {
		r.out.addText(r.lines.text)
	}
}

// readUnknown has the reader of lines read such a block.
func (r *blockReader) readUnknown(b *block) {
	r.lines.reset()
	if r.lines.add(jsonedit.Inside(b.text)); len(r.lines.text) == 0 {
		r.lines.read(b.content)
	}
	if len(r.lines.text) == 0 {
		r.lines.readSource(b.source)
	}
	if len(r.lines.text) == 0 && len(b.kind) > 0 {
		r.out.turn.Request.DropItem(b.kind)
	}
}

// addContent adds a block of a user's message or of a tool's result; text, of any message.
func (r *blockReader) addContent(b *block) {
	switch string(b.kind) {
	case "text":
		if text := jsonedit.Inside(b.text); text != nil {
			r.out.addText(text)
		} else {
			r.in.rejectHere("text", "must be a string.")
		}
	case "image":
		r.addImage(b.source)
	case "document":
		r.addDocument(b)
	case "search_result":
		r.lines.reset()
		r.lines.add(jsonedit.Inside(b.title))
		r.lines.add(jsonedit.Inside(b.source))
		r.lines.read(b.content)
		r.out.addText(r.lines.text)
	case "tool_reference":
		// The tool is offered, and the model learns of it.
		if !jsonedit.IsString(b.toolName) {
			r.in.rejectHere("tool_name", "must be a string.")
			return
		}
		r.lines.reset()
		r.lines.addReference(b.toolName)
		r.out.addText(r.lines.text)
	case "browser_state":
		r.lines.reset()
		r.lines.read(b.tabs)
		r.out.addText(r.lines.text)
	case "container_upload":
		r.in.rejectHere("", "container_upload is not supported: there are no containers here.")
	case "":
		r.in.rejectHere("type", "is required.")
	default:
		if isKnown(string(b.kind)) {
			r.in.rejectHere("type", "%q can't stand here.", hub.Excerpt(string(b.kind)))
			return
		}
		r.addUnknown(b)
	}
}

// source is where an image or document comes from.
type source struct {
	kind                           []byte
	mediaType, data, url, contents []byte // insides; contents is JSON
}

func (r *blockReader) readSource(v []byte) (src source, ok bool) {
	if !jsonedit.Is(v, jsonedit.Object) {
		r.in.rejectHere("source", "must be an object.")
		return src, false
	}
	s := r.in.enter(v)
	defer r.in.leave(s)
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

func (r *blockReader) addImage(v []byte) {
	src, ok := r.readSource(v)
	if !ok {
		return
	}
	switch string(src.kind) {
	case "base64":
		if len(src.mediaType) == 0 || len(src.data) == 0 {
			r.in.rejectHere("source", "a base64 image needs media_type and data.")
			return
		}
		r.imageBytes += imageSize - len(src.data)
		r.out.addImage([]byte("data:"), src.mediaType, []byte(";base64,"), src.data)
	case "url":
		if len(src.url) == 0 {
			r.in.rejectHere("source.url", "must be a string.")
			return
		}
		r.out.addImage(src.url)
	default:
		r.in.rejectHere("source", "an image of this source can't be had here; send it as base64 or url.")
	}
}

// addDocument adds a document that is text. Its images stand behind the text before them.
func (r *blockReader) addDocument(b *block) {
	src, ok := r.readSource(b.source)
	if !ok {
		return
	}
	text := r.text[:0]
	if title := jsonedit.Inside(b.title); len(title) > 0 {
		text = jsonedit.PutBetween(text, "Title: ", title, `\n`)
	}
	if context := jsonedit.Inside(b.context); len(context) > 0 {
		text = jsonedit.PutBetween(text, "Context: ", context, `\n`)
	}
	switch kind := string(src.kind); {
	case kind == "text" && src.data != nil:
		r.text = jsonedit.PutBytes(text, src.data)
		r.out.addText(r.text)
	case kind == "content" && jsonedit.IsString(src.contents):
		r.text = jsonedit.PutBytes(text, jsonedit.Inside(src.contents))
		r.out.addText(r.text)
	case kind == "content" && jsonedit.Is(src.contents, jsonedit.Array):
		r.text = r.addDocumentBlocks(text, src.contents)
	default:
		r.in.rejectHere("source", "a document of this source can't be read here; send its text, as source type text or content.")
	}
}

// addDocumentBlocks adds a document's blocks behind the text before them. It returns that
// buffer, for the next one to use.
func (r *blockReader) addDocumentBlocks(text, list []byte) []byte {
	s := r.in.enter(list)
	defer r.in.leave(s)
	for s.BeginArray(); s.NextElement(); {
		if s.Kind() != jsonedit.Object {
			s.Value()
			r.in.rejectHere("source.content", "must hold text and image blocks.")
			continue
		}
		var b block
		if r.read(&b, s, list); s.Err() != nil {
			break
		}
		switch string(b.kind) {
		case "text":
			inside := jsonedit.Inside(b.text)
			if inside == nil {
				r.in.rejectHere("source.content", "a text block needs a text.")
			}
			text = jsonedit.PutBytes(text, inside)
		case "image":
			r.out.addText(text)
			text = text[:0]
			r.addImage(b.source)
		default:
			if isKnown(string(b.kind)) {
				r.in.rejectHere("source.content", "must hold text and image blocks.")
				continue
			}
			r.readUnknown(&b)
			text = jsonedit.PutBytes(text, r.lines.text)
		}
	}
	r.out.addText(text)
	return text
}

// addResult gives a call its result.
func (r *blockReader) addResult(b *block) {
	r.out.hasOther, r.out.afterResults = true, true
	id := jsonedit.Inside(b.useID)
	if len(id) == 0 {
		r.in.rejectHere("tool_use_id", "must be the id of a tool_use block.")
		return
	}
	if !b.resultRead {
		switch {
		case jsonedit.Is(b.content, jsonedit.Array):
			s := r.in.enter(b.content)
			r.readResult(s, b.content)
			r.in.leave(s)
		case b.content == nil, jsonedit.IsString(b.content):
			r.out.beginResult()
			r.out.addText(jsonedit.Inside(b.content))
			r.out.endResult()
		default:
			r.in.rejectHere("content", "must be a string or a list of blocks.")
		}
	}
	if !r.out.addResult(sameID(id), jsonedit.Is(b.isError, jsonedit.True)) {
		// In Anthropic's very words, by which Claude Code knows what it has to undo.
		r.in.rejectHere("", "unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have "+
			"a corresponding `tool_use` block before it.", hub.Excerpt(string(id)))
	}
}

// readResult reads the blocks of a tool's result.
func (r *blockReader) readResult(s *jsonedit.Scanner, src []byte) {
	r.out.beginResult()
	r.readList(s, src, &r.in.inner, &r.in.innerKind)
	r.out.endResult()
}

// sameID is an id written in the one way that lets ids be compared.
func sameID(id []byte) []byte {
	if bytes.IndexByte(id, '\\') < 0 {
		return id
	}
	return jsonedit.AppendEscaped(nil, jsonedit.AppendUnescaped(nil, id))
}

// addOutput adds a block of what the assistant said before.
func (r *blockReader) addOutput(b *block) {
	switch kind := string(b.kind); kind {
	case "thinking":
		// Any signature is taken: ours, none, or Anthropic's own.
		r.out.history.Reasoning(jsonedit.Inside(b.thinking))
	case "redacted_thinking":
	case "tool_use":
		r.addCall(b)
	default:
		r.addHosted(kind, b)
	}
	r.out.continues = false
}

// addCall adds a tool call. The input goes on byte for byte.
func (r *blockReader) addCall(b *block) {
	id := jsonedit.Inside(b.id)
	if len(id) == 0 {
		r.in.rejectHere("id", "must be a string that is not empty.")
		return
	}
	name := jsonedit.Inside(b.name)
	if len(name) == 0 {
		r.in.rejectHere("name", "must be a string that is not empty.")
		return
	}
	r.out.turn.UseCallID(jsonedit.Text(b.id))
	input := jsonedit.Inside(b.input)
	if input == nil { // a text would be arguments that are no object: the Editor's matter
		r.text = jsonedit.AppendEscaped(r.text[:0], b.input)
		input = r.text
	}
	r.out.addCall(sameID(id), name, input, jsonedit.Is(b.input, jsonedit.Object))
}

// addHosted adds in words what a tool on Anthropic's side did in an earlier turn: nothing
// of the kind can be done here, but the conversation rests on it. The assistant's turn is an
// echo, which its client did not choose, so nothing in it is refused.
func (r *blockReader) addHosted(kind string, b *block) {
	r.lines.reset()
	switch kind {
	case "server_tool_use", "mcp_tool_use":
		name := jsonedit.Inside(b.name)
		if name == nil {
			return
		}
		text := jsonedit.PutBetween(r.text[:0], "[", name, ": ")
		if query := jsonedit.Inside(r.in.member(b.input, "query")); query != nil {
			text = jsonedit.PutBytes(text, query)
		} else {
			text = jsonedit.AppendEscaped(text, b.input)
		}
		r.text = append(text, ']')
		r.lines.add(r.text)
	case "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result", "bash_code_execution_tool_result",
		"text_editor_code_execution_tool_result", "tool_search_tool_result", "advisor_tool_result", "mcp_tool_result":
		r.lines.read(b.content)
		if jsonedit.Is(b.isError, jsonedit.True) {
			r.lines.text = markFailed(r.lines.text)
		}
	default:
		r.readUnknown(b)
	}
	r.out.continues = false
	r.out.addText(r.lines.text)
}

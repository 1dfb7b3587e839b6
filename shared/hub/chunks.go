package hub

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Chunks is the preamble of an upstream's stream: it tells what each event is before a
// dialect looks into it. The zero Chunks is at a stream's beginning.
type Chunks struct {
	head Head
	// any: an event with data was there. Before it, plain holds what came where events were
	// expected, as when an upstream sends a JSON error under text/event-stream.
	any   bool
	plain []byte
	// Finished is set by the dialect that has seen a finish_reason: the end of the
	// connection is no fault then.
	Finished bool
	// said: a choice said something.
	said bool
}

// maxPlain bounds, in bytes, what is held that may be an error in plain JSON.
const maxPlain = 64 << 10

// ChunkKind is what an event of an upstream's stream is.
type ChunkKind uint8

const (
	// CommentChunk holds comments and other lines without data.
	CommentChunk ChunkKind = iota
	// PlainChunk is a line of plain JSON, which is held until the stream's end.
	PlainChunk
	// BlankChunk has empty data: a heartbeat that no client could read as JSON.
	BlankChunk
	// DoneChunk ends the stream: [DONE], or the end of the connection behind a finish_reason.
	DoneChunk
	// BrokenChunk is no JSON object.
	BrokenChunk
	// ErrorChunk holds an error in place of choices.
	ErrorChunk
	// NamedErrorChunk is an event named error, with neither an error nor choices in it.
	NamedErrorChunk
	// GoodChunk is one that is in the View.
	GoodChunk
	// CutChunk is the end of the connection in the midst of the stream.
	CutChunk
)

// Read tells what an event is, and gives its data without white space around it. What
// holds a JSON object is read into v, and its usage noted in t.
func (c *Chunks) Read(other, data []byte, hasData bool, v *View, t *Turn) (ChunkKind, []byte) {
	if !hasData {
		begun := len(c.plain) > 0 || bytes.HasPrefix(bytes.TrimSpace(other), []byte("{"))
		if !c.any && begun && len(c.plain)+len(other) <= maxPlain {
			c.plain = jsonedit.PutBytes(c.plain, other)
			return PlainChunk, nil
		}
		return CommentChunk, nil
	}
	c.any = true
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return BlankChunk, nil
	case string(data) == "[DONE]":
		return DoneChunk, nil
	case v.ReadChunk(data, &c.head) != nil:
		return BrokenChunk, data
	case v.IsError():
		return ErrorChunk, data
	case !v.HasChoices && v.Error.Absent() && bytes.HasSuffix(other, []byte("event: error\n")):
		return NamedErrorChunk, data
	}
	data = v.Flat(data)
	if v.HasUsage {
		t.Reply.Usage, t.Reply.HasUsage = v.Usage, true
	}
	for i := 0; i < len(v.Choices) && !c.said; i++ {
		c.said = v.Choices[i].says(data)
	}
	return GoodChunk, data
}

// AppendHead appends how the stream's chunks begin, up to the value of choices, with the client's
// name of the model.
func (c *Chunks) AppendHead(dst []byte, t *Turn) []byte {
	h := &c.head
	if len(h.text) == 0 {
		return jsonedit.Put(dst, `{"choices":`)
	}
	if h.model.Absent() || len(t.Request.Name) == 0 {
		return jsonedit.PutBytes(dst, h.text)
	}
	dst = jsonedit.PutBytes(jsonedit.PutBytes(dst, h.text[:h.model.Start]), t.Request.Name)
	return jsonedit.PutBytes(dst, h.text[h.model.End:])
}

// Whole tells whether [DONE] is a proper end. Without a finish_reason it is one where text
// was said, but not over an open call: a server that died behind a proxy looks the same.
func (c *Chunks) Whole(openCall bool) bool { return c.Finished || c.said && !openCall }

// End tells what the end of the connection is where none of the events ended the stream:
// DoneChunk, CutChunk, or ErrorChunk for an error that came as plain JSON, which is given
// and read into v.
func (c *Chunks) End(v *View, t *Turn) (ChunkKind, []byte) {
	if c.Finished {
		t.Reply.Repairs |= EndedStream
		return DoneChunk, nil
	}
	if plain := bytes.TrimSpace(c.plain); len(plain) > 0 && v.Read(plain) == nil && !v.Error.Absent() {
		return ErrorChunk, plain
	}
	return CutChunk, nil
}

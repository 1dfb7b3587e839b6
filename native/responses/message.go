package responses

import (
	"errors"

	"github.com/qwenvoy/qwenvoy/native/keeper"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// facts are what of a socket's message must be known before the core reads it. Wrong types
// are left to the core, which says so in the client's words.
type facts struct {
	kind string // the message's type
	// named: it names a stream_id.
	named      bool
	background bool
	previous   string // "" for none
}

// A messageReader takes the messages of a socket apart, one at a time.
type messageReader struct {
	scanner jsonedit.Scanner
	members jsonedit.Members
	edits   jsonedit.Edits
}

// read reads the facts, the last of equal members counting, and appends the message as a
// create request for a stream: without what only a socket's message has, and with
// stream: true. An error says that it is no JSON object.
func (r *messageReader) read(dst, message []byte) (f facts, create []byte, err error) {
	s := &r.scanner
	s.Reset(message)
	s.FromClient()
	defer s.Reset(nil)
	r.edits.Reset()
	for r.members.Begin(s.BeginObject()); s.NextMember(); {
		key := s.KeySpan()
		var read func(value []byte)
		drop := false
		switch string(s.Key()) {
		case "type":
			drop, read = true, func(v []byte) { f.kind = keeper.Text(v) }
		case "stream", "stream_options":
			drop = true
		case "stream_id":
			read = func(v []byte) { f.named = string(v) != "null" }
		case "background":
			read = func(v []byte) { f.background = string(v) == "true" }
		case "previous_response_id":
			read = func(v []byte) { f.previous = keeper.Text(v) }
		}
		v := s.Value()
		if v.Absent() {
			break
		}
		if i := r.members.Add(key, v); drop {
			r.members.Drop(i)
		}
		if read != nil {
			read(v.Of(message))
		}
	}
	if err := s.Finish(); err != nil {
		return f, dst, errors.New(err.Error()) // the Scanner's own is a part of it
	}
	r.members.Commit(&r.edits, []byte(`"stream":true,`))
	return f, r.edits.Apply(dst, message), nil
}

package responses

import (
	"errors"
	"sync"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// facts are what of a socket's message, or a request to be run in the background, must
// be known before the core reads it. Wrong types are left to the core, which says so in
// the client's words.
type facts struct {
	// kind is a message's type; laned: it names a stream_id.
	kind  string
	laned bool
	// unstored: store is false.
	unstored             bool
	streamed, background bool
	previous             string // "" for none
}

// scanRoom is what a scan works with.
type scanRoom struct {
	scanner jsonedit.Scanner
	members jsonedit.Members
	edits   jsonedit.Edits
}

var scanRooms = sync.Pool{New: func() any { return new(scanRoom) }}

func (room *scanRoom) free() {
	room.scanner.Reset(nil)
	scanRooms.Put(room)
}

// asTurn reads the facts, the last of equal members counting, and appends the body as a
// create request for a stream: without what only a socket's message has, and with
// stream: true. An error says that it is no JSON object.
func (f *facts) asTurn(dst, body []byte) ([]byte, error) {
	room := scanRooms.Get().(*scanRoom)
	defer room.free()
	*f = facts{}
	s := &room.scanner
	s.Reset(body)
	room.edits.Reset()
	for room.members.Begin(s.BeginObject()); s.NextMember(); {
		key := s.KeySpan()
		var read func(value []byte)
		drop := false
		switch string(s.Key()) {
		case "type":
			drop, read = true, func(v []byte) { f.kind = stringOf(v) }
		case "stream":
			drop, read = true, func(v []byte) { f.streamed = string(v) == "true" }
		case "stream_options":
			drop = true
		case "stream_id":
			read = func(v []byte) { f.laned = string(v) != "null" }
		case "store":
			read = func(v []byte) { f.unstored = string(v) == "false" }
		case "background":
			read = func(v []byte) { f.background = string(v) == "true" }
		case "previous_response_id":
			read = func(v []byte) { f.previous = stringOf(v) }
		}
		v := s.Value()
		if v.Absent() {
			break
		}
		if i := room.members.Add(key, v); drop {
			room.members.Drop(i)
		}
		if read != nil {
			read(v.Of(body))
		}
	}
	if err := s.Finish(); err != nil {
		return dst, errors.New(err.Error()) // the Scanner's own is a part of the room, which others get
	}
	room.members.Commit(&room.edits, []byte(`"stream":true,`))
	return room.edits.Apply(dst, body), nil
}

// stringOf is the text of a JSON string, "" for any other value.
func stringOf(value []byte) string {
	if len(value) == 0 || value[0] != '"' {
		return ""
	}
	return string(jsonedit.AppendUnquoted(nil, value))
}

// member returns the value of an object's member, the last of that name; nil for none.
func member(object []byte, name string) (value []byte) {
	room := scanRooms.Get().(*scanRoom)
	defer room.free()
	s := &room.scanner
	s.Reset(object)
	for s.BeginObject(); s.NextMember(); {
		found := string(s.Key()) == name
		if v := s.Value(); found && !v.Absent() {
			value = v.Of(object)
		}
	}
	return value
}

// A change gives a member of an object a new value, JSON.
type change struct{ name, value string }

// changed appends an object with some of its members changed. Those that are not there
// are put in front.
func changed(dst, object []byte, changes ...change) []byte {
	room := scanRooms.Get().(*scanRoom)
	defer room.free()
	room.edits.Reset()
	s := &room.scanner
	s.Reset(object)
	done := make([]bool, len(changes))
	open := s.BeginObject()
	room.members.Begin(open)
	for s.NextMember() {
		key, found := s.KeySpan(), -1
		for i := range changes {
			if string(s.Key()) == changes[i].name {
				found = i
			}
		}
		v := s.Value()
		if v.Absent() {
			break
		}
		room.members.Add(key, v)
		if found >= 0 {
			done[found] = true
			room.edits.ReplaceString(v.Start, v.End, changes[found].value)
		}
	}
	var front []byte
	for i, c := range changes {
		if !done[i] {
			front = append(append(append(jsonedit.AppendQuoted(front, c.name), ':'), c.value...), ',')
		}
	}
	if len(front) > 0 {
		if room.members.Len() == 0 {
			front = front[:len(front)-1]
		}
		room.edits.Replace(open, open, front)
	}
	return room.edits.Apply(dst, object)
}

package responses

import (
	"bytes"
	"errors"
	"sync"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A tristate is a boolean member that may be absent or null.
type tristate uint8

const (
	unsaid tristate = iota
	no
	yes
)

// facts are what of a create request, or of a socket's message, concerns its state.
// Wrong types are left to the core, which says so in the client's words.
type facts struct {
	store, background, generate tristate
	streamed                    bool
	// previous and conversation are ids, "" for none.
	previous, conversation string
	// kind is a message's type; laned that it names a stream_id.
	kind  string
	laned bool
}

// needsState tells whether a body may ask for what only this package knows of: a member
// background, or store: true. Most bodies don't, and are left unread here. Inside a JSON
// string quotes are escaped, so text about these members doesn't look like them.
func needsState(body []byte) bool {
	if bytes.Contains(body, backgroundKey) || bytes.Contains(body, escapedKey) {
		return true
	}
	for rest := body; ; {
		at := bytes.Index(rest, storeKey)
		if at < 0 {
			return false
		}
		rest = bytes.TrimLeft(rest[at+len(storeKey):], " \t\r\n")
		if value, ok := bytes.CutPrefix(rest, colon); ok && !bytes.HasPrefix(bytes.TrimLeft(value, " \t\r\n"), falseValue) {
			return true
		}
	}
}

var (
	backgroundKey = []byte(`"background"`)
	escapedKey    = []byte(`\u`) // which a key may be written with
	storeKey      = []byte(`"store"`)
	colon         = []byte(":")
	falseValue    = []byte("false")
)

// scanRoom is what a scan works with.
type scanRoom struct {
	scanner jsonedit.Scanner
	members jsonedit.Members
	edits   jsonedit.Edits
}

var scanRooms = sync.Pool{New: func() any { return new(scanRoom) }}

// read scans a body's top level. An error says that it is no JSON object.
func (f *facts) read(body []byte) error {
	room := scanRooms.Get().(*scanRoom)
	defer room.free()
	return f.scan(room, body, nil)
}

// asTurn is read, and appends the body as a create request for a stream: without what
// only a socket's message has, and with stream: true.
func (f *facts) asTurn(dst, body []byte) ([]byte, error) {
	room := scanRooms.Get().(*scanRoom)
	defer room.free()
	room.edits.Reset()
	if err := f.scan(room, body, func(key string) bool {
		return key == "type" || key == "stream" || key == "stream_options"
	}); err != nil {
		return dst, err
	}
	room.members.Commit(&room.edits, []byte(`"stream":true,`))
	return room.edits.Apply(dst, body), nil
}

func (room *scanRoom) free() {
	room.scanner.Reset(nil)
	scanRooms.Put(room)
}

// scan reads the facts, the last of equal keys counting, and notes the members that
// drop names for being taken out.
func (f *facts) scan(room *scanRoom, body []byte, drop func(key string) bool) error {
	*f = facts{}
	s := &room.scanner
	s.Reset(body)
	for room.members.Begin(s.BeginObject()); s.NextMember(); {
		key := s.Key()
		known := true
		var toggle *tristate
		var text *string
		switch string(key) {
		case "store":
			toggle = &f.store
		case "background":
			toggle = &f.background
		case "generate":
			toggle = &f.generate
		case "previous_response_id":
			text = &f.previous
		case "type":
			text = &f.kind
		case "stream", "conversation", "stream_id":
		default:
			known = false
		}
		name, span := "", s.KeySpan()
		if known {
			name = string(key)
		}
		dropped := drop != nil && drop(string(key))
		v := s.Value()
		if v.Absent() {
			break
		}
		if drop != nil {
			if i := room.members.Add(span, v); dropped {
				room.members.Drop(i)
			}
		}
		value := v.Of(body)
		switch {
		case toggle != nil:
			*toggle = unsaid
			switch jsonedit.KindOf(value[0]) {
			case jsonedit.True:
				*toggle = yes
			case jsonedit.False:
				*toggle = no
			}
		case text != nil:
			*text = stringOf(value)
		case name == "stream":
			f.streamed = string(value) == "true"
		case name == "conversation":
			f.conversation = stringOf(value)
			if value[0] == '{' {
				f.conversation = stringOf(member(value, "id"))
			}
		case name == "stream_id":
			f.laned = string(value) != "null"
		}
	}
	if err := s.Finish(); err != nil {
		return errors.New(err.Error()) // the Scanner's own is a part of the room, which others get
	}
	return nil
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

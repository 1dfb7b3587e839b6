package keeper

import (
	"sync"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// scratch is what a scan works with.
type scratch struct {
	scanner jsonedit.Scanner
	members jsonedit.Members
	edits   jsonedit.Edits
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (work *scratch) free() {
	work.scanner.Reset(nil)
	scratches.Put(work)
}

// Text is the text of a JSON string, "" for any other value.
func Text(value []byte) string {
	if len(value) == 0 || value[0] != '"' {
		return ""
	}
	return string(jsonedit.AppendUnquoted(nil, value))
}

// Member returns the value of an object's member, the last of that name; nil for none.
func Member(object []byte, name string) (value []byte) {
	work := scratches.Get().(*scratch)
	defer work.free()
	s := &work.scanner
	s.Reset(object)
	for s.BeginObject(); s.NextMember(); {
		found := string(s.Key()) == name
		if v := s.Value(); found && !v.Absent() {
			value = v.Of(object)
		}
	}
	return value
}

// A Change gives a member of an object a new value, JSON.
type Change struct{ Name, Value string }

// Changed appends an object with some of its members changed. Those that are not there
// are put in front.
func Changed(dst, object []byte, changes ...Change) []byte {
	work := scratches.Get().(*scratch)
	defer work.free()
	work.edits.Reset()
	s := &work.scanner
	s.Reset(object)
	done := make([]bool, len(changes))
	open := s.BeginObject()
	work.members.Begin(open)
	for s.NextMember() {
		key, found := s.KeySpan(), -1
		for i := range changes {
			if string(s.Key()) == changes[i].Name {
				found = i
			}
		}
		v := s.Value()
		if v.Absent() {
			break
		}
		work.members.Add(key, v)
		if found >= 0 {
			done[found] = true
			work.edits.ReplaceString(v.Start, v.End, changes[found].Value)
		}
	}
	var front []byte
	for i, c := range changes {
		if !done[i] {
			front = append(append(append(jsonedit.AppendQuoted(front, c.Name), ':'), c.Value...), ',')
		}
	}
	if len(front) > 0 {
		if work.members.Len() == 0 {
			front = front[:len(front)-1]
		}
		work.edits.Replace(open, open, front)
	}
	return work.edits.Apply(dst, object)
}

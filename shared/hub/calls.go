package hub

import (
	"bytes"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Calls are the tool calls that the upstream has begun in one choice, in its order.
type Calls struct {
	List []KnownCall
	// Whole: a whole reply, in which each call stands in one piece.
	Whole bool
	// Broken: a call came as text, and lacks its end.
	Broken bool
}

// A KnownCall is what is known of a call of the upstream.
type KnownCall struct {
	Index int // the upstream's, -1 for none
	// Number is the index that a client is told: the upstream's, or one that is free where it has
	// none or gives it to another call.
	Number int
	ID     []byte // the upstream's, as inside a string literal; empty for none
	Named  bool
	// Ended: the upstream has begun another that only follows where this one is over.
	Ended bool
	// Over is set by who hands calls on: it was closed or dropped, so late pieces are nothing.
	Over bool
	// Arguments follows what has come of them.
	Arguments Arguments
}

// Open tells whether a call's arguments end inside a value; where more may come, unfinished,
// those that have not begun are open too.
func (c *Calls) Open(unfinished bool) bool {
	for i := range c.List {
		if a := &c.List[i].Arguments; a.Open() || unfinished && a.Blank() {
			return true
		}
	}
	return c.Broken
}

// A CallDelta is an element of tool_calls: a call, or a piece of one. The texts are insides
// of string literals.
type CallDelta struct {
	Index               int           // -1 for none
	IndexAt             jsonedit.Span // where it stands in the list, absent for none
	ID, Name, Arguments []byte

	text []byte // of arguments that are no string
}

// Read reads the next element of the list that s walks; it is an object.
func (d *CallDelta) Read(s *jsonedit.Scanner, list []byte) {
	*d = CallDelta{Index: -1, text: d.text[:0]}
	var id, name, arguments jsonedit.Span
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "index":
			d.IndexAt = s.Value()
			if n, err := strconv.Atoi(string(d.IndexAt.Of(list))); err == nil {
				d.Index = n
			}
		case "id":
			id = s.Value()
		case "function":
			if s.Kind() != jsonedit.Object {
				s.Value()
				continue
			}
			for s.BeginObject(); s.NextMember(); {
				switch string(s.Key()) {
				case "name":
					name = s.Value()
				case "arguments":
					arguments = s.Value()
				default:
					s.Value()
				}
			}
		default:
			s.Value()
		}
	}
	if s.Err() != nil {
		return
	}
	d.ID, d.Name, d.Arguments = Literal(list, id), Literal(list, name), Literal(list, arguments)
	if d.Arguments == nil && !arguments.Absent() && (list[arguments.Start] == '{' || list[arguments.Start] == '[') {
		// Arguments that are no string but the object itself.
		d.text = jsonedit.AppendEscaped(d.text, arguments.Of(list))
		d.Arguments = d.text
	}
}

// Find returns the call that a piece belongs to, its place in List, by the piece's index and
// id and by whether it has a name, and notes what it says.
//
// OpenAI's streams count calls by index. Some servers leave it out, and some give every
// call the index 0: then another id together with a name, a name alone where neither
// index nor id is given, or a name with arguments behind whole ones, begins another call.
func (c *Calls) Find(d *CallDelta) int {
	index, id, named := d.Index, d.ID, len(d.Name) > 0
	newest := len(c.List) - 1
	at := -1
	for i := newest; i >= 0 && at < 0 && !c.Whole; i-- {
		known := &c.List[i]
		switch {
		case index >= 0:
			if known.Index == index {
				at = i
			}
		case len(id) > 0:
			if bytes.Equal(known.ID, id) {
				at = i
			}
		default:
			at = newest
		}
	}
	switch {
	case at >= 0 && index >= 0:
		known := &c.List[at]
		otherID := len(id) > 0 && len(known.ID) > 0 && !bytes.Equal(known.ID, id)
		if named && known.Named && (otherID || len(id) == 0 && known.Arguments.Object() && jsonedit.Blank(d.Arguments) < len(d.Arguments)) {
			known.Ended, at = true, -1
		}
	case at >= 0:
		if len(id) == 0 && named && c.List[at].Named {
			at = -1
		}
	case index < 0 && newest >= 0 && len(c.List[newest].ID) == 0 && !(named && c.List[newest].Named) && !c.Whole:
		at = newest // its id comes late
	}
	if at < 0 {
		if (index < 0 || c.Whole) && newest >= 0 {
			c.List[newest].Ended = true
		}
		at = len(c.List)
		c.List = append(c.List, KnownCall{Index: index, Number: c.number(index)})
	}
	known := &c.List[at]
	if len(known.ID) == 0 && len(id) > 0 {
		known.ID = bytes.Clone(id)
	}
	known.Named = known.Named || named
	known.Arguments.Feed(d.Arguments)
	return at
}

// number is the index of a call to come: the upstream's, unless a call has it.
func (c *Calls) number(index int) int {
	next := 0
	taken := index < 0
	for i := range c.List {
		taken = taken || c.List[i].Number == index
		next = max(next, c.List[i].Number+1)
	}
	if taken {
		return next
	}
	return index
}

// AppendCallList appends a function_call, the old form of a call, as a list of tool_calls.
func AppendCallList(dst, call []byte) []byte {
	return jsonedit.PutBetween(dst, `[{"index":0,"function":`, call, `}]`)
}

package parts

import (
	"bytes"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// calls are the tool calls that the upstream has begun, in its order.
type calls struct {
	list []call
	// whole: a whole reply, in which each call stands in one piece.
	whole bool
}

// call is what is known of a call of the upstream.
type call struct {
	index int    // the upstream's, -1 for none
	id    []byte // the upstream's, as inside a string literal; empty for none
	named bool
	// ended: the upstream has begun another that only follows where this one is over.
	ended bool
	// over: it was closed or dropped, so late pieces are nothing.
	over bool
}

// callDelta is an element of tool_calls: a call, or a piece of one. The texts are insides
// of string literals.
type callDelta struct {
	index               int // -1 for none
	id, name, arguments []byte
}

// read reads the next element of a list; it is an object.
func (d *callDelta) read(b *scratch, list []byte) {
	s := &b.scanner
	d.index = -1
	var id, name, arguments jsonedit.Span
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "index":
			if n, err := strconv.Atoi(string(s.Value().Of(list))); err == nil {
				d.index = n
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
	d.id, d.name, d.arguments = literal(list, id), literal(list, name), literal(list, arguments)
	if d.arguments == nil && !arguments.Absent() && (list[arguments.Start] == '{' || list[arguments.Start] == '[') {
		// Arguments that are no string but the object itself.
		b.text = jsonedit.AppendEscaped(b.text[:0], arguments.Of(list))
		d.arguments = b.text
	}
}

// find returns the call that a piece belongs to, by its index and id (-1 and empty for
// none) and whether it has a name.
//
// OpenAI's streams count calls by index. Some servers leave it out, and some give every
// call the index 0: then another id together with a name, or a name alone where neither
// index nor id is given, begins another call.
func (c *calls) find(index int, id []byte, named bool) int {
	newest := len(c.list) - 1
	at := -1
	for i := newest; i >= 0 && at < 0 && !c.whole; i-- {
		known := &c.list[i]
		switch {
		case index >= 0:
			if known.index == index {
				at = i
			}
		case len(id) > 0:
			if bytes.Equal(known.id, id) {
				at = i
			}
		default:
			at = newest
		}
	}
	switch {
	case at >= 0 && index >= 0:
		known := &c.list[at]
		if named && known.named && len(id) > 0 && len(known.id) > 0 && !bytes.Equal(known.id, id) {
			known.ended, at = true, -1
		}
	case at >= 0:
		if len(id) == 0 && named && c.list[at].named {
			at = -1
		}
	case index < 0 && newest >= 0 && len(c.list[newest].id) == 0 && !(named && c.list[newest].named) && !c.whole:
		at = newest // its id comes late
	}
	if at < 0 {
		if (index < 0 || c.whole) && newest >= 0 {
			c.list[newest].ended = true
		}
		at = len(c.list)
		c.list = append(c.list, call{index: index})
	}
	known := &c.list[at]
	if len(known.id) == 0 && len(id) > 0 {
		known.id = bytes.Clone(id)
	}
	known.named = known.named || named
	return at
}

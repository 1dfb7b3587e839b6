package responses

import (
	"math"

	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A reader reads a request in one pass and notes where its members, items, parts and tools
// stand. It knows JSON and what an item is; what follows from them others decide by its notes.
type reader struct {
	scanner jsonedit.Scanner
	src     []byte
	fields  [keyCount]jsonedit.Span
	extras  [len(verbatim)]jsonedit.Span
	// tools are those of the request and of its items; ownTools those that are not of items.
	tools    toolset.Set
	ownTools jsonedit.CompactSpan

	list  []item
	parts []part
	// before are the items of earlier responses, whose text is earlier; told those of
	// instructions, own those of input.
	before, told, own jsonedit.CompactSpan
	earlier           []byte
	// problem is the first thing that is no item or no tool; the notes end there.
	problem *hub.Problem
}

func (r *reader) reset() {
	clear(r.list)
	r.scanner.Reset(nil)
	r.tools.Reset()
	*r = reader{scanner: r.scanner, tools: r.tools, list: r.list[:0], parts: r.parts[:0], earlier: r.earlier[:0]}
}

// large tells whether the notes have grown so that they are left to the collector.
func (r *reader) large() bool {
	return cap(r.earlier) > maxKept || max(cap(r.list), cap(r.parts), r.tools.Cap()) > maxKeptList
}

// read walks a request's body once. ignored: it has members that are not known.
func (r *reader) read(body []byte) (ignored bool, _ *hub.Problem) {
	if len(body) > math.MaxInt32 {
		return false, hub.FaultProblem(hub.BodyTooLarge, math.MaxInt32)
	}
	r.src = body
	s := &r.scanner
	s.Reset(body)
	s.MendSurrogates()
	if k := s.Kind(); k != jsonedit.Object && k != jsonedit.Invalid {
		return false, hub.BadRequest("", "The request body must be a JSON object.")
	}
	for s.BeginObject(); s.NextMember(); {
		n, known := members[string(s.Key())]
		if !known {
			ignored, n = true, -1
		}
		switch v := r.readMember(n); {
		case n < 0:
		case n < keyCount:
			r.fields[n] = v
		default:
			r.extras[n-keyCount] = v
		}
	}
	if err := s.Finish(); err != nil {
		return ignored, hub.BadRequest("", "The request body is not valid JSON: %v.", err)
	}
	return ignored, r.problem
}

// readMember notes the value of member n. Of two members of one name the last counts.
func (r *reader) readMember(n int) (at jsonedit.Span) {
	s := &r.scanner
	switch list := s.Kind() == jsonedit.Array; n {
	case keyTools:
		if r.ownTools = (jsonedit.CompactSpan{}); list {
			r.ownTools, at = r.tools.Scan(s, r.src, "tools", true)
			if r.problem == nil {
				r.problem = r.tools.Fault()
			}
			return at
		}
	case keyInput:
		if r.own = (jsonedit.CompactSpan{}); list {
			r.own, at = r.scanItems(s, r.src, "input")
			return at
		}
	case keyInstructions:
		if r.told = (jsonedit.CompactSpan{}); list {
			r.told, at = r.scanItems(s, r.src, "instructions")
			return at
		}
	}
	return s.NotNull()
}

// readInput reads nothing of a request's body but its input; false if that is none.
func (r *reader) readInput(body []byte) bool {
	r.src = body
	s := &r.scanner
	s.Reset(body)
	for s.BeginObject(); s.NextMember(); {
		if string(s.Key()) == "input" {
			r.fields[keyInput] = r.readMember(keyInput)
		} else {
			s.Value()
		}
	}
	return s.Finish() == nil && r.problem == nil
}

// raw is a member's value, nil where it is absent.
//
//go:noinline
func (r *reader) raw(key int) []byte {
	if v := r.fields[key]; !v.Absent() {
		return v.Of(r.src)
	}
	return nil
}

// extra is the value of a member of verbatim, nil where it is absent.
func (r *reader) extra(n int) []byte {
	if v := r.extras[n]; !v.Absent() {
		return v.Of(r.src)
	}
	return nil
}

// is tells whether a member has just that value.
//
//go:noinline
func (r *reader) is(key int, value string) bool { return string(r.raw(key)) == value }

// scanItems notes the items of a list that is the Scanner's next value. list is the
// request's member that it stands in, "" for none. At the first that is no item at all
// it stops taking notes.
func (r *reader) scanItems(s *jsonedit.Scanner, src []byte, list string) (l jsonedit.CompactSpan, at jsonedit.Span) {
	at.Start, l.Start = s.Start(), int32(len(r.list))
	for s.BeginArray(); s.NextElement(); {
		if r.problem != nil {
			s.Value()
			continue
		}
		index := elsewhere
		if list != "" {
			index = len(r.list) - int(l.Start)
		}
		r.list = append(r.list, item{src: src, list: list, index: index})
		it := &r.list[len(r.list)-1]
		if r.scanItem(s, it); s.Err() == nil {
			_, r.problem = it.kindName()
		}
	}
	at.End, l.End = s.Pos(), int32(len(r.list))
	return l, at
}

// scanItem notes one item; only src, list and index of it are set.
func (r *reader) scanItem(s *jsonedit.Scanner, it *item) {
	if s.Kind() != jsonedit.Object {
		it.at = s.Value().Compact()
		return
	}
	it.at.Start = int32(s.Start())
	for s.BeginObject(); s.NextMember(); {
		n := itemKey(s.Key())
		switch {
		case n < 0:
			s.Value()
		case n >= itemContent && n <= itemOutput && s.Kind() == jsonedit.Array:
			start, from := s.Start(), len(r.parts)
			r.scanParts(s)
			it.lists[n-itemContent] = jsonedit.Compact(from, len(r.parts))
			it.fields[n] = jsonedit.Compact(start, s.Pos())
		case n == itemTools && s.Kind() == jsonedit.Array:
			var at jsonedit.Span
			it.tools, at = r.tools.Scan(s, it.src, it.path(".tools"), false)
			it.fields[n] = at.Compact()
		default:
			it.fields[n] = s.NotNull().Compact()
		}
	}
	it.at.End = int32(s.Pos())
}

// scanParts notes the parts of a list that is the Scanner's next value.
func (r *reader) scanParts(s *jsonedit.Scanner) {
	for s.BeginArray(); s.NextElement(); {
		r.parts = append(r.parts, part{})
		p := &r.parts[len(r.parts)-1]
		if s.Kind() != jsonedit.Object {
			p.at = s.Value().Compact()
			continue
		}
		p.at.Start = int32(s.Start())
		for s.BeginObject(); s.NextMember(); {
			if n := partKey(s.Key()); n >= 0 {
				p.fields[n] = s.NotNull().Compact()
			} else {
				s.Value()
			}
		}
		p.at.End = int32(s.Pos())
	}
}

// content is one of an item's lists of parts, or its text.
func (r *reader) content(it *item, list int) content {
	l := it.lists[list-itemContent]
	return content{it: it, list: list, parts: r.parts[l.Start:l.End]}
}

package responses

import (
	"math"

	"github.com/qwenvoy/qwenvoy/shared/access"
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
	passed  [len(hub.PassedFields)]jsonedit.Span
	// tools are those of the request and of its items; ownTools those that are not of items.
	tools    toolset.Set
	ownTools jsonedit.CompactSpan

	items []item
	parts []part
	seen  seen
	// The items of instructions, of earlier responses and of input; earlierText is that of
	// the second.
	instructions, earlier, input jsonedit.CompactSpan
	earlierText                  []byte
	// fault is the first thing that is no item or no tool; the notes end there.
	fault *hub.Problem
}

func (r *reader) reset() {
	clear(r.items)
	r.scanner.Reset(nil)
	r.tools.Reset()
	clear(r.seen)
	*r = reader{scanner: r.scanner, tools: r.tools, seen: r.seen, items: r.items[:0], parts: r.parts[:0], earlierText: r.earlierText[:0]}
}

// What has larger buffers or longer lists is left to the collector.
const (
	maxKept     = 8 << 20
	maxKeptList = 1 << 14
)

// large tells whether the notes have grown so that they are left to the collector.
func (r *reader) large() bool {
	return cap(r.earlierText) > maxKept || max(cap(r.items), cap(r.parts), r.tools.Cap()) > maxKeptList
}

// read walks a request's body once. facts get the names of members that are not known.
func (r *reader) read(body []byte, facts *hub.RequestFacts) *hub.Problem {
	if len(body) > math.MaxInt32 {
		return hub.FaultProblem(hub.BodyTooLarge, math.MaxInt32)
	}
	r.src = body
	s := &r.scanner
	s.Reset(body)
	s.FromClient()
	if k := s.Kind(); k != jsonedit.Object && k != jsonedit.Invalid {
		return hub.BadRequest("", "The request body must be a JSON object.")
	}
	for s.BeginObject(); s.NextMember(); {
		n, known := members[string(s.Key())]
		if !known {
			name := append([]byte(nil), s.Key()...)
			if s.Literal() != nil {
				facts.IgnoreField(name)
			}
			continue
		}
		switch v := r.readMember(n); {
		case n < 0:
		case n < keyCount:
			r.fields[n] = v
		default:
			r.passed[n-keyCount] = v
		}
	}
	if err := s.Finish(); err != nil {
		return hub.BadRequest("", "The request body is not valid JSON: %v.", err)
	}
	return r.fault
}

// readMember notes the value of member n. Of two members of one name the last counts.
func (r *reader) readMember(n int) (at jsonedit.Span) {
	s := &r.scanner
	switch list := s.Kind() == jsonedit.Array; n {
	case keyTools:
		if r.ownTools = (jsonedit.CompactSpan{}); list {
			r.ownTools, at = r.tools.Scan(s, r.src, "tools", true)
			if r.fault == nil {
				r.fault = r.tools.Fault()
			}
			return at
		}
	case keyInput:
		if r.input = (jsonedit.CompactSpan{}); list {
			r.input, at = r.scanItems(s, r.src, "input")
			return at
		}
	case keyInstructions:
		if r.instructions = (jsonedit.CompactSpan{}); list {
			r.instructions, at = r.scanItems(s, r.src, "instructions")
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
	return s.Finish() == nil && r.fault == nil
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

// passedField is the value of one of hub.PassedFields, nil where it is absent.
//
//go:noinline
func (r *reader) passedField(n int) []byte {
	if v := r.passed[n]; !v.Absent() {
		return v.Of(r.src)
	}
	return nil
}

// is tells whether a member has just that value.
//
// hint adds what the client's agent says of the request in its body.
//
//go:noinline
func hint(r *reader, h *access.Hints) {
	h.ReadTurn([]byte(jsonedit.Known(r.raw(keyClient)).Get("x-codex-turn-metadata").Text()))
	if h.Session == "" {
		h.Note(jsonedit.Known(r.raw(keyCacheKey)).Text(), "")
	}
}

func (r *reader) is(key int, value string) bool { return string(r.raw(key)) == value }

// scanItems notes the items of a list that is the Scanner's next value. list is the
// request's member that it stands in, "" for none. At the first that is no item at all
// it stops taking notes.
func (r *reader) scanItems(s *jsonedit.Scanner, src []byte, list string) (l jsonedit.CompactSpan, at jsonedit.Span) {
	at.Start, l.Start = s.Start(), int32(len(r.items))
	for s.BeginArray(); s.NextElement(); {
		if r.fault != nil {
			s.Value()
			continue
		}
		index := elsewhere
		if list != "" {
			index = len(r.items) - int(l.Start)
		}
		r.items = append(r.items, item{src: src, list: list, index: index})
		it := &r.items[len(r.items)-1]
		if r.scanItem(s, it); s.Err() == nil {
			_, r.fault = it.kindName()
		}
	}
	at.End, l.End = s.Pos(), int32(len(r.items))
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

// lists are the lists of items, in the order in which the model sees them.
func (r *reader) lists() [3]jsonedit.CompactSpan {
	return [...]jsonedit.CompactSpan{r.instructions, r.earlier, r.input}
}

// offerTools makes functions of the tools: the request's own first, then those that came
// with items. reject: a tool that can't be had is refused, not dropped.
func (r *reader) offerTools(reject bool) *hub.Problem {
	if p := r.tools.Offer(r.ownTools, reject); p != nil {
		return p
	}
	for _, kind := range [...]string{"additional_tools", "tool_search_output"} {
		for _, l := range r.lists() {
			for i := l.Start; i < l.End; i++ {
				it := &r.items[i]
				if it.tools.Len() == 0 || string(it.text(itemType)) != kind {
					continue
				}
				if p := r.tools.Offer(it.tools, reject); p != nil {
					return p
				}
			}
		}
	}
	return r.tools.Offered()
}

// readStored reads a stored item that takes another's place; false for one that can't be read.
func (r *reader) readStored(raw []byte, place *item) (item, bool) {
	stored := item{src: raw, index: place.index, list: place.list}
	if len(raw) == 0 {
		return stored, false
	}
	s := &r.scanner
	s.Reset(raw)
	r.scanItem(s, &stored)
	return stored, s.Finish() == nil && raw[stored.at.Start] == '{'
}

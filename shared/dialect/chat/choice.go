package chat

import (
	"bytes"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/repair"
)

// choice is what is known of one choice of a reply, from chunk to chunk of a stream.
type choice struct {
	behindThinking bool
	calls          hub.Calls
	stops          repair.Stops
	// word is the stop string that has ended it; told: the client knows. over: that or a
	// finish_reason has ended it. cut: the client was told that it was cut.
	word            []byte
	told, over, cut bool
	// count is how many tokens it has, by its last chunk.
	count int
}

// choices are those of a stream. Nearly all have one, which needs no memory of its own.
type choices struct {
	first choice
	more  []choice
}

// maxChoices is OpenAI's limit for n. An index behind it is nobody's.
const maxChoices = 128

// at is the choice of an index, nil where there can be none.
func (cs *choices) at(index int) *choice {
	switch {
	case index == 0:
		return &cs.first
	case index < 0 || index >= maxChoices:
		return nil
	}
	for len(cs.more) < index {
		cs.more = append(cs.more, choice{})
	}
	return &cs.more[index-1]
}

// open tells whether a call is open that no finish_reason has ended.
func (cs *choices) open() bool {
	open := cs.first.open()
	for i := range cs.more {
		open = open || cs.more[i].open()
	}
	return open
}

func (c *choice) open() bool { return !c.over && c.calls.Open(true) }

// ended counts those that a stop string or a finish_reason has ended.
func (cs *choices) ended() int {
	n := 0
	if cs.first.over {
		n++
	}
	for i := range cs.more {
		if cs.more[i].over {
			n++
		}
	}
	return n
}

// choice edits one choice of a whole reply or a chunk, and tells whether it has ended. A
// Problem means that its answer is none. known is nil for a choice of no place.
func (b *scratch) choice(src []byte, c *hub.Choice, known *choice, t *hub.Turn) (finished bool, p *hub.Problem) {
	if c.HasMessage {
		if b.message(src, c, known, t); known != nil && known.word == nil {
			if list := c.Calls(src); list != nil {
				b.toolCalls(c.ToolCalls.Value, list, &known.calls)
			} else if !c.FunctionCall.Absent() {
				b.said = hub.AppendCallList(b.said[:0], c.FunctionCall.Of(src))
				b.toolCalls(jsonedit.Span{}, b.said, &known.calls)
			}
		}
	}
	said := hub.Literal(src, c.Finish)
	if known != nil && known.word != nil {
		b.stopped(c, len(said) > 0, known, t)
		return true, nil
	}
	if len(said) == 0 { // some servers say "" until there is one
		return false, nil
	}
	if known != nil {
		known.over = true
	}
	finish := hub.FinishWord(said)
	if p = hub.BrokenOff(finish); p != nil {
		return true, p
	}
	if known != nil {
		if cut := hub.CutFinish(finish, &known.calls); cut != finish {
			finish = cut
			t.Reply.Repairs |= hub.CutCall
		}
		known.cut = finish == "length" || finish == "content_filter"
	}
	if finish != string(said) {
		b.edits.ReplaceString(c.Finish.Start, c.Finish.End, `"`+finish+`"`)
	}
	if c.Index == 0 {
		t.Reply.NoteFinish(said)
		t.Reply.Finish = finish
	}
	return true, nil
}

// message edits what the choice says.
func (b *scratch) message(src []byte, c *hub.Choice, known *choice, t *hub.Turn) {
	if known != nil {
		feeds := repair.LineFeeds(src, c, t, &known.behindThinking)
		if b.endText(src, c, known, feeds, t) {
			return
		}
		repair.DropLineFeeds(&b.edits, src, c, feeds)
	}
	repair.Reasoning(&b.edits, src, c, t)
}

// element is one of a list of tool_calls: which call it is of, where in the list it stands, its
// index there, and what that is to be.
type element struct {
	call      int
	at, index jsonedit.Span
	number    int // -1: as it is
}

// toolCalls follows a list of calls, or of pieces of calls, that stands at a place, absent for one
// that is not edited. It joins pieces of one call in one chunk, and gives each call an index of its
// own: clients add up what has one index, and of a chunk take the last.
func (b *scratch) toolCalls(at jsonedit.Span, list []byte, calls *hub.Calls) {
	s := &b.scanner
	b.elements = b.elements[:0]
	edit := false
	s.Reset(list)
	for s.BeginArray(); s.NextElement(); {
		if s.Kind() != jsonedit.Object {
			s.Value()
			continue
		}
		start := s.Start()
		if b.call.Read(s, list); s.Err() != nil {
			return
		}
		e := element{call: calls.Find(&b.call), at: jsonedit.Span{Start: start, End: s.Pos()}, index: b.call.IndexAt, number: -1}
		if number := calls.List[e.call].Number; number != b.call.Index && !calls.Whole {
			e.number, edit = number, true
		}
		for i := range b.elements {
			edit = edit || b.elements[i].call == e.call
		}
		b.elements = append(b.elements, e)
	}
	if edit && !at.Absent() {
		b.edits.ReplaceFunc(at.Start, at.End, func(dst []byte) []byte { return b.appendJoined(dst, list, calls) })
	}
}

// appendJoined appends the list with the pieces of each call in one.
func (b *scratch) appendJoined(dst, list []byte, calls *hub.Calls) []byte {
	dst = append(dst, '[')
	for i := range b.elements {
		e := &b.elements[i]
		if e.call < 0 {
			continue
		}
		if dst[len(dst)-1] != '[' {
			dst = append(dst, ',')
		}
		dst = b.appendCall(dst, list, b.elements[i:], calls.List[e.call].Number)
	}
	return append(dst, ']')
}

// appendNumbered appends an element that is all of its call in the list.
func (e *element) appendNumbered(dst, list []byte) []byte {
	all := e.at.Of(list)
	switch {
	case e.number < 0:
		return jsonedit.PutBytes(dst, all)
	case !e.index.Absent():
		dst = strconv.AppendInt(jsonedit.PutBytes(dst, list[e.at.Start:e.index.Start]), int64(e.number), 10)
		return jsonedit.PutBytes(dst, list[e.index.End:e.at.End])
	}
	dst = strconv.AppendInt(jsonedit.Put(dst, `{"index":`), int64(e.number), 10)
	if rest := bytes.TrimLeft(all[1:], " \t\r\n"); rest[0] != '}' {
		return jsonedit.PutBytes(append(dst, ','), rest)
	}
	return append(dst, '}')
}

// appendCall appends the call that the first of elements is of, and takes its pieces out.
func (b *scratch) appendCall(dst, list []byte, elements []element, number int) []byte {
	var id, name, arguments []byte
	n, first := 0, elements[0]
	for i := range elements {
		e := &elements[i]
		if e.call != first.call {
			continue
		}
		n++
		e.call = -1
		b.scanner.Reset(e.at.Of(list))
		b.call.Read(&b.scanner, e.at.Of(list))
		if len(id) == 0 {
			id = b.call.ID
		}
		if len(name) == 0 {
			name = b.call.Name
		}
		arguments = jsonedit.PutBytes(arguments, b.call.Arguments)
	}
	if n == 1 {
		return first.appendNumbered(dst, list)
	}
	dst = append(strconv.AppendInt(jsonedit.Put(dst, `{"index":`), int64(number), 10), ',')
	if len(id) > 0 {
		dst = jsonedit.Put(jsonedit.PutBytes(jsonedit.Put(dst, `"id":"`), id), `",`)
	}
	if len(name) > 0 {
		dst = jsonedit.Put(dst, `"type":"function",`)
	}
	dst = jsonedit.Put(dst, `"function":{`)
	if len(name) > 0 {
		dst = jsonedit.Put(jsonedit.PutBytes(jsonedit.Put(dst, `"name":"`), name), `",`)
	}
	return jsonedit.Put(jsonedit.PutBytes(jsonedit.Put(dst, `"arguments":"`), arguments), `"}}`)
}

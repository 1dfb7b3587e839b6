package parts

import (
	"bytes"
	"strconv"
	"sync"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/repair"
)

// sequence is the order of one turn: which part is open, what waits for it.
type sequence struct {
	turn *hub.Turn
	w    Writer
	o    Options

	part  Part
	open  bool
	parts int // opened so far
	last  Kind

	// index is the upstream's index of the open call.
	index     int
	arguments Arguments
	// calls counts the calls that were handed on; closed holds the upstream's indexes
	// of calls that were closed or dropped, whose late pieces are nothing.
	calls  int
	closed []int
	id     []byte
	name   []byte

	// blank holds white space at the start of a text that may be nothing else.
	blank []byte
	// waiting holds what came while a call was not complete.
	waiting []*waiting
}

// waiting is a part that can't be opened yet: its call has no name so far, or another
// call is not complete.
type waiting struct {
	kind     Kind
	index    int // the upstream's, of a call
	id, name []byte
	text     []byte
	logprobs []byte
}

// bench is what one call of Event or Whole needs and the next one can have; between two
// events nobody holds one, so that open streams are small.
type bench struct {
	view  hub.View
	calls jsonedit.Scanner
	text  []byte
}

var benches = sync.Pool{New: func() any { return new(bench) }}

// choice takes one choice's message or delta: reasoning, then text, then calls.
func (q *sequence) choice(dst []byte, b *bench, src []byte, c *hub.Choice) []byte {
	if text := literal(src, c.Reasoning.Value); len(text) > 0 {
		dst = q.reasoning(dst, text)
	} else if text := literal(src, c.ReasoningContent.Value); len(text) > 0 {
		dst = q.reasoning(dst, text)
	}
	if text := literal(src, c.Content.Value); len(text) > 0 {
		dst = q.piece(dst, Text, text, logprobsContent(src, c.Logprobs))
	}
	if text := literal(src, c.Refusal.Value); len(text) > 0 {
		dst = q.piece(dst, Refusal, text, nil)
	}
	if at := c.ToolCalls.Value; !at.Absent() && src[at.Start] == '[' {
		dst = q.toolCalls(dst, b, at.Of(src))
	}
	return dst
}

// literal is the inside of a string literal, nil for what is none.
func literal(src []byte, at jsonedit.Span) []byte {
	if at.Absent() || src[at.Start] != '"' {
		return nil
	}
	return src[at.Start+1 : at.End-1]
}

func logprobsContent(src []byte, at jsonedit.Span) (list []byte) {
	if at.Absent() {
		return nil
	}
	var s jsonedit.Scanner
	s.Reset(at.Of(src))
	for s.BeginObject(); s.NextMember(); {
		if string(s.Key()) == "content" && s.Kind() == jsonedit.Array {
			list = s.Value().Of(at.Of(src))
		} else {
			s.Value()
		}
	}
	return list
}

func (q *sequence) reasoning(dst, text []byte) []byte {
	if !q.turn.Thinking && q.turn.Model != nil {
		// With thinking off, some parsers give the whole answer as reasoning.
		q.turn.Repairs |= hub.ReasoningToContent
		return q.piece(dst, Text, text, nil)
	}
	return q.piece(dst, Reasoning, text, nil)
}

// piece takes a piece of thinking or text.
func (q *sequence) piece(dst []byte, kind Kind, text, logprobs []byte) []byte {
	if q.open && q.part.Kind == Call && !q.part.Object || len(q.waiting) > 0 {
		if kind == Text && blankPrefix(text) == len(text) && (len(q.waiting) == 0 || q.waiting[len(q.waiting)-1].kind != Text) {
			return dst // white space between the pieces of a call
		}
		q.wait(kind, text, logprobs)
		return dst
	}
	if q.open && q.part.Kind == kind {
		return q.delta(dst, text, logprobs)
	}
	if kind == Text {
		// A text that is only white space makes no part: vLLM leaves line feeds between
		// thinking and a call.
		n := blankPrefix(text)
		if n == len(text) {
			q.blank = append(q.blank, text...)
			return dst
		}
		if q.parts > 0 && q.last == Reasoning {
			blank := append(q.blank, text[:n]...)
			text = text[n:]
			blank = blank[lineFeeds(blank):]
			if len(blank) > 0 {
				text = append(blank, text...)
			}
		} else if len(q.blank) > 0 {
			text = append(q.blank, text...)
		}
		q.blank = nil
	}
	dst = q.begin(dst, kind)
	return q.delta(dst, text, logprobs)
}

// begin closes what is open and opens a part.
func (q *sequence) begin(dst []byte, kind Kind) []byte {
	dst = q.close(dst, false)
	if kind != Text {
		q.blank = nil
	}
	q.part = Part{Kind: kind, Index: q.parts, ID: q.part.ID[:0], Name: q.part.Name[:0], Empty: true}
	q.parts++
	q.last, q.open = kind, true
	if kind == Call {
		q.arguments.Reset()
		q.part.ID, q.part.Name = append(q.part.ID, q.id...), append(q.part.Name, q.name...)
	}
	return q.w.Open(dst, &q.part)
}

func (q *sequence) delta(dst, text, logprobs []byte) []byte {
	if len(text) == 0 {
		return dst
	}
	if q.part.Kind == Call {
		q.arguments.Feed(text)
		q.part.Object = q.arguments.Object()
	}
	q.part.Empty = false
	return q.w.Delta(dst, &q.part, text, logprobs)
}

func (q *sequence) close(dst []byte, cut bool) []byte {
	if !q.open {
		return dst
	}
	q.open = false
	q.part.Cut = cut
	if q.part.Kind == Call {
		q.closed = append(q.closed, q.index)
	}
	return q.w.Close(dst, &q.part)
}

// wait keeps a piece until the open call is complete.
func (q *sequence) wait(kind Kind, text, logprobs []byte) {
	if n := len(q.waiting); n > 0 && q.waiting[n-1].kind == kind && kind != Call {
		w := q.waiting[n-1]
		w.text = append(w.text, text...)
		w.logprobs = joinLists(w.logprobs, logprobs)
		return
	}
	q.waiting = append(q.waiting, &waiting{kind: kind, text: bytes.Clone(text), logprobs: bytes.Clone(logprobs)})
}

func joinLists(a, b []byte) []byte {
	switch {
	case len(a) <= 2:
		return append(a[:0], b...)
	case len(b) <= 2:
		return a
	}
	return append(append(a[:len(a)-1], ','), b[1:]...)
}

// toolCalls takes a list of calls, or of pieces of calls.
func (q *sequence) toolCalls(dst []byte, b *bench, list []byte) []byte {
	s := &b.calls
	s.Reset(list)
	position := 0
	for s.BeginArray(); s.NextElement(); position++ {
		if s.Kind() != jsonedit.Object {
			s.Value()
			continue
		}
		index := -1
		var id, name, arguments jsonedit.Span
		for s.BeginObject(); s.NextMember(); {
			switch string(s.Key()) {
			case "index":
				if n, err := strconv.Atoi(string(s.Value().Of(list))); err == nil {
					index = n
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
			return dst
		}
		if index < 0 {
			index = q.guessIndex(position, !name.Absent() && literal(list, name) != nil)
		}
		text := literal(list, arguments)
		if text == nil && !arguments.Absent() && (list[arguments.Start] == '{' || list[arguments.Start] == '[') {
			// Arguments that are no string but the object itself.
			b.text = jsonedit.AppendEscaped(b.text[:0], arguments.Of(list))
			text = b.text
		}
		dst = q.call(dst, index, literal(list, id), literal(list, name), text)
	}
	return dst
}

// guessIndex is for servers that leave the index out: a name begins another call.
func (q *sequence) guessIndex(position int, named bool) int {
	highest := -1
	for _, n := range q.closed {
		highest = max(highest, n)
	}
	for _, w := range q.waiting {
		if w.kind == Call {
			highest = max(highest, w.index)
		}
	}
	if q.open && q.part.Kind == Call {
		highest = max(highest, q.index)
	}
	if named || highest < 0 {
		return highest + 1
	}
	return highest
}

// call takes a piece of the call that the upstream counts as index; id and name stand
// as inside string literals and are empty where the piece has none.
func (q *sequence) call(dst []byte, index int, id, name, arguments []byte) []byte {
	if q.open && q.part.Kind == Call && q.index == index {
		dst = q.delta(dst, arguments, nil) // a repeated id or name says nothing new
		return q.proceed(dst)
	}
	for _, n := range q.closed {
		if n == index {
			return dst
		}
	}
	var w *waiting
	for _, other := range q.waiting {
		if other.kind == Call && other.index == index {
			w = other
		}
	}
	if w == nil {
		w = &waiting{kind: Call, index: index}
		q.waiting = append(q.waiting, w)
	}
	if len(w.id) == 0 && len(id) > 0 {
		w.id = unquoted(id)
	}
	if len(w.name) == 0 && len(name) > 0 {
		w.name = unquoted(name)
	}
	w.text = append(w.text, arguments...)
	return q.proceed(dst)
}

func unquoted(inside []byte) []byte {
	quoted := make([]byte, 0, len(inside)+2)
	quoted = append(append(append(quoted, '"'), inside...), '"')
	return jsonedit.AppendUnquoted(nil, quoted)
}

// proceed opens what waits, as far as it may.
func (q *sequence) proceed(dst []byte) []byte {
	for len(q.waiting) > 0 && !(q.open && q.part.Kind == Call && !q.part.Object) {
		w := q.waiting[0]
		if w.kind == Call && len(w.name) == 0 {
			return dst
		}
		q.waiting = q.waiting[1:]
		dst = q.release(dst, w)
	}
	if len(q.waiting) == 0 {
		q.waiting = nil
	}
	return dst
}

// release opens a part that waited and gives it what has come of it.
func (q *sequence) release(dst []byte, w *waiting) []byte {
	if w.kind != Call {
		rest := q.waiting
		q.waiting = nil
		dst = q.piece(dst, w.kind, w.text, w.logprobs)
		q.waiting = append(rest, q.waiting...)
		return dst
	}
	if !q.w.Accept(w.name) || q.turn.SingleCall && q.calls > 0 {
		q.closed = append(q.closed, w.index)
		return dst
	}
	q.calls++
	q.id = q.callID(q.id[:0], w.id)
	q.name = append(q.name[:0], w.name...)
	dst = q.close(dst, false)
	q.index = w.index
	dst = q.begin(dst, Call)
	return q.delta(dst, w.text, nil)
}

// callID is the upstream's id where it is new and of characters that every client
// takes (Anthropic's pattern is ^[a-zA-Z0-9_-]+$), else one made up.
func (q *sequence) callID(dst, id []byte) []byte {
	for _, c := range id {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '-') {
			c = '_'
		}
		dst = append(dst, c)
	}
	for len(dst) == 0 || !q.turn.UseCallID(dst) {
		dst = q.turn.AppendID(dst[:0], q.o.CallPrefix)
	}
	return dst
}

// finish hands on what still waits, closes what is open and ends the turn.
func (q *sequence) finish(dst []byte) []byte {
	cut := q.turn.Finish == "length" || q.turn.Finish == "content_filter"
	nameless := 0
	for len(q.waiting) > 0 {
		w := q.waiting[0]
		q.waiting = q.waiting[1:]
		if w.kind == Call && len(w.name) == 0 {
			nameless++ // nobody could say which tool to run
			continue
		}
		if q.open && q.part.Kind == Call {
			dst = q.close(dst, cut && !q.part.Object) // what waits behind it waits no longer
		}
		dst = q.release(dst, w)
	}
	if q.parts == 0 && len(q.blank) > 0 && q.o.KeepBlank {
		dst = q.begin(dst, Text)
		dst = q.delta(dst, q.blank, nil)
	}
	if nameless > 0 && q.parts == 0 {
		return q.fail(dst, hub.BadUpstream("The model server sent a tool call without the tool's name."))
	}
	dst = q.close(dst, cut)
	return q.w.Finish(dst)
}

func (q *sequence) fail(dst []byte, p *hub.Problem) []byte {
	q.turn.Finish = "error"
	var open *Part
	if q.open {
		open, q.open = &q.part, false
		open.Cut = true
	}
	return q.w.Fail(dst, open, p)
}

// blankPrefix is how many bytes at the start of a literal's inside are white space.
func blankPrefix(text []byte) int { return prefix(text, true) }

// lineFeeds is how many of them are line feeds and carriage returns.
func lineFeeds(text []byte) int { return prefix(text, false) }

func prefix(text []byte, spaces bool) int {
	for i := 0; ; {
		switch {
		case i >= len(text):
			return len(text)
		case spaces && text[i] == ' ':
			i++
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == 'n' || text[i+1] == 'r' || spaces && text[i+1] == 't'):
			i += 2
		default:
			return i
		}
	}
}

// facts notes what a reply or chunk says of the whole turn. known is false for a
// finish_reason that means a failure.
func facts(t *hub.Turn, src []byte, c *hub.Choice) (finished bool) {
	if f := literal(src, c.Finish); len(f) > 0 {
		finished = true
		t.Finish = hub.FinishWord(f)
	}
	if word := literal(src, c.StopReason); word != nil {
		t.StopWord = string(jsonedit.AppendUnquoted(nil, c.StopReason.Of(src)))
	}
	return finished
}

func failure(finish string) bool { return finish == "error" || finish == "abort" }

// Whole takes a whole reply through w. A Problem means that it is none, or an error.
func Whole(dst, body []byte, t *hub.Turn, w Writer, o Options) ([]byte, *hub.Problem) {
	b := benches.Get().(*bench)
	defer benches.Put(b)
	if err := b.view.Read(body); err != nil {
		return dst, hub.BadUpstream("The model server's answer is not valid JSON: %v.", err)
	}
	if p := hub.ErrorInReply(body, &b.view); p != nil {
		return dst, p
	}
	if !b.view.HasChoices || len(b.view.Choices) == 0 || !b.view.Choices[0].HasMessage {
		return dst, hub.BadUpstream("The model server's answer holds no message.")
	}
	q := &sequence{turn: t, w: w, o: o}
	c := &b.view.Choices[0]
	if b.view.HasUsage {
		t.Usage, t.HasUsage = b.view.Usage, true
	}
	facts(t, body, c)
	if failure(t.Finish) {
		return dst, hub.BadUpstream("The model server broke its answer off (finish_reason %q).", t.Finish)
	}
	if repair.IsCutCall(body, &b.view, t) {
		t.Finish = "length"
		t.Repairs |= hub.CutCall
	}
	dst = w.Begin(dst)
	dst = q.choice(dst, b, body, c)
	return q.finish(dst), nil
}

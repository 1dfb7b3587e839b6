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

	// calls are those that the upstream has begun; current is the open one's place among
	// them. handed counts those that were handed on.
	calls     []call
	current   int
	handed    int
	arguments Arguments
	id        []byte
	name      []byte
	// whole: a whole reply, in which each call stands in one piece.
	whole bool

	// blank holds white space at the start of a text that may be nothing else.
	blank         []byte
	blankLogprobs []byte
	// fragments keeps the border between two Deltas out of characters; logprobs are those
	// of what is held back.
	fragments jsonedit.Fragments
	logprobs  []byte
	// waiting holds what came while a call was not complete.
	waiting []*waiting
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

// waiting is a part that can't be opened yet: its call has no name so far, or another
// call is not complete.
type waiting struct {
	kind     Kind
	call     int // of a call: which
	name     []byte
	text     []byte
	logprobs []byte
}

// bench is what one call of Event or Whole needs and the next one can have; between two
// events nobody holds one, so that open streams are small.
type bench struct {
	view    hub.View
	scanner jsonedit.Scanner
	text    []byte
}

var benches = sync.Pool{New: func() any { return new(bench) }}

// choice takes one choice's message or delta: reasoning, then text, then calls.
func (q *sequence) choice(dst []byte, b *bench, src []byte, c *hub.Choice) []byte {
	thinking := literal(src, c.Reasoning.Value)
	if len(thinking) == 0 {
		thinking = literal(src, c.ReasoningContent.Value)
	}
	if len(thinking) > 0 {
		dst = q.reasoning(dst, thinking)
	}
	if text := literal(src, c.Content.Value); len(text) > 0 {
		logprobs := logprobsContent(b, src, c.Logprobs)
		if q.whole && len(logprobs) > 0 && q.turn.Reply.Repairs&hub.ReasoningToContent == 0 {
			calls := c.ToolCalls.Value.Of(src)
			logprobs = textLogprobs(logprobs, text, thinking, len(calls) > 0 && calls[0] == '[' && !jsonedit.IsEmpty(calls))
		}
		dst = q.piece(dst, Text, text, logprobs)
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

func logprobsContent(b *bench, src []byte, at jsonedit.Span) (list []byte) {
	if at.Absent() {
		return nil
	}
	s := &b.scanner
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
	if !q.turn.Request.Thinking && q.turn.Request.Model != nil {
		// With thinking off, some parsers give the whole answer as reasoning.
		q.turn.Reply.Repairs |= hub.ReasoningToContent
		return q.piece(dst, Text, text, nil)
	}
	return q.piece(dst, Reasoning, text, nil)
}

// piece takes a piece of thinking or text.
func (q *sequence) piece(dst []byte, kind Kind, text, logprobs []byte) []byte {
	if q.inCall() || len(q.waiting) > 0 {
		if kind == Text && blankPrefix(text) == len(text) && (len(q.waiting) == 0 || q.waiting[len(q.waiting)-1].kind != Text) {
			return dst // white space between the pieces of a call
		}
		q.wait(kind, text, logprobs)
		return dst
	}
	if q.open && q.part.Kind == kind {
		return q.delta(dst, text, logprobs)
	}
	switch kind {
	case Refusal:
		if text = text[blankPrefix(text):]; len(text) == 0 {
			return dst
		}
	case Text:
		// A text that is only white space makes no part: vLLM leaves line feeds between
		// thinking and a call.
		n := blankPrefix(text)
		if n == len(text) {
			q.blank = jsonedit.PutBytes(q.blank, text)
			q.blankLogprobs = joinLists(q.blankLogprobs, logprobs)
			return dst
		}
		if q.parts > 0 && q.last == Reasoning {
			blank := jsonedit.PutBytes(q.blank, text[:n])
			text = text[n:]
			blank = blank[lineFeeds(blank):]
			if len(blank) > 0 {
				text = jsonedit.PutBytes(blank, text)
			}
		} else if len(q.blank) > 0 {
			text = jsonedit.PutBytes(q.blank, text)
		}
		if len(q.blankLogprobs) > 0 {
			logprobs = joinLists(q.blankLogprobs, logprobs)
		}
		q.blank, q.blankLogprobs = nil, nil
	}
	dst = q.begin(dst, kind)
	return q.delta(dst, text, logprobs)
}

// inCall tells whether a call is open that may go on.
func (q *sequence) inCall() bool {
	return q.open && q.part.Kind == Call && !q.part.Object && !q.calls[q.current].ended
}

// begin closes what is open and opens a part.
func (q *sequence) begin(dst []byte, kind Kind) []byte {
	dst = q.close(dst, false)
	if kind != Text {
		q.blank, q.blankLogprobs = nil, nil
	}
	q.part = Part{Kind: kind, Index: q.parts, ID: q.part.ID[:0], Name: q.part.Name[:0], Empty: true}
	q.parts++
	q.last, q.open = kind, true
	if kind == Call {
		q.arguments.Reset()
		q.part.ID, q.part.Name = jsonedit.PutBytes(q.part.ID, q.id), jsonedit.PutBytes(q.part.Name, q.name)
	}
	return q.w.Open(dst, &q.part)
}

func (q *sequence) delta(dst, text, logprobs []byte) []byte {
	text = q.fragments.Next(text)
	if len(text) == 0 {
		q.logprobs = joinLists(q.logprobs, logprobs)
		return dst
	}
	if len(q.logprobs) > 0 {
		logprobs = joinLists(q.logprobs, logprobs)
		q.logprobs = nil
	}
	return q.write(dst, text, logprobs)
}

func (q *sequence) write(dst, text, logprobs []byte) []byte {
	if q.part.Kind == Call {
		q.arguments.Feed(text)
		q.part.Object = q.arguments.Object()
	}
	q.part.Empty = false
	return q.w.Delta(dst, &q.part, text, logprobs)
}

// flush writes what was held back of the open part.
func (q *sequence) flush(dst []byte) []byte {
	if rest := q.fragments.End(); len(rest) > 0 {
		dst = q.write(dst, rest, q.logprobs)
	}
	q.logprobs = nil
	return dst
}

func (q *sequence) close(dst []byte, cut bool) []byte {
	if !q.open {
		return dst
	}
	dst = q.flush(dst)
	q.open = false
	q.part.Cut = cut
	if q.part.Kind == Call {
		q.calls[q.current].over = true
	}
	return q.w.Close(dst, &q.part)
}

// wait keeps a piece until the open call is complete.
func (q *sequence) wait(kind Kind, text, logprobs []byte) {
	if n := len(q.waiting); n > 0 && q.waiting[n-1].kind == kind && kind != Call {
		w := q.waiting[n-1]
		w.text = jsonedit.PutBytes(w.text, text)
		w.logprobs = joinLists(w.logprobs, logprobs)
		return
	}
	q.waiting = append(q.waiting, &waiting{kind: kind, text: bytes.Clone(text), logprobs: bytes.Clone(logprobs)})
}

// joinLists appends the elements of the list b to a, which is the sequence's own; either
// may be nil.
func joinLists(a, b []byte) []byte {
	switch {
	case len(b) == 0 || jsonedit.IsEmpty(b):
		return a
	case len(a) == 0 || jsonedit.IsEmpty(a):
		return jsonedit.PutBytes(a[:0], b)
	}
	return jsonedit.PutBytes(append(a[:len(a)-1], ','), b[1:])
}

// toolCalls takes a list of calls, or of pieces of calls.
func (q *sequence) toolCalls(dst []byte, b *bench, list []byte) []byte {
	s := &b.scanner
	s.Reset(list)
	for s.BeginArray(); s.NextElement(); {
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
		text := literal(list, arguments)
		if text == nil && !arguments.Absent() && (list[arguments.Start] == '{' || list[arguments.Start] == '[') {
			// Arguments that are no string but the object itself.
			b.text = jsonedit.AppendEscaped(b.text[:0], arguments.Of(list))
			text = b.text
		}
		n := q.find(index, literal(list, id), len(literal(list, name)) > 0)
		dst = q.callPiece(dst, n, literal(list, name), text)
	}
	return dst
}

// find returns the call that a piece belongs to, by its index and id (-1 and empty for
// none) and whether it has a name.
//
// OpenAI's streams count calls by index. Some servers leave it out, and some give every
// call the index 0: then another id together with a name, or a name alone where neither
// index nor id is given, begins another call.
func (q *sequence) find(index int, id []byte, named bool) int {
	newest := len(q.calls) - 1
	at := -1
	for i := newest; i >= 0 && at < 0 && !q.whole; i-- {
		c := &q.calls[i]
		switch {
		case index >= 0:
			if c.index == index {
				at = i
			}
		case len(id) > 0:
			if bytes.Equal(c.id, id) {
				at = i
			}
		default:
			at = newest
		}
	}
	switch {
	case at >= 0 && index >= 0:
		if c := &q.calls[at]; named && c.named && len(id) > 0 && len(c.id) > 0 && !bytes.Equal(c.id, id) {
			c.ended, at = true, -1
		}
	case at >= 0:
		if len(id) == 0 && named && q.calls[at].named {
			at = -1
		}
	case index < 0 && newest >= 0 && len(q.calls[newest].id) == 0 && !(named && q.calls[newest].named) && !q.whole:
		at = newest // its id comes late
	}
	if at < 0 {
		if (index < 0 || q.whole) && newest >= 0 {
			q.calls[newest].ended = true
		}
		at = len(q.calls)
		q.calls = append(q.calls, call{index: index})
	}
	c := &q.calls[at]
	if len(c.id) == 0 && len(id) > 0 {
		c.id = bytes.Clone(id)
	}
	c.named = c.named || named
	return at
}

// callPiece takes a piece of the call n; name stands as inside a string literal and is
// empty where the piece has none.
func (q *sequence) callPiece(dst []byte, n int, name, arguments []byte) []byte {
	switch {
	case q.calls[n].over:
		return dst
	case q.open && q.part.Kind == Call && q.current == n:
		// A repeated id or name says nothing new.
		return q.proceed(q.delta(dst, arguments, nil))
	}
	var w *waiting
	for _, other := range q.waiting {
		if other.kind == Call && other.call == n {
			w = other
		}
	}
	if w == nil {
		w = &waiting{kind: Call, call: n}
		q.waiting = append(q.waiting, w)
	}
	if len(w.name) == 0 && len(name) > 0 {
		w.name = unquoted(name)
	}
	w.text = jsonedit.PutBytes(w.text, arguments)
	return q.proceed(dst)
}

func unquoted(inside []byte) []byte {
	return bytes.ToValidUTF8(jsonedit.AppendUnescaped(nil, inside), []byte("\uFFFD"))
}

// proceed opens what waits, as far as it may.
func (q *sequence) proceed(dst []byte) []byte {
	for len(q.waiting) > 0 && !q.inCall() {
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
	if !q.w.Accept(w.name) || q.turn.Request.SingleCall && q.handed > 0 {
		q.calls[w.call].over = true
		return dst
	}
	q.handed++
	q.id = q.callID(q.id[:0], unquoted(q.calls[w.call].id))
	q.name = jsonedit.PutBytes(q.name[:0], w.name)
	dst = q.close(dst, false)
	q.current = w.call
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
	cut := q.turn.Reply.Finish == "length" || q.turn.Reply.Finish == "content_filter"
	nameless := 0
	for len(q.waiting) > 0 {
		if q.inCall() {
			dst = q.close(dst, cut) // what waits behind it waits no longer
		}
		w := q.waiting[0]
		q.waiting = q.waiting[1:]
		if w.kind == Call && len(w.name) == 0 {
			nameless++ // nobody could say which tool to run
			continue
		}
		dst = q.release(dst, w)
	}
	if q.parts == 0 && len(q.blank) > 0 && q.o.KeepBlank {
		dst = q.begin(dst, Text)
		dst = q.delta(dst, q.blank, q.blankLogprobs)
	}
	if nameless > 0 && q.parts == 0 {
		return q.fail(dst, hub.BadUpstream("The model server sent a tool call without the tool's name."))
	}
	q.part.Last = true
	dst = q.close(dst, cut)
	return q.w.Finish(dst)
}

func (q *sequence) fail(dst []byte, p *hub.Problem) []byte {
	q.turn.Reply.Finish = "error"
	var open *Part
	if q.open {
		dst = q.flush(dst)
		open, q.open = &q.part, false
		open.Cut, open.Last = true, true
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
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == 'n' || text[i+1] == 'r' || spaces && (text[i+1] == 't' || text[i+1] == 'f')):
			i += 2
		default:
			return i
		}
	}
}

// facts notes how a reply or chunk says that the turn ended: its finish_reason and the
// stop string. finished says that there was a finish_reason, a failure's too.
func facts(t *hub.Turn, src []byte, c *hub.Choice) (finished bool) {
	if f := literal(src, c.Finish); len(f) > 0 {
		finished = true
		t.Reply.Finish = hub.FinishWord(f)
	}
	if word := literal(src, c.StopReason); word != nil {
		t.Reply.StopWord = string(jsonedit.AppendUnquoted(nil, c.StopReason.Of(src)))
	}
	return finished
}

func failure(finish string) bool { return finish == "error" || finish == "abort" }

// Whole takes a whole reply through w. A Problem means that it is none, or an error.
func Whole(dst, body []byte, t *hub.Turn, w Writer, o Options) ([]byte, *hub.Problem) {
	b := benches.Get().(*bench)
	defer benches.Put(b)
	if p := hub.ReadReply(body, &b.view); p != nil {
		return dst, p
	}
	if !b.view.HasChoices || len(b.view.Choices) == 0 || !b.view.Choices[0].HasMessage {
		return dst, hub.BadUpstream("The model server's answer holds no message.")
	}
	q := &sequence{turn: t, w: w, o: o, whole: true}
	c := &b.view.Choices[0]
	if b.view.HasUsage {
		t.Reply.Usage, t.Reply.HasUsage = b.view.Usage, true
	}
	facts(t, body, c)
	if failure(t.Reply.Finish) {
		return dst, hub.BadUpstream("The model server broke its answer off (finish_reason %q).", t.Reply.Finish)
	}
	if repair.IsCutCall(body, &b.view, t) {
		t.Reply.Finish = "length"
		t.Reply.Repairs |= hub.CutCall
	}
	dst = w.Begin(dst)
	dst = q.choice(dst, b, body, c)
	return q.finish(dst), nil
}

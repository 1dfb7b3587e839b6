package parts

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/repair"
)

// sequence is the order of one turn: what the upstream says goes into the open part,
// opens the next one, or waits for it.
type sequence struct {
	output
	turn *hub.Turn
	o    Options

	calls hub.Calls
	// current is the open call's place among calls. handed counts those that were handed on.
	current, handed int
	// choices: the upstream has sent a choice; spoke: one with a message or delta.
	choices, spoke bool
	// said and probable count the bytes of what the upstream has said, and of its
	// log-probabilities: the Writer may keep all of it, as what waits does.
	said, probable int
	// nameless counts the calls without a name: nobody could say which tool to run.
	nameless int
	// hidden counts the pieces of thinking that were not handed on.
	hidden int
	// id and name are those of the call to open.
	id, name []byte

	// blank is white space at the start of a text that may be nothing else.
	blank blank
	// stops ends the text. early: of what comes, min_tokens may have to come first. stopped: it
	// has ended, and nothing more is handed on.
	stops   repair.Stops
	early   bool
	stopped bool
	// waiting holds what came while a call was not complete.
	waiting []*waiting
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

// choice takes one choice's message or delta: reasoning, then text, then calls.
func (q *sequence) choice(dst []byte, b *scratch, src []byte, c *hub.Choice) []byte {
	thinking := hub.Literal(src, c.Reasoning.Value)
	if len(thinking) == 0 {
		thinking = hub.Literal(src, c.ReasoningContent.Value)
	}
	q.probable += c.Logprobs.End - c.Logprobs.Start
	if len(thinking) > 0 {
		q.said += len(thinking)
		dst = q.reasoning(dst, thinking)
	}
	if text := hub.Literal(src, c.Content.Value); len(text) > 0 {
		q.said += len(text)
		var logprobs []byte
		if list := repair.Logprobs(&b.scanner, src, c.Logprobs); !list.Absent() {
			logprobs = list.Of(src)
		}
		if q.calls.Whole && len(logprobs) > 0 && q.turn.Reply.Repairs&hub.ReasoningToContent == 0 {
			logprobs = repair.TextLogprobs(logprobs, text, thinking, c.Calls(src) != nil)
		}
		dst = q.piece(dst, Text, text, logprobs)
	}
	if text := hub.Literal(src, c.Refusal.Value); len(text) > 0 {
		q.said += len(text)
		dst = q.piece(dst, Refusal, text, nil)
	}
	if calls := c.Calls(src); calls != nil {
		dst = q.toolCalls(dst, b, calls)
	} else if !c.FunctionCall.Absent() {
		b.list = hub.AppendCallList(b.list[:0], c.FunctionCall.Of(src))
		dst = q.toolCalls(dst, b, b.list)
	}
	return dst
}

func (q *sequence) reasoning(dst, text []byte) []byte {
	if !q.turn.Request.Thinking && q.turn.Request.Model != nil {
		// With thinking off, some parsers give the whole answer as reasoning.
		q.turn.Reply.Repairs |= hub.ReasoningToContent
		return q.piece(dst, Text, text, nil)
	}
	if q.o.HideReasoning {
		return q.hide(dst)
	}
	return q.piece(dst, Reasoning, text, nil)
}

// hide takes a piece of thinking that is not handed on. The client hears now and then that
// the model is at work: an edge's own beats are for an upstream's silence.
func (q *sequence) hide(dst []byte) []byte {
	q.hidden++
	if q.hidden%hiddenBeat == 0 {
		return q.w.Beat(dst, q.hidden/hiddenBeat)
	}
	return dst
}

// hiddenBeat is how many pieces of hidden thinking lie between two beats: a second or two.
const hiddenBeat = 64

// piece takes a piece of thinking or text.
func (q *sequence) piece(dst []byte, kind Kind, text, logprobs []byte) []byte {
	if q.stopped {
		return dst
	}
	if q.inCall() || len(q.waiting) > 0 {
		if kind == Text && jsonedit.Blank(text) == len(text) && (len(q.waiting) == 0 || q.waiting[len(q.waiting)-1].kind != Text) {
			return dst // white space between the pieces of a call
		}
		q.wait(kind, text, logprobs)
		return dst
	}
	if q.open && q.part.Kind == kind {
		if text, logprobs = q.untilStop(kind, text, logprobs); len(text) == 0 {
			return dst
		}
		return q.delta(dst, text, logprobs)
	}
	switch kind {
	case Refusal:
		if text = text[jsonedit.Blank(text):]; len(text) == 0 {
			return dst
		}
	case Text:
		if n := jsonedit.Blank(text); !q.stops.Holding() {
			if n == len(text) {
				q.blank.hold(text, logprobs)
				return dst
			}
			text, logprobs = q.blank.release(text, logprobs, n, q.count > 0 && q.last == Reasoning || q.count == 0 && q.hidden > 0)
		}
		if text, logprobs = q.untilStop(kind, text, logprobs); len(text) == 0 {
			return dst
		}
	}
	dst = q.begin(dst, kind)
	return q.delta(dst, text, logprobs)
}

// untilStop is what of a piece can go on where stop strings end the text.
func (q *sequence) untilStop(kind Kind, text, logprobs []byte) ([]byte, []byte) {
	if kind != Text || q.stops.Passes(q.turn, text) {
		return text, logprobs
	}
	piece := q.stops.Next(q.turn, text, logprobs, q.early)
	if piece.Word != nil {
		q.stopped, q.waiting = true, nil
		q.turn.Reply.Finish, q.turn.Reply.FinishSaid, q.turn.Reply.StopWord = "stop", "", string(piece.Word)
	}
	return piece.Text, piece.Logprobs
}

// unhold hands on what untilStop holds back, where no more of the text comes.
func (q *sequence) unhold(dst []byte) []byte {
	if !q.stops.Holding() {
		return dst
	}
	text, logprobs, _ := q.stops.Rest(q.turn, &q.calls, q.turn.Reply.Finish == "length")
	if len(text) == 0 {
		return dst
	}
	if !q.open || q.part.Kind != Text {
		dst = q.begin(dst, Text)
	}
	return q.delta(dst, text, logprobs)
}

// inCall tells whether a call is open that may go on.
func (q *sequence) inCall() bool {
	return q.open && q.part.Kind == Call && !q.part.Object && !q.calls.List[q.current].Ended
}

// begin closes what is open and opens a part.
func (q *sequence) begin(dst []byte, kind Kind) []byte {
	if kind != Text {
		dst = q.unhold(dst)
	}
	dst = q.close(dst, false)
	if kind != Text {
		q.blank = blank{}
	}
	if kind == Refusal {
		q.turn.Reply.Refused = true
	}
	return q.openPart(dst, kind, q.id, q.name)
}

// close closes what is open.
func (q *sequence) close(dst []byte, cut bool) []byte {
	if !q.open {
		return dst
	}
	if q.part.Kind == Call {
		call := &q.calls.List[q.current]
		call.Over = true
		cut = cut || call.Arguments.Open()
	}
	return q.closePart(dst, cut)
}

// wait keeps a piece until the open call is complete.
func (q *sequence) wait(kind Kind, text, logprobs []byte) {
	if n := len(q.waiting); n > 0 && q.waiting[n-1].kind == kind && kind != Call {
		w := q.waiting[n-1]
		w.text = jsonedit.PutBytes(w.text, text)
		w.logprobs = repair.JoinLogprobs(w.logprobs, logprobs)
		return
	}
	q.waiting = append(q.waiting, &waiting{kind: kind, text: bytes.Clone(text), logprobs: bytes.Clone(logprobs)})
}

// callNotes is about what is noted of a call beside its text, in bytes.
const callNotes = 64

// toolCalls takes a list of calls, or of pieces of calls.
func (q *sequence) toolCalls(dst []byte, b *scratch, list []byte) []byte {
	if q.stopped {
		return dst
	}
	s := &b.scanner
	s.Reset(list)
	for s.BeginArray(); s.NextElement(); {
		if kind := s.Kind(); kind != jsonedit.Object {
			if s.Value(); kind != jsonedit.Null {
				q.nameless++
			}
			continue
		}
		d := &b.call
		if d.Read(s, list); s.Err() != nil {
			return dst
		}
		dst = q.callPiece(dst, q.calls.Find(d), d.Name, d.Arguments)
	}
	return dst
}

// callPiece takes a piece of the call n; name stands as inside a string literal and is
// empty where the piece has none.
func (q *sequence) callPiece(dst []byte, n int, name, arguments []byte) []byte {
	q.said += len(name) + len(arguments) + callNotes
	switch {
	case q.calls.List[n].Over:
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
	if len(name) > 0 {
		w.name = q.joinName(w.name, unquoted(name))
	}
	w.text = jsonedit.PutBytes(w.text, arguments)
	return q.proceed(dst)
}

// joinName is a name with one more piece. A server that says the whole name again, or more of it
// each time, says nothing new, or all of it.
func (q *sequence) joinName(name, piece []byte) []byte {
	if len(name) == 0 || bytes.Equal(name, piece) {
		return piece
	}
	joined := append(name[:len(name):len(name)], piece...)
	switch {
	case q.w.Offered(joined):
	case q.w.Offered(name):
		return name
	case q.w.Offered(piece), bytes.HasPrefix(piece, name):
		return piece
	}
	return joined
}

// named tells whether the name of a call that waits is whole. One that is no tool's may be the
// first piece of one until something else of the call, or another call, has come.
func (q *sequence) named(w *waiting) bool {
	switch {
	case len(w.name) == 0:
		return false
	case len(w.text) > 0 || q.calls.Whole || w.call < len(q.calls.List)-1:
		return true
	}
	return q.w.Offered(w.name)
}

func unquoted(inside []byte) []byte {
	return bytes.ToValidUTF8(jsonedit.AppendUnescaped(nil, inside), []byte("\uFFFD"))
}

// proceed opens what waits, as far as it may.
func (q *sequence) proceed(dst []byte) []byte {
	for len(q.waiting) > 0 && !q.inCall() {
		w := q.waiting[0]
		if w.kind == Call && !q.named(w) {
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
		if q.waiting = append(rest, q.waiting...); q.stopped {
			q.waiting = nil
		}
		return dst
	}
	if !q.w.Accept(w.name) || q.turn.Request.SingleCall && q.handed > 0 {
		q.calls.List[w.call].Over = true
		return dst
	}
	q.handed++
	q.id = q.callID(q.id[:0], unquoted(q.calls.List[w.call].ID))
	q.name = jsonedit.PutBytes(q.name[:0], w.name)
	dst = q.close(q.unhold(dst), false)
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
	if f := q.turn.Reply.Finish; q.choices && !q.spoke && f != "length" {
		q.turn.Reply.Finish = "content_filter" // filters take the message away, and some name another reason
	}
	dst = q.unhold(dst)
	cut := q.cutFinish()
	for len(q.waiting) > 0 {
		if q.inCall() {
			dst = q.close(dst, cut) // what waits behind it waits no longer
		}
		w := q.waiting[0]
		q.waiting = q.waiting[1:]
		if w.kind == Call && len(w.name) == 0 {
			q.nameless++
			continue
		}
		dst = q.release(dst, w)
	}
	if q.count == 0 && len(q.blank.text) > 0 && q.o.KeepBlank {
		dst = q.begin(dst, Text)
		dst = q.delta(dst, q.blank.text, q.blank.logprobs)
	}
	if q.nameless > 0 && q.count == 0 {
		return q.fail(dst, hub.BadUpstream("The model server sent a tool call without the tool's name."))
	}
	dst = q.unhold(dst)
	cut = q.cutFinish()
	q.part.Last = true
	dst = q.close(dst, cut && !q.stopped && !q.calls.Broken) // of a broken call nothing was shown, and it came last
	return q.w.Finish(dst)
}

// cutFinish makes the turn's finish honest, and tells whether the turn was cut.
func (q *sequence) cutFinish() bool {
	if finish := hub.CutFinish(q.turn.Reply.Finish, &q.calls); finish != q.turn.Reply.Finish {
		q.turn.Reply.Finish = finish
		q.turn.Reply.Repairs |= hub.CutCall
	}
	return q.turn.Reply.Finish == "length" || q.turn.Reply.Finish == "content_filter"
}

// fail ends the turn for a fault.
func (q *sequence) fail(dst []byte, p *hub.Problem) []byte {
	q.turn.Reply.Finish = "error"
	return q.failTurn(q.unhold(dst), p)
}

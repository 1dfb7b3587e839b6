package editor

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/history"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// sortResults puts results behind their calls, in the order of the calls, says which are missing
// among them, and puts images that stand in a result as JSON behind it: what package history does
// for other dialects. Qwen's templates show results without ids, so the model pairs them by
// position, and an answer of one tool would be read as another's. It gives the text as it shall be,
// nil for as it is: nearly all requests are right, and for the others a second walk costs less than
// edits that move would cost all.
func sortResults(d *document, l *messageList) []byte {
	if !l.wantsSorting(d.src) {
		return nil
	}
	o := resultOrder{src: d.src, list: l}
	o.pair()
	return o.write(d)
}

// wantsSorting tells whether something of the results may have to change. Ids are compared as they
// are written, so it may say so in vain.
func (l *messageList) wantsSorting(src []byte) bool {
	for i := 0; i < len(l.noted); {
		end, calls := l.turn(i)
		next := calls[0]
		for i = end; i < len(l.noted) && (l.noted[i].role == toolRole || l.noted[i].role.isSystem()); i++ {
			m := &l.noted[i]
			if m.role != toolRole {
				continue
			}
			if next == calls[1] || !bytes.Equal(l.callIDs[next].Of(src), m.id.Of(src)) || hasImages(src, m.content) {
				return true
			}
			next++
		}
		if next > calls[0] && next < calls[1] {
			return true
		}
		i = max(i, end)
	}
	return false
}

// turn is what the assistant says from message i on, up to another's message, and the numbers of the
// first of its calls and the one behind its last; another's message is a turn without calls.
func (l *messageList) turn(i int) (end int, calls [2]int) {
	for end = i; end < len(l.noted) && l.noted[end].role == assistantRole; end++ {
		if c := l.noted[end].calls; c[1] > c[0] {
			if calls[1] == 0 {
				calls[0] = c[0]
			}
			calls[1] = c[1]
		}
	}
	if end == i && l.noted[i].role != toolRole && !l.noted[i].role.isSystem() {
		end++
	}
	return end, calls
}

// hasImages tells whether a result's content may be images in the form of a text.
func hasImages(src []byte, content jsonedit.Span) bool {
	text := hub.Literal(src, content)
	if len(text) == 0 {
		return false
	}
	_, images := history.Unpack(text, nil)
	return images != nil
}

// resultOrder is the order of the messages of one request with results where they belong.
type resultOrder struct {
	src   []byte
	list  *messageList
	turns []resultTurn
	pairs history.Pairs // by the numbers of turns and callIDs
	// results holds for each call the number of its result's message, counted from 1; taken tells
	// of each message whether it is one.
	results []int
	taken   []bool

	out     []byte
	count   int    // of messages written
	next    int    // the message that is next where nothing is moved
	images  []byte // content parts of the results just written
	changes hub.Change
}

// resultTurn is what the assistant says at a time: its messages, and its calls.
type resultTurn struct {
	start, end int
	calls      [2]int
	// answered: a result is there. loose: one behind it is of no call, so that none can be said to
	// be missing.
	answered, loose bool
}

// pair finds the call of each result.
func (o *resultOrder) pair() {
	o.results, o.taken = make([]int, len(o.list.callIDs)), make([]bool, len(o.list.noted))
	for i := 0; i < len(o.list.noted); {
		end, calls := o.list.turn(i)
		if calls[1] > calls[0] {
			o.addTurn(resultTurn{start: i, end: end, calls: calls})
		}
		inRun := calls[1] > calls[0]
		for i = end; i < len(o.list.noted) && (o.list.noted[i].role == toolRole || o.list.noted[i].role.isSystem()); i++ {
			if o.list.noted[i].role == toolRole && !o.answer(i) && inRun {
				o.turns[len(o.turns)-1].loose = true
			}
		}
	}
}

func (o *resultOrder) addTurn(t resultTurn) {
	n := len(o.turns)
	for c := t.calls[0]; c < t.calls[1]; c++ {
		id := idOf(o.list.callIDs[c].Of(o.src))
		if id == nil {
			t.loose = true
			continue
		}
		o.pairs.Call(n, c, id)
	}
	o.turns = append(o.turns, t)
}

// idOf is a call's id, nil for none. Some clients number their calls.
func idOf(raw []byte) []byte {
	switch {
	case jsonedit.IsString(raw):
		return jsonedit.Text(raw)
	case len(raw) > 0 && jsonedit.KindOf(raw[0]) == jsonedit.Number:
		return raw
	}
	return nil
}

// answer gives a result to its call, and tells whether it has one.
func (o *resultOrder) answer(message int) bool {
	id := idOf(o.list.noted[message].id.Of(o.src))
	if id == nil {
		return false
	}
	of, ok := o.pairs.Result(id)
	if !ok || of.Again {
		return false
	}
	o.results[of.Call], o.taken[message], o.turns[of.Turn].answered = message+1, true, true
	return true
}

// write writes the request anew; nil where that changes nothing.
func (o *resultOrder) write(d *document) []byte {
	l := o.list
	if len(l.noted) == 0 {
		return nil
	}
	o.out = append(make([]byte, 0, len(o.src)+1024), o.src[:l.noted[0].at.Start]...)
	turn := 0
	for i := range l.noted {
		if !o.taken[i] {
			o.message(i)
		}
		if turn < len(o.turns) && i+1 == o.turns[turn].end {
			o.turn(&o.turns[turn])
			turn++
		}
	}
	o.putImages()
	if o.changes == 0 {
		return nil
	}
	d.changed(o.changes)
	return append(o.out, o.src[l.noted[len(l.noted)-1].at.End:]...)
}

// turn writes the results of a turn's calls.
func (o *resultOrder) turn(t *resultTurn) {
	for c := t.calls[0]; c < t.calls[1]; c++ {
		switch {
		case o.results[c] > 0:
			o.message(o.results[c] - 1)
		case t.answered && !t.loose:
			o.separate()
			o.out = jsonedit.PutBetween(o.out, `{"role":"tool","tool_call_id":`, o.list.callIDs[c].Of(o.src), `,"content":"`+history.NoResult+`"}`)
			o.changes |= hub.ResultsFilled
		}
	}
}

// message writes a message of the request.
func (o *resultOrder) message(i int) {
	m := &o.list.noted[i]
	if m.role != toolRole {
		o.putImages()
	}
	if i != o.next {
		o.changes |= hub.ResultsSorted
	}
	o.next = i + 1
	o.separate()
	if text := hub.Literal(o.src, m.content); m.role == toolRole && len(text) > 0 {
		before := len(o.images)
		if text, o.images = history.Unpack(text, o.images); len(o.images) > before {
			if len(text) == 0 {
				text = []byte(history.ImageNote)
			}
			o.out = jsonedit.PutBetween(o.out, string(o.src[m.at.Start:m.content.Start])+`"`, text, `"`)
			o.out = jsonedit.PutBytes(o.out, o.src[m.content.End:m.at.End])
			o.changes |= hub.ImagesUnpacked
			return
		}
	}
	o.out = jsonedit.PutBytes(o.out, m.at.Of(o.src))
}

// putImages writes a user's message with the images of the results before it.
func (o *resultOrder) putImages() {
	if len(o.images) == 0 {
		return
	}
	o.separate()
	o.out = jsonedit.PutBetween(o.out, `{"role":"user","content":[`, o.images, `]}`)
	o.images = o.images[:0]
}

// separate writes what stands between two messages: what stood at that place before.
func (o *resultOrder) separate() {
	o.count++
	switch l := o.list; {
	case o.count == 1:
	case o.count <= len(l.noted):
		o.out = jsonedit.PutBytes(o.out, o.src[l.noted[o.count-2].at.End:l.noted[o.count-1].at.Start])
	default:
		o.out = append(o.out, ',')
	}
}

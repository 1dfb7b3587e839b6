package editor

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// resultOrder puts results into the order of their calls. Qwen's templates show results without
// ids, so the model pairs them by position, and an answer of one tool would be read as another's.
type resultOrder struct {
	results []result
	moved   []byte // what is moved, on its way
}

// result is a tool message behind an assistant's turn.
type result struct {
	at     jsonedit.Span
	rank   int // the place of its call
	source int // which result goes to this one's place
}

// sort moves results in the text itself, and tells whether it has. Where things stand is noted
// anew then: nearly all requests have the order right, and for the others a second walk costs
// less than edits that move would cost all.
func (o *resultOrder) sort(d *document, l *messageList) (moved bool) {
	for i := 0; i < len(l.noted); i++ {
		calls := l.callIDs[l.noted[i].calls[0]:l.noted[i].calls[1]]
		if l.noted[i].role != assistantRole || len(calls) < 2 {
			continue
		}
		end := i + 1
		for end < len(l.noted) && (l.noted[end].role == toolRole || l.noted[end].role.isSystem()) {
			end++
		}
		if o.rank(d.src, l.noted[i+1:end], calls) {
			o.write(d.src)
			moved = true
		}
		i = end - 1
	}
	if moved {
		d.changed(hub.ResultsSorted)
	}
	return moved
}

// rank notes the results of calls, and tells whether their order is another.
func (o *resultOrder) rank(src []byte, messages []message, calls []jsonedit.Span) bool {
	o.results = o.results[:0]
	next, right := 0, true
	for i := range messages {
		m := &messages[i]
		if m.role != toolRole {
			continue
		}
		for right && next < len(calls) && !bytes.Equal(calls[next].Of(src), m.id.Of(src)) {
			next++
		}
		right = right && next < len(calls)
		o.results = append(o.results, result{at: m.at})
	}
	if right || len(o.results) < 2 {
		return false
	}
	ranks := make(map[string]int, len(calls))
	for i := len(calls) - 1; i >= 0; i-- {
		if id := calls[i].Of(src); jsonedit.IsString(id) {
			ranks[string(jsonedit.Text(id))] = i
		}
	}
	n := 0
	for i := range messages {
		if m := &messages[i]; m.role == toolRole {
			o.results[n].rank = len(calls) // what answers none of them stays behind
			if id := m.id.Of(src); jsonedit.IsString(id) {
				if rank, known := ranks[string(jsonedit.Text(id))]; known {
					o.results[n].rank = rank
				}
			}
			n++
		}
	}
	return o.sorted(len(calls))
}

// sorted notes for each place which result goes there, and tells whether it is another than the
// one that stands there. It counts, since no more ranks than ids were read.
func (o *resultOrder) sorted(ranks int) (moved bool) {
	from := make([]int, ranks+2) // the first place of each rank
	for i := range o.results {
		from[o.results[i].rank+1]++
	}
	for rank := range ranks + 1 {
		from[rank+1] += from[rank]
	}
	for i := range o.results {
		place := &from[o.results[i].rank]
		o.results[*place].source = i
		moved = moved || *place != i
		*place++
	}
	return moved
}

// write puts each result into its place. What stood between two places stays there.
func (o *resultOrder) write(src []byte) {
	o.moved = o.moved[:0]
	for i := range o.results {
		if i > 0 {
			o.moved = jsonedit.PutBytes(o.moved, src[o.results[i-1].at.End:o.results[i].at.Start])
		}
		o.moved = jsonedit.PutBytes(o.moved, o.results[o.results[i].source].at.Of(src))
	}
	copy(src[o.results[0].at.Start:], o.moved)
}

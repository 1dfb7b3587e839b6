package parts

import (
	"sync"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/repair"
)

// scratch is the working memory of one call of Event or Whole. It comes from a pool, and
// between two events nobody holds one, so that open streams are small.
type scratch struct {
	view    hub.View
	scanner jsonedit.Scanner
	call    hub.CallDelta
	list    []byte // of a call in the old form
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// facts notes how a reply or chunk says that the turn ended: its finish_reason and the
// stop string. finished says that there was a finish_reason, a failure's too.
func facts(t *hub.Turn, src []byte, c *hub.Choice) (finished bool) {
	if f := hub.Literal(src, c.Finish); len(f) > 0 {
		finished = true
		t.Reply.NoteFinish(f)
	}
	if word := hub.Literal(src, c.StopReason); word != nil {
		t.Reply.StopWord = string(jsonedit.AppendUnquoted(nil, c.StopReason.Of(src)))
	}
	return finished
}

// Whole takes a whole reply through w. A Problem means that it is none, or an error.
func Whole(dst, body []byte, t *hub.Turn, w Writer, o Options) ([]byte, *hub.Problem) {
	b := scratches.Get().(*scratch)
	defer scratches.Put(b)
	src, p := hub.ReadReply(body, &b.view)
	if p != nil {
		return dst, p
	}
	if len(b.view.Choices) == 0 || b.view.Choices[0].Misshapen || b.view.Choices[0].Empty(src) {
		return dst, hub.NoMessage()
	}
	if repair.WantsWindow(src, &b.view, t) {
		t.AskWindow(func(dst []byte) ([]byte, *hub.Problem) { return Whole(dst, body, t, w, o) })
		return dst, nil
	}
	q := &sequence{output: output{w: w}, turn: t, o: o, calls: hub.Calls{Whole: true}}
	c := &b.view.Choices[0]
	if b.view.HasUsage {
		t.Reply.Usage, t.Reply.HasUsage = b.view.Usage, true
	}
	facts(t, src, c)
	q.choices, q.spoke, q.early = true, c.HasMessage, repair.Early(&b.view, t)
	if p := hub.BrokenOff(t.Reply.Finish); p != nil {
		return dst, p
	}
	if repair.IsCutCall(src, &b.view, t) {
		t.Reply.Finish = "length"
		t.Reply.Repairs |= hub.CutCall
	}
	dst = w.Begin(dst)
	dst = q.choice(dst, b, src, c)
	return q.finish(dst), nil
}

// Package chat is the Chat Completions dialect, and with it the routes that are a part
// of it: /v1/completions, /tokenize, /detokenize. They are the hub's own form, so
// requests and replies are edited in place: what needs no change keeps its bytes.
//
// It imports editor, hub, repair, jsonedit and sse.
package chat

import (
	"sync"

	"github.com/qwenvoy/qwenvoy/shared/editor"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/repair"
)

// Dialect serves the routes whose requests have the given form.
type Dialect struct{ Form editor.Form }

var _ hub.Dialect = Dialect{}

// The forms of the four routes. /v1/completions has no template and so neither
// thinking nor sampling values; /tokenize counts what chat would send.
var (
	Chat        = Dialect{editor.Form{Messages: true, Sampling: true, Limits: true}}
	Completions = Dialect{editor.Form{Limits: true}}
	Tokenize    = Dialect{editor.Form{ModelOptional: true, Messages: true, Prompt: true}}
	Detokenize  = Dialect{editor.Form{ModelOptional: true}}
)

// scratch is what one call needs and the next one can have; between two events of a
// stream nobody holds one, so that open streams are small.
type scratch struct {
	view     hub.View
	edits    jsonedit.Edits
	text     []byte
	said     []byte
	scanner  jsonedit.Scanner
	call     hub.CallDelta
	elements []element
}

var (
	editors   = sync.Pool{New: func() any { return new(editor.Editor) }}
	scratches = sync.Pool{New: func() any { return new(scratch) }}
)

// Request implements hub.Dialect.
func (d Dialect) Request(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	ed := editors.Get().(*editor.Editor)
	out, p := ed.Edit(dst, body, t, d.Form)
	if t.Need() != nil { // the Editor is in use until it is given
		return t.After(out, func(dst []byte) ([]byte, *hub.Problem) {
			editors.Put(ed)
			return dst, nil
		})
	}
	editors.Put(ed)
	return out, p
}

// Reply implements hub.Dialect.
func (d Dialect) Reply(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	b := scratches.Get().(*scratch)
	defer scratches.Put(b)
	src, p := hub.ReadReply(body, &b.view)
	if p != nil {
		return dst, p
	}
	if len(b.view.Choices) == 0 {
		return dst, hub.NoMessage()
	}
	if repair.WantsWindow(src, &b.view, t) {
		t.AskWindow(func(dst []byte) ([]byte, *hub.Problem) { return d.Reply(dst, body, t) })
		return dst, nil
	}
	b.edits.Reset()
	b.model(t)
	for i := range b.view.Choices {
		known := choice{calls: hub.Calls{Whole: true}}
		_, p := b.choice(src, &b.view.Choices[i], &known, t)
		switch {
		case p != nil:
			return dst, p
		case !known.over && known.calls.Open(false), b.view.Choices[i].Empty(src):
			return dst, hub.FaultProblem(hub.Cut, 0)
		}
	}
	if b.view.HasUsage {
		t.Reply.Usage, t.Reply.HasUsage = b.view.Usage, true
	}
	if t.Reply.StopWord == "" {
		repair.CutCall(&b.edits, src, &b.view, t)
	}
	return b.edits.Apply(dst, src), nil
}

// model puts the client's name of the model back.
func (b *scratch) model(t *hub.Turn) {
	if m := b.view.Model; !m.Absent() && len(t.Request.Name) > 0 {
		b.edits.Replace(m.Start, m.End, t.Request.Name)
	}
}

// Problem implements hub.Dialect.
func (Dialect) Problem(p *hub.Problem, _ *hub.Turn) *hub.Answer { return hub.ChatAnswer(p) }

// Stream implements hub.Dialect.
func (Dialect) Stream(t *hub.Turn) hub.Stream { return &stream{turn: t} }

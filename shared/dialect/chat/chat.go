// Package chat is the Chat Completions dialect, and with it the routes that are a part
// of it: /v1/completions, /tokenize, /detokenize. They are the hub's own form, so
// requests and replies are edited in place: what needs no change keeps its bytes.
//
// It imports editor, hub, repair, jsonedit and sse.
package chat

import (
	"bytes"
	"sync"

	"github.com/qwenvoy/qwenvoy/shared/editor"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/repair"
	"github.com/qwenvoy/qwenvoy/shared/sse"
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

// bench is what one call needs and the next one can have; between two events of a
// stream nobody holds one, so that open streams are small.
type bench struct {
	view  hub.View
	edits jsonedit.Edits
	text  []byte
}

var (
	editors = sync.Pool{New: func() any { return new(editor.Editor) }}
	benches = sync.Pool{New: func() any { return new(bench) }}
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
	b := benches.Get().(*bench)
	defer benches.Put(b)
	if p := hub.ReadReply(body, &b.view); p != nil {
		return dst, p
	}
	if repair.WantsWindow(body, &b.view, t) {
		t.AskWindow(func(dst []byte) ([]byte, *hub.Problem) { return d.Reply(dst, body, t) })
		return dst, nil
	}
	b.edits.Reset()
	b.choices(body, t)
	if b.view.HasUsage {
		t.Reply.Usage, t.Reply.HasUsage = b.view.Usage, true
	}
	repair.CutCall(&b.edits, body, &b.view, t)
	return b.edits.Apply(dst, body), nil
}

// choices edits what whole replies and chunks have in common.
func (b *bench) choices(src []byte, t *hub.Turn) (finished bool) {
	if m := b.view.Model; !m.Absent() && len(t.Request.Name) > 0 {
		b.edits.Replace(m.Start, m.End, t.Request.Name)
	}
	for i := range b.view.Choices {
		c := &b.view.Choices[i]
		if c.HasMessage {
			repair.Reasoning(&b.edits, src, c, t)
		}
		if f := c.Finish; f.End-f.Start > len(`""`) { // some servers say "" until there is one
			finished = true
			if c.Index == 0 {
				t.Reply.Finish = hub.FinishWord(src[f.Start+1 : f.End-1])
			}
		}
	}
	return finished
}

// Problem implements hub.Dialect.
func (Dialect) Problem(p *hub.Problem, _ *hub.Turn) *hub.Answer { return hub.ChatAnswer(p) }

// Stream implements hub.Dialect.
func (Dialect) Stream(t *hub.Turn) hub.Stream { return &stream{turn: t} }

type stream struct {
	turn *hub.Turn
	head hub.Head
	// finished: a finish_reason was seen, so the end of the connection is no fault.
	finished bool
	// plain holds what came where events were expected, as when an upstream sends a
	// JSON error under text/event-stream.
	plain []byte
	any   bool
}

const done = "data: [DONE]\n\n"

// Begin implements hub.Stream.
func (s *stream) Begin(dst []byte) []byte { return dst }

// Beat implements hub.Stream: Chat Completions knows no heartbeat.
func (s *stream) Beat(dst []byte, _ int) []byte { return dst }

// Event implements hub.Stream.
func (s *stream) Event(dst, other, data []byte, hasData bool) ([]byte, bool) {
	if !hasData {
		if !s.any && len(s.plain)+len(other) <= 64<<10 && (len(s.plain) > 0 || bytes.HasPrefix(bytes.TrimSpace(other), []byte("{"))) {
			s.plain = append(s.plain, other...)
			return dst, false
		}
		return append(append(dst, other...), '\n'), false
	}
	s.any = true
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0: // a heartbeat that no client could read as JSON
		if len(other) > 0 {
			dst = append(append(dst, other...), '\n')
		}
		return dst, false
	case string(data) == "[DONE]":
		return append(append(dst, other...), done...), true
	}
	b := benches.Get().(*bench)
	defer benches.Put(b)
	if b.view.ReadChunk(data, &s.head) != nil {
		return s.Abort(append(dst, other...), hub.FaultProblem(hub.BadReply, 0)), true
	}
	if !b.view.Error.Absent() && len(b.view.Choices) == 0 {
		s.turn.Reply.Finish = "error"
		return append(sse.Append(dst, other, "", data), done...), true
	}
	if b.view.HasUsage {
		s.turn.Reply.Usage, s.turn.Reply.HasUsage = b.view.Usage, true
		if s.turn.Request.HideUsage && len(b.view.Choices) == 0 {
			if len(other) > 0 {
				dst = append(append(dst, other...), '\n')
			}
			return dst, false
		}
	}
	b.edits.Reset()
	if b.choices(data, s.turn) {
		s.finished = true
	}
	if bytes.IndexByte(data, '\n') >= 0 {
		b.text = b.edits.Apply(b.text[:0], data)
		return sse.Append(dst, other, "", b.text), false
	}
	dst = append(append(dst, other...), "data: "...)
	return append(b.edits.Apply(dst, data), "\n\n"...), false
}

// End implements hub.Stream.
func (s *stream) End(dst []byte) []byte {
	if s.finished {
		s.turn.Reply.Repairs |= hub.EndedStream
		return append(dst, done...)
	}
	b := benches.Get().(*bench)
	defer benches.Put(b)
	if plain := bytes.TrimSpace(s.plain); len(plain) > 0 && b.view.Read(plain) == nil && !b.view.Error.Absent() {
		s.turn.Reply.Finish = "error"
		return append(sse.Append(dst, nil, "", plain), done...)
	}
	return s.Abort(dst, hub.FaultProblem(hub.Cut, 0))
}

// Abort implements hub.Stream.
func (s *stream) Abort(dst []byte, p *hub.Problem) []byte {
	s.turn.Reply.Finish = "error"
	dst = append(dst, "data: "...)
	dst = hub.AppendChatError(dst, p)
	return append(append(dst, "\n\n"...), done...)
}

package parts

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Stream takes an upstream's stream through a Writer. It implements hub.Stream.
type Stream struct {
	sequence
	head hub.Head
	// finished: a finish_reason was seen, so the end of the connection is no fault.
	finished, begun, any bool
	// plain holds what came where events were expected, as when an upstream sends a
	// JSON error under text/event-stream.
	plain []byte
}

var _ hub.Stream = (*Stream)(nil)

// NewStream makes a Stream.
func NewStream(t *hub.Turn, w Writer, o Options) *Stream {
	return &Stream{sequence: sequence{output: output{w: w}, turn: t, o: o}}
}

// Begin implements hub.Stream.
func (s *Stream) Begin(dst []byte) []byte {
	if s.o.Early {
		return s.start(dst)
	}
	return dst
}

func (s *Stream) start(dst []byte) []byte {
	if s.begun {
		return dst
	}
	s.begun = true
	return s.w.Begin(dst)
}

// Beat implements hub.Stream. Before the first event, which waits for the upstream's, it
// is a comment, which stands in no grammar's way: a server may compute a long prompt behind
// its reply's head.
func (s *Stream) Beat(dst []byte, n int) []byte {
	if !s.begun {
		return jsonedit.Put(dst, ": keep-alive\n\n")
	}
	return s.w.Beat(dst, n)
}

// Event implements hub.Stream. Comments of the upstream end here: they are between it
// and us.
func (s *Stream) Event(dst, other, data []byte, hasData bool) ([]byte, bool) {
	if !hasData {
		if !s.any && len(s.plain)+len(other) <= 64<<10 && (len(s.plain) > 0 || bytes.HasPrefix(bytes.TrimSpace(other), []byte("{"))) {
			s.plain = jsonedit.PutBytes(s.plain, other)
		}
		return dst, false
	}
	s.any = true
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return dst, false
	case string(data) == "[DONE]":
		return s.end(dst), true
	}
	b := scratches.Get().(*scratch)
	defer scratches.Put(b)
	if b.view.ReadChunk(data, &s.head) != nil {
		return s.Abort(dst, hub.FaultProblem(hub.BadReply, 0)), true
	}
	if !b.view.HasChoices && b.view.Error.Absent() && bytes.HasSuffix(other, []byte("event: error\n")) {
		return s.Abort(dst, hub.UpstreamProblem(502, data)), true
	}
	if p := hub.ErrorInReply(data, &b.view); p != nil {
		return s.Abort(dst, p), true
	}
	if b.view.HasUsage {
		s.turn.Reply.Usage, s.turn.Reply.HasUsage = b.view.Usage, true
	}
	dst = s.start(dst)
	for i := range b.view.Choices {
		c := &b.view.Choices[i]
		if c.Index != 0 {
			continue
		}
		if c.HasMessage {
			dst = s.choice(dst, b, data, c)
		}
		if facts(s.turn, data, c) {
			s.finished = true
			if failure(s.turn.Reply.Finish) {
				return s.fail(dst, hub.BadUpstream("The model server broke its answer off (finish_reason %q).", s.turn.Reply.Finish)), true
			}
		}
	}
	if s.finished && b.view.HasUsage && b.view.HasChoices && len(b.view.Choices) == 0 {
		// The chunk of usage alone is the last one. An Envoy filter could not end the
		// client's stream any more if the upstream died before its [DONE].
		return s.end(dst), true
	}
	return dst, false
}

// end is the upstream's own end, whether it named a reason before or not.
func (s *Stream) end(dst []byte) []byte { return s.finish(s.start(dst)) }

// End implements hub.Stream.
func (s *Stream) End(dst []byte) []byte {
	if s.finished {
		s.turn.Reply.Repairs |= hub.EndedStream
		return s.end(dst)
	}
	b := scratches.Get().(*scratch)
	defer scratches.Put(b)
	if plain := bytes.TrimSpace(s.plain); len(plain) > 0 && b.view.Read(plain) == nil {
		if p := hub.ErrorInReply(plain, &b.view); p != nil {
			return s.fail(dst, p)
		}
	}
	return s.fail(dst, hub.FaultProblem(hub.Cut, 0))
}

// Abort implements hub.Stream. Behind a finish_reason nothing is missing but usage, so
// a fault there is no reason to make the client ask again.
func (s *Stream) Abort(dst []byte, p *hub.Problem) []byte {
	if s.finished && p.Reason != "panic" {
		s.turn.Reply.Repairs |= hub.EndedStream
		return s.end(dst)
	}
	return s.fail(dst, p)
}

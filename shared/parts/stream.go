package parts

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/repair"
)

// Stream takes an upstream's stream through a Writer. It implements hub.Stream.
type Stream struct {
	sequence
	chunks hub.Chunks
	begun  bool
	// beats counts the upstream's comments since the last chunk.
	beats int
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

// Event implements hub.Stream. A comment of the upstream keeps its stream to us alive; what
// becomes of it is what keeps ours alive, also at an edge without a clock.
func (s *Stream) Event(dst, other, data []byte, hasData bool) ([]byte, bool) {
	b := scratches.Get().(*scratch)
	defer scratches.Put(b)
	kind, data := s.chunks.Read(other, data, hasData, &b.view, s.turn)
	switch kind {
	case hub.GoodChunk:
		s.beats = 0
		return s.chunk(dst, b, data)
	case hub.CommentChunk:
		if len(other) > 0 && other[0] == ':' {
			s.beats++
			return s.Beat(dst, s.beats), false
		}
	case hub.DoneChunk:
		if !s.chunks.Whole(s.calls.Open(true)) {
			return s.fail(dst, hub.FaultProblem(hub.Cut, 0)), true
		}
		return s.end(dst), true
	case hub.BrokenChunk:
		return s.Abort(dst, hub.FaultProblem(hub.BadReply, 0)), true
	case hub.ErrorChunk:
		return s.Abort(dst, hub.ErrorInReply(data, &b.view)), true
	case hub.NamedErrorChunk:
		return s.Abort(dst, hub.UpstreamProblem(502, data)), true
	}
	return dst, false
}

func (s *Stream) chunk(dst []byte, b *scratch, data []byte) ([]byte, bool) {
	dst = s.start(dst)
	s.early = repair.Early(&b.view, s.turn)
	for i := range b.view.Choices {
		c := &b.view.Choices[i]
		if c.Index != 0 {
			continue
		}
		if c.Misshapen {
			return s.fail(dst, hub.NoMessage()), true
		}
		if s.choices = true; c.HasMessage {
			s.spoke = true
			if dst = s.choice(dst, b, data, c); s.tooMuch() {
				return s.fail(dst, hub.FaultProblem(hub.ReplyTooLarge, s.turn.MaxReply)), true
			}
		}
		if s.stopped {
			s.chunks.Finished = true
			return s.end(dst), true
		}
		if facts(s.turn, data, c) {
			s.chunks.Finished = true
			if p := hub.BrokenOff(s.turn.Reply.Finish); p != nil {
				return s.fail(dst, p), true
			}
		}
	}
	if s.chunks.Finished && b.view.HasUsage && b.view.HasChoices && len(b.view.Choices) == 0 {
		// The chunk of usage alone is the last one. An Envoy filter could not end the
		// client's stream any more if the upstream died before its [DONE].
		return s.end(dst), true
	}
	return dst, false
}

// tooMuch tells whether the turn is over the limits. Its last event may say all of it once more
// (Responses), so that it is as one event; with its log-probabilities, which are many times as
// much and come to those only who asked, as a whole reply.
func (s *Stream) tooMuch() bool {
	return s.turn.MaxEvent > 0 && s.said > s.turn.MaxEvent || s.turn.MaxReply > 0 && s.said+s.probable > s.turn.MaxReply
}

// end is the upstream's own end, whether it named a reason before or not.
func (s *Stream) end(dst []byte) []byte { return s.finish(s.start(dst)) }

// End implements hub.Stream.
func (s *Stream) End(dst []byte) []byte {
	b := scratches.Get().(*scratch)
	defer scratches.Put(b)
	switch kind, plain := s.chunks.End(&b.view, s.turn); {
	case kind == hub.DoneChunk:
		return s.end(dst)
	case kind == hub.ErrorChunk && b.view.IsError():
		return s.fail(dst, hub.ErrorInReply(plain, &b.view))
	}
	return s.fail(dst, hub.FaultProblem(hub.Cut, 0))
}

// Abort implements hub.Stream. Behind a finish_reason nothing is missing but usage, so
// a fault there is no reason to make the client ask again.
func (s *Stream) Abort(dst []byte, p *hub.Problem) []byte {
	if s.chunks.Finished && p.Reason != "panic" {
		s.turn.Reply.Repairs |= hub.EndedStream
		return s.end(dst)
	}
	return s.fail(dst, p)
}

package chat

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/repair"
	"github.com/qwenvoy/qwenvoy/shared/sse"
)

// stream edits each chunk in place.
type stream struct {
	turn    *hub.Turn
	chunks  hub.Chunks
	choices choices
}

const done = "data: [DONE]\n\n"

// Begin implements hub.Stream.
func (s *stream) Begin(dst []byte) []byte { return dst }

// Beat implements hub.Stream: Chat Completions knows no heartbeat.
func (s *stream) Beat(dst []byte, _ int) []byte { return dst }

// Event implements hub.Stream.
func (s *stream) Event(dst, other, data []byte, hasData bool) ([]byte, bool) {
	b := scratches.Get().(*scratch)
	defer scratches.Put(b)
	kind, data := s.chunks.Read(other, data, hasData, &b.view, s.turn)
	switch kind {
	case hub.GoodChunk, hub.NamedErrorChunk:
		return s.chunk(dst, b, other, data)
	case hub.PlainChunk:
		return dst, false
	case hub.CommentChunk:
		return append(append(dst, other...), '\n'), false
	case hub.DoneChunk:
		if !s.chunks.Whole(s.choices.open()) {
			return s.Abort(comments(dst, other), hub.FaultProblem(hub.Cut, 0)), true
		}
		return append(s.rest(append(dst, other...)), done...), true
	case hub.BrokenChunk:
		return s.Abort(append(dst, other...), hub.FaultProblem(hub.BadReply, 0)), true
	case hub.ErrorChunk:
		s.turn.Reply.Finish = "error"
		return append(sse.Append(dst, other, "", data), done...), true
	}
	return comments(dst, other), false
}

// comments appends what stood in an event that goes no further.
func comments(dst, other []byte) []byte {
	if len(other) == 0 {
		return dst
	}
	return append(append(dst, other...), '\n')
}

func (s *stream) chunk(dst []byte, b *scratch, other, data []byte) (out []byte, ended bool) {
	if b.view.HasUsage && s.turn.Request.HideUsage && len(b.view.Choices) == 0 {
		return comments(dst, other), false
	}
	b.edits.Reset()
	b.model(s.turn)
	if b.view.HasUsage && s.turn.Request.HideCounts && len(b.view.Choices) > 0 {
		b.edits.ReplaceString(b.view.UsageAt.Start, b.view.UsageAt.End, "null")
	}
	for i := range b.view.Choices {
		c := &b.view.Choices[i]
		finished, p := b.choice(data, c, s.choices.at(c.Index), s.turn)
		if p != nil {
			return s.Abort(comments(dst, other), p), true
		}
		s.chunks.Finished = s.chunks.Finished || finished
	}
	if bytes.IndexByte(data, '\n') >= 0 {
		b.text = b.edits.Apply(b.text[:0], data)
		dst = sse.Append(dst, other, "", b.text)
	} else {
		dst = append(append(dst, other...), "data: "...)
		dst = append(b.edits.Apply(dst, data), "\n\n"...)
	}
	if word := s.choices.first.word; word != "" {
		return s.stop(dst, b, data, word), true
	}
	return dst, false
}

// stop ends the stream behind the chunk in which a stop string ended the text.
func (s *stream) stop(dst []byte, b *scratch, data []byte, word string) []byte {
	said := false
	for i := range b.view.Choices {
		said = said || b.view.Choices[i].Index == 0 && len(hub.Literal(data, b.view.Choices[i].Finish)) > 0
	}
	if !said {
		dst = s.chunks.AppendHead(append(dst, "data: "...), s.turn)
		dst = append(dst, `[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop","stop_reason":`...)
		dst = append(repair.AppendWord(dst, word), "}]}\n\n"...)
	}
	if b.view.HasUsage && !s.turn.Request.HideUsage {
		dst = s.chunks.AppendHead(append(dst, "data: "...), s.turn)
		dst = append(append(append(dst, `[],"usage":`...), b.view.UsageAt.Of(data)...), "}\n\n"...)
	}
	return append(dst, done...)
}

// rest appends a chunk with the text that was held back, where nothing says how it ends.
func (s *stream) rest(dst []byte) []byte {
	if !s.choices.first.stops.Holding() {
		return dst
	}
	dst = s.chunks.AppendHead(append(dst, "data: "...), s.turn)
	dst = append(dst, `[{"index":0,"delta":{"content":"`...)
	return append(append(dst, s.choices.first.stops.Rest()...), "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n"...)
}

// End implements hub.Stream.
func (s *stream) End(dst []byte) []byte {
	b := scratches.Get().(*scratch)
	defer scratches.Put(b)
	switch kind, plain := s.chunks.End(&b.view, s.turn); kind {
	case hub.DoneChunk:
		return append(s.rest(dst), done...)
	case hub.ErrorChunk:
		s.turn.Reply.Finish = "error"
		return append(sse.Append(dst, nil, "", plain), done...)
	}
	return s.Abort(dst, hub.FaultProblem(hub.Cut, 0))
}

// Abort implements hub.Stream.
func (s *stream) Abort(dst []byte, p *hub.Problem) []byte {
	s.turn.Reply.Finish = "error"
	dst = append(s.rest(dst), "data: "...)
	dst = hub.AppendChatError(dst, p)
	return append(append(dst, "\n\n"...), done...)
}

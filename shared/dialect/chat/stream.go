package chat

import (
	"bytes"
	"strconv"

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
		if s.choices.open() || !s.chunks.Whole(false) {
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
	silent := 0
	for i := range b.view.Choices {
		c := &b.view.Choices[i]
		known := s.choices.at(c.Index)
		if known != nil && known.word != nil {
			silent++
			b.silence(c)
			continue
		}
		finished, p := b.choice(data, c, known, s.turn)
		if p != nil {
			return s.Abort(comments(dst, other), p), true
		}
		s.chunks.Finished = s.chunks.Finished || finished && s.choices.ended() >= s.turn.Request.Choices
		if known != nil && b.view.HasUsage {
			known.count = b.view.Usage.Completion
		}
	}
	if silent > 0 && silent == len(b.view.Choices) {
		return comments(dst, other), false
	}
	if bytes.IndexByte(data, '\n') >= 0 {
		b.text = b.edits.Apply(b.text[:0], data)
		dst = sse.Append(dst, other, "", b.text)
	} else {
		dst = append(append(dst, other...), "data: "...)
		dst = append(b.edits.Apply(dst, data), "\n\n"...)
	}
	if len(s.turn.Request.Stops) > 0 {
		return s.stop(dst, b, data)
	}
	return dst, false
}

// stop says how the choices of a chunk ended whose text a stop string ended, where the chunk does
// not, and ends the stream where all have ended.
func (s *stream) stop(dst []byte, b *scratch, data []byte) (out []byte, ended bool) {
	for i := range b.view.Choices {
		c := &b.view.Choices[i]
		known := s.choices.at(c.Index)
		if known == nil || known.word == nil || known.told {
			continue
		}
		if known.told = true; len(hub.Literal(data, c.Finish)) == 0 {
			dst = s.chunks.AppendHead(append(dst, "data: "...), s.turn)
			dst = strconv.AppendInt(append(dst, `[{"index":`...), int64(c.Index), 10)
			dst = append(dst, `,"delta":{},"logprobs":null,"finish_reason":"stop","stop_reason":`...)
			dst = append(repair.AppendWord(dst, known.word), "}]}\n\n"...)
		}
	}
	if !s.choices.cut(s.turn.Request.Choices) {
		return dst, false
	}
	if s.turn.Request.Choices > 1 {
		s.turn.Reply.Usage.Completion = s.choices.tokens() // each chunk's count was one choice's
	}
	if b.view.HasUsage && !s.turn.Request.HideUsage {
		dst = s.chunks.AppendHead(append(dst, "data: "...), s.turn)
		dst = append(s.appendUsage(append(dst, `[],"usage":`...), b, data), "}\n\n"...)
	}
	return append(dst, done...), true
}

// appendUsage appends the count of a stream that ended here.
func (s *stream) appendUsage(dst []byte, b *scratch, data []byte) []byte {
	if s.turn.Request.Choices <= 1 {
		return append(dst, b.view.UsageAt.Of(data)...)
	}
	u := s.turn.Reply.Usage
	dst = strconv.AppendInt(append(dst, `{"prompt_tokens":`...), int64(u.Prompt), 10)
	dst = strconv.AppendInt(append(dst, `,"total_tokens":`...), int64(u.Prompt+u.Completion), 10)
	return append(strconv.AppendInt(append(dst, `,"completion_tokens":`...), int64(u.Completion), 10), '}')
}

// rest appends chunks with the texts that were held back, where nothing says how they end, and the
// end of choices whose call began behind it and was cut.
func (s *stream) rest(dst []byte) []byte {
	dst = s.restOf(dst, 0, &s.choices.first)
	for i := range s.choices.more {
		dst = s.restOf(dst, i+1, &s.choices.more[i])
	}
	return dst
}

func (s *stream) restOf(dst []byte, index int, known *choice) []byte {
	if !known.stops.Holding() {
		return s.endOf(dst, index, known)
	}
	text, tokens, _ := known.stops.Rest(s.turn, &known.calls, false)
	if len(text) == 0 {
		return s.endOf(dst, index, known)
	}
	dst = s.chunks.AppendHead(append(dst, "data: "...), s.turn)
	dst = strconv.AppendInt(append(dst, `[{"index":`...), int64(index), 10)
	dst = append(append(append(dst, `,"delta":{"content":"`...), text...), `"},"logprobs":`...)
	if len(tokens) > 0 {
		dst = append(append(append(dst, `{"content":`...), tokens...), '}')
	} else {
		dst = append(dst, "null"...)
	}
	return append(dst, ",\"finish_reason\":null}]}\n\n"...)
}

// endOf appends the end of a choice whose call began behind its finish_reason and was cut.
func (s *stream) endOf(dst []byte, index int, known *choice) []byte {
	if !known.over || known.cut || known.word != nil || !known.calls.Open(false) {
		return dst
	}
	s.turn.Reply.Repairs |= hub.CutCall
	if index == 0 {
		s.turn.Reply.Finish = "length"
	}
	dst = s.chunks.AppendHead(append(dst, "data: "...), s.turn)
	dst = strconv.AppendInt(append(dst, `[{"index":`...), int64(index), 10)
	return append(dst, ",\"delta\":{},\"logprobs\":null,\"finish_reason\":\"length\"}]}\n\n"...)
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

package chat

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/repair"
)

// endText looks for stop strings in the text, and tells whether it has written another in its place.
func (b *scratch) endText(src []byte, c *hub.Choice, known *choice, feeds int, t *hub.Turn) bool {
	text, thinking := hub.Literal(src, c.Content.Value)[feeds:], hub.Literal(src, c.Reasoning.Value)
	if len(thinking) == 0 {
		thinking = hub.Literal(src, c.ReasoningContent.Value)
	}
	if !t.Request.Thinking && len(thinking) > 0 { // it is the answer
		b.said = jsonedit.PutBytes(jsonedit.PutBytes(b.said[:0], thinking), text)
		text, thinking = b.said, nil
	}
	held := known.stops.Holding()
	if known.stops.Passes(t, text) {
		return false
	}
	over := known.calls.Whole || c.Calls(src) != nil || !c.FunctionCall.Absent() || len(hub.Literal(src, c.Finish)) > 0
	if len(text) == 0 && (!held || !over && len(thinking) > 0) {
		return false
	}
	tokens := repair.Logprobs(&b.scanner, src, c.Logprobs)
	var list []byte // of this text; that of a whole reply is the thinking's and the calls' too
	if !known.calls.Whole {
		if list = repair.TrimTokens(tokens.Of(src), feeds/len(`\n`)); len(list) > 0 && len(thinking) > 0 {
			list = repair.TextLogprobs(list, text, thinking, true)
		}
	}
	piece := known.stops.Next(t, text, list, repair.Early(&b.view, t))
	known.word = piece.Word
	b.text = append(jsonedit.PutBytes(append(b.text[:0], '"'), piece.Text), '"')
	var more []byte
	dropped := false
	if over = over && piece.Word == nil; over {
		var rest []byte
		rest, more, dropped = known.stops.Rest(t, &known.calls, hub.FinishWord(hub.Literal(src, c.Finish)) == "length")
		b.text = append(jsonedit.PutBytes(b.text[:len(b.text)-1], rest), '"')
	}
	if piece.Word == nil && !held && !dropped && (over || !known.stops.Holding()) {
		return false
	}
	switch {
	case known.calls.Whole && (piece.Word != nil || dropped) && !tokens.Absent():
		b.putTokens(c, tokens, repair.CutLogprobs(tokens.Of(src), text, thinking, b.text[1:len(b.text)-1]))
	case over:
		if piece.Mended || len(more) > 0 {
			b.putTokens(c, tokens, repair.JoinLogprobs(piece.Logprobs, more))
		}
	case piece.Mended:
		b.putTokens(c, tokens, piece.Logprobs)
	}
	b.putText(src, c, piece.Word != nil, t)
	return true
}

// putText puts what is in b.text in the place of the content, and of thinking that is the answer.
func (b *scratch) putText(src []byte, c *hub.Choice, stopped bool, t *hub.Turn) {
	if t.Request.Thinking {
		repair.Reasoning(&b.edits, src, c, t)
	} else {
		for _, m := range [...]*hub.Member{&c.Reasoning, &c.ReasoningContent} {
			if m.Value.Absent() {
				continue
			}
			if len(hub.Literal(src, m.Value)) > 0 {
				t.Reply.Repairs |= hub.ReasoningToContent
			}
			c.Message.Drop(m.Number)
		}
	}
	if stopped && !c.ToolCalls.Value.Absent() {
		c.Message.Drop(c.ToolCalls.Number)
	}
	var insert []byte
	if at := c.Content.Value; !at.Absent() {
		b.edits.Replace(at.Start, at.End, b.text)
	} else if len(b.text) > len(`""`) {
		insert = append(jsonedit.PutBytes([]byte(`"content":`), b.text), ',')
	}
	c.Message.Commit(&b.edits, insert)
}

// putTokens puts a list of logprobs in the place of the choice's, which stands at tokens.
func (b *scratch) putTokens(c *hub.Choice, tokens jsonedit.Span, list []byte) {
	if len(list) == 0 {
		list = []byte("[]")
	}
	object := func(dst []byte) []byte {
		return append(jsonedit.PutBytes(jsonedit.Put(dst, `{"content":`), list), '}')
	}
	switch at := c.LogprobsAt; {
	case !tokens.Absent():
		b.edits.Replace(tokens.Start, tokens.End, list)
	case len(list) == len("[]"):
	case !at.Absent():
		b.edits.ReplaceFunc(at.Start, at.End, object)
	case !c.Finish.Absent():
		b.edits.ReplaceFunc(c.Finish.End, c.Finish.End, func(dst []byte) []byte { return object(jsonedit.Put(dst, `,"logprobs":`)) })
	}
}

// stopped says that a stop string ended the choice, where it says how it ended.
func (b *scratch) stopped(c *hub.Choice, said bool, known *choice, t *hub.Turn) {
	known.over = true
	if c.Index == 0 {
		t.Reply.Finish, t.Reply.FinishSaid, t.Reply.StopWord = "stop", "", string(known.word)
	}
	if !c.TokensAt.Absent() { // which of them are the text's that is left, nobody knows
		b.edits.ReplaceString(c.TokensAt.Start, c.TokensAt.End, "null")
	}
	if !said {
		return
	}
	b.edits.ReplaceString(c.Finish.Start, c.Finish.End, `"stop"`)
	at, before := c.StopAt, ""
	if at.Absent() {
		at, before = jsonedit.Span{Start: c.Finish.End, End: c.Finish.End}, `,"stop_reason":`
	}
	b.edits.ReplaceFunc(at.Start, at.End, func(dst []byte) []byte {
		return repair.AppendWord(jsonedit.Put(dst, before), known.word)
	})
}

// silence takes out what a choice says that has ended here, while others go on.
func (b *scratch) silence(c *hub.Choice) {
	if c.HasMessage {
		for i := range c.Message.Len() {
			c.Message.Drop(i)
		}
		c.Message.Commit(&b.edits, nil)
	}
	for _, at := range [...]jsonedit.Span{c.LogprobsAt, c.TokensAt, c.Finish, c.StopAt} {
		if !at.Absent() {
			b.edits.ReplaceString(at.Start, at.End, "null")
		}
	}
}

// cut tells whether all of the request's choices have ended, and one of them here: the server
// writes on then, for nobody.
func (cs *choices) cut(n int) bool {
	cut := cs.first.word != nil
	for i := range cs.more {
		cut = cut || cs.more[i].word != nil
	}
	return cut && cs.ended() >= n
}

// tokens is how many all choices have.
func (cs *choices) tokens() int {
	n := cs.first.count
	for i := range cs.more {
		n += cs.more[i].count
	}
	return n
}

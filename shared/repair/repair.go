// Package repair holds the stages that mend what an upstream said, on the hub's view
// of a whole reply or of one chunk. Reasoning and CutCall record edits of its text, as does
// DropLineFeeds; the others only tell, for dialects that write a text of their own too. None but Stops holds
// back a byte.
//
// It imports hub and jsonedit.
package repair

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Reasoning puts each choice's reasoning where the client looks for it.
//
// With thinking effectively off there is no reasoning, so what came as such is the
// answer (vLLM issues #17349, #40816, #53284) and becomes content: joined in front of
// the content in a whole reply, sent at once in a stream, so that both give the same
// answer. With thinking on, the field gets the name that the client reads: vLLM says
// reasoning since PR #33402, many clients read reasoning_content.
func Reasoning(e *jsonedit.Edits, src []byte, c *hub.Choice, t *hub.Turn) {
	if !t.Request.Thinking && t.Request.Model != nil && toContent(e, src, c) {
		t.Reply.Repairs |= hub.ReasoningToContent
	} else {
		rename(e, src, c, t.ReasoningField)
	}
	c.Message.Commit(e, nil)
}

func toContent(e *jsonedit.Edits, src []byte, c *hub.Choice) bool {
	from, other := &c.Reasoning, &c.ReasoningContent
	if !isText(src, from) {
		from, other = other, from
	}
	if !isText(src, from) {
		return false
	}
	content := c.Content.Value
	switch {
	case content.Absent():
		e.ReplaceString(from.Key.Start, from.Key.End, `"content"`)
	case src[content.Start] == 'n':
		e.Replace(content.Start, content.End, from.Value.Of(src))
		c.Message.Drop(from.Number)
	case src[content.Start] == '"':
		// Literals concatenate: the reasoning's bytes go behind the opening quote.
		e.Replace(content.Start+1, content.Start+1, src[from.Value.Start+1:from.Value.End-1])
		c.Message.Drop(from.Number)
	default:
		return false
	}
	if !other.Value.Absent() {
		c.Message.Drop(other.Number)
	}
	return true
}

// isText tells whether a member is a string with something in it.
func isText(src []byte, m *hub.Member) bool {
	return m.Value.End-m.Value.Start > 2 && src[m.Value.Start] == '"'
}

func rename(e *jsonedit.Edits, src []byte, c *hub.Choice, field hub.ReasoningField) {
	reasoning, content := &c.Reasoning, &c.ReasoningContent
	switch { // a null says nothing beside a text
	case reasoning.Value.Absent() || content.Value.Absent():
	case src[reasoning.Value.Start] == 'n' && src[content.Value.Start] != 'n':
		c.Message.Drop(reasoning.Number)
		*reasoning = hub.Member{}
	case src[content.Value.Start] == 'n' && src[reasoning.Value.Start] != 'n':
		c.Message.Drop(content.Number)
		*content = hub.Member{}
	}
	switch {
	case reasoning.Value.Absent() && content.Value.Absent():
	case field == hub.OnlyReasoning:
		only(e, c, reasoning, content, `"reasoning"`)
	case field == hub.OnlyReasoningContent:
		only(e, c, content, reasoning, `"reasoning_content"`)
	case content.Value.Absent():
		double(e, src, reasoning, `,"reasoning_content":`)
	case reasoning.Value.Absent():
		double(e, src, content, `,"reasoning":`)
	}
}

// only leaves the wanted field, named so.
func only(e *jsonedit.Edits, c *hub.Choice, wanted, other *hub.Member, name string) {
	switch {
	case other.Value.Absent():
	case wanted.Value.Absent():
		e.ReplaceString(other.Key.Start, other.Key.End, name)
	default:
		c.Message.Drop(other.Number)
	}
}

// double says a field again under the other name; null needs no second name.
func double(e *jsonedit.Edits, src []byte, m *hub.Member, key string) {
	if src[m.Value.Start] == 'n' {
		return
	}
	e.ReplaceString(m.Value.End, m.Value.End, key)
	e.Replace(m.Value.End, m.Value.End, m.Value.Of(src))
}

// LineFeeds is how many bytes at the front of the content are those that the model sends between
// its thinking and what follows: a client would show blank lines before the answer, and a text
// before a call. behind tells whether thinking came last in the choice, chunk after chunk.
func LineFeeds(src []byte, c *hub.Choice, t *hub.Turn, behind *bool) int {
	if !t.Request.Thinking || t.KeepLineFeeds {
		return 0
	}
	*behind = *behind || isText(src, &c.Reasoning) || isText(src, &c.ReasoningContent)
	if !*behind {
		return 0
	}
	text := hub.Literal(src, c.Content.Value)
	n := jsonedit.LineFeeds(text)
	if n < len(text) {
		*behind = false
	}
	return n
}

// DropLineFeeds takes out what LineFeeds has found, and the tokens that say nothing else.
func DropLineFeeds(e *jsonedit.Edits, src []byte, c *hub.Choice, n int) {
	if n == 0 {
		return
	}
	e.Delete(c.Content.Value.Start+1, c.Content.Value.Start+1+n)
	// A whole reply lists the thinking's tokens too.
	switch n /= len(`\n`); {
	case isText(src, &c.Reasoning):
		dropTokensBehind(e, src, c.Logprobs, hub.Literal(src, c.Reasoning.Value), n)
	case isText(src, &c.ReasoningContent):
		dropTokensBehind(e, src, c.Logprobs, hub.Literal(src, c.ReasoningContent.Value), n)
	default:
		dropTokens(e, src, c.Logprobs, n)
	}
}

// CutCall makes the finish_reason of a whole reply honest.
func CutCall(e *jsonedit.Edits, src []byte, v *hub.View, t *hub.Turn) {
	if IsCutCall(src, v, t) {
		c := &v.Choices[0]
		e.ReplaceString(c.Finish.Start, c.Finish.End, `"length"`)
		t.Reply.Finish = "length"
		t.Reply.Repairs |= hub.CutCall
	}
}

// IsCutCall tells whether a whole reply hides that its call was cut. vLLM says
// tool_calls (stop for a named tool), with well-formed but wrong arguments, when the
// token limit cut the call; only the token counts show it. A call that ends by itself
// at just that count is a rare false positive, but not of vLLM 0.33, which says length by
// itself. With n > 1 the counts are sums and show nothing.
func IsCutCall(src []byte, v *hub.View, t *hub.Turn) bool {
	if !mayBeCut(src, v, t) {
		return false
	}
	window, _ := t.Window()
	return atLimit(v, t) || window > 0 && v.Usage.Prompt+v.Usage.Completion == window
}

// WantsWindow tells whether IsCutCall depends on the window, which is not known yet.
func WantsWindow(src []byte, v *hub.View, t *hub.Turn) bool {
	_, known := t.Window()
	return !known && mayBeCut(src, v, t) && !atLimit(v, t)
}

func atLimit(v *hub.View, t *hub.Turn) bool {
	return t.Request.Limit > 0 && v.Usage.Completion == t.Request.Limit
}

func mayBeCut(src []byte, v *hub.View, t *hub.Turn) bool {
	if !v.HasUsage || len(v.Choices) != 1 || t.Request.Choices > 1 {
		return false
	}
	c := &v.Choices[0]
	if c.Versioned || c.Calls(src) == nil {
		return false
	}
	switch string(c.Finish.Of(src)) {
	case `"tool_calls"`, `"stop"`:
		return true
	}
	return false
}

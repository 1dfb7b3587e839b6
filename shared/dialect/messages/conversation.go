package messages

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/history"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

type role uint8

const (
	noRole role = iota
	user
	assistant
	system
)

// A conversation orders what is read of system and messages: texts, images, calls and
// results become the history of a chat request.
//
// Texts are insides of string literals, escapes and all: they are copied from the
// client's request into the upstream's without being looked at.
type conversation struct {
	turn    *hub.Turn
	history history.History
	// size is about how many bytes all of it has at most.
	size int

	// prompt is the text of system, leading that of system messages before all others.
	prompt, leading []byte
	// query is the user's latest text.
	query []byte
	// afterResults: the last message brings results of tools.
	afterResults bool
	// temporary are the numbers of system messages that are shown until the user speaks.
	temporary []int

	role role // of the message that is read
	// parts are the content parts of a user's message, single the literal of the one text
	// part that there is so far.
	parts  []byte
	single jsonedit.Span
	count  int
	// system is the text of a system message.
	system []byte
	// result and images are those of a tool's result while inResult.
	result, images []byte
	inResult       bool
	// continues: text that follows belongs to the text before it.
	continues bool
	// hasOther: the message gave something other than parts, so none are needed.
	hasOther bool
}

// reset starts on another request; nil leaves nothing of one behind but buffers.
func (c *conversation) reset(t *hub.Turn) {
	c.history.Reset()
	*c = conversation{turn: t, history: c.history, prompt: c.prompt[:0], leading: c.leading[:0], temporary: c.temporary[:0],
		parts: c.parts[:0], system: c.system[:0], result: c.result[:0], images: c.images[:0]}
}

// expect is told how long the request is that it is read of.
func (c *conversation) expect(size int) {
	c.size = size
	c.history.Expect(size)
}

// restart forgets the messages that were given before.
func (c *conversation) restart() {
	c.history.Reset()
	c.leading, c.temporary = c.leading[:0], c.temporary[:0]
	c.afterResults, c.query = false, nil
}

// beginPrompt is begin for the system prompt.
func (c *conversation) beginPrompt() { c.role, c.system = system, c.system[:0] }

// endPrompt ends it; of two, the last counts.
func (c *conversation) endPrompt() { c.prompt = jsonedit.PutBytes(c.prompt[:0], c.system) }

// begin starts a message, whose role is not known yet.
func (c *conversation) begin() {
	c.role, c.continues, c.hasOther, c.inResult = noRole, false, false, false
	c.parts, c.system, c.single, c.count = c.parts[:0], c.system[:0], jsonedit.Span{}, 0
}

// beginRole says whose message it is.
func (c *conversation) beginRole(r role) {
	c.role = r
	if r == system {
		return
	}
	c.afterResults = false
	if r == user {
		for _, n := range c.temporary {
			c.history.Drop(n)
		}
		c.temporary = c.temporary[:0]
	}
}

// end adds what a message came to. temporary: it is shown until the user speaks.
func (c *conversation) end(temporary bool) {
	switch {
	case c.role == assistant:
		if !c.hasOther {
			c.history.Text("", nil)
		}
	case c.role == user && c.count == 0:
		if !c.hasOther { // roles must alternate in templates
			c.history.Message("user", []byte(`""`))
		}
	case c.role == user:
		content := c.single.Of(c.parts)
		if c.single.Absent() {
			c.parts = append(c.parts, ']')
			content = c.parts
		}
		c.history.Message("user", content)
	case c.role == system && len(c.system) > 0:
		if c.history.Len() == 0 && !temporary {
			c.leading = c.appendParagraph(c.leading, c.system)
			return
		}
		c.parts = append(jsonedit.PutBytes(append(c.parts[:0], '"'), c.system), '"')
		if temporary {
			c.temporary = append(c.temporary, c.history.Len())
		}
		c.history.Message("system", c.parts)
	}
}

const billingHeader = "x-anthropic-billing-header"

// addText adds text to the result, message or prompt that is read. Empty texts are nothing.
func (c *conversation) addText(text []byte) {
	if len(text) == 0 {
		return
	}
	switch {
	case c.inResult:
		if len(c.result) > 0 {
			c.result = jsonedit.Put(c.result, `\n`)
		}
		c.result = jsonedit.PutPiece(c.result, text, c.size)
	case c.role == system:
		// It differs from prompt to prompt and stands at the first bytes of all, so that
		// no prefix cache would ever hit.
		if !c.turn.Messages.KeepBilling && bytes.HasPrefix(text, []byte(billingHeader)) {
			return
		}
		c.system = c.appendParagraph(c.system, text)
	case c.role == assistant:
		between := `\n\n`
		if c.continues {
			between = ""
		}
		c.history.Text(between, text)
		c.continues = true
	default:
		c.query = text
		c.beginPart()
		c.parts = jsonedit.Put(c.parts, `{"type":"text","text":`)
		start := len(c.parts)
		c.parts = append(jsonedit.PutPiece(append(c.parts, '"'), text, c.size), '"')
		if c.count == 1 {
			c.single = jsonedit.Span{Start: start, End: len(c.parts)}
		}
		c.parts = append(c.parts, '}')
	}
}

// beginPart begins one more content part.
func (c *conversation) beginPart() {
	c.parts = append(c.parts, [...]byte{'[', ','}[min(c.count, 1)])
	c.count++
	c.single = jsonedit.Span{}
}

// addImage adds an image, whose URL is given in pieces of a literal.
func (c *conversation) addImage(url ...[]byte) {
	if c.role != user {
		return // the history says what an assistant saw in words only
	}
	dst := &c.parts
	if c.inResult {
		if dst = &c.images; len(*dst) > 0 {
			*dst = append(*dst, ',')
		}
	} else {
		c.beginPart()
	}
	*dst = jsonedit.Put(*dst, `{"type":"image_url","image_url":{"url":"`)
	for _, piece := range url {
		*dst = jsonedit.PutPiece(*dst, piece, c.size)
	}
	*dst = jsonedit.Put(*dst, `"}}`)
}

// addSummary adds a summary of what came before it, a string literal.
func (c *conversation) addSummary(literal []byte) {
	c.history.Message("user", literal)
	c.continues, c.hasOther = false, true
}

// addCall adds a tool call to the assistant's turn; id, which others are compared with, and
// name and input are insides.
func (c *conversation) addCall(id, name, input []byte, object bool) {
	if object {
		c.history.CallObject(id, name, input)
	} else {
		c.history.Call(id, name, input)
	}
}

// beginResult begins a tool's result: texts and images are its own up to endResult.
func (c *conversation) beginResult() {
	c.result, c.images, c.inResult = c.result[:0], c.images[:0], true
}

func (c *conversation) endResult() { c.inResult = false }

// addResult gives the call of that id the result; false if there is no such call.
func (c *conversation) addResult(id []byte, failed bool) bool {
	if failed {
		c.result = markFailed(c.result)
	}
	return c.history.Result(id, c.result, c.images)
}

// settle completes the history once all was read: the thinking of keepTurns turns stays,
// of all where that is 0, and calls without a result get one. prefill: the assistant's last
// message is begun, for the model to go on with.
func (c *conversation) settle(keepTurns int) (prefill bool) {
	if keepTurns > 0 {
		c.history.KeepReasoning(keepTurns)
	}
	prefill = c.history.Continue()
	c.history.Unanswered()
	return prefill
}

// systemText is the leading system message.
func (c *conversation) systemText() []byte { return c.appendParagraph(c.prompt, c.leading) }

// appendParagraph appends text behind a blank line.
func (c *conversation) appendParagraph(dst, text []byte) []byte {
	if len(dst) > 0 && len(text) > 0 {
		dst = jsonedit.Put(dst, `\n\n`)
	}
	return jsonedit.PutPiece(dst, text, c.size)
}

// markFailed says in words that a result is an error's, where the text does not say so
// itself: a chat model's tool message has no such mark.
func markFailed(text []byte) []byte {
	for _, mark := range [...]string{"Error", "<tool_use_error>", "Exit code"} {
		if bytes.HasPrefix(text, []byte(mark)) {
			return text
		}
	}
	if len(text) == 0 {
		return jsonedit.Put(text, "Error")
	}
	const mark = "Error: "
	n := len(text)
	text = jsonedit.Put(text, mark)
	copy(text[len(mark):], text[:n])
	copy(text, mark)
	return text
}

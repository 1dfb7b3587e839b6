package responses

import (
	"github.com/qwenvoy/qwenvoy/shared/history"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A conversation makes a chat's history of items, one after the other. It knows what each kind
// of item means to a chat model, and nothing of the rest of the request.
//
// Texts are insides of string literals: they are copied as they stand.
type conversation struct {
	notes *reader
	turn  *hub.Turn

	history history.History
	system  []byte // the text of the leading system message
	// Of the item that is added.
	text, name, images []byte
	// shells finds a local_shell_call's call id by its item id, which its output may name
	// instead, as its id or, once stored, as its call_id.
	shells map[string]string
	// summarized: a summary stands for what came before it.
	summarized bool
	opener     opener
	small      jsonedit.Scanner
}

func (c *conversation) begin(notes *reader, t *hub.Turn) {
	c.notes, c.turn, c.opener.turn = notes, t, t
}

func (c *conversation) reset() {
	clear(c.shells)
	c.history.Reset()
	c.small.Reset(nil)
	*c = conversation{history: c.history, system: c.system[:0], text: c.text[:0], name: c.name[:0], images: c.images[:0],
		shells: c.shells, small: c.small}
}

// addItems adds a list of items; of those before covered, only what the developer said.
func (c *conversation) addItems(l jsonedit.CompactSpan, covered int32) *hub.Problem {
	for i := l.Start; i < l.End; i++ {
		it := &c.notes.items[i]
		if it.repeated {
			continue
		}
		if i < covered {
			if !it.instructs() {
				continue
			}
		}
		if p := c.add(it); p != nil {
			return p
		}
	}
	return nil
}

// add adds an item.
func (c *conversation) add(it *item) *hub.Problem {
	name, p := it.kindName()
	if p != nil {
		return p
	}
	switch kind, _ := kindOfItem(name); kind {
	case messageItem:
		return c.addMessage(it)
	case reasoningItem:
		c.addReasoning(it)
	case functionCall, customCall, toolSearchCall, localShellCall, shellCall, applyPatchCall:
		return c.addCall(it, kind)
	case output, applyPatchOutput, localShellOutput:
		return c.addOutput(it, kind)
	case shellOutput:
		return c.addShellOutput(it)
	case toolSearchOutput:
		return c.addFound(it)
	case summaryItem:
		if c.summarized = true; it.blob == 0 {
			c.turn.Request.DropItem(name)
			return nil
		}
		c.text = jsonedit.PutBetween(c.text[:0], `"`+handedOver, it.summary, `"`)
		c.history.Message("user", c.text)
	case remoteCall:
		c.addRemote(it)
	case refusedItem:
		return hub.UnsupportedValue(it.member(itemType), "MCP servers are not called from here, so there is nothing to approve.")
	case foreignItem:
		c.turn.Request.DropItem(name)
	case agentMessage, otherItem:
		c.addOther(it, name)
	}
	return nil
}

// handedOver begins the user message that a summary becomes, as inside a string literal.
const handedOver = `This is a summary of the conversation so far, written to save room. Go on from here.\n\n`

func (c *conversation) addMessage(it *item) *hub.Problem {
	role := it.text(itemRole)
	content := c.content(it, itemContent)
	var p *hub.Problem
	switch {
	case !it.has(itemRole):
		return hub.Missing(it.member(itemRole))
	case string(role) == "assistant":
		if c.text, p = content.appendText(c.text[:0], nil); p == nil {
			c.history.Text(`\n\n`, c.text)
		}
		return p
	case string(role) != "user" && string(role) != "system" && string(role) != "developer":
		return hub.WrongValue(it.member(itemRole), "the roles are user, assistant, system and developer.")
	case !it.has(itemContent):
		return hub.Missing(it.member(itemContent))
	}
	if string(role) == "user" {
		if c.text, p = content.appendChat(c.text[:0]); p == nil {
			c.history.Message("user", c.text)
		}
		return p
	}
	if c.text, p = content.appendText(c.text[:0], nil); p == nil {
		c.addSystem(c.text)
	}
	return p
}

// content is one of an item's lists of parts, or its text.
//
//go:noinline
func (c *conversation) content(it *item, list int) content {
	l := it.lists[list-itemContent]
	return content{opener: &c.opener, it: it, list: list, parts: c.notes.parts[l.Start:l.End]}
}

// addSystem adds a text of the system's or developer's. Those before the conversation
// are one message; where later ones go is the Editor's matter.
func (c *conversation) addSystem(text []byte) {
	switch {
	case len(text) == 0:
	case c.history.Len() > 0:
		c.name = jsonedit.PutBetween(c.name[:0], `"`, text, `"`)
		c.history.Message("system", c.name)
	default:
		if len(c.system) > 0 {
			c.system = jsonedit.Put(c.system, `\n\n`)
		}
		c.system = jsonedit.PutBytes(c.system, text)
	}
}

// addReasoning takes the thinking from content, our own encrypted_content or the
// summary, whichever is there first.
func (c *conversation) addReasoning(it *item) {
	content := c.content(it, itemContent)
	text := content.appendThoughts(c.text[:0])
	if blob := it.text(itemEncrypted); len(text) == 0 && len(blob) > 0 {
		if opened, kind, ok := c.opener.open(blob); ok && kind == reasoningBlob {
			text = jsonedit.AppendEscaped(text, opened)
		} else {
			c.turn.Request.Changes |= hub.ReasoningDropped
		}
	}
	if len(text) == 0 {
		summary := c.content(it, itemSummary)
		text = summary.appendThoughts(text)
	}
	c.text = text
	c.history.Reasoning(text)
}

// addRemote notes in the assistant's turn that a server's tool was called, and what it said.
func (c *conversation) addRemote(it *item) {
	output := jsonedit.Inside(it.raw(itemOutput))
	if output == nil {
		return
	}
	text := jsonedit.Put(c.text[:0], "(The tool ")
	if v := jsonedit.Inside(it.raw(itemServer)); v != nil {
		text = jsonedit.PutBetween(text, "", v, ".")
	}
	if v := jsonedit.Inside(it.raw(itemName)); v != nil {
		text = jsonedit.PutBytes(text, v)
	}
	text = jsonedit.Put(text, " was called")
	if v := jsonedit.Inside(it.raw(itemArguments)); v != nil {
		text = jsonedit.PutBetween(text, " with ", v, "")
	}
	c.text = jsonedit.PutBetween(text, " and answered: ", output, ")")
	c.history.Text(`\n\n`, c.text)
}

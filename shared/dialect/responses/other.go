package responses

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// addOther adds an item of an agent's or of a type that nobody knows: the text in it as a
// message. An item that clients will send with each later turn must not end the conversation,
// so one without a text is left out and named in the reply.
func (c *conversation) addOther(it *item, name []byte) {
	text := c.readable(it)
	if isBlank(text) {
		c.turn.Request.DropItem(name)
		return
	}
	switch string(it.text(itemRole)) {
	case "assistant":
		c.history.Text(`\n\n`, text)
	case "system", "developer":
		c.addSystem(text)
	default:
		c.name = jsonedit.PutBetween(c.name[:0], `"`, text, `"`)
		c.history.Message("user", c.name)
	}
}

// readable is the first text that one of an item's members has, with nothing between its
// parts; empty for none.
func (c *conversation) readable(it *item) []byte {
	c.text = c.text[:0]
	for _, key := range [...]int{itemContent, itemSummary, itemOutput, itemWords} {
		switch v := it.raw(key); {
		case jsonedit.IsString(v):
			c.text = jsonedit.PutBytes(c.text, jsonedit.Inside(v))
		case jsonedit.Is(v, jsonedit.Array) && key != itemWords:
			list := c.content(it, key)
			for n := range list.parts {
				c.text = jsonedit.PutBytes(c.text, list.readable(n))
			}
		}
		if len(c.text) > 0 {
			break
		}
	}
	return c.text
}

// readable is the text of part n, whatever its type is, empty for none.
func (c *content) readable(n int) []byte {
	for _, key := range [...]int{partText, partRefusal, partEncrypted} {
		v := c.raw(n, key)
		switch {
		case !jsonedit.IsString(v):
		case key == partEncrypted, bytes.HasPrefix(jsonedit.Text(c.raw(n, partType)), []byte("encrypted")):
			return c.opener.unsealed(v)
		default:
			return jsonedit.Inside(v)
		}
	}
	return nil
}

package responses

import "strings"

// foreignTexts are the keys of the done events by which servers tell a text whose deltas
// came before, of tools that they run themselves.
var foreignTexts = map[string]string{
	"response.mcp_call_arguments.done":         "arguments",
	"response.code_interpreter_call_code.done": "code",
}

// takeForeign checks what can be checked of an event of which the grammar knows nothing:
// that it belongs to an open item, and that its deltas make up its text.
func (c *Checker) takeForeign(kind string, event map[string]any) {
	if c.phase == over {
		c.fault("nothing may follow the terminal event, %s", c.terminal)
		return
	}
	id, ok := event["item_id"].(string)
	if !ok {
		return
	}
	if c.options.First > 0 {
		c.resume(kind, event)
	}
	i := c.owner(event)
	if i == nil {
		c.fault("item_id is %q; there is no open item", id)
		return
	}
	i.checkOwner(event)
	name, isDelta := strings.CutSuffix(kind, ".delta")
	key, isDone := foreignTexts[kind]
	switch {
	case isDone && i.textDone:
		c.fault("may come once in an item")
	case isDone:
		i.checkText(event, key, &i.text)
		i.textDone = true
	case isDelta && foreignTexts[name+".done"] != "":
		delta, _ := event["delta"].(string)
		i.text.WriteString(delta)
	}
}

// checkOwner checks that an event speaks of the item.
func (i *item) checkOwner(event map[string]any) {
	i.checkIndex(event)
	if id, ok := event["item_id"].(string); ok && id != i.id {
		i.fault("item_id is %q; must be %q as in output_item.added", id, i.id)
	}
}

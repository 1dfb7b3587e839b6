package responses

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// The members of an action that are arguments of the tool that it came from.
var (
	localShellNames = []string{"command", "working_directory", "timeout_ms", "env"}
	shellNames      = []string{"commands", "timeout_ms", "max_output_length"}
)

// addCall adds a call.
func (c *conversation) addCall(it *item, kind itemKind) *hub.Problem {
	switch kind {
	case functionCall:
		if v := it.raw(itemArguments); v != nil && v[0] != '"' && v[0] != '{' {
			return hub.WrongType(it.member(itemArguments), "a string")
		}
		arguments, object := c.arguments(it)
		return c.addNamedCall(it, arguments, object)
	case customCall:
		v, p := it.inside(itemInput)
		if p != nil {
			return p
		}
		// {"input":"…"}, as inside a string literal.
		c.text = jsonedit.Put(jsonedit.AppendEscaped(jsonedit.Put(c.text[:0], `{\"input\":\"`), v), `\"}`)
		return c.addNamedCall(it, c.text, true)
	case toolSearchCall:
		if !it.has(itemCallID) {
			return nil // a server's own search
		}
		arguments, object := c.arguments(it)
		return c.addTypedCall(it, itemCallID, toolset.ToolSearch, arguments, object)
	case localShellCall:
		c.noteShell(it)
		return c.addTypedCall(it, it.callKey(), toolset.LocalShell, c.action(it, localShellNames), true)
	case shellCall:
		return c.addTypedCall(it, itemCallID, toolset.Shell, c.action(it, shellNames), true)
	}
	c.text = jsonedit.Put(c.text[:0], `{\"operation\":`)
	if operation := it.raw(itemOperation); operation != nil {
		c.text = jsonedit.AppendEscaped(c.text, operation)
	} else {
		c.text = jsonedit.Put(c.text, "null")
	}
	return c.addTypedCall(it, itemCallID, toolset.ApplyPatch, append(c.text, '}'), true)
}

// callKey is the member with the id of a local shell's call, which may be its own.
func (it *item) callKey() int {
	if it.has(itemCallID) {
		return itemCallID
	}
	return itemID
}

// callID is the id of a call, as it stands in its literal.
//
//go:noinline
func (it *item) callID(key int) ([]byte, *hub.Problem) {
	id, p := it.inside(key)
	if p == nil && len(id) == 0 {
		p = hub.Refuse("empty_string", it.member(key), "Invalid '"+it.member(key)+"': the string is empty.")
	}
	return id, p
}

// noteShell notes a local shell's two ids.
func (c *conversation) noteShell(it *item) {
	id, key := it.text(itemID), it.callKey()
	if call := it.text(key); len(id) == 0 || len(call) == 0 || bytes.Equal(id, call) {
		return
	}
	if c.shells == nil {
		c.shells = map[string]string{}
	}
	if _, known := c.shells[string(id)]; !known {
		c.shells[string(id)] = string(jsonedit.Inside(it.raw(key)))
	}
}

// addNamedCall adds a call of a tool that the client named, under the upstream's name.
func (c *conversation) addNamedCall(it *item, arguments []byte, object bool) *hub.Problem {
	id, p := it.callID(itemCallID)
	if p != nil {
		return p
	}
	if _, p = it.inside(itemName); p != nil {
		return p
	}
	if it.has(itemNamespace) {
		if _, p = it.inside(itemNamespace); p != nil {
			return p
		}
	}
	c.turn.UseCallID(it.text(itemCallID))
	c.name = jsonedit.AppendEscaped(c.name[:0], c.notes.tools.UpstreamName(it.text(itemNamespace), it.text(itemName)))
	c.historyCall(id, c.name, arguments, object)
	return nil
}

// addTypedCall adds a call of a tool that has a type instead of a name.
func (c *conversation) addTypedCall(it *item, key int, kind toolset.Kind, arguments []byte, object bool) *hub.Problem {
	id, p := it.callID(key)
	if p != nil {
		return p
	}
	c.turn.UseCallID(it.text(key))
	c.historyCall(id, c.notes.tools.TypedName(kind), arguments, object)
	return nil
}

// historyCall adds a call to the history; object: its arguments are known to be a JSON object.
func (c *conversation) historyCall(id, name, arguments []byte, object bool) {
	if object {
		c.history.CallObject(id, name, arguments)
	} else {
		c.history.Call(id, name, arguments)
	}
}

// arguments are an object, or a string that should hold one, as inside a literal; object
// tells that it is one.
func (c *conversation) arguments(it *item) (inside []byte, object bool) {
	switch v := it.raw(itemArguments); {
	case v == nil:
		return nil, false // the Editor makes {} of nothing
	case v[0] == '"':
		return jsonedit.Inside(v), false
	default:
		c.text = jsonedit.AppendEscaped(c.text[:0], v)
		return c.text, v[0] == '{'
	}
}

// action is an object with some of an action's members, as inside a literal.
func (c *conversation) action(it *item, names []string) []byte {
	c.text = append(c.text[:0], '{')
	if action := it.raw(itemAction); jsonedit.Is(action, jsonedit.Object) {
		var v [4][]byte
		c.small.Pick(action, names, v[:])
		for i, name := range names {
			if v[i] == nil {
				continue
			}
			if len(c.text) > 1 {
				c.text = append(c.text, ',')
			}
			c.text = jsonedit.Put(jsonedit.Put(jsonedit.Put(c.text, `\"`), name), `\":`)
			c.text = jsonedit.AppendEscaped(c.text, v[i])
		}
	}
	return append(c.text, '}')
}

// addOutput adds a tool's result. What became of a patch stands before its text.
func (c *conversation) addOutput(it *item, kind itemKind) *hub.Problem {
	key, before := itemCallID, ""
	switch {
	case kind == localShellOutput:
		key = it.callKey()
	case kind != applyPatchOutput:
	case string(it.text(itemStatus)) == "failed":
		before = "failed"
	case !it.has(itemOutput):
		before = "completed"
	}
	if !it.has(itemOutput) && before == "" {
		if _, p := it.callID(key); p != nil {
			return p
		}
		return hub.Missing(it.member(itemOutput))
	}
	c.images = c.images[:0]
	c.text = jsonedit.Put(c.text[:0], before)
	if it.has(itemOutput) {
		if before != "" {
			c.text = jsonedit.Put(c.text, `: `)
		}
		var p *hub.Problem
		output := c.content(it, itemOutput)
		if c.text, p = output.appendText(c.text, &c.images); p != nil {
			return p
		}
	}
	return c.addResult(it, key, c.text)
}

// orphaned is the place of an output without a call.
const orphaned = "input"

// addResult adds the result of a call.
func (c *conversation) addResult(it *item, key int, text []byte) *hub.Problem {
	id, p := it.callID(key)
	if p != nil {
		return p
	}
	if c.history.Result(id, text, c.images) {
		return nil
	}
	if call, ok := c.shells[string(it.text(key))]; ok && c.history.Result([]byte(call), text, c.images) {
		return nil
	}
	if c.summarized {
		return nil // its call is in the summary
	}
	return hub.Refuse("", orphaned, "No tool call found for the output with "+itemNames[key]+" "+hub.Quoted(it.text(key))+
		". Send the call before its output.")
}

// addShellOutput adds what several commands put out and how they ended.
func (c *conversation) addShellOutput(it *item) *hub.Problem {
	v := it.raw(itemOutput)
	switch {
	case v == nil:
		return hub.Missing(it.member(itemOutput))
	case v[0] != '[' && v[0] != '"':
		return hub.WrongType(it.member(itemOutput), "a list")
	}
	c.images = c.images[:0]
	if v[0] == '"' {
		return c.addResult(it, itemCallID, jsonedit.Inside(v))
	}
	c.text = c.text[:0]
	output := c.content(it, itemOutput)
	for n := range output.parts {
		if n > 0 {
			c.text = jsonedit.Put(c.text, `\n`)
		}
		for _, key := range [...]int{partStdout, partStderr} {
			if v := jsonedit.Inside(output.raw(n, key)); len(v) > 0 {
				c.text = jsonedit.PutBytes(c.text, v)
				if !bytes.HasSuffix(c.text, []byte(`\n`)) {
					c.text = jsonedit.Put(c.text, `\n`)
				}
			}
		}
		c.text = c.appendOutcome(c.text, output.raw(n, partOutcome))
	}
	return c.addResult(it, itemCallID, c.text)
}

var outcomeNames = []string{"type", "exit_code"}

// appendOutcome appends how a command ended.
func (c *conversation) appendOutcome(text, outcome []byte) []byte {
	if !jsonedit.Is(outcome, jsonedit.Object) {
		return text
	}
	var v [2][]byte
	c.small.Pick(outcome, outcomeNames, v[:])
	switch code := v[1]; {
	case string(v[0]) == `"timeout"`:
		return jsonedit.Put(text, "timed out")
	case jsonedit.Is(code, jsonedit.Number):
		return jsonedit.PutBetween(text, "exit code ", code, "")
	}
	return text
}

// addFound adds the names that a search has found; the tools themselves are offered.
func (c *conversation) addFound(it *item) *hub.Problem {
	if !it.has(itemCallID) {
		return nil // a server's own search
	}
	const found = "These tools can be called now: "
	c.text = c.notes.tools.AppendNames(jsonedit.Put(c.text[:0], found), it.tools, ", ")
	if len(c.text) == len(found) {
		c.text = jsonedit.Put(c.text[:0], "No tools were found.")
	}
	c.images = c.images[:0]
	return c.addResult(it, itemCallID, c.text)
}

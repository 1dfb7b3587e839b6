package messages

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/grammar"
)

// Checker takes the events of one stream one by one.
type Checker struct {
	options Options

	seen   int // events so far
	name   string
	faults []error // of the event at hand
	phase  phase

	blocks []*block
	open   bool           // the last block
	start  map[string]any // usage of message_start
	reason string
	last   string // the event after which nothing may come
}

type phase int

const (
	atStart phase = iota
	running
	afterDelta // message_delta
	over
)

type block struct {
	kind, id string
	text     strings.Builder // text, thinking or partial JSON
	signed   bool
}

// whole says whether such a block has no deltas. Nobody knows that of an unknown one.
func (b *block) whole() bool {
	return fits[b.kind] == nil && (blockStarts[b.kind] != nil || foreignStarts[b.kind] != nil)
}

// New makes a checker for one stream.
func New(o Options) *Checker { return &Checker{options: o} }

// Summary says what the events so far held.
func (c *Checker) Summary() Summary {
	s := Summary{Events: c.seen, StopReason: c.reason, Terminal: c.last}
	for _, b := range c.blocks {
		s.Blocks = append(s.Blocks, b.kind)
	}
	return s
}

func (c *Checker) report(note bool, what string) {
	c.faults = append(c.faults, &grammar.Fault{Event: c.seen, Name: c.name, What: what, Note: note})
}

func (c *Checker) fault(format string, args ...any) { c.reportf(false, format, args...) }

func (c *Checker) note(format string, args ...any) { c.reportf(true, format, args...) }

func (c *Checker) reportf(note bool, format string, args ...any) {
	c.report(note, fmt.Sprintf(format, args...))
}

// Event takes the next event, the value of its event: line and of its data: line, and
// returns what is wrong with it.
func (c *Checker) Event(name string, data []byte) []error {
	c.faults, c.name = nil, name
	c.event(name, data)
	c.seen++
	return c.faults
}

// End says that the stream ended and returns what is missing.
func (c *Checker) End() []error {
	c.faults, c.name = nil, ""
	if c.phase != over {
		c.fault("the stream ends without message_stop or error; allowed here: %s", grammar.Quoted(c.allowed()...))
	}
	return c.faults
}

func (c *Checker) event(name string, data []byte) {
	if string(data) == grammar.Done {
		c.fault("[DONE]; a stream of this API ends with message_stop")
		return
	}
	event, kind := grammar.Typed(data, name, true, c.report)
	if event == nil {
		return
	}
	c.name = kind
	shape, ok := eventShapes[kind]
	switch {
	case !ok:
		c.note("the grammar has no such event; allowed here: %s", grammar.Quoted(c.allowed()...))
		return
	case c.phase == over:
		c.fault("nothing may follow %s", c.last)
		return
	}
	shape("", event, c.report)
	if allowed := c.allowed(); !slices.Contains(allowed, kind) {
		again := kind == "message_delta" && c.phase == afterDelta // Anthropic's API may correct what it counted
		c.report(again, "may not come here; allowed: "+grammar.Quoted(allowed...))
	}
	c.take(kind, event)
}

// allowed lists the events that may come next.
func (c *Checker) allowed() []string {
	switch {
	case c.phase == atStart:
		return []string{"message_start", "error"}
	case c.phase == over:
		return nil
	case c.phase == afterDelta:
		return []string{"message_stop", "ping", "error"}
	case !c.open:
		return []string{"content_block_start", "message_delta", "ping", "error"}
	case c.block().whole():
		return []string{"content_block_stop", "ping", "error"}
	}
	return []string{"content_block_delta", "content_block_stop", "ping", "error"}
}

// block is the last block.
func (c *Checker) block() *block { return c.blocks[len(c.blocks)-1] }

// take checks what an event says against what came before, and remembers it.
func (c *Checker) take(kind string, event map[string]any) {
	switch kind {
	case "message_start":
		message, _ := event["message"].(map[string]any)
		c.start, _ = message["usage"].(map[string]any)
		checkUsage("message.usage", c.start, c.report)
		if c.phase == atStart {
			c.phase = running
		}
	case "content_block_start":
		c.takeStart(event)
	case "content_block_delta":
		c.takeDelta(event)
	case "content_block_stop":
		c.takeStop(event)
	case "message_delta":
		c.takeMessageDelta(event)
	case "message_stop", "error": // before an error the last call may have been cut off
		c.phase, c.last = over, kind
	}
}

func (c *Checker) takeStart(event map[string]any) {
	if index, ok := grammar.AsCount(event["index"]); ok && index != int64(len(c.blocks)) {
		c.fault("index is %d; must be %d", index, len(c.blocks))
	}
	object, _ := event["content_block"].(map[string]any)
	b := &block{}
	b.kind, _ = object["type"].(string)
	b.id, _ = object["id"].(string)
	for _, other := range c.blocks {
		if b.id != "" && other.id == b.id {
			c.fault("content_block.id %q was another block's; must be unique", b.id)
		}
	}
	if b.kind == "web_search_tool_result" && !slices.ContainsFunc(c.blocks, func(o *block) bool {
		return o.kind == serverToolUse && o.id == object["tool_use_id"]
	}) { // a turn that paused may have had it
		c.note("content_block.tool_use_id is %s; must be the id of a server_tool_use block before it", grammar.Describe(object["tool_use_id"]))
	}
	c.checkInputs(len(c.blocks))
	c.blocks, c.open = append(c.blocks, b), true
}

// checkIndex checks the index of an event within a block.
func (c *Checker) checkIndex(event map[string]any) {
	if index, ok := grammar.AsCount(event["index"]); ok && index != int64(len(c.blocks)-1) {
		c.fault("index is %d; must be %d, that of the open block", index, len(c.blocks)-1)
	}
}

func (c *Checker) takeDelta(event map[string]any) {
	if !c.open {
		return
	}
	c.checkIndex(event)
	b := c.block()
	delta, _ := event["delta"].(map[string]any)
	kind, _ := delta["type"].(string)
	if allowed := fits[b.kind]; !slices.Contains(allowed, kind) {
		if allowed != nil { // else a delta may not come at all, or the block is unknown
			c.fault("delta.type is %q; must be %s in a %s block", kind, grammar.Quoted(allowed...), b.kind)
		}
		return
	}
	if b.signed {
		c.fault("%s behind a signature_delta; a signature comes once, and last", kind)
	}
	b.signed = b.signed || kind == "signature_delta"
	for _, key := range []string{"text", "thinking", "partial_json"} {
		piece, _ := delta[key].(string)
		if key == "text" && b.text.Len() == 0 && c.followsThinking() && strings.HasPrefix(piece, "\n") {
			c.note("the text begins with a line feed; those between thinking and text are no part of the text")
		}
		b.text.WriteString(piece)
	}
}

func (c *Checker) followsThinking() bool {
	n := len(c.blocks)
	return n > 1 && c.blocks[n-2].kind == "thinking"
}

func (c *Checker) takeStop(event map[string]any) {
	if !c.open {
		return
	}
	c.checkIndex(event)
	c.open = false
	if b := c.block(); b.kind == "thinking" && !b.signed {
		c.fault("the thinking of block %d has no signature_delta; without one clients don't give it back", len(c.blocks)-1)
	}
}

// checkInputs checks that the input of the last of n blocks, if it is closed and a
// tool's, is a JSON object. It is called when it is clear that the block wasn't cut.
func (c *Checker) checkInputs(n int) {
	if n == 0 || c.open {
		return
	}
	b := c.blocks[n-1]
	if s := b.text.String(); isTool(b.kind) && !grammar.IsObject(s) {
		c.reportf(s == "", "the input of block %d, %s, is %s; its partial_json joined must be a JSON object", n-1, b.kind, grammar.Describe(s))
	}
}

func isTool(kind string) bool { return slices.Contains(fits[kind], "input_json_delta") }

func (c *Checker) takeMessageDelta(event map[string]any) {
	if c.phase == running {
		c.phase = afterDelta
	}
	delta, _ := event["delta"].(map[string]any)
	c.reason, _ = delta["stop_reason"].(string)
	checkStop("delta", delta, c.report)
	var kinds []string
	for i, b := range c.blocks {
		kinds = append(kinds, b.kind)
		if b.kind == "text" && len(c.blocks) > 1 && grammar.IsBlank(b.text.String()) {
			c.note("block %d is text of white space only; it stands for nothing beside other blocks", i)
		}
	}
	checkBlocks("delta", kinds, c.reason, c.report)
	if n := len(c.blocks); n > 0 && cut(c.reason) && c.blocks[n-1].kind == toolUse {
		// Claude Code runs a cut call if its input happens to be JSON. Nothing reads as {}.
		if s := c.blocks[n-1].text.String(); s == "" || grammar.IsObject(s) {
			c.note("the input of block %d is %s; that of a call that was cut off (%s) must not be JSON, or clients run the call",
				n-1, grammar.Describe(s), c.reason)
		}
	} else {
		c.checkInputs(n)
	}
	usage, ok := event["usage"].(map[string]any)
	if ok {
		checkUsage("usage", usage, c.report)
		c.checkGrowth(usage)
	}
}

// checkGrowth compares the last usage with the first. Clients overwrite the one with the
// other, so that both must speak of the same prompt. A first count of 0 says nothing, and
// a last usage without these counts overwrites nothing. It grows where the server called
// the model again, for tools of its own.
func (c *Checker) checkGrowth(usage map[string]any) {
	was, in := inputs(c.start), inputs(usage)
	if _, counted := grammar.AsCount(usage["input_tokens"]); counted && was != 0 && was != in && !c.options.EstimatedInput {
		c.reportf(in > was, "usage counts %d input tokens, those of the caches too; message_start counted %d", in, was)
	}
	first, _ := grammar.AsCount(c.start["output_tokens"])
	if out, ok := grammar.AsCount(usage["output_tokens"]); ok && out < first {
		c.fault("usage.output_tokens is %d; message_start counted %d already", out, first)
	}
}

// inputs counts the whole prompt.
func inputs(usage map[string]any) (total int64) {
	for _, key := range []string{"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"} {
		n, _ := grammar.AsCount(usage[key])
		total += n
	}
	return total
}

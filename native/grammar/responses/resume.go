package responses

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/native/grammar"
)

// resume makes up, from the first event of a resumed stream, the state that this event
// needs. The first event that names an output_index tells the number of the item.
func (c *Checker) resume(kind string, event map[string]any) {
	if c.phase == atStart && kind != "response.created" {
		c.phase = running
		if kind == "response.queued" {
			c.phase = afterCreated
		}
	}
	index, ok := grammar.AsCount(event["output_index"])
	if c.firstIndex >= 0 || !ok {
		return
	}
	c.firstIndex = index
	if kind == "response.output_item.added" {
		return
	}
	i := &item{reporter: &c.reporter, index: index, firstPart: -1}
	i.id, _ = event["item_id"].(string)
	c.seenIDs[i.id] = true
	c.begin(i)
	name := strings.TrimPrefix(kind, "response.")
	switch {
	case name == "output_item.done":
		object, _ := event["item"].(map[string]any)
		i.id, _ = object["id"].(string)
		i.kind, _ = object["type"].(string)
		i.textDone, i.text.unknown = true, true
		if s, ok := object["summary"].([]any); ok && len(s) > 0 {
			i.summary = true
		}
	case strings.HasPrefix(name, "function_call_arguments."):
		i.kind, i.text.late = "function_call", true
	case strings.HasPrefix(name, "custom_tool_call_input."):
		i.kind, i.text.late = "custom_tool_call", true
	default:
		i.resumeInPart(name, event)
	}
}

// resumeInPart makes up the part that an event within it needs.
func (i *item) resumeInPart(name string, event map[string]any) {
	object, _ := event["part"].(map[string]any)
	p := &part{reporter: i.reporter, index: partIndexOf(event)}
	p.kind, _ = object["type"].(string)
	p.text.late = true
	switch {
	case strings.HasPrefix(name, "output_text."):
		p.kind = "output_text"
	case strings.HasPrefix(name, "refusal."):
		p.kind = "refusal"
	case strings.HasPrefix(name, "reasoning_summary_text."):
		p.kind = "summary_text"
	case strings.HasPrefix(name, "reasoning_text."), strings.HasPrefix(name, "reasoning."):
		p.kind = "reasoning_text"
	}
	i.kind = "message"
	if p.kind == "reasoning_text" || p.kind == "summary_text" {
		i.kind = "reasoning"
	}
	i.summary = p.kind == "summary_text"
	if strings.HasSuffix(name, "part.added") {
		return // partAdded takes it from here
	}
	i.firstPart = p.index
	if strings.HasSuffix(name, "part.done") {
		p.textDone, p.text.unknown = true, true
	}
	i.part = p
}

// partIndexOf is the index of the part that an event speaks of.
func partIndexOf(event map[string]any) int64 {
	for _, key := range []string{"content_index", "summary_index"} {
		if n, ok := grammar.AsCount(event[key]); ok {
			return n
		}
	}
	return 0
}

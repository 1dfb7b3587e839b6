package responses

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/qwenvoy/qwenvoy/native/grammar"
)

// item is one output item, from its output_item.added to its output_item.done.
type item struct {
	*reporter
	kind, id string
	index    int64
	added    map[string]any // nil in a resumed stream that begins within the item
	done     map[string]any
	// name of a call, "" if not known.
	name string

	// parts are the finished parts. firstPart is the index of the first of them,
	// above 0 only if the stream begins within the item; -1 if it isn't known.
	parts     []map[string]any
	firstPart int64
	summary   bool // the parts are those of a summary
	part      *part

	// text is the arguments or input of a call.
	text     text
	textDone bool
}

// foreign says whether servers give such items that run tools of their own. Nobody here
// knows how those grow.
func (i *item) foreign() bool { return itemShapes[i.kind] == nil }

func (i *item) describe() string { return fmt.Sprintf("%s %q", i.kind, i.id) }

// allowed lists the events that may come next within the item.
func (i *item) allowed(o Options) []string {
	switch {
	case i.part != nil:
		return i.part.allowed(o)
	case i.kind == "message":
		return []string{"response.content_part.added", "response.output_item.done"}
	case i.kind == "reasoning":
		var names []string
		if i.summary || len(i.parts) == 0 {
			names = append(names, "response.reasoning_summary_part.added")
		}
		if !i.summary {
			names = append(names, "response.content_part.added")
		}
		return append(names, "response.output_item.done")
	case i.kind == "function_call" && !i.textDone:
		return []string{"response.function_call_arguments.delta", "response.function_call_arguments.done"}
	case i.kind == "custom_tool_call" && !i.textDone:
		return []string{"response.custom_tool_call_input.delta", "response.custom_tool_call_input.done"}
	}
	return []string{"response.output_item.done"}
}

// checkIndex checks output_index.
func (i *item) checkIndex(event map[string]any) {
	if n, ok := grammar.AsCount(event["output_index"]); ok && n != i.index {
		i.fault("output_index is %d; must be %d", n, i.index)
	}
}

// mayGrow are the keys of an item that output_item.done may say in full while
// output_item.added left them empty.
var mayGrow = map[string]bool{
	"status": true, "content": true, "summary": true, "input": true, "phase": true,
	"arguments": true, "action": true, "environment": true, "operation": true, "encrypted_content": true,
}

// finish checks an item that ends against what the stream had of it.
func (i *item) finish(object map[string]any) {
	i.done = object
	if object["id"] != i.id {
		i.fault("item.id is %s; must be %q as in output_item.added", grammar.Describe(object["id"]), i.id)
	}
	if object["type"] != i.kind {
		i.fault("item.type is %s; must be %q as in output_item.added", grammar.Describe(object["type"]), i.kind)
		return
	}
	checkDone("item", object, i.report)
	if i.added != nil {
		i.grown()
	}
	switch i.kind {
	case "message":
		i.sameParts("content", object["content"])
	case "reasoning":
		key, other := "content", "summary"
		if i.summary {
			key, other = other, key
		}
		i.sameParts(key, object[key])
		if v, _ := object[other].([]any); len(v) > 0 && i.firstPart >= 0 {
			i.fault("item.%s has %d parts; the stream had none of them", other, len(v))
		}
	case "function_call", "mcp_call":
		i.sameText("arguments", object["arguments"])
	case "custom_tool_call":
		i.sameText("input", object["input"])
	}
}

// grown checks that an item has the keys it began with, and no others.
func (i *item) grown() {
	for _, key := range slices.Sorted(maps.Keys(i.added)) {
		v, ok := i.done[key]
		switch {
		case !ok:
			i.note("item.%s is missing, but stood in output_item.added", key)
		case mayGrow[key]:
			if at := grewInto("item."+key, i.added[key], v); at != "" && key != "status" {
				i.reportf(i.foreign() || key == "encrypted_content", "%s was neither empty in output_item.added nor what it is now", at)
			}
		case !reflect.DeepEqual(v, i.added[key]):
			known := key == "call_id" || key == "name" || key == "role"
			i.reportf(!known || i.foreign(), "item.%s is %s; must be %s as in output_item.added", key,
				grammar.Describe(v), grammar.Describe(i.added[key]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(i.done)) {
		if _, ok := i.added[key]; !ok && !mayGrow[key] {
			i.note("item.%s stands here, but was missing in output_item.added", key)
		}
	}
}

// grewInto looks for a place where a value was neither empty nor what it became.
func grewInto(path string, was, v any) string {
	switch w := was.(type) {
	case nil:
		return ""
	case string:
		if w == "" {
			return ""
		}
	case []any:
		if len(w) == 0 {
			return ""
		}
	case map[string]any:
		object, ok := v.(map[string]any)
		if !ok {
			return path
		}
		for _, key := range slices.Sorted(maps.Keys(w)) {
			if at := grewInto(grammar.Join(path, key), w[key], object[key]); at != "" {
				return at
			}
		}
		return ""
	}
	if reflect.DeepEqual(was, v) {
		return ""
	}
	return path
}

// sameParts compares an item's parts with those that the stream had.
func (i *item) sameParts(key string, v any) {
	parts, _ := v.([]any)
	if i.firstPart < 0 {
		return
	}
	if want := i.firstPart + int64(len(i.parts)); int64(len(parts)) != want {
		i.fault("item.%s has %d parts; the stream had %d", key, len(parts), want)
		return
	}
	for n, p := range i.parts {
		at := fmt.Sprintf("item.%s[%d]", key, i.firstPart+int64(n))
		if got := parts[i.firstPart+int64(n)]; !reflect.DeepEqual(got, any(p)) {
			i.reportf(sameEssence(got, p), "%s differs from the part of the stream: %s", at, grammar.Difference(at, got, any(p)))
		}
	}
}

// essential are the keys by which clients know an item or part, and what they show or run
// of it. Servers may say the others (annotations, logprobs, encrypted_content) anew.
var essential = []string{"type", "id", "call_id", "name", "role", "text", "refusal", "arguments", "input"}

// sameEssence says whether two items or parts are the same in all that is essential.
func sameEssence(got any, want map[string]any) bool {
	object, ok := got.(map[string]any)
	if !ok {
		return false
	}
	for _, key := range essential {
		if !reflect.DeepEqual(object[key], want[key]) {
			return false
		}
	}
	for _, key := range []string{"content", "summary"} {
		parts, _ := object[key].([]any)
		wanted, _ := want[key].([]any)
		if len(parts) != len(wanted) {
			return false
		}
		for n := range parts {
			if part, ok := wanted[n].(map[string]any); !ok || !sameEssence(parts[n], part) {
				return false
			}
		}
	}
	return true
}

func (i *item) sameText(key string, v any) {
	if s, ok := v.(string); ok && i.textDone && !i.text.unknown && s != i.text.whole {
		i.fault("item.%s is %s; must be %s as in the done event before", key, grammar.Describe(s), grammar.Describe(i.text.whole))
	}
}

// take checks an event within the item.
func (i *item) take(kind string, event map[string]any) {
	i.checkOwner(event)
	switch kind {
	case "response.content_part.added", "response.reasoning_summary_part.added":
		i.partAdded(kind, event)
	case "response.content_part.done", "response.reasoning_summary_part.done":
		i.partDone(event)
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		delta, _ := event["delta"].(string)
		i.text.WriteString(delta)
	case "response.function_call_arguments.done":
		if name, ok := event["name"].(string); ok && i.added != nil && name != i.name {
			i.fault("name is %q; must be %q as in output_item.added", name, i.name)
		} else if i.added == nil {
			i.name = name
		}
		i.checkText(event, "arguments", &i.text)
		i.textDone = true
	case "response.custom_tool_call_input.done":
		i.checkText(event, "input", &i.text)
		i.textDone = true
	default:
		if i.part != nil {
			i.part.take(kind, event)
		}
	}
}

// partAdded begins a part.
func (i *item) partAdded(kind string, event map[string]any) {
	object, ok := event["part"].(map[string]any)
	if !ok {
		return
	}
	if i.firstPart < 0 { // resumed within the item
		i.firstPart = partIndexOf(event)
	}
	p := &part{reporter: i.reporter, index: i.firstPart + int64(len(i.parts))}
	p.kind, _ = object["type"].(string)
	p.checkIndex(event)
	if kind == "response.reasoning_summary_part.added" {
		i.summary = true
	}
	switch {
	case i.kind == "reasoning" && p.kind != "reasoning_text" && p.kind != "summary_text":
		i.fault("part.type is %q; must be %s in reasoning", p.kind, grammar.Quoted("reasoning_text", "summary_text"))
	case i.kind == "message" && p.kind != "output_text" && p.kind != "refusal":
		i.fault("part.type is %q; must be %s in a message", p.kind, grammar.Quoted("output_text", "refusal"))
	}
	for _, key := range []string{"text", "refusal"} {
		if s, ok := object[key].(string); ok && s != "" {
			i.fault(`part.%s is %s; must be "" when a part begins`, key, grammar.Describe(s))
		}
	}
	for _, key := range []string{"annotations", "logprobs"} {
		i.mustBeEmpty("part", object, key)
	}
	i.part = p
}

// partDone ends the open part.
func (i *item) partDone(event map[string]any) {
	object, ok := event["part"].(map[string]any)
	p := i.part
	if !ok || p == nil {
		return
	}
	i.part = nil
	i.parts = append(i.parts, object)
	p.checkIndex(event)
	p.finish(object)
}

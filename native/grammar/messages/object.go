package messages

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/grammar"
)

// Object checks a whole message: the answer to a request without stream.
func Object(data []byte) (faults []error) {
	report := grammar.Report(func(note bool, what string) {
		faults = append(faults, &grammar.Fault{Event: grammar.NoEvent, What: what, Note: note})
	})
	message, wrong := grammar.Parse(data)
	for _, w := range wrong {
		report.Fault("%s", w)
	}
	if message == nil {
		return faults
	}
	messageShape("", message, report)
	checkStop("", message, report)
	usage, _ := message["usage"].(map[string]any)
	checkUsage("usage", usage, report)
	checkContent(message, report)
	return faults
}

func checkContent(message map[string]any, report grammar.Report) {
	content, ok := message["content"].([]any)
	if !ok {
		return
	}
	var kinds []string
	ids := map[string]bool{}
	searches := map[any]bool{}
	for i, v := range content {
		at := fmt.Sprintf("content[%d]", i)
		b, _ := v.(map[string]any)
		kind, _ := b["type"].(string)
		if id, ok := b["id"].(string); ok {
			if ids[id] {
				report.Fault("%s.id %q was another block's; must be unique", at, id)
			}
			ids[id] = true
			searches[id] = kind == serverToolUse
		}
		if id, ok := b["tool_use_id"].(string); ok && !searches[id] {
			report.Note("%s.tool_use_id is %q; must be the id of a server_tool_use block before it", at, id)
		}
		if text, ok := b["text"].(string); ok && kind == "text" {
			switch {
			case len(content) > 1 && grammar.IsBlank(text):
				report.Note("%s is text of white space only; it stands for nothing beside other blocks", at)
			case i > 0 && kinds[i-1] == "thinking" && strings.HasPrefix(text, "\n"):
				report.Note("%s.text begins with a line feed; those between thinking and text are no part of the text", at)
			}
		}
		kinds = append(kinds, kind)
	}
	reason, _ := message["stop_reason"].(string)
	checkBlocks("", kinds, reason, report)
}

// checkBlocks checks that the blocks fit the stop reason, which stands in the object at path.
func checkBlocks(path string, kinds []string, reason string, report grammar.Report) {
	calls := slices.Contains(kinds, toolUse)
	at := grammar.Join(path, "stop_reason")
	switch {
	case len(kinds) == 0:
		report.Note("the message has no block; one that says nothing has one empty text block")
	case reason == toolUse && !calls:
		report.Fault("%s is %q, but there is no tool_use block", at, reason)
	case calls && (reason == endTurn || reason == stopSequence):
		report(reason == stopSequence, fmt.Sprintf("%s is %q, but there is a tool_use block; must be %s",
			at, reason, grammar.Quoted(toolUse, maxTokens, windowIsFull, refusal)))
	}
}

// checkStop checks that the fields around the stop reason, in the object at path, fit it.
func checkStop(path string, object map[string]any, report grammar.Report) {
	reason, ok := object["stop_reason"].(string)
	if !ok {
		return
	}
	onlyWith := func(key, when string) {
		switch v := object[key]; {
		case reason == when && v == nil:
			report.Note("%s is missing or null; must stand there when stop_reason is %q", grammar.Join(path, key), when)
		case reason != when && v != nil:
			report.Note("%s is %s; must be null unless stop_reason is %q", grammar.Join(path, key), grammar.Describe(v), when)
		}
	}
	onlyWith("stop_sequence", stopSequence)
	onlyWith("stop_details", refusal)
}

func checkUsage(path string, usage map[string]any, report grammar.Report) {
	out, ok := grammar.AsCount(usage["output_tokens"])
	details, _ := usage["output_tokens_details"].(map[string]any)
	if thinking, _ := grammar.AsCount(details["thinking_tokens"]); ok && thinking > out {
		report.Note("%s.output_tokens_details.thinking_tokens is %d; they are a part of output_tokens, %d", path, thinking, out)
	}
}

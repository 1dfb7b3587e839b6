package simulator

import (
	"encoding/json"
	"strings"
)

// message is one of a conversation, its content flattened to text.
type message struct {
	role      string
	text      string
	images    int
	reasoning string
	calls     []toolCall
}

// imageTokens are what an image counts, whatever its size.
const imageTokens = 256

// seen is the message's content as it stands in the prompt, its images in front.
func (m *message) seen() string {
	if m.images == 0 {
		return m.text
	}
	image := "<|vision_start|>" + strings.Repeat("<|image_pad|>", imageTokens) + "<|vision_end|>"
	return strings.Repeat(image, m.images) + m.text
}

type toolCall struct {
	name      string
	arguments string // JSON
}

// render writes the prompt as Qwen3.5's chat template does in outline. The
// error is the template's own complaint.
func render(messages []message, tools []tool, thinking, generate bool) (string, *apiError) {
	if len(messages) == 0 {
		return "", badRequest("Cannot apply chat template to an empty conversation. Provide at least one message.")
	}
	lastUser := -1
	for i, m := range messages {
		if m.role == "user" {
			lastUser = i
		}
	}
	if lastUser < 0 {
		return "", badRequest("No user query found in messages.")
	}
	var b strings.Builder
	system := ""
	if messages[0].role == "system" {
		system = messages[0].text
	}
	if len(tools) > 0 {
		b.WriteString("<|im_start|>system\n# Tools\n\nYou have access to the following functions:\n\n<tools>")
		for _, t := range tools {
			b.WriteByte('\n')
			b.Write(t.raw)
		}
		b.WriteString("\n</tools>\n\nCall one by <tool_call>\n<function=name>\n<parameter=key>\nvalue\n</parameter>\n</function>\n</tool_call>")
		if system != "" {
			b.WriteString("\n\n" + system)
		}
		b.WriteString("<|im_end|>\n")
	} else if system != "" {
		b.WriteString("<|im_start|>system\n" + system + "<|im_end|>\n")
	}
	inTools := false
	for i, m := range messages {
		if inTools && m.role != "tool" {
			b.WriteString("<|im_end|>\n")
			inTools = false
		}
		switch m.role {
		case "system":
			if i > 0 {
				return "", badRequest("System message must be at the beginning.")
			}
		case "user":
			b.WriteString("<|im_start|>user\n" + m.seen() + "<|im_end|>\n")
		case "assistant":
			b.WriteString("<|im_start|>assistant\n")
			if i > lastUser && m.reasoning != "" {
				b.WriteString("<think>\n" + strings.Trim(m.reasoning, "\n") + "\n</think>\n\n")
			}
			b.WriteString(strings.TrimSpace(m.seen()))
			for _, c := range m.calls {
				b.WriteString("\n" + callMarkup(c))
			}
			b.WriteString("<|im_end|>\n")
		case "tool":
			if !inTools {
				b.WriteString("<|im_start|>user")
				inTools = true
			}
			b.WriteString("\n<tool_response>\n" + m.seen() + "\n</tool_response>")
		default:
			return "", badRequest("Unexpected message role.")
		}
	}
	if inTools {
		b.WriteString("<|im_end|>\n")
	}
	if generate {
		b.WriteString("<|im_start|>assistant\n<think>\n")
		if !thinking {
			b.WriteString("\n</think>\n\n")
		}
	}
	return b.String(), nil
}

// callMarkup is a call as the model writes it.
func callMarkup(c toolCall) string {
	var b strings.Builder
	b.WriteString("<tool_call>\n<function=" + c.name + ">\n")
	for _, p := range parameters(c.arguments) {
		b.WriteString("<parameter=" + p.key + ">\n" + p.text() + "\n</parameter>\n")
	}
	b.WriteString("</function>\n</tool_call>")
	return b.String()
}

// parameter is one argument of a call: a member of a JSON object.
type parameter struct {
	key   string
	value json.RawMessage
}

// parameters lists the members of a JSON object in their order; none for
// anything else.
func parameters(object string) []parameter {
	d := json.NewDecoder(strings.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var out []parameter
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil
		}
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return nil
		}
		key, _ := k.(string)
		out = append(out, parameter{key, v})
	}
	return out
}

// text is the value as it stands in the markup: strings bare, others as JSON.
func (p parameter) text() string {
	var s string
	if json.Unmarshal(p.value, &s) == nil && len(p.value) > 0 && p.value[0] == '"' {
		return s
	}
	return string(p.value)
}

// tool is a function that the request offers.
type tool struct {
	raw        json.RawMessage
	name       string
	parameters json.RawMessage
}

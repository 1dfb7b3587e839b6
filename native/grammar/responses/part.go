package responses

import (
	"reflect"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/grammar"
)

// part is one part of an item's content or summary.
type part struct {
	*reporter
	kind     string
	index    int64
	text     text
	logprobs []any
	textDone bool
}

// text gathers deltas.
type text struct {
	strings.Builder
	// whole text, once a done event has told it.
	whole string
	// late: the stream began in the midst of it.
	late bool
	// unknown: the stream began behind its done event.
	unknown bool
}

// allowed lists the events that may come next within the part.
func (p *part) allowed(o Options) []string {
	closed := p.textDone
	switch p.kind {
	case "output_text":
		if !closed {
			return []string{"response.output_text.delta", "response.output_text.done"}
		}
	case "refusal":
		if !closed {
			return []string{"response.refusal.delta", "response.refusal.done"}
		}
	case "reasoning_text":
		if !closed {
			delta, done := o.reasoningNames()
			return []string{delta, done}
		}
	case "summary_text":
		if !closed {
			return []string{"response.reasoning_summary_text.delta", "response.reasoning_summary_text.done"}
		}
		return []string{"response.reasoning_summary_part.done"}
	}
	return []string{"response.content_part.done"}
}

// textKey is the key of a part's text.
func (p *part) textKey() string {
	if p.kind == "refusal" {
		return "refusal"
	}
	return "text"
}

// checkIndex checks the index of the part that stands in an event.
func (p *part) checkIndex(event map[string]any) {
	key := "content_index"
	if _, ok := event["summary_index"]; ok {
		key = "summary_index"
	}
	if n, ok := grammar.AsCount(event[key]); ok && n != p.index {
		p.fault("%s is %d; must be %d", key, n, p.index)
	}
}

// take checks an event of the part's text.
func (p *part) take(kind string, event map[string]any) {
	p.checkIndex(event)
	logprobs, _ := event["logprobs"].([]any)
	if strings.HasSuffix(kind, ".delta") {
		delta, _ := event["delta"].(string)
		p.text.WriteString(delta)
		p.logprobs = append(p.logprobs, logprobs...)
		return
	}
	p.checkText(event, p.textKey(), &p.text)
	p.textDone = true
	if p.kind != "output_text" {
		return
	}
	if !p.text.late && !sameArrays(logprobs, p.logprobs) {
		p.note("logprobs has %d entries; must be those of its deltas, %d", len(logprobs), len(p.logprobs))
	}
	p.logprobs = logprobs
}

// finish checks a part that ends against what the stream had of it.
func (p *part) finish(object map[string]any) {
	if object["type"] != p.kind {
		p.fault("part.type is %s; must be %q as when the part began", grammar.Describe(object["type"]), p.kind)
		return
	}
	if p.text.unknown {
		return
	}
	if s, ok := object[p.textKey()].(string); ok && p.textDone && s != p.text.whole {
		p.fault("part.%s is %s; must be %s as in the done event before", p.textKey(), grammar.Describe(s), grammar.Describe(p.text.whole))
	}
	if logprobs, _ := object["logprobs"].([]any); p.textDone && !sameArrays(logprobs, p.logprobs) {
		p.note("part.logprobs has %d entries; must be those of the done event before, %d", len(logprobs), len(p.logprobs))
	}
}

func sameArrays(a, b []any) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}

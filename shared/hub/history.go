package hub

import (
	"bytes"
	"slices"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A History builds the messages of a chat request out of a conversation that another
// dialect tells in pieces. It keeps the order that chat models need: what belongs to
// one assistant turn stands in one message, and the results of its calls stand right
// behind it, in the order of the calls, with the images among them in one user message
// behind the last. The zero History is empty and ready; it copies what it is given.
//
// Text that is called "inside" stands as inside a JSON string literal, escapes and all.
type History struct {
	text    []byte // everything that was given, one after another
	entries []entry
	// current is the assistant turn that pieces join, -1 for none.
	current int
	begun   bool
}

// entry is one message, or an assistant turn with the results of its calls.
type entry struct {
	role    string
	content piece // a JSON value; of an assistant the inside of its text

	reasoning piece
	hasText   bool
	calls     []call
}

type piece struct{ start, end int }

type call struct {
	id, name, arguments piece
	object              bool // the arguments are a JSON object
	answered            bool
	result              piece
	// images are content parts with commas between.
	images piece
}

func (h *History) add(b []byte) piece {
	start := len(h.text)
	h.text = append(h.text, b...)
	return piece{start, len(h.text)}
}

func (h *History) of(p piece) []byte { return h.text[p.start:p.end] }

// Reset empties the History.
func (h *History) Reset() {
	h.text, h.entries, h.begun = h.text[:0], h.entries[:0], false
}

// Grow makes room for a conversation of n bytes at once.
func (h *History) Grow(n int) { h.text = slices.Grow(h.text, n) }

// Len is the number of messages and assistant turns so far.
func (h *History) Len() int { return len(h.entries) }

// Message adds a message of a user or system; content is a JSON value.
func (h *History) Message(role string, content []byte) {
	h.begun = false
	e := h.entry(role)
	e.content = h.add(content)
}

// entry adds one, with the room for calls that an earlier conversation left there.
func (h *History) entry(role string) *entry {
	n := len(h.entries)
	if n == cap(h.entries) {
		h.entries = append(h.entries, entry{})
	}
	h.entries = h.entries[:n+1]
	e := &h.entries[n]
	*e = entry{role: role, calls: e.calls[:0]}
	return e
}

// EndTurn makes what follows begin another assistant turn.
func (h *History) EndTurn() { h.begun = false }

func (h *History) assistant() *entry {
	if !h.begun {
		h.begun = true
		h.current = len(h.entries)
		h.entry("assistant")
	}
	return &h.entries[h.current]
}

// join is old, between and more as one piece. Each is copied at most once per call, so
// a dialect that has much to join does so itself.
func (h *History) join(old piece, between string, more []byte) piece {
	if old.end == len(h.text) {
		h.text = append(append(h.text, between...), more...)
		return piece{old.start, len(h.text)}
	}
	start := len(h.text)
	h.text = append(append(append(h.text, h.text[old.start:old.end]...), between...), more...)
	return piece{start, len(h.text)}
}

// Reasoning adds thinking to the assistant turn, texts joined by a line feed.
func (h *History) Reasoning(inside []byte) {
	if e := h.assistant(); len(inside) > 0 {
		if e.reasoning.start == e.reasoning.end {
			e.reasoning = h.add(inside)
		} else {
			e.reasoning = h.join(e.reasoning, `\n`, inside)
		}
	}
}

// Text adds text to the assistant turn; between stands before it where there was text already.
func (h *History) Text(between string, inside []byte) {
	e := h.assistant()
	if len(inside) == 0 {
		return
	}
	if !e.hasText {
		e.hasText, e.content = true, h.add(inside)
		return
	}
	e.content = h.join(e.content, between, inside)
}

// Call adds a tool call to the assistant turn, all three as insides of string literals.
// What the arguments are is the Editor's matter.
func (h *History) Call(id, name, arguments []byte) {
	e := h.assistant()
	e.calls = append(e.calls, call{id: h.add(id), name: h.add(name), arguments: h.add(arguments)})
}

// CallObject is Call with arguments that are known to be a JSON object.
func (h *History) CallObject(id, name, arguments []byte) {
	h.Call(id, name, arguments)
	calls := h.entries[h.current].calls
	calls[len(calls)-1].object = true
}

// Result gives the result of the latest call of that id which has none yet, wherever
// in the conversation it stands; text is an inside, images are content parts with
// commas between. false if there is no such call.
func (h *History) Result(id, text, images []byte) bool {
	h.begun = false
	var again *call
	for i := len(h.entries) - 1; i >= 0; i-- {
		calls := h.entries[i].calls
		for j := range calls {
			c := &calls[j]
			if !bytes.Equal(h.of(c.id), id) {
				continue
			}
			if !c.answered {
				c.answered, c.result, c.images = true, h.add(text), h.add(images)
				return true
			}
			again = c
		}
	}
	if again == nil {
		return false
	}
	// A second result for one call: a chat template takes one.
	again.result = h.join(again.result, `\n`, text)
	if len(images) > 0 {
		between := ""
		if again.images.end > again.images.start {
			between = ","
		}
		again.images = h.join(again.images, between, images)
	}
	return true
}

// Unanswered gives calls without a result the text inside, where the dialect wants one.
func (h *History) Unanswered(inside string) {
	for i := range h.entries {
		for j := range h.entries[i].calls {
			if c := &h.entries[i].calls[j]; !c.answered {
				c.answered, c.result = true, h.add([]byte(inside))
			}
		}
	}
}

// Drop takes out what was the number-th message, counted as by Len.
func (h *History) Drop(number int) { h.entries[number] = entry{} }

// KeepReasoning takes the thinking out of all but the last turns. A turn is all that the
// assistant said between two messages of the user, calls and their results included.
func (h *History) KeepReasoning(turns int) {
	n, inside := 0, false
	for i := len(h.entries) - 1; i >= 0; i-- {
		switch e := &h.entries[i]; e.role {
		case "user":
			inside = false
		case "assistant":
			if !inside {
				inside = true
				n++
			}
			if n > turns {
				e.reasoning = piece{}
			}
		}
	}
}

// Continue readies a conversation whose last message is the assistant's, without calls,
// for the model to go on with that: white space at its end goes, since a model's next
// token brings its own. A turn without text is dropped. false: there is nothing to go on with.
func (h *History) Continue() bool {
	last := len(h.entries) - 1
	for last >= 0 && h.entries[last].role == "" {
		last--
	}
	if last < 0 || h.entries[last].role != "assistant" || len(h.entries[last].calls) > 0 {
		return false
	}
	e := &h.entries[last]
	if e.hasText {
		e.content.end = e.content.start + trimmed(h.of(e.content))
	}
	if e.content.start < e.content.end {
		return true
	}
	h.entries, h.begun = h.entries[:last], false
	return false
}

// trimmed is the length of an inside without the white space at its end.
func trimmed(inside []byte) int {
	n := len(inside)
	for n > 0 {
		if inside[n-1] == ' ' {
			n--
			continue
		}
		slashes := 0
		for slashes < n-1 && inside[n-2-slashes] == '\\' {
			slashes++
		}
		if c := inside[n-1]; slashes%2 == 0 || c != 'n' && c != 'r' && c != 't' {
			break
		}
		n -= 2
	}
	return n
}

// Users tells whether a user speaks anywhere.
func (h *History) Users() bool {
	return slices.ContainsFunc(h.entries, func(e entry) bool { return e.role == "user" })
}

// HistoryOptions are how dialects differ in Append.
type HistoryOptions struct {
	// System is the inside of the system message that comes first, empty for none.
	System []byte
	// DropEmptyTurns leaves out assistant turns without text and calls: their thinking
	// led to nothing.
	DropEmptyTurns bool
	// ImageNote stands in a tool message whose result is nothing but images.
	ImageNote string
	// Trusted gets the values for Editor.EditTrusted, as offsets in dst; nil for nobody.
	Trusted *[]jsonedit.Span
}

// trust appends value to dst and notes where it stands.
func (o *HistoryOptions) trust(dst, value []byte) []byte {
	start := len(dst)
	dst = append(dst, value...)
	if o.Trusted != nil && len(value) > 0 {
		*o.Trusted = append(*o.Trusted, jsonedit.Span{Start: start, End: len(dst)})
	}
	return dst
}

// quote is trust of a literal whose inside is text.
func (o *HistoryOptions) quote(dst, text []byte) []byte {
	start := len(dst)
	dst = append(append(append(dst, '"'), text...), '"')
	if o.Trusted != nil {
		*o.Trusted = append(*o.Trusted, jsonedit.Span{Start: start, End: len(dst)})
	}
	return dst
}

// Append appends the messages as a JSON list.
func (h *History) Append(dst []byte, o HistoryOptions) []byte {
	dst = append(dst, '[')
	empty := len(dst)
	if len(o.System) > 0 {
		dst = append(dst, `{"role":"system","content":`...)
		dst = append(o.quote(dst, o.System), '}')
	}
	for i := range h.entries {
		e := &h.entries[i]
		if e.role == "" {
			continue
		}
		if e.role == "assistant" {
			dst = h.appendTurn(dst, e, empty, &o)
			continue
		}
		dst = comma(dst, empty)
		dst = append(append(append(dst, `{"role":"`...), e.role...), `","content":`...)
		dst = append(o.trust(dst, h.of(e.content)), '}')
	}
	return append(dst, ']')
}

func comma(dst []byte, empty int) []byte {
	if len(dst) > empty {
		dst = append(dst, ',')
	}
	return dst
}

func (h *History) appendTurn(dst []byte, e *entry, empty int, o *HistoryOptions) []byte {
	if !e.hasText && len(e.calls) == 0 && o.DropEmptyTurns {
		return dst
	}
	dst = append(comma(dst, empty), `{"role":"assistant","content":`...)
	thinks := e.reasoning.end > e.reasoning.start
	switch {
	case e.hasText:
		dst = o.quote(dst, h.of(e.content))
	case len(e.calls) > 0 || thinks:
		dst = append(dst, "null"...)
	default: // something must stand there: roles alternate in templates
		dst = append(dst, `""`...)
	}
	if thinks {
		dst = o.quote(append(dst, `,"reasoning":`...), h.of(e.reasoning))
	}
	for i := range e.calls {
		c := &e.calls[i]
		dst = append(dst, [...]string{`,"tool_calls":[`, `,`}[min(i, 1)]...)
		dst = append(append(dst, `{"id":"`...), h.of(c.id)...)
		dst = append(append(dst, `","type":"function","function":{"name":"`...), h.of(c.name)...)
		dst = append(dst, `","arguments":`...)
		if c.object {
			dst = o.quote(dst, h.of(c.arguments))
		} else {
			dst = append(append(append(dst, '"'), h.of(c.arguments)...), '"')
		}
		dst = append(dst, `}}`...)
	}
	if len(e.calls) > 0 {
		dst = append(dst, ']')
	}
	dst = append(dst, '}')
	images := false
	for i := range e.calls {
		c := &e.calls[i]
		if !c.answered {
			continue
		}
		has := c.images.end > c.images.start
		images = images || has
		dst = append(append(dst, `,{"role":"tool","tool_call_id":"`...), h.of(c.id)...)
		dst = append(dst, `","content":`...)
		if text := h.of(c.result); len(text) == 0 && has {
			dst = jsonedit.AppendQuoted(dst, o.ImageNote)
		} else {
			dst = o.quote(dst, text)
		}
		dst = append(dst, '}')
	}
	if images {
		dst = append(dst, `,{"role":"user","content":[`...)
		first := len(dst)
		for i := range e.calls {
			if c := &e.calls[i]; c.images.end > c.images.start {
				dst = append(comma(dst, first), h.of(c.images)...)
			}
		}
		dst = append(dst, `]}`...)
	}
	return dst
}

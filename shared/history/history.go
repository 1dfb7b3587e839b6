// Package history puts a conversation that another dialect tells in pieces into the order
// that chat models need: what belongs to one turn in one message, results behind their
// calls, images behind the results.
//
// It imports jsonedit.
package history

import (
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
	text     []byte // everything that was given, one after another
	expected int    // bytes of it in the end
	entries  []entry
	links    []link
	// current is the assistant turn that pieces join, where begun.
	current int
	begun   bool

	pairs Pairs // by the numbers of entries, and of calls in them
}

// entry is one message, or an assistant turn with the results of its calls.
type entry struct {
	role    string
	content piece // a JSON value, of all but an assistant

	// text is what an assistant said.
	text, reasoning chain
	calls           []call
}

type piece struct{ start, end int }

// chain is text that was given in pieces: the numbers of its first and last link,
// counted from 1; 0 for none.
type chain struct{ first, last int }

type link struct {
	piece
	between string // stands before it
	next    int
}

type call struct {
	id, name, arguments piece
	object              bool // the arguments are a JSON object
	answered            bool
	result              chain
	// images are content parts with commas between.
	images chain
}

func (h *History) add(b []byte) piece {
	start := len(h.text)
	h.text = jsonedit.PutPiece(h.text, b, h.expected)
	return piece{start, len(h.text)}
}

func (h *History) of(p piece) []byte { return h.text[p.start:p.end] }

// Reset empties the History.
func (h *History) Reset() {
	h.text, h.entries, h.begun, h.links = h.text[:0], h.entries[:0], false, h.links[:0]
	h.pairs.Reset()
}

// Expect says that there will be about n bytes of text, so that it need not grow by pieces.
func (h *History) Expect(n int) { h.expected = n }

// Size is how many bytes of text the History has room for.
func (h *History) Size() int { return cap(h.text) }

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

func (h *History) assistant() *entry {
	if !h.begun {
		h.begun = true
		h.current = len(h.entries)
		h.entry("assistant")
	}
	return &h.entries[h.current]
}

// extend adds text to c, with between before it where there was text already.
func (h *History) extend(c *chain, between string, inside []byte) {
	if len(inside) == 0 {
		return
	}
	if c.last > 0 {
		if l := &h.links[c.last-1]; l.end == len(h.text) {
			h.text = jsonedit.PutPiece(jsonedit.Put(h.text, between), inside, h.expected)
			l.end = len(h.text)
			return
		}
	}
	h.links = append(h.links, link{piece: h.add(inside), between: between})
	n := len(h.links)
	if c.last > 0 {
		h.links[c.last-1].next = n
	} else {
		c.first = n
	}
	c.last = n
}

// appendChain appends what was given to c.
func (h *History) appendChain(dst []byte, c chain) []byte {
	for n := c.first; n > 0; n = h.links[n-1].next {
		l := &h.links[n-1]
		if n != c.first {
			dst = jsonedit.Put(dst, l.between)
		}
		dst = jsonedit.PutBytes(dst, h.of(l.piece))
	}
	return dst
}

// Reasoning adds thinking to the assistant turn, texts joined by a line feed.
func (h *History) Reasoning(inside []byte) { h.extend(&h.assistant().reasoning, `\n`, inside) }

// Text adds text to the assistant turn; between stands before it where there was text already.
func (h *History) Text(between string, inside []byte) {
	h.extend(&h.assistant().text, between, inside)
}

// Call adds a tool call to the assistant turn, all three as insides of string literals.
// What the arguments are is the Editor's matter.
func (h *History) Call(id, name, arguments []byte) {
	e := h.assistant()
	h.pairs.Call(h.current, len(e.calls), id)
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
// commas between. Images that stand in the text as JSON become such. false if there is no such call.
func (h *History) Result(id, text, images []byte) bool {
	h.begun = false
	of, ok := h.pairs.Result(id)
	if !ok {
		return false
	}
	text, images = Unpack(text, images)
	// A second result for one call joins the first: a chat template takes one.
	c := &h.entries[of.Turn].calls[of.Call]
	c.answered = true
	h.extend(&c.result, `\n`, text)
	h.extend(&c.images, ",", images)
	return true
}

// NoResult stands in the place of a result that is missing beside others of one turn: templates
// show results without ids, and the model would take the next one for it. ImageNote stands in
// that of a result which is nothing but images.
const (
	NoResult  = "(no result)"
	ImageNote = "The image follows."
)

// Unanswered gives NoResult to all calls without a result, also where their turn has none, for a
// dialect that wants one of each.
func (h *History) Unanswered() {
	for i := range h.entries {
		for j := range h.entries[i].calls {
			if c := &h.entries[i].calls[j]; !c.answered {
				c.answered = true
				h.extend(&c.result, "", []byte(NoResult))
			}
		}
	}
}

// Drop takes out the number-th message, counted as by Len, which no assistant's may be.
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
				e.reasoning = chain{}
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
	// A late result stands with its call, but what it answers is the user's to go on from.
	if last < 0 || !h.begun || h.entries[last].role != "assistant" || len(h.entries[last].calls) > 0 {
		return false
	}
	if text := &h.entries[last].text; text.first > 0 {
		start := len(h.text)
		h.text = h.appendChain(h.text, *text)
		h.text = h.text[:start+trimmed(h.text[start:])]
		h.links = append(h.links, link{piece: piece{start, len(h.text)}})
		*text = chain{len(h.links), len(h.links)}
		if start < len(h.text) {
			return true
		}
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

// Options are how dialects differ in Append.
type Options struct {
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
func (o *Options) trust(dst, value []byte) []byte {
	return o.noted(jsonedit.PutBytes(dst, value), len(dst))
}

// quote is trust of a literal whose inside is text.
func (o *Options) quote(dst, text []byte) []byte {
	start := len(dst)
	return o.noted(append(jsonedit.PutBytes(append(dst, '"'), text), '"'), start)
}

// quoteChain is quote.
func (o *Options) quoteChain(dst []byte, h *History, c chain) []byte {
	start := len(dst)
	return o.noted(append(h.appendChain(append(dst, '"'), c), '"'), start)
}

func (o *Options) noted(dst []byte, start int) []byte {
	if o.Trusted != nil && start < len(dst) {
		*o.Trusted = append(*o.Trusted, jsonedit.Span{Start: start, End: len(dst)})
	}
	return dst
}

// Append appends the messages as a JSON list.
func (h *History) Append(dst []byte, o Options) []byte {
	dst = append(dst, '[')
	empty := len(dst)
	if len(o.System) > 0 {
		dst = jsonedit.Put(dst, `{"role":"system","content":`)
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
		dst = jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, `{"role":"`), e.role), `","content":`)
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

func (h *History) appendTurn(dst []byte, e *entry, empty int, o *Options) []byte {
	if e.text.first == 0 && len(e.calls) == 0 && o.DropEmptyTurns {
		return dst
	}
	dst = jsonedit.Put(comma(dst, empty), `{"role":"assistant","content":`)
	thinks := e.reasoning.first > 0
	switch {
	case e.text.first > 0:
		dst = o.quoteChain(dst, h, e.text)
	case len(e.calls) > 0 || thinks:
		dst = jsonedit.Put(dst, "null")
	default: // something must stand there: roles alternate in templates
		dst = jsonedit.Put(dst, `""`)
	}
	if thinks {
		dst = o.quoteChain(jsonedit.Put(dst, `,"reasoning":`), h, e.reasoning)
	}
	for i := range e.calls {
		c := &e.calls[i]
		dst = jsonedit.Put(dst, [...]string{`,"tool_calls":[`, `,`}[min(i, 1)])
		dst = jsonedit.PutBytes(jsonedit.Put(dst, `{"id":"`), h.of(c.id))
		dst = jsonedit.PutBytes(jsonedit.Put(dst, `","type":"function","function":{"name":"`), h.of(c.name))
		dst = jsonedit.Put(dst, `","arguments":`)
		if c.object {
			dst = o.quote(dst, h.of(c.arguments))
		} else {
			dst = append(jsonedit.PutBytes(append(dst, '"'), h.of(c.arguments)), '"')
		}
		dst = jsonedit.Put(dst, `}}`)
	}
	if len(e.calls) > 0 {
		dst = append(dst, ']')
	}
	dst = append(dst, '}')
	images := false
	some := slices.ContainsFunc(e.calls, func(c call) bool { return c.answered })
	for i := range e.calls {
		c := &e.calls[i]
		if !some {
			break
		}
		has := c.images.first > 0
		images = images || has
		dst = jsonedit.PutBytes(jsonedit.Put(dst, `,{"role":"tool","tool_call_id":"`), h.of(c.id))
		dst = jsonedit.Put(dst, `","content":`)
		switch {
		case !c.answered:
			dst = jsonedit.AppendQuoted(dst, NoResult)
		case c.result.first == 0 && has:
			dst = jsonedit.AppendQuoted(dst, o.ImageNote)
		default:
			dst = o.quoteChain(dst, h, c.result)
		}
		dst = append(dst, '}')
	}
	if images {
		dst = jsonedit.Put(dst, `,{"role":"user","content":[`)
		first := len(dst)
		for i := range e.calls {
			if c := &e.calls[i]; c.images.first > 0 {
				dst = h.appendChain(comma(dst, first), c.images)
			}
		}
		dst = jsonedit.Put(dst, `]}`)
	}
	return dst
}

package responses

import (
	"cmp"
	"slices"

	"github.com/qwenvoy/qwenvoy/native/grammar"
)

// Checker takes the events of one stream one by one.
type Checker struct {
	reporter
	options Options
	// inFrames: the events come without event: lines.
	inFrames bool

	next     int64 // sequence_number
	numbered bool  // an event had one
	failed   bool  // by an error event
	phase    phase
	response map[string]any // the first one seen
	seenIDs  map[string]bool
	calls    map[string]bool // call_ids

	items []*item // finished ones
	// open are those that have begun, in that order; begun counts them and the finished.
	open  []*item
	begun int64
	// cut is a finished item with status incomplete: nothing may follow it but the
	// end. Its number is that of the item.
	cut *item
	// firstIndex is the output_index of the first item of which anything was seen;
	// above 0 for resumed streams only, -1 while it isn't known.
	firstIndex int64

	terminal string
	ended    bool // [DONE]
}

type phase int

const (
	atStart phase = iota
	afterCreated
	afterQueued
	running
	over
)

// New makes a checker for one stream.
func New(o Options) *Checker {
	c := &Checker{options: o, next: o.First, seenIDs: map[string]bool{}, calls: map[string]bool{}}
	if o.First > 0 {
		c.firstIndex = -1
	}
	return c
}

// Summary says what the events so far held.
func (c *Checker) Summary() Summary {
	s := Summary{Events: c.seen, Terminal: c.terminal}
	for _, i := range c.items {
		s.Items = append(s.Items, i.kind)
	}
	return s
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
	switch {
	case c.phase == over:
	case c.seen == 0 && c.options.First > 0: // resumed behind the last event
		return nil
	case c.options.Cancelled && c.phase == running:
		for _, i := range c.open {
			c.fault("the stream ends within the item %q; it must be closed first", i.id)
		}
	case c.failed:
		c.note("the stream ends with an error event; allowed here: %s", grammar.Quoted(c.allowed()...))
	default:
		c.fault("the stream ends without a terminal event; allowed here: %s", grammar.Quoted(c.allowed()...))
	}
	if c.options.Done && !c.ended {
		c.fault("the stream ends without data: [DONE]")
	}
	return c.faults
}

func (c *Checker) event(name string, data []byte) {
	if string(data) == grammar.Done {
		switch {
		case !c.options.Done || c.inFrames:
			c.note("[DONE]; a stream of this API ends with its terminal event")
		case c.phase != over:
			c.fault("[DONE] before the terminal event")
		case c.ended:
			c.fault("[DONE] twice")
		}
		c.ended = true
		return
	}
	if c.ended {
		c.fault("nothing may follow [DONE]")
	}
	event, kind := grammar.Typed(data, name, !c.inFrames, c.report)
	if event == nil {
		return
	}
	c.name = kind
	c.sequence(event)
	if kind == "error" {
		c.note("an error event; before response.created an error is an HTTP status, after it a response.failed")
		c.failed = true
		return
	}
	if v, ok := event["error"]; ok {
		c.fault("key error is %s; only an error event may have the key, as OpenAI's SDK for Go stops at any other", grammar.Describe(v))
	}
	shape, ok := eventShapes[kind]
	if !ok {
		c.note("the grammar has no such event; allowed here: %s", grammar.Quoted(c.allowed()...))
		c.takeForeign(kind, event)
		return
	}
	if c.phase == over {
		c.fault("nothing may follow the terminal event, %s", c.terminal)
		return
	}
	shape("", event, c.report)
	if c.options.First > 0 {
		c.resume(kind, event)
	}
	i := c.owner(event)
	if kind == "response.output_item.added" && len(c.open) > 0 {
		// Each event names its item, so clients can tell them apart.
		c.note("another item begins while %s is open", c.open[len(c.open)-1].describe())
	} else if allowed := c.allowedIn(i); !slices.Contains(allowed, kind) {
		c.report(kind == "keepalive", "may not come here; allowed: "+grammar.Quoted(allowed...))
	}
	c.take(kind, event, i)
}

func (c *Checker) sequence(event map[string]any) {
	v, there := event["sequence_number"]
	n, ok := grammar.AsCount(v)
	switch {
	case !there: // streams recorded before OpenAI gave numbers have none
		c.reportf(c.next == c.options.First && !c.numbered, "sequence_number is missing; must be %d", c.next)
		return
	case !ok:
		c.fault("sequence_number is %s; must be %d", grammar.Describe(v), c.next)
	case n != c.next:
		c.fault("sequence_number is %d; must be %d", n, c.next)
		c.next = n
	}
	c.numbered = true
	c.next++
}

// owner is the open item that an event speaks of, by its id or else its index; the last one
// where no item fits, nil where none is open.
func (c *Checker) owner(event map[string]any) *item {
	id, ok := event["item_id"].(string)
	if object, isItem := event["item"].(map[string]any); isItem {
		id, ok = object["id"].(string)
	}
	for _, i := range c.open {
		if ok && i.id == id {
			return i
		}
	}
	n, ok := grammar.AsCount(event["output_index"])
	for _, i := range c.open {
		if ok && i.index == n {
			return i
		}
	}
	return c.last()
}

// last is the item that began last of those that are open, nil for none.
func (c *Checker) last() *item {
	if len(c.open) == 0 {
		return nil
	}
	return c.open[len(c.open)-1]
}

// allowed lists the events that may come next.
func (c *Checker) allowed() []string { return c.allowedIn(c.last()) }

// allowedIn lists the events that may come next, of those of an item its own.
func (c *Checker) allowedIn(i *item) []string {
	switch c.phase {
	case atStart:
		return []string{"response.created"}
	case afterCreated:
		if c.background() || c.response == nil { // nil: resumed here
			return []string{"response.queued", "response.in_progress"}
		}
		if c.inFrames { // a warm-up
			return []string{"response.in_progress", "response.completed"}
		}
		return []string{"response.in_progress"}
	case afterQueued:
		return []string{"response.in_progress"}
	case over:
		return nil
	}
	names := []string{"response.output_item.added", "response.completed", "response.incomplete"}
	if i != nil {
		names = i.allowed(c.options)
	}
	names = append(names, "response.in_progress", "response.failed")
	if c.options.Keepalive {
		names = append(names, "keepalive")
	}
	return names
}

func (c *Checker) background() bool {
	b, _ := c.response["background"].(bool)
	return b
}

// take checks what an event says against what came before, and remembers it. i is its owner.
func (c *Checker) take(kind string, event map[string]any, i *item) {
	switch kind {
	case "response.created", "response.queued", "response.in_progress":
		c.takeLifecycle(kind, event)
	case "response.completed", "response.incomplete", "response.failed":
		c.takeTerminal(kind, event)
	case "keepalive":
	case "response.output_item.added":
		c.takeItemAdded(event)
	case "response.output_item.done":
		c.takeItemDone(event, i)
	default:
		if i != nil {
			i.take(kind, event)
		}
	}
}

// nextIndex is the output_index of the next item, -1 if it isn't known.
func (c *Checker) nextIndex() int64 {
	if c.firstIndex < 0 {
		return -1
	}
	return c.firstIndex + c.begun
}

func (c *Checker) takeItemAdded(event map[string]any) {
	object, ok := event["item"].(map[string]any)
	if !ok {
		return
	}
	i := &item{reporter: &c.reporter, added: object, index: c.nextIndex()}
	i.kind, _ = object["type"].(string)
	i.id, _ = object["id"].(string)
	i.name, _ = object["name"].(string)
	i.checkIndex(event)
	if c.cut != nil {
		c.note("another item after %s, whose status is incomplete; only the last item may be", c.cut.describe())
	}
	c.newID(i)
	if id, ok := object["call_id"].(string); ok && id != "" && isCall(object) {
		if c.calls[id] {
			c.fault("item.call_id %q was another call's; must be unique", id)
		}
		c.calls[id] = true
	}
	if status, ok := object["status"]; ok && status != inProgress {
		c.note("item.status is %s; must be %q when an item begins", grammar.Describe(status), inProgress)
	}
	for _, key := range []string{"content", "summary"} {
		c.mustBeEmpty("item", object, key)
	}
	for _, key := range []string{"arguments", "input"} {
		if s, ok := object[key].(string); ok && s != "" {
			c.reportf(i.foreign(), `item.%s is %s; must be "" when an item begins`, key, grammar.Describe(s))
		}
	}
	c.begin(i)
}

func (c *Checker) begin(i *item) {
	c.open = append(c.open, i)
	c.begun++
}

// newID checks the id of an item that begins.
func (c *Checker) newID(i *item) {
	if i.id != "" && c.seenIDs[i.id] {
		c.fault("item.id %q was another item's; must be unique", i.id)
	}
	c.seenIDs[i.id] = true
}

func (c *Checker) takeItemDone(event map[string]any, i *item) {
	object, ok := event["item"].(map[string]any)
	if !ok || i == nil {
		return
	}
	c.open = slices.DeleteFunc(c.open, func(o *item) bool { return o == i })
	c.items = append(c.items, i)
	slices.SortFunc(c.items, func(a, b *item) int { return cmp.Compare(a.index, b.index) })
	i.checkIndex(event)
	i.finish(object)
	if object["type"] == i.kind && object["status"] == incomplete {
		c.cut = i
	}
}

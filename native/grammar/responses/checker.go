package responses

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/grammar"
)

// Checker takes the events of one stream one by one.
type Checker struct {
	options Options
	// inFrames: the events come without event: lines.
	inFrames bool

	seen     int   // events so far
	next     int64 // sequence_number
	name     string
	faults   []error // of the event at hand
	phase    phase
	response map[string]any // the first one seen
	seenIDs  map[string]bool
	calls    map[string]bool // call_ids

	items []*item // finished ones
	open  *item
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

type item struct {
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

type part struct {
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

func (c *Checker) fault(format string, args ...any) {
	c.faults = append(c.faults, &grammar.Fault{Event: c.seen, Name: c.name, What: fmt.Sprintf(format, args...)})
}

func (c *Checker) report(what string) { c.fault("%s", what) }

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
		if c.open != nil {
			c.fault("the stream ends within the item %q; it must be closed first", c.open.id)
		}
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
			c.fault("[DONE]; a stream of this API ends with its terminal event")
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
		c.fault("an error event; before response.created an error is an HTTP status, after it a response.failed")
		return
	}
	if v, ok := event["error"]; ok {
		c.fault("key error is %s; only an error event may have the key, as OpenAI's SDK for Go stops at any other", grammar.Describe(v))
	}
	shape, ok := eventShapes[kind]
	if !ok {
		c.fault("the grammar has no such event; allowed here: %s", grammar.Quoted(c.allowed()...))
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
	if allowed := c.allowed(); !slices.Contains(allowed, kind) {
		c.fault("may not come here; allowed: %s", grammar.Quoted(allowed...))
	}
	c.take(kind, event)
}

func (c *Checker) sequence(event map[string]any) {
	v, there := event["sequence_number"]
	n, ok := grammar.AsCount(v)
	switch {
	case !there:
		c.fault("sequence_number is missing; must be %d", c.next)
	case !ok:
		c.fault("sequence_number is %s; must be %d", grammar.Describe(v), c.next)
	case n != c.next:
		c.fault("sequence_number is %d; must be %d", n, c.next)
		c.next = n
	}
	c.next++
}

// reasoningDelta and reasoningDone are the names of the raw reasoning's events.
func (c *Checker) reasoningNames() (delta, done string) {
	if c.options.OpenResponses {
		return "response.reasoning.delta", "response.reasoning.done"
	}
	return "response.reasoning_text.delta", "response.reasoning_text.done"
}

// allowed lists the events that may come next.
func (c *Checker) allowed() []string {
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
	var names []string
	i := c.open
	switch {
	case i == nil:
		names = []string{"response.output_item.added", "response.completed", "response.incomplete"}
	case i.part != nil:
		names = c.allowedInPart(i.part)
	case i.kind == "message":
		names = []string{"response.content_part.added", "response.output_item.done"}
	case i.kind == "reasoning":
		if i.summary || len(i.parts) == 0 {
			names = append(names, "response.reasoning_summary_part.added")
		}
		if !i.summary {
			names = append(names, "response.content_part.added")
		}
		names = append(names, "response.output_item.done")
	case i.kind == "function_call" && !i.textDone:
		names = []string{"response.function_call_arguments.delta", "response.function_call_arguments.done"}
	case i.kind == "custom_tool_call" && !i.textDone:
		names = []string{"response.custom_tool_call_input.delta", "response.custom_tool_call_input.done"}
	default:
		names = []string{"response.output_item.done"}
	}
	names = append(names, "response.in_progress", "response.failed")
	if c.options.Keepalive {
		names = append(names, "keepalive")
	}
	return names
}

func (c *Checker) allowedInPart(p *part) []string {
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
			delta, done := c.reasoningNames()
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

func (c *Checker) background() bool {
	b, _ := c.response["background"].(bool)
	return b
}

// take checks what an event says against what came before, and remembers it.
func (c *Checker) take(kind string, event map[string]any) {
	switch kind {
	case "response.created", "response.queued", "response.in_progress":
		c.takeLifecycle(kind, event)
	case "response.completed", "response.incomplete", "response.failed":
		c.takeTerminal(kind, event)
	case "keepalive":
	case "response.output_item.added":
		c.takeItemAdded(event)
	case "response.output_item.done":
		c.takeItemDone(event)
	default:
		c.takeInItem(kind, event)
	}
}

// statusOf says which status the response has in an event.
func (c *Checker) statusOf(kind string, response map[string]any) string {
	if kind == "response.created" {
		if response["background"] == true {
			return queued
		}
		return inProgress
	}
	return strings.TrimPrefix(kind, "response.")
}

// takeResponse checks the response object that an event carries. The object is nil if
// the event has none.
func (c *Checker) takeResponse(kind string, event map[string]any) map[string]any {
	response, ok := event["response"].(map[string]any)
	if !ok {
		return nil
	}
	if want := c.statusOf(kind, response); response["status"] != want {
		c.fault("response.status is %s; must be %q in this event", grammar.Describe(response["status"]), want)
	}
	checkResponse("response", response, c.report)
	if c.response == nil {
		c.response = response
		return response
	}
	keys := map[string]bool{}
	for _, r := range []map[string]any{c.response, response} {
		for key := range r {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if changing[key] {
			continue
		}
		was, hadIt := c.response[key]
		v, hasIt := response[key]
		switch {
		case hadIt && !hasIt:
			if responseMayLack(key) { // else the shape has reported it
				c.fault("response.%s is missing, but stood in the first event", key)
			}
		case hasIt && !hadIt:
			c.fault("response.%s stands here, but was missing in the first event", key)
		case key == "service_tier" && was == "auto": // a server may say which tier it took,
		case key == "store" && was == true && v == false && response["background"] != true && kind != "response.in_progress": // and in the end that it could not keep it
		case !reflect.DeepEqual(was, v):
			c.fault("response.%s is %s; must stay as in the first event, %s", key, grammar.Describe(v), grammar.Describe(was))
		}
	}
	return response
}

func responseMayLack(key string) bool {
	missing := false
	responseShape("", map[string]any{}, func(what string) {
		missing = missing || what == key+" is missing"
	})
	return !missing
}

func (c *Checker) takeLifecycle(kind string, event map[string]any) {
	response := c.takeResponse(kind, event)
	if output, _ := response["output"].([]any); len(output) > 0 {
		c.fault("response.output has %d items; must be [] until the terminal event", len(output))
	}
	switch {
	case kind == "response.created" && c.phase == atStart:
		c.phase = afterCreated
	case kind == "response.queued" && c.phase == afterCreated:
		c.phase = afterQueued
	case kind == "response.in_progress" && c.phase < running:
		c.phase = running
	}
}

func (c *Checker) takeTerminal(kind string, event map[string]any) {
	response := c.takeResponse(kind, event)
	warmUp := c.phase == afterCreated
	c.phase, c.terminal = over, kind
	output, ok := response["output"].([]any)
	if !ok {
		return
	}
	if warmUp && kind == "response.completed" {
		usage, _ := response["usage"].(map[string]any)
		if total, ok := grammar.AsCount(usage["total_tokens"]); len(output) > 0 || !ok || total != 0 {
			c.fault("response.completed without response.in_progress; only a warm-up, with no output and a usage of zeros, ends so")
		}
		return
	}
	// Of a resumed stream only the items since its begin are known.
	from := c.firstIndex
	if from < 0 {
		return
	}
	for n, i := range c.items {
		at := fmt.Sprintf("response.output[%d]", i.index)
		if i.index >= int64(len(output)) {
			c.fault("%s is missing; output must hold each item of the stream, here %s", at, i.describe())
			continue
		}
		if got := output[i.index]; i.done != nil && !reflect.DeepEqual(got, any(i.done)) {
			c.fault("%s differs from item %d of the stream, %s: %s", at, from+int64(n), i.describe(), grammar.Difference(at, got, any(i.done)))
		}
	}
	rest := output[min(int64(len(output)), from+int64(len(c.items))):]
	if c.open != nil && len(rest) > 0 { // response.failed within an item
		last, _ := rest[0].(map[string]any)
		if last["id"] != c.open.id || last["type"] != c.open.kind {
			c.fault("response.output[%d] is %s; must be the item left open, %s", c.open.index, grammar.Describe(rest[0]), c.open.describe())
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		c.fault("response.output has %d items; the stream had %d", len(output), len(output)-len(rest))
	}
}

func (i *item) describe() string { return fmt.Sprintf("%s %q", i.kind, i.id) }

// nextIndex is the output_index of the next item, -1 if it isn't known.
func (c *Checker) nextIndex() int64 {
	if c.firstIndex < 0 {
		return -1
	}
	return c.firstIndex + int64(len(c.items))
}

func (c *Checker) takeItemAdded(event map[string]any) {
	object, ok := event["item"].(map[string]any)
	if !ok {
		return
	}
	i := &item{added: object, index: c.nextIndex()}
	i.kind, _ = object["type"].(string)
	i.id, _ = object["id"].(string)
	i.name, _ = object["name"].(string)
	c.index(event, i)
	if c.cut != nil {
		c.fault("another item after %s, whose status is incomplete; only the last item may be", c.cut.describe())
	}
	c.newID(i)
	if id, ok := object["call_id"].(string); ok && id != "" {
		if c.calls[id] {
			c.fault("item.call_id %q was another call's; must be unique", id)
		}
		c.calls[id] = true
	}
	if status, ok := object["status"]; ok && status != inProgress {
		c.fault("item.status is %s; must be %q when an item begins", grammar.Describe(status), inProgress)
	}
	for _, key := range []string{"content", "summary"} {
		c.mustBeEmpty("item", object, key)
	}
	for _, key := range []string{"arguments", "input"} {
		if s, ok := object[key].(string); ok && s != "" {
			c.fault(`item.%s is %s; must be "" when an item begins`, key, grammar.Describe(s))
		}
	}
	c.open = i
}

// mustBeEmpty checks an array of what begins; the shape has reported anything else.
func (c *Checker) mustBeEmpty(path string, object map[string]any, key string) {
	if a, _ := object[key].([]any); len(a) > 0 {
		c.fault("%s.%s is %s; must be [] at the begin", path, key, grammar.Describe(object[key]))
	}
}

// newID checks the id of an item that begins.
func (c *Checker) newID(i *item) {
	if c.seenIDs[i.id] {
		c.fault("item.id %q was another item's; must be unique", i.id)
	}
	c.seenIDs[i.id] = true
}

// index checks output_index.
func (c *Checker) index(event map[string]any, i *item) {
	if n, ok := grammar.AsCount(event["output_index"]); ok && n != i.index {
		c.fault("output_index is %d; must be %d", n, i.index)
	}
}

// mayGrow are the keys of an item that output_item.done may say in full while
// output_item.added left them empty.
var mayGrow = map[string]bool{
	"status": true, "content": true, "summary": true, "input": true, "phase": true,
	"arguments": true, "action": true, "environment": true, "operation": true, "encrypted_content": true,
}

func (c *Checker) takeItemDone(event map[string]any) {
	object, ok := event["item"].(map[string]any)
	i := c.open
	if !ok || i == nil {
		return
	}
	c.open = nil
	i.done = object
	c.items = append(c.items, i)
	c.index(event, i)
	if object["id"] != i.id {
		c.fault("item.id is %s; must be %q as in output_item.added", grammar.Describe(object["id"]), i.id)
	}
	if object["type"] != i.kind {
		c.fault("item.type is %s; must be %q as in output_item.added", grammar.Describe(object["type"]), i.kind)
		return
	}
	checkDone("item", object, c.report)
	if object["status"] == incomplete {
		c.cut = i
	}
	if i.added != nil {
		c.grown(i)
	}
	switch i.kind {
	case "message":
		c.sameParts(i, "content", object["content"])
	case "reasoning":
		key, other := "content", "summary"
		if i.summary {
			key, other = other, key
		}
		c.sameParts(i, key, object[key])
		if v, _ := object[other].([]any); len(v) > 0 && i.firstPart >= 0 {
			c.fault("item.%s has %d parts; the stream had none of them", other, len(v))
		}
	case "function_call":
		c.sameText(i, "arguments", object["arguments"])
	case "custom_tool_call":
		c.sameText(i, "input", object["input"])
	}
}

// grown checks that an item has the keys it began with, and no others.
func (c *Checker) grown(i *item) {
	for _, key := range slices.Sorted(maps.Keys(i.added)) {
		v, ok := i.done[key]
		switch {
		case !ok:
			c.fault("item.%s is missing, but stood in output_item.added", key)
		case mayGrow[key]:
			if at := grewInto("item."+key, i.added[key], v); at != "" && key != "status" {
				c.fault("%s was neither empty in output_item.added nor what it is now", at)
			}
		case !reflect.DeepEqual(v, i.added[key]):
			c.fault("item.%s is %s; must be %s as in output_item.added", key, grammar.Describe(v), grammar.Describe(i.added[key]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(i.done)) {
		if _, ok := i.added[key]; !ok && !mayGrow[key] {
			c.fault("item.%s stands here, but was missing in output_item.added", key)
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
func (c *Checker) sameParts(i *item, key string, v any) {
	parts, _ := v.([]any)
	if i.firstPart < 0 {
		return
	}
	if want := i.firstPart + int64(len(i.parts)); int64(len(parts)) != want {
		c.fault("item.%s has %d parts; the stream had %d", key, len(parts), want)
		return
	}
	for n, p := range i.parts {
		at := fmt.Sprintf("item.%s[%d]", key, i.firstPart+int64(n))
		if got := parts[i.firstPart+int64(n)]; !reflect.DeepEqual(got, any(p)) {
			c.fault("%s differs from the part of the stream: %s", at, grammar.Difference(at, got, any(p)))
		}
	}
}

func (c *Checker) sameText(i *item, key string, v any) {
	if s, ok := v.(string); ok && i.textDone && !i.text.unknown && s != i.text.whole {
		c.fault("item.%s is %s; must be %s as in the done event before", key, grammar.Describe(s), grammar.Describe(i.text.whole))
	}
}

// takeInItem checks an event within an item.
func (c *Checker) takeInItem(kind string, event map[string]any) {
	i := c.open
	if i == nil {
		return
	}
	c.index(event, i)
	if id, ok := event["item_id"].(string); ok && id != i.id {
		c.fault("item_id is %q; must be %q as in output_item.added", id, i.id)
	}
	switch kind {
	case "response.content_part.added", "response.reasoning_summary_part.added":
		c.takePartAdded(kind, event, i)
	case "response.content_part.done", "response.reasoning_summary_part.done":
		c.takePartDone(event, i)
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		delta, _ := event["delta"].(string)
		i.text.WriteString(delta)
	case "response.function_call_arguments.done":
		if name, ok := event["name"].(string); ok && i.added != nil && name != i.name {
			c.fault("name is %q; must be %q as in output_item.added", name, i.name)
		} else if i.added == nil {
			i.name = name
		}
		i.textDone = c.textDone(event, "arguments", &i.text)
	case "response.custom_tool_call_input.done":
		i.textDone = c.textDone(event, "input", &i.text)
	default:
		c.takeInPart(kind, event, i)
	}
}

// textDone compares the text of a done event with the deltas before it.
func (c *Checker) textDone(event map[string]any, key string, t *text) bool {
	s, ok := event[key].(string)
	if !ok {
		return true
	}
	t.whole = s
	switch sum := t.String(); {
	case t.late && !strings.HasSuffix(s, sum):
		c.fault("%s is %s; must end with the deltas since the stream was resumed, %s", key, grammar.Describe(s), grammar.Describe(sum))
	case !t.late && s != sum:
		c.fault("%s is %s; must be its deltas joined, %s", key, grammar.Describe(s), grammar.Describe(sum))
	}
	return true
}

// partIndex checks the index of a part that stands in an event.
func (c *Checker) partIndex(event map[string]any, i *item, want int64) {
	key := "content_index"
	if _, ok := event["summary_index"]; ok {
		key = "summary_index"
	}
	if n, ok := grammar.AsCount(event[key]); ok && n != want {
		c.fault("%s is %d; must be %d", key, n, want)
	}
}

func (c *Checker) takePartAdded(kind string, event map[string]any, i *item) {
	object, ok := event["part"].(map[string]any)
	if !ok {
		return
	}
	if i.firstPart < 0 { // resumed within the item
		i.firstPart = partIndexOf(event)
	}
	p := &part{index: i.firstPart + int64(len(i.parts))}
	p.kind, _ = object["type"].(string)
	c.partIndex(event, i, p.index)
	if kind == "response.reasoning_summary_part.added" {
		i.summary = true
	}
	switch {
	case i.kind == "reasoning" && p.kind != "reasoning_text" && p.kind != "summary_text":
		c.fault("part.type is %q; must be %s in reasoning", p.kind, grammar.Quoted("reasoning_text", "summary_text"))
	case i.kind == "message" && p.kind != "output_text" && p.kind != "refusal":
		c.fault("part.type is %q; must be %s in a message", p.kind, grammar.Quoted("output_text", "refusal"))
	}
	for _, key := range []string{"text", "refusal"} {
		if s, ok := object[key].(string); ok && s != "" {
			c.fault(`part.%s is %s; must be "" when a part begins`, key, grammar.Describe(s))
		}
	}
	for _, key := range []string{"annotations", "logprobs"} {
		c.mustBeEmpty("part", object, key)
	}
	i.part = p
}

// textKey is the key of a part's text.
func (p *part) textKey() string {
	if p.kind == "refusal" {
		return "refusal"
	}
	return "text"
}

func (c *Checker) takeInPart(kind string, event map[string]any, i *item) {
	p := i.part
	if p == nil {
		return
	}
	c.partIndex(event, i, p.index)
	logprobs, _ := event["logprobs"].([]any)
	if strings.HasSuffix(kind, ".delta") {
		delta, _ := event["delta"].(string)
		p.text.WriteString(delta)
		p.logprobs = append(p.logprobs, logprobs...)
		return
	}
	p.textDone = c.textDone(event, p.textKey(), &p.text)
	if p.kind != "output_text" {
		return
	}
	if !p.text.late && !sameArrays(logprobs, p.logprobs) {
		c.fault("logprobs has %d entries; must be those of its deltas, %d", len(logprobs), len(p.logprobs))
	}
	p.logprobs = logprobs
}

func sameArrays(a, b []any) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}

func (c *Checker) takePartDone(event map[string]any, i *item) {
	object, ok := event["part"].(map[string]any)
	p := i.part
	if !ok || p == nil {
		return
	}
	i.part = nil
	i.parts = append(i.parts, object)
	c.partIndex(event, i, p.index)
	if object["type"] != p.kind {
		c.fault("part.type is %s; must be %q as when the part began", grammar.Describe(object["type"]), p.kind)
		return
	}
	if p.text.unknown {
		return
	}
	if s, ok := object[p.textKey()].(string); ok && p.textDone && s != p.text.whole {
		c.fault("part.%s is %s; must be %s as in the done event before", p.textKey(), grammar.Describe(s), grammar.Describe(p.text.whole))
	}
	if logprobs, _ := object["logprobs"].([]any); p.textDone && !sameArrays(logprobs, p.logprobs) {
		c.fault("part.logprobs has %d entries; must be those of the done event before, %d", len(logprobs), len(p.logprobs))
	}
}

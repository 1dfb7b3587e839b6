package messages

import (
	"bytes"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A toolset is the tools of a request, and what its messages change in them. Which of them
// the model gets is decided once all of the request was read.
type toolset struct {
	declared []tool
	// added are tools that messages define.
	added   []tool
	changes []change
	// byName finds tools by their plain name.
	byName map[string]*tool
	// sent counts those that the model gets.
	sent int
	// computer: members of the computer's toolset are among them.
	computer bool
}

// A tool is one of a request; its members are JSON, nil where they are absent or null.
type tool struct {
	kind                                        []byte // what type says
	name, description, schema, examples, strict []byte
	// typed: the schema says of what type it is.
	typed bool
	// path is where a tool stands that would run on Anthropic's side.
	path string
	// deferred: the model gets the tool only once something refers to it.
	deferred bool
	client   *clientTool
	sent     bool
	// width and height are a computer's screen in pixels, 0 where they are not said; zoom:
	// parts of it can be enlarged.
	width, height int
	zoom          bool
	// configs are those of a toolset's members.
	configs []byte
	// index is where it, or the toolset that it is a member of, stands in the list of tools; -1
	// for one that a message defines.
	index int
}

// A change is what a message does to the tools: one is offered from there on, or no more.
type change struct {
	name  []byte // plain; nil where added says it
	added int    // number in toolset.added, -1 for none
	offer bool
}

// custom tells whether the client defined the tool itself.
func (t *tool) custom() bool { return len(t.kind) == 0 || string(t.kind) == "custom" }

// function tells whether the tool is one that the client runs.
func (t *tool) function() bool { return t.custom() || t.client != nil }

// searches tells whether the tool finds other ones, on Anthropic's side.
func (t *tool) searches() bool { return bytes.HasPrefix(t.kind, []byte("tool_search_tool_")) }

// label is what the tool is called where it is dropped.
func (t *tool) label() []byte {
	for _, name := range [...][]byte{jsonedit.Text(t.name), t.kind} {
		if len(name) > 0 {
			return name
		}
	}
	return []byte("unnamed")
}

func (ts *toolset) reset() {
	clear(ts.declared)
	clear(ts.added)
	clear(ts.changes)
	clear(ts.byName)
	*ts = toolset{declared: ts.declared[:0], added: ts.added[:0], changes: ts.changes[:0], byName: ts.byName}
}

// restart forgets what messages changed.
func (ts *toolset) restart() { ts.changes, ts.added = ts.changes[:0], ts.added[:0] }

// readAll reads the list of tools; of two lists, the last counts.
func (ts *toolset) readAll(in *input) {
	s := &in.s
	ts.declared = ts.declared[:0]
	if s.Kind() != jsonedit.Array {
		if s.Literal() != nil {
			in.reject("tools", "must be a list.")
		}
		return
	}
	i := 0
	for s.BeginArray(); s.NextElement(); i++ {
		if s.Kind() != jsonedit.Object {
			s.Value()
			in.reject(toolPath(i), "must be an object.")
			continue
		}
		t := readTool(in, s, in.src, i)
		ts.declared = appendTool(ts.declared, in, &t)
	}
}

// appendTool appends a tool, or the members of a toolset.
func appendTool(list []tool, in *input, t *tool) []tool {
	if isComputerToolset(t.kind) {
		return appendComputerMembers(list, in, t)
	}
	return append(list, *t)
}

func toolPath(i int) string { return "tools." + strconv.Itoa(i) }

// readTool reads the i-th tool of the list, or with -1 one that a message defines.
func readTool(in *input, s *jsonedit.Scanner, src []byte, i int) (t tool) {
	t.index = i
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "type":
			t.kind = jsonedit.Text(s.Literal())
		case "name":
			t.name = s.Literal()
		case "description":
			t.description = s.Literal()
		case "input_schema":
			t.schema, t.typed = nil, false
			if s.Kind() != jsonedit.Object {
				t.schema = s.Literal()
				continue
			}
			start := s.Start()
			for s.BeginObject(); s.NextMember(); {
				t.typed = t.typed || string(s.Key()) == "type"
				s.Value()
			}
			t.schema = src[start:s.Pos()]
		case "input_examples":
			t.examples = s.Literal()
		case "strict":
			t.strict = s.Literal()
		case "defer_loading":
			t.deferred = jsonedit.Is(s.Literal(), jsonedit.True)
		case "display_width_px":
			t.width, _ = integer(s.Literal())
		case "display_height_px":
			t.height, _ = integer(s.Literal())
		case "enable_zoom":
			t.zoom = jsonedit.Is(s.Literal(), jsonedit.True)
		case "configs":
			t.configs = s.Literal()
		default:
			s.Value()
		}
	}
	t.client = findClientTool(string(t.kind), t.zoom)
	path := func() string {
		if i >= 0 {
			return toolPath(i)
		}
		return in.at("tool.definition")
	}
	wrong := func(key, format string) { in.reject(path()+"."+key, format) }
	if !t.function() {
		t.path = path()
	}
	switch {
	case t.client != nil && t.name == nil:
		t.name = jsonedit.AppendQuoted(nil, t.client.name)
	case t.function() && len(jsonedit.Inside(t.name)) == 0:
		wrong("name", "must be a string that is not empty.")
	}
	if t.custom() {
		if t.schema != nil && !jsonedit.Is(t.schema, jsonedit.Object) {
			wrong("input_schema", "must be an object.")
		}
		if t.description != nil && !jsonedit.IsString(t.description) {
			wrong("description", "must be a string.")
		}
	}
	return t
}

// refer notes that a message refers to a tool, by its name's literal.
func (ts *toolset) refer(name []byte) {
	ts.changes = append(ts.changes, change{jsonedit.Text(name), -1, true})
}

// readChange reads a tool_addition or tool_removal. What it says of MCP servers concerns
// nobody here.
func (ts *toolset) readChange(in *input, v []byte, offer bool) {
	switch string(in.typeOf(v)) {
	case "tool_reference":
		if name := jsonedit.Text(in.member(v, "name")); len(name) > 0 {
			ts.changes = append(ts.changes, change{name, -1, offer})
		}
	case "tool_definition":
		definition := in.member(v, "definition")
		if !offer || !jsonedit.Is(definition, jsonedit.Object) {
			return
		}
		s := in.enter(definition)
		defer in.leave(s)
		t, first := readTool(in, s, definition, -1), len(ts.added)
		t.deferred = false // this is what it would wait for
		ts.added = appendTool(ts.added, in, &t)
		for i := first; i < len(ts.added); i++ {
			ts.changes = append(ts.changes, change{nil, i, true})
		}
	}
}

// choose decides which tools the model gets; chosen is the plain name of the one that it
// must call, nil for none. It tells whether there are tools that the client runs. ok is
// false where two have one name.
func (ts *toolset) choose(in *input, chosen []byte) (functions, ok bool) {
	if ts.byName == nil {
		ts.byName = map[string]*tool{}
	}
	search := false
	for i := range ts.added {
		search = search || ts.added[i].searches()
	}
	for i := range ts.declared {
		t := &ts.declared[i]
		if !t.function() {
			search = search || t.searches()
			continue
		}
		functions = true
		name := jsonedit.Text(t.name)
		if ts.byName[string(name)] != nil {
			in.reject(toolPath(t.index)+".name", "%q stands twice.", hub.Excerpt(string(name)))
			return functions, false
		}
		ts.byName[string(name)] = t
	}
	for _, t := range ts.byName {
		t.sent = !t.deferred || search
	}
	for _, c := range ts.changes {
		functions = ts.apply(c, search) || functions
	}
	if t := ts.byName[string(chosen)]; t != nil && chosen != nil {
		t.sent = true
	}
	for _, t := range ts.byName {
		if t.sent {
			ts.sent++
			ts.computer = ts.computer || isComputerToolset(t.kind)
		}
	}
	return functions, true
}

// apply makes one change. It tells whether it adds a tool that the client runs; search: all that
// are deferred can be found.
func (ts *toolset) apply(c change, search bool) (adds bool) {
	if c.added < 0 {
		if t := ts.byName[string(c.name)]; t != nil {
			t.sent = c.offer
		} else if string(c.name) == computerToolset {
			for _, t := range ts.byName {
				if isComputerToolset(t.kind) {
					t.sent = c.offer
				}
			}
		}
		return false
	}
	t := &ts.added[c.added]
	if !t.function() {
		return false
	}
	name := jsonedit.Text(t.name)
	if old := ts.byName[string(name)]; old != nil {
		old.sent = false
	}
	ts.byName[string(name)] = t
	t.sent = !t.deferred || search
	return true
}

// hosted is the first of the tools that would run on Anthropic's side, nil for none, and tells
// whether all of them search the web; names gets theirs. Finding other tools is no such: all
// are there.
func (ts *toolset) hosted(names *hub.Names) (first *tool, webSearches bool) {
	webSearches = true
	for _, list := range [...][]tool{ts.declared, ts.added} {
		for i := range list {
			t := &list[i]
			if t.function() || t.searches() {
				continue
			}
			if first == nil {
				first = t
			}
			webSearches = webSearches && bytes.HasPrefix(t.kind, []byte("web_search_"))
			names.Add(t.label())
		}
	}
	return first, webSearches
}

// dropHosted leaves out tools that would run on Anthropic's side, or says that they can't be
// had where they are all that could be called: needed. A search of the web has an answer then.
func (ts *toolset) dropHosted(in *input, k kind, t *hub.Turn, needed bool) {
	first, webSearches := ts.hosted(&t.Request.DroppedTools)
	if first == nil {
		return
	}
	t.Request.Changes |= hub.ToolsDropped
	if k == countTokens {
		return
	}
	// One that a message adds stands in each later turn, and the conversation went on without it.
	needed = needed && first.index >= 0
	const impossible = "the tool %q would have to run on the model's side, which is not possible here"
	switch {
	case t.RejectTools:
		in.reject(first.path, impossible+".", hub.Excerpt(string(first.label())))
	case needed && webSearches:
		// A search of Claude Code's is a request of its own. Without the tool the model
		// would make results up, and they would be shown as found.
		t.Request.Answer = &hub.Answer{}
	case needed:
		in.reject(first.path, impossible+", and there is no other tool.", hub.Excerpt(string(first.label())))
	}
	t.Request.ListInReply(hub.DroppedToolsHeader, &t.Request.DroppedTools)
}

// A toolChoice is what tool_choice says.
type toolChoice struct {
	kind choiceKind
	// name is the literal of the tool's name that must be called.
	name []byte
	// single: no two calls at once.
	single bool
}

type choiceKind uint8

const (
	noChoice choiceKind = iota // none was made
	chooseAuto
	chooseAny
	chooseNone
	chooseTool
)

func readChoice(in *input, v []byte) (c toolChoice) {
	if v == nil {
		return c
	}
	switch string(in.typeOf(v)) {
	case "auto":
		c.kind = chooseAuto
	case "any":
		c.kind = chooseAny
	case "none":
		c.kind = chooseNone
	case "tool":
		c.kind = chooseTool
		if c.name = in.member(v, "name"); len(jsonedit.Inside(c.name)) == 0 {
			in.reject("tool_choice.name", "must be the name of a tool.")
		}
	default:
		in.reject("tool_choice.type", "must be auto, any, tool or none.")
	}
	c.single = jsonedit.Is(in.member(v, "disable_parallel_tool_use"), jsonedit.True)
	return c
}

// forced tells whether the model must make a call.
func (c *toolChoice) forced() bool { return c.kind == chooseAny || c.kind == chooseTool }

package messages

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// offered are the tools of a request, and what its messages change in them.
type offered struct {
	declared []tool
	// added are tools that messages define.
	added   []tool
	changes []change
	// byName finds tools by their plain name.
	byName map[string]*tool
	sent   int
	// schemaText tells of a form for the answer that the upstream is not made to keep.
	schemaText []byte
	form       []byte // the schema that the upstream is made to keep, as JSON
}

func (o *offered) reset() {
	clear(o.declared)
	clear(o.added)
	clear(o.changes)
	clear(o.byName)
	*o = offered{declared: o.declared[:0], added: o.added[:0], changes: o.changes[:0], byName: o.byName, schemaText: o.schemaText[:0]}
}

// A tool is one of a request; its members are JSON, nil where they are absent or null.
type tool struct {
	kind                                        []byte // what type says
	name, description, schema, examples, strict []byte
	// typed: the schema says of what type it is.
	typed bool
	// deferred: the model gets the tool only once something refers to it.
	deferred bool
	client   *clientTool
	sent     bool
}

// A change is what a message does to the tools: one is offered from there on, or no more.
type change struct {
	name  []byte // plain; nil where added says it
	added int    // number in offered.added, -1 for none
	offer bool
}

// A clientTool is one of the tools that Anthropic defined and the client runs: for a
// chat model a function like any other.
type clientTool struct {
	name, description, schema string
}

const (
	bashSchema = `{"type":"object","properties":{"command":{"type":"string","description":"The bash command to run. Required unless the tool is being restarted."},` +
		`"restart":{"type":"boolean","description":"true restarts the session."}}}`
	editorPath = `"path":{"type":"string","description":"Absolute path to the file or directory."},` +
		`"file_text":{"type":"string","description":"Required by create: the content of the new file."},` +
		`"old_str":{"type":"string","description":"Required by str_replace: the text to replace, exactly as it stands in the file; it must stand there once."},` +
		`"insert_line":{"type":"integer","description":"Required by insert: the line after which the text is inserted, 0 for the beginning of the file."},` +
		`"view_range":{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":2,"description":"For view of a file: the first and last line to show, counted from 1; -1 as the last is the end of the file."},`
	oldEditorSchema = `{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert","undo_edit"],"description":"What to do."},` + editorPath +
		`"new_str":{"type":"string","description":"For str_replace, the text that takes its place; required by insert: the text to insert."}},"required":["command","path"]}`
	editorSchema = `{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert"],"description":"What to do."},` + editorPath +
		`"new_str":{"type":"string","description":"For str_replace: the text that takes its place."},` +
		`"insert_text":{"type":"string","description":"Required by insert: the text to insert."}},"required":["command","path"]}`
	memorySchema = `{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert","delete","rename"],"description":"What to do."},` +
		`"path":{"type":"string","description":"Path under /memories; required by all commands but rename."},` +
		`"view_range":{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":2,"description":"For view of a file: the first and last line to show."},` +
		`"file_text":{"type":"string","description":"Required by create: the content of the file."},` +
		`"old_str":{"type":"string","description":"Required by str_replace: the text to replace."},` +
		`"new_str":{"type":"string","description":"Required by str_replace: the text that takes its place."},` +
		`"insert_line":{"type":"integer","description":"Required by insert: the line after which the text is inserted."},` +
		`"insert_text":{"type":"string","description":"Required by insert: the text to insert."},` +
		`"old_path":{"type":"string","description":"Required by rename: the present path."},` +
		`"new_path":{"type":"string","description":"Required by rename: the new path."}},"required":["command"]}`
	editorText = "View, create and edit text files. view shows a file with line numbers, or the files of a directory; create writes a new file; " +
		"str_replace replaces a text that stands once in a file; insert inserts text after a line."
)

// Fields as the Anthropic API reference and anthropic-sdk-go give them. The text editors
// up to 2025-01-24 can undo, and take inserted text as new_str.
var (
	bashTool      = &clientTool{"bash", "Run commands in a bash shell. The session keeps its state from one command to the next.", bashSchema}
	oldEditorTool = &clientTool{"str_replace_editor", editorText + " undo_edit takes back the last edit of a file.", oldEditorSchema}
	editorTool    = &clientTool{"str_replace_based_edit_tool", editorText, editorSchema}
	memoryTool    = &clientTool{"memory", "Keep notes in files under /memories, which stay from one conversation to the next. view shows a file or a directory; create writes a file; " +
		"str_replace and insert change one; delete and rename work on files and directories.", memorySchema}
)

// findClientTool knows the tools by their types, whatever date these bear.
func findClientTool(kind string) *clientTool {
	switch {
	case strings.HasPrefix(kind, "bash_20"):
		return bashTool
	case kind == "text_editor_20241022", kind == "text_editor_20250124":
		return oldEditorTool
	case strings.HasPrefix(kind, "text_editor_20"):
		return editorTool
	case strings.HasPrefix(kind, "memory_20"):
		return memoryTool
	}
	return nil
}

// custom tells whether the client defined the tool itself.
func (t *tool) custom() bool { return len(t.kind) == 0 || string(t.kind) == "custom" }

// function tells whether the tool is one that the client runs.
func (t *tool) function() bool { return t.custom() || t.client != nil }

// tools reads the list of tools.
func (r *reader) tools() {
	s := &r.s
	r.declared = r.declared[:0]
	if s.Kind() != jsonedit.Array {
		if s.Literal() != nil {
			r.reject("tools", "must be a list.")
		}
		return
	}
	for i := 0; ; i++ {
		if i == 0 {
			s.BeginArray()
		}
		if !s.NextElement() {
			return
		}
		if s.Kind() != jsonedit.Object {
			s.Value()
			r.reject(toolPath(i), "must be an object.")
			continue
		}
		r.declared = append(r.declared, r.tool(s, r.src, i))
	}
}

func toolPath(i int) string { return "tools." + strconv.Itoa(i) }

// tool reads the i-th tool of the list, or with -1 one that a message defines.
func (r *reader) tool(s *jsonedit.Scanner, src []byte, i int) (t tool) {
	wrong := func(key, format string) {
		path := r.at("tool.definition")
		if i >= 0 {
			path = toolPath(i)
		}
		r.reject(path+"."+key, format)
	}
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
		default:
			s.Value()
		}
	}
	t.client = findClientTool(string(t.kind))
	switch {
	case t.client != nil && t.name == nil:
		t.name = jsonedit.AppendQuoted(nil, t.client.name)
	case t.function() && (!jsonedit.IsString(t.name) || len(t.name) == 2):
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

// reference is a tool_reference in a result: the tool is offered, and the model told so.
func (r *reader) reference(name []byte) {
	if !jsonedit.IsString(name) {
		r.reject(r.at("tool_name"), "must be a string.")
		return
	}
	r.lines = r.lines[:0]
	r.referTo(name)
	r.say(r.lines)
}

func (r *reader) referTo(name []byte) {
	if text := jsonedit.Inside(name); text != nil {
		r.changes = append(r.changes, change{jsonedit.Text(name), -1, true})
		if len(r.lines) > 0 {
			r.lines = jsonedit.Put(r.lines, `\n`)
		}
		r.lines = jsonedit.PutBytes(jsonedit.Put(r.lines, "Tool available: "), text)
	}
}

// change notes a tool_addition or tool_removal. What it says of MCP servers concerns
// nobody here.
func (r *reader) change(v []byte, offer bool) {
	switch string(jsonedit.Text(r.member(v, "type"))) {
	case "tool_reference":
		if name := jsonedit.Text(r.member(v, "name")); len(name) > 0 {
			r.changes = append(r.changes, change{name, -1, offer})
		}
	case "tool_definition":
		definition := r.member(v, "definition")
		if !offer || !jsonedit.Is(definition, jsonedit.Object) {
			return
		}
		s := r.scan(definition)
		defer r.done(s)
		if t := r.tool(s, definition, -1); t.function() {
			r.added = append(r.added, t)
			r.changes = append(r.changes, change{nil, len(r.added) - 1, true})
		}
	}
}

// offer decides which tools the model gets.
func (r *reader) offer() {
	t := r.turn
	if r.byName == nil {
		r.byName = map[string]*tool{}
	}
	chosen := r.checkChoice()
	search, functions := false, false
	for i := range r.declared {
		x := &r.declared[i]
		if !x.function() {
			search = search || bytes.HasPrefix(x.kind, []byte("tool_search_tool_"))
			continue
		}
		functions = true
		name := jsonedit.Text(x.name)
		if r.byName[string(name)] != nil {
			r.reject(toolPath(i)+".name", "%q stands twice.", hub.Excerpt(string(name)))
			return
		}
		r.byName[string(name)] = x
	}
	for _, x := range r.byName {
		x.sent = !x.deferred || search
	}
	for _, c := range r.changes {
		if c.added >= 0 {
			x := &r.added[c.added]
			if old := r.byName[string(jsonedit.Text(x.name))]; old != nil {
				old.sent = false
			}
			r.byName[string(jsonedit.Text(x.name))] = x
			x.sent, functions = true, true
		} else if x := r.byName[string(c.name)]; x != nil {
			x.sent = c.offer
		}
	}
	if chosen != nil {
		if x := r.byName[string(chosen)]; x != nil {
			x.sent = true
		}
	}
	r.dropHosted(functions)
	for _, x := range r.byName {
		if x.sent {
			r.sent++
		}
	}
	if r.problem != nil || t.Request.Answer != nil {
		return
	}
	if chosen != nil && r.byName[string(chosen)] == nil && r.kind == create {
		r.reject("tool_choice.name", "%q is none of the tools that can be offered here.", hub.Excerpt(string(chosen)))
	}
	if r.sent == 0 && r.forced() && r.kind == create {
		r.reject("tool_choice", "a call can't be demanded without tools.")
	}
	r.outputFormat()
}

// checkChoice returns the plain name of the tool that must be called, nil for none.
func (r *reader) checkChoice() (name []byte) {
	if r.choice == nil {
		return nil
	}
	switch string(jsonedit.Text(r.member(r.choice, "type"))) {
	case "auto", "any":
	case "none":
		r.q.noCalls = true
	case "tool":
		if name = jsonedit.Text(r.member(r.choice, "name")); len(name) == 0 {
			r.reject("tool_choice.name", "must be the name of a tool.")
		}
		return name
	default:
		r.reject("tool_choice.type", "must be auto, any, tool or none.")
	}
	return nil
}

// forced tells whether the model must make a call.
func (r *reader) forced() bool {
	switch string(jsonedit.Text(r.member(r.choice, "type"))) {
	case "any", "tool":
		return true
	}
	return false
}

// dropHosted leaves out tools that would run on Anthropic's side, or says that they
// can't be had where they are all there is. functions tells whether there are others.
func (r *reader) dropHosted(functions bool) {
	t := r.turn
	searches := true
	at := -1
	for i := range r.declared {
		x := &r.declared[i]
		if x.function() || bytes.HasPrefix(x.kind, []byte("tool_search_tool_")) {
			continue // searching is not needed: all tools are there
		}
		if at < 0 {
			at = i
		}
		searches = searches && bytes.HasPrefix(x.kind, []byte("web_search_"))
		t.Request.DroppedTools = append(t.Request.DroppedTools, x.label())
	}
	if at < 0 {
		return
	}
	t.Request.Changes |= hub.ToolsDropped
	if r.kind == countTokens {
		return
	}
	path := toolPath(at)
	switch {
	case t.RejectTools:
		r.reject(path, "the tool %q would have to run on the model's side, which is not possible here.", t.Request.DroppedTools[0])
	case !functions && !r.q.noCalls && searches:
		// A search of Claude Code's is a request of its own. Without the tool the model
		// would make results up, and they would be shown as found.
		t.Request.Answer = &hub.Answer{}
	case !functions && !r.q.noCalls:
		r.reject(path, "the tool %q would have to run on the model's side, which is not possible here, and there is no other tool.", t.Request.DroppedTools[0])
	}
	t.Request.ReplyHeader = append(t.Request.ReplyHeader, [2]string{hub.DroppedToolsHeader, strings.Join(t.Request.DroppedTools, ", ")})
}

// label names the tool in a header field.
func (t *tool) label() string {
	for _, name := range [][]byte{jsonedit.Text(t.name), t.kind} {
		if len(name) > 0 && len(name) <= 64 && !bytes.ContainsFunc(name, func(c rune) bool {
			return c != '_' && c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
		}) {
			return string(name)
		}
	}
	return "unnamed"
}

// outputFormat decides how the model is made to answer in a given form. A grammar holds
// for all of a text, so that it could make calls impossible: beside tools the form is
// asked for in words.
func (r *reader) outputFormat() {
	path, format := "output_config.format", r.member(r.output, "format")
	if format == nil {
		path, format = "output_format", r.format
	}
	if string(jsonedit.Text(r.member(format, "type"))) != "json_schema" {
		return
	}
	schema := r.member(format, "schema")
	if !jsonedit.Is(schema, jsonedit.Object) {
		r.reject(path+".schema", "must be an object.")
		return
	}
	if r.sent == 0 {
		r.form = schema
		return
	}
	r.schemaText = jsonedit.Put(r.schemaText[:0], `When you give your answer, give nothing but one JSON value that keeps to this JSON schema:\n`)
	r.schemaText = jsonedit.AppendEscaped(r.schemaText, schema)
}

// appendTools appends the tools and what goes with them.
func (r *reader) appendTools(c []byte) []byte {
	if r.form != nil && r.kind == create && r.extras[extraFormat] == nil {
		c = jsonedit.Put(jsonedit.PutBytes(jsonedit.Put(c, `,"response_format":{"type":"json_schema","json_schema":{"name":"output","schema":`), r.form), `,"strict":true}}`)
	}
	if r.sent == 0 {
		return c // an empty list, and a choice without tools, is a 400 of vLLM's
	}
	n, start := 0, len(c)+len(`,"tools":`)
	for _, list := range [][]tool{r.declared, r.added} {
		for i := range list {
			if list[i].sent {
				c = jsonedit.Put(c, [...]string{`,"tools":[`, `,`}[min(n, 1)])
				c = r.appendTool(c, &list[i])
				n++
			}
		}
	}
	c = append(c, ']')
	r.trusted = append(r.trusted, jsonedit.Span{Start: start, End: len(c)})
	if r.kind == countTokens || r.choice == nil {
		return c
	}
	switch string(jsonedit.Text(r.member(r.choice, "type"))) {
	case "auto":
		c = jsonedit.Put(c, `,"tool_choice":"auto"`)
	case "any":
		c = jsonedit.Put(c, `,"tool_choice":"required"`)
	case "none":
		c = jsonedit.Put(c, `,"tool_choice":"none"`)
	case "tool":
		c = jsonedit.PutBytes(jsonedit.Put(c, `,"tool_choice":{"type":"function","function":{"name":`), r.member(r.choice, "name"))
		c = jsonedit.Put(c, "}}")
	}
	if jsonedit.Is(r.member(r.choice, "disable_parallel_tool_use"), jsonedit.True) {
		c = jsonedit.Put(c, `,"parallel_tool_calls":false`)
		r.turn.Request.SingleCall = true
	}
	return c
}

func (r *reader) appendTool(c []byte, t *tool) []byte {
	c = jsonedit.PutBytes(jsonedit.Put(c, `{"type":"function","function":{"name":`), t.name)
	description := jsonedit.Inside(t.description)
	if t.client != nil {
		r.text = jsonedit.AppendEscaped(r.text[:0], t.client.description)
		description = r.text
	}
	if t.description != nil || t.client != nil || t.examples != nil {
		c = jsonedit.PutBytes(jsonedit.Put(c, `,"description":"`), description)
		c = append(r.appendExamples(c, t.examples, len(description) > 0), '"')
	}
	c = jsonedit.Put(c, `,"parameters":`)
	switch {
	case t.client != nil:
		c = jsonedit.Put(c, t.client.schema)
	case t.schema == nil || jsonedit.IsEmpty(t.schema):
		c = jsonedit.Put(c, `{"type":"object","properties":{}}`)
	case t.typed:
		c = jsonedit.PutBytes(c, t.schema)
	default:
		c = jsonedit.PutBytes(jsonedit.Put(c, `{"type":"object",`), t.schema[1:])
	}
	if jsonedit.Is(t.strict, jsonedit.True) || jsonedit.Is(t.strict, jsonedit.False) {
		c = jsonedit.PutBytes(jsonedit.Put(c, `,"strict":`), t.strict)
	}
	return jsonedit.Put(c, "}}")
}

// appendExamples appends examples of input to a description, one to a line.
func (r *reader) appendExamples(c, examples []byte, behind bool) []byte {
	if !jsonedit.Is(examples, jsonedit.Array) || jsonedit.IsEmpty(examples) {
		return c
	}
	if behind {
		c = jsonedit.Put(c, `\n\n`)
	}
	c = jsonedit.Put(c, "Examples of input:")
	s := r.scan(examples)
	defer r.done(s)
	for s.BeginArray(); s.NextElement(); {
		c = jsonedit.AppendEscaped(jsonedit.Put(c, `\n`), s.Value().Of(examples))
	}
	return c
}

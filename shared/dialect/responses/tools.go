package responses

import (
	"bytes"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// The members of a tool that are read.
const (
	toolType = iota
	toolName
	toolDescription
	toolParameters
	toolStrict
	toolExecution
	toolFormat
	toolEnvironment
	toolServer
	toolKeys
)

var toolNames = [toolKeys]string{"type", "name", "description", "parameters", "strict", "execution", "format", "environment", "server_label"}

func toolKey(key []byte) int {
	for i, name := range toolNames {
		if string(key) == name {
			return i
		}
	}
	return -1
}

// definition is one tool as the client defines it.
type definition struct {
	src    []byte
	at     jsonedit.CompactSpan
	fields [toolKeys]jsonedit.CompactSpan
	// seen has a bit for each member that is there, null or not.
	seen   uint16
	list   string // where the list of tools stands that it is in, such as input[3].tools
	index  int32
	parent int32 // the namespace that it is in, -1 for none
	// inner are a namespace's own tools.
	inner jsonedit.CompactSpan
	// function is the number of the function that the model sees, -1 for none.
	function int32
}

//go:noinline
func (d *definition) raw(key int) []byte {
	if v := d.fields[key]; !v.Absent() {
		return v.Of(d.src)
	}
	return nil
}

//go:noinline
func (d *definition) word(key int) []byte {
	if v := d.raw(key); v != nil && v[0] == '"' {
		return jsonedit.Text(v)
	}
	return nil
}

//go:noinline
func (d *definition) path(key string) string {
	path := d.list + "[" + strconv.Itoa(int(d.index)) + "]"
	if key != "" {
		path += "." + key
	}
	return path
}

// function is a tool as the model sees it.
type function struct {
	definition int32
	kind       toolKind
	// The upstream's name, and the client's two, in names.
	name, own, namespace jsonedit.CompactSpan
	// sent: it is among the tools of the upstream's request.
	sent bool
}

func (f *function) upstream(names []byte) []byte { return names[f.name.Start:f.name.End] }

// universe is all tools of a request: those of tools, of additional_tools and of what
// searches found. It is a table between the client's names and the upstream's, made
// from the request alone.
type universe struct {
	defs []definition
	// ownTools are those of the request's tools, not of its input.
	ownTools  jsonedit.CompactSpan
	functions []function
	names     []byte
	// index finds a function by the client's names ("c", namespace, NUL, name), or tells
	// that the upstream's name ("u", name) is taken.
	index map[string]int32
	key   []byte
	typed [applyPatchTool + 1]int32 // the function of a tool that has no name, plus one
	// choice is what goes up as tool_choice, "" for nothing; forced is the function that
	// it names instead, plus one.
	choice string
	forced int32
	only   bool
	// firstUnsupported is the path of the first tool that can't be had.
	firstUnsupported string
}

func (u *universe) reset() {
	clear(u.defs)
	clear(u.index)
	*u = universe{defs: u.defs[:0], functions: u.functions[:0], names: u.names[:0], index: u.index, key: u.key[:0]}
}

// scanTools notes the tools of a list that is the Scanner's next value; in is the item
// that they stand in, nil for the request's own.
func (r *translation) scanTools(s *jsonedit.Scanner, src []byte, in *item) (at jsonedit.Span) {
	list := "tools"
	if in != nil {
		list = in.path(".tools")
	}
	at.Start = s.Start()
	from := len(r.defs)
	r.scanToolList(s, src, list, -1, in != nil)
	if at.End = s.Pos(); in == nil {
		r.ownTools = jsonedit.Compact(from, len(r.defs))
	}
	return at
}

// scanToolList passes over what has no type: in an item it is a list of something else,
// in the request's own tools it is a fault, and the first one ends the notes.
func (r *translation) scanToolList(s *jsonedit.Scanner, src []byte, list string, parent int32, inItem bool) {
	index := int32(-1)
	for s.BeginArray(); s.NextElement(); {
		index++
		if r.problem != nil {
			s.Value()
			continue
		}
		n := len(r.defs)
		d := definition{src: src, list: list, index: index, parent: parent, function: -1}
		if s.Kind() != jsonedit.Object {
			if s.Value(); !inItem {
				r.problem = hub.WrongType(d.path(""), "an object")
			}
			continue
		}
		d.at.Start = int32(s.Start())
		r.defs = append(r.defs, d) // its place, before those inside it
		for s.BeginObject(); s.NextMember(); {
			key := toolKey(s.Key())
			switch {
			case key >= 0:
				d.fields[key] = s.NotNull().Compact()
				d.seen |= 1 << key
			case parent < 0 && string(s.Key()) == "tools" && s.Kind() == jsonedit.Array:
				d.inner.Start = int32(len(r.defs))
				r.scanToolList(s, src, d.path("tools"), int32(n), inItem)
				d.inner.End = int32(len(r.defs))
			default:
				s.Value()
			}
		}
		d.at.End = int32(s.Pos())
		r.defs[n] = d
		if d.fields[toolType].Absent() {
			if r.defs = r.defs[:n]; !inItem && s.Err() == nil {
				r.problem = hub.Missing(d.path("type"))
			}
		}
	}
}

// offer makes functions of the tools: the request's own first, then those that came
// with the input.
func (r *translation) offer() *hub.Problem {
	if p := r.offerAll(r.ownTools); p != nil {
		return p
	}
	for _, kind := range [...]string{"additional_tools", "tool_search_output"} {
		for _, l := range [...]jsonedit.CompactSpan{r.told, r.before, r.own} {
			for i := l.Start; i < l.End; i++ {
				it := &r.list[i]
				if it.tools.Start == it.tools.End || string(it.word(itemType)) != kind {
					continue
				}
				if p := r.offerAll(it.tools); p != nil {
					return p
				}
			}
		}
	}
	if r.firstUnsupported != "" && len(r.functions) == 0 {
		return r.unsupported(r.firstUnsupported, "it is the only kind of tool here, and")
	}
	if n := len(r.turn.Request.DroppedTools); n > 0 {
		r.turn.Request.ReplyHeader = append(r.turn.Request.ReplyHeader, [2]string{hub.DroppedToolsHeader, strings.Join(r.turn.Request.DroppedTools, ", ")})
	}
	return nil
}

// offerAll offers the tools of one list; those of namespaces among them are theirs to offer.
func (r *translation) offerAll(list jsonedit.CompactSpan) *hub.Problem {
	for n := list.Start; n < list.End; n++ {
		if r.defs[n].parent < 0 {
			if p := r.offerTool(n); p != nil {
				return p
			}
		}
	}
	return nil
}

func (r *translation) unsupported(param, why string) *hub.Problem {
	return hub.UnsupportedValue(param, why+" a chat model's server can't run it. The tools are function, custom, namespace, local_shell, shell, apply_patch and client-side tool_search.")
}

func (r *translation) offerTool(n int32) *hub.Problem {
	d := &r.defs[n]
	kind := d.raw(toolType)
	if kind[0] != '"' {
		return hub.WrongType(d.path("type"), "a string")
	}
	switch word := jsonedit.Text(kind); string(word) {
	case "function":
		return r.offerNamed(n, functionTool)
	case "custom":
		return r.offerNamed(n, customTool)
	case "namespace":
		if d.parent >= 0 {
			return hub.WrongValue(d.path("type"), "a namespace holds functions and custom tools.")
		}
		if _, p := d.checkName(); p != nil {
			return p
		}
		for i := d.inner.Start; i < d.inner.End; i++ {
			if p := r.offerTool(i); p != nil {
				return p
			}
		}
		return nil
	case "tool_search":
		if string(d.word(toolExecution)) == "client" {
			return r.offerTyped(n, toolSearchTool)
		}
	case "local_shell":
		return r.offerTyped(n, localShellTool)
	case "shell":
		if !r.hosted(d.raw(toolEnvironment)) {
			return r.offerTyped(n, shellTool)
		}
	case "apply_patch":
		return r.offerTyped(n, applyPatchTool)
	}
	if r.turn.RejectTools {
		return r.unsupported(d.path("type"), "")
	}
	if r.firstUnsupported == "" {
		r.firstUnsupported = d.path("type")
	}
	r.drop(jsonedit.Text(kind))
	return nil
}

// hosted tells whether a shell's environment is a container at OpenAI.
func (r *translation) hosted(environment []byte) bool {
	if environment == nil || environment[0] != '{' {
		return false
	}
	var kind [1][]byte
	r.part.Pick(environment, []string{"type"}, kind[:])
	return bytes.HasPrefix(kind[0], []byte(`"container`))
}

// maxDropped is how many kinds of dropped tools are named.
const maxDropped = 20

// drop notes a kind of tool that the model does not get; it goes into a header field.
func (r *translation) drop(kind []byte) {
	name := strings.Map(func(c rune) rune {
		if c > ' ' && c < 0x7f && c != ',' {
			return c
		}
		return '_'
	}, string(kind[:min(len(kind), 64)]))
	if t := r.turn; len(t.Request.DroppedTools) < maxDropped && !slices.Contains(t.Request.DroppedTools, name) {
		t.Request.DroppedTools = append(t.Request.DroppedTools, name)
	}
}

// checkName returns the tool's name, which must be one.
func (d *definition) checkName() ([]byte, *hub.Problem) {
	v := d.raw(toolName)
	switch {
	case v == nil:
		return nil, hub.Missing(d.path("name"))
	case v[0] != '"':
		return nil, hub.WrongType(d.path("name"), "a string")
	}
	name := jsonedit.Text(v)
	if !isName(name) {
		return nil, hub.WrongValue(d.path("name"), hub.Quoted(name)+" does not match ^[a-zA-Z0-9_-]{1,64}$.")
	}
	return name, nil
}

const maxName = 64

func isName(name []byte) bool {
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return len(name) > 0 && len(name) <= maxName
}

func (u *universe) clientKey(namespace, name []byte) []byte {
	u.key = jsonedit.PutBytes(append(jsonedit.PutBytes(append(u.key[:0], 'c'), namespace), 0), name)
	return u.key
}

// find is the function that the client knows by these names, -1 for none.
func (u *universe) find(namespace, name []byte) int32 {
	if i, ok := u.index[string(u.clientKey(namespace, name))]; ok {
		return i
	}
	return -1
}

func (u *universe) namespace(d *definition) []byte {
	if d.parent < 0 {
		return nil
	}
	return u.defs[d.parent].word(toolName)
}

// offerNamed makes a function of a function or custom tool. Of several with the same
// names the first counts.
func (r *translation) offerNamed(n int32, kind toolKind) *hub.Problem {
	d := &r.defs[n]
	name, p := d.checkName()
	if p != nil {
		return p
	}
	if v := d.raw(toolDescription); v != nil && v[0] != '"' {
		return hub.WrongType(d.path("description"), "a string")
	}
	if kind == functionTool {
		if v := d.raw(toolParameters); v != nil && v[0] != '{' {
			return hub.WrongType(d.path("parameters"), "an object")
		}
		if v := d.raw(toolStrict); v != nil && v[0] != 't' && v[0] != 'f' {
			return hub.WrongType(d.path("strict"), "true or false")
		}
	} else if p := r.checkFormat(d); p != nil {
		return p
	}
	namespace := r.namespace(d)
	if first := r.find(namespace, name); first >= 0 {
		d.function = first
		return nil
	}
	d.function = int32(len(r.functions))
	r.index[string(r.key)] = d.function
	f := function{definition: n, kind: kind}
	f.own, f.namespace = r.put(name), r.put(namespace)
	f.name = r.take(namespace, name)
	r.functions = append(r.functions, f)
	return nil
}

func (r *translation) offerTyped(n int32, kind toolKind) *hub.Problem {
	if r.typed[kind] > 0 {
		return nil
	}
	d := &r.defs[n]
	if v := d.raw(toolDescription); v != nil && v[0] != '"' {
		return hub.WrongType(d.path("description"), "a string")
	}
	if v := d.raw(toolParameters); v != nil && v[0] != '{' {
		return hub.WrongType(d.path("parameters"), "an object")
	}
	f := function{definition: n, kind: kind, own: r.put([]byte(typedNames[kind]))}
	f.name = r.take(nil, []byte(typedNames[kind]))
	d.function = int32(len(r.functions))
	r.functions = append(r.functions, f)
	r.typed[kind] = int32(len(r.functions))
	return nil
}

func (u *universe) put(name []byte) jsonedit.CompactSpan {
	from := len(u.names)
	u.names = jsonedit.PutBytes(u.names, name)
	return jsonedit.Compact(from, len(u.names))
}

// take finds an upstream name that no other function has: namespace__name; where that
// is too long or taken, its beginning and a hash; where that is taken, a number.
func (u *universe) take(namespace, name []byte) jsonedit.CompactSpan {
	from := len(u.names)
	for try := 0; ; try++ {
		u.names = appendUpstreamName(u.names[:from], namespace, name, try)
		u.key = jsonedit.PutBytes(append(u.key[:0], 'u'), u.names[from:])
		if _, taken := u.index[string(u.key)]; !taken {
			u.index[string(u.key)] = -1
			return jsonedit.Compact(from, len(u.names))
		}
	}
}

// appendUpstreamName appends the name that a tool has upstream at the given try.
func appendUpstreamName(dst, namespace, name []byte, try int) []byte {
	from := len(dst)
	if len(namespace) > 0 {
		dst = jsonedit.Put(jsonedit.PutBytes(dst, namespace), "__")
	}
	dst = jsonedit.PutBytes(dst, name)
	if try == 0 && len(dst)-from <= maxName {
		return dst
	}
	h := fnv.New32a()
	h.Write(namespace)
	h.Write([]byte{0})
	h.Write(name)
	const digits, prefix = "0123456789abcdef", 48
	dst = dst[:min(len(dst), from+prefix)]
	dst = append(dst, '_')
	for sum, shift := h.Sum32(), 28; shift >= 0; shift -= 4 {
		dst = append(dst, digits[sum>>shift&15])
	}
	if try > 1 {
		dst = append(dst, '_')
		dst = strconv.AppendInt(dst, int64(try), 10)
	}
	return dst
}

// upstreamName is the name for a call in the history; its tool may be gone.
func (r *translation) upstreamName(namespace, name []byte) []byte {
	if i := r.find(namespace, name); i >= 0 {
		return r.functions[i].upstream(r.names)
	}
	if len(namespace) == 0 {
		return name
	}
	r.key = appendUpstreamName(r.key[:0], namespace, name, 0)
	return r.key
}

// typedName is the name of a tool that has none.
func (r *translation) typedName(kind toolKind) []byte {
	if i := r.typed[kind]; i > 0 {
		return r.functions[i-1].upstream(r.names)
	}
	return []byte(typedNames[kind])
}

// checkFormat checks a custom tool's format.
func (r *translation) checkFormat(d *definition) *hub.Problem {
	raw := d.raw(toolFormat)
	if raw == nil {
		return nil
	}
	if raw[0] != '{' {
		return hub.WrongType(d.path("format"), "an object")
	}
	f := r.readFormat(raw)
	switch string(f.kind) {
	case "text", "":
		return nil
	case "grammar":
		if f.definition == nil {
			return hub.Missing(d.path("format.definition"))
		}
		if f.definition[0] != '"' {
			return hub.WrongType(d.path("format.definition"), "a string")
		}
		return nil
	}
	return hub.WrongValue(d.path("format.type"), hub.Quoted(f.kind)+" is none of text, grammar.")
}

// customFormat is a custom tool's format: the kind as text, the others as values.
type customFormat struct{ kind, syntax, definition []byte }

var customNames = [...]string{"type", "syntax", "definition"}

func (r *translation) readFormat(raw []byte) (f customFormat) {
	var v [len(customNames)][]byte
	r.part.Pick(raw, customNames[:], v[:])
	if jsonedit.IsString(v[0]) {
		f.kind = jsonedit.Text(v[0])
	}
	f.syntax, f.definition = v[1], v[2]
	return f
}

// choose reads tool_choice.
func (r *translation) choose() *hub.Problem {
	for i := range r.functions {
		r.functions[i].sent = true
	}
	if r.compacting { // the tools stay for the sake of the prefix cache
		r.choice, r.only = "none", true
		return nil
	}
	raw := r.raw(keyToolChoice)
	if raw == nil {
		return nil
	}
	switch raw[0] {
	case '"':
		switch word := jsonedit.Text(raw); string(word) {
		case "auto":
			r.choice = "auto"
		case "none":
			// The tools are sent, so that the prompt's beginning stays. A thinking model
			// may still call one.
			r.choice, r.only = "none", true
		case "required":
			if len(r.functions) == 0 {
				return hub.WrongValue("tool_choice", "required needs tools, and there are none that the model can call.")
			}
			r.choice = "required"
		default:
			return hub.WrongValue("tool_choice", hub.Quoted(word)+" is none of none, auto, required.")
		}
		return nil
	case '{':
	default:
		return hub.WrongType("tool_choice", "a string or an object")
	}
	c := r.readChoice(raw)
	if string(c.kind) == "allowed_tools" {
		return r.allow(c)
	}
	i, p := r.chosen(c, "tool_choice")
	if p != nil {
		return p
	}
	r.forced = i + 1
	return nil
}

// choice is one tool_choice object, or an element of its tools: texts, and a value.
type choice struct{ kind, name, namespace, mode, tools []byte }

var choiceNames = [...]string{"type", "name", "namespace", "mode", "tools"}

func (r *translation) readChoice(raw []byte) choice {
	var v [len(choiceNames)][]byte
	r.part.Pick(raw, choiceNames[:], v[:])
	for i := range v[:4] {
		if !jsonedit.IsString(v[i]) {
			v[i] = nil
		} else {
			v[i] = jsonedit.Text(v[i])
		}
	}
	return choice{v[0], v[1], v[2], v[3], v[4]}
}

// chosen is the function that a choice names.
func (r *translation) chosen(c choice, param string) (int32, *hub.Problem) {
	kind := functionTool
	switch string(c.kind) {
	case "":
		return 0, hub.Missing(param + ".type")
	case "function", "custom":
		if len(c.name) == 0 {
			return 0, hub.Missing(param + ".name")
		}
		i := r.find(c.namespace, c.name)
		if i < 0 {
			return 0, hub.WrongValue(param, "there is no tool "+hub.Quoted(c.name)+" in tools.")
		}
		return i, nil
	case "tool_search":
		kind = toolSearchTool
	case "local_shell":
		kind = localShellTool
	case "shell":
		kind = shellTool
	case "apply_patch":
		kind = applyPatchTool
	default:
		return 0, hub.UnsupportedValue(param, hub.Quoted(c.kind)+" is no tool that a chat model's server can run.")
	}
	if r.typed[kind] == 0 {
		return 0, hub.WrongValue(param, "there is no tool of type "+hub.Quoted(c.kind)+" in tools.")
	}
	return r.typed[kind] - 1, nil
}

// allow leaves only the allowed tools: what the model does not see it can't call.
func (r *translation) allow(c choice) *hub.Problem {
	switch string(c.mode) {
	case "", "auto":
		r.choice = "auto"
	case "required":
		r.choice = "required"
	default:
		return hub.WrongValue("tool_choice.mode", hub.Quoted(c.mode)+" is none of auto, required.")
	}
	switch {
	case c.tools == nil:
		return hub.Missing("tool_choice.tools")
	case c.tools[0] != '[':
		return hub.WrongType("tool_choice.tools", "a list")
	}
	for i := range r.functions {
		r.functions[i].sent = false
	}
	r.only = true
	list := c.tools
	s := &r.s // pick uses the other one
	s.Reset(list)
	n, any := 0, false
	for s.BeginArray(); s.NextElement(); n++ {
		param := "tool_choice.tools[" + strconv.Itoa(n) + "]"
		if s.Kind() != jsonedit.Object {
			return hub.WrongType(param, "an object")
		}
		one := r.readChoice(s.Value().Of(list))
		if string(one.kind) == "namespace" {
			for i := range r.functions {
				if f := &r.functions[i]; len(one.name) > 0 && string(r.names[f.namespace.Start:f.namespace.End]) == string(one.name) {
					f.sent, any = true, true
				}
			}
			continue
		}
		i, p := r.chosen(one, param)
		switch {
		case p == nil:
			r.functions[i].sent, any = true, true
		case p.Code != "unsupported_value": // what was dropped from tools is not missed here
			return p
		}
	}
	switch {
	case n == 0 || n > 128:
		return hub.WrongValue("tool_choice.tools", "a list of 1 to 128 tools was expected.")
	case !any:
		return hub.UnsupportedValue("tool_choice.tools", "none of these tools can be had here.")
	}
	return nil
}

// callable tells whether the model may call anything, so that a grammar for its text
// would be in the way.
func (r *translation) callable() bool {
	return len(r.functions) > 0 && r.choice != "none"
}

// table is what the reply needs of the tools, in copies.
func (r *translation) table() (t tools) {
	t.only = r.only
	if len(r.functions) == 0 {
		return t
	}
	names := string(r.names)
	bytes := []byte(names)
	t.list = make([]tool, len(r.functions))
	for i := range r.functions {
		f := &r.functions[i]
		t.list[i] = tool{upstream: names[f.name.Start:f.name.End], kind: f.kind, name: bytes[f.own.Start:f.own.End:f.own.End],
			namespace: bytes[f.namespace.Start:f.namespace.End:f.namespace.End]}
		if t.only && f.sent && r.choice != "none" {
			t.allowed = append(t.allowed, t.list[i].upstream)
		}
	}
	return t
}

// appendTools appends tools and what goes with them.
func (r *translation) appendTools(c []byte) []byte {
	start := -1
	for i := range r.functions {
		f := &r.functions[i]
		if !f.sent {
			continue
		}
		if start < 0 {
			c = jsonedit.Put(c, `,"tools":[`)
			start = len(c) - 1
		} else {
			c = append(c, ',')
		}
		c = r.appendFunction(c, f)
	}
	if start < 0 {
		return c // vLLM answers 400 to an empty list, and to a choice without tools
	}
	c = append(c, ']')
	r.trusted = append(r.trusted, jsonedit.Span{Start: start, End: len(c)})
	if r.kind == inputTokens {
		return c
	}
	switch {
	case r.forced > 0:
		c = jsonedit.Put(c, `,"tool_choice":{"type":"function","function":{"name":"`)
		c = jsonedit.PutBetween(c, "", r.functions[r.forced-1].upstream(r.names), `"}}`)
	case r.choice != "":
		c = append(jsonedit.Put(jsonedit.Put(c, `,"tool_choice":"`), r.choice), '"')
	}
	if r.compacting {
		return c
	}
	return jsonedit.PutMember(c, "parallel_tool_calls", r.raw(keyParallel))
}

func (r *translation) appendFunction(c []byte, f *function) []byte {
	d := &r.defs[f.definition]
	c = jsonedit.PutBetween(c, `{"type":"function","function":{"name":"`, f.upstream(r.names), `"`)
	// The namespace's description stands before that of its first tool.
	var before []byte
	if d.parent >= 0 {
		if parent := &r.defs[d.parent]; parent.inner.Start == f.definition {
			if v := parent.raw(toolDescription); v != nil && v[0] == '"' {
				before = jsonedit.Inside(v)
			}
		}
	}
	description := d.raw(toolDescription)
	if len(before) > 0 || description != nil || f.kind != functionTool {
		c = jsonedit.Put(c, `,"description":"`)
		empty := len(c)
		c = jsonedit.PutBytes(c, before)
		if len(description) > len(`""`) {
			c = jsonedit.PutBetween(paragraph(c, empty), "", jsonedit.Inside(description), "")
		} else if f.kind > customTool {
			c = jsonedit.Put(paragraph(c, empty), typedDescriptions[f.kind])
		}
		if f.kind == customTool {
			c = jsonedit.Put(paragraph(c, empty), customNote)
			if g := r.grammar(d); g.definition != nil {
				c = jsonedit.Put(c, `\n\nIt must match this `)
				if word := g.syntax; jsonedit.IsString(word) {
					c = jsonedit.PutBetween(c, "", jsonedit.Inside(word), " ")
				}
				c = jsonedit.PutBetween(c, `grammar:\n\n`, jsonedit.Inside(g.definition), "")
			}
		}
		c = append(c, '"')
	}
	c = jsonedit.Put(c, `,"parameters":`)
	switch parameters := d.raw(toolParameters); {
	case f.kind == customTool:
		c = jsonedit.Put(c, customParameters)
	case f.kind > toolSearchTool:
		c = jsonedit.Put(c, typedParameters[f.kind])
	case parameters == nil && f.kind == toolSearchTool:
		c = jsonedit.Put(c, typedParameters[f.kind])
	case parameters == nil:
		c = jsonedit.Put(c, `{"type":"object","properties":{}}`)
	default:
		c = r.appendSchema(c, parameters)
	}
	if f.kind == functionTool {
		c = jsonedit.PutMember(c, "strict", d.raw(toolStrict))
	}
	return jsonedit.Put(c, `}}`)
}

// paragraph begins another paragraph of a text that began at start.
func paragraph(c []byte, start int) []byte {
	if len(c) > start {
		c = jsonedit.Put(c, `\n\n`)
	}
	return c
}

func (r *translation) grammar(d *definition) (f customFormat) {
	if raw := d.raw(toolFormat); raw != nil {
		if f = r.readFormat(raw); string(f.kind) != "grammar" {
			return customFormat{}
		}
	}
	return f
}

// appendSchema copies a schema without the marks encrypted:true that Codex puts into
// schemas of its own tools: they concern OpenAI's transport, not the model.
func (r *translation) appendSchema(dst, schema []byte) []byte {
	// The end of "encrypted", since Contains goes from one place of its first byte to the
	// next, and a schema is full of quotes.
	if !bytes.Contains(schema, []byte(`ypted"`)) {
		return jsonedit.PutBytes(dst, schema)
	}
	var e jsonedit.Edits
	s := &r.part
	s.Reset(schema)
	unmark(s, schema, &e)
	return e.Apply(dst, schema)
}

// unmark walks one value and takes members out that are encrypted and true or false. A
// property of that name has a schema as its value, and stays.
func unmark(s *jsonedit.Scanner, src []byte, e *jsonedit.Edits) {
	switch s.Kind() {
	case jsonedit.Object:
		var m jsonedit.Members
		for m.Begin(s.BeginObject()); s.NextMember(); {
			key, mark := s.KeySpan(), string(s.Key()) == "encrypted"
			start := s.Start()
			if mark = mark && (s.Kind() == jsonedit.True || s.Kind() == jsonedit.False); mark {
				s.Value()
			} else {
				unmark(s, src, e)
			}
			if n := m.Add(key, jsonedit.Span{Start: start, End: s.Pos()}); mark {
				m.Drop(n)
			}
		}
		m.Commit(e, nil)
	case jsonedit.Array:
		for s.BeginArray(); s.NextElement(); {
			unmark(s, src, e)
		}
	default:
		s.Value()
	}
}

// The functions that stand for tools without a name or a schema of their own. All texts
// are insides of string literals.
var typedNames = [...]string{toolSearchTool: "tool_search", localShellTool: "local_shell", shellTool: "shell", applyPatchTool: "apply_patch"}

var typedDescriptions = [...]string{
	toolSearchTool: "Finds tools that can be called afterwards.",
	localShellTool: "Runs a command on the user's machine and returns its output.",
	shellTool:      "Runs shell commands on the user's machine and returns their output.",
	applyPatchTool: "Creates, changes or deletes one file.",
}

const (
	customNote       = `The input is one raw text, not JSON: put all of it into the argument input, as it is.`
	customParameters = `{"type":"object","properties":{"input":{"type":"string","description":"The raw text."}},"required":["input"],"additionalProperties":false}`
)

var typedParameters = [...]string{
	toolSearchTool: `{"type":"object","properties":{"query":{"type":"string","description":"What the tools are wanted for."}},"required":["query"]}`,
	localShellTool: `{"type":"object","properties":{"command":{"type":"array","items":{"type":"string"},"description":"The program and its arguments."},` +
		`"working_directory":{"type":"string"},"timeout_ms":{"type":"integer"},` +
		`"env":{"type":"object","additionalProperties":{"type":"string"},"description":"Further environment variables."}},"required":["command"]}`,
	shellTool: `{"type":"object","properties":{"commands":{"type":"array","items":{"type":"string"},"description":"Command lines, run one after another."},` +
		`"timeout_ms":{"type":"integer"},"max_output_length":{"type":"integer","description":"In characters."}},"required":["commands"]}`,
	applyPatchTool: `{"type":"object","properties":{"operation":{"type":"object","properties":{` +
		`"type":{"type":"string","enum":["create_file","update_file","delete_file"]},"path":{"type":"string"},` +
		`"diff":{"type":"string","description":"For create_file and update_file: the change in V4A diff format, the lines of a new file each with a + before it."}},` +
		`"required":["type","path"]}},"required":["operation"]}`,
}

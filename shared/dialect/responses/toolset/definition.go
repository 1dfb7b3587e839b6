package toolset

import (
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// The members of a tool that are read.
const (
	memberType = iota
	memberName
	memberDescription
	memberParameters
	memberStrict
	memberExecution
	memberFormat
	memberEnvironment
	memberServer
	memberCount
)

var memberNames = [memberCount]string{"type", "name", "description", "parameters", "strict", "execution", "format", "environment",
	"server_label"}

func memberNumber(key []byte) int {
	for i, name := range memberNames {
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
	fields [memberCount]jsonedit.CompactSpan
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

// raw is a member's value, nil where it is absent.
//
//go:noinline
func (d *definition) raw(key int) []byte { return d.fields[key].Literal(d.src) }

// text is what a member says, nil where it is no string.
//
//go:noinline
func (d *definition) text(key int) []byte { return jsonedit.Text(d.raw(key)) }

// path names a member in refusals, "" the tool itself.
//
//go:noinline
func (d *definition) path(key string) string {
	path := d.list + "[" + strconv.Itoa(int(d.index)) + "]"
	if key != "" {
		path += "." + key
	}
	return path
}

// checkName returns the tool's name, which must be one.
func (d *definition) checkName() ([]byte, *hub.Problem) {
	v := d.raw(memberName)
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

// format is a custom tool's: the kind as text, the others as values.
type format struct{ kind, syntax, definition []byte }

var formatNames = [...]string{"type", "syntax", "definition"}

func readFormat(s *jsonedit.Scanner, raw []byte) format {
	var v [len(formatNames)][]byte
	s.Pick(raw, formatNames[:], v[:])
	return format{jsonedit.Text(v[0]), v[1], v[2]}
}

// grammar is a custom tool's format where that is a grammar, the zero format else.
func (d *definition) grammar(s *jsonedit.Scanner) format {
	if raw := d.raw(memberFormat); raw != nil {
		if f := readFormat(s, raw); string(f.kind) == "grammar" {
			return f
		}
	}
	return format{}
}

// definitions are the tools of a request as its client defines them, list after list.
type definitions struct {
	defs []definition
	// fault is the first thing in the request's own tools that is none.
	fault *hub.Problem
}

func (d *definitions) reset() {
	clear(d.defs)
	*d = definitions{defs: d.defs[:0]}
}

// Scan notes the tools of a list that is the Scanner's next value, and returns which they are
// and where the list stands. list names it in refusals. strict: what has no type is a fault,
// and the first one ends the notes. Else it is passed over: the list is one of something else.
func (d *definitions) Scan(s *jsonedit.Scanner, src []byte, list string, strict bool) (tools jsonedit.CompactSpan, at jsonedit.Span) {
	from := len(d.defs)
	at.Start = s.Start()
	d.scan(s, src, list, -1, strict)
	at.End = s.Pos()
	return jsonedit.Compact(from, len(d.defs)), at
}

// Fault is what was no tool in a list that was scanned strictly.
func (d *definitions) Fault() *hub.Problem { return d.fault }

func (d *definitions) scan(s *jsonedit.Scanner, src []byte, list string, parent int32, strict bool) {
	index := int32(-1)
	for s.BeginArray(); s.NextElement(); {
		index++
		if d.fault != nil {
			s.Value()
			continue
		}
		n := len(d.defs)
		x := definition{src: src, list: list, index: index, parent: parent, function: -1}
		if s.Kind() != jsonedit.Object {
			if s.Value(); strict {
				d.fault = hub.WrongType(x.path(""), "an object")
			}
			continue
		}
		x.at.Start = int32(s.Start())
		d.defs = append(d.defs, x) // its place, before those inside it
		for s.BeginObject(); s.NextMember(); {
			key := memberNumber(s.Key())
			switch {
			case key >= 0:
				x.fields[key] = s.NotNull().Compact()
				x.seen |= 1 << key
			case parent < 0 && string(s.Key()) == "tools" && s.Kind() == jsonedit.Array:
				x.inner.Start = int32(len(d.defs))
				d.scan(s, src, x.path("tools"), int32(n), strict)
				x.inner.End = int32(len(d.defs))
			default:
				s.Value()
			}
		}
		x.at.End = int32(s.Pos())
		d.defs[n] = x
		if x.fields[memberType].Absent() {
			if d.defs = d.defs[:n]; strict && s.Err() == nil {
				d.fault = hub.Missing(x.path("type"))
			}
		}
	}
}

// namespace is the name of the namespace that a tool is in, nil for none.
func (d *definitions) namespace(x *definition) []byte {
	if x.parent < 0 {
		return nil
	}
	return d.defs[x.parent].text(memberName)
}

// AppendEcho appends a list of tools as the client sent it, on one line; its function tools
// show all keys that the schema of a function tool has.
func (d *definitions) AppendEcho(dst, src []byte, tools jsonedit.CompactSpan, at jsonedit.Span) []byte {
	pos := at.Start
	for i := tools.Start; i < tools.End; i++ {
		x := &d.defs[i]
		if x.parent >= 0 || string(x.text(memberType)) != "function" {
			continue
		}
		end := int(x.at.End) - 1 // before the closing brace; there is a type, so a comma goes first
		dst = jsonedit.PutLine(dst, src[pos:end])
		for _, key := range [...]int{memberDescription, memberParameters, memberStrict} {
			if x.seen&(1<<key) == 0 {
				dst = jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, `,"`), memberNames[key]), `":null`)
			}
		}
		pos = end
	}
	return jsonedit.PutLine(dst, src[pos:at.End])
}

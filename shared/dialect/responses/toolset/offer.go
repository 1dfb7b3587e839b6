package toolset

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Offer makes functions of the tools of one list; those of namespaces among them are theirs
// to offer. reject: a tool that can't be had is refused, not dropped.
func (s *Set) Offer(tools jsonedit.CompactSpan, reject bool) *hub.Problem {
	for n := tools.Start; n < tools.End; n++ {
		if s.defs[n].parent < 0 {
			if p := s.offer(n, reject); p != nil {
				return p
			}
		}
	}
	return nil
}

// Offered refuses a request whose tools were all dropped.
func (s *Set) Offered() *hub.Problem {
	if s.unsupported != "" && len(s.all) == 0 {
		return unsupported(s.unsupported, "it is the only kind of tool here, and")
	}
	return nil
}

// Dropped are the kinds of tools that can't be had and were dropped. It is the caller's to keep.
func (s *Set) Dropped() hub.Names { return s.dropped }

func unsupported(param, why string) *hub.Problem {
	return hub.UnsupportedValue(param, why+" a chat model's server can't run it. "+
		"The tools are function, custom, namespace, local_shell, shell, apply_patch and client-side tool_search.")
}

// offer makes a function of one tool, or functions of those that are in it.
func (s *Set) offer(n int32, reject bool) *hub.Problem {
	d := &s.defs[n]
	kind := d.text(memberType)
	if kind == nil {
		return hub.WrongType(d.path("type"), "a string")
	}
	switch string(kind) {
	case "function":
		return s.offerNamed(n, Function)
	case "custom":
		return s.offerNamed(n, Custom)
	case "namespace":
		if d.parent >= 0 {
			return hub.WrongValue(d.path("type"), "a namespace holds functions and custom tools.")
		}
		if _, p := d.checkName(); p != nil {
			return p
		}
		for i := d.inner.Start; i < d.inner.End; i++ {
			if p := s.offer(i, reject); p != nil {
				return p
			}
		}
		return nil
	case "tool_search":
		if string(d.text(memberExecution)) == "client" {
			return s.offerTyped(n, ToolSearch)
		}
	case "local_shell":
		return s.offerTyped(n, LocalShell)
	case "shell":
		if !hosted(&s.small, d.raw(memberEnvironment)) {
			return s.offerTyped(n, Shell)
		}
	case "apply_patch":
		return s.offerTyped(n, ApplyPatch)
	}
	if reject {
		return unsupported(d.path("type"), "")
	}
	if s.unsupported == "" {
		s.unsupported = d.path("type")
	}
	s.drop(kind)
	return nil
}

// hosted tells whether a shell's environment is a container at OpenAI.
func hosted(s *jsonedit.Scanner, environment []byte) bool {
	if !jsonedit.Is(environment, jsonedit.Object) {
		return false
	}
	var kind [1][]byte
	s.Pick(environment, []string{"type"}, kind[:])
	return bytes.HasPrefix(kind[0], []byte(`"container`))
}

// drop notes a kind of tool that the model does not get.
func (s *Set) drop(kind []byte) { s.dropped.Add(kind) }

// offerNamed makes a function of a function or custom tool. Of several with the same
// names the first counts.
func (s *Set) offerNamed(n int32, kind Kind) *hub.Problem {
	d := &s.defs[n]
	name, p := d.checkName()
	if p != nil {
		return p
	}
	if p := d.checkNamed(&s.small, kind); p != nil {
		return p
	}
	namespace := s.namespace(d)
	if first := s.names.find(namespace, name); first >= 0 {
		d.function = first
		return nil
	}
	f := function{definition: n, kind: kind, own: s.names.add(name), namespace: s.names.add(namespace)}
	f.name = s.names.take(namespace, name)
	d.function = s.add(f)
	s.names.name(d.function, namespace, name)
	return nil
}

// checkNamed refuses members that a function or custom tool can't have.
func (d *definition) checkNamed(s *jsonedit.Scanner, kind Kind) *hub.Problem {
	if v := d.raw(memberDescription); v != nil && v[0] != '"' {
		return hub.WrongType(d.path("description"), "a string")
	}
	if kind == Custom {
		return d.checkFormat(s)
	}
	if v := d.raw(memberParameters); v != nil && v[0] != '{' {
		return hub.WrongType(d.path("parameters"), "an object")
	}
	if v := d.raw(memberStrict); v != nil && !jsonedit.IsBool(v) {
		return hub.WrongType(d.path("strict"), "true or false")
	}
	return nil
}

// offerTyped makes a function of a tool that has a type instead of a name.
func (s *Set) offerTyped(n int32, kind Kind) *hub.Problem {
	if s.typed[kind] > 0 {
		return nil
	}
	d := &s.defs[n]
	if v := d.raw(memberDescription); v != nil && v[0] != '"' {
		return hub.WrongType(d.path("description"), "a string")
	}
	if v := d.raw(memberParameters); v != nil && v[0] != '{' {
		return hub.WrongType(d.path("parameters"), "an object")
	}
	name := []byte(typedNames[kind])
	d.function = s.add(function{definition: n, kind: kind, own: s.names.add(name), name: s.names.take(nil, name)})
	s.typed[kind] = d.function + 1
	return nil
}

// checkFormat refuses a custom tool's format that is none.
func (d *definition) checkFormat(s *jsonedit.Scanner) *hub.Problem {
	raw := d.raw(memberFormat)
	if raw == nil {
		return nil
	}
	if raw[0] != '{' {
		return hub.WrongType(d.path("format"), "an object")
	}
	f := readFormat(s, raw)
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

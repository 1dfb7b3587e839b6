package toolset

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// function is a tool as the model sees it.
type function struct {
	definition int32
	kind       Kind
	// The upstream's name, and the client's two.
	name, own, namespace jsonedit.CompactSpan
	// sent: it is among the tools of the upstream's request.
	sent bool
	// sealed: the client marks arguments of it as encrypted, seen once it is sent.
	sealed bool
}

// functions are the tools that the model sees, found by the client's names or by the type of a
// tool that has none.
type functions struct {
	all   []function
	names names
	typed [kinds]int32 // the function of a tool that has no name, plus one
}

func (f *functions) reset() {
	f.names.reset()
	*f = functions{all: f.all[:0], names: f.names}
}

// add adds a function that is sent, and returns its number.
func (f *functions) add(x function) int32 {
	x.sent = true
	f.all = append(f.all, x)
	return int32(len(f.all) - 1)
}

func (f *functions) upstream(x *function) []byte { return f.names.of(x.name) }

// UpstreamName is the name for a call in the history; its tool may be gone.
func (f *functions) UpstreamName(namespace, name []byte) []byte {
	if i := f.names.find(namespace, name); i >= 0 {
		return f.upstream(&f.all[i])
	}
	if len(namespace) == 0 {
		return name
	}
	f.names.key = appendUpstreamName(f.names.key[:0], namespace, name, 0)
	return f.names.key
}

// TypedName is the name of a tool that has a type instead of one.
func (f *functions) TypedName(kind Kind) []byte {
	if i := f.typed[kind]; i > 0 {
		return f.upstream(&f.all[i-1])
	}
	return []byte(typedNames[kind])
}

// sendNone takes all functions out of those that the model sees.
func (f *functions) sendNone() {
	for i := range f.all {
		f.all[i].sent = false
	}
}

// sendNamespace sends all functions of a namespace, and tells whether there are some.
func (f *functions) sendNamespace(name []byte) (any bool) {
	for i := range f.all {
		if x := &f.all[i]; len(name) > 0 && string(f.names.of(x.namespace)) == string(name) {
			x.sent, any = true, true
		}
	}
	return any
}

// typedNames are the names of tools that have a type instead of one.
var typedNames = [kinds]string{ToolSearch: "tool_search", LocalShell: "local_shell", Shell: "shell", ApplyPatch: "apply_patch"}

// A Set is all tools of a request: those of tools, of additional_tools and of what searches
// found. It scans them, offers them as functions, reads which of them the model may choose,
// and is asked for names from then on. What it makes follows from the request alone. It is
// reused; the zero Set is ready.
type Set struct {
	definitions
	functions
	// dropped are the kinds of tools that the model does not get, unsupported is the path of
	// the first tool of these.
	dropped     hub.Names
	unsupported string
	// mode is what goes up as tool_choice, "" for nothing; forced is the function that it
	// names instead, plus one. only: nothing but what is sent may be called.
	mode   string
	forced int32
	only   bool

	small jsonedit.Scanner // of values of a definition or of a choice
	list  jsonedit.Scanner // of the tools of a choice
}

// Reset forgets the request.
func (s *Set) Reset() {
	s.definitions.reset()
	s.functions.reset()
	s.small.Reset(nil)
	s.list.Reset(nil)
	*s = Set{definitions: s.definitions, functions: s.functions, small: s.small, list: s.list}
}

// Len is how many tools the request defines.
func (s *Set) Len() int { return len(s.defs) }

// Cap is how many definitions the set has room for.
func (s *Set) Cap() int { return cap(s.defs) }

// AppendNames appends the upstream's names of those of some tools that are offered, with
// between between them.
func (s *Set) AppendNames(dst []byte, tools jsonedit.CompactSpan, between string) []byte {
	empty := len(dst)
	for i := tools.Start; i < tools.End; i++ {
		if f := s.defs[i].function; f >= 0 {
			if len(dst) > empty {
				dst = jsonedit.Put(dst, between)
			}
			dst = jsonedit.PutBytes(dst, s.upstream(&s.all[f]))
		}
	}
	return dst
}

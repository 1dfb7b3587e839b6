package toolset

// A Kind says as what a call of the upstream comes back to the client.
type Kind uint8

const (
	Function Kind = iota
	Custom
	ToolSearch
	LocalShell
	Shell
	ApplyPatch
	kinds
)

// A Tool is what a function name of the upstream stands for. Name and Namespace are insides
// of string literals; Namespace is empty for none.
type Tool struct {
	Upstream        string // the name that the upstream knows, plain
	Kind            Kind
	Name, Namespace []byte
	// Sealed: its client marks arguments as encrypted on their way, which no chat model's are.
	Sealed bool
}

// A Table is what a reply needs to know of its request's tools: which of them the upstream's
// function names stand for.
type Table struct {
	Tools []Tool
	// Only: calls of other names are dropped (tool_choice none or allowed_tools);
	// Allowed are the upstream's names that are not.
	Only    bool
	Allowed []string
}

// Find returns what the upstream calls name; false for a name that the model made up.
func (t *Table) Find(name []byte) (Tool, bool) {
	for _, x := range t.Tools {
		if x.Upstream == string(name) {
			return x, true
		}
	}
	return Tool{}, false
}

// Accept tells whether a call of that name is handed on.
func (t *Table) Accept(name []byte) bool {
	if !t.Only {
		return true
	}
	for _, a := range t.Allowed {
		if a == string(name) {
			return true
		}
	}
	return false
}

// Table is the set's table, in copies.
func (s *Set) Table() (t Table) {
	t.Only = s.only
	if len(s.all) == 0 {
		return t
	}
	names := string(s.names.text)
	bytes := []byte(names)
	t.Tools = make([]Tool, len(s.all))
	for i := range s.all {
		f := &s.all[i]
		t.Tools[i] = Tool{Upstream: names[f.name.Start:f.name.End], Kind: f.kind, Name: bytes[f.own.Start:f.own.End:f.own.End],
			Namespace: bytes[f.namespace.Start:f.namespace.End:f.namespace.End], Sealed: f.sealed}
		if t.Only && f.sent && s.mode != "none" {
			t.Allowed = append(t.Allowed, t.Tools[i].Upstream)
		}
	}
	return t
}

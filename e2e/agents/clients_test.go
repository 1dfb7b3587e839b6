package agents

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	settings "github.com/qwenvoy/qwenvoy/native/clients"
)

var update = flag.Bool("update", false, "write README's table of clients anew")

// version is what a pin says of a package, "" for nothing.
func (p Pin) version(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(string(p))
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(string(p)) == ".json" {
		for _, kind := range []string{"dependencies", "optionalDependencies"} {
			if v, ok := gjson.GetBytes(text, kind).Map()[name]; ok {
				return v.Str
			}
		}
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(strings.ReplaceAll(line, "==", " ")); len(f) >= 2 && f[0] == name {
			return strings.TrimPrefix(f[1], "v")
		}
	}
	return ""
}

// localTests are the names of e2e/local's tests.
func localTests(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../local/*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("e2e/local has no tests (%v)", err)
	}
	names := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}

const (
	readmeFile = "../../README.md"
	tableBegin = "<!-- made from e2e/agents/clients.go: go test ./e2e/agents -update -->\n"
	tableEnd   = "<!-- end -->\n"
)

// edges are what the names of tests end in, and what README says of it.
var edges = []struct{ suffix, name string }{{"OnTheBinary", "binary"}, {"OnEnvoy", "Envoy"}}

// The table names versions that are pinned, tests that exist, and settings that "qwenvoy env"
// knows in the same version; README says what the table says.
func TestClients(t *testing.T) {
	tests := localTests(t)
	used := map[string]bool{}
	var b strings.Builder
	b.WriteString("| client | version | API | what it does in the tests | gives thinking back | in front of |\n|---|---|---|---|---|---|\n")
	for _, c := range Clients {
		version := c.Pin.version(t, c.Package)
		if version == "" {
			t.Errorf("%s: %s pins no %s", c.Title, c.Pin, c.Package)
		}
		short := strings.Join(strings.SplitN(version, ".", 3)[:2], ".")
		if s := settings.Named(c.Setting); s == nil {
			t.Errorf("%s: qwenvoy env knows no %q", c.Title, c.Setting)
		} else if !strings.Contains(s.Tried, short) {
			t.Errorf("%s: native/clients says of %s %q, the version that runs is %s", c.Title, c.Setting, s.Tried, version)
		}
		if c.Thinking != GivenBack && c.Thinking != Dropped && c.Thinking != NotSent {
			t.Errorf("%s gives thinking back: %q", c.Title, c.Thinking)
		}
		for _, name := range c.Tests {
			if !tests[name] {
				t.Errorf("%s: e2e/local has no %s", c.Title, name)
			}
			used[name] = true
		}
		var on []string
		for _, e := range edges {
			for _, name := range c.Tests {
				if strings.HasSuffix(name, e.suffix) {
					on = append(on, e.name)
					break
				}
			}
		}
		if len(on) == 0 {
			t.Errorf("%s: no test's name tells an edge", c.Title)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", c.Title, version, c.Dialects, c.Checked, c.Thinking, strings.Join(on, ", "))
	}
	for name := range tests {
		for _, e := range edges {
			if strings.HasSuffix(name, e.suffix) && !used[name] && !strings.HasPrefix(name, "TestScenarios") {
				t.Errorf("%s runs a client that the table doesn't name", name)
			}
		}
	}

	readme, err := os.ReadFile(readmeFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(readme), tableBegin)
	table, after, closed := strings.Cut(rest, tableEnd)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table, between %s and %s", readmeFile, tableBegin, tableEnd)
	}
	if *update {
		if err := os.WriteFile(readmeFile, []byte(before+tableBegin+b.String()+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(table, b.String()); diff != "" {
		t.Errorf("README's table of clients (-update writes it anew):\n%s", diff)
	}
}

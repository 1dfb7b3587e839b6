package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/qwenvoy/qwenvoy/"

// arrows says what a room may import of this module. A room that isn't named may import
// nothing of it; path.Match patterns name several, the first that matches counts.
var arrows = []struct {
	room string
	may  []string
}{
	{"shared/access", []string{"shared/jsonedit"}},
	{"shared/config", []string{"shared/jsonedit"}},
	{"shared/jsonedit", nil},
	{"shared/sse", nil},
	{"shared/gunzip", nil},
	{"shared/redact", []string{"shared/jsonedit"}},
	{"shared/catalog", []string{"shared/access", "shared/config"}},
	{"shared/hub", []string{"shared/access", "shared/catalog", "shared/jsonedit"}},
	{"shared/editor", []string{"shared/catalog", "shared/history", "shared/hub", "shared/jsonedit"}},
	{"shared/history", []string{"shared/jsonedit"}},
	{"shared/refusal", []string{"shared/hub"}},
	{"shared/repair", []string{"shared/hub", "shared/jsonedit"}},
	{"shared/parts", []string{"shared/hub", "shared/jsonedit", "shared/repair"}},
	{"shared/dialect/responses", []string{"shared/access", "shared/catalog", "shared/dialect/responses/toolset", "shared/editor", "shared/history", "shared/hub",
		"shared/jsonedit", "shared/parts", "shared/refusal"}},
	{"shared/dialect/responses/toolset", []string{"shared/hub", "shared/jsonedit"}},
	{"shared/dialect/*", []string{"shared/access", "shared/catalog", "shared/editor", "shared/history", "shared/hub", "shared/jsonedit", "shared/parts", "shared/refusal", "shared/repair", "shared/sse"}},
	{"shared/gateway", []string{"shared/*", "shared/dialect/*"}},
	{"filter/edge", []string{"shared/access", "shared/config", "shared/gateway", "shared/hub", "shared/redact"}},
	{"filter/wasm", []string{"filter/edge"}},
	{"filter/wasmtest", nil},
	{"native/simulator", nil}, // a mock that shared the core's code would share its mistakes
	{"native/grammar", nil},   // as the mock: checkers of the core's output must not be the core
	{"native/grammar/*", []string{"native/grammar", "native/grammar/*"}},
	{"native", nil}, // its map, no code
	{"native/doctor", []string{"shared/catalog", "shared/config", "shared/redact", "filter/edge", "native/certificate", "native/probe", "native/service", "native/settings"}},
	{"native/qwenvoy", []string{"shared/catalog", "shared/config", "native/*", "native/grammar/*"}},
	{"native/redis", nil},
	{"native/clients", []string{"shared/redact"}},
	{"native/page", []string{"native/clients", "native/probe"}},
	{"native/memory", nil},
	{"native/probe", []string{"shared/config", "shared/redact", "native/logging", "native/upstream"}},
	{"native/server", []string{"shared/access", "shared/catalog", "shared/config", "shared/gateway", "shared/gunzip", "shared/hub", "shared/redact",
		"native/clients", "native/logging", "native/memory", "native/page", "native/probe", "native/upstream"}},
	{"native/store", []string{"native/memory", "native/redis"}},
	{"native/service", []string{"shared/config", "native/*"}},
	{"native/keeper", []string{"shared/access", "shared/config", "shared/hub", "shared/jsonedit", "shared/dialect/responses", "native/memory", "native/server", "native/store"}},
	{"native/responses", []string{"shared/access", "shared/hub", "shared/jsonedit", "shared/dialect/responses",
		"native/keeper", "native/logging", "native/memory", "native/server", "native/store"}},
	{"native/logging", []string{"shared/redact"}},
	{"native/*", []string{"shared/access", "shared/config", "shared/gateway", "shared/hub", "native/*"}},
	{"e2e/*", []string{"e2e/*", "filter/wasmtest", "native/grammar", "native/grammar/*", "native/simulator", "shared/*"}},
	{"e2e/*/*", []string{"e2e/*", "e2e/*/*", "filter/wasmtest", "native/grammar", "native/grammar/*", "native/simulator", "shared/*"}},
}

func mayImport(room, imported string) bool {
	for _, a := range arrows {
		if ok, _ := path.Match(a.room, room); ok {
			return slices.ContainsFunc(a.may, func(pattern string) bool {
				ok, _ := path.Match(pattern, imported)
				return ok
			})
		}
	}
	return false
}

// sources calls visit for every Go file of the module but tests.
func sources(t *testing.T, visit func(room, name string, set *token.FileSet, file *ast.File)) {
	t.Helper()
	root := ".."
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != root && (strings.HasPrefix(base, ".") || base == "testdata" || base == "bin") || strings.HasSuffix(name, "filter/deploy/check") {
				return filepath.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		room, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		visit(filepath.ToSlash(room), name, set, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestArrowsPointOneWay(t *testing.T) {
	seen := map[string]bool{}
	sources(t, func(room, name string, _ *token.FileSet, file *ast.File) {
		seen[room] = true
		for _, i := range file.Imports {
			imported, _ := strconv.Unquote(i.Path.Value)
			if own, ok := strings.CutPrefix(imported, module); ok && !mayImport(room, own) {
				t.Errorf("%s imports %s, which %s may not", name, own, room)
			}
		}
	})
	for _, room := range []string{"shared/gateway", "shared/hub", "filter/wasm", "native/qwenvoy"} {
		if !seen[room] {
			t.Errorf("%s was not looked at", room)
		}
	}
}

// A listedRoom is a room of shared with its line in the list of doc.go, counted from the top.
type listedRoom struct {
	name string
	line int
}

// listedRooms reads the list of rooms from a package comment: an indented line is a room, or
// several that are parted by commas, then two blanks or more and what it is for.
func listedRooms(comment string) (rooms []listedRoom) {
	n := 0
	for line := range strings.Lines(comment) {
		entry, indented := strings.CutPrefix(line, "\t")
		names, _, told := strings.Cut(entry, "  ")
		if !indented || !told {
			continue
		}
		n++
		for name := range strings.SplitSeq(names, ", ") {
			rooms = append(rooms, listedRoom{"shared/" + name, n})
		}
	}
	return rooms
}

func TestARoomOfTheCoreImportsOnlyRoomsFurtherDownTheListInDocGo(t *testing.T) {
	doc, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	line := map[string]int{}
	for _, r := range listedRooms(doc.Doc.Text()) {
		line[r.name] = r.line
	}
	empty := maps.Clone(line)
	sources(t, func(room, name string, _ *token.FileSet, file *ast.File) {
		if !strings.HasPrefix(room, "shared/") {
			return
		}
		if line[room] == 0 {
			t.Fatalf("doc.go does not list %s", room)
		}
		delete(empty, room)
		for _, i := range file.Imports {
			imported, _ := strconv.Unquote(i.Path.Value)
			own, ok := strings.CutPrefix(imported, module)
			switch {
			case !ok:
			case line[own] <= line[room]:
				t.Errorf("%s imports %s, which stands no further down in doc.go than %s", name, own, room)
			case strings.HasPrefix(room, "shared/dialect/") && strings.HasPrefix(own, "shared/dialect/") && !strings.HasPrefix(own, room+"/"):
				t.Errorf("%s imports %s: dialects don't import each other", name, own)
			}
		}
	})
	for room := range empty {
		t.Errorf("doc.go lists %s, which has no code", room)
	}
}

// worldly packages reach beyond memory, or bring WASI calls that Envoy 1.36 lacks.
var worldly = []string{"context", "crypto/rand", "io/ioutil", "log", "math/rand", "net", "os", "syscall", "unsafe"}

// clockwork is what of package time the core may not use; durations are fine.
var clockwork = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

func TestTheCoreDoesNoIO(t *testing.T) {
	sources(t, func(room, name string, set *token.FileSet, file *ast.File) {
		if !strings.HasPrefix(room, "shared") {
			return
		}
		for _, i := range file.Imports {
			imported, _ := strconv.Unquote(i.Path.Value)
			for _, w := range worldly {
				if imported == w || strings.HasPrefix(imported, w+"/") {
					t.Errorf("%s imports %s", name, imported)
				}
			}
		}
	})
}

// Neither a goroutine of its own nor one of its callers may stand still in the core: an Envoy
// worker that waits holds up all of its connections. What would be waited for is a step.
func TestTheCoreWaitsForNothing(t *testing.T) {
	sources(t, func(room, name string, set *token.FileSet, file *ast.File) {
		if !strings.HasPrefix(room, "shared") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			for _, what := range waits(n) {
				t.Errorf("%s: %s", set.Position(n.Pos()), what)
			}
			return true
		})
	})
}

// waits says what of a node starts something, waits for something or tells the time.
func waits(n ast.Node) (what []string) {
	switch n := n.(type) {
	case *ast.GoStmt:
		return []string{"a goroutine"}
	case *ast.ChanType, *ast.SendStmt, *ast.SelectStmt:
		return []string{"a channel"}
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return []string{"a channel"}
		}
	case *ast.SelectorExpr:
		p, ok := n.X.(*ast.Ident)
		switch {
		case !ok:
		case p.Name == "time" && slices.Contains(clockwork, n.Sel.Name), p.Name == "sync" && n.Sel.Name != "Pool":
			return []string{p.Name + "." + n.Sel.Name}
		}
	}
	return nil
}

func TestEachWayToWaitIsSeen(t *testing.T) {
	for source, want := range map[string]string{
		"go f()":                       "a goroutine",
		"var c chan int":               "a channel",
		"c <- 1":                       "a channel",
		"<-c":                          "a channel",
		"select {}":                    "a channel",
		"var m sync.Mutex":             "sync.Mutex",
		"var w sync.WaitGroup":         "sync.WaitGroup",
		"c := sync.NewCond(nil); _=c":  "sync.NewCond",
		"time.Sleep(1)":                "time.Sleep",
		"var p sync.Pool; p.Get()":     "",
		"var d time.Duration; _ = d":   "",
		"var a atomic.Int64; a.Add(1)": "",
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; func g() {\n"+source+"\n}", 0)
		if err != nil {
			t.Fatal(source, err)
		}
		var got []string
		ast.Inspect(file, func(n ast.Node) bool {
			got = append(got, waits(n)...)
			return true
		})
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %v, want %q", source, got, want)
		}
	}
}

package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
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
	{"shared/config", []string{"shared/jsonedit"}},
	{"shared/jsonedit", nil},
	{"shared/sse", nil},
	{"shared/gunzip", nil},
	{"shared/catalog", []string{"shared/config"}},
	{"shared/hub", []string{"shared/catalog", "shared/jsonedit"}},
	{"shared/repair", []string{"shared/hub", "shared/jsonedit"}},
	{"shared/parts", []string{"shared/hub", "shared/jsonedit", "shared/repair"}},
	{"shared/dialect/*", []string{"shared/catalog", "shared/hub", "shared/jsonedit", "shared/parts", "shared/repair", "shared/sse"}},
	{"shared/gateway", []string{"shared/*", "shared/dialect/*"}},
	{"filter/edge", []string{"shared/config", "shared/gateway", "shared/hub"}},
	{"filter/wasm", []string{"filter/edge"}},
	{"filter/wasmtest", nil},
	{"native/simulator", nil}, // a mock that shared the core's code would share its mistakes
	{"native/grammar", nil},   // as the mock: checkers of the core's output must not be the core
	{"native/grammar/*", []string{"native/grammar", "native/grammar/*"}},
	{"native", nil}, // its map, no code
	{"native/qwenvoy", []string{"shared/config", "shared/gateway", "native/*", "native/grammar/*"}},
	{"native/service", []string{"shared/config", "native/*"}},
	{"native/responses", []string{"shared/config", "shared/hub", "shared/jsonedit", "shared/dialect/responses", "native/*"}},
	{"native/*", []string{"shared/config", "shared/gateway", "shared/hub", "native/*"}},
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

// worldly packages reach beyond memory, or bring WASI calls that Envoy 1.36 lacks.
var worldly = []string{"crypto/rand", "io/ioutil", "log", "math/rand", "net", "os", "syscall", "unsafe"}

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
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine", set.Position(n.Pos()))
			case *ast.SelectorExpr:
				if p, ok := n.X.(*ast.Ident); ok && p.Name == "time" && slices.Contains(clockwork, n.Sel.Name) {
					t.Errorf("%s calls time.%s", set.Position(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	})
}

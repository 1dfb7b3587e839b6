package shared_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// What a person can hold in mind: limits of the production code, which is that of shared,
// native and filter. Import circles need no test, since Go allows none; the order of the
// rooms is arrows_test.go's.
const (
	maxFunctionLines = 100
	p99FunctionLines = 65
	maxMethods       = 25
	maxFileLines     = 500
	maxColumns       = 140 // a tab is one
)

// larger are types and files that are larger than that, and why; RATIONALE.md must name them.
var larger = map[string]bool{}

// A measured thing has a name and a size.
type measured struct {
	name string
	size int
}

func largestFirst(m []measured) {
	slices.SortFunc(m, func(a, b measured) int { return b.size - a.size })
}

// structure is the sizes of the production code.
type structure struct {
	functions, types, files, lines []measured
}

func measureStructure(t *testing.T) structure {
	t.Helper()
	var s structure
	methods := map[string]int{}
	sources(t, func(room, name string, set *token.FileSet, file *ast.File) {
		if strings.HasPrefix(room, "e2e") {
			return
		}
		name = strings.TrimPrefix(name, "../")
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			full := f.Name.Name
			if receiver := receiverOf(f); receiver != "" {
				full = receiver + "." + full
				methods[room+"."+receiver]++
			}
			size := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1
			s.functions = append(s.functions, measured{room + "." + full, size})
		}
		text, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			s.lines = append(s.lines, measured{fmt.Sprintf("%s:%d", name, n), utf8.RuneCountInString(strings.TrimRight(line, "\n"))})
		}
		s.files = append(s.files, measured{name, n})
	})
	for name, n := range methods {
		s.types = append(s.types, measured{name, n})
	}
	for _, m := range [][]measured{s.functions, s.types, s.files, s.lines} {
		largestFirst(m)
	}
	return s
}

// receiverOf is the name of the type that a method belongs to.
func receiverOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	expr := f.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

func TestStructureStaysWithinItsLimits(t *testing.T) {
	s := measureStructure(t)
	unused := maps.Clone(larger)
	for _, kind := range []struct {
		name  string
		all   []measured
		limit int
	}{
		{"functions over 100 lines", s.functions, maxFunctionLines},
		{"types with more than 25 methods", s.types, maxMethods},
		{"files over 500 lines", s.files, maxFileLines},
		{"lines over 140 columns", s.lines, maxColumns},
	} {
		var over []measured
		for _, m := range kind.all {
			if m.size <= kind.limit {
				break
			}
			if !larger[m.name] {
				over = append(over, m)
			}
			delete(unused, m.name)
		}
		t.Logf("%d %s, the largest of all is %v", len(over), kind.name, kind.all[0])
		for _, m := range over {
			t.Errorf("\t%4d %s", m.size, m.name)
		}
	}
	p99 := s.functions[len(s.functions)/100].size
	t.Logf("%d functions, 99 of 100 have at most %d lines", len(s.functions), p99)
	if p99 > p99FunctionLines {
		t.Errorf("one of 100 functions has more than %d lines, the limit is %d", p99, p99FunctionLines)
	}
	for name := range unused {
		t.Errorf("%s is listed as larger than the limits and is not", name)
	}
}

func TestWhatIsLargerThanTheStructuresLimitsHasItsReasonInRationale(t *testing.T) {
	text, err := os.ReadFile("RATIONALE.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range larger {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("RATIONALE.md does not say why `%s` is larger than the others", name)
		}
	}
}

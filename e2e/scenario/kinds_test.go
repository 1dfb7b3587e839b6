package scenario

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// cells are all that a kind can occur in, in the words of its row's last column. A scenario runs over
// every carrier, or its file says why one differs.
var cells = []string{
	"chat whole", "chat stream", "completions whole", "completions stream", "responses whole", "responses stream",
	"messages whole", "messages stream",
	"tokenize", "count_tokens", "input_tokens", "compact", "conversation", "previous", "background", "websocket",
}

// groups are words for several cells.
var groups = map[string]func(cell string) bool{
	"all":         func(string) bool { return true },
	"chat":        func(c string) bool { return strings.HasPrefix(c, "chat ") },
	"completions": func(c string) bool { return strings.HasPrefix(c, "completions ") },
	"responses":   func(c string) bool { return strings.HasPrefix(c, "responses ") },
	"messages":    func(c string) bool { return strings.HasPrefix(c, "messages ") },
	"whole":       func(c string) bool { return strings.HasSuffix(c, " whole") },
	"stream":      func(c string) bool { return strings.HasSuffix(c, " stream") },
	"places":      func(c string) bool { return !strings.Contains(c, " ") },
	"stored":      func(c string) bool { return c == "conversation" || c == "previous" || c == "background" },
	"counts":      func(c string) bool { return c == "tokenize" || c == "count_tokens" || c == "input_tokens" },
}

// A kind is a row of the page.
type kind struct {
	name                 string
	scenarios, elsewhere string
	empty                map[string]string // the reason for each cell that nothing fills
}

// The page of kinds names scenarios and tests that are there, and a reason for each cell of dialect,
// stream or whole, and place that its scenarios do not fill.
func TestKindsAreHeldByWhatTheyName(t *testing.T) {
	list, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	for _, k := range kinds(t) {
		filled := map[string]int{}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(k.scenarios, -1) {
			found := false
			for _, s := range list {
				ok, err := path.Match(m[1], s.Name)
				if err != nil {
					t.Fatalf("%s: %v", m[1], err)
				}
				if ok {
					found = true
					for _, cell := range s.Cells() {
						filled[cell]++
					}
				}
			}
			if !found {
				t.Errorf("%s: there is no scenario %s", k.name, m[1])
			}
		}
		for _, name := range regexp.MustCompile(`\bTest\w+`).FindAllString(k.elsewhere, -1) {
			if !tests[name] {
				t.Errorf("%s: there is no test %s", k.name, name)
			}
		}
		for _, cell := range []string{k.scenarios, k.elsewhere} {
			if cell == "" || cell == "none" {
				t.Errorf("%s: an empty cell needs a reason", k.name)
			}
		}
		for _, cell := range cells {
			switch reason, said := k.empty[cell]; {
			case filled[cell] == 0 && reason == "":
				t.Errorf("%s: no scenario fills %q, and no reason stands there", k.name, cell)
			case filled[cell] > 0 && said && !strings.HasPrefix(reason, "…"):
				t.Errorf("%s: %q is filled by %d scenarios, and a reason says that it is empty", k.name, cell, filled[cell])
			}
		}
	}
}

// kinds reads the page: a table of kind, scenarios and other tests, and one of kind and what is empty
// of it, as "cells: reason; cells: reason".
func kinds(t *testing.T) []*kind {
	t.Helper()
	page, err := os.ReadFile("../KINDS.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []*kind
	for line := range strings.Lines(string(page)) {
		row := strings.Split(strings.TrimSpace(line), "|")
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		if len(row) < 3 || row[1] == "kind" || strings.HasPrefix(row[1], "---") {
			continue
		}
		i := slices.IndexFunc(all, func(k *kind) bool { return k.name == row[1] })
		switch {
		case len(row) == 5 && i < 0:
			all = append(all, &kind{row[1], row[2], row[3], map[string]string{}})
		case len(row) == 4 && i >= 0 && len(all[i].empty) == 0:
			all[i].leaveAll(t, row[2])
		default:
			t.Fatalf("neither a new kind nor the empty cells of one: %s", line)
		}
	}
	return all
}

// leaveAll notes "cells: reason; cells: reason".
func (k *kind) leaveAll(t *testing.T, list string) {
	t.Helper()
	for part := range strings.SplitSeq(list, ";") {
		names, reason, _ := strings.Cut(part, ":")
		if reason = strings.TrimSpace(reason); reason == "" {
			t.Errorf("%s: %q gives no reason", k.name, part)
		}
		for name := range strings.SplitSeq(names, ",") {
			k.leave(t, strings.TrimSpace(name), reason)
		}
	}
}

// leave notes why a cell, or each cell of a group that has no reason yet, is empty. A group may hold
// cells that are filled.
func (k *kind) leave(t *testing.T, name, reason string) {
	t.Helper()
	in := groups[name]
	if in == nil {
		if !slices.Contains(cells, name) {
			t.Errorf("%s: there is no cell %q", k.name, name)
		}
		k.empty[name] = reason
		return
	}
	for _, cell := range cells {
		if _, said := k.empty[cell]; in(cell) && !said {
			k.empty[cell] = "…" + reason
		}
	}
}

// testNames are the names of this module's tests.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("../..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

package scenario

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page of kinds names scenarios and tests that are there.
func TestKindsAreHeldByWhatTheyName(t *testing.T) {
	page, err := os.ReadFile("../KINDS.md")
	if err != nil {
		t.Fatal(err)
	}
	list, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(line, "`") {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[2], -1) {
			found := false
			for _, s := range list {
				ok, err := path.Match(m[1], s.Name)
				if err != nil {
					t.Fatalf("%s: %v", m[1], err)
				}
				found = found || ok
			}
			if !found {
				t.Errorf("%s: there is no scenario %s", cells[1], m[1])
			}
		}
		for _, name := range regexp.MustCompile(`\bTest\w+`).FindAllString(cells[3], -1) {
			if !tests[name] {
				t.Errorf("%s: there is no test %s", cells[1], name)
			}
		}
		for _, cell := range cells[2:4] {
			if cell = strings.TrimSpace(cell); cell == "" || cell == "none" {
				t.Errorf("%s: an empty cell needs a reason", cells[1])
			}
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

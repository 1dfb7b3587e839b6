package scenario

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The page of risks names tests that are there, and a reason where it names none.
func TestRisksAreHeldByWhatThePageNames(t *testing.T) {
	page, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, rows := testNames(t), 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| risk") {
			continue
		}
		rows++
		risk, rule, held := strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3])
		named := regexp.MustCompile(`\bTest\w+`).FindAllString(held, -1)
		for _, name := range named {
			if !tests[name] {
				t.Errorf("%s: there is no test %s", risk, name)
			}
		}
		if rule == "" || len(named) == 0 && !strings.Contains(held, ": ") {
			t.Errorf("%s: no test, and no reason", risk)
		}
	}
	if rows == 0 {
		t.Error("no risks were read")
	}
}

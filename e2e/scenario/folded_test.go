package scenario

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAFoldedScenarioIsTheSameAsOneInLongLines(t *testing.T) {
	words := strings.Repeat("word ", 30)
	text := func(directive, body, event string) string {
		return "A title.\n" + directive + "-- request --\nPOST /v1/x\n\n" + body + "\n-- answer --\n200\n\n-- reply --\n200\ncontent-type: text/event-stream\n\nevent: e\ndata: " + event + "\n\n"
	}
	long := `{"a":"` + words + `","b":["` + words + `",1]}`
	unfolded, err := parse("x", []byte(text("", long, long)))
	if err != nil {
		t.Fatal(err)
	}
	folded := text("folded: yes\n", "{\n  \"a\":\""+words+"\",\n  \"b\":[\n    \""+words+"\",\n    1\n  ]\n}", "{\n  \"a\":\""+words+"\",\n  \"b\":[\n    \""+words+"\",\n    1\n  ]\n}")
	s, err := parse("x", []byte(folded))
	if err != nil {
		t.Fatal(err)
	}
	written := string(format([]byte(folded), s.Folded, nil, &s.Reply))
	if !s.Folded {
		t.Error("it is not folded")
	}
	s.Folded = false
	if d := cmp.Diff(unfolded, s); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(folded, written); d != "" {
		t.Errorf("-update writes (-was +is):\n%s", d)
	}
}

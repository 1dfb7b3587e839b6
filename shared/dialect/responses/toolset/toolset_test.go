package toolset

import (
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// offered is a set of the tools in a list.
func offered(t *testing.T, list string) *Set {
	t.Helper()
	s := new(Set)
	offer(t, s, list)
	return s
}

func offer(t *testing.T, s *Set, list string) {
	t.Helper()
	var scanner jsonedit.Scanner
	scanner.Reset([]byte(list))
	tools, at := s.Scan(&scanner, []byte(list), "tools", true)
	if err := scanner.Finish(); err != nil || at.End != len(list) {
		t.Fatal(err, at)
	}
	for _, p := range []*hub.Problem{s.Fault(), s.Offer(tools, false), s.Offered()} {
		if p != nil {
			t.Fatal(p.Message)
		}
	}
}

const list = `[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true},{"type":"web_search"},
{"type":"namespace","name":"n","description":"Of n.","tools":[{"type":"function","name":"f"}]},{"type":"apply_patch"}]`

func TestASetBecomesFunctionsAndATable(t *testing.T) {
	s := offered(t, list)
	got, at := s.AppendTools([]byte("{"))
	want := `{,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"},"strict":true}},` +
		`{"type":"function","function":{"name":"n__f","description":"Of n.","parameters":{"type":"object","properties":{}}}},` +
		`{"type":"function","function":{"name":"apply_patch","description":"` + typedDescriptions[ApplyPatch] + `","parameters":` + typedParameters[ApplyPatch] + `}}]`
	if string(got) != want || got[at.Start] != '[' || at.End != len(got) {
		t.Errorf("got  %s\nwant %s, the list at %v", got, want, at)
	}
	if dropped := s.Dropped(); dropped.Join(", ") != "web_search" {
		t.Error(dropped.Join(", "))
	}
	table := s.Table()
	for name, want := range map[string]Tool{
		"f":           {Upstream: "f", Name: []byte("f")},
		"n__f":        {Upstream: "n__f", Name: []byte("f"), Namespace: []byte("n")},
		"apply_patch": {Upstream: "apply_patch", Kind: ApplyPatch, Name: []byte("apply_patch")},
	} {
		x, ok := table.Find([]byte(name))
		if !ok || x.Upstream != want.Upstream || x.Kind != want.Kind || string(x.Name) != string(want.Name) || string(x.Namespace) != string(want.Namespace) {
			t.Errorf("%s is %+v", name, x)
		}
	}
	if _, ok := table.Find([]byte("g")); ok {
		t.Error("a name that nobody gave is found")
	}
}

func TestAChoiceTellsWhatIsSentAndAccepted(t *testing.T) {
	for _, test := range []struct{ choice, sent, echo, accepted string }{
		{`"auto"`, "f n__f apply_patch", `,"tool_choice":"auto"`, "f n__f apply_patch made_up"},
		{`"none"`, "f n__f apply_patch", `,"tool_choice":"none"`, ""},
		{`{"type":"apply_patch"}`, "f n__f apply_patch", `,"tool_choice":{"type":"function","function":{"name":"apply_patch"}}`, "f n__f apply_patch made_up"},
		{`{"type":"allowed_tools","mode":"required","tools":[{"type":"namespace","name":"n"},{"type":"web_search"}]}`, "n__f", `,"tool_choice":"required"`, "n__f"},
	} {
		s := offered(t, list)
		if p := s.Choose([]byte(test.choice)); p != nil {
			t.Fatal(test.choice, p.Message)
		}
		var sent, accepted []string
		for i := range s.all {
			if s.all[i].sent {
				sent = append(sent, string(s.upstream(&s.all[i])))
			}
		}
		table := s.Table()
		for _, name := range []string{"f", "n__f", "apply_patch", "made_up"} {
			if table.Accept([]byte(name)) {
				accepted = append(accepted, name)
			}
		}
		if got := strings.Join(sent, " "); got != test.sent {
			t.Errorf("%s: %s are sent", test.choice, got)
		}
		if got := string(s.AppendChoice(nil)); got != test.echo {
			t.Errorf("%s: %s", test.choice, got)
		}
		if got := strings.Join(accepted, " "); got != test.accepted {
			t.Errorf("%s: %s are accepted", test.choice, got)
		}
	}
}

func TestAResetSetKnowsNothing(t *testing.T) {
	s := offered(t, list)
	s.ForbidCalls()
	s.Reset()
	dropped := s.Dropped()
	if got, at := s.AppendTools(nil); len(got) > 0 || !at.Absent() || s.Len() > 0 || dropped.Join("") != "" || len(s.AppendChoice(nil)) > 0 {
		t.Errorf("%s", got)
	}
	offer(t, s, `[{"type":"function","name":"f"}]`)
	if names := string(s.AppendNames(nil, jsonedit.Compact(0, 1), ", ")); names != "f" || !s.Callable() {
		t.Errorf("names %q", names)
	}
}

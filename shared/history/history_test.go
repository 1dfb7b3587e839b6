package history

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

func TestHistoryKeepsTheThinkingOfTheLastTurns(t *testing.T) {
	build := func() *History {
		h := &History{}
		h.Message("user", []byte(`"a"`))
		h.Reasoning([]byte("1"))
		h.Text("", []byte("A"))
		h.Message("user", []byte(`"b"`))
		h.Reasoning([]byte("2"))
		h.Call([]byte("c"), []byte("f"), []byte("{}"))
		h.Result([]byte("c"), []byte("r"), nil)
		h.Reasoning([]byte("3"))
		h.Text("", []byte("B"))
		return h
	}
	const (
		begin = `[{"role":"user","content":"a"},{"role":"assistant","content":"A"`
		calls = `},{"role":"user","content":"b"},{"role":"assistant","content":null`
		tool  = `,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"r"},{"role":"assistant","content":"B"`
	)
	for turns, want := range []string{
		begin + calls + tool + `}]`,
		begin + calls + `,"reasoning":"2"` + tool + `,"reasoning":"3"}]`,
		begin + `,"reasoning":"1"` + calls + `,"reasoning":"2"` + tool + `,"reasoning":"3"}]`,
	} {
		h := build()
		h.KeepReasoning(turns)
		if got := string(h.Append(nil, Options{})); got != want {
			t.Errorf("%d turns:\n%s\nwant\n%s", turns, got, want)
		}
	}
}

func TestHistoryContinuesWhatTheAssistantBegan(t *testing.T) {
	tests := []struct {
		name, text string
		want       string
		ok         bool
	}{
		{"text", `Hello`, `[{"role":"user","content":"q"},{"role":"assistant","content":"Hello"}]`, true},
		{"white space at its end", `Hello, \n\t \r`, `[{"role":"user","content":"q"},{"role":"assistant","content":"Hello,"}]`, true},
		{"an escaped backslash before a letter", `C:\\n`, `[{"role":"user","content":"q"},{"role":"assistant","content":"C:\\n"}]`, true},
		{"a backslash, then a line feed", `C:\\\n`, `[{"role":"user","content":"q"},{"role":"assistant","content":"C:\\"}]`, true},
		{"nothing but white space", ` \n`, `[{"role":"user","content":"q"}]`, false},
		{"no text", ``, `[{"role":"user","content":"q"}]`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h History
			h.Message("user", []byte(`"q"`))
			h.Reasoning([]byte(""))
			h.Text("", []byte(tt.text))
			if ok := h.Continue(); ok != tt.ok {
				t.Errorf("Continue() = %v", ok)
			}
			if got := string(h.Append(nil, Options{})); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestHistoryContinuesNothingElse(t *testing.T) {
	var h History
	if h.Continue() {
		t.Error("an empty conversation")
	}
	h.Text("", []byte("a"))
	h.Call([]byte("c"), []byte("f"), nil)
	if h.Continue() {
		t.Error("a turn with a call")
	}
	h.Message("user", []byte(`"q"`))
	if h.Continue() {
		t.Error("a user's message")
	}
}

func TestHistoryForgetsDroppedMessages(t *testing.T) {
	var h History
	h.Message("user", []byte(`"a"`))
	h.Message("system", []byte(`"s"`))
	h.Message("user", []byte(`"b"`))
	h.Drop(1)
	want := `[{"role":"system","content":"S"},{"role":"user","content":"a"},{"role":"user","content":"b"}]`
	if got := string(h.Append(nil, Options{System: []byte("S")})); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestHistoryGivesResultsToTheirCalls(t *testing.T) {
	type step struct{ kind, id, text string }
	tests := []struct {
		name  string
		steps []step
		want  string // of each tool message: id, text
	}{
		{"in any order", []step{{"call", "a", ""}, {"call", "b", ""}, {"result", "b", "2"}, {"result", "a", "1"}}, "a=1 b=2 "},
		{"one id twice in a turn", []step{{"call", "a", ""}, {"call", "a", ""}, {"result", "a", "1"}, {"result", "a", "2"}}, "a=1 a=2 "},
		{"one id in two turns, the latest first", []step{{"call", "a", ""}, {"user", "", ""}, {"call", "a", ""}, {"result", "a", "2"}, {"result", "a", "1"}}, "a=1 a=2 "},
		{"a result too many", []step{{"call", "a", ""}, {"call", "b", ""}, {"result", "a", "1"}, {"result", "b", "2"}, {"result", "a", "3"}, {"result", "a", "4"}}, `a=1\n3\n4 b=2 `},
		{"an empty one, and again", []step{{"call", "a", ""}, {"result", "a", ""}, {"result", "a", "1"}}, "a=1 "},
		{"one id again in a later turn", []step{{"call", "a", ""}, {"result", "a", "1"}, {"call", "a", ""}, {"call", "b", ""}, {"result", "a", "2"}}, "a=1 a=2 b=(no result) "},
		{"none", []step{{"call", "a", ""}}, ""},
	}
	for _, tt := range tests {
		var h History
		for range 2 { // what an earlier conversation left is forgotten
			h.Reset()
			for _, s := range tt.steps {
				switch s.kind {
				case "call":
					h.Call([]byte(s.id), []byte("f"), []byte("{}"))
				case "user":
					h.Message("user", []byte(`"and"`))
				default:
					if !h.Result([]byte(s.id), []byte(s.text), nil) {
						t.Errorf("%s: there is no call %s", tt.name, s.id)
					}
				}
			}
		}
		if h.Result([]byte("c"), nil, nil) {
			t.Errorf("%s: a call that nobody made has got a result", tt.name)
		}
		got := ""
		for _, m := range gjson.ParseBytes(h.Append(nil, Options{})).Array() {
			if m.Get("role").String() == "tool" {
				content := m.Get("content").Raw
				got += m.Get("tool_call_id").String() + "=" + content[1:len(content)-1] + " "
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestHistoryJoinsWhatComesInPieces(t *testing.T) {
	var h History
	for range 3 {
		h.Reasoning([]byte("t"))
		h.Text(`\n\n`, []byte("a"))
		h.Text("", []byte("b"))
	}
	h.Call([]byte("x"), []byte("f"), []byte("{}"))
	for range 2 {
		h.Result([]byte("x"), []byte("r"), []byte(`{"i":1},{"i":2}`))
		h.Message("user", []byte(`"q"`))
	}
	want := `[{"role":"assistant","content":"ab\n\nab\n\nab","reasoning":"t\nt\nt","tool_calls":[{"id":"x","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
		`{"role":"tool","tool_call_id":"x","content":"r\nr"},{"role":"user","content":[{"i":1},{"i":2},{"i":1},{"i":2}]},{"role":"user","content":"q"},{"role":"user","content":"q"}]`
	if got := string(h.Append(nil, Options{})); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A result that comes late goes behind its call, and what the assistant said since is
// then the last message. The user spoke after it all the same.
func TestALateResultIsNoTurnToGoOnWith(t *testing.T) {
	var h History
	h.Message("user", []byte(`"q"`))
	h.CallObject([]byte("a"), []byte("f"), []byte("{}"))
	h.Message("user", []byte(`"never mind"`))
	h.Text("", []byte("Fine."))
	h.Result([]byte("a"), []byte("r"), nil)
	if h.Continue() {
		t.Error("the assistant's text is to be gone on with, though a result came after it")
	}
	if got := string(h.Append(nil, Options{})); !strings.HasSuffix(got, `{"role":"assistant","content":"Fine."}]`) {
		t.Errorf("the history is %s", got)
	}
}

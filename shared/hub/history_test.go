package hub

import "testing"

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
		if got := string(h.Append(nil, HistoryOptions{})); got != want {
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
			if got := string(h.Append(nil, HistoryOptions{})); got != tt.want {
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
	if got := string(h.Append(nil, HistoryOptions{System: []byte("S")})); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

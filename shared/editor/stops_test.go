package editor

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

func TestStopStringsAreHeldWhereTheServerWouldLookTooFar(t *testing.T) {
	const on, off = "qwen3.5-thinking-general", "qwen3.5-instruct-general"
	long := strings.Repeat("x", maxStops)
	tools := `,"tools":[{"type":"function","function":{"name":"f"}}]`
	for _, tt := range []struct {
		name, model, more string
		held              []string
		stop              string // what goes up
	}{
		{"thinking", on, `,"stop":["a","b\"\u00e9"]`, []string{"a", `b"é`}, ""},
		{"a string", on, `,"stop":"a"`, []string{"a"}, ""},
		{"twice", on, `,"stop":["a"],"stop":"b"`, []string{"b"}, ""},
		{"thinking off", off, `,"stop":["a"]`, nil, `["a"]`},
		{"tools", off, `,"stop":["a"]` + tools, []string{"a"}, ""},
		{"tools that may not be called", off, `,"stop":["a"],"tool_choice":"none"` + tools, nil, `["a"]`},
		{"no tools", off, `,"stop":["a"],"tools":[]`, nil, `["a"]`},
		{"switched off", on, `,"stop":["a"],"reasoning_effort":"none"`, nil, `["a"]`},
		{"several choices", on, `,"stop":["a"],"n":128`, []string{"a"}, ""},
		{"null", on, `,"stop":null`, nil, `null`},
		{"none", on, `,"stop":[]`, nil, `[]`},
		{"no string", on, `,"stop":["a",1]`, nil, `["a",1]`},
		{"an empty one", on, `,"stop":["a",""]`, nil, `["a",""]`},
		{"the longest", on, `,"stop":"` + long + `"`, []string{long}, ""},
		{"too long for here", off, `,"stop":"x` + long + `"`, nil, `"x` + long + `"`},
		{"too many choices for here", off, `,"stop":"x","n":129`, nil, `"x"`},
	} {
		for _, form := range []Form{chatForm, {ModelOptional: true, Messages: true, Prompt: true}} {
			var ed Editor
			turn := newTurn(t, hub.Merge)
			body := `{"model":"` + tt.model + `","messages":[{"role":"user","content":"hi"}]` + tt.more + `}`
			out, p := ed.Edit(nil, []byte(body), turn, form)
			if form.Prompt { // nothing is generated
				if turn.Request.Stops != nil {
					t.Errorf("%s: counted", tt.name)
				}
				continue
			}
			if got := gjson.GetBytes(out, "stop").Raw; p != nil || got != tt.stop || !slices.EqualFunc(turn.Request.Stops, tt.held, func(got []byte, want string) bool { return string(got) == want }) {
				t.Errorf("%s: %v %q %.300s", tt.name, p, turn.Request.Stops, out)
			}
		}
	}
}

// What would be left to the server, which ends more than the text, is refused.
func TestStopStringsThatAreTooMuchAreRefused(t *testing.T) {
	for _, tt := range []struct{ more, param, message string }{
		{`,"stop":["a","` + strings.Repeat("x", maxStops) + `"]`, "stop", "The stop strings are 4097 bytes long; where the model thinks or has tools, 4096 bytes of them are allowed."},
		{`,"stop":"a","n":129`, "n", "n is 129; where the model thinks or has tools, 128 choices are allowed beside stop strings."},
	} {
		var ed Editor
		_, p := ed.Edit(nil, []byte(`{"model":"qwen3.5-thinking-general","messages":[]`+tt.more+`}`), newTurn(t, hub.Merge), chatForm)
		if p == nil || p.Status != 400 || p.Param != tt.param || p.Message != tt.message {
			t.Errorf("%.40s: %+v", tt.more, p)
		}
	}
}

func TestHeldStopStringsWantTheCountOfEachChunk(t *testing.T) {
	for _, tt := range []struct {
		options, want        string
		hideUsage, hideCount bool
	}{
		{"", `{"include_usage":true,"continuous_usage_stats":true}`, true, true},
		{"null", `{"include_usage":true,"continuous_usage_stats":true}`, true, true},
		{"{}", `{"include_usage":true,"continuous_usage_stats":true}`, true, true},
		{`{"x":1}`, `{"include_usage":true,"continuous_usage_stats":true,"x":1}`, true, true},
		{`{"include_usage":true}`, `{"continuous_usage_stats":true,"include_usage":true}`, false, true},
		{`{"include_usage":false,"continuous_usage_stats":false}`, `{"continuous_usage_stats":true,"include_usage":true}`, true, true},
		{`{"continuous_usage_stats":false,"continuous_usage_stats":null,"include_usage":true}`, `{"continuous_usage_stats":true,"include_usage":true}`, false, true},
		{`{"include_usage":true,"continuous_usage_stats":true}`, `{"include_usage":true,"continuous_usage_stats":true}`, false, false},
		{`{"continuous_usage_stats":true}`, `{"include_usage":true,"continuous_usage_stats":true}`, true, true},
	} {
		var ed Editor
		turn := newTurn(t, hub.Merge)
		body := `{"model":"gpt-5","messages":[],"stream":true,"stop":"x"`
		if tt.options != "" {
			body += `,"stream_options":` + tt.options
		}
		out, p := ed.Edit(nil, []byte(body+"}"), turn, chatForm)
		r := &turn.Request
		if got := gjson.GetBytes(out, "stream_options").Raw; p != nil || got != tt.want || r.HideUsage != tt.hideUsage || r.HideCounts != tt.hideCount {
			t.Errorf("%s: %v %s hide %v %v", tt.options, p, got, r.HideUsage, r.HideCounts)
		}
	}
}

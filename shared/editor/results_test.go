package editor

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

func TestResultsGoUpInTheOrderOfTheirCalls(t *testing.T) {
	user, end := `{"role":"user","content":"hi"}`, `{"role":"user","content":"on"}`
	turn := func(ids ...string) string {
		var calls []string
		for _, id := range ids {
			calls = append(calls, `{"id":"`+id+`","type":"function","function":{"name":"f","arguments":"{}"}}`)
		}
		return `{"role":"assistant","content":null,"tool_calls":[` + strings.Join(calls, ",") + `]}`
	}
	numbered := func(ids ...int) string {
		var calls []string
		for _, id := range ids {
			calls = append(calls, fmt.Sprintf(`{"id":%d,"type":"function","function":{"name":"f","arguments":"{}"}}`, id))
		}
		return `{"role":"assistant","content":null,"tool_calls":[` + strings.Join(calls, ",") + `]}`
	}
	result := func(id string) string { return `{"tool_call_id":"` + id + `","content":"of ` + id + `","role":"tool"}` }
	missing := func(id string) string { return `{"role":"tool","tool_call_id":"` + id + `","content":"(no result)"}` }
	system := `{"role":"system","content":"s"}`
	for _, tt := range []struct {
		name     string
		in, want []string
	}{
		{"in order", []string{user, turn("a", "b"), result("a"), result("b"), end}, nil},
		{"turned", []string{user, turn("a", "b"), result("b"), result("a"), end}, []string{user, turn("a", "b"), result("a"), result("b"), end}},
		{"at the end, three", []string{user, turn("a", "b", "c"), result("c"), result("a"), result("b")},
			[]string{user, turn("a", "b", "c"), result("a"), result("b"), result("c")}},
		{"one is missing", []string{user, turn("a", "b", "c"), result("c"), result("b")}, []string{user, turn("a", "b", "c"), missing("a"), result("b"), result("c")}},
		{"the last is missing", []string{user, turn("a", "b"), result("a"), end}, []string{user, turn("a", "b"), result("a"), missing("b"), end}},
		{"all are missing", []string{user, turn("a", "b"), end}, nil},
		{"the only one is missing", []string{user, turn("a"), end}, nil},
		{"one is missing, and another is of no call", []string{user, turn("a", "b"), result("x"), result("b"), end}, []string{user, turn("a", "b"), result("b"), result("x"), end}},
		{"one is missing of calls of which one has no id", []string{user, `{"role":"assistant","tool_calls":[{"id":null},{"id":"a"},{"id":"b"}]}`, result("a"), end}, nil},
		{"calls in two messages", []string{user, turn("a"), turn("b", "c"), result("c"), result("b"), result("a"), end},
			[]string{user, turn("a"), turn("b", "c"), result("a"), result("b"), result("c"), end}},
		{"calls in two messages, in order", []string{user, turn("a"), `{"role":"assistant","content":"x"}`, turn("b"), result("a"), result("b"), end}, nil},
		{"calls in two messages, one is missing", []string{user, turn("a"), turn("b"), result("b")}, []string{user, turn("a"), turn("b"), missing("a"), result("b")}},
		{"a late one", []string{user, turn("a", "b"), result("b"), end, result("a"), user}, []string{user, turn("a", "b"), result("a"), result("b"), end, user}},
		{"a late one of one call", []string{user, turn("a"), end, result("a")}, []string{user, turn("a"), result("a"), end}},
		{"one before its call", []string{user, result("a"), turn("a"), end}, nil},
		{"one id in two turns", []string{user, turn("a"), result("a"), turn("a", "b"), result("b"), result("a")}, []string{user, turn("a"), result("a"), turn("a", "b"), result("a"), result("b")}},
		{"one id in two turns of which one has no result", []string{user, turn("a"), end, turn("a"), result("a"), user, result("a")},
			[]string{user, turn("a"), result("a"), end, turn("a"), result("a"), user}},
		{"numbers for ids", []string{user, numbered(1, 2), `{"role":"tool","tool_call_id":2,"content":"two"}`, `{"role":"tool","tool_call_id":1,"content":"one"}`, end},
			[]string{user, numbered(1, 2), `{"role":"tool","tool_call_id":1,"content":"one"}`, `{"role":"tool","tool_call_id":2,"content":"two"}`, end}},
		{"numbers for ids, and texts", []string{user, numbered(1, 2), result("2"), result("1"), end}, []string{user, numbered(1, 2), result("1"), result("2"), end}},
		{"numbers for ids, one is missing", []string{user, numbered(1, 2), result("2"), end},
			[]string{user, numbered(1, 2), `{"role":"tool","tool_call_id":1,"content":"(no result)"}`, result("2"), end}},
		{"two turns", []string{user, turn("a", "b"), result("b"), result("a"), turn("b", "a"), result("a"), result("b")},
			[]string{user, turn("a", "b"), result("a"), result("b"), turn("b", "a"), result("b"), result("a")}},
		{"two results of one call", []string{user, turn("a", "b"), result("b"), result("a"), result("b")},
			[]string{user, turn("a", "b"), result("a"), result("b"), result("b")}},
		{"two results of the first call", []string{user, turn("a", "b"), result("a"), result("a"), result("b")},
			[]string{user, turn("a", "b"), result("a"), result("b"), result("a")}},
		{"ids that no call has", []string{user, turn("a", "b"), result("x"), result("b"), result("y"), result("a")},
			[]string{user, turn("a", "b"), result("a"), result("b"), result("x"), result("y")}},
		{"calls of one id", []string{user, turn("a", "a", "b"), result("b"), result("a"), result("a")},
			[]string{user, turn("a", "a", "b"), result("a"), result("a"), result("b")}},
		{"calls of one id around another", []string{user, turn("a", "b", "a"), result("b"), result("a"), result("a")},
			[]string{user, turn("a", "b", "a"), result("a"), result("b"), result("a")}},
		{"an escape in an id", []string{user, turn("a", `\u0062`), result("a"), result("b")}, nil},
		{"an escape in an id, turned", []string{user, turn("a", `\u0062`), result("b"), result("a")},
			[]string{user, turn("a", `\u0062`), result("a"), result("b")}},
		{"a system message between", []string{user, turn("a", "b"), result("b"), system, result("a")}, []string{user, turn("a", "b"), result("a"), result("b"), system}},
		{"a system message between, in order", []string{user, turn("a", "b"), result("a"), system, result("b")}, nil},
		{"one call", []string{user, turn("a"), result("b"), result("a")}, []string{user, turn("a"), result("a"), result("b")}},
		{"no ids", []string{user, turn("a", "b"), `{"role":"tool","content":"1"}`, `{"role":"tool","content":"2","tool_call_id":null}`}, nil},
		{"no calls", []string{user, `{"role":"assistant","content":"x","tool_calls":{}}`, result("b"), result("a")}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == nil {
				tt.want = tt.in
			}
			for _, form := range []Form{chatForm, {ModelOptional: true, Messages: true, Prompt: true}} {
				var ed Editor
				turn := newTurn(t, hub.Keep)
				// Lengths and edits that differ show whether places are noted anew.
				body := `{"model":"gpt-5","model":"gpt-5","messages":[ ` + strings.Join(tt.in, " ,\n") + `],"chat_template_kwargs":{"x":1}}`
				out, p := ed.Edit(nil, []byte(body), turn, form)
				if p != nil {
					t.Fatal(p)
				}
				got := gjson.GetBytes(out, "messages").Raw
				n := min(len(tt.in), len(tt.want)) // behind as many as there were, nothing stood between
				want := "[ " + strings.Join(tt.want[:n], " ,\n")
				for _, more := range tt.want[n:] {
					want += "," + more
				}
				if want += "]"; got != want || !json.Valid(out) {
					t.Errorf("got\n%s\nwant\n%s\nin %s", got, want, out)
				}
				moved := strings.Join(tt.in, "") != strings.Join(tt.want, "")
				if turn.Request.Changes&(hub.ResultsSorted|hub.ResultsFilled) != 0 != moved {
					t.Errorf("changes: %v", turn.Request.Changes.Names())
				}
			}
		})
	}
}

// The rule is history's, by which Responses and Messages have it.
func TestImagesInTheTextOfAResultAreImages(t *testing.T) {
	const png = "data:image/png;base64,iVBORw0KGgo="
	part := `{"type":"image_url","image_url":{"url":"` + png + `"}}`
	turn := `{"role":"assistant","tool_calls":[{"id":"a"},{"id":"b"}]}`
	result := func(id, content string) string {
		return `{"role":"tool","content":` + content + `,"tool_call_id":"` + id + `","x":1}`
	}
	list := `"[{\"type\":\"text\",\"text\":\"A cat.\"},{\"type\":\"media\",\"data\":\"iVBORw0KGgo=\",\"mediaType\":\"image/png\"}]"`
	image := `"[{\"type\":\"image\",\"data\":\"iVBORw0KGgo=\",\"mimeType\":\"image/png\"}]"`
	for _, tt := range []struct{ name, in, want string }{
		{"beside a text", turn + "," + result("a", list) + "," + result("b", `"x"`) + `,{"role":"user","content":"go on"}`,
			turn + "," + result("a", `"A cat."`) + "," + result("b", `"x"`) + `,{"role":"user","content":[` + part + `]},{"role":"user","content":"go on"}`},
		{"two, out of order", turn + "," + result("b", image) + "," + result("a", list),
			turn + "," + result("a", `"A cat."`) + "," + result("b", `"The image follows."`) + `,{"role":"user","content":[` + part + "," + part + `]}`},
		{"of no call", result("x", `"`+png+`"`), result("x", `"The image follows."`) + `,{"role":"user","content":[` + part + `]}`},
		{"no result", `{"role":"user","content":` + list + `}`, `{"role":"user","content":` + list + `}`},
		{"parts of their own", turn + "," + result("a", `[`+part+`]`) + "," + result("b", `""`), turn + "," + result("a", `[`+part+`]`) + "," + result("b", `""`)},
	} {
		for _, form := range []Form{chatForm, {ModelOptional: true, Messages: true, Prompt: true}} {
			var ed Editor
			facts := newTurn(t, hub.Merge)
			out, p := ed.Edit(nil, []byte(`{"model":"gpt-5","messages":[`+tt.in+`]}`), facts, form)
			if got := gjson.GetBytes(out, "messages").Raw; p != nil || got != "["+tt.want+"]" {
				t.Errorf("%s: %v\n%s\nwant\n%s", tt.name, p, got, tt.want)
			}
			if facts.Request.Changes&hub.ImagesUnpacked != 0 != (tt.in != tt.want) {
				t.Errorf("%s: changes %v", tt.name, facts.Request.Changes.Names())
			}
		}
	}
}

func TestResultsOfManyCallsAreSortedInLinearTime(t *testing.T) {
	const n = 20_000
	var calls, results strings.Builder
	for i := range n {
		fmt.Fprintf(&calls, `{"id":"%d"},`, i)
		fmt.Fprintf(&results, `{"role":"tool","tool_call_id":"%d","content":""},`, n-1-i)
	}
	body := `{"model":"gpt-5","messages":[{"role":"assistant","tool_calls":[` + strings.TrimSuffix(calls.String(), ",") + `]},` + results.String() + `{"role":"user","content":"x"}]}`
	var ed Editor
	out, p := ed.Edit(nil, []byte(body), newTurn(t, hub.Merge), chatForm)
	if p != nil || !strings.Contains(string(out), `]},{"role":"tool","tool_call_id":"0","content":""},{"role":"tool","tool_call_id":"1"`) {
		t.Errorf("%v %.300s", p, out)
	}
}

// A system message that folds into a result goes where the last result is after sorting.
func TestSortedResultsTakeLateSystemMessages(t *testing.T) {
	var ed Editor
	body := `{"model":"gpt-5","messages":[{"role":"user","content":"hi"},{"role":"assistant","tool_calls":[{"id":"a"},{"id":"b"}]},` +
		`{"role":"tool","tool_call_id":"b","content":"second"},{"role":"system","content":"s"},{"role":"tool","tool_call_id":"a","content":"first","content":"1st"}]}`
	out, p := ed.Edit(nil, []byte(body), newTurn(t, hub.Fold), chatForm)
	want := `[{"role":"user","content":"hi"},{"role":"assistant","tool_calls":[{"id":"a"},{"id":"b"}]},` +
		`{"role":"tool","tool_call_id":"a","content":"1st"},{"role":"tool","tool_call_id":"b","content":"second\n\ns"}]`
	if got := gjson.GetBytes(out, "messages").Raw; p != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", p, got, want)
	}
}

func TestHalvesOfSurrogatePairsGoUpAsReplacements(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a text", `{"model":"gpt-5","messages":[{"role":"user","content":"a\ud83d"}]}`, `"messages":[{"role":"user","content":"a\ufffd"}]`},
		{"a text that moves", `{"model":"gpt-5","messages":[{"role":"user","content":"a"},{"role":"system","content":[{"type":"text","text":"\ude00b"}]}]}`,
			`{"role":"system","content":"\ufffdb"}`},
		{"a tool", `{"model":"gpt-5","messages":[],"tools":[{"type":"function","name":"f","description":"\uD83D"}]}`, `"description":"\ufffd"`},
		{"a stop", `{"model":"qwen3.5-instruct-general","messages":[],"stop":["\ud83d","\ud83d\ude00"]}`, `"stop":["\ufffd","\ud83d\ude00"]`},
		{"a prompt", `{"model":"gpt-5","prompt":["\ud83dx"]}`, `"prompt":["\ufffdx"]`},
		{"a key", `{"model":"gpt-5","messages":[],"metadata":{"\ud83d":1}}`, `{"\ufffd":1}`},
		{"arguments", `{"model":"gpt-5","messages":[{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"k\":\"\\ud83d\"}"}}]}]}`,
			`"arguments":"{\"k\":\"\\ufffd\"}"`},
		{"arguments with a half of their literal's", `{"model":"gpt-5","messages":[{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"k\":\"\ud83d\"}"}}]}]}`,
			`"arguments":"{\"k\":\"\ufffd\"}"`},
		{"arguments that are an object", `{"model":"gpt-5","messages":[{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":{"k":"\ud83d"}}}]}]}`,
			`"arguments":"{\"k\":\"\\ufffd\"}"`},
		{"arguments with a whole pair", `{"model":"gpt-5","messages":[{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"k\":\"\\ud83d\\ude00\"}"}}]}]}`,
			`"arguments":"{\"k\":\"\\ud83d\\ude00\"}"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ed Editor
			form := chatForm
			if strings.Contains(tt.in, `"prompt"`) {
				form = Form{Limits: true}
			}
			out, p := ed.Edit(nil, []byte(tt.in), newTurn(t, hub.Merge), form)
			if p != nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v %s", p, out)
			}
		})
	}
}

func TestATurnThatIsBegunIsPastThinking(t *testing.T) {
	for _, tt := range []struct {
		model, more string
		want        bool
	}{
		{"qwen3.5-thinking-general", `,"continue_final_message":true`, false},
		{"qwen3.5-thinking-general", `,"continue_final_message":false`, true},
		{"qwen3.5-thinking-general", `,"continue_final_message":null`, true},
		{"qwen3.5-instruct-general", `,"continue_final_message":true`, false},
	} {
		for _, form := range []Form{chatForm, {ModelOptional: true, Messages: true, Prompt: true}} {
			var ed Editor
			turn := newTurn(t, hub.Merge)
			out, p := ed.Edit(nil, []byte(`{"model":"`+tt.model+`","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]`+tt.more+`}`), turn, form)
			if got := gjson.GetBytes(out, "chat_template_kwargs.enable_thinking").Bool(); p != nil || got != tt.want || turn.Request.Thinking != tt.want {
				t.Errorf("%s %s: %v %s", tt.model, tt.more, p, out)
			}
		}
	}
}

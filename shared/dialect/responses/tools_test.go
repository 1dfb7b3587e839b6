package responses

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// functionName is what the name of a function may be.
var functionName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// upstreamNames lists the functions of a chat request.
func upstreamNames(body string) (names []string) {
	for _, t := range gjson.Get(body, "tools.#.function.name").Array() {
		names = append(names, t.String())
	}
	return names
}

func TestACustomToolIsAFunctionWithOneInput(t *testing.T) {
	s := settings(t, "Qwen/X")
	got, turn := ask(t, s, Create, `{"model":"think","tools":[{"type":"custom","name":"apply_patch","description":"Edits \"files\".","format":{"type":"grammar","syntax":"lark","definition":"start: \"a\"\nb: \/x\/"}},{"type":"custom","name":"plain","format":{"type":"text"}}],
		"input":[{"role":"user","content":"Hi"},{"type":"custom_tool_call","id":"ctc_1","call_id":"c1","name":"apply_patch","input":"*** \"quoted\" \\n\nline \ud83d\ude00 é"},{"type":"custom_tool_call_output","call_id":"c1","output":"done"}],"tool_choice":{"type":"custom","name":"plain"}}`)
	f := gjson.Get(got, "tools.0.function")
	if d := f.Get("description").String(); d != "Edits \"files\".\n\nThe input is one raw text, not JSON: put all of it into the argument input, as it is.\n\nIt must match this lark grammar:\n\nstart: \"a\"\nb: /x/" {
		t.Errorf("description %q", d)
	}
	if p := f.Get("parameters").Raw; p != `{"type":"object","properties":{"input":{"type":"string","description":"The raw text."}},"required":["input"],"additionalProperties":false}` {
		t.Errorf("parameters %s", p)
	}
	if d := gjson.Get(got, "tools.1.function.description").String(); d != "The input is one raw text, not JSON: put all of it into the argument input, as it is." {
		t.Errorf("description of the plain one %q", d)
	}
	arguments := gjson.Get(got, "messages.1.tool_calls.0.function.arguments").String()
	if input := gjson.Get(arguments, "input").String(); input != "*** \"quoted\" \\n\nline \U0001F600 é" || strings.Contains(arguments, "_raw") {
		t.Errorf("arguments %s", arguments)
	}
	if c := gjson.Get(got, "tool_choice").Raw; c != `{"type":"function","function":{"name":"plain"}}` {
		t.Errorf("choice %s", c)
	}
	table := turn.Request.State.(*request).tools
	if x, ok := table.Find([]byte("apply_patch")); !ok || x.Kind != toolset.Custom || string(x.Name) != "apply_patch" || len(x.Namespace) != 0 {
		t.Errorf("table %+v", table)
	}
}

func TestNamespacesBecomeNamesAndComeBack(t *testing.T) {
	s := settings(t, "Qwen/X")
	long := strings.Repeat("n", 40)
	got, turn := ask(t, s, Create, `{"model":"think","tools":[
		{"type":"function","name":"a__read"},
		{"type":"namespace","name":"a","description":"First.","tools":[{"type":"function","name":"read","description":"Reads."},{"type":"custom","name":"run"}]},
		{"type":"namespace","name":"b","description":"","tools":[{"type":"function","name":"read"},{"type":"function","name":"read","description":"again"}]},
		{"type":"namespace","name":"`+long+`","tools":[{"type":"function","name":"`+long+`"},{"type":"function","name":"`+long+`2"}]}],
		"input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"c1","namespace":"a","name":"read","arguments":"{}"},{"type":"function_call","call_id":"c2","namespace":"b","name":"read","arguments":"{}"},
			{"type":"function_call","call_id":"c3","name":"a__read","arguments":"{}"},{"type":"function_call","call_id":"c4","namespace":"gone","name":"tool","arguments":"{}"},{"type":"function_call","call_id":"c5","name":"made.up","arguments":"{}"},
			{"type":"custom_tool_call","call_id":"c6","namespace":"a","name":"run","input":"x"}],
		"tool_choice":{"type":"function","namespace":"b","name":"read"}}`)
	names := upstreamNames(got)
	if len(names) != 6 || names[0] != "a__read" || names[2] != "a__run" || names[3] != "b__read" {
		t.Fatalf("names %q", names)
	}
	// a.read collides with the plain function, the last two are too long.
	for _, i := range []int{1, 4, 5} {
		if len(names[i]) > 64 || !functionName.MatchString(names[i]) || names[i][len(names[i])-9] != '_' {
			t.Errorf("name %q", names[i])
		}
	}
	if len(slices.Compact(slices.Sorted(slices.Values(names)))) != 6 {
		t.Errorf("names repeat: %q", names)
	}
	var calls []string
	for _, c := range gjson.Get(got, "messages.1.tool_calls.#.function.name").Array() {
		calls = append(calls, c.String())
	}
	if want := []string{names[1], names[3], "a__read", "gone__tool", "made.up", names[2]}; !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
	if d := gjson.Get(got, "tools.1.function.description").String(); d != "First.\n\nReads." {
		t.Errorf("the namespace's description does not stand before its first tool's: %q", d)
	}
	if gjson.Get(got, "tools.3.function.description").Exists() {
		t.Errorf("a description out of nothing: %s", gjson.Get(got, "tools.3"))
	}
	if c := gjson.Get(got, "tool_choice.function.name").String(); c != "b__read" {
		t.Errorf("choice %q", c)
	}
	table := turn.Request.State.(*request).tools
	for i, want := range []string{"/a__read", "a/read", "a/run", "b/read", long + "/" + long, long + "/" + long + "2"} {
		x, ok := table.Find([]byte(names[i]))
		if !ok || string(x.Namespace)+"/"+string(x.Name) != want {
			t.Errorf("%q comes back as %s/%s", names[i], x.Namespace, x.Name)
		}
	}
	again, _ := ask(t, s, Create, `{"model":"think","tools":[{"type":"function","name":"a__read"},{"type":"namespace","name":"a","tools":[{"type":"function","name":"read"}]}],"input":"Hi"}`)
	if n := upstreamNames(again); n[1] != names[1] {
		t.Errorf("a name depends on the other tools: %q, before %q", n[1], names[1])
	}
}

func TestToolsInTheInputJoin(t *testing.T) {
	s := settings(t, "Qwen/X")
	got, turn := ask(t, s, Create, `{"model":"think","input":[
		{"type":"additional_tools","id":"at_1","role":"developer","tools":[{"type":"namespace","name":"functions","description":"","tools":[{"type":"custom","name":"exec"}]},{"type":"function","name":"wait"},{"type":"web_search"}]},
		{"role":"user","content":"Hi"},
		{"type":"tool_search_call","id":"tsc_1","call_id":"c1","status":"completed","execution":"client","arguments":{"query":"agents","limit":2}},
		{"type":"tool_search_output","call_id":"c1","status":"completed","execution":"client","tools":[{"type":"namespace","name":"agents","tools":[{"type":"function","name":"spawn"},{"type":"function","name":"wait"}]},{"type":"function","name":"wait"}]},
		{"type":"tool_search_call","call_id":"c2","execution":"client","arguments":"{\"query\":\"none\"}"},
		{"type":"tool_search_output","call_id":"c2","execution":"client","tools":[]},
		{"type":"tool_search_call","call_id":null,"execution":"server","arguments":{}},
		{"type":"tool_search_output","call_id":null,"execution":"server","tools":[{"type":"function","name":"late"}]}],
		"tools":[{"type":"tool_search","execution":"client","description":"Finds.","parameters":{"type":"object","properties":{"query":{}}}},{"type":"function","name":"first"}]}`)
	if names, want := upstreamNames(got), []string{"tool_search", "first", "functions__exec", "wait", "agents__spawn", "agents__wait", "late"}; !slices.Equal(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}
	if f := gjson.Get(got, "tools.0.function").Raw; f != `{"name":"tool_search","description":"Finds.","parameters":{"type":"object","properties":{"query":{}}}}` {
		t.Errorf("search %s", f)
	}
	if m := gjson.Get(got, "messages").Raw; m != lines(`[`+user+`,
		{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"tool_search","arguments":"{\"query\":\"agents\",\"limit\":2}"}}]},
		{"role":"tool","tool_call_id":"c1","content":"These tools can be called now: agents__spawn, agents__wait, wait"},
		{"role":"assistant","content":null,"tool_calls":[{"id":"c2","type":"function","function":{"name":"tool_search","arguments":"{\"query\":\"none\"}"}}]},
		{"role":"tool","tool_call_id":"c2","content":"No tools were found."}]`) {
		t.Errorf("messages %s", m)
	}
	if x, _ := turn.Request.State.(*request).tools.Find([]byte("tool_search")); x.Kind != toolset.ToolSearch {
		t.Errorf("search comes back as %+v", x)
	}
	if turn.Request.DroppedTools.Join(", ") != "web_search" {
		t.Errorf("dropped %q", turn.Request.DroppedTools.Join(", "))
	}
}

func TestTypedToolsAreFunctions(t *testing.T) {
	s := settings(t, "Qwen/X")
	got, turn := ask(t, s, Create, `{"model":"think","tools":[{"type":"function","name":"shell"},{"type":"local_shell"},{"type":"shell","environment":{"type":"local"}},{"type":"apply_patch"},{"type":"apply_patch"}],
		"input":[{"role":"user","content":"Hi"},
		{"type":"local_shell_call","id":"lsh_1","call_id":"c1","status":"completed","action":{"type":"exec","command":["ls","-l"],"env":{},"timeout_ms":null,"user":"root"}},
		{"type":"local_shell_call_output","id":"lsh_1","output":"{\"output\":\"a\"}"},
		{"type":"local_shell_call","call_id":"c2","action":{"command":["pwd"]}},
		{"type":"local_shell_call_output","id":"c2","output":"/"},
		{"type":"shell_call","call_id":"c3","action":{"commands":["false","sleep 9"],"timeout_ms":1000,"max_output_length":null}},
		{"type":"shell_call_output","call_id":"c3","output":[{"stdout":"out","stderr":"err\n","outcome":{"type":"exit","exit_code":1}},{"stdout":"","stderr":"","outcome":{"type":"timeout"}}]},
		{"type":"apply_patch_call","call_id":"c4","status":"completed","operation":{"type":"update_file","path":"a","diff":"@@\n-1\n+2"}},
		{"type":"apply_patch_call_output","call_id":"c4","status":"failed","output":"no such file"},
		{"type":"apply_patch_call","call_id":"c5","operation":{"type":"delete_file","path":"a"}},
		{"type":"apply_patch_call_output","call_id":"c5","status":"completed"}],
		"tool_choice":{"type":"shell"}}`)
	names := upstreamNames(got)
	if len(names) != 4 || names[0] != "shell" || names[1] != "local_shell" || names[3] != "apply_patch" || names[2] == "shell" || !strings.HasPrefix(names[2], "shell_") {
		t.Fatalf("names %q", names)
	}
	for i := 1; i < 4; i++ {
		f := gjson.Get(got, fmt.Sprintf("tools.%d.function", i))
		if f.Get("description").String() == "" || f.Get("parameters.type").String() != "object" {
			t.Errorf("%s", f)
		}
	}
	want := []string{
		`c1 local_shell {"command":["ls","-l"],"env":{}} → {"output":"a"}`,
		`c2 local_shell {"command":["pwd"]} → /`,
		`c3 ` + names[2] + ` {"commands":["false","sleep 9"],"timeout_ms":1000} → ` + "out\nerr\nexit code 1\ntimed out",
		`c4 apply_patch {"operation":{"type":"update_file","path":"a","diff":"@@\n-1\n+2"}} → failed: no such file`,
		`c5 apply_patch {"operation":{"type":"delete_file","path":"a"}} → completed`,
	}
	var calls []string
	messages := gjson.Get(got, "messages").Array()
	for i, m := range messages {
		if c := m.Get("tool_calls.0"); c.Exists() {
			r := messages[i+1]
			calls = append(calls, fmt.Sprintf("%s %s %s → %s", r.Get("tool_call_id"), c.Get("function.name"), c.Get("function.arguments"), r.Get("content")))
		}
	}
	if !slices.Equal(calls, want) {
		t.Errorf("got  %q\nwant %q", calls, want)
	}
	if c := gjson.Get(got, "tool_choice.function.name").String(); c != names[2] {
		t.Errorf("choice %q", c)
	}
	table := turn.Request.State.(*request).tools
	for i, kind := range []toolset.Kind{toolset.Function, toolset.LocalShell, toolset.Shell, toolset.ApplyPatch} {
		if x, _ := table.Find([]byte(names[i])); x.Kind != kind {
			t.Errorf("%q comes back as %+v", names[i], x)
		}
	}
}

func TestToolsThatCannotBeHadAreNamedOrRefused(t *testing.T) {
	s := settings(t, "Qwen/X")
	body := `{"model":"think","input":"Hi","tools":[{"type":"web_search"},{"type":"web_search"},{"type":"mcp","server_label":"x"},{"type":"new\nkind, x"},{"type":"function","name":"f"}]}`
	_, turn := ask(t, s, Create, body)
	if want := [][2]string{{hub.DroppedToolsHeader, "web_search, mcp, new_kind__x"}}; !slices.Equal(turn.Request.ReplyHeader, want) {
		t.Errorf("header %q", turn.Request.ReplyHeader)
	}
	s.RejectTools = true
	if _, p := Create.Request(nil, []byte(body), turnOf(s)); p == nil || p.Status != 400 || p.Code != "unsupported_value" || p.Param != "tools[0].type" {
		t.Errorf("got %+v", p)
	}
}

func TestCallsThatWereNotAllowedAreNotAccepted(t *testing.T) {
	tools := `"tools":[{"type":"function","name":"f"},{"type":"namespace","name":"n","tools":[{"type":"function","name":"g"}]}]`
	tests := []struct {
		choice  string
		f, g, x bool
	}{
		{`"auto"`, true, true, true},
		{`"none"`, false, false, false},
		{`{"type":"function","name":"f"}`, true, true, true},
		{`{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"}]}`, true, false, false},
		{`{"type":"allowed_tools","tools":[{"type":"function","namespace":"n","name":"g"}]}`, false, true, false},
		{`{"type":"allowed_tools","tools":[{"type":"namespace","name":"n"}]}`, false, true, false},
	}
	s := settings(t, "Qwen/X")
	for _, tt := range tests {
		_, turn := ask(t, s, Create, `{"model":"think","input":"Hi",`+tools+`,"tool_choice":`+tt.choice+`}`)
		table := turn.Request.State.(*request).tools
		if f, g, x := table.Accept([]byte("f")), table.Accept([]byte("n__g")), table.Accept([]byte("x")); f != tt.f || g != tt.g || x != tt.x {
			t.Errorf("%s: %v %v %v", tt.choice, f, g, x)
		}
	}
}

func TestParallelCallsCanBeSwitchedOff(t *testing.T) {
	s := settings(t, "Qwen/X")
	for value, single := range map[string]bool{"true": false, "false": true, "null": false} {
		if _, turn := ask(t, s, Create, `{"model":"think","input":"Hi","parallel_tool_calls":`+value+`}`); turn.Request.SingleCall != single {
			t.Errorf("%s: %v", value, turn.Request.SingleCall)
		}
	}
}

func TestIDsOfTheHistoryAreNotGivenAgain(t *testing.T) {
	_, turn := ask(t, settings(t, "Qwen/X"), Create, `{"model":"think","input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"c\u0031","name":"f","arguments":"{}"},{"type":"shell_call","call_id":"c2","action":{}}]}`)
	if turn.UseCallID([]byte("c1")) || turn.UseCallID([]byte("c2")) || !turn.UseCallID([]byte("c3")) {
		t.Error("an id of the history counts as new")
	}
}

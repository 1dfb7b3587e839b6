package messages

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// tools is a request with these tools and what else stands beside them.
func tools(list, more string) string { return chat(hello, `,"tools":[`+list+`]`+more) }

func TestToolsBecomeFunctions(t *testing.T) {
	const bare = `{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}`
	for _, tt := range []translationTest{
		{"a whole one", "", tools(`{"name":"f","type":"custom","description":"D\u00e9","input_schema":{"$schema":"http://json-schema.org/draft/2020-12/schema","type":"object","properties":{"u":{"type":"string","format":"uri","pattern":"^\\d+$"},"n":{"type":"integer","exclusiveMinimum":9007199254740993}},"additionalProperties":false},"strict":true,`+
			`"cache_control":{"type":"ephemeral"},"eager_input_streaming":true,"allowed_callers":["direct"]}`, ""),
			[]string{"tools", `[{"type":"function","function":{"name":"f","description":"D\u00e9","parameters":{"$schema":"http://json-schema.org/draft/2020-12/schema","type":"object","properties":{"u":{"type":"string","format":"uri","pattern":"^\\d+$"},"n":{"type":"integer","exclusiveMinimum":9007199254740993}},"additionalProperties":false},"strict":true}}]`, "tool_choice", ""}},
		{"a bare one", "", tools(`{"name":"f"}`, ""), []string{"tools", `[` + bare + `]`}},
		{"nulls", "", tools(`{"name":"f","description":null,"input_schema":null,"strict":null,"type":null}`, ""), []string{"tools", `[` + bare + `]`}},
		{"a schema without type", "", tools(`{"name":"f","input_schema":{ "properties":{"type":{"type":"string"}}}}`, ""), []string{"tools.0.function.parameters", `{"type":"object", "properties":{"type":{"type":"string"}}}`}},
		{"an empty schema", "", tools(`{"name":"f","input_schema":{}}`, ""), []string{"tools", `[` + bare + `]`}},
		{"examples", "", tools(`{"name":"f","description":"D","input_examples":[{"a":"\u00e9"},{"a":2}]},{"name":"g","input_examples":[{}]},{"name":"h","input_examples":[]}`, ""),
			[]string{"tools.0.function.description", `"D\n\nExamples of input:\n{\"a\":\"\\u00e9\"}\n{\"a\":2}"`, "tools.1.function.description", `"Examples of input:\n{}"`, "tools.2.function.name", `"h"`}},
		{"a long name stays as it is", "", tools(`{"name":"mcp__`+strings.Repeat("x", 120)+`"}`, ""), []string{"tools.0.function.name", `"mcp__` + strings.Repeat("x", 120) + `"`}},
		{"no tools", "", tools(``, ""), []string{"tools", "", "tool_choice", ""}},
		{"no tools, but a choice", "", tools(``, `,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`), []string{"tools", "", "tool_choice", "", "parallel_tool_calls", ""}},
		{"a choice and no tools at all", "", chat(hello, `,"tool_choice":{"type":"none"}`), []string{"tools", "", "tool_choice", ""}},

		{"auto", "", tools(`{"name":"f"}`, `,"tool_choice":{"type":"auto"}`), []string{"tool_choice", `"auto"`, "parallel_tool_calls", ""}},
		{"any", "", tools(`{"name":"f"}`, `,"tool_choice":{"type":"any","disable_parallel_tool_use":false}`), []string{"tool_choice", `"required"`, "parallel_tool_calls", ""}},
		{"none keeps the tools", "", tools(`{"name":"f"}`, `,"tool_choice":{"type":"none"}`), []string{"tool_choice", `"none"`, "tools.#", "1"}},
		{"one", "", tools(`{"name":"f"},{"name":"g\u00e9"}`, `,"tool_choice":{"type":"tool","name":"g\u00e9"}`), []string{"tool_choice", `{"type":"function","function":{"name":"g\u00e9"}}`}},
		{"one call at a time", "", tools(`{"name":"f"}`, `,"tool_choice":{"disable_parallel_tool_use":true,"type":"auto"}`), []string{"tool_choice", `"auto"`, "parallel_tool_calls", "false"}},
	} {
		tt.run(t)
	}
	turn := newTurn(t, "")
	translate(t, turn, tools(`{"name":"f"}`, `,"tool_choice":{"disable_parallel_tool_use":true,"type":"any"}`))
	if !turn.Request.SingleCall {
		t.Error("more than one call is let through")
	}
}

func TestClientToolsBecomeFunctions(t *testing.T) {
	const actions = `"key","type","mouse_move","left_click","left_click_drag","right_click","middle_click","double_click","screenshot","cursor_position"`
	const later = actions + `,"left_mouse_down","left_mouse_up","scroll","hold_key","wait","triple_click"`
	for _, tt := range []struct{ tool, name, commands string }{
		{`{"type":"computer_20241022","name":"computer","display_width_px":1280,"display_height_px":800,"display_number":1}`, "computer", "[" + actions + "]"},
		{`{"type":"computer_20250124","name":"computer","display_width_px":1280,"display_height_px":800}`, "computer", "[" + later + "]"},
		{`{"type":"computer_20251124","name":"computer","display_width_px":1280,"display_height_px":800}`, "computer", "[" + later + "]"},
		{`{"enable_zoom":true,"display_width_px":1280,"display_height_px":800,"type":"computer_20251124"}`, "computer", "[" + later + `,"zoom"]`},
		{`{"type":"bash_20250124","name":"bash","cache_control":{}}`, "bash", ""},
		{`{"type":"bash_20241022"}`, "bash", ""},
		{`{"type":"text_editor_20241022","name":"str_replace_editor"}`, "str_replace_editor", `["view","create","str_replace","insert","undo_edit"]`},
		{`{"type":"text_editor_20250124","name":"str_replace_editor"}`, "str_replace_editor", `["view","create","str_replace","insert","undo_edit"]`},
		{`{"type":"text_editor_20250429"}`, "str_replace_based_edit_tool", `["view","create","str_replace","insert"]`},
		{`{"type":"text_editor_20250728","name":"str_replace_based_edit_tool","max_characters":10000}`, "str_replace_based_edit_tool", `["view","create","str_replace","insert"]`},
		{`{"type":"memory_20250818","name":"memory"}`, "memory", `["view","create","str_replace","insert","delete","rename"]`},
	} {
		f := gjson.Get(translate(t, newTurn(t, ""), tools(tt.tool, "")), "tools.0.function")
		schema := f.Get("parameters")
		if f.Get("name").String() != tt.name || f.Get("description").String() == "" || schema.Get("properties.command.enum").Raw+schema.Get("properties.action.enum").Raw != tt.commands || schema.Get("type").String() != "object" {
			t.Errorf("%s became %s", tt.tool, f.Raw)
		}
		if screen := "1280 pixels wide and 800 high."; strings.Contains(tt.tool, "1280") != strings.Contains(f.Get("description").String(), screen) {
			t.Errorf("%s is told %s", tt.tool, f.Get("description"))
		}
		for _, required := range schema.Get("required").Array() {
			if !schema.Get("properties." + required.String()).Exists() {
				t.Errorf("%s: %s is required and not there", tt.name, required)
			}
		}
	}
	schemas := []string{bashSchema, oldEditorSchema, editorSchema, memorySchema, computer2024Tool.schema, computer2025Tool.schema, computerZoomTool.schema}
	for _, m := range computerMembers {
		schemas = append(schemas, m.schema)
	}
	for _, schema := range schemas {
		if !json.Valid([]byte(schema)) {
			t.Errorf("not JSON: %s", schema)
		}
	}
}

// The toolset's members are functions of their own, and their calls say whose they are.
func TestComputerToolset(t *testing.T) {
	turn := newTurn(t, "")
	out := translate(t, turn, tools(`{"type":"computer_toolset_20260801","configs":{"zoom":{"enabled":false},"wait":{"defer_loading":true},"key":{}}},{"name":"f"}`, ""))
	if got := gjson.Get(out, "tools.#").Int(); got != int64(len(computerMembers)-2+1) {
		t.Errorf("%d tools: %s", got, gjson.Get(out, "tools.#.function.name"))
	}
	for _, f := range gjson.Get(out, "tools.#.function").Array() {
		if name := f.Get("name").String(); name == "zoom" || name == "wait" || f.Get("parameters.type").String() != "object" || name != "f" && f.Get("description").String() == "" {
			t.Errorf("%s", f.Raw)
		}
	}
	for _, name := range []string{"left_click", "f"} {
		message := `{"tool_calls":[{"id":"x","type":"function","function":{"name":"` + name + `","arguments":"{}"}}]}`
		whole, p := Create.Reply(nil, []byte(chatReply(message, `"tool_calls"`)), turn)
		if p != nil {
			t.Fatal(p)
		}
		streamed, _ := play(turn, chunk(call(0, "x", name, `"{}"`), "tool_calls")+done)
		want := `"name":"` + name + `","toolset_name":"computer","input":{}`
		if name == "f" {
			want = `"name":"f","input":{}`
		}
		if !strings.Contains(string(whole), want) || !strings.Contains(string(streamed), want) {
			t.Errorf("%s\n%s", whole, streamed)
		}
	}
}

// A message brings the toolset as the list of tools does, and takes it away by the name that its
// calls bear; what would run on Anthropic's side is named from there too.
func TestToolsetsThatMessagesAdd(t *testing.T) {
	var all []string
	for i := range computerMembers {
		all = append(all, computerMembers[i].name)
	}
	without := func(names ...string) (rest []string) {
		for _, name := range all {
			if !slices.Contains(names, name) {
				rest = append(rest, name)
			}
		}
		return rest
	}
	define := func(definition string) string {
		return `{"type":"tool_addition","tool":{"type":"tool_definition","definition":` + definition + `}}`
	}
	const (
		set    = `{"type":"computer_toolset_20260801","configs":{"zoom":{"enabled":false},"wait":{"defer_loading":true}}}`
		remove = `{"type":"tool_removal","tool":{"type":"tool_reference","name":"computer"}}`
		back   = `{"type":"tool_addition","tool":{"type":"tool_reference","name":"computer"}}`
		wait   = `{"type":"tool_addition","tool":{"type":"tool_reference","name":"wait"}}`
		key    = `{"type":"tool_removal","tool":{"type":"tool_reference","name":"key"}}`
	)
	for _, tt := range []struct {
		name, declared, changes string
		want                    []string
		dropped                 string
	}{
		{"added", `{"name":"f"}`, define(set), append([]string{"f"}, without("zoom", "wait")...), ""},
		{"added to none", ``, define(set), without("zoom", "wait"), ""},
		{"and a deferred member", ``, define(set) + "," + wait, without("zoom"), ""},
		{"and a member taken away", ``, define(set) + "," + key, without("zoom", "wait", "key"), ""},
		{"and taken away", `{"name":"f"}`, define(set) + "," + remove, []string{"f"}, ""},
		{"taken away and back", set, remove + "," + back, without("zoom"), ""},
		{"declared, and taken away", set + `,{"name":"f"}`, remove, []string{"f"}, ""},
		{"in place of another", set, define(`{"type":"computer_toolset_20260801","configs":{"wait":{"enabled":false}}}`), without("wait"), ""},
		{"in place of one tool", `{"name":"key","description":"K"}`, define(set), without("zoom", "wait"), ""},
		{"a tool named so", `{"type":"computer_20251124"}`, remove, nil, ""},
		{"hosted", `{"name":"f"}`, define(`{"type":"web_search_20250305","name":"web_search"}`), []string{"f"}, "web_search"},
		{"nothing but hosted", ``, define(`{"type":"code_execution_20250825","name":"code_execution"}`), nil, "code_execution"},
		{"a search for tools", `{"name":"f","defer_loading":true}`, define(`{"type":"tool_search_tool_bm25_20251119"}`), []string{"f"}, ""},
		{"deferred", ``, define(`{"name":"g","defer_loading":true}`), []string{"g"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			turn := newTurn(t, "")
			out := translate(t, turn, chat(hello+`,{"role":"system","content":[`+tt.changes+`]}`, `,"tools":[`+tt.declared+`]`))
			var got []string
			for _, name := range gjson.Get(out, "tools.#.function.name").Array() {
				got = append(got, name.Str)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("the tools are %q, want %q", got, tt.want)
			}
			if got := turn.Request.DroppedTools.Join(", "); got != tt.dropped {
				t.Errorf("dropped %q", got)
			}
			whole, p := Create.Reply(nil, []byte(chatReply(`{"tool_calls":[{"id":"x","type":"function","function":{"name":"left_click","arguments":"{}"}}]}`, `"tool_calls"`)), turn)
			if named := strings.Contains(string(whole), `"toolset_name":"computer"`); p != nil || named != slices.Contains(tt.want, "left_click") {
				t.Errorf("%s %v", whole, p)
			}
		})
	}
	if got := refused(t, newTurn(t, ""), chat(hello, `,"tools":[`+set+`,{"name":"f"},{"name":"f"}]`)); !strings.HasPrefix(got, `tools.2.name: "f"`) {
		t.Error(got)
	}
	turn := newTurn(t, "")
	turn.RejectTools = true
	if got := refused(t, turn, chat(hello+`,{"role":"system","content":[`+define(`{"type":"web_search_20250305","name":"web_search"}`)+`]}`, ``)); !strings.HasPrefix(got, "messages.1.content.0.tool_addition.tool.definition: ") {
		t.Error(got)
	}
}

func TestToolsThatCannotBeHad(t *testing.T) {
	dropped := func(turn *hub.Turn) string {
		for _, h := range turn.Request.ReplyHeader {
			if h[0] == hub.DroppedToolsHeader {
				return h[1]
			}
		}
		return ""
	}
	for _, tt := range []struct{ name, body, names, dropped string }{
		{"beside others", tools(`{"type":"web_search_20250305","name":"web_search","max_uses":8},{"name":"f"},{"type":"code_execution_20250825","name":"code_execution"},{"type":"advisor_20260301","name":"advisor"},{"type":"mcp_toolset","mcp_server_name":"m"},{"type":"later_20300101","name":"bad\r\nname"}`, `,"tool_choice":{"type":"any"}`),
			`["f"]`, "web_search, code_execution, advisor, mcp_toolset, bad__name"},
		{"alone, but none is to be called", tools(`{"type":"web_fetch_20250910","name":"web_fetch"}`, `,"tool_choice":{"type":"none"}`), ``, "web_fetch"},
		{"a search for tools", tools(`{"type":"tool_search_tool_regex_20251119","name":"tool_search_tool_regex"},{"name":"f","defer_loading":true},{"name":"g","defer_loading":true}`, ""), `["f","g"]`, ""},
	} {
		turn := newTurn(t, "")
		out := translate(t, turn, tt.body)
		if got := gjson.Get(out, "tools.#.function.name").Raw; got != tt.names {
			t.Errorf("%s: the tools are %s", tt.name, got)
		}
		if got := dropped(turn); got != tt.dropped || turn.Request.DroppedTools.Join(", ") != tt.dropped {
			t.Errorf("%s: the header says %q", tt.name, got)
		}
	}
}

func TestDeferredToolsComeWhenSomethingRefersToThem(t *testing.T) {
	const (
		list   = `{"name":"ToolSearch"},{"name":"DeferredToolPlaceholder","defer_loading":true},{"name":"f","defer_loading":true},{"name":"g","defer_loading":true}`
		search = hello + `,{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"ToolSearch","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":[{"type":"tool_reference","tool_name":"f"}]}]}`
	)
	system := func(blocks string) string { return hello + `,{"role":"system","content":[` + blocks + `]}` }
	for _, tt := range []struct{ name, messages, more, want string }{
		{"none yet", hello, "", `["ToolSearch"]`},
		{"one was found", search, "", `["ToolSearch","f"]`},
		{"one is demanded", hello, `,"tool_choice":{"type":"tool","name":"g"}`, `["ToolSearch","g"]`},
		{"one was found on Anthropic's side", hello + `,{"role":"assistant","content":[{"type":"tool_search_tool_result","content":{"tool_references":[{"tool_name":"g"}]}}]}`, "", `["ToolSearch","g"]`},
		{"an addition", system(`{"type":"tool_addition","tool":{"type":"tool_reference","name":"f"}},{"type":"text","text":"S"}`), "", `["ToolSearch","f"]`},
		{"a removal", system(`{"type":"tool_addition","tool":{"type":"tool_reference","name":"f"}},{"type":"tool_removal","tool":{"type":"tool_reference","name":"f"}},{"type":"tool_removal","tool":{"type":"tool_reference","name":"ToolSearch"}}`), "", ``},
		{"there and back", system(`{"type":"tool_removal","tool":{"type":"tool_reference","name":"ToolSearch"}},{"type":"tool_addition","tool":{"type":"tool_reference","name":"ToolSearch"}}`), "", `["ToolSearch"]`},
		{"a definition", system(`{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"name":"h","input_schema":{"type":"object"}}}}`), "", `["ToolSearch","h"]`},
		{"a definition anew", system(`{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"name":"ToolSearch","input_schema":{"type":"object"}}}}`), "", `["ToolSearch"]`},
		{"of a server", system(`{"type":"tool_addition","tool":{"type":"mcp_toolset_reference","server_name":"m"}},{"type":"tool_addition","tool":{"type":"tool_reference","name":"nowhere"}}`), "", `["ToolSearch"]`},
	} {
		for _, body := range []string{chat(tt.messages, `,"tools":[`+list+`]`+tt.more), `{"tools":[` + list + `],` + must + `"messages":[` + tt.messages + `]` + tt.more + `}`} {
			out := translate(t, newTurn(t, ""), body)
			if got := gjson.Get(out, "tools.#.function.name").Raw; got != tt.want {
				t.Errorf("%s: the tools are %s", tt.name, got)
			}
			if n := len(gjson.Get(out, "messages").Array()); strings.Contains(tt.messages, `"system"`) && n != 1 {
				t.Errorf("%s: %d messages", tt.name, n)
			}
		}
	}
}

func TestStructuredOutput(t *testing.T) {
	const format = `{"type":"json_schema","schema":{"type":"object","properties":{"title":{"type":"string"}}}}`
	const response = `{"type":"json_schema","json_schema":{"name":"output","schema":{"type":"object","properties":{"title":{"type":"string"}}},"strict":true}}`
	for _, tt := range []translationTest{
		{"alone", "", chat(hello, `,"output_config":{"format":`+format+`,"effort":"low"},"tools":[]`), []string{"response_format", response, "messages.#", "1"}},
		{"in the older place", "", chat(hello, `,"output_format":`+format), []string{"response_format", response}},
		{"in both", "", chat(hello, `,"output_format":{"type":"json_schema","schema":{}},"output_config":{"format":`+format+`}`), []string{"response_format", response}},
		{"beside tools", "", tools(`{"name":"f"}`, `,"system":"A","output_config":{"format":`+format+`}`), []string{"response_format", "",
			"messages.0.content", `"A\n\nWhen you answer with text and not with a tool call, the text must be nothing but one JSON value (output) that matches this JSON schema:\n\n{\"type\":\"object\",\"properties\":{\"title\":{\"type\":\"string\"}}}"`}},
		{"of an unknown type", "", chat(hello, `,"output_config":{"format":{"type":"xml"}}`), []string{"response_format", ""}},
		{"none", "", chat(hello, `,"output_config":{"format":null,"task_budget":{"type":"tokens","total":1}}`), []string{"response_format", ""}},
	} {
		tt.run(t)
	}
}

// Claude Code searches the web with a request of its own, which has that one tool.
func TestAWebSearchAloneIsAnsweredHere(t *testing.T) {
	body := func(more string) string {
		return chat(`{"role":"user","content":[{"type":"text","text":"Perform a web search for the query: \"q\u00e9\""}]}`,
			`,"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":8}],"tool_choice":{"type":"auto"}`+more)
	}
	turn := newTurn(t, "")
	translate(t, turn, body(""))
	a := turn.Request.Answer
	if a == nil || a.Status != 200 || a.ContentType != "" {
		t.Fatalf("the answer is %+v", a)
	}
	id := gjson.GetBytes(a.Body, "content.0.id").String()
	if !strings.HasPrefix(id, "srvtoolu_") || !json.Valid(a.Body) {
		t.Errorf("the body is %s", a.Body)
	}
	want := `{"id":"` + string(turn.Request.State.(*request).id) + `","type":"message","role":"assistant","model":"qwen3.5-thinking-coding","content":[` +
		`{"type":"server_tool_use","id":"` + id + `","name":"web_search","input":{"query":"\"qé\""}},` +
		`{"type":"web_search_tool_result","tool_use_id":"` + id + `","content":{"type":"web_search_tool_result_error","error_code":"unavailable"}},` +
		`{"type":"text","text":"Web search is not available here.","citations":null}],"stop_reason":"end_turn","stop_sequence":null,"stop_details":null,"container":null,"usage":` + string(appendUsage(nil, &hub.Usage{})) + `}`
	if string(a.Body) != want {
		t.Errorf("the body is\n%s\nwant\n%s", a.Body, want)
	}

	turn = newTurn(t, "")
	translate(t, turn, body(`,"stream":true`))
	a = turn.Request.Answer
	if a == nil || !strings.HasPrefix(a.ContentType, "text/event-stream") {
		t.Fatalf("the answer is %+v", a)
	}
	var names []string
	for _, event := range strings.Split(strings.TrimSuffix(string(a.Body), "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(strings.TrimPrefix(event, "event: "), "\ndata: ")
		if !ok || !json.Valid([]byte(data)) || gjson.Get(data, "type").String() != name || strings.Contains(data, "\n") {
			t.Errorf("an event is %q", event)
		}
		if i := gjson.Get(data, "index"); i.Exists() {
			name += " " + i.Raw
		}
		names = append(names, name)
	}
	if got := strings.Join(names, ", "); got != "message_start, ping, content_block_start 0, content_block_delta 0, content_block_stop 0, content_block_start 1, content_block_stop 1, "+
		"content_block_start 2, content_block_delta 2, content_block_stop 2, message_delta, message_stop" {
		t.Errorf("the events are %s", got)
	}
	if !strings.Contains(string(a.Body), `"partial_json":"{\"query\":\"\\\"qé\\\"\"}"`) {
		t.Errorf("the query is not in %s", a.Body)
	}

	// One more tool, or none to be called: no search.
	for _, body := range []string{
		tools(`{"type":"web_search_20250305","name":"web_search"},{"name":"f"}`, ""),
		tools(`{"type":"web_search_20250305","name":"web_search"}`, `,"tool_choice":{"type":"none"}`),
	} {
		turn := newTurn(t, "")
		if out := translate(t, turn, body); turn.Request.Answer != nil || gjson.Get(out, "messages.#").Int() != 1 {
			t.Errorf("answered here: %s", body)
		}
	}
}

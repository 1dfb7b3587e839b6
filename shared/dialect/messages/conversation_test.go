package messages

import (
	"testing"

	"github.com/tidwall/gjson"
)

func TestSystemTextsBecomeOneMessage(t *testing.T) {
	const billing = `x-anthropic-billing-header: cc_version=2.1.197.ffd; cc_entrypoint=sdk-cli;`
	for _, tt := range []translationTest{
		{"a string", "", chat(hello, `,"system":"You are.\u00e9"`), []string{"messages.0", `{"role":"system","content":"You are.\u00e9"}`}},
		{"blocks", "", chat(hello, `,"system":[{"type":"text","text":"A","cache_control":{"type":"ephemeral"}},{"type":"text","text":""},{"citations":null,"type":"text","text":"B"}]`),
			[]string{"messages.0", `{"role":"system","content":"A\n\nB"}`, "messages.#", "2"}},
		{"none", "", chat(hello, `,"system":""`), []string{"messages.#", "1"}},
		{"leading messages join it", "", chat(`{"role":"system","content":"B"},{"role":"system","content":[{"type":"text","text":"C"},{"type":"text","text":"D"}]},`+hello, `,"system":"A"`),
			[]string{"messages", `[{"role":"system","content":"A\n\nB\n\nC\n\nD"},{"role":"user","content":"Hello"}]`}},
		{"the billing block first", "", chat(hello, `,"system":[{"type":"text","text":"`+billing+`"},{"type":"text","text":"A"}]`), []string{"messages.0", `{"role":"system","content":"A"}`}},
		{"the billing block alone", "", chat(hello, `,"system":[{"type":"text","text":"`+billing+`"}]`), []string{"messages.#", "1"}},
		{"the billing block as a string", "", chat(hello, `,"system":"`+billing+`"`), []string{"messages.#", "1"}},
		{"the billing block in messages", "", chat(`{"role":"system","content":[{"type":"text","text":"`+billing+`"},{"type":"text","text":"B"}]},`+hello+`,{"role":"system","content":"`+billing+`"}`, ""),
			[]string{"messages", `[{"role":"system","content":"B"},{"role":"user","content":"Hello"}]`}},
		{"the billing block kept", `,"messages":{"keep_billing_header":true}`, chat(hello, `,"system":[{"type":"text","text":"`+billing+`"},{"type":"text","text":"A"}]`), []string{"messages.0", `{"role":"system","content":"` + billing + `\n\nA"}`}},
		{"a user may speak of billing", "", chat(`{"role":"user","content":"`+billing+`"}`, ""), []string{"messages.0.content", `"` + billing + `"`}},
	} {
		tt.run(t)
	}
}

// Where late system messages go: never before anything that was sent before them.
func TestLateSystemMessagesFold(t *testing.T) {
	const (
		call    = `{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]}`
		result  = `{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"R"}]}`
		called  = `{"role":"assistant","content":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{}"}}]}`
		system  = `{"role":"system","content":"S"}`
		picture = `{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"image","source":{"type":"url","url":"u"}}]}]}`
	)
	for _, tt := range []translationTest{
		{"behind the first user", "", chat(hello+`,`+system, ""), []string{"messages", `[{"role":"user","content":"Hello\n\nS"}]`}},
		{"behind results", "", chat(hello+`,`+call+`,`+result+`,`+system, ""), []string{"messages", `[{"role":"user","content":"Hello"},` + called + `,{"role":"tool","tool_call_id":"t1","content":"R\n\nS"}]`}},
		{"between call and results", "", chat(hello+`,`+call+`,`+system+`,`+result, ""), []string{"messages", `[{"role":"user","content":"Hello"},` + called + `,{"role":"tool","tool_call_id":"t1","content":"R\n\nS"}]`}},
		{"behind results with text", "", chat(hello+`,`+call+`,{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"R"},{"type":"text","text":"T"}]},`+system, ""),
			[]string{"messages.2.content", `"R"`, "messages.3", `{"role":"user","content":"T\n\nS"}`, "messages.#", "4"}},
		{"behind an image of a result", "", chat(hello+`,`+call+`,`+picture+`,`+system, ""),
			[]string{"messages.2.content", `"(image follows)"`, "messages.3.content", `[{"type":"image_url","image_url":{"url":"u"}},{"type":"text","text":"\n\nS"}]`}},
		{"behind an assistant", "", chat(hello+`,{"role":"assistant","content":"A"},`+system+`,{"role":"user","content":"Q"}`, ""),
			[]string{"messages", `[{"role":"user","content":"Hello"},{"role":"assistant","content":"A"},{"role":"user","content":"S\n\nQ"}]`}},
		{"behind an assistant, at the end", "", chat(hello+`,{"role":"assistant","content":"A"},`+system, ""),
			[]string{"messages", `[{"role":"user","content":"Hello"},{"role":"assistant","content":"A"},{"role":"user","content":"S"}]`, "continue_final_message", ""}},
		{"twice", "", chat(hello+`,`+system+`,{"role":"system","content":[{"type":"text","text":"T","cache_control":{}}]}`, ""), []string{"messages", `[{"role":"user","content":"Hello\n\nS\n\nT"}]`}},
		{"empty, with effort", "", chat(hello+`,{"role":"system","content":[],"output_config":{"effort":"low"}}`, ""), []string{"messages", `[{"role":"user","content":"Hello"}]`, "reasoning_effort", ""}},
		{"without content", "", chat(hello+`,{"role":"system","output_config":{"effort":"low"}}`, ""), []string{"messages", `[{"role":"user","content":"Hello"}]`}},
		{"until the user speaks", "", chat(hello+`,{"role":"system","content":"S","clear_at":"next_user_message"}`, ""), []string{"messages", `[{"role":"user","content":"Hello\n\nS"}]`}},
		{"when the user has spoken", "", chat(hello+`,{"role":"system","content":"S","clear_at":"next_user_message"},{"role":"assistant","content":"A"},{"role":"user","content":"Q"}`, ""),
			[]string{"messages", `[{"role":"user","content":"Hello"},{"role":"assistant","content":"A"},{"role":"user","content":"Q"}]`}},
		{"never to be cleared", "", chat(hello+`,{"clear_at":"never","role":"system","content":"S"},{"role":"assistant","content":"A"},{"role":"user","content":"Q"}`, ""),
			[]string{"messages.0", `{"role":"user","content":"Hello\n\nS"}`}},
		{"leading, until the user speaks", "", chat(`{"role":"system","content":"S","clear_at":"next_user_message"},`+hello, `,"system":"A"`),
			[]string{"messages", `[{"role":"system","content":"A"},{"role":"user","content":"Hello"}]`}},
	} {
		tt.run(t)
	}
}

func TestUserTurns(t *testing.T) {
	for _, tt := range []translationTest{
		{"a string", "", chat(`{"role":"user","content":"a\"\u00e9\n"}`, ""), []string{"messages.0.content", `"a\"\u00e9\n"`}},
		{"one text", "", chat(`{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"},"citations":[]}]}`, ""), []string{"messages.0", `{"role":"user","content":"a"}`}},
		{"texts", "", chat(`{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":""},{"type":"text","text":"b"}]}`, ""),
			[]string{"messages.0.content", `[{"type":"text","text":"a"},{"type":"text","text":"b"}]`}},
		{"nothing", "", chat(`{"role":"user","content":[]},{"role":"user","content":""}`, ""), []string{"messages", `[{"role":"user","content":""},{"role":"user","content":""}]`}},
		{"two in a row stay two", "", chat(hello+`,`+hello, ""), []string{"messages.#", "2"}},
		{"images", "", chat(`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="},"cache_control":{},"transformations":{}},{"type":"text","text":"a"},{"type":"image","source":{"type":"url","url":"https://x/a\u0026b"}}]}`, ""),
			[]string{"messages.0.content", `[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}},{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/a\u0026b"}}]`}},
		{"an image alone", "", chat(`{"role":"user","content":[{"type":"image","source":{"type":"url","url":"u"}}]}`, ""), []string{"messages.0.content", `[{"type":"image_url","image_url":{"url":"u"}}]`}},
		{"a document of text", "", chat(`{"role":"user","content":[{"type":"document","title":"T","context":"C","citations":{"enabled":true},"source":{"type":"text","media_type":"text/plain","data":"D\n1"}}]}`, ""),
			[]string{"messages.0.content", `"Title: T\nContext: C\nD\n1"`}},
		{"a document of a string", "", chat(`{"role":"user","content":[{"type":"document","source":{"type":"content","content":"D"}}]}`, ""), []string{"messages.0.content", `"D"`}},
		{"a document of blocks", "", chat(`{"role":"user","content":[{"type":"document","title":"T","source":{"type":"content","content":[{"type":"text","text":"a"},{"type":"image","source":{"type":"url","url":"u"}},{"type":"text","text":"b","cache_control":{}}]}}]}`, ""),
			[]string{"messages.0.content", `[{"type":"text","text":"Title: T\na"},{"type":"image_url","image_url":{"url":"u"}},{"type":"text","text":"b"}]`}},
		{"a search result", "", chat(`{"role":"user","content":[{"type":"search_result","title":"T","source":"https://s","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"citations":{"enabled":true}}]}`, ""),
			[]string{"messages.0.content", `"T\nhttps://s\na\nb"`}},
	} {
		tt.run(t)
	}
}

func TestToolResultsStandBehindTheirCalls(t *testing.T) {
	use := func(id string) string {
		return `{"type":"tool_use","id":"` + id + `","name":"f","input":{"n":"` + id + `"},"caller":{"type":"direct"}}`
	}
	result := func(id, more string) string {
		return `{"type":"tool_result","tool_use_id":"` + id + `"` + more + `}`
	}
	three := hello + `,{"role":"assistant","content":[` + use("a") + `,` + use("b") + `,` + use("c") + `]},`
	one := hello + `,{"role":"assistant","content":[` + use("a") + `]},`
	content := func(more, want string) translationTest {
		return translationTest{more, "", chat(one+`{"role":"user","content":[`+result("a", more)+`]}`, ""), []string{"messages.2", `{"role":"tool","tool_call_id":"a","content":` + want + `}`, "messages.#", "3"}}
	}
	for _, tt := range []translationTest{
		{"in the order of the calls", "", chat(three+`{"role":"user","content":[`+result("c", `,"content":"3"`)+`,`+result("b", `,"content":"2"`)+`,`+result("a", `,"content":"1"`)+`]}`, ""),
			[]string{"messages.#.tool_call_id", `["a","b","c"]`, "messages.2.content", `"1"`, "messages.4.content", `"3"`, "messages.#", "5"}},
		{"text before and between them comes after", "", chat(three+`{"role":"user","content":[{"type":"text","text":"x"},`+result("a", `,"content":"1"`)+`,{"type":"text","text":"y"},`+result("b", "")+`,`+result("c", "")+`,{"type":"text","text":"z"}]}`, ""),
			[]string{"messages.2.role", `"tool"`, "messages.4.role", `"tool"`, "messages.5", `{"role":"user","content":[{"type":"text","text":"x"},{"type":"text","text":"y"},{"type":"text","text":"z"}]}`, "messages.#", "6"}},
		{"images behind the last", "", chat(three+`{"role":"user","content":[`+result("a", `,"content":"1"`)+`,`+result("b", `,"content":[{"type":"image","source":{"type":"url","url":"u"}},{"type":"text","text":"2"}]`)+`,`+result("c", `,"content":[{"type":"image","source":{"type":"url","url":"v"}}]`)+`,{"type":"text","text":"T"}]}`, ""),
			[]string{"messages.3.content", `"2"`, "messages.4.content", `"(image follows)"`, "messages.5", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"u"}},{"type":"image_url","image_url":{"url":"v"}}]}`, "messages.6.content", `"T"`, "messages.#", "7"}},
		{"a result that is late goes back to its turn", "", chat(one+`{"role":"user","content":"wait"},{"role":"assistant","content":"ok"},{"role":"user","content":[`+result("a", `,"content":"1"`)+`]}`, ""),
			[]string{"messages.#.role", `["user","assistant","tool","user","assistant"]`, "messages.2.content", `"1"`}},
		{"a call without one", "", chat(three+`{"role":"user","content":[`+result("b", `,"content":"2"`)+`,{"type":"text","text":"go on"}]}`, ""),
			[]string{"messages.2.content", `"(no result)"`, "messages.3.content", `"2"`, "messages.4.content", `"(no result)"`}},
		{"a last turn of calls without results", "", chat(one[:len(one)-1], ""), []string{"messages.2", `{"role":"tool","tool_call_id":"a","content":"(no result)"}`, "continue_final_message", ""}},
		{"ids in other words", "", chat(`{"role":"assistant","content":[`+use(`\u0061`)+`]},{"role":"user","content":[`+result("a", `,"content":"1"`)+`]}`, ""), []string{"messages.0.tool_calls.0.id", `"a"`, "messages.1.content", `"1"`}},

		content(`,"content":"text\n"`, `"text\n"`),
		content(`,"content":[{"type":"text","text":"x","cache_control":{}},{"type":"text","text":""},{"type":"text","text":"y"}]`, `"x\ny"`),
		content(``, `""`),
		content(`,"content":null`, `""`),
		content(`,"content":[{"type":"text","text":"x"}],"content":"y"`, `"y"`),
		content(`,"content":"y","content":[{"type":"text","text":"x"}]`, `"x"`),
		content(`,"content":[{"type":"text","text":"x"}],"content":null`, `""`),
		content(`,"type":"text","content":[{"type":"text","text":"x"}],"type":"tool_result"`, `"x"`),
		content(`,"content":[]`, `""`),
		content(`,"content":"fine","is_error":false`, `"fine"`),
		content(`,"content":"it broke","is_error":true`, `"Error: it broke"`),
		content(`,"is_error":true,"content":"<tool_use_error>it broke</tool_use_error>"`, `"<tool_use_error>it broke</tool_use_error>"`),
		content(`,"content":"Exit code 3","is_error":true`, `"Exit code 3"`),
		content(`,"content":[{"type":"text","text":"Error: no"}],"is_error":true`, `"Error: no"`),
		content(`,"is_error":true`, `"Error"`),
		content(`,"content":[{"type":"document","title":"T","source":{"type":"text","data":"D"}},{"type":"search_result","title":"S","source":"u","content":[{"type":"text","text":"x"}]}]`, `"Title: T\nD\nS\nu\nx"`),
		content(`,"content":[{"type":"browser_state","tabs":[{"tab_id":"1","title":"P","url":"http://p","active":true},{"tab_id":"2","title":"","url":"http://q"}]}]`, `"P\nhttp://p\nhttp://q"`),
		content(`,"content":[{"type":"tool_reference","tool_name":"g"}],"toolset_name":"x"`, `"Tool available: g"`),
	} {
		tt.run(t)
	}
}

// What can be read of a block that nobody knows is a text; one without is named.
func TestBlocksThatNobodyKnows(t *testing.T) {
	user := func(blocks string) string { return chat(`{"role":"user","content":`+blocks+`}`, "") }
	for _, tt := range []struct {
		name, body, path, want, dropped string
	}{
		{"a text", user(`[{"type":"text","text":"a"},{"type":"note","text":"b"}]`), "messages.0.content.#.text", `["a","b"]`, ""},
		{"a content", user(`[{"type":"note","content":"b"}]`), "messages.0.content", `"b"`, ""},
		{"a list of contents", user(`[{"type":"note","content":[{"type":"x","text":"b"},{"type":"y","title":"c"}]}]`), "messages.0.content", `"b\nc"`, ""},
		{"a source", user(`[{"type":"file","source":{"type":"text","data":"b"}}]`), "messages.0.content", `"b"`, ""},
		{"nothing to read", user(`[{"type":"text","text":"a"},{"type":"video","source":{"type":"base64","data":"AA=="}},{"type":"sticker","id":1}]`), "messages.0.content", `"a"`, "video sticker"},
		{"nothing else", user(`[{"type":"sticker","text":""}]`), "messages.0.content", `""`, "sticker"},
		{"in a prompt", chat(hello, `,"system":[{"type":"rule","text":"a"},{"type":"sticker"}]`), "messages.0.content", `"a"`, "sticker"},
		{"in a late system message", chat(hello+`,{"role":"system","content":[{"type":"rule","text":"a"},{"type":"sticker"}]}`, ""), "messages.0.content", `"Hello\n\na"`, "sticker"},
		{"of the assistant", chat(hello+`,{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"aside","text":"b"},{"type":"hologram"}]},`+hello, ""), "messages.1.content", `"a\n\nb"`, "hologram"},
		{"of the assistant, without a type", chat(hello+`,{"role":"assistant","content":[{"text":"a"},{"x":1}]},`+hello, ""), "messages.1.content", `"a"`, ""},
		{"in a result", chat(hello+`,{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"log","text":"a"},{"type":"sound"}]}]}`, ""), "messages.2.content", `"a"`, "sound"},
		{"in a document", user(`[{"type":"document","source":{"type":"content","content":[{"type":"text","text":"a"},{"type":"note","text":"b"},{"type":"video"}]}}]`), "messages.0.content", `"ab"`, "video"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, d := range []Dialect{Create, CountTokens} {
				turn := newTurn(t, "")
				out, p := d.Request(nil, []byte(tt.body), turn)
				if p != nil {
					t.Fatal(p)
				}
				if got := gjson.GetBytes(out, tt.path).Raw; got != tt.want {
					t.Errorf("%s, want %s: %s", got, tt.want, out)
				}
				if got := turn.Request.DroppedItems.Join(" "); got != tt.dropped {
					t.Errorf("dropped %q, want %q", got, tt.dropped)
				}
				// Behind the request's id.
				if named := len(turn.Request.ReplyHeader) > 1; named != (tt.dropped != "") {
					t.Errorf("header: %v", turn.Request.ReplyHeader)
				}
			}
		})
	}
}

func TestAssistantTurns(t *testing.T) {
	turn := func(blocks string) string {
		return chat(hello+`,{"role":"assistant","content":`+blocks+`},`+hello, "")
	}
	for _, tt := range []translationTest{
		{"a string", "", turn(`"a"`), []string{"messages.1", `{"role":"assistant","content":"a"}`}},
		{"adjacent texts", "", turn(`[{"type":"text","text":"a"},{"type":"text","text":""},{"type":"text","text":"b","citations":[{"type":"x"}]}]`), []string{"messages.1", `{"role":"assistant","content":"ab"}`}},
		{"texts around something", "", turn(`[{"type":"text","text":"a"},{"type":"thinking","thinking":"t"},{"type":"text","text":"b"},{"type":"redacted_thinking","data":"x"},{"type":"text","text":"c"}]`),
			[]string{"messages.1", `{"role":"assistant","content":"a\n\nb\n\nc","reasoning":"t"}`}},
		{"thinking and a call", "", turn(`[{"type":"thinking","thinking":"t\u00e9","signature":""},{"type":"tool_use","id":"x","name":"f","input":{}}]`),
			[]string{"messages.1", `{"role":"assistant","content":null,"reasoning":"t\u00e9","tool_calls":[{"id":"x","type":"function","function":{"name":"f","arguments":"{}"}}]}`}},
		{"two of thinking", "", turn(`[{"type":"thinking","thinking":"a","signature":"ErUB"},{"type":"redacted_thinking","data":"x"},{"type":"thinking","thinking":"b","signature":"ours"},{"type":"text","text":"c"}]`),
			[]string{"messages.1", `{"role":"assistant","content":"c","reasoning":"a\nb"}`}},
		{"empty thinking with a signature", "", turn(`[{"type":"thinking","thinking":"","signature":"ErUB"},{"type":"text","text":"c"}]`), []string{"messages.1", `{"role":"assistant","content":"c"}`}},
		{"only thinking", "", turn(`[{"type":"thinking","thinking":"a","signature":""}]`), []string{"messages.1", `{"role":"assistant","content":null,"reasoning":"a"}`}},
		{"nothing", "", turn(`[]`), []string{"messages.1", `{"role":"assistant","content":""}`}},
		{"no text", "", turn(`""`), []string{"messages.1", `{"role":"assistant","content":""}`}},
		{"null", "", turn(`null`), []string{"messages.1", `{"role":"assistant","content":""}`}},
		{"two in a row are one", "", chat(hello+`,{"role":"assistant","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"t"},{"type":"text","text":"b"}]},`+hello, ""),
			[]string{"messages.1", `{"role":"assistant","content":"a\n\nb","reasoning":"t"}`, "messages.#", "3"}},
		{"kinds nobody knows", "", turn(`[{"type":"hologram"},{"type":"text","text":"a"},{"type":"image","source":{}},{"type":"mcp_tool_listing"},{"type":"fallback"}]`), []string{"messages.1", `{"role":"assistant","content":"a"}`}},
		{"input byte for byte", "", turn(`[{"type":"tool_use","id":"x","name":"f","input":{ "z":12345678901234567890,"a":"<>&\u00e9\/\"","z":1.0,"n":{"k":[]} }}]`),
			[]string{"messages.1.tool_calls.0.function.arguments", `"{ \"z\":12345678901234567890,\"a\":\"<>&\\u00e9\\/\\\"\",\"z\":1.0,\"n\":{\"k\":[]} }"`}},
		{"input that the client could not read", "", turn(`[{"type":"tool_use","id":"x","name":"f","input":{"__unparsedToolInput":{"raw":"{","len":1}}}]`),
			[]string{"messages.1.tool_calls.0.function.arguments", `"{\"__unparsedToolInput\":{\"raw\":\"{\",\"len\":1}}"`}},
		{"no input", "", turn(`[{"type":"tool_use","id":"x","name":"f"}]`), []string{"messages.1.tool_calls.0.function.arguments", `"{}"`}},
		{"input that is an object in a string", "", turn(`[{"type":"tool_use","id":"x","name":"f","input":"{\"a\":1}"}]`), []string{"messages.1.tool_calls.0.function.arguments", `"{\"a\":1}"`}},
		{"input that is no object", "", turn(`[{"type":"tool_use","id":"x","name":"f","input":[1]}]`), []string{"messages.1.tool_calls.0.function.arguments", `"{\"_raw_arguments\":\"[1]\"}"`}},
		{"a summary of what came before", "", turn(`[{"type":"compaction","content":"Sum."},{"type":"text","text":"a"}]`),
			[]string{"messages", `[{"role":"user","content":"Hello"},{"role":"user","content":"Sum."},{"role":"assistant","content":"a"},{"role":"user","content":"Hello"}]`}},
		{"no summary", "", turn(`[{"type":"compaction","content":null},{"type":"text","text":"a"}]`), []string{"messages.1", `{"role":"assistant","content":"a"}`, "messages.#", "3"}},
	} {
		tt.run(t)
	}
}

func TestHostedHistoryIsToldInWords(t *testing.T) {
	for _, tt := range []struct{ name, blocks, want string }{
		{"a search", `{"type":"text","text":"Let me see."},{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"qwen"}},` +
			`{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","title":"A","url":"http://a","encrypted_content":"SECRET","page_age":"1d"},{"type":"web_search_result","title":"B","url":"http://b","encrypted_content":"SECRET"}]},` +
			`{"type":"text","text":"It is ","citations":null},{"type":"text","text":"A.","citations":[{"type":"web_search_result_location","encrypted_index":"SECRET"}]}`,
			`"Let me see.\n\n[web_search: qwen]\n\nA\nhttp://a\nB\nhttp://b\n\nIt is A."`},
		{"a search that failed", `{"type":"web_search_tool_result","tool_use_id":"s","content":{"type":"web_search_tool_result_error","error_code":"unavailable"}}`, `"Error: unavailable"`},
		{"a page", `{"type":"web_fetch_tool_result","content":{"type":"web_fetch_result","url":"http://a","content":{"type":"document","title":"T","source":{"type":"text","media_type":"text/plain","data":"D"}},"retrieved_at":"2026"}}`, `"http://a\nT\nD"`},
		{"a page that is a PDF", `{"type":"web_fetch_tool_result","content":{"url":"http://a","content":{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"}}}}`, `"http://a"`},
		{"code", `{"type":"server_tool_use","name":"code_execution","input":{"code":"print(1)\n"}},{"type":"code_execution_tool_result","content":{"type":"code_execution_result","stdout":"1\n","stderr":"","return_code":2,"content":[]}}`,
			`"[code_execution: {\"code\":\"print(1)\\n\"}]\n\n1\n\nExit code 2"`},
		{"a shell", `{"type":"bash_code_execution_tool_result","content":{"type":"bash_code_execution_result","stdout":"1","stderr":"e","return_code":0,"content":[{"type":"bash_code_execution_output","file_id":"f"}]}}`, `"1\ne"`},
		{"a file", `{"type":"text_editor_code_execution_tool_result","content":{"type":"text_editor_code_execution_view_result","content":"x","file_type":"text"}}`, `"x"`},
		{"a search for tools", `{"type":"tool_search_tool_result","content":{"type":"tool_search_tool_search_result","tool_references":[{"type":"tool_reference","tool_name":"f"},{"type":"tool_reference","tool_name":"g"}]}}`, `"Tool available: f\nTool available: g"`},
		{"an adviser", `{"type":"advisor_tool_result","content":{"type":"advisor_result","text":"No."}}`, `"No."`},
		{"MCP", `{"type":"mcp_tool_use","id":"m","name":"q","server_name":"s","input":{"a":1}},{"type":"mcp_tool_result","tool_use_id":"m","is_error":false,"content":[{"type":"text","text":"r"}]}`, `"[q: {\"a\":1}]\n\nr"`},
		{"MCP that failed", `{"type":"mcp_tool_result","tool_use_id":"m","is_error":true,"content":[{"type":"text","text":"r"}]}`, `"Error: r"`},
		{"MCP in a string", `{"type":"mcp_tool_result","tool_use_id":"m","content":"r"}`, `"r"`},
	} {
		translationTest{tt.name, "", chat(hello+`,{"role":"assistant","content":[`+tt.blocks+`]},`+hello, ""), []string{"messages.1.content", tt.want, "messages.#", "3"}}.run(t)
	}
}

func TestTheModelGoesOnWithAPrefill(t *testing.T) {
	flags := func(on bool) []string {
		if on {
			return []string{"add_generation_prompt", "false", "continue_final_message", "true", "chat_template_kwargs.enable_thinking", "false"}
		}
		return []string{"add_generation_prompt", "", "continue_final_message", "", "chat_template_kwargs.enable_thinking", "true"}
	}
	for _, tt := range []translationTest{
		{"text", "", chat(hello+`,{"role":"assistant","content":"Well, \n"}`, ""), append(flags(true), "messages.1.content", `"Well,"`)},
		{"blocks", "", chat(hello+`,{"role":"assistant","content":[{"type":"text","text":"{\"a\":"}]}`, `,"thinking":{"type":"enabled","budget_tokens":2000}`),
			append(flags(true), "messages.1.content", `"{\"a\":"`, "thinking_token_budget", "")},
		{"nothing", "", chat(hello+`,{"role":"assistant","content":[]}`, ""), append(flags(false), "messages.#", "1")},
		{"only thinking", "", chat(hello+`,{"role":"assistant","content":[{"type":"thinking","thinking":"t"}]}`, ""), append(flags(false), "messages.#", "1")},
		{"a call", "", chat(hello+`,{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"x","name":"f","input":{}}]}`, ""), append(flags(false), "messages.2.role", `"tool"`)},
	} {
		tt.run(t)
	}
}

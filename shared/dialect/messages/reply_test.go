package messages

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// replyTurn is a turn with thinking on, in a window of 8192 tokens, whose ids are drawn
// from a counter.
func replyTurn(r *request) *hub.Turn {
	n := uint64(0)
	return &hub.Turn{
		Settings: &hub.Settings{},
		Edge: hub.EdgeFacts{Window: 8192, Random: func() uint64 {
			n++
			return n * 0x9E3779B97F4A7C15
		}},
		Request: hub.RequestFacts{Name: []byte(`"qwen3.5-thinking-coding"`), Model: &catalog.Model{}, Thinking: true, Limit: 1000, ReplyHeader: [][2]string{{"request-id", "req_1"}}, State: r},
	}
}

func newRequest() *request { return &request{id: []byte("msg_1")} }

// chatReply is a whole reply with that message, finish_reason and usage.
func chatReply(message, finish string) string {
	return `{"id":"chatcmpl-1","object":"chat.completion","model":"Qwen/X","choices":[{"index":0,"message":` + message +
		`,"logprobs":null,"finish_reason":` + finish + `}],"usage":{"prompt_tokens":13,"total_tokens":34,"completion_tokens":21,"prompt_tokens_details":null}}`
}

const emptyText = `{"type":"text","text":"","citations":null}`

func TestSafeguards(t *testing.T) {
	for _, tt := range []struct {
		field    string
		answered bool
	}{
		{`[{"type":"dangerous_tool_use","classifier_context":{"v":1}}]`, true},
		{`[{"type":"another"},{"type":"dangerous_tool_use"},{"type":"dangerous_tool_use"}]`, true},
		{`[{"type":"another"}]`, false}, {`[]`, false}, {`null`, false}, {`[1]`, false}, {`{}`, false},
	} {
		turn := newTurn(t, "")
		translate(t, turn, chat(hello, `,"safeguards":`+tt.field))
		body, p := Create.Reply(nil, []byte(chatReply(`{"content":"Hi"}`, `"stop"`)), turn)
		if p != nil {
			t.Fatal(p)
		}
		streamed, _ := play(turn, chunk(`{"content":"Hi"}`, "stop")+done)
		const want = `"safeguard_results":[{"type":"dangerous_tool_use","status":{"type":"unsupported"}}]`
		if n := strings.Count(string(body), want); (n == 1) != tt.answered || !gjson.ValidBytes(body) {
			t.Errorf("%s: %s", tt.field, body)
		}
		if n := strings.Count(string(streamed), want); (n == 1) != tt.answered {
			t.Errorf("%s: %s", tt.field, streamed)
		}
		if named := slices.Contains(turn.Request.Changes.Names(), "safeguards_unsupported"); named != tt.answered {
			t.Errorf("%s: %v", tt.field, turn.Request.Changes.Names())
		}
	}
}

// A request for no answer gets none, whatever the server had to write.
func TestWarming(t *testing.T) {
	turn := newTurn(t, "")
	out := translate(t, turn, `{"model":"claude-sonnet-4-5","max_tokens":0,"messages":[`+hello+`],"thinking":{"type":"enabled","budget_tokens":1024}}`)
	if gjson.Get(out, "max_completion_tokens").Raw != "1" || gjson.Get(out, "thinking_token_budget").Exists() {
		t.Error(out)
	}
	for _, message := range []string{`{"content":null,"reasoning":"The"}`, `{"content":"Hi"}`, `{"content":null,"tool_calls":[{"id":"x","type":"function","function":{"name":"f","arguments":"{"}}]}`} {
		body, p := Create.Reply(nil, []byte(chatReply(message, `"length"`)), turn)
		if p != nil {
			t.Fatal(p)
		}
		m := gjson.ParseBytes(body)
		if !gjson.ValidBytes(body) || m.Get("content").Raw != "[]" || m.Get("stop_reason").Str != "max_tokens" || m.Get("usage.input_tokens").Int() != 13 ||
			m.Get("usage.output_tokens").Raw != "0" || m.Get("usage.output_tokens_details.thinking_tokens").Raw != "0" {
			t.Errorf("%s", body)
		}
	}
	if turn.Reply.Usage.Completion != 21 {
		t.Error("the log doesn't know what the server wrote")
	}
	if _, p := Create.Reply(nil, []byte(`{"error":{"message":"no","code":400}}`), turn); p == nil || p.Status != 400 {
		t.Errorf("%+v", p)
	}
	// A search alone is answered here, but there is nobody to answer.
	if out := translate(t, newTurn(t, ""), `{"model":"claude-sonnet-4-5","max_tokens":0,"messages":[`+hello+`],"tools":[{"type":"web_search_20250305","name":"web_search"}]}`); gjson.Get(out, "tools").Exists() {
		t.Error(out)
	}
}

func TestMessages(t *testing.T) {
	tests := []struct {
		name, message, finish string
		content, stop         string
	}{
		{"thinking and text", `{"role":"assistant","content":"\n\nHello \u00e9 \ud83d\ude00!","reasoning":"A greeting.\n","tool_calls":[]}`, `"stop"`,
			`{"type":"thinking","thinking":"A greeting.\n","signature":"cXdlbnZveS90aGlua2luZy8x"},{"type":"text","text":"Hello \u00e9 \ud83d\ude00!","citations":null}`, "end_turn"},
		{"a call", `{"content":null,"reasoning":"Look.","tool_calls":[{"id":"chatcmpl-tool-1","type":"function","function":{"name":"read","arguments":"{\"path\": \"a<b>&c\", \"n\": 12345678901234567890, \"n\": 1.50}"}}]}`, `"tool_calls"`,
			`{"type":"thinking","thinking":"Look.","signature":"cXdlbnZveS90aGlua2luZy8x"},{"type":"tool_use","id":"chatcmpl-tool-1","name":"read","input":{"path": "a<b>&c", "n": 12345678901234567890, "n": 1.50}}`, "tool_use"},
		{"two calls and text", `{"content":"Both.","tool_calls":[{"id":"a","function":{"name":"x","arguments":"{}"}},{"id":"b","function":{"name":"y","arguments":"{\"k\":[]}"}}]}`, `"tool_calls"`,
			`{"type":"text","text":"Both.","citations":null},{"type":"tool_use","id":"a","name":"x","input":{}},{"type":"tool_use","id":"b","name":"y","input":{"k":[]}}`, "tool_use"},
		{"a named tool ends with stop and empty content", `{"content":"","tool_calls":[{"id":"a","function":{"name":"x","arguments":"{\"k\":1}"}}]}`, `"stop"`,
			`{"type":"tool_use","id":"a","name":"x","input":{"k":1}}`, "tool_use"},
		{"arguments in one string with line feeds", `{"content":null,"tool_calls":[{"id":"a","function":{"name":"x","arguments":"\n{\n \"k\": 1\n}\n"}}]}`, `"tool_calls"`,
			"{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"x\",\"input\":\n{\n \"k\": 1\n}\n}", "tool_use"},
		{"arguments empty", `{"tool_calls":[{"id":"a","function":{"name":"x","arguments":""}}]}`, `"tool_calls"`, `{"type":"tool_use","id":"a","name":"x","input":{}}`, "tool_use"},
		{"arguments absent", `{"tool_calls":[{"id":"a","function":{"name":"x"}}]}`, `"tool_calls"`, `{"type":"tool_use","id":"a","name":"x","input":{}}`, "tool_use"},
		{"arguments null", `{"tool_calls":[{"id":"a","function":{"name":"x","arguments":null}}]}`, `"tool_calls"`, `{"type":"tool_use","id":"a","name":"x","input":{}}`, "tool_use"},
		{"arguments the word null", `{"tool_calls":[{"id":"a","function":{"name":"x","arguments":" null"}}]}`, `"tool_calls"`, `{"type":"tool_use","id":"a","name":"x","input":{}}`, "tool_use"},
		{"arguments an object", `{"tool_calls":[{"id":"a","function":{"name":"x","arguments":{"k":"v"}}}]}`, `"tool_calls"`, `{"type":"tool_use","id":"a","name":"x","input":{"k":"v"}}`, "tool_use"},
		{"arguments a list", `{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"[1,\"b\"]"}}]}`, `"tool_calls"`,
			`{"type":"tool_use","id":"a","name":"x","input":{"_raw_arguments":"[1,\"b\"]"}}`, "tool_use"},
		{"arguments no JSON", `{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{\"k\": oops\n}"}}]}`, `"tool_calls"`,
			`{"type":"tool_use","id":"a","name":"x","input":{"_raw_arguments":"{\"k\": oops\n}"}}`, "tool_use"},
		{"arguments without their end", `{"content":"So:","tool_calls":[{"id":"a","function":{"name":"x","arguments":"{\"k\": \"oo"}}]}`, `"tool_calls"`,
			`{"type":"text","text":"So:","citations":null}`, "max_tokens"},
		{"a model that repeats itself", `{"content":"So so so"}`, `"repetition"`, `{"type":"text","text":"So so so","citations":null}`, "max_tokens"},
		{"an end that nobody knows", `{"content":"Hi"}`, `"eos"`, `{"type":"text","text":"Hi","citations":null}`, "end_turn"},
		{"a cut call is left out", `{"content":"So:","tool_calls":[{"id":"a","function":{"name":"x","arguments":"{\"k\":1}"}}]}`, `"length"`,
			`{"type":"text","text":"So:","citations":null}`, "max_tokens"},
		{"of two calls the second is cut", `{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{\"k\":1}"}},{"id":"b","function":{"name":"x","arguments":"{\"k\":2}"}}]}`, `"length"`,
			`{"type":"tool_use","id":"a","name":"x","input":{"k":1}}`, "max_tokens"},
		{"nothing left but a cut call", `{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{\"k\":1}"}}]}`, `"length"`, emptyText, "max_tokens"},
		{"a broken call in a cut turn", `{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{\"k\""}},{"id":"b","function":{"name":"x","arguments":""}}]}`, `"length"`, emptyText, "max_tokens"},
		{"nothing", `{"role":"assistant","content":null}`, `"stop"`, emptyText, "end_turn"},
		{"white space", `{"role":"assistant","content":"\n \n"}`, `"stop"`, emptyText, "end_turn"},
		{"only thinking, cut", `{"content":null,"reasoning":"I wonder"}`, `"length"`, `{"type":"thinking","thinking":"I wonder","signature":"cXdlbnZveS90aGlua2luZy8x"}`, "max_tokens"},
		{"filtered", `{"content":"I can"}`, `"content_filter"`, `{"type":"text","text":"I can","citations":null}`, "refusal"},
		{"a refusal in words", `{"content":null,"refusal":"No."}`, `"stop"`, `{"type":"text","text":"No.","citations":null}`, "refusal"},
		{"a refusal behind a text, cut", `{"content":"So:","refusal":"No"}`, `"length"`,
			`{"type":"text","text":"So:","citations":null},{"type":"text","text":"No","citations":null}`, "refusal"},
		{"a refusal of white space", `{"content":"Hi","refusal":"\n"}`, `"stop"`, `{"type":"text","text":"Hi","citations":null}`, "end_turn"},
		{"no message, filtered", `null`, `"content_filter"`, emptyText, "refusal"},
		{"no message", `null`, `"stop"`, emptyText, "refusal"},
		{"no message and no reason", `null`, `null`, emptyText, "refusal"},
		{"no message, cut", `null`, `"length"`, emptyText, "max_tokens"},
		{"no finish_reason", `{"content":"Hi"}`, `null`, `{"type":"text","text":"Hi","citations":null}`, "end_turn"},
		{"tool_calls without a call", `{"content":"Hi","tool_calls":null}`, `"tool_calls"`, `{"type":"text","text":"Hi","citations":null}`, "end_turn"},
		{"function_call", `{"content":"Hi"}`, `"function_call"`, `{"type":"text","text":"Hi","citations":null}`, "end_turn"},
		{"ids that repeat, or of odd characters", `{"tool_calls":[{"id":"a:1","function":{"name":"x","arguments":"{}"}},{"id":"a:1","function":{"name":"x","arguments":"{}"}},{"function":{"name":"x","arguments":"{}"}}]}`, `"tool_calls"`,
			`{"type":"tool_use","id":"a_1","name":"x","input":{}},{"type":"tool_use","id":"toolu_DRAWN1","name":"x","input":{}},{"type":"tool_use","id":"toolu_DRAWN2","name":"x","input":{}}`, "tool_use"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			turn := replyTurn(newRequest())
			out, p := Create.Reply([]byte("kept"), []byte(chatReply(tt.message, tt.finish)), turn)
			if p != nil {
				t.Fatalf("%+v", p)
			}
			got := numberDrawn(strings.TrimPrefix(string(out), "kept"))
			if !gjson.Valid(got) {
				t.Fatalf("not JSON: %s", got)
			}
			details := "null"
			if tt.stop == "refusal" {
				details = `{"type":"refusal","category":null,"explanation":null}`
			}
			want := `{"id":"msg_1","type":"message","role":"assistant","model":"qwen3.5-thinking-coding","content":[` + tt.content +
				`],"stop_reason":"` + tt.stop + `","stop_sequence":null,"stop_details":` + details + `,"container":null,"usage":` + usage13to21 + `}`
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

const usage13to21 = `{"input_tokens":13,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":21,"output_tokens_details":{"thinking_tokens":0},"server_tool_use":null,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"service_tier":"standard"}`

// numberDrawn gives ids that the counter drew the names DRAWN1, DRAWN2.
func numberDrawn(text string) string {
	for n := 1; ; n++ {
		i := 0
		for {
			j := strings.Index(text[i:], "toolu_")
			if j < 0 {
				return text
			}
			i += j + len("toolu_")
			if !strings.HasPrefix(text[i:], "DRAWN") {
				break
			}
		}
		text = strings.ReplaceAll(text, text[i:i+24], "DRAWN"+string(rune('0'+n)))
	}
}

func TestUsage(t *testing.T) {
	tests := []struct{ name, usage, want string }{
		{"none", ``, "0 0 0 0 0"},
		{"null details", `{"prompt_tokens":13,"completion_tokens":21,"prompt_tokens_details":null}`, "13 0 0 21 0"},
		{"cached", `{"prompt_tokens":139,"completion_tokens":34,"prompt_tokens_details":{"cached_tokens":128,"created_cache_tokens":3},"completion_tokens_details":{"reasoning_tokens":9}}`, "8 3 128 34 9"},
		{"more cached than there was", `{"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":16}}`, "0 0 10 1 0"},
		{"null counts", `{"prompt_tokens":null,"completion_tokens":null}`, "0 0 0 0 0"},
		{"below zero", `{"prompt_tokens":5,"completion_tokens":-1,"prompt_tokens_details":{"cached_tokens":-1}}`, "5 0 0 0 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := `{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]`
			if tt.usage != "" {
				body += `,"usage":` + tt.usage
			}
			out, p := Create.Reply(nil, []byte(body+"}"), replyTurn(newRequest()))
			if p != nil {
				t.Fatalf("%+v", p)
			}
			u := gjson.GetBytes(out, "usage")
			got := u.Get("input_tokens").Raw + " " + u.Get("cache_creation_input_tokens").Raw + " " + u.Get("cache_read_input_tokens").Raw + " " +
				u.Get("output_tokens").Raw + " " + u.Get("output_tokens_details.thinking_tokens").Raw
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestStopReasons(t *testing.T) {
	full := `"usage":{"prompt_tokens":8000,"completion_tokens":192}`
	tests := []struct {
		name, choice, usage string
		limit               int
		want                string
	}{
		{"the client's stop sequence", `"finish_reason":"stop","stop_reason":"\n\nHuman:"`, ``, 0, `stop_sequence "\n\nHuman:"`},
		{"a stop word that is not the client's", `"finish_reason":"stop","stop_reason":"END"`, ``, 0, `end_turn null`},
		{"a stop token", `"finish_reason":"stop","stop_reason":151645`, ``, 0, `end_turn null`},
		{"the limit", `"finish_reason":"length"`, `"usage":{"prompt_tokens":10,"completion_tokens":100}`, 100, `max_tokens null`},
		{"the window", `"finish_reason":"length"`, full, 1000, `model_context_window_exceeded null`},
		{"the window without a limit", `"finish_reason":"length"`, full, 0, `model_context_window_exceeded null`},
		{"the limit and the window at once", `"finish_reason":"length"`, full, 192, `max_tokens null`},
		{"length without usage", `"finish_reason":"length"`, ``, 1000, `max_tokens null`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRequest()
			r.stops = []string{"x", "\n\nHuman:"}
			turn := replyTurn(r)
			turn.Request.Limit = tt.limit
			body := `{"choices":[{"index":0,"message":{"content":"Hi"},` + tt.choice + `}]`
			if tt.usage != "" {
				body += "," + tt.usage
			}
			out, p := Create.Reply(nil, []byte(body+"}"), turn)
			if p != nil {
				t.Fatalf("%+v", p)
			}
			if got := gjson.GetBytes(out, "stop_reason").String() + " " + gjson.GetBytes(out, "stop_sequence").Raw; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestWhatTheRequestSaysOfCalls(t *testing.T) {
	two := `{"content":"Hi","tool_calls":[{"id":"a","function":{"name":"mcp__\"x\"","arguments":"{}"}},{"id":"b","function":{"name":"y","arguments":"{}"}}]}`
	tests := []struct {
		name   string
		change func(*request, *hub.Turn)
		want   string // type or name of each block, and stop_reason
	}{
		{"nothing", func(*request, *hub.Turn) {}, `["text","mcp__\"x\"","y"] tool_use`},
		{"tool_choice none", func(r *request, _ *hub.Turn) { r.noCalls = true }, `["text"] end_turn`},
		{"one call only", func(_ *request, t *hub.Turn) { t.Request.SingleCall = true }, `["text","mcp__\"x\""] tool_use`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRequest()
			turn := replyTurn(r)
			tt.change(r, turn)
			out, p := Create.Reply(nil, []byte(chatReply(two, `"tool_calls"`)), turn)
			if p != nil {
				t.Fatalf("%+v", p)
			}
			var blocks []string
			gjson.GetBytes(out, "content").ForEach(func(_, b gjson.Result) bool {
				if n := b.Get("name"); n.Exists() {
					blocks = append(blocks, n.Raw)
				} else {
					blocks = append(blocks, b.Get("type").Raw)
				}
				return true
			})
			if got := "[" + strings.Join(blocks, ",") + "] " + gjson.GetBytes(out, "stop_reason").String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// With thinking off, reasoning is the answer.
func TestMisplacedReasoningIsText(t *testing.T) {
	turn := replyTurn(newRequest())
	turn.Request.Thinking = false
	out, p := Create.Reply(nil, []byte(chatReply(`{"content":null,"reasoning":"Hello."}`, `"stop"`)), turn)
	if got := gjson.GetBytes(out, "content").Raw; p != nil || got != `[{"type":"text","text":"Hello.","citations":null}]` {
		t.Errorf("%s %+v", got, p)
	}
}

func TestRepliesThatAreNone(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
	}{
		{"no JSON", `{"choices":[{"message":{"content":"Hi`, 502},
		{"no choices", `{"object":"list"}`, 502},
		{"an error", `{"error":{"message":"busy","type":"x","code":503}}`, 503},
		{"broken off", `{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"abort"}]}`, 502},
		{"a failure", `{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"error"}]}`, 502},
		{"a call of no name", `{"choices":[{"index":0,"message":{"tool_calls":[{"id":"a","function":{"arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`, 502},
	}
	for _, tt := range tests {
		for _, streamed := range []bool{false, true} {
			turn := replyTurn(newRequest())
			turn.Request.Streamed = streamed
			_, p := Create.Reply(nil, []byte(tt.body), turn)
			if p == nil || p.Status != tt.status || p.Message == "" {
				t.Errorf("%s, streamed %v: %+v", tt.name, streamed, p)
			}
		}
	}
}

func TestMessageIDsDiffer(t *testing.T) {
	turn := replyTurn(nil)
	seen := map[string]bool{}
	for range 10_000 {
		turn.Request.State = &request{}
		out, _ := Create.Reply(nil, []byte(chatReply(`{"content":"Hi"}`, `"stop"`)), turn)
		id := gjson.GetBytes(out, "id").String()
		if seen[id] || !strings.HasPrefix(id, "msg_") || len(id) != len("msg_")+24 {
			t.Fatalf("%q", id)
		}
		seen[id] = true
	}
}

func TestCounts(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"vLLM", `{"count":13,"max_model_len":8192,"tokens":[4001,2252]}`, `{"input_tokens":13}`},
		{"what follows is not read", `{"count":13,"tokens":[4001,`, `{"input_tokens":13}`},
		{"later", `{"tokens":[1,2],"count":2}`, `{"input_tokens":2}`},
		{"none", `{"tokens":[1,2]}`, ``},
		{"no number", `{"count":"2"}`, ``},
		{"below zero", `{"count":-2}`, ``},
		{"no JSON", `Not here`, ``},
	}
	for _, tt := range tests {
		out, p := CountTokens.Reply(nil, []byte(tt.body), replyTurn(newRequest()))
		if string(out) != tt.want || (p == nil) != (tt.want != "") {
			t.Errorf("%s: %s %+v", tt.name, out, p)
		}
	}
}

func TestEstimates(t *testing.T) {
	r := newRequest()
	r.size = 3500
	if a := CountTokens.Estimate(replyTurn(r)); a == nil || a.Status != 200 || string(a.Body) != `{"input_tokens":1000}` || a.Header[0] != [2]string{"qwenvoy-estimated", "input_tokens"} {
		t.Errorf("%+v", a)
	}
	r.size = 1
	if a := CountTokens.Estimate(replyTurn(r)); string(a.Body) != `{"input_tokens":1}` {
		t.Errorf("%s", a.Body)
	}
	if a := Create.Estimate(replyTurn(r)); a != nil {
		t.Errorf("%+v", a)
	}
	turn := newTurn(t, "")
	body := `{"model":"qwen3.5-thinking-coding","messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + strings.Repeat("A", 1<<20) + `"}}]}]}`
	if _, p := CountTokens.Request(nil, []byte(body), turn); p != nil {
		t.Fatal(p.Message)
	}
	if a := CountTokens.Estimate(turn); string(a.Body) != `{"input_tokens":1044}` {
		t.Errorf("an image: %s", a.Body)
	}
}

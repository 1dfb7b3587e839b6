package messages

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// newTurn is a turn under the given configuration, each of its keys behind a comma, and
// with random numbers that follow from each other.
func newTurn(t testing.TB, settings string) *hub.Turn {
	t.Helper()
	if !strings.Contains(settings, `"upstreams"`) {
		settings += `,"upstreams":[{"model":"Qwen/Qwen3.5"}]`
	}
	c, err := config.Decode([]byte(`{` + settings[1:] + `}`))
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var n uint64
	return &hub.Turn{
		Settings: &hub.Settings{Catalog: cat, RejectTools: c.UnsupportedTools == "reject",
			Messages: hub.MessagesSettings{ForwardUser: c.Messages.ForwardUser, KeepBilling: c.Messages.KeepBillingHeader, RefuseSafeguards: c.Messages.Safeguards == "refuse"}},
		Edge: hub.EdgeFacts{Random: func() uint64 { n++; return n * 0x9E3779B97F4A7C15 }, Window: 32768},
	}
}

// translate turns a request and fails the test where it is refused.
func translate(t testing.TB, turn *hub.Turn, body string) string {
	t.Helper()
	out, p := Create.Request(nil, []byte(body), turn)
	if p != nil {
		t.Fatalf("refused: %d %s", p.Status, p.Message)
	}
	if turn.Request.Answer == nil && !json.Valid(out) {
		t.Fatalf("not JSON: %s", out)
	}
	return string(out)
}

// refused turns a request that must be refused with status 400.
func refused(t testing.TB, turn *hub.Turn, body string) string {
	t.Helper()
	out, p := Create.Request(nil, []byte(body), turn)
	if p == nil {
		t.Fatalf("accepted as %s", out)
	}
	if p.Status != 400 {
		t.Errorf("status %d: %s", p.Status, p.Message)
	}
	return p.Message
}

// must is what every request must have.
const must = `"model":"qwen3.5-thinking-coding","max_tokens":4096,`

// chat is the request with these messages and what else stands beside them.
func chat(messages, more string) string {
	return `{` + must + `"messages":[` + messages + `]` + more + `}`
}

// expect compares parts of the upstream's request: path, JSON, path, JSON …; "" is absent.
func expect(t *testing.T, out string, want ...string) {
	t.Helper()
	for i := 0; i < len(want); i += 2 {
		if got := gjson.Get(out, want[i]).Raw; got != want[i+1] {
			t.Errorf("%s is\n%s\nwant\n%s", want[i], got, want[i+1])
		}
	}
}

type translationTest struct {
	name     string
	settings string // of the configuration, each behind a comma
	body     string
	want     []string // as in expect
}

func (tt translationTest) run(t *testing.T) {
	t.Run(tt.name, func(t *testing.T) { expect(t, translate(t, newTurn(t, tt.settings), tt.body), tt.want...) })
}

const hello = `{"role":"user","content":"Hello"}`

// A field that nobody can do anything with is named, unless it is Anthropic's own or null.
func TestFieldsThatAreLeftOutAreNamed(t *testing.T) {
	body := chat(hello, `,"prompt_logprobs":1,"return_token_ids":true,"no_such\u005ffield":{"a":[1]},"stream_options":null,"service_tier":"auto","cache_control":{"type":"ephemeral"},"n":1,"echo":false,"top_k":3,"priority":1`)
	for _, d := range []Dialect{Create, CountTokens} {
		turn := newTurn(t, "")
		turn.Denied = []string{"priority"}
		if _, p := d.Request(nil, []byte(body), turn); p != nil {
			t.Fatal(p)
		}
		want := "prompt_logprobs, return_token_ids, no_such_field, priority"
		if d.kind == countTokens { // priority does not go there
			want = strings.TrimSuffix(want, ", priority")
		}
		if got := turn.Request.DroppedFields.Join(", "); got != want {
			t.Errorf("named are %s", got)
		}
	}
}

func TestFieldsGoUp(t *testing.T) {
	for _, tt := range []translationTest{
		{"the least", "", chat(hello, ""), []string{
			"model", `"Qwen/Qwen3.5"`, "messages", `[{"role":"user","content":"Hello"}]`, "max_completion_tokens", "4096", "max_tokens", "",
			"stream", "", "stream_options", "", "tools", "", "tool_choice", "", "stop", "", "user", "", "chat_template_kwargs", `{"enable_thinking":true}`}},
		{"a stream asks for usage from the first event on", "", chat(hello, `,"stream":true`), []string{
			"stream", "true", "stream_options", `{"include_usage":true,"continuous_usage_stats":true}`}},
		{"sampling", "", chat(hello, `,"temperature":0.25,"top_p":0.50,"top_k":7`), []string{"temperature", "0.25", "top_p", "0.50", "top_k", "7", "min_p", "0.0"}},
		{"null is absent", "", chat(hello, `,"temperature":null,"stream":null,"stop_sequences":null,"system":null,"tools":null,"tool_choice":null,"thinking":null,"metadata":null,"container":null,"mcp_servers":null,"output_config":null`), []string{
			"temperature", "0.6", "stream", "", "stop", "", "messages.#", "1"}},
		{"stop sequences, the empty one dropped", "", chat(hello, `,"thinking":{"type":"disabled"},"stop_sequences":["END","","a\"b\u00e9"]`), []string{"stop", `["END","a\"bé"]`}},
		{"stop sequences of a model that thinks", "", chat(hello, `,"stop_sequences":["END"]`), []string{"stop", ""}},
		{"no stop sequences", "", chat(hello, `,"stop_sequences":[]`), []string{"stop", ""}},
		{"the user's id stays here", "", chat(hello, `,"metadata":{"user_id":"u1"}`), []string{"user", "", "metadata", ""}},
		{"unless it is to be forwarded", `,"messages":{"forward_user":true}`, chat(hello, `,"metadata":{"user_id":"u1"}`), []string{"user", `"u1"`}},
		{"fields of vLLM", "", chat(hello, `,"min_p":0.1,"seed":12345678901234567890,"chat_template_kwargs":{"a":1},"vllm_xargs":{"b":[2]},"cache_salt":"s"`), []string{
			"min_p", "0.1", "seed", "12345678901234567890", "chat_template_kwargs", `{"enable_thinking":true,"a":1}`, "vllm_xargs", `{"b":[2]}`, "cache_salt", `"s"`}},
		{"what nobody here reads", "", chat(hello, `,"service_tier":"auto","speed":"fast","inference_geo":"eu","betas":["x"],"fallbacks":[1],"diagnostics":{},"compaction":{},"container":null,`+
			`"cache_control":{"type":"ephemeral"},"context_management":{"edits":[{"type":"clear_tool_uses_20250919"},{"type":"new"}]},"n":1,"mcp_servers":[],"no_such_field":{"a":[1]}`), []string{
			"service_tier", "", "speed", "", "inference_geo", "", "betas", "", "fallbacks", "", "diagnostics", "", "compaction", "", "container", "", "cache_control", "",
			"context_management", "", "n", "", "mcp_servers", "", "no_such_field", "", "messages.#", "1"}},
		{"a limit over the window", "", `{"model":"qwen3.5-thinking-coding","max_tokens":128000,"messages":[` + hello + `]}`, []string{"max_completion_tokens", "32768"}},
		{"a limit beyond all numbers", "", `{"model":"qwen3.5-thinking-coding","max_tokens":1e99,"messages":[` + hello + `]}`, []string{"max_completion_tokens", "32768"}},
		{"of two, the last counts", "", `{"max_tokens":1,"messages":[{"role":"user","content":"a"}],"system":"one","tools":[{"name":"x"}],"model":"no","messages":[{"role":"user","content":"b"}],"system":"two","tools":[],"model":"qwen3.5-thinking-coding","max_tokens":2}`,
			[]string{"messages", `[{"role":"system","content":"two"},{"role":"user","content":"b"}]`, "tools", "", "max_completion_tokens", "2"}},
		{"the content before the role", "", chat(`{"content":[{"text":"a","type":"text"}],"role":"user"}`, ""), []string{"messages", `[{"role":"user","content":"a"}]`}},
		{"escaped keys and types", "", chat(`{"r\u006fle":"us\u0065r","content":[{"typ\u0065":"t\u0065xt","text":"a"}]}`, ""), []string{"messages", `[{"role":"user","content":"a"}]`}},
	} {
		tt.run(t)
	}
}

func TestRepliesAnswerToTheClientsName(t *testing.T) {
	for name, want := range map[string]string{"qwen3.5-thinking-coding": "Qwen/Qwen3.5", "claude-sonnet-4-5": "Qwen/Qwen3.5", "claude-opus-5[1m]": "Qwen/Qwen3.5", "qwen3.5-instruct-general[1m]": "Qwen/Qwen3.5"} {
		turn := newTurn(t, "")
		out := translate(t, turn, `{"model":"`+name+`","max_tokens":1,"messages":[`+hello+`]}`)
		expect(t, out, "model", `"`+want+`"`)
		if string(turn.Request.Name) != `"`+name+`"` {
			t.Errorf("the turn's name is %s", turn.Request.Name)
		}
	}
	_, p := Create.Request(nil, []byte(`{"model":"gone[1m]","max_tokens":1,"messages":[`+hello+`]}`), newTurn(t, ""))
	if p == nil || p.Status != 404 || !strings.Contains(p.Message, "qwen3.5-thinking-coding") {
		t.Errorf("an unknown name: %+v", p)
	}
}

func TestTheTurnKnowsItsRequest(t *testing.T) {
	turn := newTurn(t, "")
	translate(t, turn, chat(hello, `,"stream":true,"stop_sequences":["\u0041"],"tool_choice":{"type":"none"}`))
	q := turn.Request.State.(*request)
	id := turn.RequestID()
	if !strings.HasPrefix(string(q.id), "msg_") || !strings.HasPrefix(id, "req_") || len(id) != len("req_")+24 {
		t.Errorf("ids %s, %s", q.id, id)
	}
	if len(turn.Request.ReplyHeader) != 1 || turn.Request.ReplyHeader[0] != [2]string{"request-id", id} {
		t.Errorf("header %v", turn.Request.ReplyHeader)
	}
	if !turn.Request.Streamed || !q.noCalls || len(q.stops) != 1 || q.stops[0] != "A" {
		t.Errorf("streamed %v, %+v", turn.Request.Streamed, q)
	}
	turn = newTurn(t, "")
	if _, p := Create.Request(nil, []byte(`nonsense`), turn); p == nil || turn.Request.State == nil || len(turn.Request.ReplyHeader) != 1 {
		t.Error("a refused request has no id")
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	user := func(blocks string) string { return chat(`{"role":"user","content":[`+blocks+`]}`, "") }
	call := `{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},`
	result := func(blocks string) string {
		return chat(hello+`,`+call+`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[`+blocks+`]}]}`, "")
	}
	for _, tt := range []struct{ name, body, want string }{
		{"no JSON", `{"model":`, "The request body is not valid JSON: the text ends too early"},
		{"no object", `[]`, "The request body must be a JSON object."},
		{"no model", `{"max_tokens":1,"messages":[` + hello + `]}`, "model: is required."},
		{"a model that is no name", `{"model":1,"max_tokens":1,"messages":[` + hello + `]}`, "model: must be a string."},
		{"less than no answer", `{"model":"claude-x","max_tokens":-1,"messages":[` + hello + `]}`, "max_tokens: must be at least 0."},
		{"a stream of no answer", `{"model":"claude-x","max_tokens":0,"stream":true,"messages":[` + hello + `]}`, "max_tokens: 0 asks for no answer, so it can't be combined with stream."},
		{"a call in no answer", `{"model":"claude-x","max_tokens":0,"messages":[` + hello + `],"tools":[{"name":"f"}],"tool_choice":{"type":"any"}}`, "max_tokens: 0 asks for no answer, so it can't be combined with a tool_choice"},
		{"one call in no answer", `{"model":"claude-x","max_tokens":0,"messages":[` + hello + `],"tools":[{"name":"f"}],"tool_choice":{"type":"tool","name":"f"}}`, "max_tokens: 0 asks for no answer"},
		{"a form of no answer", `{"model":"claude-x","max_tokens":0,"messages":[` + hello + `],"output_config":{"format":{"type":"json_schema","schema":{}}}}`, "max_tokens: 0 asks for no answer, so it can't be combined with a format."},
		{"a server's form of no answer", `{"model":"claude-x","max_tokens":0,"messages":[` + hello + `],"structured_outputs":{"choice":["a"]}}`, "max_tokens: 0 asks for no answer, so it can't be combined with a format."},
		{"a chat request's form of no answer", `{"model":"claude-x","max_tokens":0,"messages":[` + hello + `],"response_format":{"type":"json_object"}}`, "max_tokens: 0 asks for no answer, so it can't be combined with a format."},
		{"a form of no answer beside tools", `{"model":"claude-x","max_tokens":0,"messages":[` + hello + `],"tools":[{"name":"f"}],"output_format":{"type":"json_schema","schema":{}}}`, "max_tokens: 0 asks for no answer"},
		{"no messages", `{"model":"claude-x","max_tokens":1}`, "messages: is required"},
		{"empty messages", `{"model":"claude-x","max_tokens":1,"messages":[]}`, "messages: is required and must hold at least one"},
		{"messages that are no list", `{"model":"claude-x","max_tokens":1,"messages":{}}`, "messages: must be a list"},
		{"messages of nothing", chat(`{"role":"system","content":""}`, ""), "messages: holds nothing"},
		{"no max_tokens", `{"model":"claude-x","messages":[` + hello + `]}`, "max_tokens: is required."},
		{"max_tokens of text", `{"model":"claude-x","max_tokens":"1","messages":[` + hello + `]}`, "max_tokens: must be an integer."},
		{"max_tokens of a fraction", `{"model":"claude-x","max_tokens":1.5,"messages":[` + hello + `]}`, "max_tokens: must be an integer."},
		{"stream", chat(hello, `,"stream":"yes"`), "stream: must be true or false."},
		{"temperature", chat(hello, `,"temperature":"hot"`), "temperature: must be a number."},
		{"stop_sequences", chat(hello, `,"stop_sequences":"END"`), "stop_sequences: must be a list of strings."},
		{"a stop sequence", chat(hello, `,"stop_sequences":["a",1]`), "stop_sequences.1: must be a string."},
		{"thinking", chat(hello, `,"thinking":"on"`), "thinking: must be an object."},
		{"template arguments", chat(hello, `,"chat_template_kwargs":[]`), "chat_template_kwargs: must be an object."},
		{"system", chat(hello, `,"system":{}`), "system: must be a string or a list of text blocks."},
		{"an image in system", chat(hello, `,"system":[{"type":"text","text":"a"},{"type":"image"}]`), "system.1.type: must be text"},
		{"a message that is none", chat(`"hello"`, ""), "messages.0: must be an object"},
		{"a message without role", chat(hello+`,{"content":"a"}`, ""), "messages.1.role: must be user, assistant or system."},
		{"a role nobody has", chat(`{"role":"tool","content":"a"}`, ""), "messages.0.role: must be user"},
		{"two roles", chat(`{"role":"user","content":"a","role":"system"}`, ""), "messages.0.role: stands twice."},
		{"two contents", chat(`{"role":"user","content":"a","content":"b"}`, ""), "messages.0.content: stands twice."},
		{"no content", chat(`{"role":"user"}`, ""), "messages.0.content: is required."},
		{"content of a number", chat(`{"role":"user","content":1}`, ""), "messages.0.content: must be a string or a list"},
		{"a block that is none", user(`"a"`), "messages.0.content.0: must be an object"},
		{"a block without type", user(`{"text":"a"}`), "messages.0.content.0.type: is required."},
		{"a block of the assistant", user(`{"type":"text","text":"a"},{"type":"thinking","thinking":"b"}`), `messages.0.content.1.type: "thinking" can't stand here.`},
		{"text that is none", user(`{"type":"text","text":1}`), "messages.0.content.0.text.text: must be a string."},
		{"an image without source", user(`{"type":"image"}`), "messages.0.content.0.image.source: must be an object."},
		{"an image in a file", user(`{"type":"image","source":{"type":"file","file_id":"f"}}`), "messages.0.content.0.image.source: "},
		{"an image without data", user(`{"type":"image","source":{"type":"base64","media_type":"image/png"}}`), "messages.0.content.0.image.source: "},
		{"a PDF", user(`{"type":"text","text":"a"},{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA=="}}`), "messages.0.content.1.document.source: "},
		{"a document at a URL", user(`{"type":"document","source":{"type":"url","url":"http://x"}}`), "messages.0.content.0.document.source: "},
		{"a document in a file", user(`{"type":"document","source":{"type":"file","file_id":"f"}}`), "messages.0.content.0.document.source: "},
		{"a PDF in a result", result(`{"type":"text","text":"a"},{"type":"document","source":{"type":"base64"}}`), "messages.2.content.0.tool_result.content.1.document.source: "},
		{"a PDF in a result that says late that it is one", chat(hello+`,`+call+`{"role":"user","content":[{"tool_use_id":"t1","content":[{"source":{"type":"base64"},"type":"document"}],"type":"tool_result"}]}`, ""), "messages.2.content.0.tool_result.content.0.document.source: "},
		{"an image in a result, behind a text in one", chat(hello+`,`+call+`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"a"}]},{"type":"tool_result","tool_use_id":"t1","content":[{"type":"image"}]}]}`, ""), "messages.2.content.1.tool_result.content.0.image.source: "},
		{"an image in a document", user(`{"type":"document","source":{"type":"content","content":[{"type":"text","text":"a"},{"type":"image"}]}}`), "messages.0.content.0.document.source: "},
		{"what is in no document", user(`{"type":"document","source":{"type":"content","content":[{"type":"tool_use"}]}}`), "messages.0.content.0.document.source.content: "},
		{"a kind that is no word", user(`{"type":"A.B_tool_result","source":1}`), "messages.0.content.0.type: "},
		{"a message whose role comes late", chat(`{"content":[{"type":"image"}],"role":"user"}`, ""), "messages.0.content.0.image.source: "},
		{"an upload", user(`{"type":"container_upload","file_id":"f"}`), "messages.0.content.0: "},
		{"more blocks in a result than are read", chat(hello+`,`+call+`{"role":"user","content":[{"tool_use_id":"t1","content":[`+strings.Repeat(`{"type":"text","text":"x"},`, 100000)+`{}],"type":"tool_result"}]}`, ""), "messages.2.content.0: too many members and elements"},
		{"more blocks than are read", result(strings.Repeat(`{"type":"text","text":"x"},`, 100000) + `{}`), "The request body is not valid JSON: too many members and elements at byte "},
		{"a result in a result", result(`{"type":"tool_result"}`), `messages.2.content.0.tool_result.content.0.type: "tool_result" can't stand here.`},
		{"a result of no call", chat(hello+`,{"role":"user","content":[{"type":"text","text":"x"},{"type":"tool_result","tool_use_id":"t9","content":"r"}]}`, ""), "messages.1.content.1: unexpected `tool_use_id` found in `tool_result` blocks: t9. "},
		{"a result without id", chat(`{"role":"user","content":[{"type":"tool_result","content":"r"}]}`, ""), "messages.0.content.0.tool_result.tool_use_id: "},
		{"a call without id", chat(hello+`,{"role":"assistant","content":[{"type":"tool_use","id":"","name":"f","input":{}}]}`, ""), "messages.1.content.0.tool_use.id: "},
		{"a call without name", chat(hello+`,{"role":"assistant","content":[{"type":"tool_use","id":"t","input":{}}]}`, ""), "messages.1.content.0.tool_use.name: "},
		{"several answers", chat(hello, `,"n":2`), "n: is not supported: "},
		{"the best of several", chat(hello, `,"best_of":3`), "best_of: is not supported: "},
		{"an echo", chat(hello, `,"echo":true`), "echo: is not supported: "},
		{"beams", chat(hello, `,"use_beam_search":true`), "use_beam_search: is not supported: "},
		{"MCP servers", chat(hello, `,"mcp_servers":[{"type":"url","name":"m","url":"http://x","authorization_token":"secret"}]`), "mcp_servers: "},
		{"a container", chat(hello, `,"container":"c_1"`), "container: "},
		{"a container by id", chat(hello, `,"container":{"id":"c_1"}`), "container: "},
		{"skills", chat(hello, `,"container":{"skills":[{"type":"anthropic"}]}`), "container.skills: "},
		{"tools", chat(hello, `,"tools":{}`), "tools: must be a list."},
		{"a tool that is none", chat(hello, `,"tools":["f"]`), "tools.0: must be an object."},
		{"a tool without name", chat(hello, `,"tools":[{"name":"f"},{"input_schema":{}}]`), "tools.1.name: must be a string"},
		{"a schema that is none", chat(hello, `,"tools":[{"name":"f","input_schema":"x"}]`), "tools.0.input_schema: must be an object."},
		{"two tools of a name", chat(hello, `,"tools":[{"name":"f"},{"name":"g"},{"name":"\u0066"}]`), `tools.2.name: "f" stands twice.`},
		{"a choice of no kind", chat(hello, `,"tools":[{"name":"f"}],"tool_choice":{"type":"some"}`), "tool_choice.type: must be auto, any, tool or none."},
		{"a choice that is no object", chat(hello, `,"tools":[{"name":"f"}],"tool_choice":"auto"`), "tool_choice: must be an object."},
		{"a choice of no tool", chat(hello, `,"tools":[{"name":"f"}],"tool_choice":{"type":"tool"}`), "tool_choice.name: must be the name"},
		{"a choice of a tool that isn't there", chat(hello, `,"tools":[{"name":"f"}],"tool_choice":{"type":"tool","name":"F"}`), `tool_choice.name: "F" is none`},
		{"a choice of a hosted tool", chat(hello, `,"tools":[{"name":"f"},{"type":"web_search_20250305","name":"web_search"}],"tool_choice":{"type":"tool","name":"web_search"}`), `tool_choice.name: "web_search" is none`},
		{"a call demanded without tools", chat(hello, `,"tools":[],"tool_choice":{"type":"any"}`), "tool_choice: a call can't be demanded"},
		{"hosted tools only", chat(hello, `,"tools":[{"type":"code_execution_20250825","name":"code_execution"}]`), `tools.0: the tool "code_execution"`},
		{"a form without schema", chat(hello, `,"output_config":{"format":{"type":"json_schema"}}`), "output_config.format.schema: must be an object."},
		{"the older place of the same", chat(hello, `,"output_format":{"type":"json_schema","schema":1}`), "output_format.schema: must be an object."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := refused(t, newTurn(t, ""), tt.body); !strings.HasPrefix(got, tt.want) {
				t.Errorf("says %q, want %q", got, tt.want)
			}
		})
	}
	if got := refused(t, newTurn(t, `,"unsupported_tools":"reject"`), chat(hello, `,"tools":[{"name":"f"},{"type":"web_search_20250305","name":"web_search"}]`)); !strings.HasPrefix(got, `tools.1: the tool "web_search"`) {
		t.Errorf("with unsupported_tools: reject it says %q", got)
	}
}

// vLLM's tokenizer refuses half of a surrogate pair, which JavaScript makes of a text that
// it cuts. It stays in the history, so no later turn could be asked either.
func TestHalvesOfSurrogatePairsGoUpAsReplacements(t *testing.T) {
	out := translate(t, newTurn(t, ""), chat(`{"role":"user","content":"a\ud83d"},{"role":"assistant","content":[{"type":"text","text":"\ude42b"},{"type":"tool_use","id":"1","name":"f","input":{"k\ud800":["\ud83d\ude42"]}}]},`+
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":[{"text":"c\uDFFF","type":"text"}]}]}`,
		`,"system":[{"type":"text","text":"s\ud800"}],"stop_sequences":["x\ud800"],"tools":[{"name":"f","description":"d\ud800","input_schema":{"description":"\ud800"}}]`))
	expect(t, out, "messages.0.content", `"s\ufffd"`, "messages.1.content", `"a\ufffd"`, "messages.2.content", `"\ufffdb"`,
		"messages.2.tool_calls.0.function.arguments", `"{\"k\\ufffd\":[\"\\ud83d\\ude42\"]}"`, "messages.3.content", `"c\ufffd"`)
	if strings.Contains(out, `\ud800`) {
		t.Error(out)
	}
}

// Each field that one dialect passes, all do.
func TestAllPassedFieldsGoUp(t *testing.T) {
	for _, f := range hub.PassedFields {
		value, want := `{"a":1}`, `{"a":1}`
		switch f.Name {
		case "chat_template_kwargs":
			want = `{"enable_thinking":true,"a":1}`
		case "top_k": // one of the API's own
			value, want = "7", "7"
		case "reasoning_effort": // the word of the generation
			value, want = `"max"`, `"xhigh"`
		case "include_stop_str_in_output": // read by the editor
			value, want = "true", "true"
		}
		out := translate(t, newTurn(t, `,"upstreams":[{"model":"Qwen3.8-27B"}]`), chat(hello, `,"`+f.Name+`":`+value))
		expect(t, out, f.Name, want)
	}
	expect(t, translate(t, newTurn(t, ""), chat(hello, `,"thinking":{"type":"disabled"},"stop":["a"],"stop_sequences":["b"]`)), "stop", `["b"]`)
}

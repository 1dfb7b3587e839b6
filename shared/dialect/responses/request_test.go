package responses

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// settings has models without sampling values of their own, so that requests stay
// readable: think, plain (thinking off) and free (as the client says). warm has a
// temperature.
func settings(t testing.TB, served string) *hub.Settings {
	t.Helper()
	c, err := config.Decode([]byte(`{"upstreams":[{"model":"` + served + `"}],
		"profiles":[{"name":"on","thinking":"on","when_off":"off"},{"name":"off","thinking":"off"},{"name":"free","thinking":"client","when_off":"off"},
			{"name":"warm","thinking":"on","temperature":0.6,"top_p":0.95,"presence_penalty":1.5}],
		"models":[{"name":"think","profile":"on"},{"name":"plain","profile":"off"},{"name":"free","profile":"free"},{"name":"warm","profile":"warm"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &hub.Settings{Catalog: cat}
}

func turnOf(s *hub.Settings) *hub.Turn {
	return &hub.Turn{Settings: s, Edge: hub.EdgeFacts{Random: counter(), Now: 1700000000, Window: hub.NoWindow}}
}

// lines joins the lines of a readable JSON text.
func lines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line))
	}
	return b.String()
}

// usual is what requests for the model think begin with.
const usual = `{"chat_template_kwargs":{"enable_thinking":true},"model":"Qwen/X","messages":`

// messagesOf is the messages of a request to the model think, and what follows them.
func ask(t *testing.T, s *hub.Settings, d Dialect, body string) (string, *hub.Turn) {
	t.Helper()
	turn := turnOf(s)
	out, p := d.Request(nil, []byte(body), turn)
	if p != nil {
		t.Fatalf("refused: %+v", *p)
	}
	if !gjson.ValidBytes(out) {
		t.Fatalf("not JSON: %s", out)
	}
	return string(out), turn
}

const user = `{"role":"user","content":"Hi"}`

// Each body lacks its model, each want what usual says.
func TestRequestsBecomeChatRequests(t *testing.T) {
	tools := `"tools":[{"type":"function","name":"read","parameters":{"type":"object"}},{"type":"function","name":"write","parameters":{"type":"object"}}]`
	upstreamTools := `"tools":[{"type":"function","function":{"name":"read","parameters":{"type":"object"}}},{"type":"function","function":{"name":"write","parameters":{"type":"object"}}}]`
	tests := []struct{ name, body, want string }{
		{"a string", `"input":"Hi"`, `[` + user + `]}`},
		{"an item", `"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}]`, `[` + user + `]}`},
		{"the easy form", `"input":[{"role":"user","content":"Hi"}]`, `[` + user + `]}`},
		{"null type", `"input":[{"type":null,"role":"user","content":"Hi"}]`, `[` + user + `]}`},
		{"two texts", `"input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"text","text":"b"}]}]`,
			`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}`},
		{"no parts", `"input":[{"role":"user","content":[]}]`, `[{"role":"user","content":""}]}`},
		{"users one after another", `"input":[{"role":"user","content":"a"},{"role":"user","content":"b"}]`, `[{"role":"user","content":"a"},{"role":"user","content":"b"}]}`},
		{"escapes stay", `"input":"\u00e9 <&> \"\\\n\ud83d\ude00"`, `[{"role":"user","content":"\u00e9 <&> \"\\\n\ud83d\ude00"}]}`},
		{"instructions", `"instructions":"Be short.","input":"Hi"`, `[{"role":"system","content":"Be short."},` + user + `]}`},
		{"empty instructions", `"instructions":"","input":"Hi"`, `[` + user + `]}`},
		{"instructions as items", `"instructions":[{"role":"developer","content":"Be short."}],"input":"Hi"`, `[{"role":"system","content":"Be short."},` + user + `]}`},
		{"every system text in one, in order, late ones too", `"input":[{"role":"system","content":"b"},{"role":"developer","content":[{"type":"input_text","text":"c"},{"type":"input_text","text":"d"}]},
			{"role":"user","content":"Hi"},{"role":"developer","content":""},{"role":"developer","content":"e"}],"instructions":"a"`,
			`[{"role":"system","content":"a\n\nb\n\ncd\n\ne"},` + user + `]}`},
		{"a turn of reasoning, text and two calls, two outputs in another order", `"input":[{"role":"user","content":"Hi"},
			{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"think"},{"type":"reasoning_text","text":"more"}],"encrypted_content":null},
			{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"I read.","annotations":[],"logprobs":[]}]},
			{"type":"function_call","id":"fc_1","call_id":"c1","name":"read","arguments":"{\"n\":9007199254740993}","status":"completed"},
			{"type":"function_call","call_id":"c2","name":"write","arguments":"{}"},
			{"type":"function_call_output","call_id":"c2","output":"two"},
			{"type":"function_call_output","call_id":"c1","output":""}]`,
			`[` + user + `,{"role":"assistant","content":"I read.","reasoning":"think\nmore","tool_calls":[
			{"id":"c1","type":"function","function":{"name":"read","arguments":"{\"n\":9007199254740993}"}},
			{"id":"c2","type":"function","function":{"name":"write","arguments":"{}"}}]},
			{"role":"tool","tool_call_id":"c1","content":""},{"role":"tool","tool_call_id":"c2","content":"two"}]}`},
		{"two groups of calls", `"input":[{"role":"user","content":"Hi"},
			{"type":"function_call","call_id":"c1","name":"a","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"1"},
			{"type":"function_call","call_id":"c2","name":"b","arguments":"{}"},{"type":"function_call_output","call_id":"c2","output":"2"}]`,
			`[` + user + `,{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"a","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"1"},
			{"role":"assistant","content":null,"tool_calls":[{"id":"c2","type":"function","function":{"name":"b","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c2","content":"2"}]}`},
		{"text, call, text", `"input":[{"role":"user","content":"Hi"},{"role":"assistant","content":"a"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"role":"assistant","content":"b"}]`,
			`[` + user + `,{"role":"assistant","content":"a\n\nb","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}]}`},
		{"commentary and answer", `"input":[{"role":"user","content":"Hi"},{"role":"assistant","phase":"commentary","content":"a"},{"role":"assistant","phase":"final_answer","content":[{"type":"output_text","text":"b"},{"type":"refusal","refusal":"c"}]}]`,
			`[` + user + `,{"role":"assistant","content":"a\n\nbc"}]}`},
		{"an output behind the user's next words", `"input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"role":"user","content":"and?"},{"type":"function_call_output","call_id":"c","output":"1"}]`,
			`[` + user + `,{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"},{"role":"user","content":"and?"}]}`},
		{"a call without output", `"input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"role":"user","content":"and?"}]`,
			`[` + user + `,{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"user","content":"and?"}]}`},
		{"output as parts, an image behind the last result", `"input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call","call_id":"c2","name":"f","arguments":"{}"},
			{"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"data:image/png;base64,AA","detail":"original"},{"type":"input_text","text":"b"}]},
			{"type":"function_call_output","call_id":"c2","output":[{"type":"input_image","image_url":"data:image/png;base64,BB","detail":"high"}]}]`,
			`[` + user + `,{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"f","arguments":"{}"}}]},
			{"role":"tool","tool_call_id":"c1","content":"ab"},{"role":"tool","tool_call_id":"c2","content":"The image follows."},
			{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}},{"type":"image_url","image_url":{"url":"data:image/png;base64,BB","detail":"high"}}]}]}`},
		{"arguments that are no object", `"input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"c1","name":"f","arguments":""},{"type":"function_call","call_id":"c2","name":"f","arguments":"{\"a\":"},
			{"type":"function_call","call_id":"c3","name":"f","arguments":"[1]"},{"type":"function_call","call_id":"c4","name":"f","arguments":null},{"type":"function_call","call_id":"c5","name":"f","arguments":{"a":1}}]`,
			`[` + user + `,{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},
			{"id":"c2","type":"function","function":{"name":"f","arguments":"{\"_raw_arguments\":\"{\\\"a\\\":\"}"}},
			{"id":"c3","type":"function","function":{"name":"f","arguments":"{\"_raw_arguments\":\"[1]\"}"}},
			{"id":"c4","type":"function","function":{"name":"f","arguments":"{}"}},
			{"id":"c5","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}]}`},
		{"null for everything", `"input":"Hi","instructions":null,"max_output_tokens":null,"temperature":null,"top_p":null,"presence_penalty":null,"frequency_penalty":null,"top_logprobs":null,"stream":null,
			"stream_options":null,"tools":null,"tool_choice":null,"parallel_tool_calls":null,"max_tool_calls":null,"text":null,"reasoning":null,"include":null,"metadata":null,"store":null,"previous_response_id":null,
			"conversation":null,"background":null,"truncation":null,"context_management":null,"prompt":null,"prompt_cache_key":null,"safety_identifier":null,"user":null,"service_tier":null,"top_k":null,"seed":null,
			"chat_template_kwargs":null,"n":null,"best_of":null,"echo":null,"use_beam_search":null,"max_tokens":null,"response_format":null,"moderation":null`, `[` + user + `]}`},
		{"nulls inside", `"input":[{"type":"message","id":null,"status":null,"role":"user","content":"Hi"},{"type":"reasoning","summary":null,"content":null,"encrypted_content":null}],"reasoning":{"effort":null,"summary":null,"context":null},"text":{"format":null,"verbosity":null}`, `[` + user + `]}`},
		{"a reasoning that led nowhere", `"input":[{"role":"user","content":"Hi"},{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}]`, `[` + user + `]}`},
		{"an empty assistant", `"input":[{"role":"user","content":"Hi"},{"role":"assistant","content":[]},{"role":"assistant","content":null},{"role":"user","content":"Hi"}]`, `[` + user + `,` + user + `]}`},
		{"reasoning from its summary", `"input":[{"role":"user","content":"Hi"},{"type":"reasoning","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}],"content":null},{"role":"assistant","content":"c"}]`,
			`[` + user + `,{"role":"assistant","content":"c","reasoning":"a\nb"}]}`},
		{"what is hosted or another provider's is no part of it", `"input":[{"role":"user","content":"Hi"},{"type":"web_search_call","id":"ws_1","status":"completed","action":{}},{"type":"acme:thing","x":1},{"type":"mcp_list_tools","tools":[{"name":"x"}]},
			{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot"}}]`, `[` + user + `]}`},
		{"a remote tool's answer", `"input":[{"role":"user","content":"Hi"},{"type":"mcp_call","server_label":"wiki","name":"find","arguments":"{\"q\":1}","output":"found"}]`,
			`[` + user + `,{"role":"assistant","content":"(The tool wiki.find was called with {\"q\":1} and answered: found)"}]}`},
		{"images, video and sound of a user", `"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://x/y.png","detail":"low"},{"type":"input_image","image_url":"https://x/y.png","detail":"auto","file_id":null},
			{"type":"input_video","video_url":"https://x/y.mp4"},{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}]`,
			`[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},{"type":"image_url","image_url":{"url":"https://x/y.png"}},
			{"type":"video_url","video_url":{"url":"https://x/y.mp4"}},{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}]}`},
		{"text files", `"input":[{"role":"user","content":[{"type":"input_file","filename":"a.csv","file_data":"data:text/csv;base64,YSxiCg=="},{"type":"input_file","file_data":"plain \"text\""},
			{"type":"input_file","filename":"b.json","file_data":"data:application/json,%7B%7D"}]}]`,
			`[{"role":"user","content":[{"type":"text","text":"File a.csv:\n\na,b\n"},{"type":"text","text":"plain \"text\""},{"type":"text","text":"File b.json:\n\n{}"}]}]}`},

		{"no tools", `"input":"Hi","tools":[],"tool_choice":"auto","parallel_tool_calls":true`, `[` + user + `]}`},
		{"a choice without tools", `"input":"Hi","tool_choice":"none"`, `[` + user + `]}`},
		{"functions", `"input":"Hi","tools":[{"type":"function","name":"f","description":"d","strict":true,"output_schema":{},"defer_loading":true,"parameters":{"z":1,"a":9007199254740993,"<":"&>"}},{"type":"function","name":"g","parameters":null,"strict":null,"description":null}],"tool_choice":"auto","parallel_tool_calls":false`,
			`[` + user + `],"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"z":1,"a":9007199254740993,"<":"&>"},"strict":true}},{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}],"tool_choice":"auto","parallel_tool_calls":false}`},
		{"marks of OpenAI's own in a schema", `"input":"Hi","tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{"m":{"type":"string","encrypted":true},"encrypted":{"type":"boolean"},"n":{"encrypted":false}}}}]`,
			`[` + user + `],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"m":{"type":"string"},"encrypted":{"type":"boolean"},"n":{}}}}}]}`},
		{"of one name the first", `"input":"Hi","tools":[{"type":"function","name":"f","description":"1"},{"type":"function","name":"f","description":"2"}]`,
			`[` + user + `],"tools":[{"type":"function","function":{"name":"f","description":"1","parameters":{"type":"object","properties":{}}}}]}`},
		{"required", `"input":"Hi",` + tools + `,"tool_choice":"required"`, `[` + user + `],` + upstreamTools + `,"tool_choice":"required"}`},
		{"none keeps the tools", `"input":"Hi",` + tools + `,"tool_choice":"none"`, `[` + user + `],` + upstreamTools + `,"tool_choice":"none"}`},
		{"one function", `"input":"Hi",` + tools + `,"tool_choice":{"type":"function","name":"write"}`, `[` + user + `],` + upstreamTools + `,"tool_choice":{"type":"function","function":{"name":"write"}}}`},
		{"allowed tools", `"input":"Hi",` + tools + `,"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"write"}]}`,
			`[` + user + `],"tools":[{"type":"function","function":{"name":"write","parameters":{"type":"object"}}}],"tool_choice":"required"}`},
		{"allowed tools without mode, a hosted one among them", `"input":"Hi",` + tools + `,"tool_choice":{"type":"allowed_tools","tools":[{"type":"web_search"},{"type":"function","name":"read"}]}`,
			`[` + user + `],"tools":[{"type":"function","function":{"name":"read","parameters":{"type":"object"}}}],"tool_choice":"auto"}`},
		{"hosted tools are dropped", `"input":"Hi","tools":[{"type":"web_search"},{"type":"function","name":"f"},{"type":"tool_search"},{"type":"mcp","server_label":"x"},{"type":"shell","environment":{"type":"container_auto"}}]`,
			`[` + user + `],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]}`},

		{"json_object", `"input":"Hi","text":{"format":{"type":"json_object"}}`, `[` + user + `],"response_format":{"type":"json_object"}}`},
		{"json_schema", `"input":"Hi","text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":{"type":"object","b":1,"a":2},"description":"d"}}`,
			`[` + user + `],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","b":1,"a":2},"strict":true,"description":"d"}}}`},
		{"json_schema with tools is said in words", `"input":"Hi","instructions":"Be short.","text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object","x":"\""}}},"tools":[{"type":"function","name":"f"}]`,
			`[{"role":"system","content":"Be short.\n\nWhen you answer with text and not with a tool call, the text must be nothing but one JSON value (n) that matches this JSON schema:\n\n{\"type\":\"object\",\"x\":\"\\\"\"}"},` + user + `],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]}`},
		{"json_object with tools that may not be called", `"input":"Hi","text":{"format":{"type":"json_object"}},"tools":[{"type":"function","name":"f"}],"tool_choice":"none"`,
			`[` + user + `],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],"tool_choice":"none","response_format":{"type":"json_object"}}`},
		{"chat's own response_format wins", `"input":"Hi","text":{"format":{"type":"json_object"}},"response_format":{"type":"text"}`, `[` + user + `],"response_format":{"type":"text"}}`},

		{"limits", `"input":"Hi","max_output_tokens":4100,"max_tokens":7`, `[` + user + `],"max_completion_tokens":4100}`},
		{"the other limit", `"input":"Hi","max_tokens":2007`, `[` + user + `],"max_tokens":2007}`},
		{"sampling", `"input":"Hi","temperature":0.5,"top_p":1,"presence_penalty":-2,"frequency_penalty":1.5`, `[` + user + `],"temperature":0.5,"top_p":1,"presence_penalty":-2,"frequency_penalty":1.5}`},
		{"extras byte for byte", `"input":"Hi","top_k": 7,"min_p":0.10,"repetition_penalty":1.050,"seed":9007199254740993,"stop":[ 1 ],"vllm_xargs":{"b":1,"a":2},"logit_bias":{"1":-100}`,
			`[` + user + `],"stop":[ 1 ],"top_k":7,"min_p":0.10,"repetition_penalty":1.050,"seed":9007199254740993,"logit_bias":{"1":-100},"vllm_xargs":{"b":1,"a":2}}`},
		{"more of the server's words", `"input":"Hi","include_reasoning":false,"skip_special_tokens":false,"bad_words":["a"],"allowed_token_ids":[1],` +
			`"repetition_detection":{"max_pattern_size":9},"media_io_kwargs":{"video":{"num_frames":8}},"mm_processor_kwargs":{},"chat_template":"t","kv_transfer_params":{"a":1}`,
			`[` + user + `],"mm_processor_kwargs":{},"media_io_kwargs":{"video":{"num_frames":8}},"chat_template":"t","include_reasoning":false,` +
				`"repetition_detection":{"max_pattern_size":9},"bad_words":["a"],"allowed_token_ids":[1],"skip_special_tokens":false,"kv_transfer_params":{"a":1}}`},
		{"chat's word for the limit", `"input":"Hi","max_completion_tokens":2009,"max_tokens":7`, `[` + user + `],"max_completion_tokens":2009}`},
		{"its own word counts before chat's", `"input":"Hi","max_completion_tokens":2009,"max_output_tokens":2008`, `[` + user + `],"max_completion_tokens":2008}`},
		{"chat's word for logprobs", `"input":"Hi","logprobs":true,"top_logprobs":2`, `[` + user + `],"logprobs":true,"top_logprobs":2}`},
		{"logprobs", `"input":"Hi","top_logprobs":3`, `[` + user + `],"logprobs":true,"top_logprobs":3}`},
		{"logprobs by include", `"input":"Hi","top_logprobs":0,"include":["message.output_text.logprobs","file_search_call.results","new.thing"]`, `[` + user + `],"logprobs":true}`},
		{"a stream", `"input":"Hi","stream":true,"stream_options":{"include_obfuscation":false}`, `[` + user + `],"stream":true}`},
		{"a user", `"input":"Hi","user":"u","safety_identifier":"s"`, `[` + user + `],"user":"u"}`},
		{"a safety identifier", `"input":"Hi","safety_identifier":"s"`, `[` + user + `],"user":"s"}`},
		{"what has no counterpart", `"input":"Hi","truncation":"auto","context_management":[{"type":"compaction","compact_threshold":1000}],"prompt_cache_key":"k","prompt_cache_retention":"24h","service_tier":"flex",
			"client_metadata":{"a":"b"},"max_tool_calls":3,"moderation":{},"text":{"verbosity":"low"},"generate":false,"never_heard_of":{"a":[1]}`, `[` + user + `]}`},
		{"of two members the last", `"input":[{"role":"user","content":"a"}],"input":"Hi","tools":[{"type":"function","name":"f"}],"tools":[],"instructions":[{"role":"system","content":"x"}],"instructions":null,"top_k":1,"top_k":2`, `[` + user + `],"top_k":2}`},
		{"n of one", `"input":"Hi","n":1,"best_of":1,"echo":false,"use_beam_search":false`, `[` + user + `]}`},
		{"an effort that the model does not know", `"input":"Hi","reasoning":{"effort":"high"}`, `[` + user + `]}`},
	}
	s := settings(t, "Qwen/X")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := ask(t, s, Create, `{"model":"think",`+lines(tt.body)+`}`)
			got = strings.Replace(got, `"stream_options":{"include_usage":true},`, "", 1)
			want := usual + lines(tt.want)
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// vLLM's tokenizer refuses half of a surrogate pair, which JavaScript makes of a text that
// it cuts. It stays in the history, so no later turn could be asked either.
func TestHalvesOfSurrogatePairsGoUpAsReplacements(t *testing.T) {
	m := memory{context: `{"type":"message","role":"user","content":[{"type":"input_text","text":"a\ud83d"}]}`}
	out, turn, p := remembering(t, m, `{"model":"think","previous_response_id":"resp_1","instructions":"s\ud800","stop":["x\ud800"],"input":[{"role":"assistant","content":"\ude42b"},`+
		`{"type":"function_call","call_id":"1","name":"f","arguments":"{\"k\ud800\":\"\ud83d\ude42\"}"},{"type":"function_call_output","call_id":"1","output":"c\uDFFF"}],`+
		`"tools":[{"type":"function","name":"f","description":"d\ud800","parameters":{"description":"\ud800"}}]}`)
	if p != nil {
		t.Fatalf("%+v", *p)
	}
	for path, want := range map[string]string{"0.content": `"s\ufffd"`, "1.content": `"a\ufffd"`, "2.content": `"\ufffdb"`, "3.content": `"c\ufffd"`,
		"2.tool_calls.0.function.arguments": `"{\"k\ufffd\":\"\ud83d\ude42\"}"`} {
		if got := gjson.Get(out, "messages."+path).Raw; got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if echo := string(turn.Request.State.(*request).echo); strings.Contains(out+echo, `\ud800`) || !strings.Contains(echo, `"instructions":"s\ufffd"`) {
		t.Error(out, echo)
	}
}

// The order of members decides nothing: the same request backwards.
func TestOrderOfMembersDecidesNothing(t *testing.T) {
	s := settings(t, "Qwen/X")
	a, _ := ask(t, s, Create, `{"model":"think","tools":[{"type":"namespace","name":"n","tools":[{"type":"custom","name":"c"}]}],"instructions":"I","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]},{"type":"custom_tool_call","call_id":"c1","namespace":"n","name":"c","input":"x"}]}`)
	b, _ := ask(t, s, Create, `{"input":[{"content":[{"text":"Hi","type":"input_text"}],"role":"user","type":"message"},{"input":"x","name":"c","namespace":"n","call_id":"c1","type":"custom_tool_call"}],"instructions":"I","tools":[{"tools":[{"name":"c","type":"custom"}],"name":"n","type":"namespace"}],"model":"think"}`)
	if a != b {
		t.Errorf("%s\n%s", a, b)
	}
}

func TestBadRequestsSayWhatIsWrongAndWhere(t *testing.T) {
	call := `{"role":"user","content":"Hi"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}`
	tests := []struct{ name, body, code, param string }{
		{"no model", `"input":"Hi"`, "missing_required_parameter", "model"},
		{"a model that is no string", `"model":1,"input":"Hi"`, "invalid_type", "model"},
		{"an unknown model", `"model":"llama","input":"Hi"`, "model_not_found", "model"},
		{"no input", `"model":"think"`, "missing_required_parameter", "input"},
		{"empty input", `"model":"think","input":[]`, "missing_required_parameter", "input"},
		{"input of another type", `"model":"think","input":{}`, "invalid_type", "input"},
		{"nobody asks", `"model":"think","input":[{"role":"developer","content":"x"}]`, "missing_required_parameter", "input"},
		{"instructions of another type", `"model":"think","input":"Hi","instructions":3`, "invalid_type", "instructions"},
		{"an item that is none", `"model":"think","input":[{"role":"user","content":"Hi"},"x"]`, "invalid_type", "input[1]"},
		{"an item without type", `"model":"think","input":[{"content":"x"}]`, "missing_required_parameter", "input[0].type"},
		{"nothing but an unknown item", `"model":"think","input":[{"type":"agent_message"}]`, "missing_required_parameter", "input"},
		{"an update's effort", `"model":"think","input":[{"role":"user","content":"Hi"},{"type":"configuration_update","reasoning":{"effort":"huge"}}]`, "invalid_value", "input[1].reasoning.effort"},
		{"an update's effort of another type", `"model":"think","input":[{"role":"user","content":"Hi"},{"type":"configuration_update","reasoning":3}]`, "invalid_type", "input[1].reasoning"},
		{"an update's form", `"model":"think","input":[{"role":"user","content":"Hi"},{"type":"configuration_update","text":{"format":{"type":"yaml"}}}]`, "invalid_value", "input[1].text.format.type"},
		{"an unknown role", `"model":"think","input":[{"role":"tool","content":"x"}]`, "invalid_value", "input[0].role"},
		{"no content", `"model":"think","input":[{"role":"user"}]`, "missing_required_parameter", "input[0].content"},
		{"content of another type", `"model":"think","input":[{"role":"user","content":7}]`, "invalid_type", "input[0].content"},
		{"a part without text", `"model":"think","input":[{"role":"user","content":[{"type":"input_text"}]}]`, "missing_required_parameter", "input[0].content[0].text"},
		{"a part that is none", `"model":"think","input":[{"role":"user","content":["a"]}]`, "invalid_type", "input[0].content[0]"},
		{"an image in a system message", `"model":"think","input":[{"role":"developer","content":[{"type":"input_image","image_url":"x"}]}]`, "invalid_value", "input[0].content[0].type"},
		{"a stored image", `"model":"think","input":[{"role":"user","content":[{"type":"input_image","file_id":"file_1"}]}]`, "unsupported_value", "input[0].content[0].file_id"},
		{"a PDF", `"model":"think","input":[{"role":"user","content":[{"type":"input_file","file_data":"data:application/pdf;base64,JVBERi0="}]}]`, "unsupported_value", "input[0].content[0].file_data"},
		{"a bare PDF", `"model":"think","input":[{"role":"user","content":[{"type":"input_file","file_data":"JVBERi0xLjc="}]}]`, "unsupported_value", "input[0].content[0].file_data"},
		{"a file's address", `"model":"think","input":[{"role":"user","content":[{"type":"input_file","file_url":"https://x"}]}]`, "unsupported_value", "input[0].content[0].file_url"},
		{"an orphan", `"model":"think","input":[` + call + `,{"type":"function_call_output","call_id":"d","output":"x"}]`, "", "input"},
		{"an output of another type", `"model":"think","input":[` + call + `,{"type":"function_call_output","call_id":"c","output":7}]`, "invalid_type", "input[2].output"},
		{"no output", `"model":"think","input":[` + call + `,{"type":"function_call_output","call_id":"c"}]`, "missing_required_parameter", "input[2].output"},
		{"an empty call_id", `"model":"think","input":[{"type":"function_call","call_id":"","name":"f","arguments":"{}"}]`, "empty_string", "input[0].call_id"},
		{"no call_id", `"model":"think","input":[{"type":"function_call","name":"f","arguments":"{}"}]`, "missing_required_parameter", "input[0].call_id"},
		{"no name", `"model":"think","input":[{"type":"function_call","call_id":"c","arguments":"{}"}]`, "missing_required_parameter", "input[0].name"},
		{"arguments of another type", `"model":"think","input":[{"type":"function_call","call_id":"c","name":"f","arguments":[1]}]`, "invalid_type", "input[0].arguments"},
		{"a shell's call_id of another type", `"model":"think","input":[{"type":"local_shell_call","id":"l","call_id":7,"action":{}}]`, "invalid_type", "input[0].call_id"},
		{"an approval", `"model":"think","input":[{"type":"mcp_approval_response"}]`, "unsupported_value", "input[0].type"},
		{"a reference", `"model":"think","input":[{"id":"msg_1"}]`, "invalid_value", "input[0].id"},
		{"a foreign summary", `"model":"think","input":[{"type":"compaction","encrypted_content":"gAAAA"}]`, "invalid_encrypted_content", "input[0].encrypted_content"},

		{"tools of another type", `"model":"think","input":"Hi","tools":{}`, "invalid_type", "tools"},
		{"a tool that is none", `"model":"think","input":"Hi","tools":[1]`, "invalid_type", "tools[0]"},
		{"a tool without type", `"model":"think","input":"Hi","tools":[{"name":"f"}]`, "missing_required_parameter", "tools[0].type"},
		{"a tool without name", `"model":"think","input":"Hi","tools":[{"type":"function","function":{"name":"f"}}]`, "missing_required_parameter", "tools[0].name"},
		{"a name with a space", `"model":"think","input":"Hi","tools":[{"type":"function","name":"a b"}]`, "invalid_value", "tools[0].name"},
		{"a name too long", `"model":"think","input":"Hi","tools":[{"type":"custom","name":"` + strings.Repeat("a", 65) + `"}]`, "invalid_value", "tools[0].name"},
		{"a name inside a namespace", `"model":"think","input":"Hi","tools":[{"type":"function","name":"f"},{"type":"namespace","name":"n","tools":[{"type":"function","name":"g"},{"type":"function","name":"h.i"}]}]`, "invalid_value", "tools[1].tools[1].name"},
		{"parameters that are a list", `"model":"think","input":"Hi","tools":[{"type":"function","name":"f","parameters":[]}]`, "invalid_type", "tools[0].parameters"},
		{"nothing but hosted tools", `"model":"think","input":"Hi","tools":[{"type":"web_search"}]`, "unsupported_value", "tools[0].type"},
		{"a grammar without definition", `"model":"think","input":"Hi","tools":[{"type":"custom","name":"c","format":{"type":"grammar","syntax":"lark"}}]`, "missing_required_parameter", "tools[0].format.definition"},
		{"a hosted choice", `"model":"think","input":"Hi","tools":[{"type":"function","name":"f"},{"type":"web_search"}],"tool_choice":{"type":"web_search_preview"}`, "unsupported_value", "tool_choice"},
		{"an unknown function", `"model":"think","input":"Hi","tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"function","name":"g"}`, "invalid_value", "tool_choice"},
		{"an unknown word", `"model":"think","input":"Hi","tool_choice":"any"`, "invalid_value", "tool_choice"},
		{"required without tools", `"model":"think","input":"Hi","tool_choice":"required"`, "invalid_value", "tool_choice"},
		{"an unknown allowed tool", `"model":"think","input":"Hi","tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"g"}]}`, "invalid_value", "tool_choice.tools[0]"},
		{"no allowed tool", `"model":"think","input":"Hi","tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[]}`, "invalid_value", "tool_choice.tools"},
		{"a shell that is not there", `"model":"think","input":"Hi","tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"shell"}`, "invalid_value", "tool_choice"},

		{"an unknown effort", `"model":"think","input":"Hi","reasoning":{"effort":"huge"}`, "invalid_value", "reasoning.effort"},
		{"an effort of another type", `"model":"think","input":"Hi","reasoning":{"effort":1}`, "invalid_type", "reasoning.effort"},
		{"a schema without name", `"model":"think","input":"Hi","text":{"format":{"type":"json_schema","schema":{}}}`, "missing_required_parameter", "text.format.name"},
		{"a schema without schema", `"model":"think","input":"Hi","text":{"format":{"type":"json_schema","name":"n"}}`, "missing_required_parameter", "text.format.schema"},
		{"an unknown format", `"model":"think","input":"Hi","text":{"format":{"type":"yaml"}}`, "invalid_value", "text.format.type"},
		{"no tokens", `"model":"think","input":"Hi","max_output_tokens":0`, "invalid_value", "max_output_tokens"},
		{"half a token", `"model":"think","input":"Hi","max_output_tokens":1.5`, "invalid_type", "max_output_tokens"},
		{"too hot", `"model":"think","input":"Hi","temperature":2.1`, "invalid_value", "temperature"},
		{"temperature as text", `"model":"think","input":"Hi","temperature":"1"`, "invalid_type", "temperature"},
		{"too many logprobs", `"model":"think","input":"Hi","top_logprobs":21`, "invalid_value", "top_logprobs"},
		{"kwargs that are a list", `"model":"think","input":"Hi","chat_template_kwargs":[]`, "invalid_type", "chat_template_kwargs"},
		{"several answers", `"model":"think","input":"Hi","n":2`, "unsupported_value", "n"},
		{"beams", `"model":"think","input":"Hi","use_beam_search":true`, "unsupported_value", "use_beam_search"},
		{"the best of several", `"model":"think","input":"Hi","best_of":3`, "unsupported_value", "best_of"},
		{"an echo", `"model":"think","input":"Hi","echo":true`, "unsupported_value", "echo"},
		{"a stored prompt", `"model":"think","input":"Hi","prompt":{"id":"p"}`, "unsupported_parameter", "prompt"},
		{"metadata with a number", `"model":"think","input":"Hi","metadata":{"a":1}`, "invalid_type", "metadata.a"},
		{"a long metadata value", `"model":"think","input":"Hi","metadata":{"a":"` + strings.Repeat("é", 513) + `"}`, "invalid_value", "metadata.a"},
		{"a long metadata key", `"model":"think","input":"Hi","metadata":{"` + strings.Repeat("a", 65) + `":"a"}`, "invalid_value", "metadata"},
		{"stream as text", `"model":"think","input":"Hi","stream":"true"`, "invalid_type", "stream"},
		{"truncation", `"model":"think","input":"Hi","truncation":"middle"`, "invalid_value", "truncation"},
		{"include as text", `"model":"think","input":"Hi","include":"x"`, "invalid_type", "include"},

		{"an earlier response", `"model":"think","input":"Hi","previous_response_id":"resp_1"`, "previous_response_not_found", "previous_response_id"},
		{"a conversation", `"model":"think","input":"Hi","conversation":{"id":"conv_1"}`, "unsupported_parameter", "conversation"},
		{"in the background", `"model":"think","input":"Hi","background":true`, "unsupported_parameter", "background"},
		{"both", `"model":"think","input":"Hi","previous_response_id":"resp_1","conversation":"conv_1"`, "invalid_value", "previous_response_id"},
	}
	s := settings(t, "Qwen/X")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, p := Create.Request([]byte("before"), []byte(`{`+tt.body+`}`), turnOf(s))
			if p == nil {
				t.Fatalf("accepted: %s", out)
			}
			if p.Code != tt.code || p.Param != tt.param || p.Message == "" || p.Reason == "" {
				t.Errorf("got %+v", *p)
			}
			if want := map[bool]int{true: 404, false: 400}[tt.code == "model_not_found"]; p.Status != want {
				t.Errorf("status %d", p.Status)
			}
		})
	}
	for _, body := range []string{``, `[]`, `{"model":`, `{} x`, `"a"`} {
		if _, p := Create.Request(nil, []byte(body), turnOf(s)); p == nil || p.Status != 400 || p.Param != "" || p.Code != "" {
			t.Errorf("%q: %+v", body, p)
		}
	}
	for _, key := range []string{"previous_response_id", "conversation", "background"} {
		value := map[bool]string{true: "true", false: `"x"`}[key == "background"]
		_, p := Create.Request(nil, []byte(`{"model":"think","input":"Hi","`+key+`":`+value+`}`), turnOf(s))
		if p == nil || !strings.Contains(p.Message, "qwenvoy binary") {
			t.Errorf("%s: the message does not say where to go: %+v", key, p)
		}
	}
}

package responses

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// echoed is the response object's part that follows from the request.
func echoed(t *testing.T, body string) gjson.Result {
	t.Helper()
	_, turn := ask(t, settings(t, "Qwen/X"), Create, body)
	e := "{" + string(turn.Request.State.(*request).echo) + "}"
	if !gjson.Valid(e) {
		t.Fatalf("not JSON: %s", e)
	}
	if strings.ContainsAny(e, "\n\r") {
		t.Errorf("line breaks in what goes into an event: %q", e)
	}
	return gjson.Parse(e)
}

func TestEveryKeyIsThereWhateverWasSent(t *testing.T) {
	want := `{"previous_response_id":null,"instructions":null,"model":"think","tools":[],"tool_choice":"auto","parallel_tool_calls":true,"temperature":1,"top_p":1,
		"presence_penalty":0,"frequency_penalty":0,"top_logprobs":0,"text":{"format":{"type":"text"}},"reasoning":{"effort":null,"summary":null},"truncation":"disabled",
		"max_output_tokens":null,"max_tool_calls":null,"store":false,"background":false,"service_tier":"default","metadata":{},"safety_identifier":null,"prompt_cache_key":null}`
	for _, body := range []string{`{"model":"think","input":"Hi"}`, `{"model":"think","input":"Hi","store":true,"background":false,"service_tier":"flex","metadata":null,"user":null,"text":{"format":null}}`} {
		if got := echoed(t, body).Raw; got != lines(want) {
			t.Errorf("got  %s\nwant %s", got, lines(want))
		}
	}
}

func TestTheClientsValuesComeBack(t *testing.T) {
	e := echoed(t, `{"model":"th\u0069nk","input":[{"role":"user","content":"Hi"}],"instructions":"Be\nshort.","metadata":{
			"a":"b"},"temperature":0.50,"top_p":0.9,"presence_penalty":1,"frequency_penalty":-1,"top_logprobs":2,"max_output_tokens":99,"max_tool_calls":4,"parallel_tool_calls":false,
		"truncation":"auto","prompt_cache_key":"k","safety_identifier":"s","user":"u","reasoning":{"effort":"medium","generate_summary":"auto","context":"all_turns"},
		"text":{"verbosity":"low","format":{"type":"json_schema","name":"n",
			"schema":{"b":1,"a":9007199254740993}}},
		"tools":[ {"type":"function","name":"f","parameters":{"x":1}}, {"name":"g","type":"function","description":null,"parameters":{},"strict":false },{"type":"custom","name":"c"},{"type":"web_search"},
			{"type":"namespace","name":"n","tools":[{"type":"function","name":"h"}]}],
		"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"}]}}`)
	for path, want := range map[string]string{
		"model": `"th\u0069nk"`, "instructions": `"Be\nshort."`, "metadata.a": `"b"`, "temperature": "0.50", "top_p": "0.9", "presence_penalty": "1", "frequency_penalty": "-1", "top_logprobs": "2",
		"max_output_tokens": "99", "max_tool_calls": "4", "parallel_tool_calls": "false", "truncation": `"auto"`, "prompt_cache_key": `"k"`, "safety_identifier": `"s"`, "user": `"u"`,
		"reasoning":         `{"effort":"medium","summary":"auto"}`,
		"text":              `{"format":{"type":"json_schema","name":"n",			"schema":{"b":1,"a":9007199254740993}},"verbosity":"low"}`,
		"tools.0":           `{"type":"function","name":"f","parameters":{"x":1},"description":null,"strict":null}`,
		"tools.1":           `{"name":"g","type":"function","description":null,"parameters":{},"strict":false }`,
		"tools.2":           `{"type":"custom","name":"c"}`,
		"tools.3":           `{"type":"web_search"}`,
		"tools.4":           `{"type":"namespace","name":"n","tools":[{"type":"function","name":"h"}]}`,
		"tool_choice":       `{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"}]}`,
		"tool_choice.tools": `[{"type":"function","name":"f"}]`,
	} {
		if got := e.Get(path).Raw; got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

// The schema of the response object wants a mode, which Open Responses lets a request leave out.
func TestAllowedToolsComeBackWithTheirMode(t *testing.T) {
	const tools = `"tools":[{"type":"function","name":"f"}]`
	for sent, want := range map[string]string{
		`"tool_choice":{"type":"allowed_tools",` + tools + `}`:                   `{"type":"allowed_tools","mode":"auto",` + tools + `}`,
		`"tool_choice":{"mode":null,` + tools + `,"type":"allowed_tools"}`:       `{"type":"allowed_tools","mode":"auto",` + tools + `}`,
		`"tool_choice":{"type":"allowed_tools","mode":"required",` + tools + `}`: `{"type":"allowed_tools","mode":"required",` + tools + `}`,
		`"tool_choice":{"type":"function","name":"f"}`:                           `{"type":"function","name":"f"}`,
	} {
		e := echoed(t, `{"model":"think","input":"Hi",`+tools+`,`+sent+`}`)
		if got := e.Get("tool_choice").Raw; got != want {
			t.Errorf("%s comes back as %s, want %s", sent, got, want)
		}
	}
}

func TestTheEchoSaysWhichSamplingValuesWereUsed(t *testing.T) {
	tests := []struct {
		name, model, body, temperature, topP, presence string
		enforce                                        bool
	}{
		{"neither names any", "think", ``, "1", "1", "0", false},
		{"the profile's", "warm", ``, "0.6", "0.95", "1.5", false},
		{"the client's before the profile's", "warm", `,"temperature":0.1`, "0.1", "0.95", "1.5", false},
		{"the profile's where it is enforced", "warm", `,"temperature":0.1,"frequency_penalty":1`, "0.6", "0.95", "1.5", true},
		{"the client's where the profile has none to enforce", "think", `,"temperature":0.1`, "0.1", "1", "0", true},
		{"the other set with thinking off", "warm", `,"reasoning":{"effort":"none"}`, "0.7", "0.8", "1.5", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings(t, "Qwen/X")
			enforce(s, tt.enforce)
			got, turn := ask(t, s, Create, `{"model":"`+tt.model+`","input":"Hi"`+tt.body+`}`)
			e := gjson.Parse("{" + string(turn.Request.State.(*request).echo) + "}")
			for key, want := range map[string]string{"temperature": tt.temperature, "top_p": tt.topP, "presence_penalty": tt.presence} {
				if v := e.Get(key).Raw; v != want {
					t.Errorf("%s is %s, want %s", key, v, want)
				}
				if v := gjson.Get(got, key).Raw; v != "" && v != want {
					t.Errorf("%s went up as %s", key, v)
				}
			}
		})
	}
}

func TestTheEchoLeavesNothingOfTheBodyBehind(t *testing.T) {
	body := []byte(`{"model":"think","input":[{"role":"user","content":"secret"}],"metadata":{"a":"b"},"tools":[{"type":"namespace","name":"ns","tools":[{"type":"custom","name":"tool"}]}],"instructions":"Be short."}`)
	turn := turnOf(settings(t, "Qwen/X"))
	if _, p := Create.Request(nil, body, turn); p != nil {
		t.Fatal(p)
	}
	r := turn.Request.State.(*request)
	before, table := string(r.echo), r.tools.Tools[0]
	name, namespace := string(table.Name), string(table.Namespace)
	clear(body)
	other := turnOf(turn.Settings)
	if _, p := Create.Request(nil, []byte(`{"model":"warm","input":"Other","tools":[{"type":"function","name":"xxxxxxxxxxxxx"}]}`), other); p != nil {
		t.Fatal(p)
	}
	if string(r.echo) != before || string(r.tools.Tools[0].Name) != name || string(r.tools.Tools[0].Namespace) != namespace || r.tools.Tools[0].Upstream != "ns__tool" {
		t.Error("what is kept for the reply changed with the body that was lent")
	}
	if strings.Contains(before, "secret") {
		t.Error("the echo holds the prompt")
	}
}

func TestExtrasOfTheClientsCountUnlessTheProfileIsEnforced(t *testing.T) {
	const body = `{"model":"qwen3.5-thinking-coding","input":"Hi","top_k":7,"min_p":0.1,"repetition_penalty":1.05}`
	s := settings(t, "Qwen/X")
	got, _ := ask(t, s, Create, body)
	enforce(s, true)
	enforced, _ := ask(t, s, Create, body)
	for key, want := range map[string][2]string{"top_k": {"7", "20"}, "min_p": {"0.1", "0.0"}, "repetition_penalty": {"1.05", "1.0"}, "temperature": {"0.6", "0.6"}} {
		if a, b := gjson.Get(got, key).Raw, gjson.Get(enforced, key).Raw; a != want[0] || b != want[1] {
			t.Errorf("%s went up as %s, and enforced as %s", key, a, b)
		}
	}
}

// enforce has the sampling values of all models count before a client's.
func enforce(s *hub.Settings, on bool) {
	for _, m := range s.Catalog.Models() {
		m.Enforce = on
	}
}

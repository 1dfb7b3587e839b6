package grammar

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/qwenvoy/qwenvoy/e2e/fold"
	"github.com/qwenvoy/qwenvoy/e2e/schema"
	checker "github.com/qwenvoy/qwenvoy/native/grammar/responses"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// variant is a configuration, what a client asked for, and how the checker knows of it.
type variant struct {
	name    string
	config  string // of the responses section
	request string // members beside model, input and stream
	options checker.Options
	// replace turns what the upstream says of plain functions into what it says to this request.
	replace *strings.Replacer
}

const functions = `"tools":[{"type":"function","name":"x"},{"type":"function","name":"read_file","parameters":{"type":"object"}},{"type":"function","name":"get_weather","strict":true}]`

var variants = []variant{
	{name: "functions", request: functions},
	{name: "thinking as a summary", request: functions + `,"reasoning":{"effort":"high","summary":"auto"},"include":["reasoning.encrypted_content"]`},
	{name: "thinking as Open Responses names it", config: `"reasoning_events":"open-responses","done_marker":true`, request: functions + `,"max_output_tokens":100,"metadata":{"a":"b"}`,
		options: checker.Options{OpenResponses: true, Done: true}},
	{name: "custom tools", request: `"tools":[{"type":"custom","name":"x","format":{"type":"text"}},{"type":"namespace","name":"ns","description":"d","tools":[{"type":"function","name":"read_file"},{"type":"custom","name":"exec"}]}]`,
		replace: strings.NewReplacer(`read_file`, `ns__read_file`, `get_weather`, `ns__exec`, `\"k\"`, `\"input\"`)},
	{name: "shells", request: `"tools":[{"type":"local_shell"},{"type":"shell","environment":{"type":"local"}}]`,
		replace: strings.NewReplacer(`"x"`, `"local_shell"`, `read_file`, `shell`, `get_weather`, `shell`, `\"k\"`, `\"commands\"`)},
	{name: "patches and searches", request: `"tools":[{"type":"apply_patch"},{"type":"tool_search","execution":"client","description":"d","parameters":{"type":"object"}}]`,
		replace: strings.NewReplacer(`"x"`, `"apply_patch"`, `read_file`, `tool_search`, `get_weather`, `apply_patch`, `\"k\"`, `\"path\"`)},
	{name: "no calls", request: functions + `,"tool_choice":"none","include":["message.output_text.logprobs"],"top_logprobs":1`},
	{name: "one call", request: functions + `,"parallel_tool_calls":false,"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"x"},{"type":"function","name":"get_weather"}]}`},
	{name: "thinking off", request: functions + `,"reasoning":{"effort":"none"},"text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"}}}`},
}

// gatewayOf gives each configuration its gateway once.
func gatewayOf(t testing.TB, v *variant) *gateway.Gateway {
	t.Helper()
	c, err := config.Decode([]byte(`{"upstreams":[{"model":"Qwen/Qwen3.5-397B-A17B-FP8"}],"responses":{` + v.config + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(c, gateway.Edge{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// asked is an exchange whose request has gone up and whose answer has begun.
func asked(t testing.TB, g *gateway.Gateway, v *variant, stream bool, contentType string) *gateway.Exchange {
	t.Helper()
	n := uint64(0)
	x := g.Open(gateway.Head{Method: "POST", Path: "/v1/responses", Header: func(string) string { return "" }},
		gateway.Env{Now: 1795248367, Random: func() uint64 { n++; return n * 0x9E3779B97F4A7C15 }})
	body := fmt.Sprintf(`{"model":"qwen3.5-thinking-coding","input":"Hi","stream":%v,%s}`, stream, v.request)
	if _, a := x.Request(nil, []byte(body)); a != nil {
		t.Fatalf("%s: refused: %s", v.name, a.Body)
	}
	p := x.ReplyHead(200, func(name string) string {
		if name == "content-type" {
			return contentType
		}
		return ""
	})
	if p.Mode == gateway.ReplyLocal {
		t.Fatalf("%s: %s", v.name, p.Answer.Body)
	}
	return x
}

// answer takes an upstream's stream through an exchange, in pieces that end at cuts.
func answer(t testing.TB, g *gateway.Gateway, v *variant, upstream []byte, cuts ...int) (out []byte) {
	t.Helper()
	x := asked(t, g, v, true, "text/event-stream")
	out = x.Reply(nil, nil, false)
	at := 0
	for _, n := range cuts {
		piece := slices.Clone(upstream[at:n])
		out = x.Reply(out, piece, false)
		clear(piece) // the core may keep nothing of it
		at = n
	}
	return x.Reply(out, slices.Clone(upstream[at:]), true)
}

func checkResponses(t *testing.T, what string, stream []byte, o checker.Options, tolerated []string) {
	t.Helper()
	for _, fault := range checker.Check(stream, o) {
		if !slices.ContainsFunc(tolerated, func(s string) bool { return strings.Contains(fault.Error(), s) }) {
			t.Errorf("%s: %v\n%s", what, fault, stream)
		}
	}
}

func TestRecordedStreamsBecomeGoodResponses(t *testing.T) {
	var files []string
	for _, dialect := range []string{"messages", "responses"} {
		list, err := filepath.Glob("../../shared/dialect/" + dialect + "/testdata/recordings/*.txtar")
		if err != nil || len(list) == 0 {
			t.Fatal(dialect, err)
		}
		files = append(files, list...)
	}
	for i := range variants {
		v := &variants[i]
		g := gatewayOf(t, v)
		for _, file := range files {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			upstream := []byte(fold.Out(string(a.Files[0].Data)))
			if v.replace != nil {
				upstream = []byte(v.replace.Replace(string(upstream)))
			}
			name := v.name + ", " + strings.TrimSuffix(filepath.Base(file), ".txtar")
			if upstream[0] == '{' {
				out, failed := asked(t, g, v, false, "application/json").ReplyWhole(nil, upstream)
				if failed != nil {
					t.Fatalf("%s: %s", name, failed.Body)
				}
				for _, fault := range append(checker.Object(out), schema.Response(out)...) {
					t.Errorf("%s: %v\n%s", name, fault, out)
				}
				if out, failed = asked(t, g, v, true, "application/json").ReplyWhole(nil, upstream); failed != nil {
					t.Fatalf("%s: %s", name, failed.Body)
				}
				checkResponses(t, name+" as a stream", out, v.options, nil)
				continue
			}
			want := answer(t, g, v, upstream)
			checkResponses(t, name, want, v.options, nil)
			if !v.options.OpenResponses { // whose names of events OpenAI's types don't know
				for _, fault := range schema.ResponsesStream(want) {
					t.Errorf("%s, by OpenAI's types: %v\n%s", name, fault, want)
				}
			}
			for i := range upstream {
				// Every place for one variant, some for the others.
				if v != &variants[0] && i%301 != 0 {
					continue
				}
				if got := answer(t, g, v, upstream, i); !bytes.Equal(got, want) {
					t.Fatalf("%s cut at %d:\n%s\nwhole:\n%s", name, i, got, want)
				}
				if i%11 == 0 {
					checkResponses(t, fmt.Sprintf("%s that ends at %d", name, i), answer(t, g, v, upstream[:i]), v.options, nil)
				}
				if t.Failed() {
					return
				}
			}
		}
	}
}

// TestGoldenResponsesAreGood: the goldens of the dialect's own tests have a short echo.
func TestGoldenResponsesAreGood(t *testing.T) {
	files, err := filepath.Glob("../../shared/dialect/responses/testdata/goldens/*.sse")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	echo := `"model":"qwen3.5-thinking-coding","instructions":null,"previous_response_id":null,"tools":[],"tool_choice":"auto","parallel_tool_calls":true,` +
		`"temperature":1,"top_p":1,"presence_penalty":0,"frequency_penalty":0,"top_logprobs":0,"text":{"format":{"type":"text"}},` +
		`"reasoning":{"effort":null,"summary":null},"truncation":"disabled","max_output_tokens":null,"max_tool_calls":null,"store":false,"background":false,` +
		`"service_tier":"default","metadata":{},"safety_identifier":null,"prompt_cache_key":null`
	for _, file := range files {
		stream, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		stream = bytes.ReplaceAll([]byte(fold.Out(string(stream))), []byte(`"model":"qwen3.5-thinking-coding"`), []byte(echo))
		checkResponses(t, file, stream, checker.Options{}, nil)
	}
}

// Whatever an upstream sends, and wherever it dies, the client's stream keeps the grammar.
func FuzzResponses(f *testing.F) {
	gateways := make([]*gateway.Gateway, len(variants))
	for i := range variants {
		gateways[i] = gatewayOf(f, &variants[i])
	}
	for how := range variants {
		f.Add([]byte("hello"), uint8(how), uint16(10))
		f.Add([]byte{4, 1, 1, 0, 1, 4, 1, 2, 4, 5, 1, 4, 9, 0, 0, 0, 0, 0, 4, 1, 4, 9, 1, 1, 2, 0, 1, 4, 8, 1}, uint8(how), uint16(100))
	}
	f.Fuzz(func(t *testing.T, program []byte, how uint8, cut uint16) {
		v, g := &variants[int(how)%len(variants)], gateways[int(how)%len(variants)]
		s := script{in: program}
		s.run()
		upstream := []byte(s.out.String())
		if v.replace != nil {
			upstream = []byte(v.replace.Replace(s.out.String()))
		}
		out := answer(t, g, v, upstream)
		checkResponses(t, v.name, out, v.options, nil)
		at := int(cut) % (len(upstream) + 1)
		if again := answer(t, g, v, upstream, at); !bytes.Equal(again, out) {
			t.Errorf("cut at %d:\n%s\nwhole:\n%s", at, again, out)
		}
		x := asked(t, g, v, true, "text/event-stream")
		broken := x.Reply(nil, upstream[:at], false)
		for n := range int(how) / len(variants) {
			broken = x.Beat(broken, n+1)
		}
		broken = x.Abort(broken, hub.Idle)
		checkResponses(t, v.name+", broken off", broken, v.options, nil)
		if t.Failed() {
			t.Logf("upstream:\n%s", upstream)
		}
	})
}

// Bytes that no server made.
func FuzzResponsesOfAnyBytes(f *testing.F) {
	f.Add([]byte("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\",\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"x\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"), uint8(3))
	f.Add([]byte("data: {\"choices\":[{\"delta\":{\"reasoning\":\"a\"}}]}\r\n\r\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\r\n\r\n"), uint8(1))
	// What the upstream said itself: the dialect does no sums, and looks into no logprobs.
	tolerated := []string{"white space only", "begins with a line feed", "input_tokens", "output_tokens", "total_tokens", "logprobs"}
	gateways := make([]*gateway.Gateway, len(variants))
	for i := range variants {
		gateways[i] = gatewayOf(f, &variants[i])
	}
	f.Fuzz(func(t *testing.T, upstream []byte, how uint8) {
		v := &variants[int(how)%len(variants)]
		out := answer(t, gateways[int(how)%len(variants)], v, upstream)
		checkResponses(t, v.name, out, v.options, tolerated)
		if t.Failed() {
			t.Logf("upstream:\n%q", upstream)
		}
	})
}

package responses

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// checkChat holds a request that goes up against what chat templates take.
func checkChat(t *testing.T, body string) {
	t.Helper()
	if !gjson.Valid(body) {
		t.Fatalf("not JSON: %s", body)
	}
	open := map[string]int{}
	user := false
	for i, m := range gjson.Get(body, "messages").Array() {
		switch m.Get("role").String() {
		case "system":
			if i > 0 {
				t.Errorf("message %d is the system's: %s", i, body)
			}
			clear(open)
		case "user":
			user = true
			clear(open)
			if c := m.Get("content"); c.Type != gjson.String && !c.IsArray() {
				t.Errorf("a user's content %s", c.Raw)
			}
		case "assistant":
			clear(open)
			for _, c := range m.Get("tool_calls").Array() {
				open[c.Get("id").String()]++
				if a := c.Get("function.arguments"); a.Type != gjson.String || !gjson.Valid(a.String()) || !gjson.Parse(a.String()).IsObject() {
					t.Errorf("arguments %s", a.Raw)
				}
			}
			if m.Get("content").String() == "" && !m.Get("tool_calls").Exists() {
				t.Errorf("an empty turn: %s", body)
			}
		case "tool":
			id := m.Get("tool_call_id").String()
			if open[id] == 0 {
				t.Errorf("a result without its call before it, %q: %s", id, body)
			}
			open[id]--
		default:
			t.Errorf("role %s", m.Get("role").Raw)
		}
	}
	if !user {
		t.Errorf("no user: %s", body)
	}
	names := map[string]bool{}
	for _, f := range gjson.Get(body, "tools.#.function").Array() {
		name := f.Get("name").String()
		if names[name] || !functionName.MatchString(name) || !f.Get("parameters").IsObject() {
			t.Errorf("function %s: %s", name, body)
		}
		names[name] = true
	}
	if tools := gjson.Get(body, "tools"); tools.Exists() && len(names) == 0 {
		t.Errorf("an empty list of tools: %s", body)
	}
	if c := gjson.Get(body, "tool_choice"); c.Exists() && (len(names) == 0 || c.IsObject() && !names[c.Get("function.name").String()]) {
		t.Errorf("choice %s: %s", c.Raw, body)
	}
}

func FuzzAcceptedRequestsAreGoodChatRequests(f *testing.F) {
	s := settings(f, "Qwen/Qwen3.8")
	s.Responses.HasKey = true
	seal := func(kind blobKind) string {
		b, _ := appendSealed(nil, kind, []byte("x"), turnOf(s))
		return string(b)
	}
	for _, seed := range []string{
		`"input":"Hi"`,
		`"input":[{"role":"developer","content":"a"},{"role":"user","content":[{"type":"input_text","text":"b"},{"type":"input_image","image_url":"c"}]},{"role":"system","content":"d"}],"instructions":"e"`,
		`"input":[{"role":"user","content":"a"},{"type":"reasoning","content":[{"type":"reasoning_text","text":"b"}]},{"type":"function_call","call_id":"1","name":"f","arguments":"{"},{"role":"user","content":"c"},{"type":"function_call_output","call_id":"1","output":[{"type":"input_image","image_url":"d"}]},{"type":"function_call_output","call_id":"1","output":"again"}]`,
		`"input":[{"type":"additional_tools","role":"developer","tools":[{"type":"namespace","name":"n","tools":[{"type":"custom","name":"c"}]}]},{"role":"user","content":"a"},{"type":"custom_tool_call","call_id":"1","namespace":"n","name":"c","input":"\ud800"},{"type":"custom_tool_call_output","call_id":"1","output":""}]`,
		`"input":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"type":"compaction","encrypted_content":"` + seal(coveringBlob) + `"},{"type":"compaction_trigger"}]`,
		`"input":[{"role":"user","content":"a"},{"type":"reasoning","encrypted_content":"` + seal(reasoningBlob) + `"},{"role":"assistant","content":"b"}]`,
		`"input":"Hi","tools":[{"type":"shell"},{"type":"function","name":"shell","parameters":{"encrypted":true}},{"type":"local_shell"},{"type":"apply_patch"},{"type":"tool_search","execution":"client"}],"tool_choice":{"type":"allowed_tools","tools":[{"type":"shell"}]}`,
		`"input":"Hi","text":{"format":{"type":"json_schema","name":"n","schema":{}}},"tools":[{"type":"function","name":"f"}],"reasoning":{"effort":"low","context":"all_turns"},"chat_template_kwargs":{"a":1}`,
		`"input":[{"role":"user","content":"a"},{"type":"local_shell_call","id":"l","call_id":"1","action":{"command":["x"]}},{"type":"local_shell_call_output","id":"l","output":"y"},{"type":"shell_call","call_id":"2","action":{}},{"type":"shell_call_output","call_id":"2","output":[{"stdout":"a","outcome":{"type":"exit","exit_code":0}}]}]`,
		`"input":[{"role":"user","content":"a"},{"type":"apply_patch_call","call_id":"1","operation":{}},{"type":"apply_patch_call_output","call_id":"1","status":"failed"},{"type":"tool_search_call","call_id":"2","arguments":{}},{"type":"tool_search_output","call_id":"2","tools":[{"type":"function","name":"g"}]},{"type":"mcp_call","name":"m","output":"o"}]`,
		`"input":[{"role":"user","content":[{"type":"input_file","filename":"f","file_data":"data:text/plain;base64,YQ=="}]}],"metadata":{"a":"b"},"include":["reasoning.encrypted_content"],"top_logprobs":1,"max_output_tokens":1,"temperature":0`,
	} {
		f.Add(`{"model":"think",` + seed + `}`)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, d := range []Dialect{Create, Compact, InputTokens} {
			turn := turnOf(s)
			out, p := d.Request(nil, []byte(body), turn)
			if p != nil {
				if p.Status < 400 || p.Message == "" || p.Reason == "" {
					t.Errorf("%+v", *p)
				}
				continue
			}
			checkChat(t, string(out))
			r := turn.Request.State.(*request)
			if e := "{" + string(r.echo) + "}"; !gjson.Valid(e) || strings.ContainsAny(e, "\n\r") {
				t.Errorf("echo %s", e)
			}
			if kept := "[" + string(r.kept) + "]"; !gjson.Valid(kept) {
				t.Errorf("kept %s", kept)
			}
			for _, h := range turn.Request.ReplyHeader {
				if strings.ContainsAny(h[1], "\r\n") || !utf8.ValidString(h[1]) {
					t.Errorf("header %q", h)
				}
			}
			if d != Create {
				continue
			}
			// What is stored of the input gives the same messages when it comes back.
			items := AppendInputItems(nil, []byte(body), turn.AppendID, nil, nil)
			if !gjson.Valid("[" + string(items) + "]") {
				t.Fatalf("items %s", items)
			}
			again := turnOf(s)
			stored, p := memory{context: string(items)}.request([]byte(`{"model":"think","previous_response_id":"resp_1","input":[{"role":"user","content":"end"}]}`), again)
			if p != nil {
				if r.compaction {
					continue
				}
				t.Fatalf("what was stored is refused: %+v\n%s\n%s", *p, body, items)
			}
			checkChat(t, string(stored))
		}
	})
}

// Any mix of items, tools and options, drawn from all that there are.
func TestAnyMixOfItemsGivesAGoodChatRequest(t *testing.T) {
	s := settings(t, "Qwen/X")
	sealed := func(kind blobKind) string {
		b, _ := appendSealed(nil, kind, []byte(`a \"blob\"`), turnOf(s))
		return string(b)
	}
	items := []string{
		`{"role":"user","content":"U"}`, `{"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"b","detail":"low"}]}`,
		`{"role":"system","content":"S"}`, `{"type":"message","role":"developer","content":[{"type":"input_text","text":"D"}]}`,
		`{"role":"assistant","content":"A"}`, `{"type":"message","role":"assistant","content":[{"type":"output_text","text":"B"},{"type":"refusal","refusal":"C"}]}`, `{"role":"assistant","content":""}`,
		`{"type":"reasoning","summary":[{"type":"summary_text","text":"R"}]}`, `{"type":"reasoning","summary":[],"encrypted_content":"` + sealed(reasoningBlob) + `"}`, `{"type":"reasoning","summary":[],"encrypted_content":"foreign"}`,
		`{"type":"function_call","call_id":ID,"name":"f","arguments":"{\"a\":1}"}`, `{"type":"function_call","call_id":ID,"namespace":"n","name":"g","arguments":"{"}`,
		`{"type":"custom_tool_call","call_id":ID,"name":"c","input":"x\n\"y\""}`, `{"type":"tool_search_call","call_id":ID,"arguments":{"q":1}}`,
		`{"type":"local_shell_call","id":"l","call_id":ID,"action":{"command":["a"]}}`, `{"type":"shell_call","call_id":ID,"action":{"commands":["a"]}}`, `{"type":"apply_patch_call","call_id":ID,"operation":{"type":"delete_file","path":"p"}}`,
		`{"type":"function_call_output","call_id":ID,"output":"O"}`, `{"type":"function_call_output","call_id":ID,"output":[{"type":"input_text","text":"P"},{"type":"input_image","image_url":"c"}]}`,
		`{"type":"custom_tool_call_output","call_id":ID,"output":""}`, `{"type":"tool_search_output","call_id":ID,"tools":[{"type":"function","name":"h"},{"type":"namespace","name":"n","tools":[{"type":"function","name":"g"}]}]}`,
		`{"type":"local_shell_call_output","id":"l","output":"Q"}`, `{"type":"shell_call_output","call_id":ID,"output":[{"stdout":"a","stderr":"b","outcome":{"type":"timeout"}}]}`, `{"type":"apply_patch_call_output","call_id":ID,"status":"failed"}`,
		`{"type":"web_search_call"}`, `{"type":"mcp_call","name":"m","output":"N"}`, `{"type":"additional_tools","role":"developer","tools":[{"type":"custom","name":"c"},{"type":"mcp"}]}`,
		`{"type":"compaction","encrypted_content":"` + sealed(keptBlob) + `"}`, `{"type":"compaction","encrypted_content":"` + sealed(coveringBlob) + `"}`, `{"type":"compaction_trigger"}`, `{"type":"acme:x"}`,
	}
	options := []string{
		`"tools":[{"type":"function","name":"f"},{"type":"namespace","name":"n","tools":[{"type":"function","name":"g"}]},{"type":"function","name":"n__g"}]`,
		`"tools":[{"type":"shell"},{"type":"local_shell"},{"type":"apply_patch"},{"type":"tool_search","execution":"client"},{"type":"web_search"},{"type":"function","name":"shell"}]`,
		`"tool_choice":"auto"`, `"tool_choice":"none"`, `"tool_choice":"required"`, `"tool_choice":{"type":"function","name":"f"}`, `"tool_choice":{"type":"allowed_tools","tools":[{"type":"function","name":"f"},{"type":"shell"}]}`,
		`"instructions":"I"`, `"text":{"format":{"type":"json_schema","name":"n","schema":{"a":1}}}`, `"parallel_tool_calls":false`, `"reasoning":{"effort":"none"}`, `"stream":true`, `"top_logprobs":1`, `"stop":"x"`,
	}
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 20_000 {
		var list, more []string
		for range 1 + random.IntN(12) {
			list = append(list, strings.ReplaceAll(items[random.IntN(len(items))], "ID", `"c`+string(rune('0'+random.IntN(3)))+`"`))
		}
		for range random.IntN(5) {
			more = append(more, options[random.IntN(len(options))]+",")
		}
		body := `{"model":"think",` + strings.Join(more, "") + `"input":[` + strings.Join(list, ",") + `]}`
		d := []Dialect{Create, Compact, InputTokens}[random.IntN(3)]
		turn := turnOf(s)
		out, p := d.Request(nil, []byte(body), turn)
		if p != nil {
			if p.Status != 400 || p.Param == "" {
				t.Fatalf("%s: %+v", body, *p)
			}
			continue
		}
		accepted++
		if checkChat(t, string(out)); t.Failed() {
			t.Fatalf("made of %s", body)
		}
		names := upstreamNames(string(out))
		for _, name := range names {
			if _, ok := turn.Request.State.(*request).tools.Find([]byte(name)); !ok {
				t.Fatalf("%s went up and is not in the table: %s", name, body)
			}
		}
	}
	if accepted < 2000 {
		t.Errorf("only %d of the requests were accepted: this shows little", accepted)
	}
}

// Members that come in pieces must not be joined again and again.
func TestVeryManyPiecesOfATurnAreJoinedOnce(t *testing.T) {
	s := settings(t, "Qwen/X")
	piece := `,{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"` + strings.Repeat("r", 200) + `"}]},{"role":"assistant","content":"` + strings.Repeat("t", 200) + `"}`
	const n = 15_000
	got, _ := ask(t, s, Create, `{"model":"think","input":[{"role":"user","content":"Hi"}`+strings.Repeat(piece, n)+`]}`)
	if len(got) < n*400 || len(got) > n*420 || roles(got) != "ua" {
		t.Errorf("%d bytes, roles %s", len(got), roles(got))
	}
}

// Outputs that name their calls' items are not looked for among all calls.
func TestVeryManyLocalShellsFindTheirOutputs(t *testing.T) {
	s := settings(t, "Qwen/X")
	const n = 15_000
	var calls, results strings.Builder
	for i := range n {
		id := strconv.Itoa(i)
		calls.WriteString(`,{"type":"local_shell_call","id":"lsh_` + id + `","call_id":"c` + id + `","action":{}}`)
		results.WriteString(`,{"type":"local_shell_call_output","id":"lsh_` + id + `","output":"r` + id + `"}`)
	}
	got, _ := ask(t, s, Create, `{"model":"think","input":[{"role":"user","content":"Hi"}`+calls.String()+results.String()+`]}`)
	messages := gjson.Get(got, "messages").Array()
	if len(messages) != n+2 {
		t.Fatal(len(messages))
	}
	for i, m := range messages[2:] {
		if id := strconv.Itoa(i); m.Get("tool_call_id").String() != "c"+id || m.Get("content").String() != "r"+id {
			t.Fatalf("%d: %s", i, m.Raw)
		}
	}
}

func BenchmarkVeryManyCallsOfOneTurn(b *testing.B) {
	s := settings(b, "Qwen/X")
	const n = 20_000
	var calls, results strings.Builder
	for i := range n {
		id := strconv.Itoa(i)
		calls.WriteString(`,{"type":"function_call","call_id":"` + id + `","name":"f","arguments":"{}"}`)
		results.WriteString(`,{"type":"function_call_output","call_id":"` + id + `","output":"x"}`)
	}
	body := []byte(`{"model":"think","input":[{"role":"user","content":"Hi"}` + calls.String() + results.String() + `]}`)
	for b.Loop() {
		if _, p := Create.Request(nil, body, turnOf(s)); p != nil {
			b.Fatal(p)
		}
	}
}

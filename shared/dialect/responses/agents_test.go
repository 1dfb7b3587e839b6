package responses

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// agentRequests are requests as Codex CLI sends them, by the name of their file.
func agentRequests(t testing.TB) map[string][]byte {
	t.Helper()
	files, _ := filepath.Glob("../../../e2e/agents/testdata/codex-*.json")
	if len(files) == 0 {
		t.Fatal("no recorded requests")
	}
	all := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".json")] = b
	}
	return all
}

func TestCodexRequestsBecomeChatRequests(t *testing.T) {
	// The roles of the messages, with the calls, and the tools.
	want := map[string]struct {
		roles string
		tools int64
		calls string
	}{
		"codex-qwen-turn1":      {"suu", 12, ""},
		"codex-qwen-turn2":      {"suuatat", 12, "exec_command exec_command"},
		"codex-qwen-turn3":      {"suuatatau", 12, "exec_command exec_command"},
		"codex-gpt-5.5-turn1":   {"suu", 9, ""},
		"codex-gpt-5.5-turn2":   {"suuatat", 9, "exec_command apply_patch"},
		"codex-gpt-5.5-turn3":   {"suuatatau", 9, "exec_command apply_patch"},
		"codex-gpt-6-sol-turn1": {"suu", 0, ""},
		"codex-gpt-6-sol-turn2": {"suuatat", 0, "functions__exec functions__exec"},
		"codex-gpt-6-sol-turn3": {"suuatatau", 0, "functions__exec functions__exec"},
	}
	s := settings(t, "Qwen/X")
	for name, body := range agentRequests(t) {
		got, turn := ask(t, s, Create, string(body))
		w, ok := want[name]
		if !ok {
			t.Errorf("%s is new", name)
			continue
		}
		tools := gjson.Get(got, "tools.#").Int()
		if w.tools == 0 { // all of them stand in additional_tools
			gjson.GetBytes(body, `input.0.tools`).ForEach(func(_, n gjson.Result) bool {
				w.tools += max(n.Get("tools.#").Int(), 1)
				return true
			})
		}
		var calls []string
		for _, c := range gjson.Get(got, "messages.#.tool_calls|@flatten").Array() {
			calls = append(calls, c.Get("function.name").String())
		}
		if roles(got) != w.roles || tools != w.tools || strings.Join(calls, " ") != w.calls {
			t.Errorf("%s: roles %s, %d tools, want %d, calls %q", name, roles(got), tools, w.tools, calls)
		}
		// Every text of the client's reaches the model, byte for byte.
		for _, item := range gjson.GetBytes(body, "input").Array() {
			for _, key := range []string{"content.#.text", "output"} {
				for _, text := range item.Get(key).Array() {
					if text.Type == gjson.String && item.Get("type").String() != "reasoning" && !strings.Contains(got, text.Raw[1:len(text.Raw)-1]) {
						t.Errorf("%s: lost %.100s", name, text.Raw)
					}
				}
			}
		}
		if turn.Request.Changes.Names() != nil && strings.Contains(strings.Join(turn.Request.Changes.Names(), " "), "fields_ignored") {
			t.Errorf("%s: a field is not known", name)
		}
		r := turn.Request.State.(*request)
		if !turn.Request.Streamed || !r.sealed || !gjson.Valid("{"+string(r.echo)+"}") || strings.Contains(string(r.echo), "client_metadata") || strings.Contains(got, "client_metadata") {
			t.Errorf("%s: echo %.300s", name, r.echo)
		}
		if strings.Contains(got, `"encrypted":`) {
			t.Errorf("%s: marks of OpenAI's own went up", name)
		}
	}
}

func BenchmarkAgentRequest(b *testing.B) {
	s := settings(b, "Qwen/X")
	bodies := agentRequests(b)
	// An agent's tenth step: 67 KB.
	step := `,{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"` + strings.Repeat("Now I look at the next file and see what it needs. ", 12) + `"}],"encrypted_content":null},` +
		`{"type":"function_call","id":"fc_1","call_id":"call_N","name":"exec_command","arguments":"{\"cmd\": \"cat shared/doc.go\"}","status":"completed"},` +
		`{"type":"function_call_output","id":"fco_1","call_id":"call_N","output":"` + strings.Repeat(`\t// The reply is read to its end, since what is left would stay in the connection.\n\tif _, err := io.Copy(io.Discard, reply.Body); err != nil {\n\t\treturn nil, fmt.Errorf(\"upstream: %w\", err)\n\t}\n`, 10) + `"}`
	long := strings.TrimSuffix(string(bodies["codex-qwen-turn2"]), "}")
	at := strings.Index(long, `],"tools":`)
	var steps strings.Builder
	for i := range 10 {
		steps.WriteString(strings.NewReplacer("call_N", fmt.Sprint("call_n", i), `_1"`, fmt.Sprint("_n", i, `"`)).Replace(step))
	}
	long = long[:at] + steps.String() + long[at:] + "}"
	if !gjson.Valid(long) {
		b.Fatal("the benchmark's request is not JSON")
	}
	for _, bb := range []struct {
		name string
		body []byte
	}{{"qwen", []byte(long)}, {"gpt-5.5", bodies["codex-gpt-5.5-turn3"]}, {"gpt-6", bodies["codex-gpt-6-sol-turn3"]}} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.body)))
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				turn := turnOf(s)
				out, p := Create.Request(dst[:0], bb.body, turn)
				if p != nil {
					b.Fatal(p)
				}
				dst = out
			}
		})
	}
}

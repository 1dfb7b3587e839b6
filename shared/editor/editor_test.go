package editor

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

var chatForm = Form{Messages: true, Sampling: true, Limits: true}

func newTurn(t testing.TB, late hub.LateSystem) *hub.Turn {
	t.Helper()
	c, err := config.Decode([]byte(`{"upstreams":[{"model":"Qwen/X"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &hub.Turn{Settings: &hub.Settings{Catalog: cat, LateSystem: late}, Edge: hub.EdgeFacts{Window: 8192}}
}

// For any valid request, the fields that are not ours come out byte for byte, in order.
func TestFieldsThatAreNotOursKeepTheirBytes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var ed Editor
	for range 3000 {
		others := map[string]string{}
		var order []string
		body := "{"
		add := func(key, value string) {
			if len(body) > 1 {
				body += ","
			}
			body += blank(random) + `"` + key + `"` + blank(random) + ":" + blank(random) + value + blank(random)
		}
		ours := []string{"model", "messages", "temperature", "tools", "tool_choice", "chat_template_kwargs", "stream", "stream_options", "max_tokens"}
		values := map[string]string{"model": `"gpt-5"`, "messages": `[{"role":"user","content":"a"},{"role":"system","content":"b"}]`, "temperature": "null", "tools": "[]",
			"tool_choice": `"auto"`, "chat_template_kwargs": `{"a":1}`, "stream": "true", "stream_options": "{}", "max_tokens": "100000"}
		random.Shuffle(len(ours), func(i, j int) { ours[i], ours[j] = ours[j], ours[i] })
		for _, key := range ours {
			for range random.IntN(3) {
				other := fmt.Sprintf("x%d", len(order))
				order = append(order, other)
				others[other] = value(random, 3)
				add(other, others[other])
			}
			if key == "model" || key == "messages" || random.IntN(3) > 0 {
				add(key, values[key])
			}
		}
		body += "}"
		out, p := ed.Edit(nil, []byte(body), newTurn(t, hub.Merge), chatForm)
		if p != nil {
			t.Fatalf("%s: %v", body, p)
		}
		if !json.Valid(out) {
			t.Fatalf("%s\nbecame invalid: %s", body, out)
		}
		i := 0
		gjson.ParseBytes(out).ForEach(func(k, v gjson.Result) bool {
			if want, ok := others[k.Str]; ok {
				if k.Str != order[i] || v.Raw != want {
					t.Errorf("%s is %s, want %s as number %d\n%s", k.Str, v.Raw, want, i, body)
				}
				i++
			}
			return true
		})
		if i != len(order) {
			t.Fatalf("%d of %d other fields are left\n%s\n%s", i, len(order), body, out)
		}
	}
}

func blank(r *rand.Rand) string { return []string{"", "", " ", "\n\t", "  \r\n"}[r.IntN(5)] }

func value(r *rand.Rand, depth int) string {
	switch n := r.IntN(9); {
	case n == 0:
		return "null"
	case n == 1:
		return "9007199254740993"
	case n == 2:
		return "-1.50e+10"
	case n == 3:
		return "true"
	case n < 6 || depth == 0:
		return []string{`""`, `"\u00e9\/<&>"`, `"a\\"`, `"{\"model\":1}"`, `"né"`}[r.IntN(5)]
	case n == 6:
		return "[" + value(r, depth-1) + blank(r) + "," + value(r, depth-1) + "]"
	default:
		return `{"model":` + value(r, depth-1) + "," + blank(r) + `"messages":` + value(r, depth-1) + blank(r) + "}"
	}
}

func FuzzEditNeverBreaksARequest(f *testing.F) {
	for _, s := range []string{
		`{"model":"gpt-5","messages":[{"role":"user","content":"a"},{"role":"system","content":[{"type":"text","text":"b"}]}]}`,
		`{"model":"gpt-5","messages":[{"role":"assistant","reasoning_content":"r","tool_calls":[{"function":{"arguments":"{"}}]},{"role":"developer","content":null}],"tools":[{"type":"function","name":"f"}]}`,
		`{"model":"x","model":"gpt-5","chat_template_kwargs":{"enable_thinking":1},"stream":true,"stream_options":{"include_usage":false},"max_tokens":1e9}`,
		`{"messages":null,"prompt":1}`, `[]`, `{`,
	} {
		f.Add([]byte(s), uint8(0))
		f.Add([]byte(s), uint8(1))
	}
	var ed Editor
	f.Fuzz(func(t *testing.T, body []byte, late uint8) {
		for _, form := range []Form{chatForm, {Limits: true}, {ModelOptional: true, Messages: true, Prompt: true}} {
			turn := newTurn(t, hub.LateSystem(late%3))
			out, p := ed.Edit(nil, body, turn, form)
			if p != nil {
				if p.Status < 400 || p.Message == "" || !json.Valid(hub.AppendChatError(nil, p)) {
					t.Fatalf("bad problem %+v", p)
				}
				continue
			}
			if !json.Valid([]byte(strings.TrimPrefix(string(out), "\xEF\xBB\xBF"))) {
				t.Fatalf("%s\nbecame %s", body, out)
			}
			if n := strings.Count(string(out), `"Qwen/X"`); turn.Request.Model != nil && n == 0 {
				t.Fatalf("the served model is missing in %s", out)
			}
			// No key that is read stands twice, so nobody behind us can read another one.
			keys := map[string]int{}
			gjson.ParseBytes([]byte(strings.TrimPrefix(string(out), "\xEF\xBB\xBF"))).ForEach(func(k, _ gjson.Result) bool {
				if keyNumber([]byte(k.String())) >= 0 {
					keys[k.String()]++
				}
				return true
			})
			for k, n := range keys {
				if n > 1 {
					t.Fatalf("%d times %s in %s", n, k, out)
				}
			}
		}
	})
}

func TestHostileRequestsTakeLinearTime(t *testing.T) {
	// Each of these took minutes or more while something was searched anew for each message.
	const n = 50_000
	list := func(messages string) string {
		return `{"model":"gpt-5","messages":[{"role":"user","content":[` + strings.Repeat(`{"type":"text","text":"hi"},`, 10_000) + `{"type":"text","text":"hi"}]},` +
			messages + `{"role":"user","content":"hi"}]}`
	}
	for name, body := range map[string]string{
		"duplicates":     `{` + strings.Repeat(`"model":"a",`, n) + `"messages":[` + strings.Repeat(`{"role":"assistant","reasoning_content":"r"},`, n) + `{"role":"user","content":"hi"}],"model":"gpt-5"}`,
		"system":         list(strings.Repeat(`{"role":"system","content":"x"},`, n)),
		"between":        list(strings.Repeat(`{"role":"system","content":"x"},{"role":"assistant","content":"x"},`, n/2)),
		"among results":  list(`{"role":"assistant","content":"x"},` + strings.Repeat(`{"role":"tool","content":"x"},{"role":"system","content":"x"},`, n/2)),
		"arguments":      list(strings.Repeat(`{"role":"assistant","tool_calls":[{"function":{"arguments":"{"}}]},`, n/2)),
		"flat tools":     `{"model":"gpt-5","messages":[],"tools":[` + strings.Repeat(`{"type":"function","name":"f"},`, n) + `1]}`,
		"nothing but {}": list(strings.Repeat(`{},`, n)),
	} {
		var ed Editor
		for _, late := range []hub.LateSystem{hub.Merge, hub.Fold, hub.Keep} {
			out, p := ed.Edit(nil, []byte(body), newTurn(t, late), chatForm)
			if p != nil || !json.Valid(out) {
				t.Errorf("%s, %v: %v", name, late, p)
			}
		}
	}
}

func TestABodyOfNothingButElementsIsRefused(t *testing.T) {
	var ed Editor
	_, p := ed.Edit(nil, []byte(`{"model":"gpt-5","messages":[`+strings.Repeat("0,", 1_000_000)+`0]}`), newTurn(t, hub.Merge), chatForm)
	if p == nil || p.Status != 400 || cap(ed.messages.noted) > 1<<19 {
		t.Errorf("%+v, room for %d messages", p, cap(ed.messages.noted))
	}
}

func TestALongNameMatchesNoPattern(t *testing.T) {
	var ed Editor
	_, p := ed.Edit(nil, []byte(`{"model":"gpt-`+strings.Repeat("x", 2000)+`","messages":[]}`), newTurn(t, hub.Merge), chatForm)
	if p == nil || p.Status != 404 || len(p.Message) > 1000 {
		t.Errorf("%+v", p)
	}
}

func agentBody(b *testing.B, size int) []byte {
	b.Helper()
	prose := strings.Repeat("The build reads every file, keeps what changed, and writes a \"report\" with line numbers.\n\tSee docs/guide.md. ", 8)
	text := func(n int) string { return strings.Repeat(prose, n/len(prose)+1)[:n] }
	messages := []any{map[string]any{"role": "system", "content": text(14000)}, map[string]any{"role": "user", "content": "Fix the failing test."}}
	for i := range 20 {
		messages = append(messages,
			map[string]any{"role": "assistant", "content": "Looking.", "reasoning": text(150), "tool_calls": []any{map[string]any{"id": fmt.Sprint(i), "type": "function", "function": map[string]any{"name": "t", "arguments": `{"field":"value","items":[{"path":"pkg/file.go","line":1}]}`}}}},
			map[string]any{"role": "tool", "tool_call_id": fmt.Sprint(i), "content": text(size / 22)})
	}
	var tools []any
	for i := range 18 {
		tools = append(tools, map[string]any{"type": "function", "function": map[string]any{"name": fmt.Sprint("tool", i), "description": text(400), "parameters": map[string]any{"type": "object", "description": text(800)}}})
	}
	body, err := json.Marshal(map[string]any{"model": "qwen3.5-thinking-general", "messages": messages, "tools": tools, "max_tokens": 4096, "stream": false})
	if err != nil {
		b.Fatal(err)
	}
	return body
}

func BenchmarkEdit(b *testing.B) {
	for _, size := range []int{30_000, 600_000} {
		body := agentBody(b, size)
		b.Run(fmt.Sprintf("%dKB", len(body)/1000), func(b *testing.B) {
			var ed Editor
			turn := newTurn(b, hub.Merge)
			var dst []byte
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				var p *hub.Problem
				if dst, p = ed.Edit(dst[:0], body, turn, chatForm); p != nil {
					b.Fatal(p)
				}
			}
		})
	}
}

package messages

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// Whatever comes in, nothing panics, and what is accepted is a request that a Qwen
// template takes: one system message at most and first, each tool message behind its
// call, text and images only.
func FuzzAcceptedRequestsReachTheTemplate(f *testing.F) {
	for _, body := range []string{
		chat(hello, ""),
		chat(hello+`,{"role":"system","content":"S","clear_at":"next_user_message","output_config":{"effort":"low"}},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":""},{"type":"text","text":"a"},`+
			`{"type":"tool_use","id":"x","name":"f","input":{"a":1}},{"type":"tool_use","id":"y","name":"g","input":"{"}]},{"role":"system","content":[{"type":"text","text":"T"},{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"name":"h"}}}]},`+
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":"y","is_error":true,"content":[{"type":"text","text":"r"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}},{"type":"tool_reference","tool_name":"g"}]},{"type":"text","text":"q","cache_control":{"type":"ephemeral"}}]}`,
			`,"system":[{"type":"text","text":"A"}],"tools":[{"name":"f","input_schema":{"properties":{}},"input_examples":[{}]},{"name":"g","defer_loading":true},{"type":"web_search_20250305","name":"web_search"},{"type":"bash_20250124"}],`+
				`"tool_choice":{"type":"auto","disable_parallel_tool_use":true},"thinking":{"type":"enabled","budget_tokens":2000},"stop_sequences":["x"],"stream":true,"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":{"type":"thinking_turns","value":1}}]}`),
		chat(`{"role":"user","content":[{"type":"document","title":"T","source":{"type":"content","content":[{"type":"text","text":"a"},{"type":"image","source":{"type":"url","url":"u"}}]}},{"type":"search_result","title":"T","source":"s","content":[{"type":"text","text":"b"}]}]},`+
			`{"role":"assistant","content":[{"type":"server_tool_use","name":"web_search","input":{"query":"q"}},{"type":"web_fetch_tool_result","content":{"content":{"source":{"type":"text","data":"d"}}}},{"type":"compaction","content":"c"},{"type":"text","text":"end "}]}`,
			`,"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}},"effort":"max"}`),
		tools(`{"type":"web_search_20250305","name":"web_search"}`, `,"stream":true`),
		tools(`{"type":"computer_toolset_20260801","configs":{"zoom":{"enabled":false},"wait":{"defer_loading":true}}},{"type":"computer_20251124","enable_zoom":true,"display_width_px":1e3,"display_height_px":800}`,
			`,"safeguards":[{"type":"dangerous_tool_use"}],"thread":null`),
		`{"model":"claude-x","max_tokens":0,"messages":[{"content":[{"content":[{"source":{},"type":"image"}],"tool_use_id":"x","type":"tool_result"}],"role":"user"}]}`,
		`{"model":"claude-x[1m]","max_tokens":1e3,"messages":[{"content":[{"type":"tool_result","tool_use_id":"x","content":[]}],"role":"user"}],"chat_template_kwargs":{"enable_thinking":false}}`,
	} {
		f.Add([]byte(body))
	}
	base := newTurn(f, "")
	f.Fuzz(func(t *testing.T, body []byte) { accepted(t, base, body) })
}

// accepted turns a request both ways and looks at what comes of it; true if it was accepted.
func accepted(t *testing.T, base *hub.Turn, body []byte) (ok bool) {
	for _, d := range []Dialect{Create, CountTokens} {
		turn := &hub.Turn{Settings: base.Settings, Edge: hub.EdgeFacts{Random: base.Edge.Random, Window: base.Edge.Window}}
		sent := bytes.Clone(body)
		out, p := d.Request(nil, sent, turn)
		if !bytes.Equal(halves.ReplaceAll(sent, mended), halves.ReplaceAll(body, mended)) {
			t.Fatalf("the request was changed: %s", sent)
		}
		if p != nil {
			if p.Message == "" || p.Status != 400 && p.Status != 404 || turn.Request.State == nil {
				t.Errorf("refused without reason: %+v", p)
			}
			if p.Param != "" && p.Status == 400 && !strings.HasPrefix(p.Message, p.Param) {
				t.Errorf("%q does not begin with %q", p.Message, p.Param)
			}
			continue
		}
		ok = true
		if turn.Request.Answer != nil {
			if turn.Request.Answer.ContentType == "" && !json.Valid(turn.Request.Answer.Body) {
				t.Errorf("answered %s", turn.Request.Answer.Body)
			}
			continue
		}
		if !json.Valid(out) {
			t.Fatalf("not JSON: %s", out)
		}
		if _, err := prompt(string(out)); err != nil && err != errNoUser {
			t.Errorf("%v: %s", err, out)
		}
	}
	return ok
}

// halves are what may be overwritten in a request, and what they are overwritten by.
var (
	halves = regexp.MustCompile(`\\u(?i:d[89a-f][0-9a-f]{2}|fffd)`)
	mended = []byte(`\ufffd`)
)

// Every member may hold anything, and stand anywhere.
func TestAnyShapeIsTakenOrRefused(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	kinds := []string{"text", "image", "document", "search_result", "thinking", "redacted_thinking", "tool_use", "tool_result", "server_tool_use", "web_search_tool_result",
		"tool_search_tool_result", "mcp_tool_result", "tool_addition", "tool_removal", "compaction", "tool_reference", "tool_definition", "browser_state", "container_upload", "video", "base64", "url", "content"}
	keys := []string{"text", "source", "id", "tool_use_id", "name", "input", "content", "is_error", "thinking", "title", "context", "tool", "tool_name", "tabs", "data", "media_type", "url", "definition", "query", "cache_control"}
	one := func(list []string) string { return list[random.IntN(len(list))] }
	var value, block func(depth int) string
	value = func(depth int) string {
		n := 8
		if depth == 0 {
			n = 6
		}
		switch random.IntN(n) {
		case 0:
			return `""`
		case 1, 2:
			return one([]string{`"x"`, `"f"`, `"\u0066"`, `"a\\n "`})
		case 3:
			return one([]string{"null", "true", "false", "0", "1e400", "-7.5"})
		case 4:
			return one([]string{"{}", "[]", `{"a":1}`})
		case 5:
			return `"x"`
		case 6:
			return block(depth - 1)
		}
		list := ""
		for i := range random.IntN(4) {
			if i > 0 {
				list += ","
			}
			if random.IntN(8) == 0 {
				list += value(depth - 1)
			} else {
				list += block(depth - 1)
			}
		}
		return "[" + list + "]"
	}
	block = func(depth int) string {
		b := `{"type":"` + one(kinds) + `"`
		for range 2 + random.IntN(5) {
			b += `,"` + one(keys) + `":` + value(depth)
		}
		return b + "}"
	}
	base := newTurn(t, "")
	taken := 0
	const rounds = 5000
	for range rounds {
		messages := hello
		for range random.IntN(6) {
			messages += `,{"role":"` + one([]string{"user", "assistant", "assistant", "assistant", "system"}) + `","content":` + value(3) + `}`
		}
		more := ""
		for _, key := range []string{"system", "tools", "tool_choice", "thinking", "output_config", "context_management", "metadata", "stop_sequences", "container", "chat_template_kwargs"} {
			if random.IntN(12) == 0 {
				more += `,"` + key + `":` + value(2)
			}
		}
		if accepted(t, base, []byte(chat(messages, more))) {
			taken++
		}
	}
	if taken < rounds/20 || taken > rounds*19/20 {
		t.Errorf("%d of %d were accepted: too few or too many to say much", taken, rounds)
	}
}

package messages

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// prompt renders an upstream request as Qwen's chat templates do in outline, with their
// complaints, and with the thinking of all turns (preserve_thinking). The start of the
// answer is left out.
func prompt(request string) (string, error) {
	var b strings.Builder
	text := func(content gjson.Result) (string, error) {
		if content.Type == gjson.Null || content.Type == gjson.String {
			return content.String(), nil
		}
		all := ""
		for _, part := range content.Array() {
			switch part.Get("type").String() {
			case "text":
				all += part.Get("text").String()
			case "image_url":
				all += "<|image_pad|>" + part.Get("image_url.url").String()
			default:
				return "", fmt.Errorf("Unexpected item type in content: %s", part.Raw)
			}
		}
		return all, nil
	}
	for _, tool := range gjson.Get(request, "tools").Array() {
		b.WriteString(tool.Raw + "\n")
	}
	users, open, before := 0, map[string]bool{}, ""
	for i, m := range gjson.Get(request, "messages").Array() {
		role := m.Get("role").String()
		content, err := text(m.Get("content"))
		if err != nil {
			return "", err
		}
		if before == "tool" && role != "tool" {
			b.WriteString("<|im_end|>\n")
		}
		switch role {
		case "system":
			if i > 0 {
				return "", fmt.Errorf("System message must be at the beginning.")
			}
			b.WriteString("<|im_start|>system\n" + content + "<|im_end|>\n")
		case "user":
			users++
			b.WriteString("<|im_start|>user\n" + content + "<|im_end|>\n")
		case "assistant":
			b.WriteString("<|im_start|>assistant\n<think>\n" + m.Get("reasoning").String() + "\n</think>\n\n" + content)
			clear(open)
			for _, call := range m.Get("tool_calls").Array() {
				if arguments := call.Get("function.arguments").String(); !strings.HasPrefix(strings.TrimSpace(arguments), "{") || !json.Valid([]byte(arguments)) {
					return "", fmt.Errorf("arguments that are no object: %s", arguments)
				}
				open[call.Get("id").String()] = true
				b.WriteString("<tool_call>" + call.Get("function").Raw + "</tool_call>")
			}
			b.WriteString("<|im_end|>\n")
		case "tool":
			if before != "tool" && before != "assistant" {
				return "", fmt.Errorf("message %d is a tool's, behind one of the %s", i, before)
			}
			if id := m.Get("tool_call_id").String(); !open[id] {
				return "", fmt.Errorf("message %d is the result of %q, which was not called before it", i, id)
			}
			if before == "assistant" {
				b.WriteString("<|im_start|>user")
			}
			b.WriteString("\n<tool_response>\n" + content + "\n</tool_response>")
		default:
			return "", fmt.Errorf("Unexpected message role: %s", role)
		}
		before = role
	}
	if users == 0 {
		return b.String(), errNoUser
	}
	// What comes next must not be a part of what was sent: the last turn stays open.
	return strings.TrimSuffix(strings.TrimSuffix(b.String(), "\n"), "<|im_end|>"), nil
}

// errNoUser is the template's "No user query found in messages."
var errNoUser = errors.New("no user query found in messages")

// agentRequests are requests that Claude Code sent, by file name.
func agentRequests(t testing.TB, pattern string) (names []string, bodies map[string]string) {
	t.Helper()
	files, err := filepath.Glob("../../../e2e/agents/testdata/" + pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded requests: %v", err)
	}
	bodies = map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		names = append(names, name)
		bodies[name] = string(b)
	}
	return names, bodies
}

func TestRecordedAgentRequestsReachTheTemplate(t *testing.T) {
	names, bodies := agentRequests(t, "claude-code*.json")
	prompts := map[string]string{}
	for _, name := range names {
		turn := newTurn(t, "")
		out := translate(t, turn, bodies[name])
		if turn.Request.Answer != nil {
			if name != "claude-code-websearch" {
				t.Errorf("%s: answered here", name)
			}
			continue
		}
		p, err := prompt(out)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, not := range []string{"cache_control", "x-anthropic-billing-header", "cc_version", "DeferredToolPlaceholder", "device_id"} {
			if strings.Contains(p, not) {
				t.Errorf("%s: the prompt holds %s", name, not)
			}
		}
		prompts[name] = p
	}
	for _, pair := range [][2]string{{"claude-code-turn1", "claude-code-turn2"}, {"claude-code-turn2", "claude-code-turn3"},
		{"claude-code-sonnet-turn1", "claude-code-sonnet-turn2"}, {"claude-code-subagent-turn1", "claude-code-subagent-turn2"}} {
		if earlier := prompts[pair[0]]; len(earlier) < 1000 || !strings.HasPrefix(prompts[pair[1]], earlier) {
			t.Errorf("the prompt of %s is not how that of %s begins", pair[0], pair[1])
		}
	}
}

// Whatever a client adds from turn to turn, the prompt of a turn is how the next one's
// begins, so that the upstream's prefix cache holds.
func TestPromptsGrowAtTheirEnds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	one := func(list ...string) string { return list[random.IntN(len(list))] }
	text := func(s string) string {
		// Where a client's cache breakpoint stands changes from request to request.
		return `{"type":"text","text":"` + s + `"CACHE}`
	}
	for range 100 {
		var messages []string
		before, n := "", 0
		id := func() string { n++; return fmt.Sprint("x", n) }
		late := func() {
			for random.IntN(3) == 0 {
				messages = append(messages, one(`{"role":"system","content":"S`+id()+`"}`, `{"role":"system","content":[`+text("T"+id())+`,`+text("U")+`]}`, `{"role":"system","content":[]}`,
					`{"role":"system","content":[{"type":"text","text":"x-anthropic-billing-header: `+id()+`"}]}`))
			}
		}
		late()
		messages = append(messages, `{"role":"user","content":`+one(`"Q"`, `[`+text("Q")+`]`, `[`+text("Q")+`,`+text("R")+`]`, `[`+text("Q")+`,{"type":"image","source":{"type":"url","url":"u"}}]`)+`}`)
		for range 6 {
			late()
			cached := strings.ReplaceAll(strings.Join(messages, ","), "CACHE", one("", `,"cache_control":{"type":"ephemeral"}`))
			out := translate(t, newTurn(t, ""), chat(cached, `,"system":[{"type":"text","text":"x-anthropic-billing-header: `+id()+`"},{"type":"text","text":"A"}],"tools":[{"name":"f"}]`))
			now, err := prompt(out)
			if err != nil {
				t.Fatalf("%v\n%s", err, cached)
			}
			if !strings.HasPrefix(now, before) {
				t.Fatalf("the prompt was\n%s\nand is\n%s", before, now)
			}
			before = now

			var blocks, results []string
			if random.IntN(2) == 0 {
				blocks = append(blocks, `{"type":"thinking","thinking":"t`+id()+`","signature":""}`)
			}
			if random.IntN(2) == 0 {
				blocks = append(blocks, text("A"+id()))
			}
			for range random.IntN(4) {
				call := id()
				blocks = append(blocks, `{"type":"tool_use","id":"`+call+`","name":"f","input":{"a":1}}`)
				results = append(results, `{"type":"tool_result","tool_use_id":"`+call+`","content":`+one(`"R"`, `""`, `[`+text("R")+`,{"type":"image","source":{"type":"url","url":"u"}}]`)+`}`)
			}
			random.Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
			if len(results) == 0 || random.IntN(3) == 0 {
				results = append(results, text("Q"+id()))
				random.Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
			}
			messages = append(messages, `{"role":"assistant","content":[`+strings.Join(blocks, ",")+`]}`)
			late()
			messages = append(messages, `{"role":"user","content":[`+strings.Join(results, ",")+`]}`)
		}
	}
}

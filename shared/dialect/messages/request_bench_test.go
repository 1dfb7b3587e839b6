package messages

import (
	"fmt"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// agentRequest is a coding agent's turn of 67 KB: a long system prompt, 18 tools, and 20
// rounds of thinking, a call and its result.
func agentRequest() []byte {
	const prose = `The build reads every file under the source folder, keeps what changed, and writes a \"report\" with line numbers.\n\tSee docs/guide.md for the rules — naïve paths fail. `
	text := func(n int) string { return strings.Repeat(prose, n/len(prose)+1) }
	var tools, messages []string
	for i := range 18 {
		var properties []string
		for j := range 6 {
			properties = append(properties, fmt.Sprintf(`"field_%d":{"type":"string","description":"%s"}`, j, text(60)))
		}
		tools = append(tools, fmt.Sprintf(`{"name":"tool_%02d","description":"%s","input_schema":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{%s},"required":["field_0"]}}`, i, text(300), strings.Join(properties, ",")))
	}
	messages = append(messages, `{"role":"user","content":"Fix the failing test."}`)
	for i := range 20 {
		messages = append(messages,
			fmt.Sprintf(`{"role":"assistant","content":[{"type":"thinking","thinking":"%s","signature":""},{"type":"text","text":"Looking at it."},{"type":"tool_use","id":"toolu_%04d","name":"tool_%02d","input":{"field_0":"value","items":[{"path":"pkg/file.go","line":%d}]}}]}`, text(100), i, i%18, i),
			fmt.Sprintf(`{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_%04d","content":[{"type":"text","text":"%s"}]}]}`, i, text(600)))
	}
	return []byte(`{"model":"qwen3.5-thinking-coding","stream":true,"max_tokens":4096,"system":[{"type":"text","text":"` + text(12000) + `","cache_control":{"type":"ephemeral"}}],"messages":[` +
		strings.Join(messages, ",") + `],"tools":[` + strings.Join(tools, ",") + `]}`)
}

// BenchmarkAgentRequest takes a request all the way, the Editor's pass included.
func BenchmarkAgentRequest(b *testing.B) {
	body, translate := agentRequest(), agentTurns(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		translate(body)
	}
}

// The request has 100 blocks and 18 tools, and takes 80 allocations, some more where the race
// detector empties pools: what is made for each block anew shows.
func TestAnAgentRequestAllocatesLittle(t *testing.T) {
	body, translate := agentRequest(), agentTurns(t)
	translate(body)
	if n := testing.AllocsPerRun(20, func() { translate(body) }); n > 150 {
		t.Errorf("%v allocations", n)
	}
}

func agentTurns(t testing.TB) func(body []byte) {
	base := newTurn(t, "")
	var out []byte
	return func(body []byte) {
		turn := &hub.Turn{Settings: base.Settings, Edge: hub.EdgeFacts{Random: base.Edge.Random, Window: base.Edge.Window}}
		var p *hub.Problem
		if out, p = Create.Request(out[:0], body, turn); p != nil {
			t.Fatal(p.Message)
		}
	}
}

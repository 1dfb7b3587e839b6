package agents

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// A framework calls tools for programs that are written with it, and speaks Anthropic's Messages
// to the gateway. Both of these drop what the model thought between two calls where they find no
// signature beside it, and nobody sees an error.
type framework struct{ name, interpreter, program string }

func frameworks() []framework {
	return []framework{
		{"AI SDK", node(), "ai.mjs"},
		{"LiteLLM", os.Getenv("QWENVOY_LITELLM"), "litellm_loop.py"},
	}
}

// Frameworks has each framework run loops of two calls, in streams and whole replies, by clients
// that ask for thinking and by those that say nothing of it.
func Frameworks(t *testing.T, gateway string, model *Model) {
	for _, f := range frameworks() {
		t.Run(f.name, func(t *testing.T) { f.loops(t, gateway, model) })
	}
}

// A loop is one of a framework's.
type loop struct {
	Model    string            `json:"model"`
	System   string            `json:"system"`
	Prompt   string            `json:"prompt"`
	Stream   bool              `json:"stream"`
	Thinking json.RawMessage   `json:"thinking,omitempty"`
	Results  map[string]string `json:"results"`
	mark     string
}

// loops has the framework run its loops, in one process: the start takes longer than they do.
func (f framework) loops(t *testing.T, gateway string, model *Model) {
	h := newHome(t)
	if f.interpreter == "" {
		t.Skipf("no environment of Python with %s is named; make e2e-local installs one", f.name)
	}
	var loops []loop
	for _, stream := range []bool{true, false} {
		for _, thinking := range []string{"", `{"type":"enabled","budget_tokens":2000}`} {
			mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())
			loops = append(loops, loop{
				Model: "qwen3.5-thinking-coding", System: "Be brief.", Stream: stream, Thinking: json.RawMessage(thinking),
				Prompt:  weather.prompt(mark + " How is the weather?"),
				Results: map[string]string{`Rome "città"`: "Warm.", "Oslo": "Cold."},
				mark:    mark,
			})
		}
	}
	reports := f.run(t, h, gateway, loops)
	for i, l := range loops {
		t.Run(fmt.Sprintf("stream %t, thinking %s", l.Stream, l.Thinking), func(t *testing.T) { f.check(t, model, l, reports[i]) })
	}
}

// check looks at what the framework made of a loop, and at what the model's server was told in
// the second turn.
func (f framework) check(t *testing.T, model *Model, l loop, report gjson.Result) {
	if want := "Rome is warm, Oslo is not. 🌦"; report.Get("text").Str != want {
		t.Errorf("the last text is %q, want %q", report.Get("text").Str, want)
	}
	steps := report.Get("thinking").Array()
	if len(steps) != 2 || strings.TrimSpace(steps[0].Str) != "Two towns, two calls." || strings.TrimSpace(steps[1].Str) != "Now I know." {
		t.Errorf("the thinking is %s", report.Get("thinking").Raw)
	}
	requests := completions(t, model.asked(t, l.mark), 2)
	grows(t, requests)
	told(t, requests[1],
		turn{role: "assistant", reasoning: "Two towns, two calls.\n", content: "I look at both.", calls: []string{f.rounded(rome), oslo}},
		turn{role: "tool", content: "Warm."}, turn{role: "tool", content: "Cold."})
}

// rounded is a call whose number this framework's language can't hold.
func (f framework) rounded(call string) string {
	if f.interpreter == node() {
		return strings.Replace(call, "67}", "68}", 1)
	}
	return call
}

// run gives the framework's program loops and reads its report of each.
func (f framework) run(t *testing.T, h *home, gateway string, loops []loop) []gjson.Result {
	t.Helper()
	input, err := json.Marshal(loops)
	if err != nil {
		t.Fatal(err)
	}
	// LiteLLM would fetch its list of prices.
	h.env = append(h.env, "QWENVOY_AGENTS="+agentsFolder(), "LITELLM_LOCAL_MODEL_COST_MAP=True")
	out, complaints := h.program(t, string(input), f.interpreter, h.client(t, f.program), gateway)
	reports := gjson.Parse(out).Array()
	if len(reports) != len(loops) {
		t.Fatalf("%s says %q\n%s", f.name, out, complaints)
	}
	return reports
}

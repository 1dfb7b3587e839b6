package agents

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// AgentSDKLoop has an agent of the Claude Agent SDK read a file, ask a tool of the program's own
// twice at once, edit the file, run a command, and answer. It gives back all that the model
// thought.
func AgentSDKLoop(t *testing.T, gateway string, model *Model) {
	const name = "qwen3.5-thinking-coding"
	front := startFront(t, gateway)
	c := newClaude(t, front.url(), name, "QWENVOY_AGENTS="+agentsFolder())
	mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())
	c.write(t, "work/notes.txt", "line one\n")
	var (
		notes  = c.work + "/notes.txt"
		read   = fmt.Sprintf(`Read {"file_path":%q}`, notes)
		warm   = `mcp__towns__get_weather {"city":"Rome \"città\""}`
		cold   = `mcp__towns__get_weather {"city":"Oslo"}`
		edit   = fmt.Sprintf(`Edit {"file_path":%q,"old_string":"one","new_string":"two"}`, notes)
		edited = fmt.Sprintf(`Edit {"replace_all":false,"file_path":%q,"old_string":"one","new_string":"two"}`, notes)
		count  = `Bash {"command":"wc -c < notes.txt","description":"Count its bytes"}`
	)
	prompt := script{
		think("I read the file first."),
		preface("Let me look."),
		call(read),
		next,
		think("Two towns, two calls."),
		call(warm),
		call(cold),
		next,
		think("I change it."),
		call(edit),
		next,
		think("I count."),
		call(count),
		next,
		think("All done."),
		say("Rome is warm, Oslo is not. 🌦"),
	}.prompt(mark + " Make one two in notes.txt. How is the weather?")

	out, complaints := c.program(t, `{"model":"`+name+`","prompt":`+quoted(t, prompt)+`}`, node(), c.client(t, "agentsdk.mjs"))
	if complaints != "" {
		t.Fatalf("the SDK's program complains: %s", complaints)
	}
	c.files(t, map[string]string{"notes.txt": "line two\n"})
	requests := completions(t, model.asked(t, mark), 5)
	messages := gjson.Parse(out)
	c.printed(t, messages.Get(`#(type=="result")`), "Rome is warm, Oslo is not. 🌦", requests)
	if got, want := strings.Join(thinking(messages), "|"), "I read the file first.|Two towns, two calls.|I change it.|I count.|All done."; got != want {
		t.Errorf("the SDK's messages hold the thoughts %q, want %q", got, want)
	}
	grows(t, requests)
	told(t, requests[4],
		turn{role: "assistant", reasoning: "I read the file first.\n", content: "Let me look.", calls: []string{read}},
		turn{role: "tool", content: "1\tline one\n…"},
		turn{role: "assistant", reasoning: "Two towns, two calls.\n", calls: []string{warm, cold}},
		turn{role: "tool", content: "Warm."},
		turn{role: "tool", content: "Cold."},
		turn{role: "assistant", reasoning: "I change it.\n", calls: []string{edited}},
		turn{role: "tool", content: "The file " + notes + " has been updated…"},
		turn{role: "assistant", reasoning: "I count.\n", calls: []string{count}},
		turn{role: "tool", content: "9"},
	)
	front.checkMessages(t, len(requests))
}

package agents

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	responsesgrammar "github.com/qwenvoy/qwenvoy/native/grammar/responses"
)

// A CodexModel is a model name, and with it the tools that Codex offers under that name.
type CodexModel struct {
	Name string

	read, edit, count string // calls of the model as the server sees them
	readOut, editOut  string // what Codex answers, as [told] takes it
	unknown           bool   // Codex has no entry for the name and says so
	catalogue         bool   // Codex asks the gateway what it has to know of the name
}

// CodexModels are one name of each kind that Codex 0.171 knows.
var CodexModels = []CodexModel{
	// Of the gateway's catalogue: plain functions, and a free-form tool for edits.
	{
		Name:    "qwen-thinking-coding",
		read:    `exec_command {"cmd":"cat notes.txt"}`,
		edit:    `apply_patch {"input":"*** Begin Patch\n*** Update File: notes.txt\n@@\n-line one\n+line two\n*** End Patch\n"}`,
		count:   `exec_command {"cmd":"wc -c < notes.txt > size.txt"}`,
		readOut: "…\nOutput:\nline one\n", editOut: "…\nM notes.txt\n",
		catalogue: true,
	},
	// Unknown to Codex: plain functions, no tool for edits.
	{
		Name:    "qwen3.5-thinking-coding",
		read:    `exec_command {"cmd":"cat notes.txt"}`,
		edit:    `exec_command {"cmd":"sed -i s/one/two/ notes.txt && cat notes.txt"}`,
		count:   `exec_command {"cmd":"wc -c < notes.txt > size.txt"}`,
		readOut: "…\nOutput:\nline one\n", editOut: "…\nOutput:\nline two\n",
		unknown: true,
	},
	// A free-form tool for edits.
	{
		Name:    "gpt-5.5",
		read:    `exec_command {"cmd":"cat notes.txt"}`,
		edit:    `apply_patch {"input":"*** Begin Patch\n*** Update File: notes.txt\n@@\n-line one\n+line two\n*** End Patch\n"}`,
		count:   `exec_command {"cmd":"wc -c < notes.txt > size.txt"}`,
		readOut: "…\nOutput:\nline one\n", editOut: "…\nM notes.txt\n",
	},
	// Tools stand in an item of the input, and all that is done goes through JavaScript.
	{
		Name:    "gpt-6-sol",
		read:    `functions__exec {"input":"const r = await tools.exec_command({cmd: \"cat notes.txt\"});\ntext(r.output);"}`,
		edit:    `functions__exec {"input":"await tools.apply_patch(\"*** Begin Patch\\n*** Update File: notes.txt\\n@@\\n-line one\\n+line two\\n*** End Patch\\n\");\ntext(\"edited\\n\");"}`,
		count:   `functions__exec {"input":"await tools.exec_command({cmd: \"wc -c < notes.txt > size.txt\"});"}`,
		readOut: "…line one\n", editOut: "…edited\n",
	},
}

// A Transport is how Codex is to reach the gateway.
type Transport int

// The transports.
const (
	HTTP Transport = iota
	WebSocket
	// RefusedWebSocket is one that the gateway answers with 426: Codex goes on over HTTP.
	RefusedWebSocket
)

// CodexLoop has Codex read a file, edit it, answer; run a command on a second prompt of the same
// session; and, in another process, go on with the recorded conversation. The gateway stands in
// front of model.
func CodexLoop(t *testing.T, gateway string, model *Model, m CodexModel, transport Transport) {
	front := startFront(t, gateway)
	c := newCodex(t, front.url(), m, transport != HTTP, "")
	mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())
	c.write(t, "work/notes.txt", "line one\n")

	s := c.session(t)
	first := s.turn(script{
		think("I read the file first."),
		call(m.read),
		next,
		preface("Now I edit it."),
		call(m.edit),
		next,
		think("Both are done."),
		say("notes.txt says two."),
	}.prompt(mark + " Make one two in notes.txt."))
	answers(t, first, "Now I edit it.", "notes.txt says two.")
	thoughts(t, first, "I read the file first.", "Both are done.")
	c.files(t, map[string]string{"notes.txt": "line two\n"})

	second := s.turn(script{
		call(m.count),
		next,
		think("Written."),
		say("The size is in size.txt."),
	}.prompt(mark + " Write its size to size.txt."))
	answers(t, second, "The size is in size.txt.")
	c.files(t, map[string]string{"notes.txt": "line two\n", "size.txt": "9\n"})
	prompt, answer := s.tokens()
	s.end()
	if wantPrompt, wantAnswer := usage(t, model.asked(t, mark)); prompt != wantPrompt || answer != wantAnswer {
		t.Errorf("Codex counted %d and %d tokens, the model's server %d and %d", prompt, answer, wantPrompt, wantAnswer)
	}

	third := c.resume(t, s.thread, transport, script{
		call(m.read),
		next,
		say("It still says two."),
	}.prompt(mark+" What does it say?"))
	printed(t, m, third, "It still says two.")

	requests := completions(t, model.asked(t, mark), 7)
	grows(t, requests)
	turn1 := []turn{
		{role: "assistant", reasoning: "I read the file first.\n", calls: []string{m.read}},
		{role: "tool", content: m.readOut},
		{role: "assistant", reasoning: "I should call the tool " + name(m.edit) + ".\n", content: "Now I edit it.", calls: []string{m.edit}},
		{role: "tool", content: m.editOut},
	}
	told(t, requests[1], turn1[:2]...)
	told(t, requests[2], turn1...)
	told(t, requests[5], append(turn1,
		turn{role: "assistant", reasoning: "Both are done.\n", content: "notes.txt says two."},
		turn{role: "user", content: mark + " Write…"},
		turn{role: "assistant", reasoning: "I should call the tool " + name(m.count) + ".\n", calls: []string{m.count}},
		turn{role: "tool", content: "…\nOutput:\n"},
		turn{role: "assistant", reasoning: "Written.\n", content: "The size is in size.txt."},
		turn{role: "user", content: mark + " What…"},
	)...)
	front.check(t, m, transport, len(requests), 2)
}

// CodexCompaction has Codex make a summary of a conversation and go on with that.
func CodexCompaction(t *testing.T, gateway string, model *Model, m CodexModel) {
	front := startFront(t, gateway)
	c := newCodex(t, front.url(), m, false, "")
	mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())

	s := c.session(t)
	answers(t, s.turn(script{say("The first answer.")}.prompt(mark+" The first question.")), "The first answer.")
	s.call("thread/compact/start", fmt.Sprintf(`{"threadId":%q}`, s.thread))
	s.until(func(m gjson.Result) bool { return m.Get("method").Str == "turn/completed" })
	answers(t, s.turn(script{say("The second answer.")}.prompt(mark+" The second question.")), "The second answer.")
	s.end()

	requests := completions(t, model.asked(t, mark), 3)
	last := string(requests[2].Request)
	// Codex keeps the user's words. The simulated model has but repeated what it was asked for.
	if !strings.Contains(last, "You said: You are performing a CONTEXT CHECKPOINT COMPACTION") || strings.Contains(last, `"role":"assistant"`) {
		t.Errorf("codex went on with %s", last[strings.Index(last, `"messages"`):])
	}
	front.check(t, m, HTTP, len(requests), 1)
}

// CodexSubAgent has Codex start an agent of its own, which reads a file, and wait for its answer.
func CodexSubAgent(t *testing.T, gateway string, model *Model, m CodexModel) {
	front := startFront(t, gateway)
	c := newCodex(t, front.url(), m, false, "\n[features]\nmulti_agent_v2 = true\n")
	mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())
	c.write(t, "work/notes.txt", "line one\n")

	// The agent's answer is what the model that waits for it obeys next.
	task := script{call(m.read), next, say(say("It says one."))}.prompt("Read notes.txt.")
	spawn, err := json.Marshal(map[string]string{"task_name": "reader", "message": task})
	if err != nil {
		t.Fatal(err)
	}
	const wait = `collaboration__wait_agent {"timeout_ms":60000}`
	s := c.session(t)
	items := s.turn(script{
		call("collaboration__spawn_agent " + string(spawn)),
		next,
		call(wait),
	}.prompt(mark + " Have an agent read notes.txt."))
	answers(t, items, "It says one.")
	s.end()

	requests := completions(t, model.asked(t, mark), 5)
	var agents, roots []*Exchange
	for _, e := range requests {
		if strings.Contains(string(e.Request), "Message Type: NEW_TASK") {
			agents = append(agents, e)
		} else {
			roots = append(roots, e)
		}
	}
	if len(agents) != 2 || len(roots) != 3 {
		t.Fatalf("%d requests of the agent, %d of the one that started it", len(agents), len(roots))
	}
	grows(t, agents)
	grows(t, roots)
	told(t, agents[1],
		turn{role: "user", content: "…" + task},
		turn{role: "assistant", reasoning: "I should call the tool " + name(m.read) + ".\n", calls: []string{m.read}},
		turn{role: "tool", content: m.readOut},
	)
	told(t, roots[2],
		turn{role: "assistant", reasoning: "I should call the tool collaboration__wait_agent.\n", calls: []string{wait}},
		turn{role: "tool", content: `{"message":"Wait completed.","timed_out":false}`},
		turn{role: "user", content: "…\n" + say("It says one.")},
	)
	front.check(t, m, HTTP, len(requests), 1)
}

func name(call string) string {
	n, _, _ := strings.Cut(call, " ")
	return n
}

// answers checks what the agent said in a turn.
func answers(t *testing.T, items []gjson.Result, want ...string) {
	t.Helper()
	var got []string
	for _, i := range items {
		switch i.Get("type").Str {
		case "agentMessage":
			got = append(got, i.Get("text").Str)
		case "commandExecution", "fileChange":
			if i.Get("status").Str != "completed" {
				t.Errorf("codex failed at %s", i.Raw)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("codex said %q, want %q", got, want)
	}
}

// thoughts checks that the user could read these thoughts of the model in a turn.
func thoughts(t *testing.T, items []gjson.Result, want ...string) {
	t.Helper()
	var got []string
	for _, i := range items {
		if i.Get("type").Str == "reasoning" {
			for _, part := range slices.Concat(i.Get("summary").Array(), i.Get("content").Array()) {
				got = append(got, strings.TrimSpace(part.Str))
			}
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("codex shows the thoughts %q, want %q among them", got, w)
		}
	}
}

// printed checks the events of codex exec: no errors but the one that its user knows, and one
// command that succeeded.
func printed(t *testing.T, m CodexModel, events []gjson.Result, answer string) {
	t.Helper()
	var faults, said []string
	var commands, ends int
	for _, e := range events {
		switch kind := e.Get("type").Str; kind {
		case "thread.started", "turn.started", "item.started":
		case "turn.completed":
			ends++
		case "item.completed":
			item := e.Get("item")
			switch item.Get("type").Str {
			case "error":
				faults = append(faults, item.Get("message").Str)
			case "agent_message":
				said = append(said, item.Get("text").Str)
			case "command_execution":
				commands++
				if item.Get("exit_code").Raw != "0" {
					t.Errorf("codex exec failed at %s", item.Raw)
				}
			case "reasoning":
			default:
				t.Errorf("codex exec printed %s", e.Raw)
			}
		default:
			t.Errorf("codex exec printed %s", e.Raw)
		}
	}
	var known []string
	if m.unknown {
		known = []string{"Model metadata for `" + m.Name + "` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."}
	}
	if !slices.Equal(faults, known) {
		t.Errorf("codex exec reports %q, want %q", faults, known)
	}
	if !slices.Equal(said, []string{answer}) || commands != 1 || ends != 1 {
		t.Errorf("codex exec said %q with %d commands in %d turns, want %q with one in one", said, commands, ends, answer)
	}
}

// check checks what passed between Codex and the gateway: as many requests as reached the model,
// each answered to its end, a question for the catalogue by each process that was told of it, and
// nothing else.
func (f *front) check(t *testing.T, m CodexModel, transport Transport, n, processes int) {
	t.Helper()
	var posts, sockets, refused, creates, completed, catalogues int
	for _, e := range f.passed(t) {
		what := fmt.Sprintf("%s %s (%d)", e.Method, e.Path, e.Status)
		if strings.HasPrefix(e.Path, "/v1/models?client_version=") && e.Status == http.StatusOK {
			catalogues++
			continue
		}
		if e.Path != "/v1/responses" {
			t.Errorf("codex asked for %s", what)
			continue
		}
		switch {
		case e.Method == "GET" && e.Status == http.StatusSwitchingProtocols:
			sockets++
			for _, m := range e.Sent {
				if gjson.GetBytes(m, "type").Str != "response.create" {
					t.Errorf("codex sent %.200s", m)
				} else if w := gjson.GetBytes(m, "generate"); !w.Exists() || w.Bool() {
					creates++ // the others warm the server up
				} else {
					completed--
				}
			}
			for _, fault := range responsesgrammar.Frames(e.Received, responsesgrammar.Options{}) {
				t.Errorf("codex got a fault over its WebSocket: %v", fault)
			}
			for _, m := range e.Received {
				switch gjson.GetBytes(m, "type").Str {
				case "response.completed":
					completed++
				case "error", "response.failed", "response.incomplete":
					t.Errorf("codex got %.500s", m)
				}
			}
		case e.Method == "GET" && e.Status == http.StatusUpgradeRequired:
			refused++
		case e.Method == "POST" && e.Status == http.StatusOK:
			posts++
			for _, fault := range responsesgrammar.Check(e.Response, responsesgrammar.Options{}) {
				t.Errorf("codex got a stream with a fault: %v", fault)
			}
			completed += strings.Count(string(e.Response), "event: response.completed\n")
		default:
			t.Errorf("codex got %s: %.500s", what, e.Response)
		}
	}
	if m.catalogue && catalogues != processes || !m.catalogue && catalogues != 0 {
		t.Errorf("codex asked %d times for the catalogue, in %d processes", catalogues, processes)
	}
	if completed != n {
		t.Errorf("codex got %d complete responses, the model made %d", completed, n)
	}
	want := [4]int{posts, sockets, refused, creates}
	switch transport {
	case HTTP:
		want = [4]int{n, 0, 0, 0}
	case WebSocket: // one for each process
		want = [4]int{0, 2, 0, n}
	case RefusedWebSocket:
		want = [4]int{n, 0, 2, 0}
	}
	if got := [4]int{posts, sockets, refused, creates}; got != want {
		t.Errorf("%d POSTs, %d sockets, %d refused sockets, %d creates; want %v", posts, sockets, refused, creates, want)
	}
}

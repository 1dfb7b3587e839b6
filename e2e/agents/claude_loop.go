package agents

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	messagesgrammar "github.com/qwenvoy/qwenvoy/native/grammar/messages"
)

// ClaudeModels are one name of each kind that Claude Code 2.1 knows: an unknown one gets
// adaptive thinking and a system message behind the prompt, sonnet-4-5 gets a budget for
// thinking and reminders in the prompt.
var ClaudeModels = []string{"qwen3.5-thinking-coding", "claude-sonnet-4-5"}

// ClaudeLoop has Claude Code read a file, run a command, edit the file, run two commands at
// once of which the second is soon ready, and answer; and, in another process, go on with
// the recorded conversation. The gateway stands in front of model.
func ClaudeLoop(t *testing.T, gateway string, model *Model, name string) {
	front := startFront(t, gateway)
	c := newClaude(t, front.url(), name)
	mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())
	c.write(t, "work/notes.txt", "line one\n")

	var (
		notes = c.work + "/notes.txt"
		read  = fmt.Sprintf(`Read {"file_path":%q}`, notes)
		count = `Bash {"command":"wc -c < notes.txt > size.txt; cat size.txt","description":"Count its bytes"}`
		edit  = fmt.Sprintf(`Edit {"file_path":%q,"old_string":"one","new_string":"two"}`, notes)
		// Claude Code hands the edit back with the default filled in.
		edited = fmt.Sprintf(`Edit {"replace_all":false,"file_path":%q,"old_string":"one","new_string":"two"}`, notes)
		// Only commands that change nothing run at once.
		slow = `Bash {"command":"sleep 1; echo slow","description":"Take a second"}`
		fast = `Bash {"command":"echo fast","description":"Take no time"}`
	)
	result := c.ask(t, "", editing(read, count, edit, slow, fast).prompt(mark+" Make one two in notes.txt."))
	c.files(t, map[string]string{"notes.txt": "line two\n", "size.txt": "9\n"})
	first := completions(t, model.asked(t, mark), 5)
	c.printed(t, result, "notes.txt says two.", first)

	result = c.ask(t, result.Get("session_id").Str, script{
		call(count),
		next,
		say("Still nine."),
	}.prompt(mark+" How long is it?"))
	requests := completions(t, model.asked(t, mark), 7)
	c.printed(t, result, "Still nine.", requests[5:])

	grows(t, requests)
	turn1 := []turn{
		{role: "assistant", reasoning: "I read the file first.\n", content: "Let me look.", calls: []string{read}},
		{role: "tool", content: "1\tline one\n…"},
		{role: "assistant", reasoning: "I should call the tool Bash.\n", calls: []string{count}},
		{role: "tool", content: "9…"}, // behind it sonnet is told how many tokens are left
		{role: "assistant", reasoning: "I should call the tool Edit.\n", calls: []string{edited}},
		{role: "tool", content: "The file " + notes + " has been updated…"},
		{role: "assistant", reasoning: "Two at once.\n", calls: []string{slow, fast}},
		{role: "tool", content: "slow…"}, // was ready last, but asked for first
		{role: "tool", content: "fast"},
	}
	told(t, requests[1], turn1[:2]...)
	told(t, requests[4], turn1...)
	last := messages(requests[6])
	if want := len(messages(requests[4])) + 4; len(last) != want {
		t.Errorf("the last request has %d messages, want %d", len(last), want)
	}
	front.checkMessages(t, len(requests))
}

// ClaudeSubAgent has Claude Code hand a task to an agent of its own, which runs a command and
// reports.
func ClaudeSubAgent(t *testing.T, gateway string, model *Model, name string) {
	front := startFront(t, gateway)
	c := newClaude(t, front.url(), name)
	mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())
	c.write(t, "work/notes.txt", "line one\n")

	// The sub-agent's prompt stands in a string of JSON in one line of the first one's.
	inner := fmt.Sprintf(`%s Count the lines of notes.txt.\nsimulate: call Bash {\"command\":\"wc -l < notes.txt > lines.txt\",\"description\":\"Count the lines\"}\nsimulate: next\nsimulate: say It has one line.`, mark)
	result := c.ask(t, "", script{
		call(`Agent {"description":"Count the lines","prompt":"` + inner + `","subagent_type":"general-purpose","run_in_background":false}`),
		next,
		say("My agent says: one line."),
	}.prompt(mark+" Have the lines of notes.txt counted."))
	c.files(t, map[string]string{"notes.txt": "line one\n", "lines.txt": "1\n"})
	requests := completions(t, model.asked(t, mark), 4)
	c.printed(t, result, "My agent says: one line.", nil)
	for _, m := range messages(requests[3]) {
		if m.Get("role").Str == "tool" && !strings.Contains(content(m), "It has one line.") {
			t.Errorf("the agent reported %q", content(m))
		}
	}
	grows(t, []*Exchange{requests[0], requests[3]})
	front.checkMessages(t, len(requests))
}

// ClaudeToolSearch has Claude Code find tools that it didn't offer at first and use them. One is
// its web search, which asks the gateway for what no model server has, and is told so.
func ClaudeToolSearch(t *testing.T, gateway string, model *Model, name string) {
	front := startFront(t, gateway)
	c := newClaude(t, front.url(), name, "ENABLE_TOOL_SEARCH=true")
	mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())
	var (
		find   = `ToolSearch {"query":"select:CronList,WebSearch","max_results":5}`
		list   = `CronList {}`
		search = `WebSearch {"query":"what is Qwen"}`
	)
	result := c.ask(t, "", script{
		call(find),
		next,
		call(list),
		call(search),
		next,
		say("The web is not to be had."),
	}.prompt(mark+" Look up what Qwen is."))
	c.printed(t, result, "The web is not to be had.", nil)

	requests := completions(t, model.asked(t, mark), 3)
	grows(t, requests)
	for i, want := range []bool{false, true, true} {
		for _, tool := range []string{"CronList", "WebSearch"} {
			if got := gjson.GetBytes(requests[i].Request, `tools.#(function.name=="`+tool+`")`).Exists(); got != want {
				t.Errorf("request %d offers %s: %t, want %t", i+1, tool, got, want)
			}
		}
	}
	found := []turn{
		{role: "assistant", reasoning: "I should call the tool ToolSearch.\n", calls: []string{find}},
		{role: "tool", content: "…WebSearch"},
	}
	if name == "claude-sonnet-4-5" {
		found = append(found, turn{role: "user", content: "Tool loaded.…"})
	}
	told(t, requests[2], append(found,
		turn{role: "assistant", reasoning: "I should call the tool CronList.\n", calls: []string{list, search}},
		turn{role: "tool", content: "No scheduled jobs…"},
		turn{role: "tool", content: "Web search results for query: \"what is Qwen\"\n\nWeb search error: unavailable…"},
	)...)
	front.checkMessages(t, len(requests)+1) // the gateway itself answers the web search
}

// ClaudeCompaction has Claude Code make a summary of a conversation and go on with that.
func ClaudeCompaction(t *testing.T, gateway string, model *Model, name string) {
	front := startFront(t, gateway)
	c := newClaude(t, front.url(), name)
	mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())

	// It makes no summary of less than a round of tools.
	result := c.ask(t, "", script{
		call(`Bash {"command":"echo one","description":"Say one"}`),
		next,
		say("The first answer."),
	}.prompt(mark+" The first question."))
	c.printed(t, result, "The first answer.", nil)
	session := result.Get("session_id").Str
	result = c.ask(t, session, "/compact "+script{say("<summary>" + mark + " Spoke of a first thing.</summary>")}.prompt("Be brief."))
	if result.Get("subtype").Str != "success" || result.Get("is_error").Bool() {
		t.Errorf("claude printed %s", result.Raw)
	}
	result = c.ask(t, session, script{say("The second answer.")}.prompt(mark+" The second question."))
	c.printed(t, result, "The second answer.", nil)

	requests := completions(t, model.asked(t, mark), 4)
	grows(t, requests[:3])
	last := string(requests[3].Request)
	// It keeps the last answer beside the summary, but nothing before it.
	if !strings.Contains(last, "Spoke of a first thing.") || strings.Contains(last, `"role":"tool"`) {
		t.Errorf("claude went on with %s", last[strings.Index(last, `"messages"`):])
	}
	front.checkMessages(t, len(requests))
}

// ClaudeOverflow has Claude Code read more than the window of model holds. It must learn so from
// the gateway's words, make a summary and go on with that. OverflowWindow is the window that
// makes it so. counts: the gateway has the prompt that is too long counted by its server.
func ClaudeOverflow(t *testing.T, gateway string, model *Model, name string, counts bool) {
	front := startFront(t, gateway)
	c := newClaude(t, front.url(), name)
	mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())
	c.write(t, "work/long.txt", strings.Repeat("A line of some words that nobody needs.\n", 550))

	// Its own words stand last behind a summary; this puts ours among them.
	c.write(t, "claude/settings.json", `{"hooks":{"SessionStart":[{"matcher":"compact","hooks":[{"type":"command","command":"printf 'Go on.\\nsimulate: say It is too long for me.\\n'"}]}]}}`)
	read := call(`Bash {"command":"cat long.txt","description":"Read it"}`)
	result := c.ask(t, "", script{read, next, say("The first answer.")}.prompt(mark+" What is in long.txt?"))
	c.printed(t, result, "The first answer.", nil)
	result = c.ask(t, result.Get("session_id").Str, script{
		read,
		say(`<summary>\n` + mark + ` There is a long file.\n</summary>`), // when it is asked for one
		next,
		say("The window held all of it."),
	}.prompt(mark+" Is it still there?"))
	c.printed(t, result, "It is too long for me.", nil)

	var statuses []int
	var requests []*Exchange
	counted := 0
	for _, e := range model.asked(t, mark) {
		if e.Path == "/tokenize" {
			counted++
			continue
		}
		requests = append(requests, e)
		statuses = append(statuses, e.Status)
	}
	if want := map[bool]int{true: 1, false: 0}[counts]; counted != want {
		t.Errorf("the prompt was counted %d times, want %d", counted, want)
	}
	if want := []int{200, 200, 200, 400, 200, 200}; !slices.Equal(statuses, want) {
		t.Fatalf("the model's server answered %v, want %v", statuses, want)
	}
	if last := string(requests[5].Request); !strings.Contains(last, "There is a long file.") || strings.Contains(last, "The first answer.") {
		t.Errorf("claude went on with %s", last[strings.Index(last, `"messages"`):])
	}
	statuses = nil
	for _, e := range front.passed(t) {
		if strings.HasPrefix(e.Path, "/v1/messages?") {
			statuses = append(statuses, e.Status)
			if refused := gjson.GetBytes(e.Response, "error.message").Str; counts && e.Status == 400 && !tooLong.MatchString(refused) {
				t.Errorf("the gateway said %q", refused)
			}
		} else if !strings.HasPrefix(e.Path, "/v1/messages/count_tokens") || e.Status != http.StatusOK {
			t.Errorf("claude got %d for %s", e.Status, e.Path)
		}
	}
	if want := []int{200, 200, 200, 400, 200, 200}; !slices.Equal(statuses, want) {
		t.Errorf("the gateway answered %v, want %v", statuses, want)
	}
}

// tooLong is the sentence on which Claude Code compacts by as much as the numbers tell.
var tooLong = regexp.MustCompile(`^prompt is too long: [0-9]+ tokens > [0-9]+ maximum$`)

// OverflowWindow holds what Claude Code says of itself, but not much more.
const OverflowWindow = 62000

// printed checks what Claude Code printed at the end. With requests, it must have counted what
// they cost.
func (c *claude) printed(t *testing.T, result gjson.Result, answer string, requests []*Exchange) {
	t.Helper()
	for path, want := range map[string]string{
		"type": "result", "subtype": "success", "is_error": "false", "api_error_status": "", "result": answer,
		"stop_reason": "end_turn", "permission_denials.#": "0", "terminal_reason": "completed",
	} {
		if got := result.Get(path).String(); got != want {
			t.Errorf("claude's %s is %q, want %q", path, got, want)
		}
	}
	if requests == nil {
		return
	}
	prompt, written := usage(t, requests)
	u := result.Get("usage")
	read := u.Get("input_tokens").Int() + u.Get("cache_read_input_tokens").Int() + u.Get("cache_creation_input_tokens").Int()
	if read != prompt || u.Get("output_tokens").Int() != written {
		t.Errorf("claude counted %d and %d tokens, the model's server %d and %d", read, u.Get("output_tokens").Int(), prompt, written)
	}
}

// checkMessages checks what passed between Claude Code and the gateway: as many requests as
// reached the model, each a stream that ended once, and nothing else.
func (f *front) checkMessages(t *testing.T, n int) {
	t.Helper()
	var posts int
	for _, e := range f.passed(t) {
		path, _, _ := strings.Cut(e.Path, "?")
		switch {
		case e.Method == "POST" && path == "/v1/messages" && e.Status == http.StatusOK:
			posts++
			if !gjson.GetBytes(e.Request, "stream").Bool() {
				t.Error("claude asked without a stream: it found a fault in one")
			}
			for _, fault := range messagesgrammar.Check(e.Response, messagesgrammar.Options{}) {
				t.Errorf("claude got a stream with a fault: %v", fault)
			}
			if !strings.Contains(string(e.Response), "event: message_stop\n") || e.Cut {
				t.Errorf("claude got a stream without its end (cut: %t): …%s", e.Cut, e.Response[max(0, len(e.Response)-500):])
			}
		case e.Method == "HEAD" && path == "/" && e.Status == http.StatusOK: // is somebody there?
		default:
			t.Errorf("claude got %d for %s %s: %.500s", e.Status, e.Method, e.Path, e.Response)
		}
	}
	if posts != n {
		t.Errorf("claude asked %d times, the model %d", posts, n)
	}
}

// ClaudeCutCall has the token limit cut a call of Claude Code's where its last parameter
// begins. The model's server makes whole JSON of what there is, which Claude Code would run. It
// must not; the model is told, and answers.
func ClaudeCutCall(t *testing.T, gateway string, model *Model, name string) {
	front := startFront(t, gateway)
	c := newClaude(t, front.url(), name, "CLAUDE_CODE_MAX_OUTPUT_TOKENS=72")
	mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())
	result := c.ask(t, "", script{
		think("A long one."),
		call(`Bash {"command":"echo ran > ran.txt","description":"Run it","dangerouslyDisableSandbox":false}`),
		next,
		think("Too long."),
		say("It was too long."),
	}.prompt(mark+" Run it."))
	c.files(t, map[string]string{})
	requests := completions(t, model.asked(t, mark), 2)
	c.printed(t, result, "It was too long.", requests)

	var arguments, finish string
	for line := range strings.Lines(string(requests[0].Response)) {
		data, _ := strings.CutPrefix(line, "data: ")
		arguments += gjson.Get(data, "choices.0.delta.tool_calls.0.function.arguments").Str
		finish += gjson.Get(data, "choices.0.finish_reason").Str
	}
	if finish != "length" || !sameJSON(arguments, `{"command":"echo ran > ran.txt","description":"Run it"}`) {
		t.Fatalf("the model's server ended with %q the call %s, which proves nothing", finish, arguments)
	}
	told(t, requests[1],
		turn{role: "assistant", reasoning: "A long one.\n", calls: []string{`Bash {"__unparsedToolInput":{"raw":"{\"command\": \"echo ran > ran.txt\", \"description\": \"Run it","len":56}}`}},
		turn{role: "tool", content: "<tool_use_error>InputValidationError: Bash was called with input that could not be parsed as JSON.…"},
	)
	grows(t, requests)
	front.checkMessages(t, len(requests))
}

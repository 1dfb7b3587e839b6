package agents

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

const qwenScript = "@qwen-code/qwen-code/cli-entry.js"

// qwen is a Qwen Code with a configuration of its own.
type qwen struct{ *home }

// newQwen configures Qwen Code as a user would for the gateway at url.
func newQwen(t *testing.T, url, model string) *qwen {
	t.Helper()
	q := &qwen{newHome(t)}
	q.env = append(q.env,
		"QWEN_HOME="+q.folder(t, "qwen"),
		"OPENAI_BASE_URL="+url+"/v1",
		"OPENAI_API_KEY=sk-agents",
		"OPENAI_MODEL="+model,
		// It warns of what it is allowed here.
		"QWEN_CODE_SUPPRESS_YOLO_WARNING=1",
	)
	// npm's package has a ripgrep that can't be run before its install script was.
	q.write(t, "qwen/settings.json", `{"security":{"auth":{"selectedType":"openai"}},"general":{"disableAutoUpdate":true},"privacy":{"usageStatisticsEnabled":false},"tools":{"useRipgrep":false}}`)
	return q
}

// ask says something without a terminal, in a process of its own, and returns the messages that
// it prints. session "" begins a conversation.
func (q *qwen) ask(t *testing.T, session, prompt string) (printed gjson.Result) {
	t.Helper()
	args := []string{"--auth-type", "openai", "--yolo", "--output-format", "json", "--prompt", prompt}
	if session != "" {
		args = append(args, "--resume", session)
	}
	stdout, stderr := q.run(t, qwenScript, args...)
	if strings.TrimSpace(stderr) != "" {
		t.Errorf("qwen complains:\n%s", stderr)
	}
	if !gjson.Valid(stdout) {
		t.Fatalf("qwen printed no JSON: %s", stdout)
	}
	return gjson.Parse(stdout)
}

// printed checks the result that Qwen Code printed last, and that it showed each of these
// thoughts.
func (q *qwen) printed(t *testing.T, got gjson.Result, answer string, thoughts ...string) {
	t.Helper()
	result := got.Get(`#(type=="result")`)
	for path, want := range map[string]string{"subtype": "success", "is_error": "false", "result": answer, "permission_denials.#": "0"} {
		if got := result.Get(path).String(); got != want {
			t.Errorf("qwen's %s is %q, want %q", path, got, want)
		}
	}
	shown := thinking(got)
	if strings.Join(shown, "|") != strings.Join(thoughts, "|") {
		t.Errorf("qwen showed the thoughts %q, want %q", shown, thoughts)
	}
}

// QwenLoop has Qwen Code read a file, run a command, edit the file, run two commands at once, and
// answer; and, in another process, go on with the recorded conversation. It gives back all that
// the model thought.
func QwenLoop(t *testing.T, gateway string, model *Model) {
	front := startFront(t, gateway)
	q := newQwen(t, front.url(), "qwen3.5-thinking-coding")
	mark := fmt.Sprintf("Task %d.", time.Now().UnixNano())
	q.write(t, "work/notes.txt", "line one\n")

	var (
		notes = q.work + "/notes.txt"
		read  = fmt.Sprintf(`read_file {"file_path":%q}`, notes)
		// On a busy machine it loses the output of a command that ends right behind it.
		count = `run_shell_command {"command":"wc -c < notes.txt > size.txt; cat size.txt; sleep 0.2","description":"Count its bytes","is_background":false}`
		edit  = fmt.Sprintf(`edit {"file_path":%q,"old_string":"one","new_string":"two"}`, notes)
		slow  = `run_shell_command {"command":"sleep 1; echo slow; sleep 0.2","description":"Take a second","is_background":false}`
		fast  = `run_shell_command {"command":"echo fast; sleep 0.2","description":"Take no time","is_background":false}`
	)
	printed := q.ask(t, "", editing(read, count, edit, slow, fast).prompt(mark+" Make one two in notes.txt."))
	q.files(t, map[string]string{"notes.txt": "line two\n", "size.txt": "9\n"})
	completions(t, model.asked(t, mark), 5)
	q.printed(t, printed, "notes.txt says two.", "I read the file first.", "I should call the tool run_shell_command.", "I should call the tool edit.", "Two at once.", "All done.")

	printed = q.ask(t, printed.Get("0.session_id").Str, script{
		think("I count."),
		call(count),
		next,
		think("The same."),
		say("Still nine."),
	}.prompt(mark+" How long is it?"))
	requests := completions(t, model.asked(t, mark), 7)
	q.printed(t, printed, "Still nine.", "I count.", "The same.")

	// A session that goes on begins with what is in the folder now.
	grows(t, requests[:5])
	grows(t, requests[5:])
	// It gives thoughts back without the space around them.
	turn1 := []turn{
		{role: "assistant", reasoning: "I read the file first.", content: "Let me look.", calls: []string{read}},
		{role: "tool", content: "line one\n"},
		{role: "assistant", reasoning: "I should call the tool run_shell_command.", calls: []string{count}},
		{role: "tool", content: shell(count, "9")},
		{role: "assistant", reasoning: "I should call the tool edit.", calls: []string{edit}},
		{role: "tool", content: "The file: " + notes + " has been updated…"},
		{role: "assistant", reasoning: "Two at once.", calls: []string{slow, fast}},
		{role: "tool", content: shell(slow, "slow")}, // was ready last, but asked for first
		{role: "tool", content: shell(fast, "fast")},
	}
	told(t, requests[1], turn1[:2]...)
	told(t, requests[4], turn1...)
	told(t, requests[6], append(turn1,
		turn{role: "assistant", reasoning: "All done.", content: "notes.txt says two."},
		turn{role: "user", content: "…\nsimulate: say Still nine."},
		turn{role: "assistant", reasoning: "I count.", calls: []string{count}},
		turn{role: "tool", content: shell(count, "9")})...)
	front.checkChat(t, len(requests))
}

// shell begins what Qwen Code says of a command that it ran.
func shell(call, output string) string {
	_, arguments, _ := strings.Cut(call, " ")
	return "Command: " + gjson.Get(arguments, "command").Str + "\nDirectory: (root)\nOutput: " + output + "\nError: (none)\nExit Code: 0\n…"
}

// checkChat checks what passed between an agent that speaks Chat Completions and the gateway: as
// many requests as reached the model, each a stream that ended, and nothing else.
func (f *front) checkChat(t *testing.T, n int) {
	t.Helper()
	var posts int
	for _, e := range f.passed(t) {
		if e.Method != "POST" || e.Path != "/v1/chat/completions" || e.Status != http.StatusOK {
			t.Errorf("the agent got %d for %s %s: %.500s", e.Status, e.Method, e.Path, e.Response)
			continue
		}
		posts++
		if !gjson.GetBytes(e.Request, "stream").Bool() {
			t.Error("the agent asked without a stream")
		}
		if !bytes.HasSuffix(e.Response, []byte("data: [DONE]\n\n")) || e.Cut {
			t.Errorf("the agent got a stream without its end (cut: %t): …%s", e.Cut, e.Response[max(0, len(e.Response)-500):])
		}
	}
	if posts != n {
		t.Errorf("the agent asked %d times, the model %d", posts, n)
	}
}

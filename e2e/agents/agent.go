package agents

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/e2e/process"
)

// agentsFolder is where install.sh has put the packages.
func agentsFolder() string { return os.Getenv("QWENVOY_AGENTS") }

// node is the Node that install.sh has put beside the packages.
func node() string { return filepath.Join(agentsFolder(), "bin/node") }

// A home is where an agent runs: folders of its own, and an environment that holds nothing of
// this machine's user.
type home struct {
	work string // the project that it works on
	env  []string
	dir  string
}

// newHome makes the folders, which end with the test, and skips the test where no agents are
// installed.
func newHome(t *testing.T) *home {
	t.Helper()
	if agentsFolder() == "" {
		t.Skip("QWENVOY_AGENTS names no folder of agents; make e2e-local installs them")
	}
	h := &home{dir: t.TempDir()}
	h.work = h.folder(t, "work")
	h.env = []string{
		"PATH=" + filepath.Dir(node()) + ":" + os.Getenv("PATH"), "HOME=" + h.folder(t, "home"), "LANG=C.UTF-8", "TERM=dumb",
		// Codex keeps programs in its home, which it refuses below the folder for temporary files.
		"TMPDIR=" + h.folder(t, "tmp"),
		// run.sh takes the network away where the kernel lets it. Elsewhere nobody answers here.
		"HTTPS_PROXY=http://127.0.0.1:9", "HTTP_PROXY=http://127.0.0.1:9", "ALL_PROXY=http://127.0.0.1:9",
		"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
	}
	return h
}

func (h *home) folder(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func (h *home) write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, path), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// files checks the project's files: all that are there, by name.
func (h *home) files(t *testing.T, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(h.work)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := want[e.Name()]; !ok {
			t.Errorf("the agent made %s", e.Name())
		}
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(h.work, name))
		if err != nil || string(got) != text {
			t.Errorf("%s holds %q (%v), want %q", name, got, err, text)
		}
	}
}

// command makes a command that runs a script of the installed packages in the project.
func (h *home) command(ctx context.Context, script string, args ...string) (cmd *exec.Cmd, end func()) {
	cmd = exec.CommandContext(ctx, node(), append([]string{filepath.Join(agentsFolder(), "node_modules", script)}, args...)...)
	cmd.Dir, cmd.Env = h.work, h.env
	return cmd, process.Group(cmd)
}

// run runs an agent to its end and returns its output. An agent that fails, or doesn't end,
// fails the test.
func (h *home) run(t *testing.T, script string, args ...string) (stdout, stderr string) {
	t.Helper()
	return h.program(t, "", node(), append([]string{filepath.Join(agentsFolder(), "node_modules", script)}, args...)...)
}

// program runs a program to its end in the project, with an input, and returns its output. One
// that fails, or doesn't end, fails the test.
func (h *home) program(t *testing.T, input, name string, args ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("it didn't end in time"))
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = h.work, h.env
	if input != "" {
		cmd.Stdin = strings.NewReader(input)
	}
	end := process.Group(cmd)
	defer end()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v (%v), after %v\n%s\n%s", filepath.Base(args[0]), err, context.Cause(ctx), time.Since(began), out.String(), errs.String())
	}
	return out.String(), errs.String()
}

//go:embed sdk.mjs ai.mjs agentsdk.mjs litellm_loop.py
var clients embed.FS

// client puts one of our programs, which use an SDK or a framework, where its files are, and
// returns its path.
func (h *home) client(t *testing.T, name string) string {
	t.Helper()
	text, err := clients.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	h.write(t, name, string(text))
	return filepath.Join(h.dir, name)
}

// A script is what the model is to do in one turn, as lines of the prompt that the simulator
// obeys. The text before them carries the loop's mark.
type script []string

func (s script) prompt(text string) string { return text + "\n" + strings.Join(s, "\n") }

// The lines. One round ends where a tool has answered.
func think(text string) string   { return "simulate: think " + text }
func say(text string) string     { return "simulate: say " + text }
func preface(text string) string { return "simulate: preface " + text }
func call(text string) string    { return "simulate: call " + text } // a tool's name and arguments

const next = "simulate: next"

// editing has the model read a file, run a command, edit the file, run two commands at once, and
// answer, each by the call of an agent's tools.
func editing(read, count, edit, slow, fast string) script {
	return script{
		think("I read the file first."),
		preface("Let me look."),
		call(read),
		next,
		call(count),
		next,
		call(edit),
		next,
		think("Two at once."),
		call(slow),
		call(fast),
		next,
		think("All done."),
		say("notes.txt says two."),
	}
}

// thinking is what the model thought, of the messages that an agent printed.
func thinking(messages gjson.Result) (thoughts []string) {
	for _, blocks := range messages.Get(`#(type=="assistant")#.message.content`).Array() {
		for _, b := range blocks.Array() {
			if b.Get("type").Str == "thinking" {
				thoughts = append(thoughts, strings.TrimSpace(b.Get("thinking").Str))
			}
		}
	}
	return thoughts
}

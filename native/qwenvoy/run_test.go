package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// agent puts a program of an agent's name into the PATH, and makes a place for private folders,
// which it returns.
func agent(t *testing.T, name, script string) (caches string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there are no shell scripts")
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	caches = t.TempDir()
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("XDG_CACHE_HOME", caches)
	t.Setenv("HOME", caches)
	return caches
}

// launched is what a run of an agent came to.
type launched struct {
	code           int
	stdout, stderr string
}

func launch(t *testing.T, environ map[string]string, args ...string) launched {
	t.Helper()
	var stdout, stderr bytes.Buffer
	all := os.Environ()
	for name, value := range environ {
		all = append(all, name+"="+value)
	}
	p := &process{args: append([]string{"run"}, args...), env: func(name string) (string, bool) { v, ok := environ[name]; return v, ok },
		environ: all, stdin: strings.NewReader("typed\n"), stdout: &stdout, stderr: &stderr}
	code := p.run(t.Context())
	return launched{code, stdout.String(), stderr.String()}
}

// emptied checks that nothing is left of private folders.
func emptied(t *testing.T, caches string) {
	t.Helper()
	left, err := filepath.Glob(caches + "/*qwenvoy/*")
	if more, _ := filepath.Glob(caches + "/*/*qwenvoy/*"); err != nil || len(left)+len(more) > 0 {
		t.Errorf("left behind: %v %v", left, more)
	}
}

// named is a gateway whose names and window are its own.
func named(t *testing.T) string {
	t.Helper()
	up := httptest.NewServer(simulator.New(simulator.Options{MaxModelLen: 40_000}))
	t.Cleanup(up.Close)
	file := write(t, "upstreams: [{model: "+simulator.DefaultModel+", url: '"+up.URL+"', max_model_len: 30000}]\n"+
		"builtin_models: {thinking-coding: zebra, instruct-general: yak}\n")
	return run(t, noEnv, "--config", file).url
}

func TestRunStartsAnAgentWithSettings(t *testing.T) {
	url := named(t)
	caches := agent(t, "claude", `echo "$@|$ANTHROPIC_BASE_URL|$ANTHROPIC_MODEL|$CLAUDE_CODE_MAX_CONTEXT_TOKENS|$ANTHROPIC_AUTH_TOKEN|${ANTHROPIC_API_KEY-none}"
cat; cat "$CLAUDE_CONFIG_DIR/.claude.json"; echo oops >&2; exit 7`)
	got := launch(t, map[string]string{"QWENVOY_KEY": "sk-mine", "ANTHROPIC_API_KEY": "theirs"}, "--url", url, "--", "claude", "-p", "two words", "-loglevel")
	want := "-p two words -loglevel|" + url + "|zebra|30000|sk-mine|none\ntyped\n" + `{"hasCompletedOnboarding":true}` + "\n"
	if got.code != 7 || got.stdout != want || got.stderr != "oops\n" {
		t.Errorf("exit code %d\n%s\nwant\n%s\nstderr %s", got.code, got.stdout, want, got.stderr)
	}
	emptied(t, caches)
}

func TestRunStartsAGatewayWhereNoneIs(t *testing.T) {
	up := httptest.NewServer(simulator.New(simulator.Options{MaxModelLen: 12_000}))
	defer up.Close()
	caches := agent(t, "codex", `echo "$@"; cat "$CODEX_HOME/config.toml"`)
	none := []string{"--url", "http://127.0.0.1:1"}
	for _, c := range []struct {
		name    string
		environ map[string]string
		args    []string
		window  string
	}{
		{"a flag", nil, []string{"--target", up.URL, "--served-model", simulator.DefaultModel}, "12000"},
		{"a variable", map[string]string{"QWENVOY_TARGET": up.URL, "QWENVOY_SERVED_MODEL": simulator.DefaultModel}, nil, "12000"},
		{"a file", nil, []string{"--config", write(t, "upstreams: [{model: "+simulator.DefaultModel+", url: '"+up.URL+"'}]\n")}, "12000"},
		{"a simulated server", nil, []string{"--demo"}, "262144"},
	} {
		got := launch(t, c.environ, append(append(none, c.args...), "--", "codex", "exec", "hi")...)
		if got.code != 0 || !strings.HasPrefix(got.stdout, "exec hi\n") || !strings.Contains(got.stdout, "model_context_window = "+c.window+"\n") ||
			strings.Contains(got.stdout, "127.0.0.1:1/") || !strings.Contains(got.stdout, `base_url = "http://127.0.0.1:`) {
			t.Errorf("%s: exit code %d\n%s\n%s", c.name, got.code, got.stdout, got.stderr)
		}
	}
	got := launch(t, nil, append(none, "--", "codex")...)
	if got.code != 1 || !strings.Contains(got.stderr, "no gateway answers at http://127.0.0.1:1") || !strings.Contains(got.stderr, "--demo") {
		t.Errorf("%+v", got)
	}
	got = launch(t, nil, append(none, "--target", "http://127.0.0.1:1", "--served-model", "m", "--", "codex")...)
	if got.code != 1 || !strings.Contains(got.stderr, "answers 502") || got.stdout != "" {
		t.Errorf("a server that does not answer: %+v", got)
	}
	emptied(t, caches)
}

func TestRunRefuses(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, `{"error":{"message":"Unauthorized"}}`, http.StatusUnauthorized)
	}))
	defer refusing.Close()
	agent(t, "qwen", "echo started")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--", "emacs"}, "emacs is no agent that run knows: these are claude, codex, qwen, opencode"},
		{[]string{"--", "/nowhere/codex"}, "Codex is not installed"},
		{[]string{"--"}, "agent"},
		{[]string{"--url", refusing.URL, "--", "qwen"}, "answers 401 Unauthorized: Unauthorized"},
	} {
		if got := launch(t, nil, c.args...); got.code != 1 || !strings.Contains(got.stderr, c.want) || got.stdout != "" {
			t.Errorf("%q: %+v", c.args, got)
		}
	}
}

func TestSignalsAreTheAgents(t *testing.T) {
	url := named(t)
	caches := agent(t, "opencode", `if [ "$1" = die ]; then kill -KILL $$; fi
trap 'echo stopped; exit 9' TERM
echo ready
while :; do sleep 0.05; done`)
	if got := launch(t, nil, "--url", url, "--", "opencode", "die"); got.code != 128+int(syscall.SIGKILL) {
		t.Errorf("killed: %+v", got)
	}
	stdout, stderr := &output{}, &output{}
	p := &process{args: []string{"run", "--url", url, "--", "opencode"}, env: noEnv, environ: os.Environ(), stdin: strings.NewReader(""),
		stdout: stdout, stderr: stderr, signals: make(chan os.Signal, 1)}
	code := make(chan int, 1)
	go func() { code <- p.run(t.Context()) }()
	eventually(t, "the agent's start", func() bool { return strings.Contains(stdout.String(), "ready\n") })
	p.signals <- syscall.SIGTERM
	select {
	case got := <-code:
		if got != 9 || stdout.String() != "ready\nstopped\n" {
			t.Errorf("exit code %d: %s%s", got, stdout, stderr)
		}
	case <-time.After(soon):
		t.Fatal("it was not stopped")
	}
	emptied(t, caches)
}

func TestEnv(t *testing.T) {
	url := named(t)
	got := strings.ReplaceAll(printed(t, "env", "claude-code", "--url", url), url, "URL")
	golden(t, "env-claude-code", got)
	if got := printed(t, "env", "codex", "--url", url+"/v1/", "--model", "other"); !strings.HasPrefix(got, "model = \"other\"\n") {
		t.Error(got)
	}
	stderr := &output{}
	p := &process{args: []string{"env", "cline", "--url", "http://127.0.0.1:1"}, env: noEnv, stdout: stderr, stderr: stderr}
	if code := p.run(t.Context()); code != 1 || !strings.Contains(stderr.String(), `no gateway answers at http://127.0.0.1:1: start one with "qwenvoy serve"`) {
		t.Errorf("%d %s", code, stderr)
	}
}

// A signal that a terminal would have sent to the agent as well reaches it where there is none.
func TestTheNullDeviceIsNoTerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if isTerminal(null) {
		t.Error("it counts as one")
	}
}

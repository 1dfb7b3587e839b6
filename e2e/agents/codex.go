package agents

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

const codexScript = "@openai/codex/bin/codex.js"

// codex is a Codex CLI with a configuration of its own.
type codex struct {
	*home
}

// newCodex configures Codex as a user would for the gateway at url; more are further tables of
// its configuration.
func newCodex(t *testing.T, url string, m CodexModel, webSocket bool, more string) *codex {
	t.Helper()
	if m.catalogue {
		more = fmt.Sprintf("model_catalog_url = %q\n%s", url+"/v1/models", more)
	}
	c := &codex{newHome(t)}
	c.folder(t, "codex")
	c.write(t, "codex/config.toml", fmt.Sprintf(`model = %q
model_provider = "qwenvoy"
model_context_window = 262144
web_search = "disabled"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.qwenvoy]
name = "Qwenvoy"
base_url = "%s/v1"
wire_api = "responses"
env_key = "QWENVOY_KEY"
supports_websockets = %t
%s`, m.Name, url, webSocket, more))
	c.env = append(c.env, "CODEX_HOME="+c.dir+"/codex", "QWENVOY_KEY=sk-agents")
	return c
}

// resume goes on with a conversation of which only the record on the disk is left, in a process
// of its own, and returns the events that it printed.
func (c *codex) resume(t *testing.T, thread string, transport Transport, prompt string) []gjson.Result {
	t.Helper()
	stdout, stderr := c.run(t, codexScript, "exec", "--dangerously-bypass-approvals-and-sandbox", "--skip-git-repo-check", "--json", "resume", thread, prompt)
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		if line == "" || line == "Reading additional input from stdin..." ||
			transport == RefusedWebSocket && strings.Contains(line, "failed to connect to Responses WebSocket") {
			continue
		}
		t.Errorf("codex exec complains: %s", line)
	}
	var events []gjson.Result
	for line := range strings.Lines(stdout) {
		events = append(events, gjson.Parse(line))
	}
	return events
}

// A session is a running Codex that is told its turns one after another, as its editor
// extensions do.
type session struct {
	t      *testing.T
	in     io.Writer
	out    *bufio.Reader
	stderr *bytes.Buffer
	end    func() // may be called twice
	nextID int
	thread string
	seen   []gjson.Result // all notifications
}

// session starts a Codex, and in it a conversation.
func (c *codex) session(t *testing.T) *session {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("the session took too long"))
	cmd, endGroup := c.command(ctx, codexScript, "app-server")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, in: in, out: bufio.NewReader(out), stderr: &bytes.Buffer{}}
	cmd.Stderr = s.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.end = func() {
		defer cancel()
		defer endGroup()
		if in.Close() != nil {
			return // was called before
		}
		_, _ = io.Copy(io.Discard, s.out)
		if err := cmd.Wait(); err != nil && !t.Failed() {
			t.Errorf("codex app-server: %v (%v)\n%s", err, context.Cause(ctx), s.stderr)
		}
	}
	t.Cleanup(s.end)
	s.call("initialize", `{"clientInfo":{"name":"qwenvoy-e2e","version":"1"}}`)
	s.send(`{"method":"initialized"}`)
	s.thread = s.call("thread/start", `{"approvalPolicy":"never","sandbox":"danger-full-access"}`).Get("thread.id").Str
	return s
}

func (s *session) send(message string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, message+"\n"); err != nil {
		s.t.Fatalf("codex app-server: %v\n%s", err, s.stderr)
	}
}

// until reads up to a message that ok accepts.
func (s *session) until(ok func(gjson.Result) bool) gjson.Result {
	s.t.Helper()
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			s.t.Fatalf("codex app-server ended (%v); last it said %v\n%s", err, s.seen[max(0, len(s.seen)-5):], s.stderr)
		}
		m := gjson.Parse(line)
		if m.Get("method").Exists() {
			s.seen = append(s.seen, m)
		}
		if ok(m) {
			return m
		}
	}
}

// call makes a request and returns its result.
func (s *session) call(method, params string) gjson.Result {
	s.t.Helper()
	s.nextID++
	id := s.nextID
	s.send(fmt.Sprintf(`{"id":%d,"method":%q,"params":%s}`, id, method, params))
	m := s.until(func(m gjson.Result) bool { return m.Get("id").Int() == int64(id) && !m.Get("method").Exists() })
	if e := m.Get("error"); e.Exists() {
		s.t.Fatalf("codex app-server: %s: %s", method, e.Raw)
	}
	return m.Get("result")
}

// turn says something and returns what the turn's items were, each finished once.
func (s *session) turn(prompt string) []gjson.Result {
	s.t.Helper()
	text, err := json.Marshal(prompt)
	if err != nil {
		s.t.Fatal(err)
	}
	from := len(s.seen)
	s.call("turn/start", fmt.Sprintf(`{"threadId":%q,"input":[{"type":"text","text":%s}]}`, s.thread, text))
	// Its agents have turns of their own.
	mine := func(m gjson.Result) bool { return m.Get("params.threadId").Str == s.thread }
	done := s.until(func(m gjson.Result) bool { return m.Get("method").Str == "turn/completed" && mine(m) })
	if status := done.Get("params.turn.status").Str; status != "completed" {
		s.t.Fatalf("the turn is %s: %s", status, done.Get("params.turn.error").Raw)
	}
	var items []gjson.Result
	for _, m := range s.seen[from:] {
		switch m.Get("method").Str {
		case "error":
			s.t.Errorf("codex reports %s", m.Raw) // a retry is reported so
		case "item/completed":
			if !mine(m) {
				continue
			}
			items = append(items, m.Get("params.item"))
		}
	}
	return items
}

// tokens is what Codex has counted in the conversation so far.
func (s *session) tokens() (prompt, answer int64) {
	for _, m := range s.seen {
		if m.Get("method").Str == "thread/tokenUsage/updated" {
			total := m.Get("params.tokenUsage.total")
			prompt, answer = total.Get("inputTokens").Int(), total.Get("outputTokens").Int()
		}
	}
	return prompt, answer
}

package agents

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

const claudeScript = "@anthropic-ai/claude-code/cli-wrapper.cjs"

// claude is a Claude Code with a configuration of its own.
type claude struct {
	*home
	model string
}

// newClaude configures Claude Code as a user would for the gateway at url. more is added to its
// environment, as NAME=value.
func newClaude(t *testing.T, url, model string, more ...string) *claude {
	t.Helper()
	c := &claude{newHome(t), model}
	c.env = append(c.env,
		"CLAUDE_CONFIG_DIR="+c.folder(t, "claude"),
		"ANTHROPIC_BASE_URL="+url,
		"ANTHROPIC_AUTH_TOKEN=sk-agents",
		"ANTHROPIC_MODEL="+model,
		"ENABLE_TOOL_SEARCH=false",
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
		"DISABLE_AUTOUPDATER=1", "DISABLE_TELEMETRY=1", "DISABLE_ERROR_REPORTING=1",
		// Without it root may not skip the questions for permission.
		"IS_SANDBOX=1",
	)
	c.env = append(c.env, more...)
	return c
}

// ask says something in print mode, in a process of its own, and returns the result that it
// prints. session "" begins a conversation.
func (c *claude) ask(t *testing.T, session, prompt string) gjson.Result {
	t.Helper()
	args := []string{"-p", prompt, "--output-format", "json", "--dangerously-skip-permissions"}
	if session != "" {
		args = append(args, "--resume", session)
	}
	stdout, stderr := c.run(t, claudeScript, args...)
	for line := range strings.Lines(stderr) {
		// It says so of every name that isn't Anthropic's.
		if what, ok := strings.CutPrefix(line, "[claude-code:unrecognized_model] "); !ok || gjson.Get(what, "model").Str != c.model {
			t.Errorf("claude complains: %s", line)
		}
	}
	if !gjson.Valid(stdout) {
		t.Fatalf("claude printed no JSON: %s", stdout)
	}
	return gjson.Parse(stdout)
}

package clients

import (
	"fmt"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pageFile is the page for people that is made of the table.
const pageFile = "../deploy/CLIENTS.md"

const pageHead = `# Clients

How each client is pointed at a gateway on its usual address, with the built-in models and a window of 262,144 tokens. ` +
	"`qwenvoy env NAME`" + ` prints the same for yours, with its names, its window and its address (` + "`--url`" + `), and ` +
	"`qwenvoy run -- PROGRAM`" + ` starts an agent with it. The page at the gateway's root shows it too.

The key is that of the variable QWENVOY_KEY: the server's own, or anything where the server asks for none.

| client | ` + "`qwenvoy env`" + ` | how far it is tried |
|---|---|---|
`

const pageFoot = `
## Any other client

| it speaks | base URL | model |
|---|---|---|
| OpenAI's Chat Completions, Completions or Responses | %[1]s/v1 | ` + "`%[2]s`, or `%[3]s`" + ` for answers without thinking |
| Anthropic's Messages | %[1]s | the same |

Where a client's model can't be set, ` + "`claude-*`, `gpt-*` and `codex-*`" + ` mean ` + "`%[2]s`" + `, and their small models (` +
	"`claude-*haiku*`, `gpt-*-mini`, `gpt-*-nano`" + `) ` + "`%[3]s`" + `. Thinking comes under both names, ` +
	"`reasoning` and `reasoning_content`" + `, unless ` + "`reasoning_field`" + ` chooses one.
`

// The page says what the table says.
func TestPage(t *testing.T) {
	const coding, quick = "qwen3.5-thinking-coding", "qwen3.5-instruct-general"
	g := New("http://127.0.0.1:9000", []Model{{coding, "thinking-coding", 0}, {quick, "instruct-general", 0}})
	var b strings.Builder
	b.WriteString(pageHead)
	for _, c := range Table {
		fmt.Fprintf(&b, "| [%s](#%s) | `%s` | %s |\n", c.Title, anchor(c.Title), c.Name, c.Tried)
	}
	for _, c := range Table {
		fmt.Fprintf(&b, "\n## %s\n\n", c.Title)
		if c.Program != "" {
			fmt.Fprintf(&b, "`qwenvoy run -- %s`, or:\n\n", c.Program)
		}
		fmt.Fprintf(&b, "```%s\n%s```\n", language(c.Settings(g)), c.Text(g))
		if note := c.Note(g); note != "" {
			fmt.Fprintf(&b, "\n%s.\n", strings.ToUpper(note[:1])+note[1:])
		}
		if c.About != "" {
			fmt.Fprintf(&b, "\n%s\n", c.About)
		}
	}
	fmt.Fprintf(&b, pageFoot, g.URL, coding, quick)
	if *update {
		if err := os.WriteFile(pageFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(pageFile)
	if diff := cmp.Diff(string(want), b.String()); err != nil || diff != "" {
		t.Errorf("%s (-update writes it anew): %v\n%s", pageFile, err, diff)
	}
}

// anchor is that of a heading.
func anchor(title string) string {
	return strings.ReplaceAll(strings.Map(func(r rune) rune {
		if strings.ContainsRune("'().", r) {
			return -1
		}
		return r
	}, strings.ToLower(title)), " ", "-")
}

// language is that of a block of settings.
func language(s Settings) string {
	for _, f := range []*File{s.File, s.Sample} {
		if f != nil {
			return map[string]string{".toml": "toml", ".json": "json", ".yaml": "yaml", ".py": "python", ".mjs": "js"}[path.Ext(f.Path)]
		}
	}
	if s.Form != nil && s.Commands == nil {
		return "text"
	}
	return "sh"
}

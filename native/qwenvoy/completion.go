package main

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// The scripts ask "qwenvoy complete", so that what may stand where is known once, here.
var (
	//go:embed completion.bash
	bashScript string
	//go:embed completion.zsh
	zshScript string
	//go:embed completion.fish
	fishScript string
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help says how the scripts are used.
func (completionCommand) Help() string {
	return `bash: eval "$(qwenvoy completion bash)" in ~/.bashrc; ` +
		`zsh: eval "$(qwenvoy completion zsh)" in ~/.zshrc, behind compinit; ` +
		`fish: qwenvoy completion fish > ~/.config/fish/completions/qwenvoy.fish`
}

func (c *completionCommand) Run(p *process) error {
	script := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell]
	_, err := fmt.Fprint(p.stdout, script)
	return err
}

type completeCommand struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The command line behind the program, up to the cursor."`
}

// Run prints a line for each word that may stand in the last one's place, with its help behind
// a tab, or the line ":files".
func (c *completeCommand) Run(p *process, k *kong.Context) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	found, files := complete(k.Model.Node, words)
	if files {
		fmt.Fprintln(p.stdout, ":files")
	}
	for _, f := range found {
		fmt.Fprintln(p.stdout, f.word+"\t"+f.help)
	}
	return nil
}

// A candidate is a word that may stand at the cursor.
type candidate struct{ word, help string }

// complete finds what may stand in the last word's place: these words, or names of files.
func complete(root *kong.Node, words []string) (found []candidate, files bool) {
	last := ""
	if n := len(words); n > 0 {
		last, words = words[n-1], words[:n-1]
	}
	if last == "=" { // bash parts a line at each of them, too
		last = ""
	}
	at, of, positional := root, (*kong.Flag)(nil), 0
	for _, w := range words {
		switch {
		case w == "=":
		case of != nil:
			of = nil
		case w == "--":
			return nil, true
		case strings.HasPrefix(w, "-"):
			if f := flagOf(at, w); f != nil && !f.IsBool() && !strings.Contains(w, "=") {
				of = f
			}
		default:
			if c := childOf(at, w); c != nil {
				at = c
				continue
			}
			positional++
		}
	}
	name, value, given := strings.Cut(last, "=")
	switch {
	case of != nil:
		return values(of.Value, "", last)
	case strings.HasPrefix(last, "-") && given:
		if f := flagOf(at, name); f != nil {
			return values(f.Value, name+"=", value)
		}
	case strings.HasPrefix(last, "-"):
		for _, f := range flagsOf(at) {
			if strings.HasPrefix("--"+f.Name, last) {
				found = append(found, candidate{"--" + f.Name, f.Help})
			}
		}
	case len(at.Children) > 0 && positional > 0: // a command that isn't there
	case len(at.Children) > 0:
		for _, c := range at.Children {
			if !c.Hidden && strings.HasPrefix(c.Name, last) {
				found = append(found, candidate{c.Name, c.Help})
			}
		}
	case at.Name == "help":
		for _, c := range root.Children {
			if !c.Hidden && strings.HasPrefix(c.Name, last) {
				found = append(found, candidate{c.Name, c.Help})
			}
		}
	case len(at.Positional) > 0:
		return values(at.Positional[min(positional, len(at.Positional)-1)], "", last)
	}
	return found, false
}

// values are what a flag or argument takes.
func values(v *kong.Value, before, last string) (found []candidate, files bool) {
	if v.Enum == "" {
		what := strings.ToLower(v.Name + " " + v.Tag.PlaceHolder)
		return nil, before == "" && (strings.Contains(what, "file") || strings.Contains(what, "folder") || v.Name == "source")
	}
	for _, e := range v.EnumSlice() {
		if strings.HasPrefix(e, last) {
			found = append(found, candidate{before + e, ""})
		}
	}
	return found, false
}

func childOf(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// flagsOf are the flags that may stand behind a command; behind none those of the default one.
func flagsOf(n *kong.Node) (flags []*kong.Flag) {
	if n.DefaultCmd != nil {
		n = n.DefaultCmd
	}
	for ; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if !f.Hidden {
				flags = append(flags, f)
			}
		}
	}
	return flags
}

func flagOf(n *kong.Node, word string) *kong.Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	for _, f := range flagsOf(n) {
		if f.Name == name || len(name) == 1 && f.Short == rune(name[0]) {
			return f
		}
	}
	return nil
}

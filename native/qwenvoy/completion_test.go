package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		name  string
		words []string
		want  string // the words, by blanks
	}{
		{"commands", []string{"che"}, "check-config check-stream"},
		{"flags of the default command", []string{"--po"}, "--port"},
		{"flags of a command", []string{"serve", "--log-"}, "--log-level --log-format"},
		{"flags behind a flag with its value", []string{"serve", "--port", "1", "--targ"}, "--target"},
		{"a flag's values", []string{"check-stream", "--dialect", ""}, "responses messages"},
		{"a flag's values behind =", []string{"check-stream", "--dialect=r"}, "--dialect=responses"},
		{"as bash parts them", []string{"check-stream", "--dialect", "=", "r"}, "responses"},
		{"as bash parts them, nothing behind it", []string{"check-stream", "--dialect", "="}, "responses messages"},
		{"an argument's values", []string{"completion", "z"}, "zsh"},
		{"a file", []string{"check-config", "x"}, ":files"},
		{"a flag's file", []string{"serve", "--config", ""}, ":files"},
		{"a flag's value that nobody knows", []string{"serve", "--port", ""}, ""},
		{"help", []string{"help", "ser"}, "serve"},
		{"no such flag", []string{"serve", "--frob"}, ""},
		{"what is hidden", []string{"complet"}, "completion"},
		{"a mistyped command", []string{"frob", ""}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var words []string
			for line := range strings.Lines(printed(t, append([]string{"complete", "--"}, c.words...)...)) {
				word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
				words = append(words, word)
			}
			if got := strings.Join(words, " "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// Each shell that is here completes by its script.
func TestCompletionInShells(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		shell, script, want string
	}{
		{"bash", `eval "$(qwenvoy completion bash)"
			COMP_WORDS=(qwenvoy check-stream --dialect = mess); COMP_CWORD=4; _qwenvoy; echo "${COMPREPLY[@]}"
			COMP_WORDS=(qwenvoy check-config fil); COMP_CWORD=2; _qwenvoy; echo "${COMPREPLY[@]}"
			COMP_WORDS=(qwenvoy che); COMP_CWORD=1; _qwenvoy; echo "${COMPREPLY[@]}"
			complete -p qwenvoy`,
			"messages\nfile one\ncheck-config check-stream\ncomplete -F _qwenvoy qwenvoy\n"},
		// Completion needs a terminal here; what it calls is tried.
		{"zsh", `compdef() { echo "$@" }; _files() { echo files }; _describe() { print -l "$1" "${(@P)2}" }
			eval "$(qwenvoy completion zsh)"
			words=(qwenvoy completion z); CURRENT=3; _qwenvoy
			words=(qwenvoy check-config fil); CURRENT=3; _qwenvoy`,
			"_qwenvoy qwenvoy\nqwenvoy\nzsh:\nfiles\n"},
		{"fish", `qwenvoy completion fish | source; complete -C 'qwenvoy completion z'; complete -C 'qwenvoy check-config fil'`,
			"zsh\nfile one\n"},
	} {
		t.Run(c.shell, func(t *testing.T) {
			shell, err := exec.LookPath(c.shell)
			if err != nil {
				t.Skip("there is no " + c.shell)
			}
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "file one"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(shell, "-c", c.script)
			cmd.Dir = folder
			cmd.Env = append(os.Environ(), "HOME="+folder, "PATH="+filepath.Dir(bin)+string(os.PathListSeparator)+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			if err != nil || string(out) != c.want {
				t.Errorf("%v: %q, want %q", err, out, c.want)
			}
		})
	}
}

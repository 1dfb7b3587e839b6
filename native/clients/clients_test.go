package clients

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is printed to testdata")

// gateway is one whose names are its own.
func gateway() *Gateway {
	return New("http://127.0.0.1:9000/v1/", []Model{{"my-thinker", "thinking-general", 65536}, {"my-coder", "thinking-coding", 65536},
		{"it's quick", "instruct-general", 65536}})
}

// Whatever is written for a client is compared whole.
func TestText(t *testing.T) {
	for _, c := range Table {
		g := gateway()
		got := "# " + c.Title + ": " + c.Note(g) + "\n" + c.Text(g)
		file := filepath.Join("testdata", c.Name+".golden")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || got != string(want) {
			t.Errorf("%s (-update writes it anew): %v, got\n%s\nwant\n%s", file, err, got, want)
		}
	}
}

// A shell sets what was meant, whatever a name holds.
func TestAShellReadsTheText(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	for key, want := range map[string]string{"": "x", "sk-1 2": "sk-1 2"} {
		script := Named("claude-code").Text(gateway()) + `printf '%s|' "$ANTHROPIC_DEFAULT_HAIKU_MODEL" "$ANTHROPIC_AUTH_TOKEN" "${ANTHROPIC_API_KEY-unset}" "$CLAUDE_CODE_MAX_CONTEXT_TOKENS"`
		cmd := exec.Command(shell, "-c", script)
		cmd.Env = []string{"QWENVOY_KEY=" + key, "ANTHROPIC_API_KEY=theirs"}
		out, err := cmd.CombinedOutput()
		if want := "it's quick|" + want + "|unset|65536|"; err != nil || string(out) != want {
			t.Errorf("%v: %s, want %s", err, out, want)
		}
	}
}

// What a name or an address holds is no command, in whatever a shell is given, and what the gateway
// says moves no cursor.
func TestNothingIsRunOfNames(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	g := New("http://127.0.0.1:9000/$(echo ran >&2)/v1", []Model{
		{"a\necho ran >&2\n", "thinking-coding", 0}, {"b\x1b[31m\u202e", "instruct-general", 0}, {"", "", 0},
		{"it's `echo ran >&2` $(echo ran >&2)", "thinking-coding", 0},
	})
	if len(g.Names) != 1 {
		t.Errorf("%q", g.Names)
	}
	for _, c := range Table {
		if s := c.Settings(g); s.File != nil || s.Sample != nil {
			continue // no lines of a shell
		}
		script := "cline() { :; }\nqwen() { :; }\n" + c.Text(g)
		if out, err := exec.Command(shell, "-c", script).CombinedOutput(); err != nil || strings.Contains(string(out), "ran") {
			t.Errorf("%s: %v %s\n%s", c.Name, err, out, script)
		}
	}
	script := "curl() { printf '%s|' \"$@\"; }\nqwenvoy() { :; }\n" + g.Curl(g.Coding, true) + "\n" + g.Run("codex")
	want := `-N|http://127.0.0.1:9000/$(echo ran >&2)/v1/chat/completions|-H|content-type: application/json|-d|` +
		`{"model":"it's ` + "`echo ran >&2`" + ` $(echo ran >&2)","stream":true,"messages":[{"role":"user","content":"Count to 5"}]}|`
	if out, err := exec.Command(shell, "-c", script).CombinedOutput(); err != nil || string(out) != want {
		t.Errorf("%v %s\nwant\n%s", err, out, want)
	}
}

func TestLaunch(t *testing.T) {
	for _, c := range Table {
		if c.Program == "" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			folder := t.TempDir()
			environ := []string{"PATH=/bin", "ANTHROPIC_API_KEY=theirs", "ANTHROPIC_MODEL=theirs", "OPENAI_BASE_URL=theirs"}
			l, err := c.Launch(gateway(), folder, "", []string{"--print", "hi"}, environ)
			if err != nil {
				t.Fatal(err)
			}
			var files []string
			_ = filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					text, _ := os.ReadFile(path)
					files = append(files, "# "+d.Name()+"\n"+strings.ReplaceAll(string(text), folder, "FOLDER"))
					if info, _ := d.Info(); info.Mode().Perm() != 0o600 {
						t.Errorf("%s has the mode %v", path, info.Mode())
					}
				}
				return err
			})
			got := strings.ReplaceAll(strings.Join(l.Env, "\n"), folder, "FOLDER") + "\n" + strings.Join(l.Args, " ") + "\n" + strings.Join(files, "")
			file := filepath.Join("testdata", "launch-"+c.Name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want, err := os.ReadFile(file); err != nil || got != string(want) {
				t.Errorf("%s (-update writes it anew): %v, got\n%s\nwant\n%s", file, err, got, want)
			}
			if !slices.Contains(l.Env, "PATH=/bin") || c.Name == "claude-code" && strings.Contains(got, "theirs") && strings.Contains(got, "ANTHROPIC_API_KEY") {
				t.Error(l.Env)
			}
		})
	}
}

func TestAsk(t *testing.T) {
	var status int
	var body, asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String() + " " + r.Header.Get("Authorization")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer s.Close()
	status, body = 200, `{"object":"list","data":[{"id":"a","max_model_len":9000,"context_window":4096},{"id":"b-coding"},{"id":"c-instruct","profile":{"x":1}}]}`
	g, err := Ask(t.Context(), s.URL+"/v1", "k")
	if err != nil {
		t.Fatal(err)
	}
	if g.URL != s.URL || g.Coding != "b-coding" || g.Quick != "c-instruct" || g.Window != 4096 {
		t.Errorf("%+v", g)
	}
	if asked != "/v1/models Bearer k" {
		t.Error(asked)
	}
	body = `{"data":[{"id":"a-coding"},{"id":"zebra","profile":"thinking-coding"},{"id":"yak","profile":"instruct-general"}]}`
	if g, err = Ask(t.Context(), s.URL, ""); err != nil || g.Coding != "zebra" || g.Quick != "yak" {
		t.Errorf("a profile goes before a name: %+v %v", g, err)
	}
	body = `{"data":[{"id":"one","max_model_len":null}]}`
	if g, err = Ask(t.Context(), s.URL, ""); err != nil || g.Coding != "one" || g.Quick != "one" || g.Window != DefaultWindow {
		t.Errorf("%+v %v", g, err)
	}
	for _, c := range []struct {
		status           int
		body, url, error string
	}{
		{401, `{"error":{"message":"Unauthorized"}}`, s.URL, "answers 401 Unauthorized: Unauthorized"},
		{502, "a\x1b[1m\nb\u009b" + strings.Repeat("x", 1000), s.URL, "answers 502 Bad Gateway: a\ufffd[1m b\ufffdx"},
		{200, `{"data":[{"id":"a\nb"}]}`, s.URL, "lists no models"},
		{200, "hello", s.URL, "is no gateway"},
		{200, `{"data":[]}`, s.URL, "lists no models"},
		{200, "", "127.0.0.1:9000", "must be a URL such as"},
		{200, "", "ftp://x", "must be a URL such as"},
		{200, "", "http://127.0.0.1:1", "no gateway answers at http://127.0.0.1:1"},
	} {
		status, body = c.status, c.body
		_, err := Ask(context.Background(), c.url, "")
		if err == nil || !strings.Contains(err.Error(), c.error) || len(err.Error()) > 400 {
			t.Errorf("%s: %v, want %s", c.url, err, c.error)
		}
		if errors.Is(err, ErrAbsent) != (c.url == "http://127.0.0.1:1") {
			t.Errorf("absent: %v", err)
		}
	}
}

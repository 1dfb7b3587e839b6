package main

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/clients"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// pages are those whose commands people copy.
var pages = []string{"README.md", "native/deploy/README.md", "native/deploy/CLIENTS.md", "native/deploy/TROUBLESHOOTING.md"}

var shBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// absent stands for a program that is not run here: files of the repository that its arguments
// name must be there.
const absent = `#!/bin/sh
for word; do
	case $word in
	bin/* | native/* | e2e/* | filter/*.wasm) [ -e "$word" ] || { echo "$0: there is no $word" >&2; exit 1; } ;;
	github.com/qwenvoy/qwenvoy/*) path=${word#github.com/qwenvoy/qwenvoy/}; [ -d "${path%@*}" ] || { echo "$0: there is no $word" >&2; exit 1; } ;;
	esac
done
`

// ours runs the real program before the test's gateway; what would serve is asked what its
// configuration is. A failure is noted, since a shell passes over one within a substitution.
const ours = `#!/bin/sh
command=$1; shift
case $command in
serve) "$PROGRAM" config print "$@" ;;
env | run) "$PROGRAM" "$command" --url "$GATEWAY" "$@" ;;
*) "$PROGRAM" "$command" "$@" ;;
esac || { echo "$command $*" >>"$FAILED"; exit 1; }
`

// Every block of commands is run by a shell that ends at the first error.
func TestCommandsOfThePages(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	binary, err := program()
	if err != nil {
		t.Fatal(err)
	}
	up := httptest.NewServer(simulator.New(simulator.Options{}))
	defer up.Close()
	gateway := run(t, noEnv, "--target", up.URL).url
	root, programs := workFolder(t), t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(programs, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write("qwenvoy", ours)
	for _, name := range []string{"dpkg", "editor", "systemctl", "skopeo", "install", "docker", "docker-compose", "go", "envoy", "git",
		"claude", "codex", "qwen", "opencode", "cline", "aider"} {
		write(name, absent)
	}
	if real, err := exec.LookPath("make"); err == nil {
		write("make", "#!/bin/sh\nexec "+real+" -n \"$@\"\n") // it says what it would do
	} else {
		write("make", absent)
	}
	if real, err := exec.LookPath("curl"); err == nil {
		write("curl", "#!/bin/sh\nexec "+real+" --fail --silent --show-error \"$@\"\n")
	} else {
		write("curl", absent)
	}
	failed := filepath.Join(t.TempDir(), "failed")
	local := strings.NewReplacer("http://127.0.0.1:9000", gateway, "http://127.0.0.1:10000", gateway, "http://127.0.0.1:8000", up.URL)
	for _, page := range pages {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range shBlock.FindAllStringSubmatch(string(text), -1) {
			cmd := exec.Command(sh, "-euc", local.Replace(block[1]))
			cmd.Dir = root
			cmd.Env = []string{"PATH=" + programs + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + programs,
				"PROGRAM=" + binary, "GATEWAY=" + gateway, "FAILED=" + failed, clients.KeyVariable + "=x"}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v in\n%s\n%s", page, err, block[1], out)
			}
			if text, err := os.ReadFile(failed); err == nil {
				t.Fatalf("%s: this failed: %s", page, text)
			}
		}
	}
}

// workFolder is like the repository's, after a build.
func workFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Makefile", "README.md", "envoy.yaml", "native", "e2e", "filter", "go.mod"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"qwenvoy", "qwenvoy.wasm"} {
		if err := os.WriteFile(filepath.Join(folder, "bin", name), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// The configuration that README shows is one.
func TestTheConfigurationOfREADME(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("README.md has no configuration")
	}
	if _, err := settings.LoadFile(write(t, string(block[1])), noEnv); err != nil {
		t.Error(err)
	}
}

var link = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)

// What the pages lead to is there.
func TestLinksOfThePages(t *testing.T) {
	for _, page := range append(pages, "shared/README.md", "e2e/README.md", "e2e/KINDS.md", "e2e/SECURITY.md", "e2e/bench/README.md") {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join("../..", filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

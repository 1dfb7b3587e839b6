package main

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

func TestBuildOf(t *testing.T) {
	vcs := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.modified", Value: modified}}
	}
	released := debug.Module{Version: "v1.2.3"}
	for _, c := range []struct {
		name              string
		info              *debug.BuildInfo
		version, revision string
		want              string
	}{
		{name: "no information", want: "qwenvoy (devel)"},
		{name: "a module", info: &debug.BuildInfo{GoVersion: "go1.26.8", Main: released}, want: "qwenvoy v1.2.3 go1.26.8"},
		{name: "a repository", info: &debug.BuildInfo{GoVersion: "go1.26.8", Main: released, Settings: vcs("false")},
			want: "qwenvoy v1.2.3 (0123456789ab) go1.26.8"},
		{name: "a changed repository", info: &debug.BuildInfo{GoVersion: "go1.26.8", Main: released, Settings: vcs("true")},
			want: "qwenvoy v1.2.3 (0123456789ab, modified) go1.26.8"},
		{name: "the linker beats it", info: &debug.BuildInfo{GoVersion: "go1.26.8", Main: released, Settings: vcs("true")},
			version: "v9", revision: "fedcba", want: "qwenvoy v9 (fedcba) go1.26.8"},
		{name: "the linker's version alone", info: &debug.BuildInfo{GoVersion: "go1.26.8", Main: released, Settings: vcs("false")},
			version: "v9", want: "qwenvoy v9 (0123456789ab) go1.26.8"},
		{name: "the linker alone", version: "v9", revision: "fedcba", want: "qwenvoy v9 (fedcba)"},
	} {
		if got := buildOf(c.info, c.version, c.revision).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAProgramKnowsItsBuild(t *testing.T) {
	const pkg = "github.com/qwenvoy/qwenvoy/native/qwenvoy"
	bin := t.TempDir()
	program := filepath.Join(bin, "qwenvoy")
	goTool := func(env string, args ...string) {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", env)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, out)
		}
	}
	says := func() string {
		t.Helper()
		out, err := exec.Command(program, "version").Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	info := func() *debug.BuildInfo {
		t.Helper()
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}

	goTool("GOBIN="+bin, "install", pkg) // it must be named qwenvoy
	if got, want := says(), buildOf(info(), "", "").String(); got != want {
		t.Errorf("installed: %s, want %s", got, want)
	}
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	goTool("", "build", "-buildvcs=false", "-o", program, pkg)
	if got, want := says(), "qwenvoy (devel) "+info().GoVersion; got != want {
		t.Errorf("built without its repository: %s, want %s", got, want)
	}
	goTool("", "build", "-buildvcs=false", "-ldflags", "-X main.version=v9.8.7 -X main.revision=0123456789abcdef", "-o", program, pkg)
	if got, want := says(), "qwenvoy v9.8.7 (0123456789ab) "+info().GoVersion; got != want {
		t.Errorf("built with -X: %s, want %s", got, want)
	}
}

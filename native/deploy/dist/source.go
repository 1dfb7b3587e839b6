package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The programs of the repository.
const (
	native = "./native/qwenvoy"
	wasm   = "./filter/wasm"
)

// target is a program for a system.
type target struct{ os, arch, pkg string }

// program is a target that was built.
type program struct {
	target  target
	code    []byte
	modules []module // that are linked into it, by path
}

// module is a Go module, as `go list` shows it.
type module struct {
	Path, Version, Sum, Dir string
	Main                    bool
}

// stamp is what Go noted in a program of the commit that it was built from.
type stamp struct {
	version  string // as `qwenvoy version` prints it
	revision string
	goes     string // Go's own version
	time     time.Time
}

// number is the version without Go's v before it.
func (s stamp) number() string { return strings.TrimPrefix(s.version, "v") }

// readStamp takes the version from the program itself, so that file names and packages can't
// say another one than the program does.
func readStamp(code []byte) (stamp, error) {
	info, err := buildinfo.Read(bytes.NewReader(code))
	if err != nil {
		return stamp{}, err
	}
	s := stamp{version: info.Main.Version, goes: info.GoVersion}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			s.revision = setting.Value
		case "vcs.time":
			if s.time, err = time.Parse(time.RFC3339, setting.Value); err != nil {
				return stamp{}, err
			}
		}
	}
	if s.revision == "" || s.time.IsZero() {
		return stamp{}, errors.New("the program bears no commit's stamp")
	}
	return s, nil
}

// source is a checkout of the commit that a release is made of.
type source struct{ root string }

// checkOut clones a repository into a folder of its own, with the commit's files: what is not
// committed is in no release, and Go, which takes version and time from the clone, finds no
// commit in a linked working tree.
func checkOut(repository, commit string) (s source, remove func(), err error) {
	folder, err := os.MkdirTemp("", "qwenvoy-source-")
	if err != nil {
		return source{}, nil, err
	}
	remove = func() { os.RemoveAll(folder) }
	if repository, err = filepath.Abs(repository); err != nil {
		remove()
		return source{}, nil, err
	}
	revision, err := output(exec.Command("git", "-C", repository, "rev-parse", "--verify", commit+"^{commit}"))
	if err == nil {
		_, err = output(exec.Command("git", "clone", "--quiet", "--shared", "--no-checkout",
			"--config", "core.autocrlf=false", repository, folder))
	}
	if err == nil {
		_, err = output(exec.Command("git", "-C", folder, "checkout", "--quiet", "--detach", strings.TrimSpace(string(revision))))
	}
	if err != nil {
		remove()
	}
	return source{root: folder}, remove, err
}

// build has Go make a program, and list the modules in it.
func (s source) build(t target) (*program, error) {
	folder, err := os.MkdirTemp("", "qwenvoy-dist-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	out := filepath.Join(folder, "program")
	args := []string{"build", "-buildvcs=true", "-trimpath", "-ldflags", "-s -w", "-o", out}
	if t.pkg == wasm {
		args = append(args, "-buildmode=c-shared")
	}
	if _, err := s.run(t, append(args, t.pkg)...); err != nil {
		return nil, err
	}
	p := &program{target: t}
	if p.code, err = os.ReadFile(out); err != nil {
		return nil, err
	}
	p.modules, err = s.modules(t)
	return p, err
}

// modules lists what is linked into a program: fewer than go.mod has, and not the same for
// every system.
func (s source) modules(t target) ([]module, error) {
	out, err := s.run(t, "list", "-deps", "-json=Module", t.pkg)
	if err != nil {
		return nil, err
	}
	var all []module
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ Module *module }
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		if p.Module != nil && !p.Module.Main {
			all = append(all, *p.Module)
		}
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(all, func(a, b module) bool { return a.Path == b.Path }), nil
}

// goroot is the folder of the Go that builds.
func (s source) goroot() (string, error) {
	out, err := s.run(target{}, "env", "GOROOT")
	return strings.TrimSpace(string(out)), err
}

// run runs the go command for a target. Variables that would change the program are set, not
// inherited.
func (s source) run(t target, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = s.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=",
		"GOFIPS140=off", "GOAMD64=v1", "GOARM64=v8.0", "GOWASM=")
	if t.os != "" {
		cmd.Env = append(cmd.Env, "GOOS="+t.os, "GOARCH="+t.arch)
	}
	out, err := output(cmd)
	if err != nil {
		return nil, fmt.Errorf("for %s/%s: %w", t.os, t.arch, err)
	}
	return out, nil
}

// output runs a command; what it says on its standard error goes into ours.
func output(cmd *exec.Cmd) ([]byte, error) {
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", cmd, err, words.Bytes())
	}
	return out, nil
}

func (s source) path(name string) string { return filepath.Join(s.root, filepath.FromSlash(name)) }

// files are a program and what is given with it.
func (s source) files(p *program) ([]file, error) {
	executable := "qwenvoy"
	if p.target.os == "windows" {
		executable += ".exe"
	}
	notices, err := s.notices(p)
	if err != nil {
		return nil, err
	}
	files := []file{{executable, 0o755, p.code}, {"THIRD_PARTY_NOTICES", 0o644, notices}}
	given := []string{"LICENSE", "README.md", "native/deploy/qwenvoy.example.yaml"}
	if p.target.os == "linux" {
		given = append(given, "native/deploy/qwenvoy.service")
	}
	for _, name := range given {
		content, err := os.ReadFile(s.path(name))
		if err != nil {
			return nil, err
		}
		files = append(files, file{filepath.Base(name), 0o644, content})
	}
	return files, nil
}

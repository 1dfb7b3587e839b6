package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qwenvoy/qwenvoy/e2e/envoy"
	"github.com/qwenvoy/qwenvoy/e2e/process"
)

// Gateways by their names in -only.
const (
	bare         = "bare"
	native       = "native"
	plainEnvoy   = "envoy"
	envoyNoop    = "envoy-noop"
	envoyQwenvoy = "envoy-qwenvoy"
)

var gatewayNames = []string{bare, native, plainEnvoy, envoyNoop, envoyQwenvoy}

var gatewayTitles = map[string]string{
	"":           "none: straight to the backend",
	bare:         "bare ReverseProxy",
	native:       "**Qwenvoy, the binary**",
	plainEnvoy:   "Envoy",
	envoyNoop:    "Envoy + filter that does nothing",
	envoyQwenvoy: "**Envoy + Qwenvoy's filter**",
}

// A gateway is a running process under load.
type gateway struct {
	*process.Process
	name    string
	address string // host:port
	// model is the name that clients must see in replies.
	model string
}

// A stage has what all gateways of a run need.
type stage struct {
	options     *options
	self        string // this program
	scratch     string
	envoyBinary string // "" when no Envoy takes part
	envoyYAML   []byte
	noopWasm    string
	started     int
}

func newStage(o *options) (*stage, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &stage{options: o, self: self}
	if err := hasBuild(o.bin); err != nil {
		return nil, fmt.Errorf("%w; `make build` makes it, and this runs in the repository's root", err)
	}
	if s.scratch, err = os.MkdirTemp("", "qwenvoy-bench"); err != nil {
		return nil, err
	}
	if err := s.prepareEnvoy(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) close() { _ = os.RemoveAll(s.scratch) }

func (s *stage) prepareEnvoy() error {
	gateways := s.options.gateways()
	if !slices.ContainsFunc(gateways, func(n string) bool { return n == plainEnvoy || n == envoyNoop || n == envoyQwenvoy }) {
		return nil
	}
	var err error
	if s.envoyYAML, err = os.ReadFile("envoy.yaml"); err != nil {
		return err
	}
	if s.envoyBinary, err = findEnvoy(s.options.envoy); err != nil {
		return err
	}
	if !slices.Contains(gateways, envoyNoop) {
		return nil
	}
	s.noopWasm = filepath.Join(s.scratch, "noop.wasm")
	return buildWasm(s.noopWasm, "./e2e/bench/noop")
}

func buildWasm(path, pkg string) error {
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags", "-s -w", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// findEnvoy fetches this version where there is none.
func findEnvoy(version string) (string, error) {
	if path := os.Getenv("ENVOY_BIN"); path != "" {
		return path, nil
	}
	if path, err := exec.LookPath("envoy"); err == nil {
		return path, nil
	}
	progress("fetching Envoy %s", version)
	cmd := exec.Command("sh", "e2e/envoy/fetch.sh", version)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("no Envoy in ENVOY_BIN or the PATH, and e2e/envoy/fetch.sh got none: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// startListening starts this program in one of its other roles.
func (s *stage) startListening(role string, args ...string) (*process.Process, string, error) {
	p, err := process.Start("", nil, s.self, append([]string{role}, args...)...)
	if err != nil {
		return nil, "", err
	}
	var address string
	if err := p.Until("its address", func() bool {
		_, rest, _ := strings.Cut(p.Log(), listening)
		line, _, whole := strings.Cut(rest, "\n")
		address = line
		return whole
	}); err != nil {
		p.Stop()
		return nil, "", err
	}
	return p, address, nil
}

// start starts a gateway before the backend at an address and waits until it serves. The
// folder build has Qwenvoy's two programs.
func (s *stage) start(name, build, backend string) (*gateway, error) {
	g := &gateway{name: name, model: servedModel}
	var err error
	switch name {
	case bare:
		g.Process, g.address, err = s.startListening("bare", "-target", "http://"+backend)
	case native:
		g.model = virtualModel
		err = s.startNative(g, build, backend)
	default:
		if name == envoyQwenvoy {
			g.model = virtualModel
		}
		err = s.startEnvoy(g, build, backend)
	}
	if err == nil {
		if err = g.Ready("http://" + g.address + "/health"); err != nil {
			g.Stop()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return g, nil
}

func (s *stage) startNative(g *gateway, build, backend string) error {
	port, err := process.FreePort()
	if err != nil {
		return err
	}
	g.address = net.JoinHostPort("127.0.0.1", fmt.Sprint(port))
	// The others log no line per request either.
	g.Process, err = process.Start("", nil, filepath.Join(build, "qwenvoy"), "serve", "--listen", "127.0.0.1", "--port", fmt.Sprint(port),
		"--target", "http://"+backend, "--served-model", servedModel, "--log-level", "WARN")
	return err
}

func filterConfig() string { return `{"upstreams":[{"name":"vllm","model":"` + servedModel + `"}]}` }

func (s *stage) startEnvoy(g *gateway, build, backend string) error {
	s.started++
	dir := filepath.Join(s.scratch, fmt.Sprintf("%s-%d", g.name, s.started))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	l := envoy.Listener{Name: "bench", Knob: true, Config: filterConfig(), Upstream: backend, Plain: g.name == plainEnvoy}
	wasm := filepath.Join(build, "qwenvoy.wasm")
	if g.name == envoyNoop {
		wasm = s.noopWasm
	}
	running, err := envoy.Start(s.envoyBinary, dir, s.envoyYAML, []envoy.Listener{l}, wasm)
	if err != nil {
		return err
	}
	g.Process, g.address = running.Process, strings.TrimPrefix(running.URLs[l.Name], "http://")
	return nil
}

// startAll starts the gateways that take part.
func (s *stage) startAll(ctx context.Context, backend string) (all []*gateway, stop func(), err error) {
	stop = func() {
		for _, g := range all {
			g.Stop()
		}
	}
	for _, n := range s.options.gateways() {
		g, err := s.start(n, s.options.bin, backend)
		if err = errors.Join(err, ctx.Err()); err != nil {
			if g != nil {
				g.Stop()
			}
			stop()
			return nil, nil, err
		}
		all = append(all, g)
	}
	return all, stop, nil
}

package local

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/qwenvoy/qwenvoy/e2e/agents"
	"github.com/qwenvoy/qwenvoy/e2e/envoy"
	"github.com/qwenvoy/qwenvoy/e2e/process"
	"github.com/qwenvoy/qwenvoy/e2e/scenario"
	"github.com/qwenvoy/qwenvoy/e2e/upstream"
)

const root = "../.."

const (
	served  = "Qwen/Qwen3.5-397B-A17B-FP8"
	virtual = "qwen3.5-thinking-general"
	chat    = "/v1/chat/completions"
)

// What is started once for all tests and ended with the last.
var (
	scratch string
	ends    []func()
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "qwenvoy-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	code := m.Run()
	if watched != nil {
		if err := watched.unharmed(); err != nil {
			fmt.Fprintln(os.Stderr, "FAIL:", err)
			code = max(code, 1)
		}
	}
	for i := len(ends) - 1; i >= 0; i-- {
		ends[i]()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// binary is the path of the built program. Under the race detector it has it too.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("QWENVOY_BIN"); path != "" {
		return filepath.Abs(path)
	}
	path := filepath.Join(scratch, "qwenvoy")
	args := []string{"-o", path}
	if raceDetector {
		args = append(args, "-race")
	}
	return path, build(nil, append(args, "github.com/qwenvoy/qwenvoy/native/qwenvoy")...)
})

// module is the path of the filter's module.
var module = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("QWENVOY_WASM"); path != "" {
		return filepath.Abs(path)
	}
	path := filepath.Join(scratch, "qwenvoy.wasm")
	return path, build([]string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS="},
		"-o", path, "-buildmode=c-shared", "-trimpath", "-ldflags", "-s -w", "github.com/qwenvoy/qwenvoy/filter/wasm")
})

func build(env []string, args ...string) error {
	cmd := exec.Command("go", append([]string{"build"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// scripted is the server whose answers tests decide.
var scripted = sync.OnceValues(func() (*upstream.Server, error) {
	s, err := upstream.Start()
	if err == nil {
		ends = append(ends, s.Close)
	}
	return s, err
})

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// native starts the binary with a configuration, a JSON object whose upstream is
// replaced, and returns its URL.
func native(config, target string) (*process.Process, string, error) {
	path, err := binary()
	if err != nil {
		return nil, "", err
	}
	if config, err = sjson.Set(config, "upstreams.0.url", target); err != nil {
		return nil, "", err
	}
	file, err := os.CreateTemp(scratch, "config-*.json")
	if err != nil {
		return nil, "", err
	}
	if _, err := io.WriteString(file, config); err != nil {
		return nil, "", err
	}
	file.Close()
	return run(path, "serve", "--config", file.Name())
}

// run runs the binary. It can't be told to choose a port, so another may be tried when
// someone else took the first.
func run(path string, args ...string) (p *process.Process, url string, err error) {
	for range 3 {
		var port int
		if port, err = process.FreePort(); err != nil {
			return nil, "", err
		}
		url = fmt.Sprintf("http://127.0.0.1:%d", port)
		if p, err = process.Start("", nil, path, append(args, "--port", fmt.Sprint(port))...); err != nil {
			return nil, "", err
		}
		if err = p.Ready(url + "/health"); err == nil {
			return p, url, nil
		}
		p.Stop()
	}
	return nil, "", err
}

// simulated is the URL of a simulator that takes scripts.
var simulated = sync.OnceValues(func() (string, error) {
	path, err := binary()
	if err != nil {
		return "", err
	}
	p, url, err := run(path, "simulate", "--control", "--images", "--served-model", served, "--max-model-len", "8192")
	if err == nil {
		ends = append(ends, p.Stop)
	}
	return url, err
})

// nativeFor starts the binary for one test.
func nativeFor(t *testing.T, config, target string) (*process.Process, string) {
	t.Helper()
	p, url, err := native(config, target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("the binary's log:\n%s", p.Log())
		}
	})
	return p, url
}

// nativeTable is a binary for each configuration of the scenario table.
var nativeTable = sync.OnceValues(func() (map[string]string, error) {
	configs, err := scenario.Configs()
	if err != nil {
		return nil, err
	}
	s, err := scripted()
	if err != nil {
		return nil, err
	}
	urls := map[string]string{}
	for name, text := range configs {
		p, url, err := native(string(text), "http://"+s.Address)
		if err != nil {
			return nil, err
		}
		ends = append(ends, p.Stop)
		urls[name] = url
	}
	return urls, nil
})

// An envoyFleet is one Envoy with a listener for each configuration, with the knob and without.
type envoyFleet struct {
	*envoy.Running
	raw *upstream.Raw // behind the listeners "raw" and "raw-no-knob"
}

// watched is the fleet once it was started.
var watched *envoyFleet

// unharmed tells whether the filter came through all that the tests did to it.
func (f *envoyFleet) unharmed() error {
	stats, err := f.Get("/stats?format=json&filter=qwenvoy_panics|vm_reload_backoff|vm_reload_failure")
	if err != nil {
		return err
	}
	seen := false
	for _, s := range gjson.Get(stats, "stats").Array() {
		seen = seen || strings.HasSuffix(s.Get("name").Str, "qwenvoy_panics")
		if s.Get("value").Int() != 0 {
			return fmt.Errorf("Envoy counts %s: %d\n%s", s.Get("name").Str, s.Get("value").Int(), f.Log())
		}
	}
	if !seen {
		return fmt.Errorf("Envoy has no counter qwenvoy_panics: %s", stats)
	}
	if log := f.Log(); strings.Contains(log, "[critical]") || strings.Contains(log, "[error]") {
		return fmt.Errorf("Envoy or the filter logged an error:\n%s", log)
	}
	return nil
}

var fleet = sync.OnceValues(func() (*envoyFleet, error) {
	configs, err := scenario.Configs()
	if err != nil {
		return nil, err
	}
	s, err := scripted()
	if err != nil {
		return nil, err
	}
	raw, err := upstream.StartRaw()
	if err != nil {
		return nil, err
	}
	ends = append(ends, raw.Close)
	var listeners []envoy.Listener
	for name, text := range configs {
		listeners = append(listeners, bothWays(name, string(text), s.Address)...)
	}
	listeners = append(listeners, bothWays("raw", string(configs["default"]), raw.Address)...)
	sim, err := simulated()
	if err != nil {
		return nil, err
	}
	listeners = append(listeners, bothWays("simulated", string(configs["default"]), strings.TrimPrefix(sim, "http://"))...)
	for name, which := range map[string]func() (*agents.Model, error){"agents": agentModel, "agents-small": smallWindow} {
		model, err := which()
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, bothWays(name, agentConfig, model.Address())...)
	}
	nobody, err := process.FreePort()
	if err != nil {
		return nil, err
	}
	listeners = append(listeners, bothWays("gone", string(configs["default"]), fmt.Sprintf("127.0.0.1:%d", nobody))...)
	dir := filepath.Join(scratch, "envoy")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	e, err := startEnvoy(dir, listeners)
	if err != nil {
		return nil, err
	}
	ends = append(ends, e.Stop)
	watched = &envoyFleet{e, raw}
	return watched, nil
})

func bothWays(name, config, address string) []envoy.Listener {
	return []envoy.Listener{
		{Name: name, Knob: true, Config: config, Upstream: address},
		{Name: name + "-no-knob", Config: config, Upstream: address},
	}
}

func startEnvoy(dir string, listeners []envoy.Listener) (*envoy.Running, error) {
	template, err := os.ReadFile(filepath.Join(root, "envoy.yaml"))
	if err != nil {
		return nil, err
	}
	wasm, err := module()
	if err != nil {
		return nil, err
	}
	return envoy.Start(os.Getenv("ENVOY_BIN"), dir, template, listeners, wasm)
}

// theFleet starts Envoy when it is first wanted; without one the test is skipped.
func theFleet(t *testing.T) *envoyFleet {
	t.Helper()
	needEnvoy(t)
	f, err := fleet()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Envoy's log:\n%s", f.Log())
		}
	})
	return f
}

func needEnvoy(t *testing.T) {
	t.Helper()
	if os.Getenv("ENVOY_BIN") == "" {
		t.Skip("ENVOY_BIN names no Envoy; make e2e-local fetches two")
	}
}

// knobs are the two ways in which Envoy runs the filter: a carrier's name and what the
// names of its listeners end in.
var knobs = []struct{ name, suffix string }{{"envoy", ""}, {"envoy-no-knob", "-no-knob"}}

// An edge is one way through Qwenvoy to the scripted server with the default configuration.
type edge struct {
	name, url string
}

// onEveryEdge runs a test on the binary and, where there is one, on Envoy both ways.
func onEveryEdge(t *testing.T, test func(t *testing.T, e edge)) {
	t.Run("native", func(t *testing.T) {
		test(t, edge{"native", must[map[string]string](t)(nativeTable())["default"]})
	})
	for _, k := range knobs {
		t.Run(k.name, func(t *testing.T) { test(t, edge{k.name, theFleet(t).URLs["default"+k.suffix]}) })
	}
}

// play adds a case to the scripted server.
func play(t *testing.T, h http.HandlerFunc) (id string) {
	t.Helper()
	return must[*upstream.Server](t)(scripted()).Add(h)
}

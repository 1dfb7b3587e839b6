package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/e2e/envoy"
	"github.com/qwenvoy/qwenvoy/e2e/process"
)

const (
	served   = "Qwen/Qwen3.5-397B-A17B-FP8"
	virtual  = "qwen3.5-thinking-general"
	instruct = "qwen3.5-instruct-general"

	// memoryLimit is the limits.memory of every binary under attack, in MiB; it may have
	// overhead MiB more, for itself and for what Go has not yet given back.
	memoryLimit = 128
	overhead    = 64

	// redisConnections is how many connections to Redis a binary may keep, unused.
	redisConnections = 24

	// patience is how long anything may take. It measures nothing.
	patience = time.Minute
)

// A gateway is a process under attack.
type gateway struct {
	*process.Process
	url    string
	filter *envoy.Running // nil for the binary
	config map[string]any
	files  int // at its start
	stage  *stage
}

// A usage is what a gateway held. Goroutines are those of the binary, -1 where nobody counts.
type usage struct {
	peakMiB                       int
	filesBefore, filesAfter       int
	goroutinesBefore, goroutines  int
	goroutineDump, goroutineStart string
}

// merge takes the larger of each figure.
func (u *usage) merge(v usage) {
	u.peakMiB = max(u.peakMiB, v.peakMiB)
	u.filesBefore, u.filesAfter = max(u.filesBefore, v.filesBefore), max(u.filesAfter, v.filesAfter)
	u.goroutinesBefore, u.goroutines = max(u.goroutinesBefore, v.goroutinesBefore), max(u.goroutines, v.goroutines)
}

// settings is a configuration in front of an upstream.
func settings(target string, changes map[string]any) map[string]any {
	c := map[string]any{
		"upstreams": []any{map[string]any{"name": "attacked", "url": target, "model": served, "max_model_len": 8192}},
		"limits":    map[string]any{"memory": fmt.Sprintf("%dMiB", memoryLimit)},
		"store":     map[string]any{"max_size": "16MiB"},
		"timeouts":  map[string]any{"idle": "20s", "header": "20s", "upstream_idle": "1s"},
		"log":       map[string]any{"level": "WARN", "format": "json"},
	}
	maps.Copy(c, changes)
	return c
}

// startBinary starts the binary with a configuration.
func (s *stage) startBinary(config map[string]any) (*gateway, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(s.scratch, "config-*.json")
	if err != nil {
		return nil, err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	for range 3 { // someone else may have taken the port meanwhile
		var port int
		if port, err = process.FreePort(); err != nil {
			return nil, err
		}
		g := &gateway{url: fmt.Sprintf("http://127.0.0.1:%d", port), config: config, stage: s}
		if g.Process, err = process.Start("", nil, filepath.Join(s.options.bin, "qwenvoy"), "serve", "--config", file.Name(), "--port", fmt.Sprint(port)); err != nil {
			return nil, err
		}
		if err = g.Ready(g.url + "/health"); err == nil {
			g.files = openFiles(g.PID())
			return g, nil
		}
		g.Stop()
	}
	return nil, err
}

// startFilter starts an Envoy with the filter.
func (s *stage) startFilter(target string, config map[string]any) (*gateway, error) {
	template, err := os.ReadFile(filepath.Join(s.options.root, "envoy.yaml"))
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(s.scratch, "envoy-")
	if err != nil {
		return nil, err
	}
	plugin, err := json.Marshal(map[string]any{"upstreams": config["upstreams"]})
	if err != nil {
		return nil, err
	}
	l := envoy.Listener{Name: "attack", Knob: true, Config: string(plugin), Upstream: strings.TrimPrefix(target, "http://")}
	e, err := envoy.Start(s.options.envoy, dir, template, []envoy.Listener{l}, filepath.Join(s.options.bin, "qwenvoy.wasm"))
	if err != nil {
		return nil, err
	}
	return &gateway{Process: e.Process, url: e.URLs["attack"], filter: e, config: config, files: openFiles(e.PID()), stage: s}, nil
}

// faultInLog finds what a log must not say, whoever writes it.
var faultInLog = regexp.MustCompile(`(?m)^.*(panic|fatal error|\[critical\]|Segmentation|unexpected fault address).*$`)

// unharmed tells whether a gateway still runs, serves, and has said nothing of a panic.
func (g *gateway) unharmed() error {
	select {
	case <-g.Done():
		return fmt.Errorf("the process ended: %s", lastOf(g.Log()))
	default:
	}
	if line := faultInLog.FindString(g.Log()); line != "" {
		return fmt.Errorf("the log says: %s", lastOf(line))
	}
	if g.filter == nil {
		c := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
		r, err := c.Get(g.url + "/health")
		if err != nil {
			return fmt.Errorf("it does not answer any more: %w", err)
		}
		defer r.Body.Close()
		_, _ = io.Copy(io.Discard, r.Body)
		if r.StatusCode != http.StatusOK {
			return fmt.Errorf("its health is %d", r.StatusCode)
		}
		return nil
	}
	stats, err := g.filter.Get("/stats?format=json&filter=qwenvoy_panics|vm_reload_backoff|vm_reload_failure")
	if err != nil {
		return err
	}
	for _, s := range gjson.Get(stats, "stats").Array() {
		if s.Get("value").Int() != 0 {
			return fmt.Errorf("it counts %s: %d", s.Get("name").Str, s.Get("value").Int())
		}
	}
	return nil
}

func lastOf(text string) string { return text[max(0, len(text)-2000):] }

// end ends a gateway that did what it was to do, and returns what it held. With a leak, or
// after a crash, it is an error.
func (g *gateway) end() (usage, error) {
	defer g.Stop()
	u := usage{goroutines: -1, goroutinesBefore: -1}
	if err := g.unharmed(); err != nil {
		return u, err
	}
	u.filesBefore = g.files
	more := 2 // connections that may still be open
	if store, ok := g.config["store"].(map[string]any); ok && store["redis"] != nil {
		more = redisConnections
	}
	u.filesAfter = g.settled()
	u.peakMiB = peakMiB(g.PID())
	if g.filter != nil {
		return u, nil // Envoy keeps connections as it likes
	}
	var wrong []error
	var err error
	if u.goroutines, u.goroutineDump, err = g.goroutines(); err != nil {
		return u, err
	}
	if u.goroutinesBefore, u.goroutineStart, err = g.stage.atRest(g.config); err != nil {
		return u, err
	}
	if u.peakMiB > memoryLimit+overhead {
		wrong = append(wrong, fmt.Errorf("%d MiB at the peak, with a limits.memory of %d MiB", u.peakMiB, memoryLimit))
	}
	if u.filesAfter > u.filesBefore+more {
		wrong = append(wrong, fmt.Errorf("%d files open at the end, %d at the start", u.filesAfter, u.filesBefore))
	}
	if u.goroutines > u.goroutinesBefore+more {
		wrong = append(wrong, fmt.Errorf("%d goroutines at the end, %d at the start; more of: %s", u.goroutines, u.goroutinesBefore, moreOf(u.goroutineDump, u.goroutineStart)))
	}
	return u, errors.Join(wrong...)
}

// closing is longer than a connection takes to close whose peer has gone: an unused one upstream
// a second, a WebSocket five, for the other side's answer.
const closing = 6 * time.Second

// settled is how many files are open once that number has not changed for as long as a connection
// takes to close.
func (g *gateway) settled() int {
	n, began := openFiles(g.PID()), time.Now()
	for since := began; time.Since(since) < closing && time.Since(began) < patience; time.Sleep(100 * time.Millisecond) {
		if now := openFiles(g.PID()); now != n {
			n, since = now, time.Now()
		}
	}
	return n
}

// created names who made a goroutine of a dump.
var created = regexp.MustCompile(`(?m)^created by (\S+)`)

// makers counts the goroutines of a dump by who made them. Those of the runtime itself are left
// out: it makes them as it needs them, and keeps them.
func makers(dump string) (n int, by map[string]int) {
	n, by = 1, map[string]int{} // the first is made by nobody
	for _, found := range created.FindAllStringSubmatch(dump, -1) {
		if !strings.HasPrefix(found[1], "runtime.") {
			n++
			by[found[1]]++
		}
	}
	return n, by
}

// goroutines ends a binary by SIGQUIT and counts what it lists then.
func (g *gateway) goroutines() (n int, dump string, err error) {
	before := len(g.Log())
	if err := g.Signal(syscall.SIGQUIT); err != nil {
		return 0, "", err
	}
	select {
	case <-g.Done():
	case <-time.After(patience):
		return 0, "", errors.New("SIGQUIT does not end it")
	}
	dump = g.Log()[before:]
	if n, _ = makers(dump); n == 1 {
		return 0, dump, fmt.Errorf("SIGQUIT made it list no goroutines: %s", lastOf(dump))
	}
	return n, dump, nil
}

// atRest counts the goroutines of a binary that was just started with a configuration.
func (s *stage) atRest(config map[string]any) (n int, dump string, err error) {
	config = maps.Clone(config)
	if store, ok := config["store"].(map[string]any); ok && store["folder"] != nil {
		store = maps.Clone(store)
		if store["folder"], err = os.MkdirTemp(s.scratch, "rest-"); err != nil {
			return 0, "", err
		}
		config["store"] = store
	}
	g, err := s.startBinary(config)
	if err != nil {
		return 0, "", err
	}
	defer g.Stop()
	return g.goroutines()
}

// moreOf names who made more goroutines than there are at the start.
func moreOf(dump, start string) string {
	_, before := makers(start)
	_, after := makers(dump)
	var more []string
	for name, n := range after {
		if n > before[name] {
			more = append(more, fmt.Sprintf("%s (%d)", name, n-before[name]))
		}
	}
	slices.Sort(more)
	return strings.Join(more, ", ")
}

package conformance

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is far more than all cases take.
const patience = 5 * time.Minute

// The transports of cases.
const (
	HTTP      = "http"
	WebSocket = "websocket"
)

// cases are the numbers of cases of each transport, so that none gets lost.
var cases = map[string]int{HTTP: 10, WebSocket: 7}

// Results are what was wrong with each case, by its name; "" where it passed.
type Results map[string]string

// Check runs the cases of the transports against the gateway at a URL without /v1.
func Check(t *testing.T, gateway, model string, transports ...string) Results {
	t.Helper()
	results, want := Results{}, 0
	for _, transport := range transports {
		want += cases[transport]
		out, err := python(t, "check.py", "--transport", transport, gateway+"/v1", model)
		failed := false
		for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
			verdict, rest, _ := strings.Cut(line, " ")
			name, fault, _ := strings.Cut(rest, ": ")
			if verdict != "pass" && verdict != "FAIL" || (verdict == "FAIL") != (fault != "") {
				t.Fatalf("check.py: %v\n%s", err, out)
			}
			results[name] = fault
			failed = failed || fault != ""
		}
		if failed != (err != nil) {
			t.Fatalf("check.py: %v\n%s", err, out)
		}
	}
	if len(results) != want {
		t.Fatalf("%d cases ran, not %d: %v", len(results), want, results)
	}
	return results
}

// Passes fails the test for each case that did not pass.
func (r Results) Passes(t *testing.T) {
	t.Helper()
	for name, fault := range r {
		if fault != "" {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

// TheCheck runs the check's own tests.
func TheCheck(t *testing.T) {
	t.Helper()
	if out, err := python(t, "schema_test.py"); err != nil {
		t.Errorf("schema_test.py: %v\n%s", err, out)
	}
}

// python runs a script of this folder and returns its output and errors.
func python(t *testing.T, script string, args ...string) (string, error) {
	t.Helper()
	program := os.Getenv("QWENVOY_CONFORMANCE")
	if program == "" {
		t.Skip("QWENVOY_CONFORMANCE names no Python; make e2e-local installs one")
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("it didn't end in time"))
	defer cancel()
	_, here, _, _ := runtime.Caller(0)
	out, err := exec.CommandContext(ctx, program, append([]string{"-B", filepath.Join(filepath.Dir(here), script)}, args...)...).CombinedOutput()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return string(out), err
}

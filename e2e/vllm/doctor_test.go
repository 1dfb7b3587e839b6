package vllm

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/e2e/process"
)

// A finding is a row of what the doctor prints as JSON.
type finding struct{ Check, Status, Found, Fix string }

// A diagnosis is what the doctor says of a server, by check.
type diagnosis struct {
	rows map[string]finding
	exit int
}

// doctor runs the binary's.
func doctor(t *testing.T, key string, args ...string) diagnosis {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"doctor", "--format", "json"}, args...)...)
	ours := func(variable string) bool { return strings.HasPrefix(variable, "QWENVOY_") } // the tests' own among them
	cmd.Env = append(slices.DeleteFunc(os.Environ(), ours), "QWENVOY_UPSTREAM_API_KEY="+key)
	out, err := cmd.Output()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	var printed struct{ Rows []finding }
	if err := json.Unmarshal(out, &printed); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d := diagnosis{map[string]finding{}, cmd.ProcessState.ExitCode()}
	for _, f := range printed.Rows {
		d.rows[f.Check] = f
	}
	if key != "" && strings.Contains(string(out), key) {
		t.Errorf("it shows the key: %s", out)
	}
	return d
}

func (d diagnosis) mustSay(t *testing.T, check, status, found, fix string) {
	t.Helper()
	f := d.rows[check]
	if f.Status != status || !strings.Contains(f.Found, found) || !strings.Contains(f.Fix, fix) {
		t.Errorf("%+v, want %s %s %q %q", f, check, status, found, fix)
	}
}

func settingsFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "qwenvoy.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The server of all tests is as it should be, but for a window that is small for agents.
func TestDoctorOfAHealthyServer(t *testing.T) {
	need(t, "QWENVOY_VLLM_URL", vllmURL)
	need(t, "QWENVOY_BIN", binary)
	d := doctor(t, "", "--target", vllmURL, "--served-model", real, "--deep")
	for check, f := range d.rows {
		if f.Status != "ok" && f.Status != "info" && check != "window" {
			t.Errorf("%+v", f)
		}
	}
	if d.exit != 0 || len(d.rows) < 23 {
		t.Errorf("exit code %d, %d rows", d.exit, len(d.rows))
	}
	d.mustSay(t, "window", "warn", "the window of 8192 tokens is too small", "--max-model-len 32768")
	d.mustSay(t, "late system", "info", "so that they are merged", "")

	file := settingsFile(t, "late_system: keep\ntimeouts: {upstream_idle: 30s}\n")
	d = doctor(t, "", "--target", vllmURL, "--served-model", real, "--deep", "--config", file)
	d.mustSay(t, "late system", "fail", "late_system is keep", "late_system: dialect")
	d.mustSay(t, "idle", "fail", "the gateway keeps it for 30s", "upstream_idle: 3s")

	d = doctor(t, "", "--target", strings.Replace(vllmURL, "http:", "https:", 1), "--served-model", real)
	d.mustSay(t, "reach", "fail", "speaks plain HTTP", "http://")
	if d.exit != 3 {
		t.Errorf("exit code %d", d.exit)
	}
}

// startVLLM starts a further vLLM with other flags, and says its address once it is ready.
func startVLLM(t *testing.T, parsers string, options ...string) (url string, ready func() error) {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	p, err := process.Start("", []string{"MAX_LEN=32768", "PARSERS=" + parsers}, "./serve.sh", append([]string{"run", fmt.Sprint(port)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Signal(syscall.SIGTERM) // once: its engine is a process that it has to end
		select {
		case <-p.Done():
		case <-time.After(time.Minute):
			p.Stop()
		}
	})
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	return url, func() error {
		for range 2 { // a busy machine takes longer than Ready has patience
			if err = p.Ready(url + "/health"); err == nil {
				return nil
			}
		}
		log := p.Log()
		return fmt.Errorf("%w\n%s", err, log[max(0, len(log)-2000):])
	}
}

// bluntTemplate is the model's own without what Qwen3.5's decides: system messages stand
// anywhere, and nobody switches thinking off.
func bluntTemplate(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("model/chat_template.jinja")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, r := range [][2]string{
		{"{{ raise_exception('System message must be at the beginning.') }}", `{{ '<|im_start|>system\n' + text(m.content) + '<|im_end|>\n' }}`},
		{"enable_thinking is defined and enable_thinking is false", "true"},
	} {
		if !strings.Contains(text, r[0]) {
			t.Fatalf("the template has no %s", r[0])
		}
		text = strings.Replace(text, r[0], r[1], 1)
	}
	file := filepath.Join(t.TempDir(), "blunt.jinja")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Two servers that were started with the wrong flags, between them with all.
func TestDoctorNamesTheFlag(t *testing.T) {
	need(t, "QWENVOY_VLLM_URL", vllmURL)
	need(t, "QWENVOY_BIN", binary)
	const key = "sk-vllm-44d1c0ffee55"
	bare, bareReady := startVLLM(t, "", "--served-model-name", "other", "--api-key", key)
	blunt, bluntReady := startVLLM(t, "--reasoning-parser qwen3 --enable-auto-tool-choice --tool-call-parser hermes", "--chat-template", bluntTemplate(t))

	if err := bareReady(); err != nil {
		t.Fatal(err)
	}
	d := doctor(t, "", "--target", bare, "--served-model", "other")
	d.mustSay(t, "key", "info", "none is configured", "QWENVOY_UPSTREAM_API_KEY")
	d = doctor(t, "sk-wrong-0000111122", "--target", bare, "--served-model", "other")
	d.mustSay(t, "key", "fail", "refuses the configured key (401)", "QWENVOY_UPSTREAM_API_KEY")
	d = doctor(t, key, "--target", bare, "--served-model", real)
	d.mustSay(t, "key", "ok", "takes the configured key", "")
	d.mustSay(t, "model", "fail", "the server has no "+real+", it has other", "other")
	d.mustSay(t, "stream", "skip", "the model is not known", "")
	d = doctor(t, key, "--target", bare, "--served-model", "other", "--deep")
	d.mustSay(t, "model", "ok", "other", "")
	d.mustSay(t, "window", "ok", "32768 tokens", "")
	d.mustSay(t, "reasoning parser", "warn", "thinking comes as a part of the answer", "--reasoning-parser qwen3")
	d.mustSay(t, "tool parser", "fail", "--enable-auto-tool-choice", "--enable-auto-tool-choice --tool-call-parser qwen3_coder")
	d.mustSay(t, "stream", "info", "is not told", "--enable-prompt-tokens-details")
	if d.exit != 1 {
		t.Errorf("exit code %d", d.exit)
	}

	if err := bluntReady(); err != nil {
		t.Fatal(err)
	}
	d = doctor(t, "", "--target", blunt, "--served-model", real, "--deep")
	d.mustSay(t, "late system", "info", "late_system: keep is possible", "")
	d.mustSay(t, "thinking switch", "fail", "ignores enable_thinking", "--chat-template")
	d.mustSay(t, "tool parser", "ok", "tools are taken", "")
	d.mustSay(t, "tool call", "fail", "comes as text", "--tool-call-parser qwen3_coder")
}

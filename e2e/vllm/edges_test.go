package vllm

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/qwenvoy/qwenvoy/e2e/envoy"
	"github.com/qwenvoy/qwenvoy/e2e/process"
)

// What the tests need is named by the environment; `make e2e-vllm` sets it all.
var (
	vllmURL   = os.Getenv("QWENVOY_VLLM_URL") // http://127.0.0.1:18000
	binary    = os.Getenv("QWENVOY_BIN")
	module    = os.Getenv("QWENVOY_WASM")
	envoyPath = os.Getenv("ENVOY_BIN")
)

var (
	// recorded stands between the edges and the real server.
	recorded *recorder

	scratch string
	ends    []func()
)

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "qwenvoy-vllm"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if vllmURL != "" {
		if recorded, err = newRecorder(vllmURL); err != nil {
			fmt.Fprintln(os.Stderr, "QWENVOY_VLLM_URL:", err)
			os.Exit(1)
		}
		ends = append(ends, recorded.Close)
	}
	code := m.Run()
	for i := len(ends) - 1; i >= 0; i-- {
		ends[i]()
	}
	os.RemoveAll(scratch)
	os.Exit(code)
}

func need(t *testing.T, name, value string) {
	t.Helper()
	if value == "" {
		t.Skip(name + " is not set; make e2e-vllm sets it")
	}
}

// start runs the binary with the arguments until the tests end and returns its URL.
func start(args ...string) (string, error) {
	port, err := process.FreePort()
	if err != nil {
		return "", err
	}
	p, err := process.Start("", nil, binary, append(args, "--port", fmt.Sprint(port))...)
	if err != nil {
		return "", err
	}
	ends = append(ends, p.Stop)
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	return url, p.Ready(url + "/health")
}

var native = sync.OnceValues(func() (string, error) {
	return start("serve", "--target", recorded.URL, "--served-model", real)
})

var filter = sync.OnceValues(func() (string, error) {
	template, err := os.ReadFile("../../envoy.yaml")
	if err != nil {
		return "", err
	}
	wasm, err := filepath.Abs(module)
	if err != nil {
		return "", err
	}
	config := fmt.Sprintf(`{"upstreams":[{"model":%q,"max_model_len":8192}]}`, real)
	e, err := envoy.Start(envoyPath, scratch, template, []envoy.Listener{{Name: "vllm", Knob: true, Config: config, Upstream: recorded.Listener.Addr().String()}}, wasm)
	if err != nil {
		return "", err
	}
	ends = append(ends, e.Stop)
	return e.URLs["vllm"], nil
})

// onBothEdges runs a test through the binary and through Envoy.
func onBothEdges(t *testing.T, test func(t *testing.T, url string)) {
	need(t, "QWENVOY_VLLM_URL", vllmURL)
	t.Run("native", func(t *testing.T) {
		need(t, "QWENVOY_BIN", binary)
		url, err := native()
		if err != nil {
			t.Fatal(err)
		}
		test(t, url)
	})
	t.Run("envoy", func(t *testing.T) {
		need(t, "ENVOY_BIN", envoyPath)
		need(t, "QWENVOY_WASM", module)
		url, err := filter()
		if err != nil {
			t.Fatal(err)
		}
		test(t, url)
	})
}

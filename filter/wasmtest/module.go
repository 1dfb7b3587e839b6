package wasmtest

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var built sync.Map // build tags -> func() ([]byte, error)

// Module returns the filter's module as `make build` makes it, built afresh once per
// test process (Go's build cache makes that quick), or read from the file that
// QWENVOY_WASM names. tags are further build tags; with some, it is always built.
func Module(t testing.TB, tags ...string) []byte {
	t.Helper()
	key := strings.Join(tags, ",")
	f, _ := built.LoadOrStore(key, sync.OnceValues(func() ([]byte, error) { return build(key) }))
	wasm, err := f.(func() ([]byte, error))()
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func build(tags string) ([]byte, error) {
	if file := os.Getenv("QWENVOY_WASM"); file != "" && tags == "" {
		return os.ReadFile(file)
	}
	if err := noteSources(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "qwenvoy-wasm")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "qwenvoy.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags", "-s -w",
		"-tags", tags, "-o", file, "github.com/qwenvoy/qwenvoy/filter/wasm")
	// GOFLAGS might hold -race, which wasm has not.
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("wasmtest: building the filter: %w\n%s", err, out)
	}
	return os.ReadFile(file)
}

// noteSources looks at every file that the module is made of. The test binary doesn't
// hold them, so without this go test would take an old result for a new module.
func noteSources() error {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("wasmtest: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	if _, err := os.Stat(mod); err != nil {
		return fmt.Errorf("wasmtest: %w", err)
	}
	for _, room := range []string{"filter", "shared"} {
		err := filepath.WalkDir(filepath.Join(filepath.Dir(mod), room), func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("wasmtest: %w", err)
		}
	}
	return nil
}

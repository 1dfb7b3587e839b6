package envoy

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const root = "../.." // the repository; envoy.yaml names bin/qwenvoy.wasm from there

// validate runs `envoy --mode validate`, which loads the module and starts the
// plugin with its configuration too.
func validate(t *testing.T, file string) (output string, err error) {
	t.Helper()
	binary := os.Getenv("ENVOY_BIN")
	if binary == "" {
		t.Skip("ENVOY_BIN is not set; e2e/envoy/fetch.sh gets an Envoy and prints its path")
	}
	if _, err := os.Stat(filepath.Join(root, "bin/qwenvoy.wasm")); err != nil {
		t.Fatalf("%v: run make build first", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // V8 compiles for 2 s, more on a busy machine
	defer cancel()
	command := exec.CommandContext(ctx, binary, "--mode", "validate", "-l", "warning", "-c", file)
	command.Dir = root
	text, err := command.CombinedOutput()
	return string(text), err
}

func TestEnvoyAcceptsEveryConfigurationInTheRepository(t *testing.T) {
	files, err := Configurations(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no Envoy configuration found, not even envoy.yaml")
	}
	for _, file := range files {
		name, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			if output, err := validate(t, name); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

func TestEnvoyRefusesAMisspeltKey(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "envoy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, old, new string }{
		{"of Envoy", "failure_policy:", "failure_polcy:"},
		{"of the filter", `"upstreams":`, `"upstrems":`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if n := strings.Count(string(text), test.old); n != 1 {
				t.Fatalf("envoy.yaml has %q %d times, want once", test.old, n)
			}
			file := filepath.Join(t.TempDir(), "envoy.yaml")
			if err := os.WriteFile(file, []byte(strings.Replace(string(text), test.old, test.new, 1)), 0o644); err != nil {
				t.Fatal(err)
			}
			output, err := validate(t, file)
			if err == nil {
				t.Fatalf("accepted\n%s", output)
			}
			if wrong := strings.Trim(test.new, `":`); !strings.Contains(output, wrong) {
				t.Errorf("the log does not name %s\n%s", wrong, output)
			}
		})
	}
}

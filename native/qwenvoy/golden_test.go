package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the commands print to testdata")

// golden compares what a command prints with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s (go test ./native/qwenvoy -update writes it anew): got\n%s\nwant\n%s", file, got, want)
	}
}

// printed is what a command prints that must succeed.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr := &output{}, &output{}
	p := &process{args: args, env: noEnv, stdin: strings.NewReader(""), stdout: stdout, stderr: stderr}
	if code := p.run(t.Context()); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	return stdout.String()
}

func TestHelp(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	golden(t, "help", printed(t, "help"))
	for _, command := range []string{"serve", "demo", "simulate", "doctor", "check-config", "check-stream", "completion"} {
		golden(t, "help-"+command, printed(t, "help", command))
	}
}

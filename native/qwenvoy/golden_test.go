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
	return printedWith(t, nil, args...)
}

func printedWith(t *testing.T, environ map[string]string, args ...string) string {
	t.Helper()
	stdout, stderr := &output{}, &output{}
	env := func(name string) (string, bool) { v, ok := environ[name]; return v, ok }
	p := &process{args: args, env: env, stdin: strings.NewReader(""), stdout: stdout, stderr: stderr}
	if code := p.run(t.Context()); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	return stdout.String()
}

func TestHelp(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	golden(t, "help", printed(t, "help"))
	for _, command := range []string{"serve", "demo", "simulate", "doctor", "check-config", "config print", "check-stream", "env", "run", "completion"} {
		golden(t, "help-"+strings.ReplaceAll(command, " ", "-"), printed(t, append([]string{"help"}, strings.Fields(command)...)...))
	}
}

// keys are the variables that testdata/config.yaml names, and one that goes before it.
var keys = map[string]string{
	"THE_KEY": "sekret", "THE_SEAL": "c2VrcmV0c2VrcmV0c2VrcmV0c2VrcmV0c2VrcmV0c2U=", "QWENVOY_LOGLEVEL": "warn",
}

func TestCheckConfigTellsWhatAFileMeans(t *testing.T) {
	golden(t, "check-config", printedWith(t, keys, "check-config", "testdata/config.yaml"))
}

func TestConfigPrint(t *testing.T) {
	got := printedWith(t, keys, "config", "print", "--config", "testdata/config.yaml", "--port", "9002")
	for _, secret := range []string{"sekret", keys["THE_SEAL"]} {
		if strings.Contains(got, secret) {
			t.Errorf("a secret is shown: %s", secret)
		}
	}
	golden(t, "config-print", got)
}

package main

import (
	"encoding/json"
	"net"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// doctored runs the command.
func doctored(t *testing.T, env map[string]string, args ...string) checked {
	t.Helper()
	stdout, stderr := &output{}, &output{}
	p := &process{args: append([]string{"doctor"}, args...), stdout: stdout, stderr: stderr, listen: anyPort, env: func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}}
	for name, value := range env {
		p.environ = append(p.environ, name+"="+value)
	}
	code := p.run(t.Context())
	return checked{code, stdout.String(), stderr.String()}
}

// anyPort leaves the ports that others may have alone.
func anyPort(string) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }

func TestDoctor(t *testing.T) {
	up := httptest.NewServer(simulator.New(simulator.Options{}))
	defer up.Close()
	dull := httptest.NewServer(simulator.New(simulator.Options{Fault: []string{"no-tool-parser"}, MaxModelLen: 8192}))
	defer dull.Close()
	served := []string{"-served-model", simulator.DefaultModel, "-target"}

	doctored(t, nil, append(served, up.URL)...).mustBe(t, 0, "\nNothing is wrong: ", "")
	doctored(t, nil, append(served, dull.URL)...).mustBe(t, 1, "\nFAIL  tool parser ", "")
	doctored(t, nil, append(served, "http://127.0.0.1:1")...).mustBe(t, 3, "\nFAIL  reach ", "")
	doctored(t, nil, "--target", up.URL).mustBe(t, 0, "\nok    model ", "")
	doctored(t, nil, "--target", "ftp://x").mustBe(t, 2, "FAIL  config ", "")
	doctored(t, nil, "--form", "x").mustBe(t, 2, "", "qwenvoy: ")
	doctored(t, nil, "--format", "xml").mustBe(t, 2, "", "--format")
	doctored(t, nil, "--envoy", "../../envoy.yaml").mustBe(t, 0, "\nok    envoy chain ", "")

	env := map[string]string{"QWENVOY_TARGET": up.URL, "QWENVOY_SERVED_MODEL": simulator.DefaultModel}
	doctored(t, env).mustBe(t, 0, "\nNothing is wrong: ", "")
	env["QWENVOY_TARGT"] = "x"
	doctored(t, env).mustBe(t, 0, "warn  variables ", "")
	doctored(t, env, "--strict").mustBe(t, 1, "warn  variables ", "")

	object := doctored(t, nil, append(served, dull.URL, "--format", "json")...)
	var got struct {
		Rows []struct{ Check, Status, Found, Fix string }
		Exit int
	}
	if err := json.Unmarshal([]byte(object.stdout), &got); err != nil || got.Exit != 1 || object.code != 1 || len(got.Rows) < 20 {
		t.Errorf("%v %+v", err, object)
	}
	if strings.Contains(object.stderr, "exit code") {
		t.Error(object.stderr)
	}
}

// The init container of native/deploy/README.md, its values filled in, finds the server.
func TestDoctorAsAnInitContainer(t *testing.T) {
	text, err := os.ReadFile("../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(initContainers:.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("README.md has no init container")
	}
	var sample struct {
		InitContainers []struct {
			Args []string
			Env  []struct{ Name, Value string }
		} `yaml:"initContainers"`
	}
	if err := yaml.Unmarshal(block[1], &sample); err != nil {
		t.Fatal(err)
	}
	const key = "sk-init-0011223344"
	up := httptest.NewServer(simulator.New(simulator.Options{APIKey: key}))
	defer up.Close()
	c := sample.InitContainers[0]
	env := map[string]string{}
	for _, v := range c.Env {
		switch v.Value {
		case "":
			v.Value = key // a secret's
		case "http://vllm:8000":
			v.Value = up.URL
		}
		env[v.Name] = v.Value
	}
	if len(c.Args) != 1 || c.Args[0] != "doctor" {
		t.Errorf("%q", c.Args)
	}
	doctored(t, env).mustBe(t, 0, "ok    key               the server takes the configured key\n", "")
	env["QWENVOY_TARGET"] = "http://127.0.0.1:1"
	doctored(t, env).mustBe(t, 3, "The server can't be reached: ", "")
}

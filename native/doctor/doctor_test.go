package doctor

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/simulator"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // simulated servers complain of connections that are cut
	os.Exit(m.Run())
}

// secret is what nothing may show.
const secret = "sk-doctor-5f1b0c9977"

func ptr(s string) *string { return &s }

func noEnv(string) (string, bool) { return "", false }

// variables are an environment.
func variables(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

// keyed is one with the server's key.
var keyed = variables(map[string]string{"QWENVOY_UPSTREAM_API_KEY": secret})

// bind takes a port of the kernel's choice.
func bind(string) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }

// direct is an environment without a proxy.
func direct(*http.Request) (*url.URL, error) { return nil, nil }

// examined runs the doctor on a server of the simulator's model, by flags.
func examined(t *testing.T, target string, set func(*Options)) *Report {
	t.Helper()
	o := Options{Flags: &settings.Flags{Target: &target, ServedModel: ptr(simulator.DefaultModel)}, Env: noEnv, Proxy: direct, Bind: bind}
	if set != nil {
		set(&o)
	}
	r := Run(context.Background(), o)
	var table, object bytes.Buffer
	if err := r.Table(&table, false); err != nil {
		t.Fatal(err)
	}
	if err := r.JSON(&object); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{table.String(), object.String()} {
		if strings.Contains(out, secret) || strings.ContainsRune(out, 0x1b) {
			t.Errorf("it shows a secret, or obeys a server: %s", out)
		}
	}
	return r
}

// text is a report as it is printed.
func text(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Table(&b, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// mustSay wants a row, and nothing bad besides what is named.
func mustSay(t *testing.T, r *Report, check string, status probe.Status, found, fix string, besides ...string) {
	t.Helper()
	if !slices.ContainsFunc(r.Rows, func(f probe.Finding) bool {
		return f.Check == check && f.Status == status && strings.Contains(f.Found, found) && strings.Contains(f.Fix, fix)
	}) {
		t.Errorf("no %s %s %q %q in\n%s", status, check, found, fix, text(t, r))
	}
	for _, f := range r.Rows {
		if f.Bad() && f.Check != check && !slices.Contains(besides, f.Check) {
			t.Errorf("besides %+v", f)
		}
	}
}

func write(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return path
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// closed is the address of a port on which nothing listens.
func closed(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return "http://" + ln.Addr().String()
}

func TestAHealthyServer(t *testing.T) {
	r := examined(t, serve(t, simulator.New(simulator.Options{})), nil)
	var got []string
	for _, f := range r.Rows {
		got = append(got, f.Check+" "+string(f.Status))
	}
	want := []string{"config ok", "modes ok", "listen ok", "certificate ok", "start ok", "generation ok", "proxy ok",
		"reach ok", "key ok", "version ok", "model ok", "window ok", "reasoning parser ok", "tool parser ok",
		"front end ok", "open routes ok", "tokenize ok", "late system info", "developer role info", "thinking switch ok", "media ok",
		"stream ok", "clock ok", "drain info", "idle skip", "tool call skip"}
	if !slices.Equal(got, want) || r.Code != ExitGood {
		t.Errorf("exit code %d, %q\n%s", r.Code, got, text(t, r))
	}
}

// The table of native/deploy/README.md has every check.
func TestTheTableOfChecksIsWhole(t *testing.T) {
	text, err := os.ReadFile("../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	r := examined(t, serve(t, simulator.New(simulator.Options{})), func(o *Options) {
		o.Notes, o.Envoy = []string{"a note"}, []string{"../../envoy.yaml"}
	})
	for _, f := range r.Rows {
		name := f.Check
		if strings.HasPrefix(name, "envoy ") {
			name = "envoy …"
		}
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("native/deploy/README.md does not speak of %s", f.Check)
		}
	}
}

func TestExitCodes(t *testing.T) {
	healthy := serve(t, simulator.New(simulator.Options{}))
	small := serve(t, simulator.New(simulator.Options{MaxModelLen: 8192}))
	blunt := serve(t, simulator.New(simulator.Options{Fault: []string{"no-tool-parser"}}))
	noEnvoy := write(t, "envoy.yaml", "static_resources: {}\n", 0o644)
	broken := write(t, "broken.yaml", "a: [\n", 0o644)
	for _, tt := range []struct {
		name   string
		target string
		set    func(*Options)
		code   int
	}{
		{"healthy", healthy, nil, ExitGood},
		{"a warning", small, nil, ExitGood},
		{"a warning, strict", small, func(o *Options) { o.Strict = true }, ExitFault},
		{"a fault", blunt, nil, ExitFault},
		{"no model: the server's only one", healthy, func(o *Options) { o.Flags.ServedModel = nil }, ExitGood},
		{"a bad address", "ftp://x", nil, ExitUsage},
		{"no such file", healthy, func(o *Options) { o.Flags.Config = ptr("/nowhere.yaml") }, ExitUsage},
		{"unreachable", closed(t), nil, ExitUnreachable},
		{"unreachable, and a warning", closed(t), func(o *Options) { o.Envoy = []string{noEnvoy} }, ExitUnreachable},
		{"Envoy alone", "", func(o *Options) { o.Flags, o.Envoy = &settings.Flags{}, []string{noEnvoy} }, ExitGood},
		{"Envoy alone, strict", "", func(o *Options) { o.Flags, o.Envoy, o.Strict = &settings.Flags{}, []string{noEnvoy}, true }, ExitFault},
		{"Envoy, no YAML", "", func(o *Options) { o.Flags, o.Envoy = &settings.Flags{}, []string{broken} }, ExitUsage},
		{"Envoy, no file", healthy, func(o *Options) { o.Envoy = []string{"/nowhere.yaml"} }, ExitUsage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r := examined(t, tt.target, tt.set); r.Code != tt.code {
				t.Errorf("exit code %d, want %d\n%s", r.Code, tt.code, text(t, r))
			}
		})
	}
}

func TestVariablesAlone(t *testing.T) {
	target := serve(t, simulator.New(simulator.Options{APIKey: secret}))
	env := variables(map[string]string{"QWENVOY_TARGET": target, "QWENVOY_SERVED_MODEL": simulator.DefaultModel, "QWENVOY_UPSTREAM_API_KEY": secret})
	r := examined(t, "", func(o *Options) { o.Flags, o.Env = &settings.Flags{}, env })
	mustSay(t, r, "key", probe.OK, "the server takes the configured key", "")
}

func TestEachFaultOfAConfigurationIsALine(t *testing.T) {
	file := write(t, "qwenvoy.yaml", "upstreams:\n- model: x\n  api_key: "+secret+"\n  ap_key: x\nport: 99999\n", 0o600)
	r := examined(t, "", func(o *Options) { o.Flags = &settings.Flags{Config: &file} })
	mustSay(t, r, "config", probe.Fail, "qwenvoy.yaml:4: upstreams[0].ap_key: unknown key", "")
	mustSay(t, r, "config", probe.Fail, "qwenvoy.yaml:5: port: 99999", "")
	mustSay(t, r, "server", probe.Skip, "the configuration can't be used", "", "config")
}

func TestUnreachableSkipsTheRest(t *testing.T) {
	r := examined(t, closed(t), nil)
	mustSay(t, r, "reach", probe.Fail, "nothing listens on", "")
	mustSay(t, r, "server", probe.Skip, "all else is not asked", "", "reach")
	if last := r.Rows[len(r.Rows)-1]; last.Check != "server" {
		t.Errorf("%+v", last)
	}
}

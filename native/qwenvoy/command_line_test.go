package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// soon bounds the wait for what must happen; nothing is said about how fast it does.
const soon = 20 * time.Second

// output is what a process writes, read while it runs.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// running is a gateway started as its command line would, on a port of its own.
type running struct {
	url     string
	address string // that the configuration asked for
	signals chan os.Signal
	log     *output
	exit    chan int
}

func noEnv(string) (string, bool) { return "", false }

func run(t *testing.T, env func(string) (string, bool), args ...string) *running {
	t.Helper()
	r := &running{signals: make(chan os.Signal, 4), log: &output{}, exit: make(chan int, 1)}
	bound := make(chan struct{})
	p := &process{args: args, env: env, stdout: io.Discard, stderr: r.log, signals: r.signals,
		listen: func(address string) (net.Listener, error) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err == nil {
				r.address, r.url = address, "http://"+ln.Addr().String()
				close(bound)
			}
			return ln, err
		}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		r.exit <- p.run(ctx)
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case r.signals <- syscall.SIGTERM:
		default:
		}
		select {
		case r.signals <- syscall.SIGTERM:
		default:
		}
		<-ended
	})
	select {
	case <-bound:
	case code := <-r.exit:
		t.Fatalf("exit code %d: %s", code, r.log)
	case <-time.After(soon):
		t.Fatal("the port was never bound")
	}
	eventually(t, "serving", func() bool { return strings.Contains(r.log.String(), `"msg":"serving"`) })
	return r
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(soon); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func (r *running) logged(t *testing.T, text string) {
	t.Helper()
	end := time.Now().Add(soon)
	for !strings.Contains(r.log.String(), text) {
		if time.Now().After(end) {
			s := r.log.String()
			t.Fatalf("never logged: %s; the log ends: %s", text, s[max(0, len(s)-2000):])
		}
		time.Sleep(time.Millisecond)
	}
}

func (r *running) exited(t *testing.T) int {
	t.Helper()
	select {
	case code := <-r.exit:
		return code
	case <-time.After(soon):
		t.Fatal("it still runs")
		return -1
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "qwenvoy.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func plain(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"model":"Served","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestListeningAddress(t *testing.T) {
	target := plain(t)
	r := run(t, noEnv, "-served-model", "Served", "-target", target)
	if r.address != "127.0.0.1:9000" || strings.Contains(r.log.String(), "beyond loopback") {
		t.Errorf("address %s, log %s", r.address, r.log)
	}
	r = run(t, noEnv, "-served-model", "Served", "-target", target, "-listen", "0.0.0.0", "-port", "8080")
	if r.address != "0.0.0.0:8080" {
		t.Errorf("address %s", r.address)
	}
	r.logged(t, "listening beyond loopback")
}

func TestCommandLine(t *testing.T) {
	healthy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	defer healthy.Close()
	secured := httptest.NewTLSServer(healthy.Config.Handler)
	defer secured.Close()
	valid := write(t, `upstreams: [{url: "http://127.0.0.1:8000/?key=sekret", model: Served, api_key: sekret}]`)
	for _, tt := range []struct {
		name   string
		args   string
		env    map[string]string
		code   int
		stdout string
		stderr []string
	}{
		{name: "unknown level", args: "-served-model x -loglevel LOUD", code: 1, stderr: []string{"--log-level", `"LOUD"`, "COMPLETE, DEBUG, INFO, WARN, ERROR"}},
		{name: "bad port", args: "--served-model x --port=99999", code: 1, stderr: []string{"--port", "99999", "1 to 65535"}},
		{name: "bad variable", args: "--served-model x", env: map[string]string{"QWEN35RP_ENFORCE_SAMPLING_PARAMS": "si"}, code: 1, stderr: []string{"QWEN35RP_ENFORCE_SAMPLING_PARAMS", `"si"`, "true or false"}},
		{name: "bad target", args: "--served-model x --target ftp://x", code: 1, stderr: []string{"--target: upstreams[0].url", `"ftp://x"`, "http://127.0.0.1:8000"}},
		{name: "password in the target", args: "--served-model x --target http://user:sekret@x", code: 1, stderr: []string{"user and password", "api_key"}},
		{name: "misspelt flag", args: "--servedmodel x", code: 1, stderr: []string{"--servedmodel", "--served-model"}},
		{name: "no such file", args: "--config /nowhere.yaml", code: 1, stderr: []string{"/nowhere.yaml"}},
		{name: "misspelt key", args: "check-config " + write(t, "upstream: []\n"), code: 1, stderr: []string{"qwenvoy.yaml", "upstream: unknown key", "upstreams"}},
		{name: "bad YAML keeps its text", args: "check-config " + write(t, "upstreams: [{api_key: sekret\n"), code: 1, stderr: []string{"qwenvoy.yaml:1: not valid YAML: could not find flow mapping end token '}'"}},
		{name: "all faults", args: "check-config " + write(t, "upstreams:\n  - model: x\n    url: http://u:sekret@h\nstore: {redis: 'rediss:/sekret'}\nprofiles:\n  - {name: p, thinking: on, temperature: 7}\n"), code: 1,
			stderr: []string{"qwenvoy.yaml:3: upstreams[0].url: a user and password", "qwenvoy.yaml:4: store.redis: ", "qwenvoy.yaml:6: profiles[0].temperature: 7 is not allowed here, 0 to 2 is"}},
		{name: "a variable that is not set", args: "check-config " + write(t, "upstreams: [{model: x, api_key: '${THE_KEY}'}]\n"), code: 1, stderr: []string{"upstreams[0].api_key: the variable THE_KEY is not set"}},
		{name: "a variable that is set", args: "check-config " + write(t, "upstreams: [{model: x, api_key: '${THE_KEY}'}]\n"), env: map[string]string{"THE_KEY": "sekret", "QWENVOY_PORT": "x"}, code: 0, stdout: "is valid"},
		{name: "bad reference", args: "check-config " + write(t, "upstreams: [{model: x}]\nmodels: [{name: y, profile: z}]\n"), code: 1, stderr: []string{"z"}},
		{name: "a folder that can't be made", args: "check-config " + write(t, "upstreams: [{model: x}]\nstore: {folder: "+valid+"}\n"), code: 0, stdout: "is valid",
			stderr: []string{"note: here and now serve would not start: ", "not a directory"}},
		{name: "a valid file", args: "check-config " + valid, code: 0, stdout: "is valid"},
		{name: "healthy", args: "health --url " + healthy.URL, code: 0, stdout: "healthy"},
		{name: "healthy over TLS", args: "health --url " + secured.URL, code: 0, stdout: "healthy"},
		{name: "not healthy", args: "health -url http://127.0.0.1:1/", code: 1, stderr: []string{"refused"}},
		{name: "misspelt command", args: "chek-config x", code: 1, stderr: []string{`"chek-config" is no command, did you mean check-config?`}},
		{name: "no such command", args: "frobnicate", code: 1, stderr: []string{`"frobnicate" is no command, known are serve, demo, `}},
		{name: "help of no command", args: "help srve", code: 1, stderr: []string{`"srve" is no command, did you mean serve?`}},
		{name: "help", args: "help", code: 0, stdout: "check-config"},
		{name: "help of a command", args: "help serve", code: 0, stdout: "[QWENVOY_ENFORCE_SAMPLING]"},
		{name: "no such shell", args: "completion tcsh", code: 1, stderr: []string{"bash", "zsh", "fish", "tcsh"}},
		{name: "version flag", args: "--version", code: 0, stdout: "qwenvoy "},
		{name: "version flag of a command", args: "serve --version", code: 0, stdout: "qwenvoy "},
		{name: "version", args: "version", code: 0, stdout: "qwenvoy "},
		{name: "help", args: "-h", code: 0, stdout: "check-config"},
		{name: "help of serve", args: "serve --help", code: 0, stdout: "--enforce-sampling"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr := &output{}, &output{}
			p := &process{args: strings.Fields(tt.args), stdout: stdout, stderr: stderr, env: func(name string) (string, bool) {
				v, ok := tt.env[name]
				return v, ok
			}}
			if code := p.run(t.Context()); code != tt.code {
				t.Errorf("exit code %d, want %d: %s", code, tt.code, stderr)
			}
			if !strings.Contains(stdout.String(), tt.stdout) {
				t.Errorf("stdout %q, want %q", stdout, tt.stdout)
			}
			for _, want := range tt.stderr {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("stderr %q, want %q", stderr, want)
				}
			}
			if all := stdout.String() + stderr.String(); strings.Contains(all, "sekret") {
				t.Errorf("a secret is shown: %s", all)
			}
		})
	}
}

func TestOneDashOrTwo(t *testing.T) {
	got := twoDashes([]string{"serve", "-port", "-1", "--target=x", "-h", "-served-model=y", "-", "--", "-z1"})
	want := []string{"serve", "--port", "-1", "--target=x", "-h", "--served-model=y", "-", "--", "-z1"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWhatIsOddAboutTheCallIsLogged(t *testing.T) {
	var log bytes.Buffer
	p := &process{args: []string{"--served-model", "m", "--loglevel", "INFO", "--log-format=json", "--target", plain(t)}, env: noEnv,
		environ: []string{"QWENVOY_LISTN=x", "QWENVOY_LOGFORMAT=json"}, stdout: io.Discard, stderr: &log, signals: make(chan os.Signal, 1),
		listen: func(string) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }}
	p.signals <- syscall.SIGTERM
	if code := p.run(t.Context()); code != 0 {
		t.Fatalf("exit code %d: %s", code, &log)
	}
	for _, want := range []string{"--loglevel is called --log-level now", "QWENVOY_LOGFORMAT is called QWENVOY_LOG_FORMAT now", "QWENVOY_LISTN has no effect, did you mean QWENVOY_LISTEN?"} {
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("said %d times: %s\n%s", n, want, &log)
		}
	}
}

func TestAPortThatIsTakenIsSaid(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	stderr := &output{}
	p := &process{args: []string{"-served-model", "Served", "-port", port}, env: noEnv, stdout: io.Discard, stderr: stderr}
	if code := p.run(t.Context()); code != 1 || !strings.Contains(stderr.String(), "address already in use") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func request(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestResponsesOutliveTheProcessInAFolder(t *testing.T) {
	up := httptest.NewServer(simulator.New(simulator.Options{}))
	defer up.Close()
	folder := t.TempDir()
	args := []string{"--served-model", simulator.DefaultModel, "--target", up.URL, "--store-folder", folder}
	first := run(t, noEnv, args...)
	status, text := request(t, "POST", first.url+"/v1/responses", `{"model":"qwen3.5-thinking-coding","input":"hello"}`)
	if status != 200 {
		t.Fatal(text)
	}
	first.signals <- syscall.SIGTERM
	if code := first.exited(t); code != 0 {
		t.Fatal(code)
	}
	second := run(t, noEnv, args...)
	status, again := request(t, "GET", second.url+"/v1/responses/"+gjson.Get(text, "id").Str, "")
	if status != 200 || again != text {
		t.Errorf("%d %s\nwas %s", status, again, text)
	}
}

func TestAFolderThatCantBeUsedIsSaid(t *testing.T) {
	var log bytes.Buffer
	p := &process{args: []string{"--served-model", "m", "--store-folder", "/proc/none/such", "--port", "1"}, env: noEnv, stdout: io.Discard, stderr: &log}
	if code := p.run(context.Background()); code != 1 || !strings.Contains(log.String(), "state folder: mkdir /proc/none") {
		t.Errorf("%d: %s", code, &log)
	}
}

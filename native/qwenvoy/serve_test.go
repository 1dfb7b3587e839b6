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

const event = `data: {"model":"Served","choices":[{"index":0,"delta":{"content":"word"}}]}` + "\n\n"

// slow is an upstream whose streams end when finish is closed.
func slow(t *testing.T, begun chan<- struct{}, finish <-chan struct{}) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, event)
		w.(http.Flusher).Flush()
		begun <- struct{}{}
		select {
		case <-finish:
			_, _ = io.WriteString(w, event+"data: {\"model\":\"Served\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// stream runs a chat stream to its end and returns its text.
func stream(t *testing.T, url string) <-chan string {
	text := make(chan string, 1)
	go func() {
		resp, err := http.Post(url+"/v1/chat/completions", "application/json",
			strings.NewReader(`{"model":"qwen3.5-thinking-coding","stream":true,"messages":[{"role":"user","content":"x"}]}`))
		if err != nil {
			text <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			b = append(b, err.Error()...)
		}
		text <- string(b)
	}()
	return text
}

func TestRunningStreamsFinishAfterSIGTERM(t *testing.T) {
	const streams = 20
	begun, finish := make(chan struct{}), make(chan struct{})
	r := run(t, noEnv, "--served-model", "Served", "--target", slow(t, begun, finish))
	var texts []<-chan string
	for range streams {
		texts = append(texts, stream(t, r.url))
		<-begun
	}
	r.signals <- syscall.SIGTERM
	r.logged(t, `"msg":"stopping"`)
	eventually(t, "it stops accepting", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	close(finish)
	for _, text := range texts {
		if s := <-text; strings.Count(s, "word") != 2 || !strings.HasSuffix(s, "data: [DONE]\n\n") || strings.Contains(s, "error") {
			t.Errorf("a stream was not finished: %q", s)
		}
	}
	if code := r.exited(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSecondSignalEndsStreamsByTheirGrammar(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	defer close(finish)
	r := run(t, noEnv, "--served-model", "Served", "--target", slow(t, begun, finish))
	text := stream(t, r.url)
	<-begun
	r.signals <- syscall.SIGTERM
	r.logged(t, `"msg":"stopping"`)
	r.signals <- syscall.SIGINT
	if s := <-text; !strings.Contains(s, `"error"`) || !strings.HasSuffix(s, "data: [DONE]\n\n") {
		t.Errorf("the stream ended with %q", s)
	}
	if code := r.exited(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	r.logged(t, `"ended_early":1`)
}

func TestTheDrainHasALimit(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	defer close(finish)
	file := write(t, "upstreams: [{url: "+slow(t, begun, finish)+", model: Served}]\ntimeouts: {drain: 20ms}\n")
	r := run(t, noEnv, "--config", file)
	text := stream(t, r.url)
	<-begun
	r.signals <- syscall.SIGTERM
	if s := <-text; !strings.HasSuffix(s, "data: [DONE]\n\n") {
		t.Errorf("the stream ended with %q", s)
	}
	r.exited(t)
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "qwenvoy.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// chat asks for a model and returns the status.
func chat(t *testing.T, url, model string) int {
	t.Helper()
	resp, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"`+model+`","messages":[{"role":"user","content":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func plain(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"model":"Served","choices":[]}`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestReloadByFileAndBySignal(t *testing.T) {
	target := plain(t)
	conf := func(extra string) string { return "upstreams: [{url: " + target + ", model: Served}]\n" + extra }
	file := write(t, conf("builtin_aliases: false\n"))
	r := run(t, noEnv, "--config", file)
	replace := func(text string) { // as editors do
		if err := os.WriteFile(file+"~", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+"~", file); err != nil {
			t.Fatal(err)
		}
	}
	if got := chat(t, r.url, "one"); got != 404 {
		t.Fatalf("model one: %d", got)
	}

	replace(conf("models: [{name: one, profile: thinking-coding}]\n"))
	eventually(t, "the changed file is in force", func() bool { return chat(t, r.url, "one") == 200 })

	replace(conf("models: [{name: one, profile: no-such-profile}]\n"))
	r.logged(t, "configuration not reloaded")
	r.logged(t, "no-such-profile")
	if got := chat(t, r.url, "one"); got != 200 {
		t.Errorf("the old configuration is not in force: %d", got)
	}

	replace(conf("models: [{name: two, profile: thinking-coding}]\nport: 9999\nlog: {level: DEBUG}\nstore: {redis: \"redis://:12345678@localhost\"}\n"))
	r.signals <- syscall.SIGHUP
	r.logged(t, `"msg":"configuration reloaded","why":"SIGHUP"`)
	if got := chat(t, r.url, "two"); got != 200 {
		t.Errorf("model two: %d", got)
	}
	r.logged(t, `"msg":"this change needs a restart","setting":"port","in_force":"9000","configured":"9999"`)
	r.logged(t, `"msg":"this change needs a restart","setting":"store","in_force":"memory","configured":"redis://[redacted]@localhost"`)
	if got := chat(t, r.url, "one"); got != 404 {
		t.Errorf("model one after it was removed: %d", got)
	}
	r.logged(t, `"changes":`) // the level went to DEBUG
}

func TestSystemdIsToldWhenThePortIsBound(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
	messages := make(chan string, 100)
	go func() {
		defer close(messages)
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			messages <- string(buf[:n])
		}
	}()
	next := func() string {
		select {
		case m := <-messages:
			return m
		case <-time.After(soon):
			t.Fatal("systemd was told nothing more")
			return ""
		}
	}
	until := func(want string) {
		for next() != want {
		}
	}
	r := run(t, noEnv, "--served-model", "Served", "--target", plain(t))
	// run returns once the port is bound; the first word must come after that.
	if m := next(); m != "READY=1" {
		t.Errorf("the first message is %q", m)
	}
	if m := next(); m != "STATUS=Modified 0 requests on the 0 proxified" {
		t.Errorf("the second message is %q", m)
	}
	until("WATCHDOG=1")
	if got := chat(t, r.url, "qwen3.5-thinking-coding"); got != 200 {
		t.Fatalf("status %d", got)
	}
	resp, err := http.Get(r.url + "/elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	r.signals <- syscall.SIGHUP
	for m := next(); !strings.HasPrefix(m, "RELOADING=1\nMONOTONIC_USEC="); m = next() {
	}
	until("READY=1")
	until("STATUS=Modified 1 requests on the 2 proxified")
	r.signals <- syscall.SIGTERM
	until("STOPPING=1")
	r.exited(t)
}

// READY=1 is a lie when the port is taken.
func TestSystemdIsNotToldWhenThePortIsTaken(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
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
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 100)); err == nil {
		t.Errorf("systemd was sent %d bytes", n)
	}
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
	valid := write(t, `upstreams: [{url: "http://127.0.0.1:8000/?key=sekret", model: Served, api_key: sekret}]`)
	for _, tt := range []struct {
		name   string
		args   string
		env    map[string]string
		code   int
		stdout string
		stderr []string
	}{
		{name: "no served model", code: 1, stderr: []string{"served model", "--served-model", "QWENVOY_SERVED_MODEL_NAME"}},
		{name: "unknown level", args: "-served-model x -loglevel LOUD", code: 1, stderr: []string{"--loglevel", `"LOUD"`, "COMPLETE, DEBUG, INFO, WARN, ERROR"}},
		{name: "bad port", args: "--served-model x --port=99999", code: 1, stderr: []string{"--port", `"99999"`, "1 to 65535"}},
		{name: "bad variable", args: "--served-model x", env: map[string]string{"QWEN35RP_ENFORCE_SAMPLING_PARAMS": "si"}, code: 1, stderr: []string{"QWEN35RP_ENFORCE_SAMPLING_PARAMS", `"si"`, "true and false"}},
		{name: "bad target", args: "--served-model x --target ftp://x", code: 1, stderr: []string{"upstreams[0].url", `"ftp://x"`, "http://127.0.0.1:8000"}},
		{name: "password in the target", args: "--served-model x --target http://user:sekret@x", code: 1, stderr: []string{"user and password", "api_key"}},
		{name: "misspelt flag", args: "--servedmodel x", code: 1, stderr: []string{"--servedmodel", "--served-model"}},
		{name: "no such file", args: "--config /nowhere.yaml", code: 1, stderr: []string{"/nowhere.yaml"}},
		{name: "misspelt key", args: "check-config " + write(t, "upstream: []\n"), code: 1, stderr: []string{"qwenvoy.yaml", "upstream: unknown key", "upstreams"}},
		{name: "bad YAML keeps its text", args: "check-config " + write(t, "upstreams: [{api_key: sekret\n"), code: 1, stderr: []string{"not valid YAML"}},
		{name: "bad reference", args: "check-config " + write(t, "upstreams: [{model: x}]\nmodels: [{name: y, profile: z}]\n"), code: 1, stderr: []string{"z"}},
		{name: "a valid file", args: "check-config " + valid, code: 0, stdout: "is valid"},
		{name: "healthy", args: "health --url " + healthy.URL, code: 0, stdout: "healthy"},
		{name: "not healthy", args: "health -url http://127.0.0.1:1/", code: 1, stderr: []string{"refused"}},
		{name: "version", args: "version", code: 0, stdout: "qwenvoy "},
		{name: "help", args: "-h", code: 0, stdout: "check-config"},
		{name: "help of serve", args: "serve --help", code: 0, stdout: "--enforce-sampling-params"},
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

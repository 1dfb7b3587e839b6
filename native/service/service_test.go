package service

import (
	"bytes"
	"context"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/simulator"
	"github.com/qwenvoy/qwenvoy/shared/config"
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

// running is a gateway on a port of its own.
type running struct {
	url     string
	signals chan os.Signal
	log     *output
	ended   chan error
}

func noEnv(string) (string, bool) { return "", false }

// upstream are the flags for a server that has the model Served.
func upstream(target string) settings.Flags {
	model := "Served"
	return settings.Flags{Target: &target, ServedModel: &model}
}

func options(flags settings.Flags, log io.Writer, signals <-chan os.Signal) Options {
	return Options{
		Load:    func() (*config.Config, error) { return settings.Load(&flags, noEnv) },
		File:    flags.File(noEnv),
		Output:  log,
		Signals: func() (<-chan os.Signal, func()) { return signals, func() {} },
	}
}

func run(t *testing.T, flags settings.Flags) *running {
	t.Helper()
	return runWith(t, flags, func(*Options) {})
}

func runWith(t *testing.T, flags settings.Flags, change func(*Options)) *running {
	t.Helper()
	r := &running{signals: make(chan os.Signal, 4), log: &output{}, ended: make(chan error, 1)}
	bound := make(chan struct{})
	o := options(flags, r.log, r.signals)
	o.Listen = func(string) (net.Listener, error) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err == nil {
			r.url = "http://" + ln.Addr().String()
			close(bound)
		}
		return ln, err
	}
	change(&o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		r.ended <- Run(ctx, o)
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
	case err := <-r.ended:
		t.Fatalf("%v: %s", err, r.log)
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

// stopped waits for the end, which must be a good one.
func (r *running) stopped(t *testing.T) {
	t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(soon):
		t.Fatal("it still runs")
	}
}

const event = `data: {"model":"Served","choices":[{"index":0,"delta":{"content":"word"}}]}` + "\n\n"

// slow is an upstream whose streams end when finish is closed.
func slow(t *testing.T, begun chan<- struct{}, finish <-chan struct{}) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // the gateway's own questions
			http.NotFound(w, r)
			return
		}
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
	_, text := headed(t, url)
	return text
}

// headed is stream, and tells when the reply's head has come.
func headed(t *testing.T, url string) (<-chan struct{}, <-chan string) {
	head, text := make(chan struct{}), make(chan string, 1)
	go func() {
		resp, err := http.Post(url+"/v1/chat/completions", "application/json",
			strings.NewReader(`{"model":"qwen3.5-thinking-coding","stream":true,"messages":[{"role":"user","content":"x"}]}`))
		if err != nil {
			text <- err.Error()
			return
		}
		defer resp.Body.Close()
		close(head)
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			b = append(b, err.Error()...)
		}
		text <- string(b)
	}()
	return head, text
}

func TestRunningStreamsFinishAfterSIGTERM(t *testing.T) {
	const streams = 20
	begun, finish := make(chan struct{}), make(chan struct{})
	r := run(t, upstream(slow(t, begun, finish)))
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
	r.stopped(t)
}

func TestSecondSignalEndsStreamsByTheirGrammar(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	defer close(finish)
	r := run(t, upstream(slow(t, begun, finish)))
	head, text := headed(t, r.url)
	<-begun
	<-head
	r.signals <- syscall.SIGTERM
	r.logged(t, `"msg":"stopping"`)
	r.signals <- syscall.SIGINT
	if s := <-text; !strings.Contains(s, `"error"`) || !strings.HasSuffix(s, "data: [DONE]\n\n") {
		t.Errorf("the stream ended with %q", s)
	}
	r.stopped(t)
	r.logged(t, `"ended_early":1`)
}

func TestTheDrainHasALimit(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	defer close(finish)
	file := write(t, "upstreams: [{url: "+slow(t, begun, finish)+", model: Served}]\ntimeouts: {drain: 20ms}\n")
	r := run(t, settings.Flags{Config: &file})
	head, text := headed(t, r.url)
	<-begun
	<-head
	r.signals <- syscall.SIGTERM
	if s := <-text; !strings.HasSuffix(s, "data: [DONE]\n\n") {
		t.Errorf("the stream ended with %q", s)
	}
	r.stopped(t)
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
		_, _ = io.WriteString(w, `{"model":"Served","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Each fault of what is behind is a warning with its cure, and each configuration is asked anew.
func TestWhatIsBehindIsAsked(t *testing.T) {
	serve := func(o simulator.Options) string {
		up := httptest.NewServer(simulator.New(o))
		t.Cleanup(up.Close)
		return up.URL
	}
	encrypted := httptest.NewUnstartedServer(simulator.New(simulator.Options{}))
	encrypted.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	encrypted.StartTLS()
	t.Cleanup(encrypted.Close)
	well := serve(simulator.Options{ServedModel: "served"})
	bare := serve(simulator.Options{ServedModel: "served", MaxModelLen: 4096, Fault: []string{"no-reasoning-parser", "no-tool-parser"}})

	const key = "sk-wrong-7f3a9c0042"
	conf := func(url, more string) string { return "upstreams: [{name: one, url: " + url + ", " + more + "}]\n" }
	file := write(t, conf("http://127.0.0.1:9", "model: served"))
	r := run(t, settings.Flags{Config: &file})
	for i, step := range []struct{ url, more, check, fix string }{
		{"", "", "reach", "start the server there, or correct upstreams[0].url (--target, QWENVOY_TARGET)"},
		{strings.Replace(well, "http", "https", 1), "model: served", "reach", "write http:// in place of https:// in upstreams[0].url"},
		{strings.Replace(encrypted.URL, "https", "http", 1), "model: served", "reach", "write https:// in place of http:// in upstreams[0].url"},
		{serve(simulator.Options{APIKey: "sk-right-0123456789"}), "model: served, api_key: " + key, "key", "set upstreams[0].api_key (QWENVOY_UPSTREAM_API_KEY)"},
		{well, "model: Served", "model", "set upstreams[0].model (--served-model, QWENVOY_SERVED_MODEL) to served"},
		{bare, "model: served", "window", "start vLLM with --max-model-len"},
		{bare, "model: served", "reasoning parser", "start vLLM with --reasoning-parser qwen3"},
		{bare, "model: served", "tool parser", "start vLLM with --enable-auto-tool-choice --tool-call-parser qwen3_coder"},
	} {
		from := len(r.log.String())
		if i == 0 {
			from = 0
		} else {
			if err := os.WriteFile(file, []byte(conf(step.url, step.more)), 0o600); err != nil {
				t.Fatal(err)
			}
			r.signals <- syscall.SIGHUP
		}
		eventually(t, step.check+": "+step.fix, func() bool {
			for line := range strings.Lines(r.log.String()[from:]) {
				v := gjson.Parse(line)
				if v.Get("level").String() == "WARN" && v.Get("check").String() == step.check && strings.HasPrefix(v.Get("fix").String(), step.fix) &&
					v.Get("upstream").String() == "one" && v.Get("found").String() != "" {
					return true
				}
			}
			return false
		})
	}
	if err := os.WriteFile(file, []byte(conf(well, "model: served")), 0o600); err != nil {
		t.Fatal(err)
	}
	r.signals <- syscall.SIGHUP
	r.logged(t, `"msg":"the upstream is ready","upstream":"one","version":"vLLM `)
	r.signals <- syscall.SIGTERM
	r.stopped(t)
	if strings.Contains(r.log.String(), key) {
		t.Error("the key stands in the log")
	}
}

func TestReloadByFileAndBySignal(t *testing.T) {
	target := plain(t)
	conf := func(extra string) string { return "upstreams: [{url: " + target + ", model: Served}]\n" + extra }
	file := write(t, conf("builtin_aliases: false\n"))
	r := run(t, settings.Flags{Config: &file})
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
	r.logged(t, `the name \"Served\" tells no generation of Qwen`)

	replace(conf("models: [{name: one, profile: thinking-coding}]\n"))
	eventually(t, "the changed file is in force", func() bool { return chat(t, r.url, "one") == 200 })

	replace(conf("prot: 1\nmodels: [{name: one, profile: no-such-profile}]\nprofiles:\n  - {name: p, thinking: on, temperature: 7}\n"))
	for _, fault := range []string{
		file + ":2: prot: unknown key, did you mean port?",
		file + `:3: models[0].profile: \"no-such-profile\" is not known`,
		file + ":5: profiles[0].temperature: 7 is not allowed here",
	} {
		r.logged(t, `"msg":"configuration not reloaded, the old one stays in force","why":"changed file","error":"`+fault)
	}
	if got := chat(t, r.url, "one"); got != 200 {
		t.Errorf("the old configuration is not in force: %d", got)
	}

	replace(conf("models: [{name: two, profile: thinking-coding}]\nport: 9999\nlog: {level: DEBUG}\nstore: {redis: \"redis://:12345678@localhost\"}\n"))
	r.signals <- syscall.SIGHUP
	r.logged(t, `"msg":"configuration reloaded","why":"SIGHUP"`)
	if got := chat(t, r.url, "two"); got != 200 {
		t.Errorf("model two: %d", got)
	}
	r.logged(t, `"msg":"this change needs a restart","setting":"listen","in_force":"127.0.0.1:9000","configured":"127.0.0.1:9999"`)
	r.logged(t, `"msg":"this change needs a restart","setting":"store","in_force":"memory","configured":"redis://[redacted]@localhost"`)
	if got := chat(t, r.url, "one"); got != 404 {
		t.Errorf("model one after it was removed: %d", got)
	}
	r.logged(t, `"changes":`) // the level went to DEBUG
}

// A configuration that takes its time holds nothing up: requests go on, a second reload waits
// its turn, and SIGTERM ends the process.
func TestSignalsAreObeyedWhileAConfigurationIsRead(t *testing.T) {
	flags := upstream(plain(t))
	reading, finish := make(chan struct{}), make(chan struct{})
	loads := 0
	r := runWith(t, flags, func(o *Options) {
		load := o.Load
		o.Load = func() (*config.Config, error) { // never called twice at once
			if loads++; loads > 1 {
				reading <- struct{}{}
				<-finish
			}
			return load()
		}
	})
	r.signals <- syscall.SIGHUP
	<-reading
	if got := chat(t, r.url, "qwen3.5-thinking-coding"); got != 200 {
		t.Errorf("status %d", got)
	}
	r.signals <- syscall.SIGHUP
	r.signals <- syscall.SIGHUP
	finish <- struct{}{}
	<-reading // the two became one
	r.logged(t, `"msg":"configuration reloaded","why":"SIGHUP"`)
	r.signals <- syscall.SIGTERM
	r.stopped(t)
	close(finish)
}

// 400 bytes that ten levels of ten aliases make 10 GB of are a fault as any other.
func TestABombInTheFileIsRefused(t *testing.T) {
	target := plain(t)
	file := write(t, "upstreams: [{url: "+target+", model: Served}]\n")
	r := run(t, settings.Flags{Config: &file})
	bomb := "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
	for c := 'b'; c <= 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 10), ","))
	}
	if err := os.WriteFile(file, []byte(bomb), 0o600); err != nil {
		t.Fatal(err)
	}
	r.logged(t, file+": with its aliases written out the file has more than")
	if got := chat(t, r.url, "qwen3.5-thinking-coding"); got != 200 {
		t.Errorf("status %d", got)
	}
	r.signals <- syscall.SIGTERM
	r.stopped(t)
}

func TestAPipeIsReadOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	target := plain(t)
	go func() { _ = os.WriteFile(file, []byte("upstreams: [{url: "+target+", model: Served}]\n"), 0o600) }()
	r := run(t, settings.Flags{Config: &file})
	r.signals <- syscall.SIGHUP
	r.logged(t, file+" is a pipe, which can be read but once")
	r.signals <- syscall.SIGTERM
	r.stopped(t)
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
	r := run(t, upstream(plain(t)))
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
	r.stopped(t)
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
	flags := upstream("http://127.0.0.1:8000")
	flags.Port = &port
	if err := Run(t.Context(), options(flags, io.Discard, nil)); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Error(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 100)); err == nil {
		t.Errorf("systemd was sent %d bytes", n)
	}
}

// A socket that waits does not hold the drain up; one with a response does, for as long
// as that takes, and is told that the gateway goes away.
func TestSocketsAndTheDrain(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	r := run(t, upstream(slow(t, begun, finish)))
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	dial := func() *websocket.Conn {
		t.Helper()
		c, _, err := websocket.Dial(ctx, r.url+"/v1/responses", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.CloseNow() })
		return c
	}
	idle, busy := dial(), dial()
	if err := busy.Write(ctx, websocket.MessageText, []byte(`{"type":"response.create","model":"qwen3.5-thinking-coding","input":"x"}`)); err != nil {
		t.Fatal(err)
	}
	<-begun
	r.signals <- syscall.SIGTERM
	if _, _, err := idle.Read(ctx); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Error(err)
	}
	close(finish)
	last := ""
	for {
		_, b, err := busy.Read(ctx)
		if err != nil {
			if websocket.CloseStatus(err) != websocket.StatusGoingAway {
				t.Error(err)
			}
			break
		}
		last = gjson.GetBytes(b, "type").Str
	}
	if last != "response.completed" {
		t.Errorf("the last event is %s", last)
	}
	r.stopped(t)
	r.logged(t, `"ended_early":0`)
}

// The served model's name may be left out: until the server has named its only model, clients
// are told to come again, and then it goes up.
func TestTheServerNamesItsModel(t *testing.T) {
	var models atomic.Pointer[string]
	list := func(names ...string) {
		text := `{"object":"list","data":[{"id":"` + strings.Join(names, `"},{"id":"`) + `"}]}`
		models.Store(&text)
	}
	list("a", "b")
	asked := make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/v1/models":
			_, _ = io.WriteString(w, *models.Load())
		case r.Method == http.MethodPost:
			body, _ := io.ReadAll(r.Body)
			asked <- gjson.GetBytes(body, "model").String()
			_, _ = io.WriteString(w, `{"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}`)
		}
	}))
	t.Cleanup(s.Close)
	conf := "upstreams: [{url: " + s.URL + "}]\n"
	file := write(t, conf)
	r := run(t, settings.Flags{Config: &file})
	if got := chat(t, r.url, "gpt-5"); got != 503 {
		t.Errorf("with several models: %d", got)
	}
	list("Qwen/Qwen3.8-27B")
	eventually(t, "the model is known", func() bool { return chat(t, r.url, "gpt-5") == 200 })
	if got := <-asked; got != "Qwen/Qwen3.8-27B" {
		t.Errorf("asked for %q", got)
	}
	r.logged(t, `"msg":"the server has named its model","upstream_model":"Qwen/Qwen3.8-27B"`)
	if got := chat(t, r.url, "Qwen/Qwen3.8-27B"); got != 200 {
		t.Errorf("under its own name: %d", got)
	}
	// It stays known when another configuration comes.
	if err := os.WriteFile(file, []byte(conf+"builtin_aliases: false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.signals <- syscall.SIGHUP
	r.logged(t, `"msg":"configuration reloaded"`)
	if got := chat(t, r.url, "qwen-thinking-coding"); got != 200 {
		t.Errorf("after a reload: %d", got)
	}
	if got := chat(t, r.url, "gpt-5"); got != 404 {
		t.Errorf("the new configuration is not in force: %d", got)
	}
}

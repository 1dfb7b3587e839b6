package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// program is the binary's path: built as it is for users, since the race detector, under which the
// test itself may run, takes several times the memory.
var program = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "qwenvoy")
	if err != nil {
		return "", err
	}
	built = folder
	path := filepath.Join(folder, "qwenvoy")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// built is where program was built, "" before.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

const (
	small   = 64 << 20 // limits.memory, where a test needs no more
	patient = 30 * time.Second
)

// A limited is the program as a process whose memory has a limit, before a model server that
// answers when it is let.
type limited struct {
	t       *testing.T
	allowed int // bytes of the process, and of its cgroup
	url     string
	process *os.Process
	ended   chan struct{}
	client  *http.Client

	let     chan struct{}
	open    func()       // closes let
	arrived atomic.Int64 // requests that have come to the model server
	answer  atomic.Pointer[string]
}

// group makes a cgroup with the limit, and returns the file that takes a process into it; "" where
// none can be made.
func group(t *testing.T, allowed int) string {
	name := fmt.Sprintf("qwenvoy-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	for _, kind := range []struct{ root, limit, swap, join string }{
		{"/sys/fs/cgroup", "memory.max", "memory.swap.max", "cgroup.procs"},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "cgroup.procs"},
	} {
		folder := filepath.Join(kind.root, name)
		if os.Mkdir(folder, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { _ = os.Remove(folder) })
		limit := []byte(strconv.Itoa(allowed))
		if err := os.WriteFile(filepath.Join(folder, kind.limit), limit, 0o644); err == nil {
			_ = os.WriteFile(filepath.Join(folder, kind.swap), limit, 0o644)
			return filepath.Join(folder, kind.join)
		}
	}
	t.Log("no cgroup can be made here: only the peak of the process is looked at")
	return ""
}

func startLimited(t *testing.T, memory int) *limited {
	p := &limited{t: t, allowed: memory + 64<<20, ended: make(chan struct{}), let: make(chan struct{}), client: &http.Client{Transport: &http.Transport{}}}
	p.open = sync.OnceFunc(func() { close(p.let) })
	up := httptest.NewServer(http.HandlerFunc(p.model))
	t.Cleanup(up.Close)
	t.Cleanup(p.open)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	_ = ln.Close()
	file := filepath.Join(t.TempDir(), "qwenvoy.yaml")
	text := fmt.Sprintf("port: %d\nupstreams: [{url: %q, model: m, max_model_len: 100000000}]\nlimits: {memory: %d}\nlog: {level: WARN}\n",
		port, up.URL, memory)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{path, "serve", "--config", file}
	if join := group(t, p.allowed); join != "" {
		args = append([]string{"sh", "-c", `echo $$ > "$0" && exec "$@"`, join}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.process, p.url = cmd.Process, fmt.Sprintf("http://127.0.0.1:%d", port)
	go func() {
		defer close(p.ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		p.client.CloseIdleConnections()
		_ = p.process.Signal(syscall.SIGKILL)
		<-p.ended
	})
	p.eventually("the program serves", func() bool { return p.healthy() })
	return p
}

// model answers when it is let.
func (p *limited) model(w http.ResponseWriter, r *http.Request) {
	p.arrived.Add(1)
	select {
	case <-p.let:
	case <-r.Context().Done():
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	text := "hello"
	if a := p.answer.Load(); a != nil {
		text = *a
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"gpt-5","choices":[{"index":0,"message":{"role":"assistant","content":"`)
	_, _ = io.WriteString(w, text)
	_, _ = io.WriteString(w, `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
}

func (p *limited) eventually(what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(patient); !ok(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.ended:
			p.t.Fatalf("the program has ended; %s was waited for", what)
		default:
		}
		if time.Now().After(end) {
			p.t.Fatalf("never happened: %s", what)
		}
	}
}

func (p *limited) healthy() bool {
	resp, err := p.client.Get(p.url + "/health")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == 200
}

// post sends a body and returns the status, 0 where the connection was cut, and the reply.
func (p *limited) post(path, body string, header ...string) (int, string) {
	r, err := http.NewRequest("POST", p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return 0, ""
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode == 503 && resp.Header.Get("Retry-After") == "" {
		p.t.Errorf("a 503 that does not say when to try again: %s", b)
	}
	return resp.StatusCode, string(b)
}

// all sends n requests at once, lets the model answer when each of them has come there or was
// answered before, and counts the statuses.
func (p *limited) all(n int, send func(i int) int) map[int]int {
	p.t.Helper()
	statuses := map[int]int{}
	var mu sync.Mutex
	var done atomic.Int64
	var sending sync.WaitGroup
	before := p.arrived.Load()
	for i := range n {
		sending.Go(func() {
			status := send(i)
			mu.Lock()
			statuses[status]++
			mu.Unlock()
			done.Add(1)
		})
	}
	p.eventually("all have come or are answered", func() bool { return p.arrived.Load()-before+done.Load() >= int64(n) })
	p.open()
	sending.Wait()
	return statuses
}

// survives: the program answers, and its memory never was more than it may have.
func (p *limited) survives() {
	p.t.Helper()
	p.open()
	p.answer.Store(nil)
	p.eventually("a chat is answered", func() bool {
		status, _ := p.post("/v1/chat/completions", `{"model":"gpt-5","messages":[{"role":"user","content":"hi"}]}`)
		return status == 200
	})
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.process.Pid))
	if err != nil {
		p.t.Skip("no /proc here: ", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			p.t.Logf("peak: %d MiB of %d", kib>>10, p.allowed>>20)
			if kib<<10 > p.allowed {
				p.t.Errorf("the process took %d MiB, %d are allowed", kib>>10, p.allowed>>20)
			}
		}
	}
}

func packed(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.String()
}

// prose is text of n bytes that packs as texts do, and no better.
func prose(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%d is a number and %d is its square, ", i, i*i)
	}
	return b.String()[:n]
}

// idIn is the first id of a kind in a reply; the kind alone where there is none.
func idIn(reply, kind string) string {
	_, rest, _ := strings.Cut(reply, `"id":"`+kind)
	id, _, _ := strings.Cut(rest, `"`)
	return kind + id
}

func chatOf(text string) string {
	return `{"model":"gpt-5","messages":[{"role":"user","content":"` + text + `"}]}`
}

func TestMemoryAnnouncedBodies(t *testing.T) {
	p := startLimited(t, small)
	for range 300 {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 16000000\r\n\r\n{\"model\"")
	}
	p.survives()
}

func TestMemoryBombs(t *testing.T) {
	p := startLimited(t, small)
	body := packed(chatOf(strings.Repeat("x", 7<<20)))
	got := p.all(32, func(int) int {
		status, _ := p.post("/v1/chat/completions", body, "Content-Encoding", "gzip")
		return status
	})
	if got[200] != 0 || got[413] == 0 || got[413]+got[503] != 32 {
		t.Errorf("%v", got)
	}
	p.survives()
}

func TestMemoryCompressedBodiesInParallel(t *testing.T) {
	p := startLimited(t, small)
	body := packed(chatOf(prose(7 << 20)))
	got := p.all(16, func(int) int {
		status, _ := p.post("/v1/chat/completions", body, "Content-Encoding", "gzip")
		return status
	})
	if got[200] == 0 || got[503] == 0 || got[200]+got[503] != 16 {
		t.Errorf("%v", got)
	}
	p.survives()
}

// The dialects that are translated hold a body four times while they turn it.
func TestMemoryBodiesOfTheLargestSize(t *testing.T) {
	p := startLimited(t, small)
	text := prose(7 << 20)
	bodies := map[string]string{
		"/v1/chat/completions": chatOf(text),
		"/v1/messages":         `{"model":"gpt-5","max_tokens":10,"messages":[{"role":"user","content":"` + text + `"}]}`,
		"/v1/responses":        `{"model":"gpt-5","store":false,"input":"` + text + `"}`,
	}
	for path, body := range bodies {
		got := p.all(24, func(int) int {
			status, _ := p.post(path, body)
			return status
		})
		if got[200] == 0 || got[200]+got[503]+got[529] != 24 {
			t.Errorf("%s: %v", path, got)
		}
	}
	p.survives()
}

// Bodies of nearly the largest size, in all shapes that make the most of them: each is held as
// several texts while it is turned.
func TestMemoryBodiesOfTheLargestSizeInAllShapes(t *testing.T) {
	const memory = 128 << 20
	p := startLimited(t, memory)
	p.open()
	text := prose(memory/8 - 64<<10)
	list := func(item string) string { return strings.Repeat(fmt.Sprintf(item, text[:len(text)/16])+",", 15) }
	for _, tt := range []struct{ name, path, body string }{
		{"chat", "/v1/chat/completions", chatOf(text)},
		{"late system messages", "/v1/chat/completions", `{"model":"gpt-5","messages":[{"role":"user","content":"x"},` +
			list(`{"role":"system","content":"%s"}`) + `{"role":"user","content":"x"}]}`},
		{"completions", "/v1/completions", `{"model":"gpt-5","prompt":"` + text + `"}`},
		{"messages", "/v1/messages", `{"model":"gpt-5","max_tokens":10,"messages":[{"role":"user","content":"` + text + `"}]}`},
		{"parts of messages", "/v1/messages", `{"model":"gpt-5","max_tokens":10,"messages":[{"role":"user","content":[` +
			list(`{"type":"text","text":"%s"}`) + `{"type":"text","text":"x"}]}]}`},
		{"system of messages", "/v1/messages", `{"model":"gpt-5","max_tokens":10,"messages":[{"role":"user","content":"x"}],"system":[` +
			list(`{"type":"text","text":"%s"}`) + `{"type":"text","text":"x"}]}`},
		{"responses", "/v1/responses", `{"model":"gpt-5","store":false,"input":"` + text + `"}`},
		{"instructions", "/v1/responses", `{"model":"gpt-5","store":false,"input":"x","instructions":"` + text + `"}`},
		{"parts of responses", "/v1/responses", `{"model":"gpt-5","store":false,"input":[{"role":"user","content":[` +
			list(`{"type":"input_text","text":"%s"}`) + `{"type":"input_text","text":"x"}]}]}`},
		{"stored", "/v1/responses", `{"model":"gpt-5","input":"` + text + `"}`},
		{"in the background", "/v1/responses", `{"model":"gpt-5","background":true,"input":"` + text + `"}`},
	} {
		got := map[int]int{}
		for range 2 {
			for status, n := range p.all(5, func(int) int {
				status, _ := p.post(tt.path, tt.body)
				return status
			}) {
				got[status] += n
			}
		}
		if got[200] == 0 || got[200]+got[503]+got[529] != 10 {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	p.survives()
}

// What a response builds on counts like its own input, and is held as often.
func TestMemoryChains(t *testing.T) {
	p := startLimited(t, 192<<20)
	p.open()
	text := prose(2 << 20)
	const clients, turns = 3, 6
	var done atomic.Int64
	got := p.all(clients, func(int) int {
		previous := ""
		for range turns {
			status, reply := 503, ""
			for status == 503 {
				status, reply = p.post("/v1/responses", `{"model":"gpt-5"`+previous+`,"input":"`+text+`"}`)
			}
			if status != 200 {
				t.Errorf("%d %.300s", status, reply)
				return status
			}
			previous = `,"previous_response_id":"` + idIn(reply, "resp_") + `"`
			done.Add(1)
		}
		return 200
	})
	if got[200] != clients || done.Load() != clients*turns {
		t.Errorf("%v, %d turns", got, done.Load())
	}
	p.survives()
}

func TestMemoryRepliesThatNobodyReads(t *testing.T) {
	p := startLimited(t, 128<<20)
	p.open()
	text := prose(6 << 20)
	p.answer.Store(&text)
	bodies := []struct{ path, body string }{
		{"/v1/chat/completions", chatOf("x")},
		{"/v1/messages", `{"model":"gpt-5","max_tokens":10,"messages":[{"role":"user","content":"x"}]}`},
		{"/v1/responses", `{"model":"gpt-5","store":false,"input":"x"}`},
	}
	var served, refused atomic.Int64
	p.all(60, func(i int) int {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Error(err)
			return 0
		}
		t.Cleanup(func() { _ = c.Close() })
		b := bodies[i%len(bodies)]
		_, _ = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s", b.path, len(b.body), b.body)
		head := make([]byte, len("HTTP/1.1 200"))
		_ = c.SetReadDeadline(time.Now().Add(patient))
		_, _ = io.ReadFull(c, head)
		switch string(head[len(head)-3:]) {
		case "200":
			served.Add(1)
		case "503", "529":
			refused.Add(1)
		default:
			t.Errorf("%q", head)
		}
		return 0
	})
	if served.Load() == 0 || served.Load()+refused.Load() != 60 {
		t.Errorf("%d served, %d refused", served.Load(), refused.Load())
	}
	p.survives()
}

// Messages that come at once are taken in turn: none holds a part of the memory that keeps the
// others from coming to an end.
func TestMemoryMessagesOfManySocketsAtOnce(t *testing.T) {
	p := startLimited(t, 96<<20)
	p.open()
	message := []byte(`{"type":"response.create","model":"gpt-5","store":false,"input":"` + prose(4<<20) + `"}`)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patient)
	defer cancel()
	const sockets = 40
	got := p.all(sockets, func(int) int {
		c, _, err := websocket.Dial(ctx, strings.Replace(p.url, "http", "ws", 1)+"/v1/responses", nil)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer func() { _ = c.CloseNow() }()
		c.SetReadLimit(-1)
		if err := c.Write(ctx, websocket.MessageText, message); err != nil {
			t.Error(err)
			return 0
		}
		for {
			_, frame, err := c.Read(ctx)
			switch {
			case err != nil:
				t.Error(err)
				return 0
			case bytes.Contains(frame, []byte(`"type":"response.completed"`)):
				return 200
			case bytes.Contains(frame, []byte(`"status":503`)):
				return 503
			}
		}
	})
	if got[200] == 0 || got[200]+got[503] != sockets {
		t.Errorf("%v", got)
	}
	p.survives()
}

func TestMemoryMessagesOfSockets(t *testing.T) {
	p := startLimited(t, small)
	message := []byte(`{"type":"response.create","model":"gpt-5","store":false,"input":"` + prose(3<<20) + `"}`)
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	var socks []*websocket.Conn
	for range 16 {
		c, _, err := websocket.Dial(ctx, strings.Replace(p.url, "http", "ws", 1)+"/v1/responses", nil)
		if err != nil {
			t.Fatal(err)
		}
		c.SetReadLimit(-1)
		defer func() { _ = c.CloseNow() }()
		socks = append(socks, c)
	}
	var sending sync.WaitGroup
	for _, c := range socks {
		sending.Go(func() {
			for range 6 {
				if c.Write(ctx, websocket.MessageText, message) != nil {
					t.Error("a socket takes no message")
					return
				}
			}
		})
	}
	p.eventually("a message has gone up", func() bool { return p.arrived.Load() > 0 })
	p.open()
	sending.Wait()
	for _, c := range socks {
		if _, _, err := c.Read(ctx); err != nil { // an event, or a refusal
			t.Error(err)
		}
	}
	for _, c := range socks {
		_ = c.CloseNow()
	}
	p.survives()
}

func TestMemoryReferences(t *testing.T) {
	p := startLimited(t, small)
	p.open()
	text := prose(3 << 20)
	p.answer.Store(&text)
	status, reply := p.post("/v1/responses", `{"model":"gpt-5","input":"go"}`)
	id := idIn(reply, "msg_")
	if status != 200 || id == "msg_" {
		t.Fatalf("%d %.300s", status, reply)
	}
	p.answer.Store(nil)
	references := strings.Repeat(`{"type":"item_reference","id":"`+id+`"},`, 100)
	got := p.all(16, func(int) int {
		status, _ := p.post("/v1/responses", `{"model":"gpt-5","input":[`+references+`{"role":"user","content":"go"}]}`)
		return status
	})
	if got[200] != 0 || got[400]+got[503] != 16 {
		t.Errorf("%v", got)
	}
	p.survives()
}

func TestMemoryInputsInTheBackground(t *testing.T) {
	p := startLimited(t, small)
	body := `{"model":"gpt-5","background":true,"input":"` + prose(2<<20) + `"}`
	got := map[int]int{}
	for range 40 {
		status, _ := p.post("/v1/responses", body)
		got[status]++
	}
	if got[200] == 0 || got[503] == 0 || got[200]+got[503] != 40 {
		t.Errorf("%v", got)
	}
	p.survives()
}

func TestMemoryStoredResponsesAndReadersThatDontRead(t *testing.T) {
	p := startLimited(t, small)
	p.open()
	text := prose(4 << 20)
	p.answer.Store(&text)
	var ids []string
	for range 12 {
		status, reply := p.post("/v1/responses", `{"model":"gpt-5","input":"`+prose(2<<20)+`"}`)
		if status != 200 {
			t.Fatalf("%d %.300s", status, reply)
		}
		ids = append(ids, idIn(reply, "resp_"))
	}
	var readers []net.Conn
	for i := range 64 {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, c)
		path := "/v1/responses/" + ids[len(ids)-1-i%2]
		if i%4 > 1 {
			path += "/input_items"
		}
		_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
		if _, err := c.Read(make([]byte, 10)); err != nil {
			t.Error(err)
		}
	}
	if !p.healthy() {
		t.Error("not healthy")
	}
	if status, reply := p.post("/v1/responses", `{"model":"gpt-5","input":"go"}`); status != 503 && status != 200 {
		t.Errorf("%d %.300s", status, reply)
	}
	for _, c := range readers {
		_ = c.Close()
	}
	p.survives()
}

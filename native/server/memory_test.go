package server

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// remembering is an edge with a small budget.
func remembering(limit config.Bytes) func(*config.Config) {
	return func(c *config.Config) { c.Limits.Memory = limit }
}

// What a client or an upstream announces takes no memory until it comes.
func TestWhatIsAnnouncedTakesNoMemory(t *testing.T) {
	silent := make(chan struct{})
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "99999999")
		_, _ = io.WriteString(w, "{")
		w.(http.Flusher).Flush()
		<-silent
	}))
	t.Cleanup(func() { close(silent) }) // before the upstream waits for its handlers
	const clients = 8
	for i := range clients {
		c, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 0 {
			_, _ = io.WriteString(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n{")
		} else {
			body := chatBody(false)
			_, _ = fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	}
	eventually(t, "all under way", func() bool { return e.handler.InFlight() == clients && e.handler.Memory().Held() >= clients*firstRoom })
	if held := e.handler.Memory().Held(); held > clients*16<<10 {
		t.Errorf("%d exchanges hold %d bytes", clients, held)
	}
}

// Whatever the size, and however it comes, a body arrives whole.
func TestBodiesGrowToAnySize(t *testing.T) {
	var got atomic.Pointer[string]
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s := string(b)
		got.Store(&s)
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("X-Chunks") != "" {
			w.(http.Flusher).Flush()
		}
		_, _ = io.WriteString(w, chatReply)
		_, _ = io.WriteString(w, strings.Repeat(" ", len(b)))
	}))
	for _, n := range []int{1000, 4095, 4096, 4097, 32<<10 - 1, 32 << 10, 32<<10 + 1, 300_001, 1<<20 - 1, 1 << 20, 1<<20 + 1, 5_000_000} {
		body := sized(t, n)
		send := map[string]func() (int, http.Header, string){
			"plain": func() (int, http.Header, string) { return e.post(t, strings.NewReader(body)) },
			"chunks": func() (int, http.Header, string) {
				return e.post(t, struct{ io.Reader }{strings.NewReader(body)}, "X-Chunks", "1")
			},
		}
		if n <= 1<<20 { // larger, of one letter, it would be an attack
			send["gzip"] = func() (int, http.Header, string) {
				return e.post(t, strings.NewReader(gzipped(t, body)), "Content-Encoding", "gzip")
			}
		}
		for name, send := range send {
			status, _, reply := send()
			if status != 200 || !strings.Contains(*got.Load(), body[len(body)-400:]) || len(reply) < n {
				t.Errorf("%d bytes, %s: status %d, %d bytes went up, %d came back", n, name, status, len(*got.Load()), len(reply))
			}
		}
	}
}

// Over the budget the answer is a 503 in the client's dialect that says when to try again, and
// the upstream is not asked. What is given back can be had.
func TestOverTheBudgetIsA503BeforeTheWork(t *testing.T) {
	var asked atomic.Int64
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answers(w, r)
	}), remembering(16<<20))
	e.handler.Memory().Keep(16<<20 - 1000) // as the store would
	for _, tt := range []struct {
		path, want string
		status     int
	}{
		{"/v1/chat/completions", `"code":503`, 503},
		{"/v1/completions", `"code":503`, 503},
		{"/tokenize", `"code":503`, 503},
		{"/v1/responses", `"type":"server_error"`, 503},
		{"/v1/messages", `"type":"overloaded_error"`, 529},
		{"/v1/messages/count_tokens", `"type":"overloaded_error"`, 529},
	} {
		for name, body := range map[string]string{"small": chatBody(false), "large": sized(t, 200_000), "gzip": gzipped(t, sized(t, 200_000))} {
			header := []string{"Content-Type", "application/json"}
			if name == "gzip" {
				header = append(header, "Content-Encoding", "gzip")
			}
			status, h, reply := e.do(t, "POST", tt.path, strings.NewReader(body), header...)
			if status != tt.status || h.Get("Retry-After") != "2" || !strings.Contains(reply, tt.want) || !strings.Contains(reply, "limits.memory") {
				t.Errorf("%s, %s: %d %v %s", tt.path, name, status, h, reply)
			}
		}
	}
	if asked.Load() != 0 {
		t.Errorf("the upstream was asked %d times", asked.Load())
	}
	if status, _, reply := e.do(t, "GET", "/health", nil); status != 200 {
		t.Errorf("health: %d %s", status, reply)
	}
	e.handler.Memory().Keep(1000 - 16<<20)
	if status, _, reply := e.post(t, strings.NewReader(chatBody(false))); status != 200 {
		t.Errorf("afterwards: %d %s", status, reply)
	}
}

// Many small members take many times as much as their bytes while they are read: that counts
// as well, and no longer than it takes.
func TestWhatIsNotedOfABodyCounts(t *testing.T) {
	e := start(t, upstreamOf(t, answers), remembering(32<<20))
	items := strings.TrimSuffix(strings.Repeat(`{"role":"user","content":"x"},`, 15_000), ",") // 450 KB
	others := new(memory.Share)
	others.Begin(e.handler.Memory())
	for path, body := range map[string]string{
		"/v1/chat/completions": `{"model":"` + virtual + `","messages":[` + items + `]}`,
		"/v1/responses":        `{"model":"` + virtual + `","input":[` + items + `]}`,
		"/v1/messages":         `{"model":"` + virtual + `","max_tokens":9,"messages":[` + items + `]}`,
	} {
		for name, header := range map[string][]string{"plain": nil, "gzip": {"Content-Encoding", "gzip"}} {
			sent := body
			if name == "gzip" {
				sent = gzipped(t, body)
			}
			if !others.Grow(24 << 20) {
				t.Fatal("something is held")
			}
			status, _, reply := e.do(t, "POST", path, strings.NewReader(sent), header...)
			if status != 503 && status != 529 {
				t.Errorf("%s, %s, with 8 MiB left: %d %.300s", path, name, status, reply)
			}
			others.Shrink(24 << 20)
			if status, _, reply := e.do(t, "POST", path, strings.NewReader(sent), header...); status != 200 {
				t.Errorf("%s, %s: %d %.300s", path, name, status, reply)
			}
			eventually(t, "all is given back", func() bool { return e.handler.Memory().Held() == 0 })
		}
	}
}

// Bodies that are small until they are decoded don't add up beyond the budget.
func TestCompressedBodiesInParallelKeepToTheBudget(t *testing.T) {
	const limit = 32 << 20
	hold := make(chan struct{})
	let := sync.OnceFunc(func() { close(hold) })
	var waiting atomic.Int64
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		waiting.Add(1)
		<-hold
		_, _ = io.Copy(io.Discard, r.Body)
		answers(w, r)
	}), remembering(limit))
	t.Cleanup(let)
	var odd strings.Builder // that compresses well, and is no attack
	for i := 0; odd.Len() < 7<<19; i++ {
		fmt.Fprintf(&odd, "%d is a number and %d is its square, ", i, i*i)
	}
	body := gzipped(t, fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":%q}]}`, virtual, odd.String()))
	var all sync.WaitGroup
	var served, refused atomic.Int64
	for range 16 {
		all.Go(func() {
			status, h, reply := e.post(t, strings.NewReader(body), "Content-Encoding", "gzip")
			switch {
			case status == 200:
				served.Add(1)
			case status == 503 && h.Get("Retry-After") != "":
				refused.Add(1)
			default:
				t.Errorf("%d %s", status, reply)
			}
		})
	}
	eventually(t, "all are up or refused", func() bool { return waiting.Load()+refused.Load() == 16 })
	if held := e.handler.Memory().Held(); held > limit {
		t.Errorf("%d bytes held of %d", held, int64(limit))
	}
	let()
	all.Wait()
	if served.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d served, %d refused", served.Load(), refused.Load())
	}
}

// A body's memory is given back when it is turned, and the turned one's when it has gone up.
func TestAStreamHoldsNoBody(t *testing.T) {
	hold := make(chan struct{})
	let := sync.OnceFunc(func() { close(hold) })
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for going := true; going; {
			_, _ = io.WriteString(w, chatEvent(" word"))
			w.(http.Flusher).Flush()
			select {
			case <-hold:
				going = false
			case <-time.After(time.Millisecond):
			}
		}
		_, _ = io.WriteString(w, chatEnd)
	}))
	t.Cleanup(let)
	resp, err := newClient(t).Post(e.url+"/v1/chat/completions", "application/json",
		strings.NewReader(strings.Replace(sized(t, 2<<20), `{"model"`, `{"stream":true,"model"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	eventually(t, "the request's memory given back", func() bool { return e.handler.Memory().Held() == 0 })
	let()
	if b, err := io.ReadAll(resp.Body); err != nil || !bytes.HasSuffix(b, []byte("[DONE]\n\n")) {
		t.Errorf("%v %s", err, b)
	}
}

// What a reply repeats of its request is held for as long as the reply takes, and counts.
func TestWhatAReplyRepeatsCounts(t *testing.T) {
	hold := make(chan struct{})
	let := sync.OnceFunc(func() { close(hold) })
	var asked atomic.Bool
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked.Store(true)
		<-hold
		answers(w, r)
	}))
	t.Cleanup(let)
	const size = 1 << 20
	body := `{"model":"` + virtual + `","store":false,"input":"x","instructions":"` + strings.Repeat("so ", size/3) + `"}`
	done := make(chan struct{})
	go func() {
		defer close(done)
		if status, _, reply := e.do(t, "POST", "/v1/responses", strings.NewReader(body), "Content-Type", "application/json"); status != 200 {
			t.Errorf("%d %.300s", status, reply)
		}
	}()
	eventually(t, "the upstream has it", asked.Load)
	if held := e.handler.Memory().Held(); held < size*2-1000 {
		t.Errorf("%d bytes are held", held)
	}
	let()
	<-done
	eventually(t, "all is given back", func() bool { return e.handler.Memory().Held() == 0 })
}

// A body is never larger than what the budget has room for.
func TestTheBodysLimitFitsTheBudget(t *testing.T) {
	for _, tt := range []struct {
		body, memory config.Bytes
		want         int
	}{
		{0, 1 << 30, defaultBody}, {0, 64 << 20, 8 << 20}, {1 << 20, 64 << 20, 1 << 20},
	} {
		c := config.Default()
		c.Limits.Body, c.Limits.Memory = tt.body, tt.memory
		if got := BodyLimit(c); got != tt.want {
			t.Errorf("limits.body %d, limits.memory %d: %d, want %d", tt.body, tt.memory, got, tt.want)
		}
	}
	if n := MemoryLimit(config.Default()); n != available()/4 {
		t.Errorf("%d of %d", n, available())
	}
}

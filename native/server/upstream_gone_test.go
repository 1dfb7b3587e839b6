package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

const eventStreamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

func chunked(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

func short(c *config.Config) { c.Timeouts.Idle = config.Duration(50 * time.Millisecond) }

func TestUpstreamFaults(t *testing.T) {
	event := chatEvent("first")
	for _, tt := range []struct {
		name   string
		answer string // what the upstream says before it closes
		hold   bool   // it stalls instead
		change func(*config.Config)
		stream bool
		status int
		want   []string // in the client's body
		logged string
	}{
		{name: "gone before the head", status: 502, want: []string{`"code":502`}, logged: "upstream_connect"},
		{name: "gone in the head", answer: "HTTP/1.1 200 OK\r\nContent-Ty", status: 502, want: []string{`"code":502`}, logged: "upstream_connect"},
		{name: "gone in a body with a length", answer: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"id\":", status: 502, want: []string{`"code":502`}, logged: "upstream_cut"},
		{name: "gone in a chunked body", answer: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"id\":\r\n", status: 502, want: []string{`"code":502`}, logged: "upstream_cut"},
		{name: "gone between events", stream: true, answer: eventStreamHead + chunked(event), status: 200, want: []string{"first", `"error"`}, logged: "upstream_cut"},
		{name: "gone in mid-event", stream: true, answer: eventStreamHead + chunked(event) + chunked(event[:40]), status: 200, want: []string{"first", `"error"`}, logged: "upstream_cut"},
		{name: "gone in mid-chunk", stream: true, answer: eventStreamHead + chunked(event) + "fff\r\ndata: {", status: 200, want: []string{"first", `"error"`}, logged: "upstream_cut"},
		{name: "an end without [DONE] or finish", stream: true, answer: eventStreamHead + chunked(event) + "0\r\n\r\n", status: 200, want: []string{"first", `"error"`}},
		{name: "stall in a stream", stream: true, hold: true, change: short, answer: eventStreamHead + chunked(event), status: 200, want: []string{"first", `"error"`, `"code":504`}, logged: "idle"},
		{name: "stall in a body", hold: true, change: short, answer: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"id\":", status: 504, want: []string{`"code":504`}, logged: "idle"},
		{name: "no head in time", hold: true, change: func(c *config.Config) { c.Timeouts.FirstByte = config.Duration(50 * time.Millisecond) }, status: 504, want: []string{`"code":504`}, logged: "upstream_timeout"},
		{name: "not HTTP", answer: "SSH-2.0-OpenSSH_9.9\r\n", status: 502, want: []string{`"code":502`}, logged: "upstream_connect"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stop := make(chan struct{})
			target := rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
				if readRequest(r) != nil {
					return
				}
				_, _ = io.WriteString(c, tt.answer)
				if tt.hold {
					<-stop
				}
			})
			t.Cleanup(func() { close(stop) })
			var changes []func(*config.Config)
			if tt.change != nil {
				changes = append(changes, tt.change)
			}
			e := start(t, target, changes...)
			status, header, body := e.post(t, strings.NewReader(chatBody(tt.stream)))
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			for _, w := range tt.want {
				if !strings.Contains(body, w) {
					t.Errorf("%q is not in %q", w, body)
				}
			}
			if tt.stream {
				wholeStream(t, body)
			} else if header.Get("Content-Type") != "application/json" {
				t.Errorf("content-type %q", header.Get("Content-Type"))
			}
			eventually(t, "the log line", func() bool { return len(e.lines(t, "exchange")) == 1 })
			if got := e.lines(t, "exchange")[0]["error_type"]; tt.logged != "" && got != tt.logged {
				t.Errorf("logged as %v, want %s", got, tt.logged)
			}
		})
	}
}

// The status and its header say enough: a client that is told 502 asks again at once. What came
// of the body is said, as far as it can be read.
func TestARefusalWhoseBodyBreaksOffStaysOne(t *testing.T) {
	const cameSoFar, nothing = `{"error":{"message":"canary`, "The model server answered with status 429."
	for name, tt := range map[string]struct{ head, body, want string }{
		"a length":                               {"Content-Length: 500\r\n", cameSoFar, "canary"},
		"nothing of it":                          {"Content-Length: 500\r\n", "", nothing},
		"chunks":                                 {"Transfer-Encoding: chunked\r\n", "fff\r\n" + cameSoFar, "canary"},
		"a page":                                 {"Transfer-Encoding: chunked\r\n", "fff\r\n<html>", nothing},
		"gzip":                                   {"Content-Encoding: gzip\r\nContent-Length: 500\r\n", gzipped(t, cameSoFar)[:20], nothing},
		"whole, in a way that was not asked for": {"Content-Encoding: br\r\nConnection: close\r\nContent-Length: 3\r\n", "\x0b\x01\x80", nothing},
		"more than may be":                       {"Transfer-Encoding: chunked\r\n", "ffff\r\n" + strings.Repeat("canary ", 5000), "canary"},
	} {
		e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
			if readRequest(r) == nil {
				_, _ = io.WriteString(c, "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/html\r\nRetry-After: 7\r\n"+tt.head+"\r\n"+tt.body)
			}
		}))
		const model = `{"model":"qwen3.5-instruct-general",`
		for _, request := range [][2]string{
			{"/v1/messages", model + `"max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}`},
			{"/v1/messages/count_tokens", model + `"messages":[{"role":"user","content":"Hi"}]}`},
			{"/v1/responses", model + `"input":"Hi","store":false}`},
			{"/v1/responses", model + `"input":"Hi","store":false,"stream":true}`},
			{"/v1/chat/completions", model + `"messages":[{"role":"user","content":"Hi"}]}`},
			{"/v1/chat/completions", model + `"messages":[{"role":"user","content":"Hi"}],"stream":true}`},
			{"/v1/completions", model + `"prompt":"Hi"}`},
			{"/tokenize", model + `"prompt":"Hi"}`},
			{"/detokenize", model + `"tokens":[1]}`},
			{"/v1/models", ""},
		} {
			method := "POST"
			if request[1] == "" {
				method = "GET"
			}
			status, header, got := e.do(t, method, request[0], strings.NewReader(request[1]))
			if status != 429 || header.Get("Retry-After") != "7" || header.Get("Content-Type") != "application/json" || header.Get("Content-Encoding") != "" ||
				!gjson.Valid(got) || !strings.Contains(gjson.Get(got, "error.message").Str, tt.want) || len(got) > 8<<10 {
				t.Errorf("%s, %s: %d %v %s", name, request[0], status, header, got)
			}
		}
	}
}

func TestNobodyListensUpstream(t *testing.T) {
	ln := listen(t)
	target := "http://" + ln.Addr().String()
	_ = ln.Close()
	e := start(t, target)
	for _, path := range []string{"/v1/chat/completions", "/elsewhere"} {
		if status, _, body := e.do(t, "POST", path, strings.NewReader(chatBody(false))); status != 502 || !strings.Contains(body, `"code":502`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestACutReplyThatIsPassedOnShowsAsCut(t *testing.T) {
	e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
		if readRequest(r) == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf")
		}
	}))
	resp, err := newClient(t).Get(e.url + "/elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the client takes %q for whole", b)
	}
}

// What is said after the stream's end, if anything, must not keep the client waiting.
func TestAStreamEndsWithItsLastEvent(t *testing.T) {
	for _, tt := range []struct {
		name string
		more func(c net.Conn, stop <-chan struct{})
	}{
		{"silence", func(_ net.Conn, stop <-chan struct{}) { <-stop }},
		{"a flood", func(c net.Conn, _ <-chan struct{}) {
			more := chunked(chatEvent(strings.Repeat("more", 500)))
			for err := error(nil); err == nil; {
				_, err = io.WriteString(c, more)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stop := make(chan struct{})
			e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
				if readRequest(r) == nil {
					_, _ = io.WriteString(c, eventStreamHead+chunked(chatEvent("first")+chatEnd))
					tt.more(c, stop)
				}
			}))
			defer close(stop)
			_, _, body := e.post(t, strings.NewReader(chatBody(true)))
			wholeStream(t, body)
			eventually(t, "the log line", func() bool { return len(e.lines(t, "exchange")) == 1 })
			if reason, ok := e.lines(t, "exchange")[0]["error_type"]; ok {
				t.Errorf("logged as a fault: %v", reason)
			}
		})
	}
}

// A kept connection that the upstream has closed costs no request.
func TestKeptConnectionClosedByTheUpstream(t *testing.T) {
	var conns atomic.Int64
	closed := make(chan struct{}, 16)
	e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
		conns.Add(1)
		if readRequest(r) != nil {
			return
		}
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(chatReply), chatReply)
		_ = c.Close()
		closed <- struct{}{}
	}))
	for i := range 8 {
		if status, _, body := e.post(t, strings.NewReader(chatBody(false))); status != 200 {
			t.Fatalf("request %d: %d %s", i, status, body)
		}
		<-closed
	}
	if n := conns.Load(); n != 8 {
		t.Errorf("%d connections for 8 requests", n)
	}
}

// A POST that may have been run is not sent again.
func TestAPostIsNotRepeated(t *testing.T) {
	var requests atomic.Int64
	e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
		for readRequest(r) == nil {
			if requests.Add(1) == 2 {
				return // read, perhaps run, and gone without a word
			}
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(chatReply), chatReply)
		}
	}))
	if status, _, _ := e.post(t, strings.NewReader(chatBody(false))); status != 200 {
		t.Fatalf("first request: %d", status)
	}
	if status, _, _ := e.post(t, strings.NewReader(chatBody(false))); status != 502 {
		t.Errorf("second request: %d, want 502", status)
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("the upstream saw %d requests", n)
	}
}

func TestUnusedConnectionsAreDropped(t *testing.T) {
	ended := make(chan struct{})
	e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
		defer close(ended)
		for readRequest(r) == nil {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(chatReply), chatReply)
		}
	}), func(c *config.Config) { c.Timeouts.UpstreamIdle = config.Duration(30 * time.Millisecond) })
	if status, _, _ := e.post(t, strings.NewReader(chatBody(false))); status != 200 {
		t.Fatalf("status %d", status)
	}
	select {
	case <-ended:
	case <-time.After(soon):
		t.Error("the connection is still open")
	}
}

// An upstream may answer, and even close, before it has read the request.
func TestUpstreamAnswersBeforeItReads(t *testing.T) {
	for _, size := range []int{1 << 10, 100 << 10, 20 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			stop := make(chan struct{})
			e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
				_, _ = io.WriteString(c, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"a\": 1}")
				<-stop
			}))
			defer close(stop)
			body := fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":%q}]}`, virtual, strings.Repeat("x", size))
			if status, _, reply := e.post(t, strings.NewReader(body)); status != 503 || reply != `{"a": 1}` {
				t.Errorf("%d %q", status, reply)
			}
		})
	}
}

func TestBackendThatAnswersAtOnceLosesNoStream(t *testing.T) {
	var body strings.Builder
	for range 20 {
		body.WriteString(chatEvent("word"))
	}
	body.WriteString(chatEnd)
	for _, path := range []string{"/v1/chat/completions", "/elsewhere"} {
		t.Run(path, func(t *testing.T) {
			e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				w.(http.Flusher).Flush()
				_, _ = io.WriteString(w, body.String())
			}))
			large := fmt.Sprintf(`{"model":%q,"stream":true,"messages":[{"role":"user","content":%q}]}`, virtual, strings.Repeat("x", 30<<10))
			for range 200 {
				status, _, got := e.do(t, "POST", path, strings.NewReader(large))
				if status != 200 || strings.Count(got, "word") != 20 {
					t.Fatalf("%d, %d words, %q", status, strings.Count(got, "word"), tail(got))
				}
				wholeStream(t, got)
			}
		})
	}
}

// What becomes of exchanges says whether the upstream is there, on both ways to it.
func TestExchangesTellWhetherTheUpstreamIsThere(t *testing.T) {
	ln := listen(t)
	dead := "http://" + ln.Addr().String()
	_ = ln.Close()
	failing := upstreamOf(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	there := upstreamOf(t, answers)
	for _, way := range []struct{ method, path, body string }{
		{"POST", "/v1/chat/completions", chatBody(false)},
		{"GET", "/nobody/knows/it", ""},
	} {
		e := start(t, dead)
		if e.handler.Upstream().Dead() {
			t.Error("dead before anybody asked")
		}
		ask := func(target string) bool {
			known := e.handler.Upstream()
			if target != "" {
				if err := e.handler.Reload(configured(target)); err != nil {
					t.Fatal(err)
				}
				e.handler.Upstream().Lost()
				known = e.handler.Upstream()
			}
			e.do(t, way.method, way.path, strings.NewReader(way.body), "Content-Type", "application/json")
			return known.Dead()
		}
		if !ask("") {
			t.Errorf("%s: not dead where nobody listens", way.path)
		}
		if !ask(failing) {
			t.Errorf("%s: a proxy's failure is taken for an answer", way.path)
		}
		if ask(there) {
			t.Errorf("%s: still dead after an answer", way.path)
		}
	}
}

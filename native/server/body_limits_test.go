package server

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// sized is a chat request of exactly n bytes.
func sized(t *testing.T, n int) string {
	t.Helper()
	head, end := fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"`, virtual), `"}]}`
	return head + strings.Repeat("x", n-len(head)-len(end)) + end
}

func gzipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstandard(t *testing.T, s string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return string(w.EncodeAll([]byte(s), nil))
}

func TestBodyLimit(t *testing.T) {
	const limit = 64 << 10
	var requests atomic.Int64
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		answers(w, r)
	}), func(c *config.Config) { c.Limits.Body = limit })
	for _, tt := range []struct {
		name   string
		body   string
		header []string
		chunks bool
		status int
	}{
		{name: "at the limit", body: sized(t, limit), status: 200},
		{name: "at the limit, in chunks", body: sized(t, limit), chunks: true, status: 200},
		{name: "one over", body: sized(t, limit+1), status: 413},
		{name: "one over, in chunks", body: sized(t, limit+1), chunks: true, status: 413},
		{name: "gzip, at the limit", body: gzipped(t, sized(t, limit)), header: []string{"Content-Encoding", "gzip"}, status: 200},
		{name: "gzip, one over", body: gzipped(t, sized(t, limit+1)), header: []string{"Content-Encoding", "gzip"}, status: 413},
		{name: "zstd, at the limit", body: zstandard(t, sized(t, limit)), header: []string{"Content-Encoding", "zstd"}, status: 200},
		{name: "zstd, one over", body: zstandard(t, sized(t, limit+1)), header: []string{"Content-Encoding", "zstd"}, status: 413},
		{name: "zstd bomb", body: zstandard(t, strings.Repeat("x", 64<<20)), header: []string{"Content-Encoding", "zstd"}, status: 413},
		{name: "gzip bomb", body: gzipped(t, strings.Repeat("x", 32<<20)), header: []string{"Content-Encoding", "gzip"}, status: 413},
		{name: "broken zstd", body: "not zstd", header: []string{"Content-Encoding", "zstd"}, status: 400},
		{name: "cut zstd", body: zstandard(t, sized(t, limit))[:60], header: []string{"Content-Encoding", "zstd"}, status: 400},
		{name: "zstd, and more behind it", body: zstandard(t, chatBody(false)) + "junk", header: []string{"Content-Encoding", "zstd"}, status: 400},
		{name: "zstd twice", body: zstandard(t, chatBody(false)) + zstandard(t, " "), header: []string{"Content-Encoding", "zstd"}, status: 200},
		{name: "broken gzip", body: "not gzip", header: []string{"Content-Encoding", "gzip"}, status: 400},
		{name: "cut gzip", body: gzipped(t, chatBody(false))[:60], header: []string{"Content-Encoding", "gzip"}, status: 400},
		{name: "gzip, and more behind it", body: gzipped(t, chatBody(false)) + "junk", header: []string{"Content-Encoding", "gzip"}, status: 400},
		{name: "gzip, and zeros behind it", body: gzipped(t, chatBody(false)) + "\x00\x00", header: []string{"Content-Encoding", "gzip"}, status: 400},
		{name: "gzip twice", body: gzipped(t, chatBody(false)) + gzipped(t, " "), header: []string{"Content-Encoding", "gzip"}, status: 200},
		{name: "unknown encoding", body: "x", header: []string{"Content-Encoding", "br"}, status: 415},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := requests.Load()
			var body io.Reader = strings.NewReader(tt.body)
			if tt.chunks {
				body = struct{ io.Reader }{body} // hides the length
			}
			status, _, reply := e.post(t, body, tt.header...)
			if status != tt.status {
				t.Errorf("status %d, want %d: %s", status, tt.status, reply)
			}
			if want := map[bool]int64{true: 1}[tt.status == 200]; requests.Load()-before != want {
				t.Errorf("the upstream saw %d requests, want %d", requests.Load()-before, want)
			}
			if status == 413 && !strings.Contains(reply, "65536") {
				t.Errorf("the limit is not named: %s", reply)
			}
		})
	}
}

// What the upstream is sent is plain, whatever the client sent.
func TestCompressedBodiesGoUpPlain(t *testing.T) {
	var seen atomic.Pointer[string]
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s := r.Header.Get("Content-Encoding") + "|" + fmt.Sprint(r.ContentLength == int64(len(b))) + "|" + string(b)
		seen.Store(&s)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, chatReply)
	}))
	var want string
	for _, tt := range []struct{ encoding, body string }{
		{"", chatBody(false)},
		{"gzip", gzipped(t, chatBody(false))},
		{"zstd", zstandard(t, chatBody(false))},
		{"ZSTD", zstandard(t, chatBody(false))},
	} {
		var header []string
		if tt.encoding != "" {
			header = []string{"Content-Encoding", tt.encoding}
		}
		if status, _, reply := e.post(t, strings.NewReader(tt.body), header...); status != 200 {
			t.Fatalf("%s: %d %s", tt.encoding, status, reply)
		}
		got := *seen.Load()
		if want == "" {
			want = got
		}
		if got != want || !strings.HasPrefix(got, "|true|{") {
			t.Errorf("%s: the upstream got %q, want %q", tt.encoding, got, want)
		}
	}
}

// A client that sends all before it reads still gets to see an early refusal.
func TestClientThatIsStillSendingSeesTheRefusal(t *testing.T) {
	e := start(t, upstreamOf(t, answers), func(c *config.Config) { c.Limits.Body, c.Passthrough = 64<<10, false })
	for _, tt := range []struct {
		path, framing string
		status        int
	}{
		{"/v1/chat/completions", "Content-Length: 20000000\r\n", 413},
		{"/v1/chat/completions", "Transfer-Encoding: chunked\r\n", 413},
		{"/elsewhere", "Content-Length: 20000000\r\n", 404},
		{"/elsewhere", "Transfer-Encoding: chunked\r\n", 404},
	} {
		framing := tt.framing
		c := dial(t, e)
		_, _ = io.WriteString(c, "POST "+tt.path+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+framing+"\r\n")
		piece := strings.Repeat("x", 100_000)
		if strings.HasPrefix(framing, "Transfer") {
			piece = chunked(piece)
		}
		for i := range 200 {
			if _, err := io.WriteString(c, piece); err != nil {
				t.Fatalf("%s: the gateway stopped reading at piece %d: %v", strings.TrimSpace(framing), i, err)
			}
		}
		if strings.HasPrefix(framing, "Transfer") {
			_, _ = io.WriteString(c, "0\r\n\r\n")
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); resp.StatusCode != tt.status || !resp.Close || err != nil {
			t.Errorf("%d, close %t, %v: %s", resp.StatusCode, resp.Close, err, b)
		}
	}
}

func TestReplyOverTheLimit(t *testing.T) {
	large := `{"model":"` + served + `","x":"` + strings.Repeat("x", 100<<10) + `"}`
	for _, known := range []bool{true, false} {
		e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if known {
				w.Header().Set("Content-Length", fmt.Sprint(len(large)))
			}
			_, _ = io.WriteString(w, large)
		}), func(c *config.Config) { c.Limits.Body = 64 << 10 })
		if status, _, body := e.post(t, strings.NewReader(chatBody(false))); status != 502 || !strings.Contains(body, "limit") {
			t.Errorf("length known %t: %d %s", known, status, body)
		}
	}
}

func TestABadlyFramedBodyThatIsPassedOnIsTheClientsFault(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer up.Close()
	e := start(t, up.URL)
	c, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(soon))
	_, _ = io.WriteString(c, "POST /other HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d, want 400", resp.StatusCode)
	}
}

// Also where the core has not seen the body, the error is in the client's dialect.
func TestABodyThatCannotBeReadIsAnErrorInTheClientsDialect(t *testing.T) {
	e := start(t, upstreamOf(t, answers), short)
	for path, want := range map[string]string{
		"/v1/chat/completions": `{"error":{"message":"…","type":"invalid_request_error","param":null,"code":STATUS}}`,
		"/v1/responses":        `{"error":{"message":"…","type":"invalid_request_error","param":null,"code":null}}`,
		"/v1/messages":         `{"type":"error","error":{"type":"TYPE","message":"…"},"request_id":"…"}`,
	} {
		for status, rest := range map[int]string{400: "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 408: "Content-Length: 1000\r\n\r\n{"} {
			c := dial(t, e)
			_, _ = io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: x\r\n"+rest)
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			got := words.ReplaceAllString(string(b), `"$1":"…"`)
			kind := map[int]string{400: "invalid_request_error", 408: "timeout_error"}[status]
			if want := strings.NewReplacer("STATUS", strconv.Itoa(status), "TYPE", kind).Replace(want); resp.StatusCode != status || !resp.Close || got != want {
				t.Errorf("%s: status %d, close %t, %s; want %d, %s", path, resp.StatusCode, resp.Close, b, status, want)
			}
		}
	}
}

var words = regexp.MustCompile(`"(message|request_id)":"[^"]+"`)

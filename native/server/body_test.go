package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// waiting puts waits in force for the bodies that come. The server's own for heads stay long.
func (e *edge) waiting(t testing.TB, header, idle time.Duration) {
	t.Helper()
	c := *e.config
	c.Timeouts.Header, c.Timeouts.Idle = config.Duration(header), config.Duration(idle)
	if err := e.handler.Reload(&c); err != nil {
		t.Fatal(err)
	}
}

// swallows is an upstream that reads its request first.
func swallows(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	answers(w, r)
}

var bodyPaths = []string{"/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/responses", "/tokenize", "/elsewhere"}

// Neither a body that never begins nor one that stops holds an exchange, whoever reads it.
func TestABodyHasADeadlineFromItsFirstByteOn(t *testing.T) {
	const wait, none = 50 * time.Millisecond, 0
	for _, tt := range []struct {
		name, framing string
		header, idle  time.Duration
	}{
		{"never begins", "Content-Length: 1000\r\n\r\n", wait, none},
		{"never begins, in chunks", "Transfer-Encoding: chunked\r\n\r\n", wait, none},
		{"never begins, though it was told to", "Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n", wait, none},
		{"stops", "Content-Length: 1000\r\n\r\n{", none, wait},
		{"stops, in chunks", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", none, wait},
		{"stops in a chunk", "Transfer-Encoding: chunked\r\n\r\nff\r\n{", none, wait},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := start(t, upstreamOf(t, swallows))
			e.waiting(t, tt.header, tt.idle)
			for _, path := range bodyPaths {
				c := dial(t, e)
				_, _ = io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: x\r\n"+tt.framing)
				r := bufio.NewReader(c)
				resp, err := http.ReadResponse(r, nil)
				for err == nil && resp.StatusCode == 100 {
					resp, err = http.ReadResponse(r, nil)
				}
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				b, err := io.ReadAll(resp.Body)
				if resp.StatusCode != 408 || !resp.Close || err != nil || !bytes.Contains(b, []byte("did not come in time")) {
					t.Errorf("%s: %d, close %t, %v: %s", path, resp.StatusCode, resp.Close, err, b)
				}
				if _, err := r.ReadByte(); err != io.EOF {
					t.Errorf("%s: the connection goes on: %v", path, err)
				}
			}
		})
	}
}

// http2 is a client that speaks HTTP/2 from the start.
func http2(t testing.TB) *http.Client {
	tr := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// A stream of HTTP/2 that stops ends alone: the connection's others go on.
func TestABodyOfHTTP2HasADeadlineFromItsFirstByteOn(t *testing.T) {
	const wait, none = 50 * time.Millisecond, 0
	for _, begun := range []bool{false, true} {
		e := start(t, upstreamOf(t, swallows))
		e.waiting(t, wait, none)
		if begun {
			e.waiting(t, none, wait)
		}
		client := http2(t)
		for _, path := range bodyPaths {
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			body, w := io.Pipe()
			go func() {
				if begun {
					_, _ = w.Write([]byte("{"))
				}
				<-ctx.Done()
				_ = w.CloseWithError(io.ErrUnexpectedEOF)
			}()
			req, err := http.NewRequestWithContext(ctx, "POST", e.url+path, body)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatalf("%s, begun: %t: %v", path, begun, err)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 408 || err != nil || !bytes.Contains(b, []byte("did not come in time")) {
				t.Errorf("%s, begun: %t: %d %v %s", path, begun, resp.StatusCode, err, b)
			}
			cancel()
			resp, err = client.Post(e.url+"/v1/chat/completions", "application/json", strings.NewReader(chatBody(false)))
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("%s, begun: %t: what follows: %v", path, begun, err)
			}
			resp.Body.Close()
		}
	}
}

// Without a limit on anything, a reply that needs no body does not wait for it. It says that
// the connection ends, which it does.
func TestAReplyThatNeedsNoBodyDoesNotWaitForIt(t *testing.T) {
	for _, tt := range []struct {
		request string
		status  int
	}{
		{"DELETE /v1/chat/completions", 405},
		{"PUT /v1/messages", 405},
		{"POST /v1/models", 405},
		{"POST /health", 405},
		{"GET /health", 200},
		{"GET /v1/models", 200},
		{"POST /elsewhere", 404},
		{"POST /v1/files", 404},
		{"POST /v1/chat/completions", 413},
		{"OPTIONS /v1/chat/completions", 204},
		{"CONNECT other.example:443", 405},
	} {
		for _, framing := range []string{"Content-Length: 4\r\n", "Content-Length: 200000\r\n", "Transfer-Encoding: chunked\r\n"} {
			if tt.status == 413 && framing != "Content-Length: 200000\r\n" {
				continue
			}
			if strings.HasPrefix(tt.request, "CONNECT") && strings.HasPrefix(framing, "Transfer") {
				continue // net/http's answer
			}
			e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"object":"list","data":[]}`)
			}), func(c *config.Config) { c.Passthrough, c.Limits.Body = false, 100_000 })
			e.waiting(t, 0, 0)
			c := dial(t, e)
			_, _ = io.WriteString(c, tt.request+" HTTP/1.1\r\nHost: x\r\nOrigin: http://localhost\r\nAccess-Control-Request-Method: POST\r\n"+framing+"\r\n")
			r := bufio.NewReader(c)
			resp, err := http.ReadResponse(r, &http.Request{Method: strings.Fields(tt.request)[0]})
			if err != nil {
				t.Fatalf("%s, %s: %v", tt.request, framing, err)
			}
			_, err = io.ReadAll(resp.Body)
			if resp.StatusCode != tt.status || !resp.Close || err != nil {
				t.Errorf("%s, %s: %d, close %t, %v", tt.request, framing, resp.StatusCode, resp.Close, err)
			}
			body := strings.Repeat("x", 200_000)
			switch framing {
			case "Content-Length: 4\r\n":
				body = "null"
			case "Transfer-Encoding: chunked\r\n":
				body = chunked("null") + "0\r\n\r\n"
			}
			_, _ = io.WriteString(c, body+"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
			if rest, err := io.ReadAll(r); len(rest) > 0 {
				t.Errorf("%s, %s: another reply on the connection, %v: %s", tt.request, framing, err, rest)
			}
		}
	}
}

// A connection whose bodies come is kept, also where the reply did not need them to be right.
func TestAConnectionIsKeptWhenTheBodyWasRead(t *testing.T) {
	e := start(t, upstreamOf(t, swallows))
	c := dial(t, e)
	r := bufio.NewReader(c)
	for range 2 {
		for _, path := range bodyPaths {
			for _, body := range []string{chatBody(false), "[", strings.Repeat(" ", 300<<10) + chatBody(false)} {
				_, _ = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
				resp, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.Close {
					t.Fatalf("%s: close %t, %v", path, resp.Close, err)
				}
			}
		}
	}
}

// A server that answers before it has the request's body ends the exchange with its answer,
// whether or not the client sends the rest.
func TestAnEarlyReplyToAPassedRequestDoesNotWaitForTheBody(t *testing.T) {
	for _, framing := range []string{"Content-Length: 1000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n", "Expect: 100-continue\r\nContent-Length: 9\r\n\r\n"} {
		t.Run(framing, func(t *testing.T) {
			t.Parallel()
			e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
				if _, err := http.ReadRequest(r); err == nil {
					_, _ = io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
					_, _ = io.Copy(io.Discard, r)
				}
			}))
			e.waiting(t, 0, 0)
			c := dial(t, e)
			_, _ = io.WriteString(c, "POST /elsewhere HTTP/1.1\r\nHost: x\r\n"+framing)
			r := bufio.NewReader(c)
			resp, err := http.ReadResponse(r, nil)
			for err == nil && resp.StatusCode == 100 {
				resp, err = http.ReadResponse(r, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(resp.Body); resp.StatusCode != 403 || string(b) != "no" || err != nil {
				t.Errorf("%d %q %v", resp.StatusCode, b, err)
			}
			if _, err := r.ReadByte(); err != io.EOF { // after a while, in which the body is waited for
				t.Errorf("the connection goes on: %v", err)
			}
			eventually(t, "the exchange is over", func() bool { return e.handler.InFlight() == 0 })
		})
	}
}

// A stream of HTTP/2 ends by itself: a reply to a body that nobody wants is whole at once.
func TestNobodyReadsOnBehindAReplyOfHTTP2(t *testing.T) {
	for major, reads := range map[int]bool{1: true, 2: false} {
		read := false
		r := httptest.NewRequest("POST", "/", readerFunc(func([]byte) (int, error) {
			read = true
			return 0, io.EOF
		}))
		r.ProtoMajor, r.ContentLength = major, 9
		h := &bodyHandler{config: config.Default, next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(405) })}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 405 || read != reads {
			t.Errorf("HTTP/%d: %d, the body was read: %t", major, w.Code, read)
		}
	}
}

// recorder notes the deadlines that are set.
type recorder struct{ set []time.Duration }

var epoch = time.Unix(1_700_000_000, 0)

func (r *recorder) SetReadDeadline(t time.Time) error {
	if t.IsZero() {
		r.set = append(r.set, -1)
	} else {
		r.set = append(r.set, t.Sub(epoch))
	}
	return nil
}

func (*recorder) EnableFullDuplex() error { return nil }
func (*recorder) Flush() error            { return nil }

// A piece is what one read gives, and how long it takes.
type piece struct {
	bytes int
	after time.Duration
}

func TestDeadlinesOfABody(t *testing.T) {
	const first, idle, off = 10 * time.Second, 100 * time.Second, -1
	for _, tt := range []struct {
		name        string
		first, idle time.Duration
		pieces      []piece
		want        []time.Duration
	}{
		{"at once", first, idle, []piece{{100, 0}}, []time.Duration{first, idle, off}},
		{"many pieces at once", first, idle, []piece{{1, time.Second}, {1, 0}, {1, 0}}, []time.Duration{first, time.Second + idle, off}},
		{"the next piece has idle from when the one before came", first, idle, []piece{{100 << 10, 9 * time.Second}, {1, 50 * time.Second}},
			[]time.Duration{first, 109 * time.Second, 159 * time.Second, off}},
		{"a byte now and then is too slow on the whole", first, idle, []piece{{1, 0}, {1, 60 * time.Second}, {1, 39 * time.Second}},
			[]time.Duration{first, idle, idle, idle, off}},
		{"a slow one of a good size is not", first, idle, []piece{{64 << 10, 0}, {64 << 10, 60 * time.Second}, {64 << 10, 60 * time.Second}},
			[]time.Duration{first, 100 * time.Second, 160 * time.Second, 220 * time.Second, off}},
		{"no limit on pauses", first, 0, []piece{{1, 0}, {1, time.Hour}}, []time.Duration{first, off}},
		{"no limit on the first byte", 0, idle, []piece{{1 << 20, time.Hour}, {1, 0}}, []time.Duration{time.Hour + idle, off}},
		{"no limit", 0, 0, []piece{{1, time.Hour}, {1, time.Hour}}, nil},
	} {
		r, now := &recorder{}, epoch
		pieces := tt.pieces
		b := &requestBody{w: noReply{}, control: r, now: func() time.Time { return now }, first: tt.first, idle: tt.idle,
			ReadCloser: io.NopCloser(readerFunc(func([]byte) (int, error) {
				if len(pieces) == 0 {
					return 0, io.EOF
				}
				p := pieces[0]
				pieces, now = pieces[1:], now.Add(p.after)
				return p.bytes, nil
			}))}
		for err := error(nil); err == nil; {
			_, err = b.Read(nil)
		}
		if fmt.Sprint(r.set) != fmt.Sprint(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, r.set, tt.want)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type noReply struct{ http.ResponseWriter }

func (noReply) Header() http.Header { return http.Header{} }

func TestFaultsOfBodies(t *testing.T) {
	for err, want := range map[error]hub.Fault{
		nil: hub.NoFault, io.EOF: hub.NoFault, http.ErrBodyReadAfterClose: hub.NoFault,
		fmt.Errorf("read: %w", os.ErrDeadlineExceeded): hub.SlowBody, io.ErrUnexpectedEOF: hub.BrokenBody,
	} {
		if got := faultOf(err); got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
}

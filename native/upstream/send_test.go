package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

const soon = 20 * time.Second

func timeouts() config.Timeouts { return config.Default().Timeouts }

// ways are the direct one and the one by net/http, which https and proxies take.
// Whatever holds for one must hold for the other.
func ways(t *testing.T, target string) map[string]*Client {
	t.Helper()
	out := map[string]*Client{}
	for _, name := range []string{"direct", "by net/http"} {
		c, err := New(target, timeouts())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if name != "direct" {
			c.direct = nil
		} else if c.direct == nil {
			t.Fatal("plain http does not go the direct way")
		}
		out[name] = c
	}
	return out
}

func serve(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

func read(t *testing.T, r *Reply) string {
	t.Helper()
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestBothWaysSendTheSame(t *testing.T) {
	type request struct {
		Method, URI, Host, Body string
		Length                  int64
		Header                  http.Header
	}
	arrived := make(chan request, 1)
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		arrived <- request{r.Method, r.RequestURI, r.Host, string(b), r.ContentLength, r.Header}
		w.Header().Set("X-Reply", "1")
		w.WriteHeader(201)
		_, _ = io.WriteString(w, "answer")
	})
	client := http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {"999"}, "X-Many": {"1", "2"}, "Expect": {"100-continue"},
		"Connection": {"X-Named, keep-alive"}, "X-Named": {"1"}, "Te": {"trailers"}, "Accept-Encoding": {"gzip"}, "X-Api-Key": {"k"},
	}
	for name, c := range ways(t, target+"/base?k=1") {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the second time over a kept connection
				reply, err := c.Send(t.Context(), &Request{Method: "POST", Target: "/a%2Fb?x=1", Header: client,
					Edit: hub.HeaderEdit{Drop: []string{"accept-encoding", "content-length", "x-api-key"}, Set: [][2]string{{"authorization", "Bearer k"}}}, Body: []byte("question")})
				if err != nil {
					t.Fatal(err)
				}
				if reply.Status != 201 || reply.Header.Get("X-Reply") != "1" || reply.Length != 6 || read(t, reply) != "answer" {
					t.Errorf("reply: %+v", reply)
				}
				want := request{"POST", "/base/a%2Fb?k=1&x=1", strings.TrimPrefix(target, "http://"), "question", 8, http.Header{
					"Content-Type": {"application/json"}, "Content-Length": {"8"}, "X-Many": {"1", "2"}, "Authorization": {"Bearer k"}}}
				if diff := cmp.Diff(want, <-arrived); diff != "" {
					t.Errorf("the upstream got (-want +got):\n%s", diff)
				}
			}
			reply, err := c.Send(t.Context(), &Request{Method: "GET", Target: "/v1/models", Header: http.Header{}})
			if err != nil {
				t.Fatal(err)
			}
			read(t, reply)
			want := request{"GET", "/base/v1/models?k=1", strings.TrimPrefix(target, "http://"), "", 0, http.Header{}}
			if diff := cmp.Diff(want, <-arrived); diff != "" {
				t.Errorf("without a body, the upstream got (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheContextEndsRequestAndReply(t *testing.T) {
	gone := make(chan struct{}, 1)
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/head" {
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
		gone <- struct{}{}
	})
	for name, c := range ways(t, target) {
		for _, path := range []string{"/none", "/head"} {
			t.Run(name+path, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(20*time.Millisecond, cancel)
				reply, err := c.Send(ctx, &Request{Method: "POST", Target: path, Body: []byte("x")})
				if err == nil {
					_, err = io.ReadAll(reply)
					reply.Close()
				}
				if err == nil {
					t.Error("no error")
				}
				select {
				case <-gone:
				case <-time.After(soon):
					t.Error("the upstream was not told")
				}
			})
		}
	}
}

// The body may be overwritten once Sent says so.
func TestTheBodyIsReadUntilSent(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprint(w, strings.Count(string(b), "x"))
	})
	for name, c := range ways(t, target) {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 4096, writeFirst, writeFirst + 1, 8 << 20} {
				body := []byte(strings.Repeat("x", size))
				reply, err := c.Send(t.Context(), &Request{Method: "POST", Target: "/", Body: body})
				if err != nil {
					t.Fatal(err)
				}
				if reply.Sent() {
					clear(body)
				}
				if got := read(t, reply); got != fmt.Sprint(size) {
					t.Errorf("%s of %d bytes arrived", got, size)
				}
			}
		})
	}
}

func TestWhatCannotBeSentIsRefused(t *testing.T) {
	c, err := New("http://127.0.0.1:1", timeouts())
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*Request{
		"a space in the target":      {Method: "GET", Target: "/a b"},
		"a line break in the target": {Method: "GET", Target: "/a\r\nX: 1"},
		"a line break in a field":    {Method: "GET", Target: "/", Edit: hub.HeaderEdit{Set: [][2]string{{"authorization", "a\r\nX: 1"}}}},
	} {
		if _, err := c.Send(t.Context(), r); err == nil || strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInterimRepliesAreSkipped(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(w, "answer")
	})
	for name, c := range ways(t, target) {
		reply, err := c.Send(t.Context(), &Request{Method: "POST", Target: "/", Body: []byte("x")})
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, reply); reply.Status != 200 || got != "answer" {
			t.Errorf("%s: %d %q", name, reply.Status, got)
		}
	}
}

func TestAnEndlessHeadIsAnError(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = rw.WriteString("HTTP/1.1 200 OK\r\n")
		for i := 0; err == nil; i++ {
			_, err = fmt.Fprintf(rw, "X-%d: %s\r\n", i, strings.Repeat("x", 1000))
		}
	})
	c := ways(t, target)["direct"]
	if _, err := c.Send(t.Context(), &Request{Method: "POST", Target: "/", Body: []byte("x")}); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("error: %v", err)
	}
}

func TestBadAddresses(t *testing.T) {
	for _, target := range []string{"", "127.0.0.1:8000", "ftp://x", "http://", "http://user:sekret@x", "http://x:port"} {
		if _, err := New(target, timeouts()); err == nil || strings.Contains(err.Error(), "sekret") {
			t.Errorf("%q: %v", target, err)
		}
	}
}

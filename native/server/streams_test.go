package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// Each event must reach the client before the upstream sends the next: the
// upstream waits for the client's word in between.
func TestEventsAreNotHeldBack(t *testing.T) {
	for _, path := range []string{"/v1/chat/completions", "/elsewhere"} {
		t.Run(path, func(t *testing.T) {
			next := make(chan struct{})
			e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "text/event-stream")
				w.(http.Flusher).Flush() // vLLM's head goes out before the first token
				for i := range 5 {
					<-next
					_, _ = io.WriteString(w, chatEvent(fmt.Sprint("word", i)))
					w.(http.Flusher).Flush()
				}
				<-next
				_, _ = io.WriteString(w, chatEnd)
			}))
			resp, err := newClient(t).Post(e.url+path, "application/json", strings.NewReader(chatBody(true)))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			r := bufio.NewReader(resp.Body)
			for i := range 5 {
				next <- struct{}{}
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						t.Fatal(err)
					}
					if strings.Contains(line, fmt.Sprint("word", i)) {
						break
					}
				}
			}
			next <- struct{}{}
			rest, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			wholeStream(t, string(rest))
		})
	}
}

// An upstream that is faster than its client must be read and written in large
// pieces, of which none may be lost, doubled or out of order.
func TestBurstsComeThroughWhole(t *testing.T) {
	var burst, want strings.Builder
	for i := range 1000 {
		text := fmt.Sprint(" word", i, strings.Repeat("x", i%700))
		if i%250 == 7 {
			text += strings.Repeat("y", 70_000)
		}
		burst.WriteString(chatEvent(text))
		want.WriteString(text)
	}
	burst.WriteString(chatEnd)
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	clients := map[string]*http.Client{"HTTP/1.1": newClient(t), "HTTP/2.0": {Transport: tr}}
	for _, size := range []int{100, 5000, 1 << 20} { // of the upstream's chunks
		e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/event-stream")
			for b := []byte(burst.String()); len(b) > 0; {
				n := min(size, len(b))
				_, _ = w.Write(b[:n])
				w.(http.Flusher).Flush()
				b = b[n:]
			}
		}))
		for proto, c := range clients {
			for range 2 { // the connections are used again
				resp, err := c.Post(e.url+"/v1/chat/completions", "application/json", strings.NewReader(chatBody(true)))
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.Proto != proto {
					t.Fatal(err, resp.Proto)
				}
				wholeStream(t, string(b))
				var got strings.Builder
				for line := range strings.Lines(string(b)) {
					var ev struct {
						Choices []struct{ Delta struct{ Content string } }
					}
					if data, ok := strings.CutPrefix(line, "data: {"); ok && json.Unmarshal([]byte("{"+data), &ev) == nil {
						for _, c := range ev.Choices {
							got.WriteString(c.Delta.Content)
						}
					}
				}
				if got.String() != want.String() {
					t.Errorf("%s, chunks of %d: %d bytes of text, want %d", proto, size, got.Len(), want.Len())
				}
			}
		}
	}
}

// Two thousand streams are open at the same moment, and each comes to its end.
func TestTwoThousandOpenStreams(t *testing.T) {
	const streams = 2000
	var open atomic.Int64
	all := make(chan struct{})
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, chatEvent("first"))
		w.(http.Flusher).Flush()
		if open.Add(1) == streams {
			close(all)
		}
		<-all
		_, _ = io.WriteString(w, chatEvent("last")+chatEnd)
	}), func(c *config.Config) { c.Log.Level = "WARN" })
	c := newClient(t)
	var whole atomic.Int64
	var wg sync.WaitGroup
	for range streams {
		wg.Go(func() {
			resp, err := c.Post(e.url+"/v1/chat/completions", "application/json", strings.NewReader(chatBody(true)))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			s := string(b)
			if err == nil && strings.Contains(s, "first") && strings.Contains(s, "last") && strings.HasSuffix(s, "data: [DONE]\n\n") {
				whole.Add(1)
			}
		})
	}
	wg.Wait()
	if whole.Load() != streams {
		t.Errorf("%d of %d streams came whole", whole.Load(), streams)
	}
}

// Buffers are shared between requests, what is in them must not be.
func TestEachReplyNamesItsOwnModel(t *testing.T) {
	e := start(t, upstreamOf(t, answers), func(c *config.Config) {
		c.Log.Level = "WARN"
		c.Models = []config.Model{{Name: "team", Profile: "thinking-coding", Aliases: []string{"team-*"}}}
	})
	c := newClient(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				name := fmt.Sprintf("team-%d-%d", i, j)
				body := strings.Replace(chatBody(j%2 == 0), virtual, name, 1)
				resp, err := c.Post(e.url+"/v1/chat/completions", "application/json", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !strings.Contains(string(b), `"model":"`+name+`"`) || strings.Contains(string(b), served) {
					t.Errorf("%s: %v %s", name, err, b)
				}
			}
		})
	}
	wg.Wait()
}

func TestLargeBodyComesThroughWhole(t *testing.T) {
	const size, replySize = 20 << 20, 2 << 20
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"model":%q,"x":%d,"whole":%t,"choices":[{"index":0,"message":{"content":"%s"},"finish_reason":"stop"}]}`, served, strings.Count(string(b), "x"), err == nil, strings.Repeat("y", replySize))
	}))
	body := sized(t, size)
	status, _, reply := e.post(t, strings.NewReader(body))
	want := fmt.Sprintf(`{"model":%q,"x":%d,"whole":true`, virtual, strings.Count(body, "x"))
	if status != 200 || !strings.HasPrefix(reply, want) || strings.Count(reply, "y") != replySize {
		t.Errorf("%d %.200s, want %s", status, reply, want)
	}
}

func TestReloadUnderLoadLosesNoRequest(t *testing.T) {
	e := start(t, upstreamOf(t, answers), func(c *config.Config) { c.Log.Level = "WARN" })
	stop := make(chan struct{})
	var done atomic.Int64
	var wg sync.WaitGroup
	c := newClient(t)
	for i := range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				resp, err := c.Post(e.url+"/v1/chat/completions", "application/json", strings.NewReader(chatBody(i%2 == 0)))
				if err != nil {
					t.Error(err)
					return
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != 200 || !strings.Contains(string(b), "hi") {
					t.Errorf("%d %v %s", resp.StatusCode, err, b)
					return
				}
				done.Add(1)
			}
		})
	}
	for i := range 50 {
		at := done.Load()
		next := configured(e.config.Upstreams[0].URL)
		next.EnforceSampling = i%2 == 0
		if err := e.handler.Reload(next); err != nil {
			t.Fatal(err)
		}
		eventually(t, "requests after the reload", func() bool { return done.Load() > at+8 || t.Failed() })
	}
	close(stop)
	wg.Wait()
}

func TestABadConfigurationLeavesTheOldOne(t *testing.T) {
	e := start(t, upstreamOf(t, answers))
	bad := configured(e.config.Upstreams[0].URL)
	bad.Models = []config.Model{{Name: "mine", Profile: "no-such-profile"}}
	if err := e.handler.Reload(bad); err == nil || !strings.Contains(err.Error(), "no-such-profile") {
		t.Errorf("error: %v", err)
	}
	if e.handler.Config() != e.config {
		t.Error("the configuration in force has changed")
	}
	if status, _, body := e.post(t, strings.NewReader(chatBody(false))); status != 200 {
		t.Errorf("%d %s", status, body)
	}
}

// A request keeps the configuration that it began with.
func TestReloadLeavesARunningStreamAlone(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, chatEvent("first"))
		w.(http.Flusher).Flush()
		close(begun)
		<-finish
		_, _ = io.WriteString(w, chatEvent("last")+chatEnd)
	}))
	result := make(chan string)
	go func() {
		_, _, body := e.post(t, strings.NewReader(chatBody(true)))
		result <- body
	}()
	<-begun
	next := configured("http://127.0.0.1:1")
	next.BuiltinModels.ThinkingCoding = "another-name"
	if err := e.handler.Reload(next); err != nil {
		t.Fatal(err)
	}
	close(finish)
	body := <-result
	wholeStream(t, body)
	if !strings.Contains(body, "last") || strings.Contains(body, "another-name") || strings.Contains(body, "error") {
		t.Errorf("the stream was touched: %q", body)
	}
}

package probe

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/native/simulator"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// soon bounds the wait for what must happen; nothing is said about how fast it does.
const soon = 20 * time.Second

// lines are a log's, each as it is written.
type lines chan map[string]any

func (l lines) Write(p []byte) (int, error) {
	var line map[string]any
	if err := json.Unmarshal(bytes.TrimSpace(p), &line); err != nil {
		panic(err)
	}
	l <- line
	return len(p), nil
}

func (l lines) next(t *testing.T) map[string]any {
	t.Helper()
	select {
	case line := <-l:
		return line
	case <-time.After(soon):
		t.Fatal("no line in the log")
		return nil
	}
}

// is holds the next line to what is given by key, texts to what they hold.
func (l lines) is(t *testing.T, want ...string) {
	t.Helper()
	line := l.next(t)
	for i := 0; i < len(want); i += 2 {
		if got, _ := line[want[i]].(string); !strings.Contains(got, want[i+1]) {
			t.Fatalf("%s: %q, want %q in %v", want[i], got, want[i+1], line)
		}
	}
}

// A ticking prober's pauses end when a test says so.
type ticking struct {
	*Prober
	log    lines
	state  *State
	named  chan string
	pauses chan time.Duration
	end    chan time.Time
}

func startTicking(t *testing.T, url string, set func(*config.Upstream)) *ticking {
	t.Helper()
	k := &ticking{log: make(lines, 100), state: NewState(), named: make(chan string, 100), pauses: make(chan time.Duration, 100), end: make(chan time.Time)}
	log, err := logging.New(k.log, "json", slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	k.Prober = start(server(t, url, set), k.state, log, func(model string) { k.named <- model }, func(d time.Duration) <-chan time.Time {
		k.pauses <- d
		return k.end
	})
	t.Cleanup(k.Stop)
	return k
}

// tick ends the next pause, and returns how long it would have been.
func (k *ticking) tick(t *testing.T) time.Duration {
	t.Helper()
	for {
		select {
		case d := <-k.pauses:
			select {
			case k.end <- time.Time{}:
				return d
			case <-time.After(soon):
				t.Fatal("nobody waits")
			}
		case <-time.After(soon):
			t.Fatal("no pause")
		}
	}
}

// switched is a server whose handler changes while it runs.
type switched struct{ atomic.Pointer[http.Handler] }

func (s *switched) to(h http.Handler) { s.Store(&h) }
func (s *switched) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*s.Load()).ServeHTTP(w, r)
}

// counting counts what a server is asked for.
type counting struct {
	http.Handler
	mu    sync.Mutex
	paths []string
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.paths = append(c.paths, r.URL.Path)
	c.mu.Unlock()
	c.Handler.ServeHTTP(w, r)
}

func (c *counting) asked(path string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.paths {
		if p == path {
			n++
		}
	}
	return n
}

func TestAServerThatIsWellIsAskedOnce(t *testing.T) {
	c := &counting{Handler: simulator.New(simulator.Options{})}
	k := startTicking(t, serve(t, c), nil)
	k.log.is(t, "level", "INFO", "msg", "the upstream is ready", "version", "vLLM 0.32.0", "model", "Qwen/Qwen3.5-397B-A17B-FP8, window 262144", "upstream", "default")
	k.Stop()
	for path, n := range map[string]int{"/health": 1, "/v1/models": 1, "/version": 1, "/tokenize": 2, "/v1/chat/completions": 2} {
		if got := c.asked(path); got != n {
			t.Errorf("%s was asked for %d times", path, got)
		}
	}
	if len(k.log)+len(k.pauses) > 0 || k.state.Dead() || len(k.state.Findings()) != 7 {
		t.Errorf("%d lines more, %d pauses, %+v", len(k.log), len(k.pauses), k.state.Findings())
	}
}

func TestItAsksUntilTheModelIsThere(t *testing.T) {
	var s switched
	s.to(says(503, `{"error":{"message":"loading"}}`))
	k := startTicking(t, serve(t, &s), nil)
	k.log.is(t, "level", "WARN", "msg", "upstream check failed", "check", "reach", "found", "loading", "fix", "look at its log")
	if d := k.tick(t); d != time.Second || !k.state.Dead() {
		t.Errorf("a pause of %s, dead %t", d, k.state.Dead())
	}
	k.tick(t) // the same is not said again
	s.to(simulator.New(simulator.Options{ServedModel: "other"}))
	k.tick(t)
	k.log.is(t, "level", "INFO", "msg", "the upstream answers again", "check", "reach")
	k.log.is(t, "level", "WARN", "check", "model", "found", "it has other", "fix", "to other")
	if k.state.Dead() {
		t.Error("dead")
	}
	s.to(simulator.New(simulator.Options{Fault: []string{"no-tool-parser"}, MaxModelLen: 4096}))
	longest := time.Duration(0)
	for range 20 {
		select {
		case line := <-k.log:
			if line["check"] != "model" || line["msg"] != "upstream check passed" {
				t.Fatalf("%v", line)
			}
			k.log.is(t, "level", "WARN", "check", "window", "found", "4096")
			k.log.is(t, "level", "WARN", "check", "tool parser", "fix", "--tool-call-parser qwen3_coder")
			return
		case d := <-k.pauses:
			longest = max(longest, d)
			k.end <- time.Time{}
		}
	}
	t.Errorf("never well; the longest pause was %s", longest)
}

func TestPausesHaveABound(t *testing.T) {
	k := startTicking(t, closed(t), nil)
	k.log.is(t, "level", "WARN", "check", "reach", "found", "nothing listens")
	var longest, whole time.Duration
	for range 15 {
		d := k.tick(t)
		if d == firstPause { // the first part of each
			whole = 0
		}
		whole += d
		longest = max(longest, whole)
	}
	if longest != lastPause {
		t.Errorf("the longest pause is %s", longest)
	}
	if len(k.log) > 0 {
		t.Errorf("said again: %v", k.log.next(t))
	}
}

func TestClientsBringTheKey(t *testing.T) {
	k := startTicking(t, serve(t, simulator.New(simulator.Options{APIKey: ourKey})), nil)
	k.log.is(t, "level", "INFO", "check", "key", "found", "none is configured: clients have to send the server's own")
	k.Stop()
	if len(k.log)+len(k.pauses) > 0 {
		t.Errorf("%d lines more, %d pauses", len(k.log), len(k.pauses))
	}
}

// What exchanges find out makes it ask again, and only that.
func TestAnExchangeFindsNobody(t *testing.T) {
	c := &counting{Handler: simulator.New(simulator.Options{})}
	s := httptest.NewServer(c)
	k := startTicking(t, s.URL, nil)
	k.log.is(t, "msg", "the upstream is ready")
	k.state.Answered()
	k.state.Lost()
	k.state.Lost()
	// It is there all the same: nothing to say, and no token to spend.
	eventually(t, "alive", func() bool { return !k.state.Dead() && c.asked("/health") == 2 })
	if n := c.asked("/v1/chat/completions"); n != 2 {
		t.Errorf("%d chats", n)
	}
	s.CloseClientConnections()
	s.Close()
	k.state.Lost()
	k.log.is(t, "level", "WARN", "check", "reach", "found", "nothing listens")
	if !k.state.Dead() {
		t.Error("not dead")
	}
	k.state.Answered() // by an exchange, which comes before the next round
	if k.state.Dead() {
		t.Error("dead")
	}
}

func TestStopWaitsForNobody(t *testing.T) {
	asked := make(chan struct{})
	k := startTicking(t, serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})), nil)
	<-asked
	k.Stop()
	if len(k.log) > 0 || k.state.Dead() {
		t.Error("what was cut off was told")
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(soon); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// A model that nobody has named is the server's only one, as soon as there is one.
func TestTheOnlyModelIsFound(t *testing.T) {
	var s switched
	models := func(names ...string) http.Handler {
		list := make([]string, len(names))
		for i, name := range names {
			list[i] = `{"id":"` + name + `"}`
		}
		return says(200, `{"object":"list","data":[`+strings.Join(list, ",")+`]}`)
	}
	s.to(models())
	k := startTicking(t, serve(t, &s), func(u *config.Upstream) { u.Model = "" })
	for _, step := range []struct {
		to   http.Handler
		want string // the name, or why there is none
	}{
		{says(503, `{"error":{"message":"loading"}}`), "the server can't be asked, and the gateway's log says why"},
		{models("a", "b"), "the server has several models: a, b"},
		{says(401, `{}`), "the server tells its model's name to those with a key only"},
		{models("c"), "c"},
	} {
		s.to(step.to)
		for got := ""; got != step.want; {
			select {
			case <-k.pauses:
				got = k.state.Nameless()
				k.end <- time.Time{}
			case name := <-k.named:
				if name != "" {
					got = name
				}
			case <-k.log:
			case <-time.After(soon):
				t.Fatalf("never: %s", step.want)
			}
		}
	}
}

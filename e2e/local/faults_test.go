package local

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/qwenvoy/qwenvoy/e2e/carrier"
	"github.com/qwenvoy/qwenvoy/e2e/process"
	"github.com/qwenvoy/qwenvoy/e2e/scenario"
	"github.com/qwenvoy/qwenvoy/e2e/upstream"
)

// patience is how long a test waits for what must happen. It measures nothing.
const patience = time.Minute

const (
	question  = `{"model":"` + virtual + `","messages":[{"role":"user","content":"hi"}]}`
	streamed  = `{"model":"` + virtual + `","messages":[{"role":"user","content":"hi"}],"stream":true}`
	reply     = `{"id":"c","object":"chat.completion","model":"` + served + `","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}]}`
	lastEvent = "data: [DONE]"
)

func event(content, finish string) string {
	return `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"` + served +
		`","choices":[{"index":0,"delta":{"content":"` + content + `"},"finish_reason":` + finish + "}]}\n\n"
}

// sendEvents writes to a stream and lets it out at once.
func sendEvents(w http.ResponseWriter, text string) {
	w.Header().Set("content-type", "text/event-stream; charset=utf-8")
	_, _ = io.WriteString(w, text)
	_ = http.NewResponseController(w).Flush()
}

func received(t *testing.T, what string, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(patience):
		t.Fatalf("waited in vain: %s", what)
	}
}

var client = sync.OnceValue(func() *http.Client { return carrier.NewClient(false) })

// post sends a request to the case of the scripted server and returns the reply.
func post(ctx context.Context, url, id, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, "POST", url+chat, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("content-type", "application/json")
	r.Header.Set(upstream.Header, id)
	return client().Do(r)
}

// ask is post, and the whole reply. With a status, err tells that it broke off.
func ask(t *testing.T, url, id, body string) (status int, text string, err error) {
	t.Helper()
	resp, err := post(t.Context(), url, id, body)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// wantError checks for a whole JSON error with the status in it.
func wantError(t *testing.T, status int, text string, err error, want int) {
	t.Helper()
	if err != nil || status != want || gjson.Get(text, "error.code").Int() != int64(want) || gjson.Get(text, "error.message").Str == "" {
		t.Errorf("got %d %q (%v), want a JSON error %d", status, text, err, want)
	}
}

func TestClientThatLeavesCancelsTheUpstream(t *testing.T) {
	onEveryEdge(t, func(t *testing.T, e edge) {
		for name, first := range map[string]string{"before the head": "", "in a stream": event("H", "null")} {
			t.Run(name, func(t *testing.T) {
				arrived, cancelled := make(chan struct{}), make(chan struct{})
				id := play(t, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					if first != "" {
						sendEvents(w, first)
					}
					close(arrived)
					<-r.Context().Done()
					close(cancelled)
				})
				ctx, leave := context.WithCancel(t.Context())
				over := make(chan struct{})
				started := make(chan struct{})
				go func() {
					defer close(over)
					resp, err := post(ctx, e.url, id, streamed)
					if err != nil {
						return
					}
					_, _ = resp.Body.Read(make([]byte, 1))
					close(started)
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}()
				received(t, "the request at the upstream", arrived)
				if first != "" {
					received(t, "the stream's start at the client", started)
				}
				leave()
				received(t, "the upstream's cancellation", cancelled)
				received(t, "the client's end", over)
			})
		}
	})
}

func TestUpstreamGoneBeforeItsHeadIs502(t *testing.T) {
	onEveryEdge(t, func(t *testing.T, e edge) {
		id := play(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		})
		for _, body := range []string{question, streamed} {
			status, text, err := ask(t, e.url, id, body)
			wantError(t, status, text, err, 502)
		}
	})
}

func TestAStatusThatHTTPDoesNotHaveIs502(t *testing.T) {
	onEveryEdge(t, func(t *testing.T, e edge) {
		for _, code := range []int{600, 999} {
			id := play(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(code)
				_, _ = io.WriteString(w, "{}")
			})
			for _, body := range []string{question, streamed} {
				status, text, err := ask(t, e.url, id, body)
				wantError(t, status, text, err, 502)
			}
		}
	})
}

func TestUpstreamThatIsNotThereIs502(t *testing.T) {
	port := must[int](t)(process.FreePort())
	configs := must[map[string][]byte](t)(scenario.Configs())
	_, url := nativeFor(t, string(configs["default"]), fmt.Sprintf("http://127.0.0.1:%d", port))
	status, text, err := ask(t, url, "", question)
	wantError(t, status, text, err, 502)
	for _, k := range knobs {
		t.Run(k.name, func(t *testing.T) {
			status, text, err := ask(t, theFleet(t).URLs["gone"+k.suffix], "", question)
			wantError(t, status, text, err, 502)
		})
	}
}

func TestUpstreamGoneInAJSONBodyIsNeverAWhole200(t *testing.T) {
	onEveryEdge(t, func(t *testing.T, e edge) {
		id := play(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("content-type", "application/json")
			w.Header().Set("content-length", fmt.Sprint(len(reply)))
			_, _ = io.WriteString(w, reply[:len(reply)/2])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		resp, err := post(t.Context(), e.url, id, question)
		if err != nil {
			if e.name == "native" {
				t.Fatal(err)
			}
			return // cut before the head: Envoy gives the filter no chance to answer
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if e.name == "native" {
			wantError(t, resp.StatusCode, string(text), err, 502)
		} else if err == nil && resp.StatusCode < 500 {
			t.Errorf("the client got %d %q and can't know that it was cut", resp.StatusCode, text)
		}
	})
}

// What an Envoy's client sees where the scenario table makes an exception: Envoy lets
// the filter write nothing more, but every event until then has arrived, and the cut shows.
func TestUpstreamGoneInAnEvent(t *testing.T) {
	onEveryEdge(t, func(t *testing.T, e edge) {
		id := play(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			sendEvents(w, event("Hello", "null")+event(" there", "null")+`data: {"id":"c","obj`)
			panic(http.ErrAbortHandler)
		})
		resp, err := post(t.Context(), e.url, id, streamed)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		text := string(b)
		if e.name == "native" {
			if err != nil || !strings.Contains(text, "Hello") || !strings.Contains(text, " there") || !strings.Contains(text, `"error"`) || !strings.HasSuffix(strings.TrimSpace(text), lastEvent) {
				t.Errorf("got %q (%v), want both events, an error event and the end", text, err)
			}
			return
		}
		if err == nil {
			t.Errorf("the reply looks whole: %q", text)
		}
		if strings.Contains(text, `"obj`+"\n") || strings.Contains(text, lastEvent) {
			t.Errorf("got %q, want whole events and no end mark", text)
		}
	})
}

func TestStreamThatFinishedEndsWellThoughTheUpstreamIsCut(t *testing.T) {
	onEveryEdge(t, func(t *testing.T, e edge) {
		gone := make(chan struct{})
		id := play(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			sendEvents(w, event("Hello", "null")+event("", `"stop"`)+"data: [DONE]\n\n")
			select {
			case <-gone: // the client has its end: now the connection may break
			case <-r.Context().Done():
			}
			panic(http.ErrAbortHandler)
		})
		resp, err := post(t.Context(), e.url, id, streamed)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() && lines.Text() != lastEvent {
		}
		if lines.Text() != lastEvent {
			t.Errorf("the stream ended without its end mark: %v", lines.Err())
		}
		close(gone)
	})
}

func TestStalledUpstreamEndsByTheClock(t *testing.T) {
	config := string(must[map[string][]byte](t)(scenario.Configs())["default"])
	config = must[string](t)(sjson.Set(config, "timeouts.idle", "300ms"))
	config = must[string](t)(sjson.Set(config, "timeouts.first_byte", "300ms"))
	_, url := nativeFor(t, config, "http://"+must[*upstream.Server](t)(scripted()).Address)
	stall := func(w http.ResponseWriter, r *http.Request, first string) {
		_, _ = io.Copy(io.Discard, r.Body)
		if first != "" {
			sendEvents(w, first)
		}
		<-r.Context().Done() // the gateway must hang up, else this never ends
	}
	t.Run("in a stream", func(t *testing.T) {
		id := play(t, func(w http.ResponseWriter, r *http.Request) { stall(w, r, event("H", "null")) })
		status, text, err := ask(t, url, id, streamed)
		if err != nil || status != 200 || !strings.Contains(text, `"error"`) || !strings.HasSuffix(strings.TrimSpace(text), lastEvent) {
			t.Errorf("got %d %q (%v), want an error event and the end", status, text, err)
		}
	})
	t.Run("before the head", func(t *testing.T) {
		id := play(t, func(w http.ResponseWriter, r *http.Request) { stall(w, r, "") })
		status, text, err := ask(t, url, id, question)
		wantError(t, status, text, err, 504)
	})
}

// chatOf is a chat request of exactly n bytes.
func chatOf(n int) string {
	frame := `{"messages":[{"role":"user","content":""}],"model":"` + virtual + `"}`
	return strings.Replace(frame, `"content":""`, `"content":"`+strings.Repeat("x", n-len(frame))+`"`, 1)
}

func TestTwentyMegabytesGoThrough(t *testing.T) {
	body := chatOf(20_000_000)
	onEveryEdge(t, func(t *testing.T, e edge) {
		var got []byte
		id := play(t, func(w http.ResponseWriter, r *http.Request) {
			got, _ = io.ReadAll(r.Body)
			w.Header().Set("content-type", "application/json")
			_, _ = io.WriteString(w, reply)
		})
		status, text, err := ask(t, e.url, id, body)
		if err != nil || status != 200 || gjson.Get(text, "model").Str != virtual {
			t.Fatalf("got %d %q (%v)", status, text, err)
		}
		var fields struct{ Model, Content gjson.Result }
		fields.Model, fields.Content = gjson.GetBytes(got, "model"), gjson.GetBytes(got, "messages.0.content")
		if fields.Model.Str != served || fields.Content.Str != gjson.Get(body, "messages.0.content").Str {
			t.Errorf("the upstream got model %q and %d characters", fields.Model.Str, len(fields.Content.Str))
		}
	})
}

func TestBodyAtTheLimitGoesThrough(t *testing.T) {
	onEveryEdge(t, func(t *testing.T, e edge) {
		size := 32 << 20
		if e.name == "native" {
			size = 100_000_000
		}
		var got int64
		id := play(t, func(w http.ResponseWriter, r *http.Request) {
			got, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("content-type", "application/json")
			_, _ = io.WriteString(w, reply)
		})
		status, text, err := ask(t, e.url, id, chatOf(size))
		if err != nil || status != 200 || got < int64(size) {
			t.Errorf("got %d %q (%v), the upstream %d bytes", status, text, err, got)
		}
	})
}

func TestUpstreamThatAnswersBeforeItReadsLosesNothing(t *testing.T) {
	body := chatOf(67_000)
	onEveryEdge(t, func(t *testing.T, e edge) {
		id := play(t, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).EnableFullDuplex()
			sendEvents(w, event("H", "null")+event("i", `"stop"`)+"data: [DONE]\n\n")
			_, _ = io.Copy(io.Discard, r.Body)
		})
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 50 {
					status, text, err := ask(t, e.url, id, strings.Replace(body, `{"messages"`, `{"stream":true,"messages"`, 1))
					if err != nil || status != 200 || !strings.HasSuffix(text, "data: [DONE]\n\n") || strings.Contains(text, `"error"`) {
						t.Errorf("got %d %q (%v)", status, text, err)
						return
					}
				}
			})
		}
		all.Wait()
	})
}

func TestBodyOverTheLimitIs413(t *testing.T) {
	onEveryEdge(t, func(t *testing.T, e edge) {
		size := 32<<20 + 1
		if e.name == "native" {
			size = 100_000_000 + 1
		}
		id := play(t, func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err == nil {
				t.Error("the upstream got a whole request")
			}
		})
		body := chatOf(size)
		for name, r := range map[string]io.Reader{"with its length": strings.NewReader(body), "in chunks": io.MultiReader(strings.NewReader(body))} {
			t.Run(name, func(t *testing.T) {
				status, text, err := askBig(t, e.url+chat, id, r)
				wantError(t, status, text, err, 413)
			})
		}
	})
}

// askBig reads the reply while the body is still being sent, as curl does: a server that
// refuses a body may close the connection under it.
func askBig(t *testing.T, url, id string, body io.Reader) (status int, text string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("content-type", "application/json")
	r.Header.Set(upstream.Header, id)
	resp, err := client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// slowStreams opens n streams, waits until each has its first event, calls then, and
// checks that all end well.
func slowStreams(t *testing.T, url string, n int, then func()) {
	t.Helper()
	release := make(chan struct{})
	id := play(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		sendEvents(w, event("H", "null"))
		select {
		case <-release:
			sendEvents(w, event("i", `"stop"`)+"data: [DONE]\n\n")
		case <-r.Context().Done():
		}
	})
	var open, done sync.WaitGroup
	failures := make(chan error, n)
	for range n {
		open.Add(1)
		done.Go(func() {
			begun := sync.OnceFunc(open.Done)
			defer begun()
			resp, err := post(t.Context(), url, id, streamed)
			if err != nil {
				failures <- err
				return
			}
			defer resp.Body.Close()
			lines := bufio.NewReader(resp.Body)
			first, err := lines.ReadString('\n')
			if err != nil || !strings.HasPrefix(first, "data: ") {
				failures <- fmt.Errorf("first line %q: %w", first, err)
				return
			}
			begun()
			rest, err := io.ReadAll(lines)
			if err != nil || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") || strings.Contains(string(rest), `"error"`) {
				failures <- fmt.Errorf("the stream ended with %q: %w", rest, err)
			}
		})
	}
	open.Wait()
	then()
	close(release)
	done.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
}

func TestManyOpenStreamsAllEndWell(t *testing.T) {
	n := 2000
	if raceDetector {
		n = 200 // it watches each of the three processes' goroutines
	}
	slowStreams(t, must[map[string]string](t)(nativeTable())["default"], n, func() {})
}

func TestOpenStreamsOnEnvoyAllEndWell(t *testing.T) {
	f := theFleet(t)
	for _, k := range knobs {
		t.Run(k.name, func(t *testing.T) { slowStreams(t, f.URLs["default"+k.suffix], 300, func() {}) })
	}
}

func TestSIGTERMLetsRunningStreamsFinish(t *testing.T) {
	config := string(must[map[string][]byte](t)(scenario.Configs())["default"])
	p, url := nativeFor(t, config, "http://"+must[*upstream.Server](t)(scripted()).Address)
	slowStreams(t, url, 50, func() {
		if err := p.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if err := p.Until("new connections to be refused", func() bool {
			r, err := fresh.Get(url + "/health")
			if err == nil {
				r.Body.Close()
			}
			return errors.Is(err, syscall.ECONNREFUSED)
		}); err != nil {
			t.Fatal(err)
		}
	})
	received(t, "the binary's end", p.Done())
	if code := p.ExitCode(); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

func TestReloadUnderLoadLosesNoRequest(t *testing.T) {
	s := must[*upstream.Server](t)(scripted())
	config := string(must[map[string][]byte](t)(scenario.Configs())["default"])
	config = must[string](t)(sjson.Set(config, "upstreams.0.url", "http://"+s.Address))
	file := t.TempDir() + "/config.json"
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write(config)
	p, url, err := run(must[string](t)(binary()), "serve", "--config", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)

	whole := play(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("content-type", "application/json")
		_, _ = io.WriteString(w, reply)
	})
	events := play(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		sendEvents(w, event("H", "null"))
		sendEvents(w, event("i", `"stop"`)+"data: [DONE]\n\n")
	})
	stop := make(chan struct{})
	var load sync.WaitGroup
	var mu sync.Mutex
	var sent int
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for id, body := range map[string]string{whole: question, events: streamed} {
					resp, err := post(t.Context(), url, id, body)
					if err != nil {
						t.Error(err)
						return
					}
					text, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if err != nil || resp.StatusCode != 200 || !bytes.Contains(text, []byte(virtual)) || bytes.Contains(text, []byte(`"error"`)) {
						t.Errorf("got %d %q (%v)", resp.StatusCode, text, err)
						return
					}
				}
				mu.Lock()
				sent++
				mu.Unlock()
			}
		})
	}
	known := func(model string) bool {
		status, _, err := ask(t, url, whole, strings.Replace(question, virtual, model, 1))
		return err == nil && status == 200
	}
	for i := range 8 {
		model := fmt.Sprintf("model-%d", i)
		write(must[string](t)(sjson.SetRaw(config, "models", `[{"name":"`+model+`","profile":"thinking-coding"}]`)))
		if err := p.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if err := p.Until(model+" to be known", func() bool { return known(model) }); err != nil {
			t.Fatal(err)
		}
		if i > 0 && known(fmt.Sprintf("model-%d", i-1)) {
			t.Errorf("%s came, its predecessor stayed", model)
		}
	}
	// A configuration that is not valid changes nothing.
	write(`{"upstrems":[]}`)
	if err := p.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := p.Until("the complaint", func() bool { return strings.Contains(p.Log(), "upstrems") }); err != nil {
		t.Fatal(err)
	}
	if !known("model-7") {
		t.Error("a bad configuration put the good one out of force")
	}
	close(stop)
	load.Wait()
	if sent == 0 {
		t.Error("there was no load")
	}
}

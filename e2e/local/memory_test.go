package local

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/e2e/envoy"
	"github.com/qwenvoy/qwenvoy/e2e/scenario"
	"github.com/qwenvoy/qwenvoy/e2e/upstream"
)

var rss = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// resident is what a process holds of the machine's memory, in MiB; 0 where nobody tells.
func resident(t *testing.T, pid int) int {
	t.Helper()
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	m := rss.FindSubmatch(text)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n >> 10
}

// packed is text, gzip'ed, as often as wanted: gzip's members follow each other.
func packed(text string, times int) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return bytes.Repeat(b.Bytes(), times)
}

// lessAlike are events of n bytes all together that gzip makes a little less than a hundredth of.
func lessAlike(n int) string {
	var b strings.Builder
	for i := uint32(1); b.Len() < n; i++ {
		b.WriteString(event(strings.Repeat("x", 350)+strconv.Itoa(int(i*2654435761>>12)), "null"))
	}
	return b.String() + event("", `"stop"`) + lastEvent + "\n\n"
}

// What a server says takes Envoy no more memory than the limits allow, however well it was
// compressed. A module's own memory never comes back, so that the peak is what stays.
func TestCompressedStreamsTakeEnvoyNoMemory(t *testing.T) {
	needEnvoy(t)
	config := string(must[map[string][]byte](t)(scenario.Configs())["default"])
	dir := filepath.Join(scratch, "envoy-memory")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	listeners := bothWays("default", config, must[*upstream.Server](t)(scripted()).Address)
	e := must[*envoy.Running](t)(startEnvoy(dir, listeners))
	defer e.Stop()

	one := event("and so it goes on", "null")
	streams := []struct {
		name string
		body []byte
		more int // MiB that Envoy may take for it: one VM that answers, and its own buffers
	}{
		{"events", packed(strings.Repeat(one, 10<<20/len(one)), 33), 96},
		{"one event", packed("data: "+strings.Repeat("x", 10<<20), 130), 96},
		// As much as may be said is said, and by the Responses API once more at the end.
		{"less alike", packed(lessAlike(60<<20), 1), 288},
	}
	routes := []struct{ path, body string }{
		{chat, streamed},
		{"/v1/messages", `{"model":"` + virtual + `","max_tokens":100,"messages":[{"role":"user","content":"hi"}],"stream":true}`},
		{"/v1/responses", `{"model":"` + virtual + `","input":"hi","stream":true}`},
	}
	for _, s := range streams {
		for _, route := range routes {
			for _, k := range knobs {
				t.Run(s.name+" "+strings.TrimPrefix(route.path, "/v1/")+" "+k.name, func(t *testing.T) {
					id := play(t, func(w http.ResponseWriter, r *http.Request) {
						_, _ = io.Copy(io.Discard, r.Body)
						w.Header().Set("content-type", "text/event-stream")
						w.Header().Set("content-encoding", "gzip")
						_, _ = w.Write(s.body)
					})
					before := resident(t, e.PID())
					var status int
					var refused bool
					peak := highest(t, e.PID(), func() { status, refused = drink(t, e.URLs["default"+k.suffix]+route.path, id, route.body) })
					after := resident(t, e.PID())
					t.Logf("%d KiB compressed: Envoy holds %d MiB before, %d at the peak, %d after", len(s.body)>>10, before, peak, after)
					if peak-before > s.more {
						t.Errorf("%d MiB more, at most %d are expected", peak-before, s.more)
					}
					whole := s.name == "less alike" && route.path == chat
					if status != 200 || refused == whole {
						t.Errorf("status %d, refused for its size: %t", status, refused)
					}
				})
			}
		}
	}
}

// highest is the most that a process holds while run runs, in MiB, as far as looking often shows.
func highest(t *testing.T, pid int, run func()) (peak int) {
	t.Helper()
	peak = resident(t, pid)
	over := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		look := time.NewTicker(5 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-over:
				return
			case <-look.C:
				peak = max(peak, resident(t, pid))
			}
		}
	})
	run()
	close(over)
	watch.Wait()
	return max(peak, resident(t, pid))
}

// drink reads a reply of any length to its end. refused: it says that it is too large.
func drink(t *testing.T, url, id, body string) (status int, refused bool) {
	t.Helper()
	r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body)))
	r.Header.Set("content-type", "application/json")
	r.Header.Set(upstream.Header, id)
	resp := must[*http.Response](t)(client().Do(r))
	defer resp.Body.Close()
	tail, piece := []byte{}, make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(piece)
		tail = append(tail, piece[:n]...)
		refused = refused || bytes.Contains(tail, []byte("over the size limit"))
		tail = append(tail[:0], tail[max(0, len(tail)-100):]...)
		if err == io.EOF {
			return resp.StatusCode, refused
		}
		if err != nil {
			t.Fatalf("the stream is cut: %v, behind %q", err, tail)
		}
	}
}

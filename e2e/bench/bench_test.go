package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/qwenvoy/qwenvoy/e2e/process"
)

func TestRequestsHaveTheSizesThatTheTablesName(t *testing.T) {
	for name, want := range map[string]int{"chat-3k": 3_000, "chat-67k": 67_000, "chat-646k": 646_000, "stream-200": 3_000, "responses-67k": 67_000, "responses-200": 3_000, "messages-67k": 67_000, "messages-200": 3_000} {
		for _, w := range workloads {
			if got := len(w.body()); w.name == name && (got < want*97/100 || got > want*105/100) {
				t.Errorf("%s has %d bytes", name, got)
			}
		}
	}
}

// testGateway is a handler with a process beside it whose CPU can be read.
func testGateway(t *testing.T, handler http.Handler) *gateway {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	p, err := process.Start("", nil, "sleep", "60")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return &gateway{Process: p, name: bare, address: strings.TrimPrefix(s.URL, "http://"), model: servedModel}
}

func TestBadAnswersAreCounted(t *testing.T) {
	backend := &cannedChat{chunks: streamChunks}
	record := func(w workload) []byte {
		r := httptest.NewRecorder()
		backend.ServeHTTP(r, httptest.NewRequest("POST", chatPath, bytes.NewReader(w.body())))
		return r.Body.Bytes()
	}
	broken := map[string]func([]byte) []byte{
		"cut":               func(b []byte) []byte { return b[:len(b)-20] },
		"another model":     func(b []byte) []byte { return bytes.Replace(b, []byte(servedModel), []byte("other"), 1) },
		"nothing":           func([]byte) []byte { return nil },
		"twice":             func(b []byte) []byte { return append(b, b...) },
		"without its start": func(b []byte) []byte { return b[300:] },
	}
	for _, w := range workloads {
		if w.name != "chat-3k" && !w.stream {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			s := &stage{options: &options{clients: 2}}
			g := testGateway(t, backend)
			if r := s.round(w, w.body(), g, 20*time.Millisecond); r.perSecond == 0 || r.bad != 0 {
				t.Errorf("good answers: %+v", r)
			}
			for name, breakIt := range broken {
				if name == "twice" && !w.stream {
					continue // its end and its start are right; JSON is not parsed under load
				}
				answer := breakIt(bytes.Clone(record(w)))
				g := testGateway(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) }))
				if r := s.round(w, w.body(), g, 20*time.Millisecond); r.perSecond != 0 || r.bad == 0 {
					t.Errorf("%s: %+v", name, r)
				}
			}
		})
	}
}

func TestTheBackendRefusesARequestThatIsNotWhole(t *testing.T) {
	body := smallChat(false)
	for name, b := range map[string][]byte{"cut": body[:len(body)-1], "without messages": []byte(`{}`)} {
		r := httptest.NewRecorder()
		(&cannedChat{chunks: 1}).ServeHTTP(r, httptest.NewRequest("POST", chatPath, bytes.NewReader(b)))
		if r.Code != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, r.Code)
		}
	}
}

func TestSlowChunksSayWhenTheyWereSent(t *testing.T) {
	r := httptest.NewRecorder()
	before := time.Now()
	(&cannedChat{chunks: 3, gap: time.Millisecond}).ServeHTTP(r, httptest.NewRequest("POST", chatPath, bytes.NewReader(smallChat(true))))
	n := 0
	for line := range bytes.Lines(r.Body.Bytes()) {
		if sent, ok := sentTime(line); ok {
			n++
			if sent.Before(before.Round(0)) || sent.After(time.Now()) {
				t.Errorf("sent at %v", sent)
			}
		}
	}
	if n != 3 {
		t.Errorf("%d of 3 chunks have their time", n)
	}
}

func TestCPUTimeAndMemoryAreThoseOfTheProcessesBelowToo(t *testing.T) {
	// The loop ends when its parent, which a signal ends, is gone.
	p, err := process.Start("", nil, "sh", "-c", "while kill -0 $$; do :; done & wait")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	if err := p.Until("the loop below to use CPU", func() bool { return cpuTime(p.PID()) >= 100*time.Millisecond }); err != nil {
		t.Error(err)
	}
	if n := len(tree(p.PID())); n != 2 || residentBytes(p.PID()) < 100<<10 {
		t.Errorf("%d processes with %d bytes", n, residentBytes(p.PID()))
	}
}

func TestTablesAreEmbeddedBetweenTheMarkers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	for _, tt := range []struct{ before, after string }{
		{"# A\n" + beginMarker + "\nold\n" + endMarker + "\n# B\n", "# A\n" + beginMarker + "\nnew\n" + endMarker + "\n# B\n"},
		{"", beginMarker + "\nnew\n" + endMarker + "\n"},
	} {
		if tt.before != "" {
			if err := os.WriteFile(path, []byte(tt.before), 0o600); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := embed(path, "new\n"); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.after, string(got)); d != "" {
			t.Error(d)
		}
	}
	for _, document := range []string{"# A\n", beginMarker, endMarker + beginMarker} {
		if _, err := between(document, "new\n"); err == nil {
			t.Errorf("%q was taken", document)
		}
	}
}

func TestGoBenchmarksAreRead(t *testing.T) {
	got := parseGoBenchmarks("goos: linux\npkg: github.com/qwenvoy/qwenvoy/shared/dialect/chat\ncpu: AMD EPYC\n" +
		"BenchmarkStreamEvent/content-2 \t 100\t 312.8 ns/op\t 674.48 MB/s\t 0 B/op\t 0 allocs/op\n" +
		"BenchmarkNoRate \t 100\t 5 ns/op\t 16 B/op\t 1 allocs/op\nPASS\nok  \tgithub.com/qwenvoy/qwenvoy/shared/dialect/chat\t1.2s\n")
	want := []function{
		{"dialect/chat StreamEvent/content", "312.8", "674.48", "0", "0"},
		{"dialect/chat NoRate", "5", "–", "16", "1"},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(function{})); d != "" {
		t.Error(d)
	}
}

func TestRatiosAreTakenWithinARound(t *testing.T) {
	l := loads{gateways: []string{bare, native}, loads: []load{{workload: workloads[0], gateways: []string{bare, native}, rounds: map[string][]round{
		bare:   {{perSecond: 1000, cpu: time.Millisecond}, {perSecond: 4000, cpu: time.Millisecond}, {perSecond: 2000, cpu: time.Millisecond}},
		native: {{perSecond: 1500, cpu: time.Millisecond}, {perSecond: 6000, cpu: 2 * time.Millisecond}, {perSecond: 3000, cpu: 2 * time.Millisecond, bad: 3}},
	}}}}
	var b strings.Builder
	l.write(&b)
	want := "|  | **Qwenvoy, the binary** | 3,000 | 1.50 | 2.000 | 2.00 | 0.00 | 0.0 | 3 |"
	if !strings.Contains(b.String(), want) {
		t.Errorf("want the line\n%s\nin\n%s", want, b.String())
	}
}

func TestOnlyChoosesGatewaysAndParts(t *testing.T) {
	for _, tt := range []struct {
		only, gateways string
		parts          string
	}{
		{"", "bare native envoy envoy-noop envoy-qwenvoy", "chat-3k chat-67k chat-646k stream-200 responses-67k responses-200 messages-67k messages-200 slow-streams wasm-memory go"},
		{"native", "bare native", "chat-3k chat-67k chat-646k stream-200 responses-67k responses-200 messages-67k messages-200 slow-streams wasm-memory go"},
		{"stream-200,go", "bare native envoy envoy-noop envoy-qwenvoy", "stream-200 go"},
		{"envoy,chat-3k", "bare envoy", "chat-3k"},
	} {
		o := &options{}
		if tt.only != "" {
			o.only = strings.Split(tt.only, ",")
		}
		var parts []string
		for _, p := range partNames() {
			if o.part(p) {
				parts = append(parts, p)
			}
		}
		if got := strings.Join(o.gateways(), " "); got != tt.gateways {
			t.Errorf("%q: gateways %s", tt.only, got)
		}
		if got := strings.Join(parts, " "); got != tt.parts {
			t.Errorf("%q: parts %s", tt.only, got)
		}
	}
}

package server

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

const figures = `{"resourceMetrics":[{"resource":{}}]}`

// Without a collector telemetry is taken, reaches nobody, and costs no line at INFO.
func TestTelemetryIsThrownAway(t *testing.T) {
	e := start(t, upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s reached the server", r.URL) }))
	for _, path := range []string{"/v1/metrics", "/v1/logs", "/v1/traces"} {
		if status, _, body := e.do(t, "POST", path, strings.NewReader(figures), "Content-Type", "application/json"); status != 200 || body != "{}" {
			t.Errorf("%s: %d %s", path, status, body)
		}
		status, header, body := e.do(t, "POST", path, strings.NewReader("\n\x00"), "Content-Type", "application/x-protobuf")
		if status != 200 || body != "" || header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s: %d %v %q", path, status, header, body)
		}
	}
	if status, _, _ := e.do(t, "POST", "/v1/metrics", strings.NewReader(strings.Repeat("x", 8<<20+1))); status != 413 {
		t.Errorf("a large one: %d", status)
	}
	eventually(t, "all is over", func() bool { return e.handler.InFlight() == 0 })
	if len(e.lines(t, "exchange")) != 0 {
		t.Errorf("log: %s", e.log)
	}
}

// A collector gets what came, as it came, without the client's key; the client gets its answer.
func TestTelemetryGoesToTheCollector(t *testing.T) {
	collector := upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.String() != "/otlp/v1/traces" || string(body) != figures || r.Header.Get("Content-Type") != "application/json" ||
			r.Header.Get("Content-Encoding") != "x" || r.Header.Get("Authorization") != "" || r.Header.Get("X-Claude-Code-Session-Id") != "" {
			t.Errorf("the collector got %s %s %v %s", r.Method, r.URL, r.Header, body)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(503)
		_, _ = io.WriteString(w, `{"message":"full"}`)
	})
	e := start(t, upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s reached the server", r.URL) }),
		func(c *config.Config) { c.OTLPForward, c.Upstreams[0].APIKey = collector+"/otlp", "ours" })
	status, header, body := e.do(t, "POST", "/v1/traces/", strings.NewReader(figures), "Content-Type", "application/json",
		"Content-Encoding", "x", "Authorization", "Bearer mine", "X-Claude-Code-Session-Id", "s")
	if status != 503 || body != `{"message":"full"}` || header.Get("Retry-After") != "3" {
		t.Errorf("%d %v %s", status, header, body)
	}
}

func TestACollectorThatIsGone(t *testing.T) {
	e := start(t, upstreamOf(t, answers), func(c *config.Config) { c.OTLPForward = "http://127.0.0.1:1" })
	if status, _, body := e.do(t, "POST", "/v1/logs", strings.NewReader(figures)); status != 502 || !strings.Contains(body, "otlp_forward") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, _ := e.post(t, strings.NewReader(chatBody(false))); status != 200 {
		t.Errorf("the model server: %d", status)
	}
}

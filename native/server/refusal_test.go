package server

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// What an upstream says when it refuses is a warning with the model that was asked for,
// whatever the dialect, and on the way past the core too.
func TestRefusalsOfTheUpstreamAreWarnings(t *testing.T) {
	const secret = "sk-upstream-7f3a9c0042"
	refuse := func(status int, body string, fields ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for i := 0; i < len(fields); i += 2 {
				w.Header().Set(fields[i], fields[i+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	openai := func(message string, code int) string {
		return fmt.Sprintf(`{"error":{"message":%q,"type":"x","param":null,"code":%d}}`, message, code)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, openai("in a zip", 500))
	_ = z.Close()

	chat, messages := "/v1/chat/completions", "/v1/messages"
	for _, tt := range []struct {
		name, path, model string
		upstream          http.HandlerFunc
		code              float64
		said              string // "": no warning
	}{
		{"key", chat, "gpt-5", refuse(401, `{"error":"Unauthorized"}`), 401, "Unauthorized"},
		{"no right", messages, "claude-x", refuse(403, `{"detail":"not for you"}`), 403, "not for you"},
		{"model", chat, "gpt-5", refuse(404, openai("The model `Served` does not exist.", 404)), 404, "The model `Served` does not exist."},
		{"model, Messages", messages, "claude-x", refuse(404, openai("The model `Served` does not exist.", 404)), 404, "The model `Served` does not exist."},
		{"load", chat, "gpt-5", refuse(429, openai("too many\nrequests", 429)), 429, "too many requests"},
		{"load, Messages", messages, "claude-x", refuse(429, openai("too many", 429)), 429, "too many"},
		{"failure", chat, "gpt-5", refuse(500, openai("EngineCore of "+secret+" died", 500)), 500, "EngineCore of [redacted] died"},
		{"a proxy's page", messages, "claude-x", refuse(502, "<html>bad gateway</html>", "Content-Type", "text/html"), 502, "<html>bad gateway</html>"},
		{"compressed", chat, "gpt-5", refuse(500, zipped.String(), "Content-Encoding", "gzip"), 500, "in a zip"},
		{"long", chat, "gpt-5", refuse(503, openai(strings.Repeat("word ", 600), 503)), 503, "word word"},
		{"the client's fault", chat, "gpt-5", refuse(400, openai("secret prompt", 400)), 0, ""},
		{"passed on", "/nobody/knows", "", refuse(503, `{"message":"down"}`), 503, "down"},
		{"no such path", "/nobody/knows", "", refuse(404, `{"detail":"Not Found"}`), 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := start(t, upstreamOf(t, tt.upstream), func(c *config.Config) { c.Upstreams[0].APIKey = secret })
			body := fmt.Sprintf(`{"model":%q,"max_tokens":9,"messages":[{"role":"user","content":"x"}]}`, tt.model)
			for range 3 {
				e.do(t, "POST", tt.path, strings.NewReader(body), "Content-Type", "application/json")
			}
			eventually(t, "the lines of the exchanges", func() bool { return len(e.lines(t, "exchange")) == 3 })
			lines := e.lines(t, "the upstream refused a request")
			if tt.said == "" {
				if len(lines) != 0 {
					t.Errorf("%v", lines)
				}
				return
			}
			if len(lines) != 1 {
				t.Fatalf("%d lines", len(lines))
			}
			line := lines[0]
			said, _ := line["said"].(string)
			if line["level"] != "WARN" || line["code"] != tt.code || !strings.HasPrefix(said, tt.said) || len(said) > 310 || line["request_id"] == nil {
				t.Errorf("%v", line)
			}
			if tt.model != "" && (line["asked_model"] != tt.model || line["upstream_model"] != "Qwen/Served") {
				t.Errorf("%v", line)
			}
			if strings.Contains(e.log.String(), secret) {
				t.Error("the key stands in the log")
			}
		})
	}
}

// The line of a request says by which program, in which of its sessions, and of how many events.
func TestTheLineNamesProgramSessionAndEvents(t *testing.T) {
	e := start(t, upstreamOf(t, answers))
	for _, field := range []string{"X-Claude-Code-Session-Id", "session-id", "session_id", "x-session-affinity"} {
		e.do(t, "POST", "/v1/chat/completions", strings.NewReader(chatBody(true)), "Content-Type", "application/json",
			field, "11111111-2222-3333-4444-555555555555", "User-Agent", "claude-cli/2.1.332 (external, sdk-cli)"+strings.Repeat("x", 500))
	}
	e.do(t, "POST", "/v1/chat/completions", strings.NewReader(chatBody(false)), "Content-Type", "application/json")
	eventually(t, "the lines", func() bool { return len(e.lines(t, "exchange")) == 5 })
	for i, line := range e.lines(t, "exchange") {
		agent, _ := line["user_agent"].(string)
		session, _ := line["session"].(string)
		if i == 4 {
			if line["session"] != nil || line["events"] != nil {
				t.Errorf("%v", line)
			}
			continue
		}
		if !strings.HasPrefix(agent, "claude-cli/2.1.332 (external, sdk-cli)") || len(agent) > maxName || len(session) != 16 || strings.Contains(session, "1111") {
			t.Errorf("%v", line)
		}
		if n, _ := line["events"].(float64); n < 2 {
			t.Errorf("events: %v", line["events"])
		}
	}
}

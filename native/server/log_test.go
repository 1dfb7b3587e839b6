package server

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

func level(name string) func(*config.Config) {
	return func(c *config.Config) { c.Log.Level = name }
}

func TestOneLinePerRequest(t *testing.T) {
	e := start(t, upstreamOf(t, answers))
	for _, stream := range []bool{false, true} {
		before := len(e.lines(t, "exchange"))
		if status, _, _ := e.post(t, strings.NewReader(chatBody(stream)), "X-Request-Id", "mine-1"); status != 200 {
			t.Fatalf("status %d", status)
		}
		eventually(t, "the line", func() bool { return len(e.lines(t, "exchange")) == before+1 })
		line := e.lines(t, "exchange")[before]
		for key, want := range map[string]any{
			"level": "INFO", "request_id": "mine-1", "client": "127.0.0.1", "method": "POST", "route": "chat", "uri": "/v1/chat/completions",
			"code": 200.0, "virtual_model": virtual, "upstream": "test", "upstream_model": served, "finish": "stop",
		} {
			if line[key] != want {
				t.Errorf("stream %t: %s is %v, want %v", stream, key, line[key], want)
			}
		}
		for _, key := range []string{"bytes_in", "bytes_out", "first_byte_ms", "duration_ms"} {
			if n, ok := line[key].(float64); !ok || n <= 0 {
				t.Errorf("stream %t: %s is %v", stream, key, line[key])
			}
		}
		if !stream && (line["input_tokens"] != 3.0 || line["output_tokens"] != 2.0) {
			t.Errorf("tokens: %v", line)
		}
	}
}

// What agents say of a request stands in its line: ids by their hashes, and nothing else of theirs.
func TestALineSaysWhoseRequestItIs(t *testing.T) {
	e := start(t, upstreamOf(t, answers))
	for i, tt := range []struct {
		header []string
		want   map[string]any
	}{
		{nil, map[string]any{"session": nil, "class": nil, "agent": nil}},
		{[]string{"X-Claude-Code-Session-Id", "SESSION", "X-Claude-Code-Agent-Id", "AGENT", "X-Claude-Code-Parent-Agent-Id", "PARENT",
			"X-Claude-Code-Prompt-Id", "PROMPT"},
			map[string]any{"session": access.Hashed("SESSION"), "agent": access.Hashed("AGENT"), "parent": access.Hashed("PARENT"),
				"prompt": access.Hashed("PROMPT"), "class": "subagent"}},
		{[]string{"X-Session-Id", "write a SESSION"}, map[string]any{"session": nil}},
		{[]string{"X-Claude-Code-Session-Id", "SESSION", "X-Claude-Code-Request-Class", "AGENT"},
			map[string]any{"session": access.Hashed("SESSION"), "class": nil}},
	} {
		if status, _, _ := e.post(t, strings.NewReader(chatBody(false)), tt.header...); status != 200 {
			t.Fatalf("status %d", status)
		}
		eventually(t, "the line", func() bool { return len(e.lines(t, "exchange")) == i+1 })
		for key, want := range tt.want {
			if got := e.lines(t, "exchange")[i][key]; got != want {
				t.Errorf("%v: %s is %v, want %v", tt.header, key, got, want)
			}
		}
	}
	for _, said := range []string{"SESSION", "AGENT", "PARENT", "PROMPT"} {
		if strings.Contains(e.log.String(), said) {
			t.Errorf("%s is in the log", said)
		}
	}
}

func TestHealthIsNotLoggedAtInfo(t *testing.T) {
	e := start(t, "http://127.0.0.1:1")
	if status, _, body := e.do(t, "GET", "/health", nil); status != 200 || body != `{"status":"healthy"}` {
		t.Fatalf("%d %s", status, body)
	}
	if status, _, _ := e.do(t, "GET", "/elsewhere", nil); status != 502 { // logged after it, so that is waited for
		t.Fatalf("status %d", status)
	}
	eventually(t, "a line", func() bool { return len(e.lines(t, "exchange")) > 0 })
	if strings.Contains(e.log.String(), "health") {
		t.Errorf("log: %s", e.log)
	}
}

// Secrets show at no level, prompts and answers at none but COMPLETE.
func TestRedaction(t *testing.T) {
	secrets := []string{"sekret-bearer", "sekret-api-key", "sekret-cookie", "sekret-proxy", "sekret-query", "sekret-set-cookie", "sekret-upstream", "sekret-token"}
	const prompt, answer = "PROMPT-TEXT", "ANSWER-TEXT"
	for _, name := range config.LogLevels {
		t.Run(name, func(t *testing.T) {
			e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				w.Header().Set("Content-Type", "application/json")
				if strings.Contains(string(b), `"stream":true`) {
					w.Header().Set("Content-Type", "text/event-stream")
				}
				w.Header().Set("Set-Cookie", "a=sekret-set-cookie")
				if strings.Contains(string(b), `"stream":true`) {
					_, _ = io.WriteString(w, chatEvent(answer+" sekret-upstream")+chatEnd)
					return
				}
				_, _ = io.WriteString(w, strings.Replace(chatReply, "hi", answer+" "+r.Header.Get("Authorization"), 1))
			}), level(name), func(c *config.Config) { c.Upstreams[0].APIKey = "sekret-upstream" })
			requests := int64(0)
			for _, path := range []string{"/v1/chat/completions", "/elsewhere", "/v1/responses"} {
				for _, stream := range []bool{false, true} {
					requests++
					body := strings.Replace(chatBody(stream), "hello", prompt+" sekret-bearer", 1)
					e.do(t, "POST", path+"?api_key=sekret-query&x=1&access_token=sekret-query&k%65y=sekret-query", strings.NewReader(body),
						"Authorization", "Bearer sekret-bearer", "X-Api-Key", "sekret-api-key", "Cookie", "c=sekret-cookie",
						"Proxy-Authorization", "Basic sekret-proxy", "X-Auth-Token", "sekret-token")
				}
			}
			eventually(t, "the last exchange is over", func() bool { return e.handler.InFlight() == 0 })
			log := e.log.String()
			for _, s := range secrets {
				if strings.Contains(log, s) {
					i := strings.Index(log, s)
					t.Errorf("%s is in the log: …%s…", s, log[max(0, i-200):i+len(s)])
				}
			}
			for _, text := range []string{prompt, answer} {
				if got, want := strings.Contains(log, text), name == "COMPLETE"; got != want {
					t.Errorf("%s in the log: %t, want %t", text, got, want)
				}
			}
			if name == "COMPLETE" {
				for _, side := range []string{"request from the client", "request to the upstream", "reply from the upstream", "reply to the client", "event from the upstream", "event to the client"} {
					if !strings.Contains(log, `"msg":"`+side+`"`) {
						t.Errorf("COMPLETE does not show: %s", side)
					}
				}
			}
			if name == "DEBUG" && !strings.Contains(log, `"changes":"`) {
				t.Error("DEBUG does not say what was changed")
			}
			if (name == "ERROR" || name == "WARN") && log != "" {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// panicking is a client's side that makes the handler panic.
type panicking struct {
	*httptest.ResponseRecorder
	at int // the n-th write
	n  int
}

func (p *panicking) Write(b []byte) (int, error) {
	if p.n++; p.n == p.at {
		panic(errors.New("a fault of our own"))
	}
	return p.ResponseRecorder.Write(b)
}

func TestPanicEndsOnlyItsRequest(t *testing.T) {
	target := upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, chatEvent("first"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	e := start(t, target)
	w := &panicking{ResponseRecorder: httptest.NewRecorder(), at: 1}
	e.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/v1/chat/completions", strings.NewReader(chatBody(true))))
	if body := w.Body.String(); !strings.Contains(body, `"code":500`) {
		t.Errorf("the stream does not end by its grammar: %q", body)
	} else {
		wholeStream(t, body)
	}
	lines := e.lines(t, "panic in a request")
	if len(lines) != 1 || !strings.Contains(lines[0]["stack"].(string), "Write") || strings.Contains(e.log.String(), "hello") {
		t.Errorf("log: %s", e.log)
	}
}

func TestPanicBeforeTheHeadIsA500(t *testing.T) {
	e := start(t, "http://127.0.0.1:1")
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/chat/completions", nil)
	r.Body, r.ContentLength = faulty{}, -1
	e.handler.ServeHTTP(w, r)
	if w.Code != 500 || !strings.Contains(w.Body.String(), `"code":500`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

type faulty struct{}

func (faulty) Read([]byte) (int, error) { panic("a fault of our own") }
func (faulty) Close() error             { return nil }

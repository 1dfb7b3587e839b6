package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/grammar/example"
)

// checked is what check-stream said of a stream.
type checked struct {
	code           int
	stdout, stderr string
}

func checkStream(t *testing.T, stdin string, args ...string) checked {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := &process{args: append([]string{"check-stream"}, args...), env: noEnv, stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr}
	code := p.run(t.Context())
	return checked{code, stdout.String(), stderr.String()}
}

func (c checked) mustBe(t *testing.T, code int, stdout, stderr string) {
	t.Helper()
	if c.code != code || !strings.Contains(c.stdout, stdout) || !strings.Contains(c.stderr, stderr) {
		t.Errorf("exit code %d, want %d\nstdout %q, want %q\nstderr %q, want %q", c.code, code, c.stdout, stdout, c.stderr, stderr)
	}
}

func file(t *testing.T, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

var (
	goodResponse = example.Named(example.Responses, "thinking, text and calls")
	goodMessage  = example.Named(example.Messages, "thinking, text and two calls")
)

func TestCheckStreamSaysWhatAGoodStreamHeld(t *testing.T) {
	checkStream(t, "", "--dialect", "responses", file(t, goodResponse.Bytes())).mustBe(t, 0,
		"good: 26 events; items: reasoning, message, function_call, custom_tool_call; ended with response.completed\n", "")
	checkStream(t, string(goodMessage.Bytes()), "--dialect", "messages", "-").mustBe(t, 0,
		"good: 18 events; blocks: thinking, text, tool_use, tool_use; stop reason: tool_use; ended with message_stop\n", "")
	checkStream(t, string(example.Named(example.Messages, "an error within a block").Bytes()), "-dialect", "messages", "-").mustBe(t, 0,
		"stop reason: none; ended with error\n", "")
}

func TestCheckStreamNotesWhatNoClientStumblesOver(t *testing.T) {
	for dialect, streams := range map[string][]example.Stream{"responses": example.OpenAI, "messages": example.Anthropic} {
		for _, s := range streams {
			noted := checkStream(t, string(s.Bytes()), "--dialect", dialect, "-")
			noted.mustBe(t, 0, "\ngood: ", "")
			for line := range strings.Lines(noted.stdout) {
				if !strings.HasPrefix(line, "note: event ") && !strings.HasPrefix(line, "good: ") {
					t.Error(line)
				}
			}
			strict := checkStream(t, string(s.Bytes()), "--dialect", dialect, "--strict", "-")
			strict.mustBe(t, 1, "event ", fmt.Sprintf("faults: %d", strings.Count(noted.stdout, "note: ")))
			if strings.Contains(strict.stdout, "note: ") {
				t.Error(strict.stdout)
			}
		}
	}
}

func TestCheckStreamPrintsEachFault(t *testing.T) {
	bad := goodResponse.Line(7, `"rs_1"`, `"rs_2"`).Line(10, `"content_index":0`, `"content_index":1`)
	got := checkStream(t, "", "--dialect", "responses", file(t, bad.Bytes()))
	got.mustBe(t, 1, "event 7 (response.content_part.done): item_id is \"rs_2\"; must be \"rs_1\" as in output_item.added\n"+
		"event 10 (response.content_part.added): content_index is 1; must be 0\n", "faults: 2")
	if strings.Contains(got.stdout, "good") {
		t.Error(got.stdout)
	}
}

func TestCheckStreamTakesOptions(t *testing.T) {
	named := func(name string) string { return string(example.Named(example.Responses, name).Bytes()) }
	open := named("the events of Open Responses")
	checkStream(t, open, "--dialect", "responses", "-").mustBe(t, 1, "response.reasoning.delta): may not come here", "")
	checkStream(t, open, "--dialect", "responses", "--open-responses", "-").mustBe(t, 0, "good", "")
	alive := named("background, with an empty answer")
	checkStream(t, alive, "--dialect", "responses", "--strict", "-").mustBe(t, 1, "keepalive", "")
	checkStream(t, alive, "--dialect", "responses", "--keepalive", "-").mustBe(t, 0, "good: 6 events; items: none", "")
	checkStream(t, named("text")+"data: [DONE]\n\n", "--dialect", "responses", "--done", "-").mustBe(t, 0, "good", "")
	resumed := strings.Join(strings.SplitAfter(named("text"), "\n\n")[4:], "")
	checkStream(t, resumed, "--dialect", "responses", "--first", "4", "-").mustBe(t, 0, "good: 6 events", "")
	estimated := goodMessage.With(`"input_tokens":0`, `"input_tokens":70`)
	checkStream(t, string(estimated.Bytes()), "--dialect", "messages", "-").mustBe(t, 1, "message_start counted 70", "")
	checkStream(t, string(estimated.Bytes()), "--dialect", "messages", "--estimated-input", "-").mustBe(t, 0, "good", "")
}

func TestCheckStreamRefusesWhatHasNoEffect(t *testing.T) {
	tests := []struct {
		args  []string
		fault string
	}{
		{[]string{"-"}, "--dialect"},
		{[]string{"--dialect", "chat", "-"}, "responses"},
		{[]string{"--dialect", "messages", "--done", "-"}, "are for --dialect responses"},
		{[]string{"--dialect", "responses", "--estimated-input", "-"}, "is for --dialect messages"},
		{[]string{"--dialect", "responses", "--data", "x.json", "-"}, "are for a URL"},
		{[]string{"--dialect", "responses", "--first=-1", "-"}, "--first is -1; must be 0 or more"},
		{[]string{"--dialect", "responses", "/does/not/exist"}, "no such file"},
		{[]string{"--dialect", "responses", "http://127.0.0.1:1", "-H", "secret"}, "--header needs the form KEY:VALUE"},
		{[]string{"--dialect", "responses", "http://127.0.0.1:1", "--data", "/does/not/exist"}, "no such file"},
		{[]string{"--dialect", "responses", "http://127.0.0.1:1/?api_key=hidden"}, "refused"},
		{[]string{"--dialect", "responses", "http://a b"}, "invalid character"},
	}
	for _, tt := range tests {
		got := checkStream(t, "", tt.args...)
		got.mustBe(t, 1, "", tt.fault)
		if strings.Contains(got.stderr, "secret") || strings.Contains(got.stderr, "hidden") {
			t.Error(got.stderr)
		}
	}
}

func TestCheckStreamAsksAServer(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.Method == http.MethodGet && r.URL.Path == "/stored":
		case r.Method != http.MethodPost || string(body) != `{"stream":true}` || r.Header.Get("Content-Type") != "application/json":
			http.Error(w, fmt.Sprintf("no such request: %s %s", r.Method, body), http.StatusBadRequest)
			return
		case r.Header.Get("Authorization") != "Bearer a,b:c" || r.Header.Get("X-Two") != "2":
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		switch r.URL.Path {
		case "/json":
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"object":"response"}`)
		case "/cut":
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write(goodResponse.Bytes()[:3000])
		case "/unfinished":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = w.Write(goodResponse.Bytes())
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		default:
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			_, _ = w.Write(goodResponse.Bytes())
		}
	}))
	defer srv.Close()
	data := file(t, []byte(`{"stream":true}`))
	ask := func(path string, more ...string) checked {
		return checkStream(t, `{"stream":true}`, append([]string{"--dialect", "responses", srv.URL + path}, more...)...)
	}
	key := []string{"--header", "Authorization: Bearer a,b:c", "-H", "x-two:2"}
	ask("/", append(key, "--data", data)...).mustBe(t, 0, "good: 26 events", "")
	ask("/", append(key, "--data", "-")...).mustBe(t, 0, "good: 26 events", "")
	ask("/stored").mustBe(t, 0, "good: 26 events", "")
	ask("/").mustBe(t, 1, "", "answered 400 Bad Request: no such request: GET")
	ask("/", "--data", data).mustBe(t, 1, "", "answered 401 Unauthorized: who are you?")
	ask("/json", append(key, "--data", data)...).mustBe(t, 1, "", `does the request say "stream":true? {"object":"response"}`)
	ask("/cut", append(key, "--data", data)...).mustBe(t, 1, "the stream ends", "the connection broke behind 3000 bytes")
	ask("/unfinished", append(key, "--data", data)...).mustBe(t, 1, "", "the connection broke behind")
}

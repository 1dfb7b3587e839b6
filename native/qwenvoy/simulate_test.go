package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// runDemo runs the demo and returns its output once it has greeted.
func runDemo(t *testing.T, args ...string) string {
	t.Helper()
	var out output
	p := &process{
		args: append([]string{"demo"}, args...), env: func(string) (string, bool) { return "", false },
		stdout: &out, stderr: io.Discard, signals: make(chan os.Signal, 2),
		listen: func(string) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") },
	}
	code := make(chan int, 1)
	go func() { code <- p.run(t.Context()) }()
	t.Cleanup(func() {
		p.signals <- syscall.SIGTERM
		if got := <-code; got != 0 {
			t.Errorf("exit code %d", got)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(out.String(), "In a browser"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no greeting: %s", out.String())
		}
	}
	return out.String()
}

// What the demo tells people to type must work as it stands.
func TestTheDemosCommandsWork(t *testing.T) {
	greeting := runDemo(t)
	posts := regexp.MustCompile(`(?s)curl (?:-N )?(http://\S+) -H '([^:]+): ([^']+)' \\\s+-d '([^']+)'`).FindAllStringSubmatch(greeting, -1)
	if len(posts) != 2 {
		t.Fatalf("found %d commands with a body in %s", len(posts), greeting)
	}
	for i, c := range posts {
		resp, err := http.Post(c[1], c[3], strings.NewReader(c[4]))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %d %v %s", c[4], resp.StatusCode, err, body)
		}
		if i == 0 && !strings.Contains(gjson.GetBytes(body, "choices.0.message.content").String(), "1 2 3 4 5") {
			t.Errorf("it did not count: %s", body)
		}
		if i == 1 && !bytes.HasSuffix(body, []byte("data: [DONE]\n\n")) {
			t.Errorf("no stream: %s", body)
		}
	}
	url := regexp.MustCompile(`curl (http://\S+/v1/models)`).FindStringSubmatch(greeting)[1]
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); gjson.GetBytes(body, "data.#").Int() != 9 {
		t.Errorf("models: %s", body)
	}
}

// What it prints of agents and SDKs is for this gateway.
func TestTheDemoConnectsAgentsAndSDKs(t *testing.T) {
	greeting := runDemo(t)
	url := regexp.MustCompile(`curl (http://\S+)/v1/models`).FindStringSubmatch(greeting)[1]
	golden(t, "demo", strings.ReplaceAll(greeting, strings.TrimPrefix(url, "http://"), "ADDRESS"))
}

// An agent's first request is 100 KB of instructions and tools.
func TestTheDemoHasRoomForAnAgent(t *testing.T) {
	url := regexp.MustCompile(`curl (http://\S+)/v1/models`).FindStringSubmatch(runDemo(t))[1]
	body := `{"model":"qwen3.5-thinking-coding","messages":[{"role":"system","content":"` + strings.Repeat("Read a file. ", 16_000) + `"},{"role":"user","content":"Count to 5"}]}`
	resp, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}

// Qwen3.5 sees, so the demo takes images.
func TestTheDemoTakesImages(t *testing.T) {
	url := regexp.MustCompile(`curl (http://\S+)/v1/models`).FindStringSubmatch(runDemo(t))[1]
	body := `{"model":"qwen3.5-instruct-general","input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="},{"type":"input_text","text":"Count to 5"}]}]}`
	resp, err := http.Post(url+"/v1/responses", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || gjson.GetBytes(text, "output.0.content.0.text").Str != "1 2 3 4 5" {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}

func TestTheDemoTakesARealServer(t *testing.T) {
	if got := runDemo(t, "-target", "http://127.0.0.1:1", "-served-model", "Qwen/X"); !strings.Contains(got, "in front of http://127.0.0.1:1") {
		t.Error(got)
	}
}

// A server that a variable or a file names is a target, too.
func TestTheDemoTakesTheServerOfAFile(t *testing.T) {
	path := write(t, "upstreams: [{url: 'http://127.0.0.1:1', model: Qwen/X}]\n")
	if got := runDemo(t, "--config", path); !strings.Contains(got, "in front of http://127.0.0.1:1") {
		t.Error(got)
	}
}

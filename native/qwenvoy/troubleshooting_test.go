package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// A trouble is one that a user may have, brought about.
type trouble struct {
	server  func(t *testing.T) string // its address
	env     map[string]string
	file    string // configuration, URL stands for the server's address
	header  http.Header
	host    string
	body    string
	unnamed bool // no served model is configured
	refuse  bool // the gateway does not start
	taken   bool // its port is another's
	silent  bool // no words of ours tell it, so that none are quoted
}

func simulated(o simulator.Options) func(*testing.T) string {
	return func(t *testing.T) string { return servedBy(t, simulator.New(o)) }
}

func servedBy(t *testing.T, h http.Handler) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

const (
	ask       = `{"model":"qwen3.5-thinking-coding","messages":[{"role":"user","content":"Hi"}]`
	askTools  = ask + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]}`
	wrongKey  = "sk-wrong-1234567890"
	serverKey = "sk-right-1234567890"
)

// troubles are the rows of the table, by their cause.
var troubles = map[string]trouble{
	"nobody listens at the server's address": {server: func(*testing.T) string { return "http://127.0.0.1:1" }},
	"the server does not answer, and its model is not named in the configuration": {
		unnamed: true, server: func(*testing.T) string { return "http://127.0.0.1:1" }},
	"the address has the wrong scheme: the server has no TLS": {server: func(t *testing.T) string {
		return strings.Replace(simulated(simulator.Options{})(t), "http:", "https:", 1)
	}},
	"the address has the wrong scheme: the server has TLS": {server: func(t *testing.T) string {
		s := httptest.NewUnstartedServer(simulator.New(simulator.Options{}))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.TLS = &tls.Config{}
		s.StartTLS()
		t.Cleanup(s.Close)
		return strings.Replace(s.URL, "https:", "http:", 1)
	}},
	"the server is starting, or its engine has failed": {server: func(t *testing.T) string {
		return servedBy(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	}},
	"the gateway's key is not the server's": {server: simulated(simulator.Options{APIKey: serverKey}),
		env: map[string]string{"QWENVOY_UPSTREAM_API_KEY": wrongKey}},
	"the server wants a key, and the client sent none": {server: simulated(simulator.Options{APIKey: serverKey})},
	"the server serves another name":                   {server: simulated(simulator.Options{ServedModel: "other"})},
	"the server has several models, and none is named": {unnamed: true, server: func(t *testing.T) string {
		sim := simulator.New(simulator.Options{})
		return servedBy(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/models" {
				sim.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"one","owned_by":"vllm"},{"id":"two","owned_by":"vllm"}]}`)
		}))
	}},
	"the client asks for a name that the gateway does not have":                {body: `{"model":"nobody","messages":[{"role":"user","content":"Hi"}]}`},
	"vLLM has no parser for thinking":                                          {server: simulated(simulator.Options{Fault: []string{"no-reasoning-parser"}})},
	"vLLM has no parser for tool calls":                                        {server: simulated(simulator.Options{Fault: []string{"no-tool-parser"}}), body: askTools},
	"the model's window is too small":                                          {server: simulated(simulator.Options{MaxModelLen: 8192}), body: strings.Replace(ask, "Hi", strings.Repeat("word ", 40000), 1) + "}"},
	"something else has the port, perhaps a gateway":                           {refuse: true, taken: true},
	"the request came to a name that is not this machine's, as behind a proxy": {host: "gw.example.com"},
	"a web page of another origin, or a desktop program whose window is one":   {header: http.Header{"Origin": {"https://app.example.com"}}},
	"a key of the file is misspelt":                                            {refuse: true, file: "served_modl: true\nupstreams: [{url: 'URL', model: m}]\n"},
	"a variable is misspelt":                                                   {env: map[string]string{"QWENVOY_SERVED_MODL": "x"}},
	"its token limit is below 1,024, which thinking would eat":                 {body: ask + `,"max_tokens":100}`},
	"a hosted tool that nobody here can run":                                   {body: `RESPONSES{"model":"qwen3.5-thinking-coding","input":"Hi","tools":[{"type":"web_search"},{"type":"function","name":"f","parameters":{"type":"object"}}]}`},
	"the client sends a temperature of its own with every request":             {silent: true},
}

// Each row of the table quotes what is really said where its cause is brought about, and what
// its cure names there is.
func TestTroubleshooting(t *testing.T) {
	text, err := os.ReadFile("../deploy/TROUBLESHOOTING.md")
	if err != nil {
		t.Fatal(err)
	}
	var known bytes.Buffer // what cures may name
	for _, command := range []string{"serve", "doctor", "check-config"} {
		known.WriteString(printed(t, "help", command))
	}
	example, err := os.ReadFile("../deploy/qwenvoy.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	known.Write(example)
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 3 || strings.HasPrefix(line, "| symptom") || strings.HasPrefix(line, "|---") {
			continue
		}
		rows++
		cause := strings.TrimSpace(cells[1])
		t.Run(cause, func(t *testing.T) {
			b, ok := troubles[cause]
			if !ok {
				t.Fatal("nothing brings this cause about")
			}
			quotes := quoted.FindAllStringSubmatch(cells[0], -1)
			if b.silent != (len(quotes) == 0) {
				t.Fatalf("quotes %q", quotes)
			}
			if b.silent {
				return
			}
			said := b.bring(t)
			for _, q := range quotes {
				parts := strings.Split(q[1], "…")
				for i, p := range parts {
					parts[i] = regexp.QuoteMeta(p)
				}
				pattern := regexp.MustCompile(strings.Join(parts, ".+"))
				for end := time.Now().Add(soon); !pattern.MatchString(said()); time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("nothing says %q in\n%s", q[1], said())
					}
				}
			}
			for _, q := range quoted.FindAllStringSubmatch(cells[2], -1) {
				for _, word := range strings.Fields(q[1]) {
					if key, _, ok := strings.Cut(word, ":"); !strings.Contains(known.String()+said(), word) && !(ok && strings.Contains(known.String(), key)) {
						t.Errorf("the cure names %s, which nothing speaks of", word)
					}
				}
			}
		})
	}
	if rows != len(troubles) {
		t.Errorf("%d rows, %d causes", rows, len(troubles))
	}
}

var quoted = regexp.MustCompile("`([^`]+)`")

// bring brings the trouble about, and returns what is said of it: by the log, which goes on, to
// a client and by the doctor.
func (b trouble) bring(t *testing.T) func() string {
	if b.server == nil {
		b.server = simulated(simulator.Options{})
	}
	url := b.server(t)
	env := func(name string) (string, bool) { v, ok := b.env[name]; return v, ok }
	args := []string{"--target", url, "--served-model", simulator.DefaultModel}
	if b.unnamed {
		args = args[:2]
	}
	if b.file != "" {
		args = []string{"--config", write(t, strings.ReplaceAll(b.file, "URL", url))}
	}
	seen := doctored(t, b.env, args...).stdout
	if b.refuse {
		stderr := &output{}
		p := &process{args: append([]string{"serve"}, args...), env: env, stdout: io.Discard, stderr: stderr}
		if b.taken {
			other, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			p.args = append(p.args, "--listen", other.Addr().String())
		}
		if code := p.run(t.Context()); code == 0 {
			t.Error("it started")
		}
		seen += stderr.String()
		return func() string { return seen }
	}
	r := run(t, env, args...)
	for _, note := range settings.Notes(environ(b.env)) {
		seen += note + "\n" // as serve logs them
	}
	if b.unnamed {
		r.logged(t, `"msg":"upstream check`)
	}
	seen += b.asked(t, r.url)
	return func() string { return seen + plainLog(r.log.String()) }
}

// asked is what a client is answered.
func (b trouble) asked(t *testing.T, url string) string {
	body, route := b.body, "/v1/chat/completions"
	if body == "" {
		body = ask + "}"
	}
	if rest, ok := strings.CutPrefix(body, "RESPONSES"); ok {
		body, route = rest, "/v1/responses"
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+route, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for name, values := range b.header {
		req.Header[name] = values
	}
	if b.host != "" {
		req.Host = b.host
	}
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	var out bytes.Buffer
	out.WriteString(reply.Status + "\n")
	for name, values := range reply.Header {
		out.WriteString(strings.ToLower(name) + ": " + strings.Join(values, ", ") + "\n")
	}
	_, _ = io.Copy(&out, reply.Body)
	return out.String() + "\n"
}

// plainLog is a log without the quotes of JSON.
func plainLog(lines string) string {
	var out strings.Builder
	for line := range strings.Lines(lines) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil {
			out.WriteString(line)
			continue
		}
		for _, v := range fields {
			if s, ok := v.(string); ok {
				out.WriteString(s + "\n")
			}
		}
	}
	return out.String()
}

func environ(env map[string]string) (all []string) {
	for name, value := range env {
		all = append(all, name+"="+value)
	}
	return all
}

package doctor

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// An answer takes a request's body and answers it, or leaves it to the simulator.
type answer func(w http.ResponseWriter, r *http.Request, body string) bool

// like is a simulated server that answers some requests otherwise.
func like(o simulator.Options, a answer) http.Handler {
	sim := simulator.New(o)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if !a(w, r, string(b)) {
			r.Body = io.NopCloser(strings.NewReader(string(b)))
			sim.ServeHTTP(w, r)
		}
	})
}

// at answers on one path if the body holds a text.
func at(path, holds string, status int, kind, reply string) answer {
	return func(w http.ResponseWriter, r *http.Request, body string) bool {
		if r.URL.Path != path || !strings.Contains(body, holds) {
			return false
		}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, reply)
		return true
	}
}

const (
	plainJSON = "application/json"
	events    = "text/event-stream"
	chat      = "/v1/chat/completions"
	streamed  = `"stream":true`
	usage     = `data: {"choices":[],"usage":{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":0}}}` + "\n\n"
	weather   = "Weather in Paris"
)

func TestEachFaultOfAServerIsARow(t *testing.T) {
	said := func(text string) string {
		return `{"choices":[{"message":{"role":"assistant","content":"` + text + `"}}]}`
	}
	deep := func(o *Options) { o.Deep = true } // it finds that connections are closed at once, too
	keep := func(o *Options) {
		file := write(t, "keep.yaml", "late_system: keep\n", 0o600)
		o.Flags.Config = &file
	}
	for _, tt := range []struct {
		name       string
		a          answer
		o          simulator.Options
		set        func(*Options)
		check      string
		status     probe.Status
		found, fix string
		besides    []string
	}{
		{"Rust", at("/version", "", 200, plainJSON, `{"version":"0.33.0","rust_frontend_version":"0.1"}`), simulator.Options{}, nil,
			"front end", probe.Info, "Rust", "", nil},
		{"no tokenize", at("/tokenize", "", 404, plainJSON, `{"detail":"Not Found"}`), simulator.Options{}, nil,
			"tokenize", probe.Warn, "404: Not Found", "let /tokenize through", nil},
		{"late system anywhere", at("/tokenize", "Be brief", 200, plainJSON, `{"count":1,"tokens":[1]}`), simulator.Options{}, nil,
			"late system", probe.Info, "late_system: keep is possible", "", nil},
		{"late system kept", nil, simulator.Options{}, keep, "late system", probe.Fail, "late_system is keep", "late_system: dialect", nil},
		{"late system broken", at("/tokenize", "Be brief", 500, plainJSON, `{"detail":"oh"}`), simulator.Options{}, nil,
			"late system", probe.Skip, "500: oh", "", nil},
		{"no developer", nil, simulator.Options{OldDeveloper: true}, nil, "developer role", probe.Info, "the server refuses it", "", nil},
		{"no switch", at("/tokenize", "enable_thinking", 200, plainJSON, `{"count":1,"tokens":[1,2]}`), simulator.Options{}, nil,
			"thinking switch", probe.Fail, "ignores enable_thinking", "start vLLM with the model's own template", nil},
		{"no switch, and never thinks", at("/tokenize", "enable_thinking", 200, plainJSON, `{"count":1,"tokens":[1,2]}`),
			simulator.Options{ServedModel: "Qwen3-Coder-Next"}, func(o *Options) { o.Flags.ServedModel = ptr("Qwen3-Coder-Next") },
			"thinking switch", probe.Info, "does not think", "", nil},
		{"no switch, and always thinks", at("/tokenize", "enable_thinking", 200, plainJSON, `{"count":1,"tokens":[1,2]}`),
			simulator.Options{ServedModel: "Qwen3-8B-Thinking-2507"}, func(o *Options) { o.Flags.ServedModel = ptr("Qwen3-8B-Thinking-2507") },
			"thinking switch", probe.Info, "always thinks", "", nil},
		{"a name of its own", nil, simulator.Options{ServedModel: "prod"}, func(o *Options) { o.Flags.ServedModel = ptr("prod") },
			"generation", probe.Info, "tells none", "upstreams: [{generation:", nil},
		{"images", nil, simulator.Options{Images: true}, nil, "media", probe.Info, "fetches any address", "--allowed-media-domains", nil},
		{"no event stream", at(chat, streamed, 200, plainJSON, `{}`), simulator.Options{}, nil, "stream", probe.Fail, "no event stream", "in front", nil},
		{"no usage", at(chat, streamed, 200, events, "data: {\"choices\":[{}]}\n\ndata: [DONE]\n\n"), simulator.Options{}, nil,
			"stream", probe.Warn, "no usage", "stream_options", nil},
		{"no end", at(chat, streamed, 200, events, usage), simulator.Options{}, nil, "stream", probe.Warn, "without [DONE]", "", nil},
		{"no details", at(chat, streamed, 200, events, `data: {"choices":[],"usage":{"prompt_tokens":1,"prompt_tokens_details":null}}`+"\n\ndata: [DONE]\n\n"),
			simulator.Options{}, nil, "stream", probe.Info, "is not told", "--enable-prompt-tokens-details", nil},
		{"stream refused", at(chat, streamed, 503, plainJSON, `{"error":{"message":"busy `+secret+`"}}`), simulator.Options{}, nil,
			"stream", probe.Skip, "503: busy", "", nil},
		{"clock, somewhat", nil, simulator.Options{}, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(time.Minute) } },
			"clock", probe.Warn, "differs by", "NTP", nil},
		{"clock", nil, simulator.Options{}, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(-time.Hour) } },
			"clock", probe.Fail, "differs by", "NTP", nil},
		{"another server", at("/v1/models", "", 200, plainJSON, `{"data":[{"id":"`+simulator.DefaultModel+`","owned_by":"sglang","max_model_len":65536}]}`),
			simulator.Options{}, nil, "drain", probe.Skip, "known of vLLM alone", "", []string{"tool parser"}},

		{"a call", nil, simulator.Options{}, deep, "tool call", probe.OK, "comes as one", "", nil},
		{"a call as text", at(chat, weather, 200, plainJSON, said(`<tool_call>\n<function=get_weather>`)), simulator.Options{}, deep,
			"tool call", probe.Fail, "comes as text: <tool_call>", "--tool-call-parser qwen3_coder", nil},
		{"a call lost", at(chat, weather, 200, plainJSON, said("")), simulator.Options{}, deep, "tool call", probe.Fail, "is lost", "--tool-call-parser", nil},
		{"no call", at(chat, weather, 200, plainJSON, said("It is sunny.")), simulator.Options{}, deep, "tool call", probe.Skip, "It is sunny.", "", nil},
		{"broken arguments", nil, simulator.Options{Fault: []string{"bad-arguments"}}, deep, "tool call", probe.Fail, "no JSON", "--tool-call-parser", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.a == nil {
				tt.a = func(http.ResponseWriter, *http.Request, string) bool { return false }
			}
			up := http.Server{Handler: like(tt.o, tt.a), IdleTimeout: time.Second}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go up.Serve(ln)
			defer up.Close()
			mustSay(t, examined(t, "http://"+ln.Addr().String(), tt.set), tt.check, tt.status, tt.found, tt.fix, append(tt.besides, "idle")...)
		})
	}
}

// The whole costs a few tokens, and nothing is asked that has no bound.
func TestTheQuestionsAreSmall(t *testing.T) {
	tokens := atomic.Int64{}
	up := serve(t, like(simulator.Options{}, func(_ http.ResponseWriter, r *http.Request, body string) bool {
		if r.URL.Path == chat {
			if !gjson.Get(body, "max_tokens").Exists() {
				t.Error(body)
			}
			tokens.Add(gjson.Get(body, "max_tokens").Int())
		}
		return false
	}))
	examined(t, up, nil)
	if n := tokens.Load(); n > 6 {
		t.Errorf("%d tokens", n)
	}
}

func TestIdle(t *testing.T) {
	for _, tt := range []struct {
		name       string
		idle, ours time.Duration
		status     probe.Status
		found, fix string
	}{
		{"sooner than the gateway", time.Second, 6 * time.Second, probe.Fail, "the gateway keeps it for 6s", "upstream_idle: 3s"},
		{"never by the gateway", time.Second, 0, probe.Fail, "the gateway keeps it for ever", "upstream_idle: 3s"},
		{"later than the gateway", 2 * time.Second, 100 * time.Millisecond, probe.OK, "the gateway after 100ms", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			up := http.Server{Handler: simulator.New(simulator.Options{}), IdleTimeout: tt.idle}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go up.Serve(ln)
			t.Cleanup(func() { up.Close() })
			file := write(t, "idle.yaml", "timeouts: {upstream_idle: "+tt.ours.String()+"}\n", 0o600)
			r := examined(t, "http://"+ln.Addr().String(), func(o *Options) { o.Deep, o.Flags.Config = true, &file })
			mustSay(t, r, "idle", tt.status, tt.found, tt.fix)
		})
	}
}

// What is beyond this machine may be open to others.
func TestOpenRoutes(t *testing.T) {
	host := ""
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			host = n.IP.String()
		}
	}
	if host == "" {
		t.Skip("this machine has no address but loopback")
	}
	look := func(o simulator.Options, a answer, key bool) *Report {
		t.Helper()
		ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Skip(err)
		}
		up := http.Server{Handler: like(o, a)}
		go up.Serve(ln)
		t.Cleanup(func() { up.Close() })
		return examined(t, "http://"+ln.Addr().String(), func(o *Options) {
			if key {
				o.Env = keyed
			}
		})
	}
	none := func(http.ResponseWriter, *http.Request, string) bool { return false }
	mustSay(t, look(simulator.Options{}, none, false), "open routes", probe.Info, "asks nobody for a key", "--api-key")
	mustSay(t, look(simulator.Options{APIKey: secret}, none, true), "open routes", probe.Info, "/tokenize and /metrics answer without a key", "firewall")
	guarded := func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if r.Header.Get("Authorization") != "" || r.URL.Path == "/health" {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	mustSay(t, look(simulator.Options{APIKey: secret}, guarded, true), "open routes", probe.OK, "nothing answers without a key", "")
}

// A server that is hostile to those who look at it.
func TestAHostileServer(t *testing.T) {
	hostile := "\\u001b[2J" + secret + strings.Repeat("x", 9000)
	for _, body := range []string{"", "null", "[]", "{", `{"error":{"message":"` + hostile + `"}}`, `{"data":[{"id":"` + hostile + `"}],"count":"x","tokens":{}}`} {
		for _, status := range []int{200, 400, 404, 418} {
			up := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			}))
			r := examined(t, up, func(o *Options) { o.Env = keyed })
			if r.Code != ExitFault && r.Code != ExitUnreachable {
				t.Errorf("%d %s: exit code %d\n%s", status, body, r.Code, text(t, r))
			}
		}
	}
}

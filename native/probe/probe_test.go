package probe

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/simulator"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

var discard = log.New(io.Discard, "", 0)

// ourKey is what no finding may show.
const ourKey = "sk-probe-7f3a9c0042"

// server makes a Server of what the simulator and a test's own settings are.
func server(t *testing.T, url string, set func(*config.Upstream)) *Server {
	t.Helper()
	u := config.Upstream{Name: "default", URL: url, Model: simulator.DefaultModel}
	if set != nil {
		set(&u)
	}
	s, err := New(u, config.Default().Timeouts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func serveTLS(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = discard
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// closed is the address of a port on which nothing listens.
func closed(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return "http://" + ln.Addr().String()
}

// raw is a server that says the same to everybody, whatever they speak.
func raw(t *testing.T, says string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1<<10))
			_, _ = io.WriteString(c, says)
			c.Close()
		}
	}()
	return "http://" + ln.Addr().String()
}

// like is the simulator with some of its answers replaced.
func like(o simulator.Options, answers map[string]http.HandlerFunc) http.Handler {
	sim := simulator.New(o)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := answers[r.URL.Path]; h != nil {
			h(w, r)
			return
		}
		sim.ServeHTTP(w, r)
	})
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func withKey(k string) func(*config.Upstream) { return func(u *config.Upstream) { u.APIKey = k } }

// https turns an address's scheme round.
func https(url string) string { return strings.Replace(url, "http://", "https://", 1) }

func http1(url string) string { return strings.Replace(url, "https://", "http://", 1) }

// Each row breaks one thing, and says which finding tells it, with which cure. All that stands
// beside it is as good as it was.
func TestEachFaultIsNamedWithItsCure(t *testing.T) {
	type o = simulator.Options
	list := func(entries string) http.HandlerFunc { return says(200, `{"object":"list","data":[`+entries+`]}`) }
	for _, tt := range []struct {
		name       string
		url        func(t *testing.T) string
		set        func(*config.Upstream)
		check      string
		status     Status
		found, fix string
	}{
		{"dead", closed, nil, "reach", Fail, "nothing listens on http://127.0.0.1:", "start the server there, or correct upstreams[0].url (--target, QWENVOY_TARGET)"},
		{"https to plain HTTP", func(t *testing.T) string { return https(serve(t, simulator.New(o{}))) }, nil,
			"reach", Fail, "speaks plain HTTP, and the address says https", "write http:// in place of https:// in upstreams[0].url"},
		{"https to plain HTTP that is silent", func(t *testing.T) string {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ln.Close() })
			go func() { // as a server that answers what it understands only
				for {
					c, err := ln.Accept()
					if err != nil {
						return
					}
					b := make([]byte, 4)
					if _, err := io.ReadFull(c, b); err == nil && string(b) == "GET " {
						_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					}
					c.Close()
				}
			}()
			return "https://" + ln.Addr().String()
		}, nil, "reach", Fail, "speaks plain HTTP, and the address says https", "write http:// in place of https://"},
		{"http to TLS", func(t *testing.T) string { return http1(serveTLS(t, simulator.New(o{}))) }, nil,
			"reach", Fail, "speaks TLS, and the address says http", "write https:// in place of http:// in upstreams[0].url"},
		{"unknown authority", func(t *testing.T) string { return serveTLS(t, simulator.New(o{})) }, nil,
			"reach", Fail, "of an authority that this machine does not know", "SSL_CERT_FILE"},
		{"no HTTP", func(t *testing.T) string { return raw(t, "SSH-2.0-OpenSSH_9.9\r\n") }, nil,
			"reach", Fail, "no answer from http://127.0.0.1:", "look whether what listens there is the model server"},
		{"closes at once", func(t *testing.T) string { return raw(t, "") }, nil,
			"reach", Fail, "no answer from http://127.0.0.1:", "look whether what listens there is the model server"},
		{"starting", func(t *testing.T) string {
			return serve(t, like(o{}, map[string]http.HandlerFunc{"/health": says(503, `{"detail":"the engine\nis not ready"}`)}))
		}, nil, "reach", Fail, "answers 503 on /health: the engine is not ready", "starting, or its engine has failed"},
		{"redirected", func(t *testing.T) string {
			return serve(t, http.RedirectHandler("https://models.example.com/", http.StatusMovedPermanently))
		}, nil, "reach", Fail, "redirects (301) to https://models.example.com/", "redirects are not followed"},

		{"wrong key", func(t *testing.T) string { return serve(t, simulator.New(o{APIKey: "sk-right-1234567890"})) }, withKey(ourKey),
			"key", Fail, "the server refuses the configured key (401): Unauthorized", "set upstreams[0].api_key (QWENVOY_UPSTREAM_API_KEY)"},
		{"no key", func(t *testing.T) string { return serve(t, simulator.New(o{APIKey: ourKey})) }, nil,
			"key", Info, "none is configured: clients have to send the server's own", "or set upstreams[0].api_key"},
		{"forbidden", func(t *testing.T) string {
			return serve(t, like(o{}, map[string]http.HandlerFunc{"/v1/models": says(403, `{"error":{"message":"no `+ourKey+` here"}}`)}))
		}, withKey(ourKey), "key", Fail, "(403): no [redacted] here", "set upstreams[0].api_key"},

		{"wrong name, one there", func(t *testing.T) string { return serve(t, simulator.New(o{ServedModel: "qwen"})) }, nil,
			"model", Fail, "the server has no Qwen/Qwen3.5-397B-A17B-FP8, it has qwen",
			"set upstreams[0].model (--served-model, QWENVOY_SERVED_MODEL) to qwen, or start vLLM with --served-model-name"},
		{"wrong name, many there", func(t *testing.T) string {
			var entries []string
			for i := range 12 {
				entries = append(entries, fmt.Sprintf(`{"id":"m%d","owned_by":"vllm"}`, i))
			}
			return serve(t, like(o{}, map[string]http.HandlerFunc{"/v1/models": list(strings.Join(entries, ","))}))
		}, nil, "model", Fail, "it has m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, and 2 more", "to a name that it has"},
		{"no list", func(t *testing.T) string { return serve(t, http.NotFoundHandler()) }, nil,
			"model", Fail, "(404 on /v1/models)", "correct upstreams[0].url"},
		{"a page", func(t *testing.T) string { return serve(t, says(200, "<html>hello</html>")) }, nil,
			"model", Fail, "lists no models", "look whether it is the model server"},

		{"small window", func(t *testing.T) string { return serve(t, simulator.New(o{MaxModelLen: 8192})) }, nil,
			"window", Warn, "the window of 8192 tokens is too small", "--max-model-len 32768"},
		{"too large a window configured", func(t *testing.T) string { return serve(t, simulator.New(o{MaxModelLen: 65536})) },
			func(u *config.Upstream) { u.MaxModelLen = 262144 },
			"window", Warn, "262144 tokens is larger than the server's of 65536", "take upstreams[0].max_model_len"},
		{"unknown window", func(t *testing.T) string {
			return serve(t, like(o{}, map[string]http.HandlerFunc{"/v1/models": list(`{"id":"` + simulator.DefaultModel + `","owned_by":"vllm"}`)}))
		}, nil, "window", Info, "does not say the model's window", "set upstreams[0].max_model_len"},

		{"no reasoning parser", func(t *testing.T) string { return serve(t, simulator.New(o{Fault: []string{"no-reasoning-parser"}})) }, nil,
			"reasoning parser", Warn, "thinking comes as a part of the answer", "start vLLM with --reasoning-parser qwen3"},
		{"no tool parser", func(t *testing.T) string { return serve(t, simulator.New(o{Fault: []string{"no-tool-parser"}})) }, nil,
			"tool parser", Fail, `"auto" tool choice requires`, "--enable-auto-tool-choice --tool-call-parser qwen3_coder"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := server(t, tt.url(t), tt.set).All(context.Background())
			i := slices.IndexFunc(found, func(f Finding) bool { return f.Check == tt.check })
			if i < 0 {
				t.Fatalf("nothing of %s in %+v", tt.check, found)
			}
			f := found[i]
			if f.Status != tt.status || !strings.Contains(f.Found, tt.found) || !strings.Contains(f.Fix, tt.fix) {
				t.Errorf("%+v\nwant %s, %q, %q", f, tt.status, tt.found, tt.fix)
			}
			for i, f := range found {
				if strings.Contains(f.Found+f.Fix, ourKey) || strings.ContainsAny(f.Found+f.Fix, "\n\r") {
					t.Errorf("%+v", f)
				}
				if i > 0 && f.Check != tt.check && f.Bad() && tt.check != "key" && tt.check != "model" {
					t.Errorf("besides %+v", f)
				}
			}
		})
	}
}

func TestNoAddress(t *testing.T) {
	s := server(t, "http://nothing.invalid:8000", nil)
	found, fix := s.unreached(context.Background(), fmt.Errorf("dial: %w", &net.DNSError{Err: "no such host", Name: "nothing.invalid"}))
	if found != "no address is known for the host nothing.invalid" || !strings.HasPrefix(fix, "correct the host in upstreams[0].url") {
		t.Errorf("%s; %s", found, fix)
	}
}

func TestNothingIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*config.Upstream)
		o    simulator.Options
	}{
		{"no key", nil, simulator.Options{}},
		{"key", withKey(ourKey), simulator.Options{APIKey: ourKey}},
		{"a base URL", func(u *config.Upstream) { u.URL += "/v1" }, simulator.Options{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, f := range server(t, serve(t, simulator.New(tt.o)), tt.set).All(context.Background()) {
				got = append(got, f.Check)
				if f.Status != OK || f.Fix != "" {
					t.Errorf("%+v", f)
				}
			}
			if want := []string{"reach", "key", "version", "model", "window", "reasoning parser", "tool parser"}; !slices.Equal(got, want) {
				t.Errorf("%q", got)
			}
		})
	}
}

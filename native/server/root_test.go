package server

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// A browser gets a page at the root, whoever else asks JSON, by the rules of all requests.
func TestTheRootPage(t *testing.T) {
	e := start(t, upstreamOf(t, answers), func(c *config.Config) {
		c.Upstreams[0].APIKey = "sk-sekret"
		c.Upstreams[0].MaxModelLen = 4321
		c.AllowedHosts = nil
	})
	e.handler.SetVersion("v1.2.3")
	for _, tt := range []struct {
		name, method, path string
		header             http.Header
		host               string
		status             int
		kind, holds        string
	}{
		{"a browser", "GET", "/", http.Header{"Accept": {browser}}, "", 200, "text/html; charset=utf-8", "Version v1.2.3"},
		{"its name for us", "GET", "/", http.Header{"Accept": {browser}}, "localhost:9000", 200, "text/html; charset=utf-8", "export ANTHROPIC_BASE_URL=http://localhost:9000\n"},
		{"the window", "GET", "/?x", http.Header{"Accept": {browser}}, "", 200, "text/html; charset=utf-8", "4321 tokens"},
		{"the models", "GET", "/", http.Header{"Accept": {"text/html"}}, "", 200, "text/html; charset=utf-8", "<code>" + virtual + "</code>"},
		{"curl", "GET", "/", http.Header{"Accept": {"*/*"}}, "", 200, "application/json", `{"service":"qwenvoy"}`},
		{"nothing said", "GET", "/", nil, "", 200, "application/json", `{"service":"qwenvoy"}`},
		{"HEAD", "HEAD", "/", http.Header{"Accept": {browser}}, "", 200, "text/html; charset=utf-8", ""},
		{"another page", "GET", "/health", http.Header{"Accept": {browser}}, "", 200, "application/json", `{"status":"healthy"}`},
		{"a foreign name", "GET", "/", http.Header{"Accept": {browser}}, "evil.test", 403, "application/json", "allowed_hosts"},
		{"a foreign page", "GET", "/", http.Header{"Accept": {browser}, "Origin": {"https://evil.test"}}, "", 403, "application/json", "cors.origins"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, e.url+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.header != nil {
				req.Header = tt.header
			}
			req.Host = tt.host
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || resp.Header.Get("Content-Type") != tt.kind || !strings.Contains(string(body), tt.holds) {
				t.Errorf("%v %d %v\n%s", err, resp.StatusCode, resp.Header, body)
			}
			if strings.Contains(string(body), "sekret") {
				t.Error("a secret is shown")
			}
			if strings.HasPrefix(tt.kind, "text/html") {
				for name, want := range map[string]string{"Content-Security-Policy": "default-src 'none'; style-src 'sha256-", "X-Content-Type-Options": "nosniff", "Vary": "accept"} {
					if !strings.Contains(resp.Header.Get(name), want) {
						t.Errorf("%s: %q", name, resp.Header.Get(name))
					}
				}
			}
		})
	}
}

// What stands behind is told to this machine's browsers only.
func TestTheRootPageTellsOfTheServer(t *testing.T) {
	e := start(t, upstreamOf(t, answers))
	behind, err := probe.New(e.config.Upstreams[0], e.config.Timeouts)
	if err != nil {
		t.Fatal(err)
	}
	prober := probe.Start(behind, e.handler.Upstream(), slog.New(slog.DiscardHandler), func(string) {})
	defer prober.Stop()
	eventually(t, "a look at the server", func() bool { return len(e.handler.Upstream().Findings()) > 0 })
	for _, loopback := range []bool{true, false} {
		e.handler.loopback = loopback
		req, err := http.NewRequest("GET", e.url+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", browser)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if strings.Contains(string(body), "<td>reach</td>") != loopback {
			t.Errorf("loopback %t: %s", loopback, body)
		}
	}
}

package server

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// A page of another origin, and one whose name has come to mean this machine, reach no server
// over HTTP/1.1 and HTTP/2, on our routes and on passed ones, by whatever body and upgrade.
func TestForeignPagesReachNoServer(t *testing.T) {
	var asked atomic.Int64
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Upgrade") != "" {
			if c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}); err == nil {
				_ = c.CloseNow()
			}
			return
		}
		answers(w, r)
	}), func(c *config.Config) {
		c.Upstreams[0].APIKey = "sk-upstream"
		c.CORS.Origins = []string{"https://app.example.com"}
		c.AllowedHosts = nil
	})
	body := `{"model":"` + virtual + `","messages":[{"role":"user","content":"hi"}]}`
	for _, h2 := range []bool{false, true} {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(!h2)
		protocols.SetUnencryptedHTTP2(h2)
		tr := &http.Transport{Protocols: protocols}
		defer tr.CloseIdleConnections()
		for _, tt := range []struct {
			path, host string
			header     http.Header
			status     int
		}{
			{"/v1/chat/completions", "", http.Header{"Content-Type": {"text/plain"}, "Origin": {"https://evil.test"}}, 403},
			{"/v1/chat/completions", "", http.Header{"Content-Type": {"text/plain"}, "Sec-Fetch-Site": {"cross-site"}}, 403},
			{"/other", "", http.Header{"Origin": {"https://evil.test"}}, 403},
			{"/other", "", http.Header{"Origin": {"https://app.example.com", "https://evil.test"}}, 403},
			{"/other", "evil.test:9000", http.Header{"Origin": {"http://evil.test:9000"}}, 403},
			{"/other", "evil.test", nil, 403},
			{"/v1/chat/completions", "evil.test", nil, 403},
			{"/health", "evil.test", nil, 403},
			{"/v1/chat/completions", "", http.Header{"Content-Type": {"text/plain"}, "Origin": {"https://app.example.com"}, "Sec-Fetch-Site": {"cross-site"}}, 200},
			{"/v1/chat/completions", "", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, 200},
			{"/v1/chat/completions", "", nil, 200},
			{"/v1/chat/completions", "localhost:9000", http.Header{"Origin": {"http://localhost:9000"}}, 200},
		} {
			req, err := http.NewRequest(http.MethodPost, e.url+tt.path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if tt.header != nil {
				req.Header = tt.header
			}
			req.Host = tt.host
			before := asked.Load()
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != tt.status || (asked.Load() > before) != (tt.status == 200) {
				t.Errorf("HTTP/2 %t, %s at %q with %v: status %d, %d asked, %s", h2, tt.path, tt.host, tt.header, resp.StatusCode, asked.Load()-before, text)
			}
			if tt.status == 403 && resp.Header.Get("Access-Control-Allow-Origin") != "" && tt.host == "" {
				t.Errorf("%s with %v may be read: %v", tt.path, tt.header, resp.Header)
			}
		}
	}
	before := asked.Load()
	for _, path := range []string{"/v1/realtime", "/v1/chat/completions", "/v1/responses"} {
		for _, header := range []http.Header{{"Origin": {"https://evil.test"}}, {"Origin": {"null"}}, {"Sec-Fetch-Site": {"cross-site"}}} {
			conn, resp, err := websocket.Dial(t.Context(), e.url+path, &websocket.DialOptions{HTTPHeader: header})
			if err == nil {
				_ = conn.CloseNow()
			}
			if resp == nil || resp.StatusCode != 403 {
				t.Errorf("upgrade of %s with %v: %v, %v", path, header, resp, err)
			}
		}
	}
	if asked.Load() > before {
		t.Errorf("%d upgrades reached the server", asked.Load()-before)
	}
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, e.url+"/v1/realtime", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://app.example.com"}}})
	if err != nil {
		t.Fatal("an allowed page:", err)
	}
	_ = conn.CloseNow()
}

// Which hosts are served follows from where the process listens, not from what a later
// configuration says of that.
func TestHostsFollowFromWhereTheProcessListens(t *testing.T) {
	up := upstreamOf(t, answers)
	for loopback, want := range map[bool]int{true: 403, false: 200} {
		c := configured(up, func(c *config.Config) { c.AllowedHosts = nil })
		h, err := NewHandler(c, loopback, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for _, later := range []string{"127.0.0.1", "0.0.0.0"} {
			if err := h.Reload(configured(up, func(c *config.Config) { c.Listen, c.AllowedHosts = later, nil })); err != nil {
				t.Fatal(err)
			}
			r, w := httptest.NewRequest("GET", "/health", nil), httptest.NewRecorder()
			r.Host = "evil.test"
			if h.ServeHTTP(w, r); w.Code != want {
				t.Errorf("loopback %v, later %q: status %d, want %d", loopback, later, w.Code, want)
			}
		}
		h.End()
	}
}

// What no Exchange answers says to a page's browser what all replies say.
func TestAnswersOutsideTheCoreAreForPagesToo(t *testing.T) {
	e := start(t, upstreamOf(t, answers))
	const here = "http://localhost:3000"
	c := dial(t, e)
	_, _ = io.WriteString(c, "CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\nOrigin: "+here+"\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 405 || resp.Header.Get("Access-Control-Allow-Origin") != here || resp.Header.Get("Vary") != "origin" {
		t.Errorf("CONNECT: %v, %v", resp, err)
	}
	c = dial(t, e)
	_, _ = io.WriteString(c, "GET http://other.example/v1/models#x HTTP/1.1\r\nHost: other.example\r\nOrigin: "+here+"\r\n\r\n")
	resp, err = http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 400 || resp.Header.Get("Access-Control-Allow-Origin") != here {
		t.Errorf("a bad target: %v, %v", resp, err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/v1/chat/completions", nil)
	r.Header.Set("Origin", here)
	call := newCall(e.handler, t.Context(), newHTTPClient(w, r, CredentialOf(r)), nil, "req-1")
	call.finish("a fault of our own, before the core knew of the exchange")
	if w.Code != 500 || w.Header().Get("Access-Control-Allow-Origin") != here {
		t.Errorf("a panic: %d %v", w.Code, w.Header())
	}
}

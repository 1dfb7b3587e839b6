package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

func TestHTTP2WithoutTLS(t *testing.T) {
	e := start(t, upstreamOf(t, answers))
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	for _, stream := range []bool{false, true} {
		resp, err := (&http.Client{Transport: tr}).Post(e.url+"/v1/chat/completions", "application/json", strings.NewReader(chatBody(stream)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.ProtoMajor != 2 || resp.StatusCode != 200 || !strings.Contains(string(b), virtual) {
			t.Errorf("stream %t: %s %d %v %s", stream, resp.Proto, resp.StatusCode, err, b)
		}
		if stream {
			wholeStream(t, string(b))
		}
	}
}

func TestExpectContinue(t *testing.T) {
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		if v := r.Header.Get("Expect"); v != "" {
			t.Errorf("the upstream was told to expect %q", v)
		}
		answers(w, r)
	}), func(c *config.Config) { c.Limits.Body = 1 << 10 })
	for _, tt := range []struct {
		name string
		body string
		want []int
	}{
		{"a body that is wanted", chatBody(false), []int{100, 200}},
		{"a body that is too large", sized(t, 2<<10), []int{413}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, e)
			fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(tt.body))
			r := bufio.NewReader(c)
			for _, want := range tt.want {
				resp, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != want {
					t.Fatalf("status %d, want %d", resp.StatusCode, want)
				}
				if want == 100 {
					_, _ = io.WriteString(c, tt.body)
				}
			}
		})
	}
}

func TestHopByHopFields(t *testing.T) {
	var seen atomic.Pointer[http.Header]
	e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		seen.Store(&req.Header)
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nX-End: 1\r\nContent-Length: %d\r\n\r\n%s", len(chatReply), chatReply)
	}))
	for _, path := range []string{"/v1/chat/completions", "/elsewhere"} {
		status, header, _ := e.do(t, "POST", path, strings.NewReader(chatBody(false)),
			"Connection", "keep-alive, X-Named", "X-Named", "1", "Keep-Alive", "timeout=5", "Te", "trailers, deflate",
			"Proxy-Authorization", "Basic eA==", "Proxy-Connection", "keep-alive", "X-Kept", "1", "X-Kept", "2", "X-Forwarded-For", "192.0.2.1")
		if status != 200 {
			t.Fatalf("%s: status %d", path, status)
		}
		up := *seen.Load()
		for _, name := range []string{"Connection", "X-Named", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Upgrade"} {
			if v, ok := up[name]; ok {
				t.Errorf("%s: the upstream got %s: %q", path, name, v)
			}
		}
		if got := up["X-Kept"]; len(got) != 2 || up.Get("X-Forwarded-For") != "192.0.2.1" {
			t.Errorf("%s: fields are missing: %v", path, up)
		}
		for _, name := range []string{"X-Hop", "Keep-Alive", "Proxy-Authenticate"} {
			if v, ok := header[name]; ok {
				t.Errorf("%s: the client got %s: %q", path, name, v)
			}
		}
		if header.Get("X-End") != "1" {
			t.Errorf("%s: a field of the reply is missing: %v", path, header)
		}
	}
}

func TestNothingIsAddedToAPassedRequest(t *testing.T) {
	var seen atomic.Pointer[string]
	e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
		var b strings.Builder
		for {
			line, err := r.ReadString('\n')
			if err != nil || line == "\r\n" {
				break
			}
			b.WriteString(line)
		}
		s := b.String()
		seen.Store(&s)
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
	}))
	for _, path := range []string{"/a%2Fb//c?x=%41;y&&z", "//v1//models", "/ä?ö=%zz", "/metrics?"} {
		c := dial(t, e)
		_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: client.example\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 204 {
			t.Errorf("%s: status %d", path, resp.StatusCode)
		}
		want := "GET " + path + " HTTP/1.1\r\nHost: " + strings.TrimPrefix(e.config.Upstreams[0].URL, "http://") + "\r\n"
		if got := *seen.Load(); got != want {
			t.Errorf("the upstream got %q, want %q", got, want)
		}
	}
}

func TestKeys(t *testing.T) {
	var seen atomic.Pointer[http.Header]
	target := upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Store(&r.Header)
		answers(w, r)
	})
	own := func(c *config.Config) { c.Upstreams[0].APIKey = "own-key" }
	none := func(*config.Config) {}
	for _, tt := range []struct {
		name    string
		change  func(*config.Config)
		header  []string
		want    string
		wantKey string
	}{
		{"the client's goes up", none, []string{"Authorization", "Bearer c"}, "Bearer c", ""},
		{"x-api-key becomes a bearer token", none, []string{"X-Api-Key", "k"}, "Bearer k", ""},
		{"the upstream's own wins", own, []string{"Authorization", "Bearer c", "X-Api-Key", "k"}, "Bearer own-key", ""},
		{"none", none, nil, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := start(t, target, tt.change)
			for _, path := range []string{"/v1/chat/completions", "/elsewhere"} {
				if status, _, _ := e.do(t, "POST", path, strings.NewReader(chatBody(false)), tt.header...); status != 200 {
					t.Fatalf("%s: status %d", path, status)
				}
				h := *seen.Load()
				if got := h.Get("Authorization"); got != tt.want || h.Get("X-Api-Key") != tt.wantKey {
					t.Errorf("%s: Authorization %q, want %q; X-Api-Key %q", path, got, tt.want, h.Get("X-Api-Key"))
				}
			}
		})
	}
}

func TestRedirectsStayAtTheGateway(t *testing.T) {
	var location atomic.Pointer[string]
	target := upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", strings.ReplaceAll(*location.Load(), "HOST", r.Host))
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	for _, tt := range []struct{ prefix, location, want string }{
		{"", "http://HOST/docs?x=1#y", "/docs?x=1#y"},
		{"", "https://HOST/docs", "/docs"},
		{"", "//HOST/docs", "/docs"},
		{"", "http://HOST", "/"},
		{"", "http://HOST//other.example/", "/other.example/"},
		{"", "/docs", "/docs"},
		{"", "docs", "docs"},
		{"", "https://elsewhere.example/docs", "https://elsewhere.example/docs"},
		{"/base", "http://HOST/base/docs", "/docs"},
		{"/base", "/base/docs%2F", "/docs%2F"},
		{"/base", "/baseless", "/baseless"},
	} {
		e := start(t, target+tt.prefix)
		for _, method := range []string{"GET", "POST"} { // passed on, and through the core
			location.Store(&tt.location)
			path := map[string]string{"GET": "/docs/", "POST": "/v1/chat/completions"}[method]
			status, header, _ := e.do(t, method, path, strings.NewReader(chatBody(false)))
			if status != 307 || header.Get("Location") != tt.want {
				t.Errorf("%s %s behind %q: %d %q, want %q", method, tt.location, tt.prefix, status, header.Get("Location"), tt.want)
			}
		}
	}
}

func TestTheUpstreamsPathAndQueryComeFirst(t *testing.T) {
	var seen atomic.Pointer[string]
	target := upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Store(&r.RequestURI)
		answers(w, r)
	})
	for _, tt := range []struct{ suffix, path, want string }{
		{"", "/v1/chat/completions?x=1", "/v1/chat/completions?x=1"},
		{"/base/", "/v1/chat/completions", "/base/v1/chat/completions"},
		{"/base?k=1", "/v1/chat/completions?x=1", "/base/v1/chat/completions?k=1&x=1"},
		{"?k=1", "/elsewhere?x=1", "/elsewhere?k=1&x=1"},
		{"/base?k=1", "/elsewhere", "/base/elsewhere?k=1"},
	} {
		e := start(t, target+tt.suffix)
		if status, _, _ := e.do(t, "POST", tt.path, strings.NewReader(chatBody(false))); status != 200 {
			t.Errorf("status %d", status)
		}
		if got := *seen.Load(); got != tt.want {
			t.Errorf("%s%s: the upstream got %q, want %q", tt.suffix, tt.path, got, tt.want)
		}
	}
}

func TestWebSocketsPassThrough(t *testing.T) {
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		kind, b, err := c.Read(r.Context())
		if err == nil {
			_ = c.Write(r.Context(), kind, append([]byte("echo "), b...))
		}
		_ = c.Close(websocket.StatusNormalClosure, "")
	}))
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	c, _, err := websocket.Dial(ctx, e.url+"/v1/realtime", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, b, err := c.Read(ctx); err != nil || string(b) != "echo hello" {
		t.Errorf("%q, %v", b, err)
	}
	if _, resp, err := websocket.Dial(ctx, e.url+"/v1/responses", nil); err == nil || resp.StatusCode != 426 {
		t.Errorf("/v1/responses: %v, want 426", err)
	}
}

// http.Server's Shutdown knows nothing of upgraded connections.
func TestTheDrainWaitsForWebSockets(t *testing.T) {
	target := upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		for {
			kind, b, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, b) != nil {
				return
			}
		}
	})
	for _, closes := range []bool{true, false} {
		h, err := NewHandler(configured(target), true, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		srv, ln := HTTP(h, h, h.Config(), slog.New(slog.DiscardHandler)), listen(t)
		served := make(chan error, 1)
		go func() { served <- srv.Serve(Listeners([]net.Listener{ln}, 100)[0]) }()
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		c, _, err := websocket.Dial(ctx, "http://"+ln.Addr().String()+"/v1/realtime", nil)
		if err != nil {
			t.Fatal(err)
		}
		now, cut := make(chan struct{}), make(chan int64, 1)
		go func() { cut <- Drain(srv, h, soon, now) }()
		<-served
		if err := c.Write(ctx, websocket.MessageText, []byte("still")); err != nil {
			t.Fatal(err)
		}
		if _, b, err := c.Read(ctx); err != nil || string(b) != "still" {
			t.Errorf("during the drain: %q, %v", b, err)
		}
		want := int64(0)
		if closes {
			_ = c.Close(websocket.StatusNormalClosure, "")
		} else {
			want = 1
			close(now)
		}
		if n := <-cut; n != want {
			t.Errorf("the client closes: %t; %d ended early, want %d", closes, n, want)
		}
		_ = c.CloseNow()
	}
}

func TestForwardProxyRequestsAreNotServed(t *testing.T) {
	e := start(t, upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the upstream got %s", r.RequestURI) }))
	for _, path := range []string{"", "/", "/x", "/v1/models", "/v1/chat/completions", "/v1/responses/resp_1", "?x", "#/x"} {
		for _, target := range []string{"http://other.example", "https://" + strings.TrimPrefix(e.url, "http://")} {
			c := dial(t, e)
			_, _ = io.WriteString(c, "GET "+target+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			if b, _ := io.ReadAll(resp.Body); resp.StatusCode < 400 || resp.StatusCode > 403 {
				t.Errorf("%s%s: %d %s", target, path, resp.StatusCode, b)
			}
		}
	}
	// A server that reflects a request would show the client our key; the beginning of HTTP/2 is
	// no request.
	for _, line := range []string{"CONNECT other.example:443 HTTP/1.1", "TRACE /x HTTP/1.1", "TRACE /v1/chat/completions HTTP/1.1", "TRACK / HTTP/1.1",
		"PRI * HTTP/1.1", "PRI * HTTP/2.0", "PRI /x HTTP/1.1"} {
		c := dial(t, e)
		_, _ = io.WriteString(c, line+"\r\nHost: other.example:443\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 405 || resp.Header.Get("Allow") == "" || !strings.Contains(string(b), `"code":405`) {
			t.Errorf("%s: %d %s", line, resp.StatusCode, b)
		}
	}
}

func TestWindowIsAskedOnceAndClampsTheLimit(t *testing.T) {
	var asked, limit atomic.Int64
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/models" {
			asked.Add(1)
			if got := r.Header.Get("Authorization"); got != "Bearer k" {
				t.Errorf("asked with %q", got)
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"object":"list","data":[{"id":"other","max_model_len":7},{"id":%q,"max_model_len":2048}]}`, served)
			return
		}
		var body struct {
			MaxTokens int64 `json:"max_tokens"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		limit.Store(body.MaxTokens)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, chatReply)
	}), func(c *config.Config) { c.Upstreams[0].MaxModelLen = 0 })
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			body := fmt.Sprintf(`{"model":%q,"max_tokens":64000,"messages":[{"role":"user","content":"x"}]}`, virtual)
			if status, _, reply := e.post(t, strings.NewReader(body), "X-Api-Key", "k"); status != 200 {
				t.Errorf("%d %s", status, reply)
			}
		}()
	}
	for range 8 {
		<-done
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
	if got := limit.Load(); got <= 0 || got > 2048 {
		t.Errorf("max_tokens went up as %d", got)
	}
}

// HTTP/2 carries the path in a field of its own, where a space parses.
func TestATargetThatNoRequestLineCanHoldIsRefused(t *testing.T) {
	asked := make(chan string, 4)
	up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.RequestURI }))
	defer up.Close()
	e := start(t, up.URL, func(c *config.Config) { c.Log.Level = "DEBUG" })
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: protocols}
	defer tr.CloseIdleConnections()
	for _, target := range []string{"/v1/chat/completions?api_key=sekret x", "/other?api_key=sekret HTTP/1.1",
		"/v1/chat/completions#?api_key=sekret", "/other#", "/v1/responses/resp_1#"} {
		req, err := http.NewRequest(http.MethodPost, e.url, strings.NewReader(`{"model":"`+virtual+`","messages":[]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = target
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", target, resp.StatusCode)
		}
	}
	if len(asked) > 0 {
		t.Errorf("the upstream was asked for %q", <-asked)
	}
	if s := e.log.String(); strings.Contains(s, "sekret") {
		t.Errorf("the log shows the key: %s", s)
	}
}

// A tunnel of HTTP/2 would carry requests past the gateway.
func TestOnlyWebSocketUpgradesArePassedOn(t *testing.T) {
	asked := make(chan http.Header, 4)
	up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Header }))
	defer up.Close()
	e := start(t, up.URL)
	for _, tt := range []struct{ upgrade, want string }{{"h2c", ""}, {"h2c, websocket", ""}, {"WebSocket", "WebSocket"}} {
		req, err := http.NewRequest(http.MethodGet, e.url+"/other", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {tt.upgrade}}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if h := <-asked; h.Get("Upgrade") != tt.want || (h.Get("Connection") != "") != (tt.want != "") {
			t.Errorf("%s: the upstream saw %v", tt.upgrade, h)
		}
	}
}

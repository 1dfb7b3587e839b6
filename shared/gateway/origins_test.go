package gateway

import (
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

func TestOriginsThatAreAllowed(t *testing.T) {
	listed := origins{"https://app.example.com", "https://*.example.org", "app://obsidian.md"}
	for _, tt := range []struct {
		origin, host string
		list         origins
		want         bool
	}{
		{"https://app.example.com", "gw", listed, true},
		{"HTTPS://App.Example.com", "gw", listed, true},
		{"http://app.example.com", "gw", listed, false},
		{"https://app.example.com:8443", "gw", listed, false},
		{"https://app.example.com.evil.test", "gw", listed, false},
		{"https://evil.test/app.example.com", "gw", listed, false},
		{"https://a.example.org", "gw", listed, true},
		{"https://a.b.example.org", "gw", listed, true},
		{"https://example.org", "gw", listed, false},
		{"https://.example.org", "gw", listed, false},
		{"https://evilexample.org", "gw", listed, false},
		{"https://a.example.org:444", "gw", listed, false},
		{"http://a.example.org", "gw", listed, false},
		{"app://obsidian.md", "gw", listed, true},
		{"https://evil.test", "gw", origins{"*"}, true},
		{"null", "gw", origins{"*"}, true},
		{"null", "gw", listed, false},
		{"", "", nil, false},
		{"https://", "", nil, false},
		// the gateway's own
		{"https://gw.example.net", "gw.example.net", nil, true},
		{"http://gw.example.net:9000", "GW.example.net:9000", nil, true},
		{"http://gw.example.net:9001", "gw.example.net:9000", nil, false},
		// this machine's
		{"http://localhost", "gw", nil, true},
		{"http://localhost:5173", "gw", nil, true},
		{"https://app.localhost:5173", "gw", nil, true},
		{"http://127.0.0.1:80", "gw", nil, true},
		{"http://127.9.8.7", "gw", nil, true},
		{"http://[::1]:3000", "gw", nil, true},
		{"http://[::1]", "gw", nil, true},
		{"http://[::1].evil.test", "gw", nil, false},
		{"http://127.0.0.1.evil.test", "gw", nil, false},
		{"http://127.evil.0.1", "gw", nil, false},
		{"http://localhost.evil.test", "gw", nil, false},
		{"http://notlocalhost", "gw", nil, false},
		{"http://localhost.", "gw", nil, true},
		{"tauri://localhost", "gw", nil, true},
		{"http://127.0.0.1:80.evil.test", "gw", nil, false},
		// sent twice, or by no browser
		{"https://evil.test, https://a.example.org", "gw", listed, false},
		{"https://evil.test/.a.example.org", "gw", listed, false},
		{"https://evil.test@localhost", "gw", nil, false},
		{"localhost", "gw", nil, false},
		{"file://", "gw", nil, false},
		{"file://", "gw", origins{"file://"}, true},
		{"file://", "", nil, false},
	} {
		if got := tt.list.allow(tt.origin, tt.host); got != tt.want {
			t.Errorf("%s at %s, listed %q: %t", tt.origin, tt.host, tt.list, got)
		}
	}
}

// Whatever the route and its method, a browser's question is answered without a server.
func TestPreflightsOfAllRoutes(t *testing.T) {
	g := newGateway(t, `,"cors":{"origins":["https://app.example.com"]}`, Edge{Health: true})
	paths := []string{"/health", "/readyz", "/", "/v1/models/gpt-5", "/v1/responses/resp_1", "/v1/responses/resp_1/cancel", "/v1/conversations",
		"/v1/conversations/conv_1/items", "/v1/messages/batches", "/v1/v1/messages", "/v1/responses/", "/v1/%6dessages"}
	for path := range routes {
		paths = append(paths, path)
	}
	for _, path := range paths {
		for _, method := range []string{"POST", "GET", "DELETE"} {
			for _, origin := range []string{"https://app.example.com", "https://evil.test"} {
				x := open(g, Env{}, "OPTIONS", path, "origin", origin, "access-control-request-method", method)
				allowed := origin != "https://evil.test"
				if path == "/" && allowed { // whether a page may ask for the root by OPTIONS is the server's to say
					continue
				}
				a := x.Plan().Answer
				if x.Plan().Action != Local || allowed && a.Status != 204 || !allowed && a.Status != 403 {
					t.Errorf("%s by %s from %s: %+v", path, method, origin, x.Plan())
					continue
				}
				if got := field(a.Header, "access-control-allow-origin"); allowed && got != origin || !allowed && got != "" {
					t.Errorf("%s by %s from %s: %q", path, method, origin, a.Header)
				}
				if allowed && (field(a.Header, "access-control-allow-methods") != method || len(a.Body) > 0) {
					t.Errorf("%s by %s: %+v", path, method, a)
				}
			}
		}
	}
}

func TestAPreflightMayAskForThisNetwork(t *testing.T) {
	x := open(newGateway(t, "", Edge{}), Env{}, "OPTIONS", "/v1/models", "origin", "http://localhost:1",
		"access-control-request-method", "GET", "access-control-request-private-network", "true")
	if a := x.Plan().Answer; field(a.Header, "access-control-allow-private-network") != "true" || field(a.Header, "access-control-allow-headers") != "" {
		t.Errorf("%+v", a)
	}
}

// Errors, pages and what comes before a server is asked bear the page's fields as replies do.
func TestWhatAPageMayReadOfOurOwnReplies(t *testing.T) {
	g := newGateway(t, "", Edge{Health: true})
	const here = "http://localhost:3000"
	for _, path := range []string{"/health", "/", "/v1/models/llama", "/v1/responses/resp_1", "/v1/messages/batches"} {
		a := open(g, Env{}, "GET", path, "origin", here).Plan().Answer
		if field(a.Header, "access-control-allow-origin") != here || field(a.Header, "vary") != "origin" {
			t.Errorf("%s: %q", path, a.Header)
		}
		if a = open(g, Env{}, "GET", path).Plan().Answer; field(a.Header, "vary") != "" {
			t.Errorf("%s without a page: %q", path, a.Header)
		}
		a = open(g, Env{}, "GET", path, "origin", "https://evil.test").Plan().Answer
		if field(a.Header, "access-control-allow-origin") != "" || field(a.Header, "vary") != "origin" {
			t.Errorf("%s from elsewhere: %q", path, a.Header)
		}
	}
	for _, path := range []string{"/v1/chat/completions", "/v1/responses", "/v1/messages"} {
		x := open(g, Env{}, "POST", path, "origin", here)
		for name, a := range map[string]*hub.Answer{"fault": x.Fault(hub.Unreachable), "request": second(x.Request(nil, []byte("{")))} {
			if field(a.Header, "access-control-allow-origin") != here {
				t.Errorf("%s, %s: %q", path, name, a.Header)
			}
		}
	}
}

func second(_ []byte, a *hub.Answer) *hub.Answer { return a }

func TestWhatAPageMayReadOfPassedReplies(t *testing.T) {
	g := newGateway(t, "", Edge{})
	for _, origin := range []string{"", "http://localhost:3000"} {
		plan := open(g, Env{}, "POST", "/v1/embeddings", "origin", origin).Plan()
		if plan.Action != Pass || plan.Edit.Drops("origin") {
			t.Errorf("%q: %+v", origin, plan)
		}
	}
}

// Whatever the route, its method and what it asks to become, a page of another origin gets
// nothing, and Settles says so to edges that serve some routes themselves.
func TestForeignPagesGetNothingOnAnyRoute(t *testing.T) {
	g := newGateway(t, `,"cors":{"origins":["https://app.example.com"]}`, Edge{Health: true})
	paths := []string{"/", "/metrics", "/v1/embeddings", "/v1/realtime", "/v1/models/gpt-5", "/v1/responses/resp_1", "/v1/conversations", "/v1/v1/messages"}
	for path := range routes {
		paths = append(paths, path)
	}
	foreign := [][]string{{"origin", "https://evil.test"}, {"origin", "null"}, {"origin", "https://app.example.com, https://evil.test"}}
	for _, path := range paths {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"} {
			for _, upgrade := range []string{"", "websocket", "h2c"} {
				headers := foreign
				if method != "GET" && method != "HEAD" && method != "OPTIONS" || upgrade != "" {
					headers = append(headers[:3:3], []string{"sec-fetch-site", "cross-site"})
				}
				for _, header := range headers {
					header = append(header[:2:2], "upgrade", upgrade, "access-control-request-method", "POST")
					plan := open(g, Env{}, method, path, header...).Plan()
					if plan.Action != Local || plan.Answer.Status != 403 {
						t.Errorf("%s %s %q: %+v", method, path, header, plan)
					}
					if !g.Settles(Head{Method: method, Path: path, Header: values(header...)}) {
						t.Errorf("%s %s %q is left to the route", method, path, header)
					}
				}
			}
		}
	}
}

func TestRequestsOfNoForeignPageAreServed(t *testing.T) {
	g := newGateway(t, `,"cors":{"origins":["https://app.example.com"]}`, Edge{Health: true})
	for _, header := range [][]string{
		{},
		{"sec-fetch-site", "none"}, {"sec-fetch-site", "same-origin"}, {"sec-fetch-site", "same-site"},
		{"origin", "https://app.example.com", "sec-fetch-site", "cross-site"},
		{"origin", "https://gw.test", "host", "gw.test"},
		{"origin", "https://gw.test", ":authority", "gw.test"},
		{"origin", "http://localhost:5173", "sec-fetch-site", "cross-site"},
	} {
		for _, path := range []string{"/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"} {
			if plan := open(g, Env{}, "POST", path, header...).Plan(); plan.Action == Local {
				t.Errorf("%s %q: %+v", path, header, plan.Answer)
			}
			if g.Settles(Head{Method: "POST", Path: path, Header: values(header...)}) {
				t.Errorf("%s %q is not left to the route", path, header)
			}
		}
	}
	if plan := open(g, Env{}, "GET", "/metrics", "sec-fetch-site", "cross-site").Plan(); plan.Action != Pass {
		t.Errorf("a link on another site: %+v", plan)
	}
	all := newGateway(t, `,"cors":{"origins":["*"]}`, Edge{})
	if plan := open(all, Env{}, "POST", "/v1/messages", "sec-fetch-site", "cross-site").Plan(); plan.Action != Transform {
		t.Errorf("where all origins are allowed: %+v", plan)
	}
}

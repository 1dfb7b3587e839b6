package gateway

import (
	"strings"
	"testing"
)

func TestHostsThatAreServed(t *testing.T) {
	named := `,"allowed_hosts":["gw.example.com","*.Example.ORG","192.168.1.5","[fd00::1]"]`
	for _, tt := range []struct {
		more     string
		loopback bool
		served   string
		refused  string
	}{
		{"", false, "evil.test evil.test:9000 localhost 10.0.0.1", ""},
		{"", true, "localhost LOCALHOST localhost. localhost:9000 localhost.:9000 app.localhost:1 127.0.0.1 127.1.2.3:80 127.1 [::1] [::1]:9000",
			"evil.test evil.test:9000 localhost.evil.test 127.0.0.1.evil.test 127.evil.0.1 notlocalhost 10.0.0.1 [fd00::1] [::2]:1 " +
				"localhost:80.evil.test [::1].evil.test localhost,evil.test localhost/evil.test 127.0.0.1@evil.test"},
		{named, true, "gw.example.com GW.example.com:443 a.example.org a.b.example.org:1 192.168.1.5:9000 [fd00::1]:9000 localhost:9000 gw.example.com.",
			"evil.test example.org .example.org evilexample.org gw.example.com.evil.test 192.168.1.6 [fd00::2]"},
		{named, false, "gw.example.com localhost", "evil.test 10.0.0.1"},
		{`,"allowed_hosts":["*"]`, true, "evil.test [::2] 10.0.0.1:80", ""},
	} {
		g := newGateway(t, tt.more, Edge{Loopback: tt.loopback})
		for _, path := range []string{"/v1/messages", "/v1/embeddings", "/v1/responses/resp_1"} {
			for _, name := range []string{"host", ":authority"} {
				for host := range strings.FieldsSeq(tt.served) {
					if a := open(g, Env{}, "POST", path, name, host).Plan().Answer; a != nil && a.Status == 403 {
						t.Errorf("%s: %s of %q, at loopback %t: %s", path, host, tt.more, tt.loopback, a.Body)
					}
				}
				for host := range strings.FieldsSeq(tt.refused) {
					a := open(g, Env{}, "POST", path, name, host).Plan().Answer
					if a == nil || a.Status != 403 || !strings.Contains(string(a.Body), "allowed_hosts") {
						t.Errorf("%s: %s of %q, at loopback %t: %+v", path, host, tt.more, tt.loopback, a)
					}
				}
			}
		}
	}
	if a := open(newGateway(t, "", Edge{Loopback: true}), Env{}, "POST", "/v1/embeddings").Plan().Answer; a != nil {
		t.Errorf("without a host: %s", a.Body)
	}
}

// A page whose name has come to mean this machine is of one origin with the gateway to its
// browser: its name gives it away.
func TestARebornNameIsNoOriginOfOurs(t *testing.T) {
	g := newGateway(t, "", Edge{Loopback: true})
	for _, upgrade := range []string{"", "websocket"} {
		a := open(g, Env{}, "GET", "/v1/realtime", "origin", "http://evil.test:9000", "host", "evil.test:9000", "upgrade", upgrade).Plan().Answer
		if a == nil || a.Status != 403 {
			t.Errorf("%+v", a)
		}
	}
}

// What servers make of odd targets, tried on uvicorn 0.54.0 with httptools 0.9.0 and with h11
// 0.16.0; the routes are Starlette 1.10.0's, whose expressions end before a last line feed. "" is
// uvicorn's 400. Where one of them would serve a route of ours, the target is that route
// here, or refused: else limits, models and thinking could be walked past.
func TestTargetsMeanHereWhatTheyMeanToServers(t *testing.T) {
	const chat = "/v1/chat/completions"
	g := newGateway(t, "", Edge{})
	for _, tt := range []struct{ target, httptools, h11 string }{
		{chat, chat, chat},
		{chat + "#", chat, chat + "#"},
		{chat + "#x", chat, chat + "#x"},
		{chat + "#?a", chat, chat + "#"},
		{chat + "?a#b", chat, chat},
		{"/v1/responses#/x", "/v1/responses", "/v1/responses#/x"},
		{"#" + chat, "", "#" + chat},
		{"/#" + chat, "/", "/#" + chat},
		{"http://h" + chat + "#y", chat, "http://h" + chat + "#y"},
		{chat + "?", chat, chat},
		{chat + "??", chat, chat},
		{chat + "%23x", chat + "#x", chat + "#x"},
		{chat + "%3Fx", chat + "?x", chat + "?x"},
		{chat + ";x", chat + ";x", chat + ";x"},
		{chat + "%3Bx", chat + ";x", chat + ";x"},
		{chat + "&x", chat + "&x", chat + "&x"},
		{chat + "/", chat + "/", chat + "/"},
		{chat + "%2F", chat + "/", chat + "/"},
		{chat + "//", chat + "//", chat + "//"},
		{chat + "/.", chat + "/.", chat + "/."},
		{chat + "/x/..", chat + "/x/..", chat + "/x/.."},
		{chat + "/%2e", chat + "/.", chat + "/."},
		{"/x/.." + chat, "/x/.." + chat, "/x/.." + chat},
		{"/x/%2e%2e" + chat, "/x/.." + chat, "/x/.." + chat},
		{"/." + chat, "/." + chat, "/." + chat},
		{"/" + chat, "/" + chat, "/" + chat},
		{"/v1//chat/completions", "/v1//chat/completions", "/v1//chat/completions"},
		{"/v1/chat%2Fcompletions", chat, chat},
		{"/v1%2fch%61t/completions", chat, chat},
		{"/%76%31/chat/completions", chat, chat},
		{"/v1/ch%2561t/completions", "/v1/ch%61t/completions", "/v1/ch%61t/completions"},
		{`/v1\chat\completions`, `/v1\chat\completions`, `/v1\chat\completions`},
		{chat + "%5C", chat + `\`, chat + `\`},
		{chat + "%0a", chat, chat},
		{chat + "%0A", chat, chat},
		{chat + "%0a?a", chat, chat},
		{"/v1/%63hat/completions%0a", chat, chat},
		{"/v1/responses%0a", "/v1/responses", "/v1/responses"},
		{"/v1/responses/a%0A", "/v1/responses/a", "/v1/responses/a"},
		{"/tokenize%0a", "/tokenize", "/tokenize"},
		{chat + "%0a%0a", chat + "\n\n", chat + "\n\n"},
		{chat + "/%0a", chat + "/\n", chat + "/\n"},
		{chat + "%00", chat + "\x00", chat + "\x00"},
		{chat + "%0d%0a", chat + "\r\n", chat + "\r\n"},
		{chat + "%20", chat + " ", chat + " "},
		{chat + "+", chat + "+", chat + "+"},
		{chat + "%zz", chat + "%zz", chat + "%zz"},
		{chat + "%", chat + "%", chat + "%"},
		{chat + "%2", chat + "%2", chat + "%2"},
		{chat + "%u0041", chat + "%u0041", chat + "%u0041"},
		{"/v1/%72esponses/a%zz", "/v1/responses/a%zz", "/v1/responses/a%zz"},
		{"/v1/r%65sponses/%", "/v1/responses/%", "/v1/responses/%"},
		{"/v1/mod%65ls/a%zz", "/v1/models/a%zz", "/v1/models/a%zz"},
		{"/v1/responses/a%2Fcancel", "/v1/responses/a/cancel", "/v1/responses/a/cancel"},
		{"/v1/responses/%ff", "/v1/responses/\ufffd", "/v1/responses/\ufffd"},
		{"/v1/chat%ef%bc%8fcompletions", "/v1/chat\uff0fcompletions", "/v1/chat\uff0fcompletions"},
		{chat + "\xc3\xa9", "", ""},
		{chat + "\x80", "", ""},
		{chat + "\x85", "", ""},
		{chat + "\t", "", ""},
		{chat + "\x0b", "", ""},
		{chat + "\x00", "", ""},
		{chat + "\x7f", "", ""},
		{"/V1/chat/completions", "/V1/chat/completions", "/V1/chat/completions"},
		{"v1/chat/completions", "", "v1/chat/completions"},
		{"*", "*", "*"},
	} {
		plan := open(g, Env{}, "POST", tt.target).Plan()
		if plan.Action == Local && plan.Answer.Status == 400 {
			continue
		}
		for _, path := range []string{tt.httptools, tt.h11} {
			if r, _, _ := g.find(strings.ReplaceAll(path, "%", "%25")); path != "" && r.name != plan.Route {
				t.Errorf("%q is %s here, and %s (%q) to the server", tt.target, plan.Route, r.name, path)
			}
		}
	}
}

func TestTargetsThatCannotStandInARequestLine(t *testing.T) {
	for _, path := range []string{"/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/responses/resp_1", "/v1/models", "/health", "/readyz", "/other", "/"} {
		for _, odd := range []string{"#", "#x", "?x#y", "? x", " ", "\t", "\x00", "\x7f", "\r\nx: y", "%0a", "%0A?x", "%00", "%1f/", "%7F", "%0d%0ax:"} {
			for _, method := range []string{"POST", "GET", "OPTIONS"} {
				x := open(newGateway(t, "", Edge{Health: true}), Env{}, method, path+odd, "origin", "https://evil.test")
				a := x.Plan().Answer
				if a == nil || a.Status != 400 || strings.Contains(string(a.Body), odd+`"`) || !x.gateway.Settles(Head{Method: method, Path: path + odd, Header: values()}) {
					t.Errorf("%s %q: %+v", method, path+odd, a)
				}
			}
		}
	}
}

package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A reply whose status is none of HTTP's is the server's fault, whatever it is a reply to. It
// is no panic, and what comes after it is served.
func TestAStatusThatIsNoneIsTheServersFault(t *testing.T) {
	requests := map[string]string{
		"/v1/chat/completions": chatBody(false), "/v1/completions": `{"model":"` + virtual + `","prompt":"x"}`,
		"/v1/messages":  `{"model":"` + virtual + `","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}`,
		"/v1/responses": `{"model":"` + virtual + `","input":"Hi","store":false}`, "/elsewhere": "{}",
	}
	for _, status := range []string{"000", "001", "099", "600", "999"} {
		for _, rest := range []string{
			" Odd\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
			" Odd\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(chatEvent("x")) + "0\r\n\r\n",
			" Odd\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
			"\r\nContent-Length: 0\r\n\r\n",
		} {
			e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
				if readRequest(r) == nil {
					_, _ = io.WriteString(c, "HTTP/1.1 "+status+rest)
				}
			}))
			for path, body := range requests {
				for _, stream := range []bool{false, true} {
					if stream {
						body = strings.Replace(body, "{", `{"stream":true,`, 1)
					}
					got, _, reply := e.do(t, "POST", path, strings.NewReader(body))
					if got != 502 || !strings.Contains(reply, `"message":`) {
						t.Errorf("%s%q, %s: %d %s", status, rest, path, got, reply)
					}
				}
			}
			got, _, reply := e.do(t, "GET", "/elsewhere", nil, "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Key", "x", "Sec-WebSocket-Version", "13")
			if got != 502 {
				t.Errorf("%s%q, an upgrade: %d %s", status, rest, got, reply)
			}
			if s := e.log.String(); strings.Contains(s, "panic") {
				t.Errorf("%s%q: %s", status, rest, s)
			}
		}
	}
}

// What a server says before its reply is for the hop between it and us, or an early hint. None
// of it is taken for the reply, or changes it.
func TestInformationalReplies(t *testing.T) {
	reply := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(chatReply), chatReply)
	for name, before := range map[string]string{
		"100":          "HTTP/1.1 100 Continue\r\n\r\n",
		"100 twice":    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
		"102":          "HTTP/1.1 102 Processing\r\nX-Early: 1\r\n\r\n",
		"103":          "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\nSet-Cookie: a=b\r\n\r\n",
		"199":          "HTTP/1.1 199 Odd\r\nX-Early: 1\r\n\r\n",
		"with a body":  "HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\nX-Early: 1\r\n\r\n",
		"with framing": "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nX-Early: 1\r\n\r\n",
	} {
		e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
			for readRequest(r) == nil {
				_, _ = io.WriteString(c, before+reply)
			}
		}))
		for _, path := range []string{"/v1/chat/completions", "/elsewhere"} {
			for _, proto := range []string{"1.0", "1.1"} {
				c := dial(t, e)
				_, _ = fmt.Fprintf(c, "POST %s HTTP/%s\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, proto, len(chatBody(false)), chatBody(false))
				r := bufio.NewReader(c)
				resp, err := http.ReadResponse(r, nil)
				for err == nil && resp.StatusCode < 200 {
					if proto == "1.0" || path != "/elsewhere" {
						t.Errorf("%s, %s, HTTP/%s: the client got a %d", name, path, proto, resp.StatusCode)
					}
					for _, field := range []string{"Set-Cookie", "Transfer-Encoding", "Connection", "Content-Length"} {
						if v := resp.Header.Get(field); v != "" || len(resp.TransferEncoding) > 0 {
							t.Errorf("%s, %s: the early reply has %s: %s", name, path, field, v)
						}
					}
					resp, err = http.ReadResponse(r, nil)
				}
				if err != nil {
					t.Fatalf("%s, %s, HTTP/%s: %v", name, path, proto, err)
				}
				b, err := io.ReadAll(resp.Body)
				if resp.StatusCode != 200 || err != nil || !strings.Contains(string(b), `"hi"`) || resp.Header.Get("X-Early") != "" {
					t.Errorf("%s, %s, HTTP/%s: %d %v %v %s", name, path, proto, resp.StatusCode, err, resp.Header, b)
				}
			}
		}
	}
}

// A server that switches protocols unasked has said nothing that a client could use.
func TestASwitchOfProtocolsThatWasNotAskedFor(t *testing.T) {
	e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
		if readRequest(r) == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\r\n")
		}
	}))
	for _, path := range []string{"/v1/chat/completions", "/v1/messages", "/elsewhere"} {
		body := `{"model":"` + virtual + `","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}`
		if got, _, reply := e.do(t, "POST", path, strings.NewReader(body)); got != 502 {
			t.Errorf("%s: %d %s", path, got, reply)
		}
	}
	if got, _, reply := e.do(t, "GET", "/elsewhere", nil, "Connection", "Upgrade", "Upgrade", "websocket"); got != 502 {
		t.Errorf("another protocol than was asked for: %d %s", got, reply)
	}
}

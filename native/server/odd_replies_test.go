package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// What an upstream's reply has not, net/http must not add.
func TestNothingIsAddedToAReply(t *testing.T) {
	for _, tt := range []struct{ name, reply, path, absent string }{
		{"a type", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "/v1/chat/completions", "Content-Type"},
		{"a type to what passes", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "/elsewhere", "Content-Type"},
		{"a length to 204", "HTTP/1.1 204 No Content\r\n\r\n", "/v1/chat/completions", "Content-Length"},
		{"a length to 304", "HTTP/1.1 304 Not Modified\r\n\r\n", "/v1/chat/completions", "Content-Length"},
		{"a length to what passes", "HTTP/1.1 204 No Content\r\n\r\n", "/elsewhere", "Content-Length"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := start(t, rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
				if readRequest(r) == nil {
					_, _ = io.WriteString(c, tt.reply)
				}
			}))
			c, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			req, err := http.NewRequest("POST", e.url+tt.path, strings.NewReader(chatBody(false)))
			if err != nil {
				t.Fatal(err)
			}
			if err := req.Write(c); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if v, ok := resp.Header[tt.absent]; ok {
				t.Errorf("%s: %q was added", tt.absent, v)
			}
		})
	}
}

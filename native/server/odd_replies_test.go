package server

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
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

// The decoder of a compressed stream runs in a coroutine, which nobody frees but us.
func TestACompressedStreamThatIsLeftLeavesNothingBehind(t *testing.T) {
	left := make(chan struct{})
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, chatEvent("first"))
		_ = z.Flush()
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(left)
	}))
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", e.url+"/v1/chat/completions", strings.NewReader(chatBody(true)))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := newClient(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := resp.Body.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	leave()
	<-left
	eventually(t, "the exchange is over", func() bool { return e.handler.InFlight() == 0 })
	stacks := make([]byte, 1<<20)
	if stacks = stacks[:runtime.Stack(stacks, true)]; bytes.Contains(stacks, []byte("gunzip.(*Decoder)")) {
		t.Error("the decoder is still there")
	}
}

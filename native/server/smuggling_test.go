package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// What another server might read as two requests is one, framed anew with a length of our own,
// or none. What stands behind it on the connection is served as itself, or not at all.
func TestNoRequestIsSmuggled(t *testing.T) {
	body := chatBody(false)
	n := strconv.Itoa(len(body))
	chunks := chunked(body) + "0\r\n\r\n"
	const inner = "POST /smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
	for _, tt := range []struct {
		name, head, body string
		version          string // 1.1 unless given
		served           int    // requests that reach the upstream, 0: it is refused
		bare             bool   // heads end in LF alone
		ends             bool   // the connection ends with the reply
	}{
		{name: "length and chunks", head: "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", body: chunks, served: 1, ends: true},
		{name: "chunks and length", head: "Transfer-Encoding: chunked\r\nContent-Length: " + n + "\r\n", body: chunks, served: 1, ends: true},
		{name: "chunks alone", head: "Transfer-Encoding: chunked\r\n", body: chunks, served: 1, ends: true},
		{name: "chunks and length of HTTP/1.0 that is to stay", head: "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: " + n + "\r\n", body: body,
			version: "1.0", served: 1, ends: true},
		{name: "length", head: "Content-Length: " + n + "\r\n", body: body, served: 1},
		{name: "two lengths", head: "Content-Length: " + n + "\r\nContent-Length: 0\r\n", body: body},
		{name: "the same length twice", head: "Content-Length: " + n + "\r\nContent-Length: " + n + "\r\n", body: body, served: 1},
		{name: "two lengths in one field", head: "Content-Length: " + n + ", 0\r\n", body: body},
		{name: "a length with a sign", head: "Content-Length: +" + n + "\r\n", body: body},
		{name: "a length below nothing", head: "Content-Length: -1\r\n", body: body},
		{name: "a length in hex", head: "Content-Length: 0x10\r\n", body: body},
		{name: "a blank before a colon", head: "Content-Length : " + n + "\r\n", body: body},
		{name: "chunks, folded", head: "Content-Length: " + n + "\r\nX-Fold: a\r\n Transfer-Encoding: chunked\r\n", body: body, served: 1},
		{name: "another coding", head: "Transfer-Encoding: identity\r\nContent-Length: " + n + "\r\n", body: body},
		{name: "two codings", head: "Transfer-Encoding: gzip, chunked\r\n", body: chunks},
		{name: "chunks twice", head: "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", body: chunks},
		{name: "chunks with a vertical tab", head: "Transfer-Encoding: \x0bchunked\r\nContent-Length: " + n + "\r\n", body: body},
		{name: "chunks of HTTP/1.0", head: "Transfer-Encoding: chunked\r\nContent-Length: " + n + "\r\n", body: body, version: "1.0", served: 1, ends: true},
		{name: "two hosts", head: "Host: y\r\nContent-Length: " + n + "\r\n", body: body},
		{name: "a NUL in a field", head: "X-Nul: a\x00b\r\nContent-Length: " + n + "\r\n", body: body},
		{name: "a CR in a field", head: "X-Cr: a\rContent-Length: 0\r\nContent-Length: " + n + "\r\n", body: body},
		{name: "bare line feeds in the head", head: "Content-Length: " + n + "\n", body: body, bare: true, served: 1},
		{name: "bare line feeds in chunks", head: "Transfer-Encoding: chunked\r\n", body: strings.ReplaceAll(chunks, "\r\n", "\n")},
		{name: "a chunk longer than it says", head: "Transfer-Encoding: chunked\r\n", body: "1\r\n" + body + "\r\n0\r\n\r\n"},
		{name: "a chunk's length that overflows", head: "Transfer-Encoding: chunked\r\n", body: "10000000000000001\r\n" + body + "\r\n0\r\n\r\n"},
		{name: "a chunk's extension with a line feed", head: "Transfer-Encoding: chunked\r\n", body: "1;a\nb\r\n{\r\n0\r\n\r\n"},
		{name: "framing in trailers", head: "Transfer-Encoding: chunked\r\nTrailer: Content-Length\r\n", body: chunked(body) + "0\r\nContent-Length: 4\r\n\r\n", ends: true},
	} {
		for _, path := range []string{"/v1/chat/completions", "/elsewhere"} {
			t.Run(tt.name+path, func(t *testing.T) {
				seen := &seenRequests{}
				e := start(t, rawUpstream(t, seen.serve))
				c := dial(t, e)
				version := "1.1"
				if tt.version != "" {
					version = tt.version
				}
				head := "POST " + path + " HTTP/" + version + "\r\nHost: x\r\n" + tt.head + "\r\n"
				if tt.bare {
					head = strings.ReplaceAll(head, "\r\n", "\n")
				}
				_, _ = io.WriteString(c, head+tt.body+inner)
				first, second := 0, 0
				r := bufio.NewReader(c)
				if resp, err := http.ReadResponse(r, nil); err == nil {
					first = resp.StatusCode
					_, _ = io.Copy(io.Discard, resp.Body)
					if resp, err = http.ReadResponse(r, nil); err == nil && first == 200 {
						second = resp.StatusCode
					} else if err == nil {
						t.Errorf("after %d, another reply: %d", first, resp.StatusCode)
					}
				}
				_ = c.Close()
				eventually(t, "the exchange is over", func() bool { return e.handler.InFlight() == 0 })
				targets, faults := seen.all()
				if first == 200 && second != 0 && tt.ends {
					t.Errorf("another request was served on the connection: %d", second)
				}
				want := ""
				if tt.served > 0 && first == 200 {
					want = "POST " + path
				}
				if second == 200 {
					want += " POST /smuggled" // the client's own next request, answered as such
				}
				if tt.served > 0 != (first == 200) && !(path == "/elsewhere" && first >= 400) {
					t.Errorf("the reply is %d", first)
				}
				if first == 200 && targets != want || first != 200 && strings.Contains(targets, "smuggled") || faults != "" {
					t.Errorf("replies %d and %d; the upstream saw %q, want %q; %s", first, second, targets, want, faults)
				}
			})
		}
	}
}

// seenRequests are what an upstream saw, as a strict reader of the bytes.
type seenRequests struct {
	mu      sync.Mutex
	targets []string
	faults  []string
}

func (s *seenRequests) serve(c net.Conn, r *bufio.Reader) {
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return // broken off, as the client's was
		}
		s.mu.Lock()
		s.targets = append(s.targets, req.Method+" "+req.RequestURI)
		if len(req.TransferEncoding) > 0 && req.Header.Get("Content-Length") != "" || len(req.Trailer) > 0 && req.Trailer.Get("Content-Length") != "" {
			s.faults = append(s.faults, "framed twice")
		}
		if req.RequestURI == "/v1/chat/completions" && req.ContentLength != int64(len(b)) {
			s.faults = append(s.faults, "not framed by a length of our own")
		}
		s.mu.Unlock()
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(chatReply))+"\r\n\r\n"+chatReply)
	}
}

func (s *seenRequests) all() (targets, faults string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.targets, " "), strings.Join(s.faults, ", ")
}

// Which server is asked follows from the configuration alone, and a redirect of it is the
// client's to follow.
func TestNoRequestChoosesItsServer(t *testing.T) {
	elsewhere := upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("another server got %s", r.RequestURI) })
	var asked atomic.Int64
	e := start(t, upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Cookie") != "" {
			t.Errorf("%s: the server got the client's cookie", r.RequestURI)
		}
		w.Header().Set("Location", elsewhere+"/v1/chat/completions")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	name := strings.TrimPrefix(elsewhere, "http://")
	for i, path := range []string{"/v1/chat/completions", "/v1/messages", "/v1/responses", "/elsewhere"} {
		body := `{"model":"` + virtual + `","max_tokens":9,"input":"Hi","messages":[{"role":"user","content":"Hi"}],"api_base":"` + elsewhere +
			`","base_url":"` + elsewhere + `","api_url":"` + elsewhere + `"}`
		status, _, _ := e.do(t, "POST", path, strings.NewReader(body), "X-Api-Base", elsewhere, "X-Base-Url", elsewhere, "X-Target-Url", elsewhere,
			"X-Original-Url", elsewhere, "X-Forwarded-Host", name, "Forwarded", "host="+name, "Cookie", "session=1")
		if status != 307 && status != 502 || asked.Load() != int64(i+1) {
			t.Errorf("%s: %d, the server was asked %d times", path, status, asked.Load())
		}
	}
}

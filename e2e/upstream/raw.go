package upstream

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// Raw is a server that keeps the bytes it gets, connection by connection, and answers
// each request it can read with the same small chat reply on the same connection. What a
// gateway sends beyond a request's body shows as the start of the next.
type Raw struct {
	// Address is host:port.
	Address string

	listener net.Listener
	mu       sync.Mutex
	requests []RawRequest
	conns    map[net.Conn]bool
}

// A RawRequest is one request as a strict server reads it.
type RawRequest struct {
	Method, Path string
	Header       http.Header
	Body         []byte
	// Err tells why what came could not be read as a request.
	Err error
}

// rawReply is the body of every answer.
const rawReply = `{"id":"c","object":"chat.completion","model":"Qwen/Qwen3.5-397B-A17B-FP8","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}]}`

// StartRaw starts a server on 127.0.0.1.
func StartRaw() (*Raw, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Raw{Address: l.Addr().String(), listener: l, conns: map[net.Conn]bool{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[c] = true
			s.mu.Unlock()
			go s.serve(c)
		}
	}()
	return s, nil
}

// Close ends the server and its connections.
func (s *Raw) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// Take returns the requests that came since it was last called.
func (s *Raw) Take() []RawRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.requests
	s.requests = nil
	return all
}

func (s *Raw) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				s.keep(RawRequest{Err: err})
			}
			return
		}
		body, err := io.ReadAll(r.Body)
		s.keep(RawRequest{Method: r.Method, Path: r.RequestURI, Header: r.Header, Body: body, Err: err})
		if err != nil {
			return
		}
		answer := http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(rawReply)),
			Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(rawReply))}
		if answer.Write(c) != nil {
			return
		}
	}
}

func (s *Raw) keep(r RawRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
}

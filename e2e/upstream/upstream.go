// Package upstream is a model server for tests whose every answer a test decides: a
// handler per case, chosen by a request header that Qwenvoy passes on as any other. It
// imports nothing of this module.
package upstream

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

// Header is the request header that names the case.
const Header = "X-Upstream-Case"

// A Server answers on 127.0.0.1, HTTP/1.1.
type Server struct {
	// Address is host:port.
	Address string

	server *http.Server
	next   atomic.Int64
	cases  sync.Map // id -> http.HandlerFunc
}

// Start starts a server.
func Start() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{Address: l.Addr().String()}
	s.server = &http.Server{Handler: http.HandlerFunc(s.serve), BaseContext: func(net.Listener) context.Context { return context.Background() }}
	go func() { _ = s.server.Serve(l) }()
	return s, nil
}

// Close ends the server and its connections.
func (s *Server) Close() { _ = s.server.Close() }

// Add adds a case and returns its id, which requests name in Header.
func (s *Server) Add(h http.HandlerFunc) (id string) {
	id = strconv.FormatInt(s.next.Add(1), 10)
	s.cases.Store(id, h)
	return id
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	h, ok := s.cases.Load(r.Header.Get(Header))
	if !ok {
		http.Error(w, "no such case: "+r.Header.Get(Header), http.StatusTeapot)
		return
	}
	h.(http.HandlerFunc)(w, r)
}

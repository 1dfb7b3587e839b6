package agents

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait. It is generous: nothing that works comes near it.
const patience = 2 * time.Minute

// An Exchange is a request and its answer. Of a WebSocket there are Sent and Received.
type Exchange struct {
	Method, Path string // Path holds the query too
	Header       http.Header
	Request      []byte
	Status       int
	Response     []byte
	// Sent and Received are the client's and the server's messages.
	Sent, Received [][]byte
	// Cut tells that the client went away before the end.
	Cut bool
}

// A recorder serves on 127.0.0.1 and keeps what passes.
type recorder struct {
	address string
	server  *http.Server

	mu      sync.Mutex
	running int
	idle    *sync.Cond
	all     []*Exchange
}

// record starts a recorder. The handler finds the exchange in its request's context.
func record(h http.Handler) (*recorder, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &recorder{address: l.Addr().String()}
	r.idle = sync.NewCond(&r.mu)
	r.server = &http.Server{Handler: r.keep(h)}
	go func() { _ = r.server.Serve(l) }()
	return r, nil
}

type exchangeKey struct{}

func (r *recorder) keep(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		e := &Exchange{Method: req.Method, Path: req.URL.RequestURI(), Header: req.Header.Clone()}
		r.mu.Lock()
		r.running++
		r.all = append(r.all, e)
		r.mu.Unlock()
		defer func() {
			r.mu.Lock()
			// Who leaves behind the last event has cut nothing.
			e.Cut = e.Cut || req.Context().Err() != nil && !bytes.HasSuffix(e.Response, []byte("data: [DONE]\n\n"))
			r.running--
			r.idle.Broadcast()
			r.mu.Unlock()
		}()
		body, err := io.ReadAll(req.Body)
		r.mu.Lock()
		e.Request = body
		r.mu.Unlock()
		if err != nil {
			return
		}
		req = req.WithContext(context.WithValue(req.Context(), exchangeKey{}, e))
		req.Body = io.NopCloser(bytes.NewReader(body))
		h.ServeHTTP(&recordingWriter{w, r, e}, req)
	})
}

// exchanges waits until no request is being answered and returns those that a test wants to
// see, in the order of their arrival.
func (r *recorder) exchanges(t *testing.T, wanted func(*Exchange) bool) []*Exchange {
	t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		r.mu.Lock()
		late = true
		r.mu.Unlock()
		r.idle.Broadcast()
	})
	defer timer.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.running > 0 && !late {
		r.idle.Wait()
	}
	if late {
		t.Errorf("%d requests are still being answered", r.running)
	}
	return slices.DeleteFunc(slices.Clone(r.all), func(e *Exchange) bool { return !wanted(e) })
}

type recordingWriter struct {
	http.ResponseWriter
	r *recorder
	e *Exchange
}

func (w *recordingWriter) WriteHeader(status int) {
	w.r.mu.Lock()
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.e.Status = status
	}
	w.r.mu.Unlock()
	w.ResponseWriter.WriteHeader(status)
}

func (w *recordingWriter) Write(b []byte) (int, error) {
	w.r.mu.Lock()
	if w.e.Status == 0 {
		w.e.Status = http.StatusOK
	}
	w.e.Response = append(w.e.Response, b...)
	w.r.mu.Unlock()
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController flush and hijack.
func (w *recordingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush is for those who ask for http.Flusher.
func (w *recordingWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

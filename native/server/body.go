package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

const (
	// minRate is how many bytes a second a body has to bring on the whole, once it takes
	// longer than a single pause may: a byte now and then is a client that holds a place.
	minRate = 1 << 10
	// chunkedPiece is how much of a body in chunks has to come within one pause.
	chunkedPiece = 32 << 10
	// How much of an unread body is still read once the reply is out, and for how long, so
	// that a client that sends before it reads gets to see the reply instead of a reset.
	lingerBytes = 256 << 20
	lingerTime  = 5 * time.Second
)

// A bodyHandler gives each request's body its deadlines before the next handler reads it, or
// doesn't. A reply goes out whether or not the body has come; if it has not, the connection
// ends with it.
type bodyHandler struct {
	next   http.Handler
	config func() *config.Config
	// leaving: the process will end, and connections of HTTP/1 with their replies.
	leaving func() bool
}

func (h *bodyHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		if r.ProtoMajor == 1 && h.leaving() && r.Header["Upgrade"] == nil {
			w.Header()["Connection"] = connectionClose
		}
		h.next.ServeHTTP(w, r)
		return
	}
	t := &h.config().Timeouts
	b := bodies.Get().(*requestBody)
	*b = requestBody{
		ReadCloser: r.Body, request: *r, w: w, control: http.NewResponseController(w), now: time.Now,
		first: time.Duration(t.Header), idle: time.Duration(t.Idle),
		chunked: r.ProtoMajor == 1 && r.ContentLength < 0,
		expects: r.ProtoMajor == 1 && r.Header.Get("Expect") != "",
		last:    r.ProtoMajor == 1 && (r.ContentLength < 0 || r.ProtoMinor == 0),
		leaving: h.leaving,
	}
	b.announce()
	// Else net/http would wait for the body before it sends the reply's first byte, and drop
	// what the reverse proxy's transport still reads.
	_ = b.control.EnableFullDuplex()
	// net/http asks the body that it knows whether all of it was read.
	b.request.Body = b
	returned := false
	defer func() { b.finish(returned) }()
	h.next.ServeHTTP(w, &b.request)
	returned = true
}

var connectionClose = []string{"close"}

// A readDeadliner is what bounds the wait for a request's body: an http.ResponseController.
type readDeadliner interface {
	SetReadDeadline(t time.Time) error
	EnableFullDuplex() error
	Flush() error
}

// A requestBody is a request's body whose every wait has a deadline, whoever reads it: its
// first byte comes within timeouts.header, the next ones within timeouts.idle each.
type requestBody struct {
	io.ReadCloser
	request     http.Request // with this body
	w           http.ResponseWriter
	control     readDeadliner
	now         func() time.Time
	first, idle time.Duration // 0: no limit
	chunked     bool          // by HTTP/1.1
	expects     bool          // the client waits for a word before it sends
	// last: no other request follows on the connection. A body in chunks may have had a length
	// beside them, which another reader would have gone by, as one of HTTP/1.0 may have had
	// chunks beside its length; net/http doesn't tell.
	last bool
	// leaving: the process will end, and no other request follows either.
	leaving func() bool

	mu     sync.Mutex
	lent   bool      // read on another goroutine, maybe beyond the exchange
	asked  bool      // read at all: a client that waits for a word has got it
	began  time.Time // when the first byte was there
	armed  time.Time // when the deadline was last set
	read   int64
	over   bool // nothing more is to be armed: it is read, broken, or the exchange is over
	closed bool // by its reader
	err    error
}

var bodies = sync.Pool{New: func() any { return new(requestBody) }}

func (b *requestBody) Read(p []byte) (int, error) {
	if !b.arm() {
		return 0, http.ErrBodyReadAfterClose
	}
	if b.chunked { // a read of chunks waits until it is full
		room := chunkedPiece
		if b.read == 0 {
			room = 1
		}
		p = p[:min(len(p), room)]
	}
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read += int64(n)
	if err == nil || b.over {
		return n, err
	}
	b.over, b.err = true, err
	if err == io.EOF {
		b.disarm()
		if !b.lent {
			b.let()
		}
	}
	return n, err
}

// Close lets nobody read on. What net/http does when it closes a body, which is to wait for
// more of it, is finish's.
func (b *requestBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// arm sets the deadline for the next piece, false for none to come. One that was set a moment
// ago still does.
func (b *requestBody) arm() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over || b.closed {
		return !b.closed
	}
	b.asked = true
	now := b.now()
	switch {
	case b.read == 0:
		if b.first > 0 && b.armed.IsZero() {
			b.armed = now
			_ = b.control.SetReadDeadline(now.Add(b.first))
		}
		return true
	case b.began.IsZero():
		b.began = now
	case now.Sub(b.armed) <= b.idle/4:
		return true
	}
	if b.idle == 0 {
		b.disarm()
		return true
	}
	end := now.Add(b.idle)
	if slow := b.began.Add(b.idle + time.Duration(b.read/minRate)*time.Second); slow.Before(end) {
		end = slow
	}
	b.armed = now
	_ = b.control.SetReadDeadline(end)
	return true
}

// disarm takes the deadline off: what the server waits for now, such as the client's leaving,
// has none.
func (b *requestBody) disarm() {
	if !b.armed.IsZero() {
		b.armed = time.Time{}
		_ = b.control.SetReadDeadline(time.Time{})
	}
}

// lend gives the body to another goroutine, which may read on while the reply goes out.
func (b *requestBody) lend() {
	delete(b.w.Header(), "Connection") // what comes before the reply says nothing of it
	b.lent = true
}

// announce says in the reply's head whether another request can follow: not before the body
// is in. Of a body that is lent it must be asked on the reply's goroutine, right before the
// head goes out.
func (b *requestBody) announce() {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch h := b.w.Header(); {
	case b.err == io.EOF:
		b.let()
	case b.request.ProtoMajor == 1:
		h["Connection"] = connectionClose
	}
}

// let says that another request can follow, unless it is known that none does.
func (b *requestBody) let() {
	if b.last || b.request.ProtoMajor == 1 && b.leaving() {
		b.w.Header()["Connection"] = connectionClose
		return
	}
	delete(b.w.Header(), "Connection")
}

// failed is the error that reading the body ended with, nil or io.EOF for none.
func (b *requestBody) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// faultOf says what an error means that reading a request's body gave.
func faultOf(err error) hub.Fault {
	switch {
	case err == nil, err == io.EOF, err == http.ErrBodyReadAfterClose:
		return hub.NoFault
	case errors.Is(err, os.ErrDeadlineExceeded):
		return hub.SlowBody
	}
	return hub.BrokenBody
}

// finish ends the body with its exchange. What was not read of it is read for a while, after
// the reply: else net/http would wait for it without an end. A stream of HTTP/2 is reset instead.
func (b *requestBody) finish(returned bool) {
	b.mu.Lock()
	rest, lent := !b.over && b.request.ProtoMajor == 1, b.lent
	if b.over = true; rest {
		end := b.now()
		if rest = b.asked || !b.expects; rest && returned {
			end = end.Add(lingerTime)
		}
		b.armed = end
		_ = b.control.SetReadDeadline(end)
	}
	b.mu.Unlock()
	if rest {
		if returned {
			_ = b.control.Flush()
		}
		// It also waits for whoever still reads on another goroutine: net/http takes the
		// deadline off a read that is under way.
		if _, err := io.CopyN(io.Discard, b.ReadCloser, lingerBytes); err == io.EOF {
			b.disarm()
		}
	}
	if !lent {
		*b = requestBody{}
		bodies.Put(b)
	}
}

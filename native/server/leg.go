package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/upstream"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// Reasons why a leg's request is cancelled.
var (
	errIdle  = errors.New("nothing came from the upstream for too long")
	errEnded = errors.New("the gateway is shutting down")
	errDone  = errors.New("the exchange is over")
)

// Words of the log for what ended an exchange early.
const (
	clientGone   = "client_gone"
	shuttingDown = "shutting_down"
)

// A leg is one request to the upstream and its reply. It knows nothing of the client: who
// waits for the reply is a context.
type leg struct {
	request upstream.Request
	body    *buffer // the request's
	reply   *upstream.Reply

	waiting context.Context // of whoever waits for the reply
	ctx     context.Context // ends with that, with the drain, or when nothing has come for too long
	cancel  context.CancelCauseFunc
	idle    *stall
	timeout time.Duration // of idle

	replyHeader func(string) string // bound once per object, not per request
}

// begin starts the leg's time. waiting is the context of whoever waits for its reply.
func (l *leg) begin(waiting context.Context) context.Context {
	l.waiting = waiting
	l.ctx, l.cancel = context.WithCancelCause(waiting)
	return l.ctx
}

// send sends the request and waits for the reply's head.
func (l *leg) send(client *upstream.Client, waiting context.Context) (err error) {
	if l.reply, err = client.Send(l.begin(waiting), &l.request); err != nil {
		return err
	}
	l.freeSent()
	return nil
}

// freeSent gives back the request's body once it has gone up. What was refused may have to be
// counted.
func (l *leg) freeSent() {
	if l.body != nil && l.reply.Status < 400 && l.reply.Sent() {
		l.freeBody()
	}
}

// watch arms the idle timer once the reply has begun. There is no total limit. Writes of
// what was read go to w.
func (l *leg) watch(timeout time.Duration, w deadliner) {
	if timeout > 0 {
		l.timeout = timeout
		l.idle = newStall(timeout, l.cancel, w)
	}
}

// Read reads some of the reply.
func (l *leg) Read(p []byte) (int, error) {
	n, err := l.reply.Read(p)
	if err == nil {
		l.alive()
	}
	return n, err
}

// alive is told that some of the reply has come.
func (l *leg) alive() {
	l.freeSent()
	if l.idle != nil {
		l.idle.timer.Reset(l.timeout)
	}
}

// rewatch gives the reply another time to end in.
func (l *leg) rewatch(timeout time.Duration, w deadliner) {
	l.stopIdle()
	l.watch(timeout, w)
}

func (l *leg) stopIdle() {
	if l.idle != nil {
		l.idle.stop()
		l.idle = nil
	}
}

// readWhole reads the reply to its end, at most limit bytes where that is not 0. The buffer
// counts against the share and grows as they come; it holds what has come, also beside an error.
func (l *leg) readWhole(limit int64, share *memory.Share) (*buffer, error) {
	in := newShared(firstRoom, share)
	if in == nil {
		return nil, errNoMemory
	}
	return in, in.readAll(l, l.reply.Length, limit)
}

// unreachable says why no reply's head came, and the log's word for it, if that is not the
// fault's own. NoFault: nobody waits for one.
func (l *leg) unreachable(err error) (f hub.Fault, failure string) {
	var timeout net.Error
	switch {
	case context.Cause(l.ctx) == errEnded:
		return hub.ShuttingDown, ""
	case l.waiting.Err() != nil:
		return hub.NoFault, clientGone
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout() && !isDial(err):
		return hub.NoHead, ""
	}
	return hub.Unreachable, ""
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// cut says why reading the reply failed, and the log's word for it. NoFault: nobody waits
// for the rest.
func (l *leg) cut() (f hub.Fault, failure string) {
	switch cause := context.Cause(l.ctx); {
	case cause == errIdle:
		return hub.Idle, "idle"
	case cause == errEnded:
		return hub.ShuttingDown, shuttingDown
	case l.waiting.Err() != nil:
		return hub.NoFault, clientGone
	}
	return hub.Cut, "upstream_cut"
}

func (l *leg) readReplyHeader(name string) string { return joined(l.reply.Header, name) }

// mendLocations leads redirects to the gateway, which the client knows as host.
func mendLocations(h http.Header, client *upstream.Client, host string) {
	for _, name := range [...]string{"Location", "Content-Location"} {
		if v := h.Get(name); v != "" {
			h.Set(name, client.Location(v, host))
		}
	}
}

func (l *leg) freeBody() {
	l.body.free()
	l.body, l.request.Body = nil, nil
}

func (l *leg) free() {
	l.stopIdle()
	if l.reply != nil {
		l.reply.Close() // before its context ends, which would cost the connection
	}
	if l.cancel != nil {
		l.cancel(errDone)
	}
	l.freeBody()
	*l = leg{replyHeader: l.replyHeader}
}

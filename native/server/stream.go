package server

import (
	"context"
	"io"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// afterEnd is how long an upstream may take to end its reply after the stream's last event.
const afterEnd = 250 * time.Millisecond

const (
	// streamBuffer is small, since a slow stream holds it all the time: vLLM's events
	// are a few hundred bytes.
	streamBuffer = 4 << 10
	// batch is how much is gathered at most, of what has come already, before it goes out.
	batch = 16 << 10
)

// A stream is a call's reply where that is a stream of events.
type stream struct {
	call  *call
	begun bool
	ready int // bytes of the piece at hand that are sent already
	beat  *heartbeat
}

// run sends each event on as it comes. Events that are here already go out together.
func (s *stream) run(rp *gateway.ReplyPlan) {
	c := s.call
	s.begun = true
	c.begin(rp, -1)
	c.leg.watch(c.st.idle, c.client)
	reply := c.leg.reply
	if !reply.Ready() { // the first token may take its time
		if begin := s.reply(nil, nil, false); len(begin) == 0 {
			c.client.flush()
		} else if !s.send(begin) {
			return
		}
	}
	if rp.Beats {
		s.beat = newHeartbeat(c.x, c.client, c.h.beat, &c.log)
		defer s.beat.stop()
	}
	in := newBuffer(streamBuffer)
	defer in.free()
	chunk, ended := in.b[:cap(in.b)], false
	var out *buffer // held only while there is something to send
	defer func() { out.free() }()
	for {
		n, err := reply.Read(chunk)
		s.beat.hold()
		if out == nil {
			out = newBuffer(2 * batch)
		}
		if n > 0 || err == io.EOF {
			c.log.received("event from the upstream", chunk[:n])
			out.b = s.reply(out.b, chunk[:n], err == io.EOF)
			if cap(out.b) > 2*batch { // it waits for as long as the client likes
				out.share = &c.holding.share
				out.count()
			}
		}
		if err == nil && len(out.b) < batch && reply.Ready() && !c.x.Ended() {
			s.beat.release(false)
			continue
		}
		if !ended {
			c.leg.alive()
		}
		if !s.send(out.b) {
			return
		}
		s.beat.release(len(out.b) > 0)
		out.free()
		out = nil
		switch {
		case err == io.EOF, c.x.Ended() && err != nil:
			return
		case c.x.Ended() && !ended:
			// Only the upstream's own end is missing. It is worth a short wait, since it
			// saves the connection.
			ended = true
			c.leg.rewatch(afterEnd, c.client)
		case err != nil:
			f := c.cut()
			s.beat.stop()
			if f == hub.NoFault {
				s.abandon()
			} else {
				s.send(s.abort(f))
			}
			return
		}
	}
}

// send sends a piece of the stream, of which some may be sent already. On false the client
// is gone, and the stream has ended.
func (s *stream) send(b []byte) bool {
	c := s.call
	b, s.ready = b[s.ready:], 0
	c.log.sent("event to the client", b)
	if c.client.send(b) {
		return true
	}
	s.gone()
	s.abandon()
	return false
}

// gone notes that the client takes nothing any more: nobody waits for the exchange.
func (s *stream) gone() {
	c := s.call
	c.failed(clientGone)
	if c.ctx.Err() == nil {
		c.ctx = left
	}
}

// abandon ends a stream whose client is gone: its keeper has to learn what became of it.
func (s *stream) abandon() { s.abort(hub.Cut) }

// reply is the core's next piece.
func (s *stream) reply(dst, chunk []byte, end bool) []byte {
	out, _ := s.call.goOn(s.call.x.Reply(dst, chunk, end), nil)
	return out
}

// abort ends the client's stream by its grammar.
func (s *stream) abort(f hub.Fault) []byte {
	s.ready = 0
	out, _ := s.call.goOn(s.call.x.Abort(nil, f), nil)
	return out
}

// sendReady sends what of a piece need not wait for what the core needs.
func (s *stream) sendReady(b []byte) {
	s.call.log.sent("event to the client", b)
	if s.ready = len(b); !s.call.client.send(b) {
		s.gone()
	}
}

// left is the context of an exchange whose client is gone.
var left = func() context.Context {
	ctx, leave := context.WithCancel(context.Background())
	leave()
	return ctx
}()

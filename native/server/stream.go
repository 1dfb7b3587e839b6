package server

import (
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

// replyStream sends each event on as it comes. Events that are here already go out together.
func (c *call) replyStream(rp *gateway.ReplyPlan) {
	c.streaming = true
	c.begin(rp, -1)
	c.leg.watch(c.st.idle, c.client)
	reply := c.leg.reply
	if !reply.Ready() { // the first token may take its time
		if begin := c.reply(nil, nil, false); len(begin) == 0 {
			c.client.flush()
		} else if !c.send(begin) {
			return
		}
	}
	if rp.Beats {
		c.beat = newHeartbeat(c.x, c.client, c.h.beat, c.log)
		defer c.beat.stop()
	}
	in := newBuffer(streamBuffer)
	defer in.free()
	chunk, ended := in.b[:cap(in.b)], false
	var out *buffer // held only while there is something to send
	defer func() { out.free() }()
	for {
		n, err := reply.Read(chunk)
		c.beat.hold()
		if out == nil {
			out = newBuffer(2 * batch)
		}
		if n > 0 || err == io.EOF {
			c.log.piece("event from the upstream", chunk[:n])
			out.b = c.reply(out.b, chunk[:n], err == io.EOF)
		}
		if err == nil && len(out.b) < batch && reply.Ready() && !c.x.Ended() {
			c.beat.release(false)
			continue
		}
		if !ended {
			c.leg.alive()
		}
		if !c.send(out.b) {
			return
		}
		c.beat.release(len(out.b) > 0)
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
			c.beat.stop()
			if f == hub.NoFault {
				c.unheard()
			} else {
				c.send(c.abort(f))
			}
			return
		}
	}
}

// send sends a piece of the stream. On false the client is gone, and the stream has ended.
func (c *call) send(b []byte) bool {
	c.log.piece("event to the client", b)
	if c.client.send(b) {
		return true
	}
	c.failed(clientGone)
	c.unheard()
	return false
}

// unheard ends a stream whose client is gone: what stands before this handler may keep
// the stream all the same, and has to learn what became of it.
func (c *call) unheard() {
	if out := c.abort(hub.Cut); len(out) > 0 {
		c.client.write(out)
	}
}

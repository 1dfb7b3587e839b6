package server

import (
	"io"
	"net/http"

	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// wholePiece is how much of a whole reply is written at a time.
const wholePiece = 256 << 10

// replyWhole reads the reply to its end, lets the core edit it, and sends it.
func (c *call) replyWhole(rp *gateway.ReplyPlan) {
	c.leg.watch(c.st.idle, c.client)
	in, err := c.leg.readWhole(int64(rp.MaxBody), &c.holding.share)
	c.holding.in = in
	switch {
	case err == errNoMemory:
		c.answer(c.x.Fault(hub.NoMemory))
		return
	case err == errTooLarge:
		c.answer(c.x.Fault(hub.ReplyTooLarge))
		return
	case err != nil:
		f := c.cut()
		if f == hub.NoFault {
			c.lost()
			return
		}
		if !c.x.Broken(rp) {
			c.answer(c.x.Fault(f))
			return
		}
	}
	c.refusal.take(in.b)
	c.log.whole("reply from the upstream", c.leg.reply.Header, in.b)
	size := len(in.b) + c.x.Plan().Kept
	out := newShared(size+512, &c.holding.share)
	if out == nil || !c.holding.work(turned(size)) {
		out.free()
		c.answer(c.x.Fault(hub.NoMemory))
		return
	}
	defer out.free()
	b, answer := c.goOn(c.x.ReplyWhole(out.b, in.b))
	out.b = b
	out.count()
	c.holding.worked()
	if answer != nil { // which may hold what came
		c.answer(answer)
		return
	}
	c.holding.freeIn()
	header := c.begin(rp, int64(len(b)))
	for rest := b; len(rest) > 0; c.leg.alive() { // in pieces, since a slow client is not a stuck one
		n := min(len(rest), wholePiece)
		if !c.client.write(rest[:n]) {
			c.failed(clientGone)
			break
		}
		rest = rest[n:]
	}
	c.log.whole("reply to the client", header, b)
}

// replyPass sends the reply's body on as it is.
func (c *call) replyPass(rp *gateway.ReplyPlan) {
	c.leg.watch(c.st.idle, c.client)
	reply := c.leg.reply
	c.begin(rp, reply.Length)
	if reply.Length < 0 {
		c.client.flush()
	}
	buf := newBuffer(streamBuffer)
	defer buf.free()
	chunk := buf.b[:cap(buf.b)]
	for {
		n, err := reply.Read(chunk)
		if n > 0 {
			c.leg.alive()
			c.refusal.take(chunk[:n])
			c.log.received("reply passed on", chunk[:n])
			if !c.client.write(chunk[:n]) {
				c.failed(clientGone)
				return
			}
			if reply.Length < 0 {
				c.client.flush()
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			if c.cut() == hub.NoFault {
				return
			}
			// Bytes that aren't ours have no grammar to end by: the client must see the cut.
			panic(http.ErrAbortHandler)
		}
	}
}

package server

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// goOn gives the core what it needs until it needs nothing more: out and answer are what
// the core said when it stopped, and what it says in the end.
func (c *call) goOn(out []byte, answer *hub.Answer) ([]byte, *hub.Answer) {
	for n := c.x.Need(); n != nil; n = c.x.Need() {
		if n.Kind == hub.NeedKeep && c.stream.begun {
			c.stream.sendReady(out[:n.Ready])
		}
		out, answer = c.x.Resume(out, c.give(n))
	}
	return out, answer
}

// give gets what the core needs. It may wait.
func (c *call) give(n *hub.Need) hub.Given {
	switch n.Kind {
	case hub.NeedWindow:
		// Asked for with the authorization that the request itself goes up with.
		return hub.Given{Window: c.attempts.window(n.Target)}
	case hub.NeedCount:
		c.leg.stopIdle() // the refusal has come, and the wait is for another reply
		count, window := c.attempts.to.client.Count(c.ctx, &c.leg.request)
		return hub.Given{Count: count, Window: window}
	}
	g := c.keeper.Give(c.ctx, n)
	if len(g.Items) > 0 && !c.holding.readOn(g.Items) {
		return hub.Given{Problem: hub.FaultProblem(hub.NoMemory, 0)}
	}
	if n.Kind == hub.NeedStart && g.Problem == nil {
		if ctx := c.keeper.Detached(); ctx != nil {
			c.detach(ctx)
		}
	}
	return g
}

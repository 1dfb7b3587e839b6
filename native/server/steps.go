package server

import (
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/catalog"
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
		return hub.Given{Window: c.window(n.Target)}
	case hub.NeedCount:
		c.leg.stopIdle() // the refusal has come, and the wait is for another reply
		count, window := c.to.client.Count(c.ctx, &c.leg.request)
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

// window is a target's, in tokens; 0 where it can't be learned. It is asked for with the
// authorization that the request itself goes up with.
func (c *call) window(t *catalog.Target) int {
	b := c.st.main
	model := c.st.config.Upstreams[c.st.config.DefaultIndex()].Model
	if t != nil {
		b, model = c.st.backend(t.Upstream), t.Model
	}
	w := b.windows[model]
	if w == nil {
		return 0
	}
	client := c.client.head().Credential
	if b != c.st.main {
		client = access.Credential{} // for the default upstream alone
	}
	authorization, _ := client.Upstream(b.apiKey)
	return w.Tokens(c.ctx, authorization)
}

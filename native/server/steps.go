package server

import "github.com/qwenvoy/qwenvoy/shared/hub"

// goOn gives the core what it needs until it needs nothing more: out and answer are what
// the core said when it stopped, and what it says in the end.
func (c *call) goOn(out []byte, answer *hub.Answer) ([]byte, *hub.Answer) {
	for n := c.x.Need(); n != nil; n = c.x.Need() {
		out, answer = c.x.Resume(out, c.give(n))
	}
	return out, answer
}

// give gets what the core needs. It may wait.
func (c *call) give(n *hub.Need) hub.Given {
	switch n.Kind {
	case hub.NeedWindow:
		// Asked for with the authorization that the request itself goes up with.
		authorization, _ := c.client.head().Credential.Upstream(c.st.apiKey)
		return hub.Given{Window: c.st.window.Tokens(c.ctx, authorization)}
	case hub.NeedCount:
		c.leg.stopIdle() // the refusal has come, and the wait is for another reply
		return hub.Given{Count: c.st.client.Count(c.ctx, &c.leg.request)}
	}
	return c.memory.Give(n)
}

// reply is the core's next piece of a stream.
func (c *call) reply(dst, chunk []byte, end bool) []byte {
	out, _ := c.goOn(c.x.Reply(dst, chunk, end), nil)
	return out
}

// abort ends the client's stream by its grammar.
func (c *call) abort(f hub.Fault) []byte {
	out, _ := c.goOn(c.x.Abort(nil, f), nil)
	return out
}

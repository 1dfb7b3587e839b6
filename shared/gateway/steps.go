package gateway

import "github.com/qwenvoy/qwenvoy/shared/hub"

// Need is what the exchange has to be given before it goes on, nil for nothing. An edge
// looks here after Request, Reply, ReplyWhole, Abort and Resume. Until it has given what
// is needed it calls nothing but Resume, Report and Close, and what it lent to the call
// that stopped (dst, a body, a chunk) stays as it is. An edge that handed in nothing of
// Keeps, LearnsWindow and Counts is never asked.
func (x *Exchange) Need() *hub.Need { return x.turn.Need() }

// Resume goes on with what was needed: dst is what the call that stopped has returned, and
// it returns what that call would have.
func (x *Exchange) Resume(dst []byte, g hub.Given) ([]byte, *hub.Answer) {
	if x.targets != nil {
		x.targets.record(g)
	}
	out, p := x.turn.Give(dst, g)
	switch x.phase {
	case requesting:
		return x.requested(out, p)
	case replying:
		return x.replied(out, p)
	}
	// A stream asks in the call that ends it, so nothing of it is left to do.
	return out, nil
}

package edge

import "github.com/qwenvoy/qwenvoy/shared/gateway"

// unproven is after how many ticks a reply's head goes on though nothing proves that the
// host hides its body: a large one never ends there, since the host gathers only so much.
const unproven = 3

// mayHold tells whether the head of a side, on which the callback is about to pause, waits for
// its body.
func (e *Exchange) mayHold(side Side) bool {
	e.shown, e.ticks = false, 0
	return !e.plugin.holdsNone.Load() && e.host.HoldsHead(side)
}

// sawBody notes that a body callback came, or the trailers'.
func (e *Exchange) sawBody() {
	if e.held && !e.shown {
		e.shown = true
		if !e.plugin.holdsSome.Load() {
			e.plugin.holdsSome.Store(true)
		}
	}
}

// Waits tells whether a head is held of whose body nothing was seen yet. A host that can't be
// sure that it holds heads calls Tick about once a second as long as it does.
func (e *Exchange) Waits() bool { return e.held && !e.shown && !e.answered }

// Tick lets a held head go on where the host hides its body, which is what an Envoy does whose
// allow_on_headers_stop_iteration is not set: the exchange would hang for ever. Exchanges that
// begin later hold none. A client that is slow to send its body is waited for.
func (e *Exchange) Tick() {
	side, at := Request, inRequest
	if e.reply == whole {
		side, at = Reply, inReplyHead
	}
	var action Action
	defer e.guard(at, &action)
	if !e.Waits() || e.plan.Action != gateway.Transform {
		return
	}
	// It is set again when the body is known; the host tells what came only where nobody says
	// what is to come.
	e.host.RemoveField(side, "content-length")
	e.ticks++
	hides := e.host.Hides(side)
	if !hides && (side == Request || e.plugin.holdsSome.Load() || e.ticks < unproven) {
		return
	}
	if hides && e.plugin.holdsNone.CompareAndSwap(false, true) {
		logLine(e.host, LevelError, "Envoy hides bodies whose heads wait: this filter's configuration sets "+
			"envoy.allow_on_headers_stop_iteration, its place in Envoy's does not set allow_on_headers_stop_iteration. Set both or neither. "+
			"Going on without, so that a reply's status can't follow from its body (each worker says this once)")
	}
	e.held = false
	e.host.Resume(side)
}

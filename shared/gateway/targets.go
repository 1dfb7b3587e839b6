package gateway

import (
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// Targets is for an exchange of which one upstream of several may have to answer: it turns the
// request again for another target.
type Targets struct {
	x *Exchange
	// begin is what was known of the request before its body.
	begin hub.RequestFacts
	// given is what the edge gave while the request was read, but for windows, which are a
	// target's; replayed counts those that another reading has had.
	given    []hub.Given
	replayed int
}

// newTargets is for an exchange that has just been opened.
func newTargets(x *Exchange) *Targets {
	x.turn.Record()
	return &Targets{x: x, begin: x.turn.Request}
}

// Targets is nil where the gateway has one upstream.
func (x *Exchange) Targets() *Targets { return x.targets }

// Model is the virtual model that was asked for, whose targets may answer; nil before Request has
// read its name, and where it names none.
func (t *Targets) Model() *catalog.Model { return t.x.turn.Request.Virtual }

// Upstream is the place, in the configuration, of the upstream that the request as it was turned
// is for, and the edit of its header in place of the plan's.
func (t *Targets) Upstream() (place int, edit *hub.HeaderEdit) {
	x := t.x
	g := x.gateway
	if m := x.turn.Request.Model; m != nil && m.Target.Upstream != g.upstreams[g.main].name {
		for i := range g.upstreams {
			if u := &g.upstreams[i]; u.name == m.Target.Upstream {
				e := g.addressed(&x.edit, u, x.credential, &x.turn.Request.Hints)
				return i, &e
			}
		}
	}
	return g.main, &x.plan.Edit
}

// Again turns the request's body, without its content-encoding, for the i-th target, where no
// reply's head has been taken yet. What was given while it was turned before is not asked for
// again, and ids stay the same. It returns what Exchange.Request does.
func (t *Targets) Again(dst, body []byte, i int) ([]byte, *hub.Answer) {
	x := t.x
	x.turn.Request, x.turn.Reply = t.begin, hub.ReplyFacts{}
	x.turn.Rewind(i)
	x.phase, x.problem, t.replayed = requesting, nil, 0
	return x.requested(x.route.dialect.Request(dst, body, &x.turn))
}

// replay gives what was given before.
func (t *Targets) replay(out []byte, p *hub.Problem) ([]byte, *hub.Problem) {
	turn := &t.x.turn
	for n := turn.Need(); n != nil && p == nil && n.Kind != hub.NeedWindow && t.replayed < len(t.given); n = turn.Need() {
		t.replayed++
		out, p = turn.Give(out, t.given[t.replayed-1])
	}
	return out, p
}

// record keeps what is given while the request is read.
func (t *Targets) record(g hub.Given) {
	if t.x.phase == requesting && t.x.turn.Need().Kind != hub.NeedWindow {
		t.given = append(t.given, g)
		t.replayed++
	}
}

// addressed is an edit with what names the client to an upstream. A key of the client's own is
// for the default upstream: the others may be somebody else's.
func (g *Gateway) addressed(edit *hub.HeaderEdit, u *upstream, c access.Credential, hints *access.Hints) hub.HeaderEdit {
	e := *edit
	authorization, replaced := c.Upstream(u.apiKey)
	switch {
	case u != &g.upstreams[g.main] && u.apiKey == "":
		e.Drop = append(append(e.Drop[:len(e.Drop):len(e.Drop)], "authorization"), access.KeyFields...)
	case replaced:
		e = e.With([2]string{"authorization", authorization})
		e.Drop = append(e.Drop[:len(e.Drop):len(e.Drop)], access.KeyFields...)
	}
	if id := hints.Prefix(); id != "" && u.sessionHeader != "" {
		e = e.With([2]string{u.sessionHeader, access.Hashed(id)})
	}
	return e
}

package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/qwenvoy/qwenvoy/native/upstream"
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// attempts are those of a call to have its request answered: by its model's targets in their
// order, until the head of a reply has come that goes to the client.
type attempts struct {
	call  *call
	to    *backend // the one at hand
	tried int      // targets before it
}

// areLeft tells whether another target may answer where this one does not.
func (a *attempts) areLeft() bool {
	t := a.call.x.Targets()
	return t != nil && t.Model() != nil && a.tried+1 < t.Model().Targets()
}

// reach sends the request to the model's targets in their order, until the head of a reply has
// come that goes to the client. On false the exchange is over.
func (a *attempts) reach() bool {
	c := a.call
	for {
		if c.log.enabled() {
			c.log.whole("request to the upstream", c.leg.request.EditedHeader(), c.leg.request.Body)
		}
		err := c.leg.send(a.to.client, c.ctx)
		if err == nil {
			a.to.answered(c.leg.reply.Status)
			c.refusal.head(c.leg.reply.Status, c.leg.reply.Header)
		}
		var why string
		switch {
		case err != nil:
			f := a.noReply(err)
			if f == hub.NoFault || f == hub.ShuttingDown || !a.areLeft() {
				c.unreached(f)
				return false
			}
			why = "no reply"
		case !othersMayServe(c.leg.reply.Status) || !a.areLeft():
			return true
		default:
			why = strconv.Itoa(c.leg.reply.Status)
			a.dismiss()
		}
		if !a.next(why) {
			return false
		}
	}
}

// othersMayServe tells whether what one server refuses with a status another may serve: it has
// not the model, takes not our key, has too much to do, or fails. What is wrong with a request is
// so at all of them.
func othersMayServe(status int) bool {
	switch status {
	case 401, 402, 403, 404, 408, 409, 425, 429:
		return true
	case 501, 505:
		return false
	}
	return status >= 500
}

// wordsTimeout is how long the words of a refusal are waited for that only the log gets.
const wordsTimeout = time.Second

// dismiss ends a reply that the client does not get, and says so in the log.
func (a *attempts) dismiss() {
	c := a.call
	c.leg.watch(wordsTimeout, c.client)
	said := make([]byte, maxRefusal)
	n, _ := io.ReadFull(&c.leg, said)
	c.refusal.take(said[:n])
	r := c.x.Report()
	c.refusal.warn(c, &r)
	c.refusal = refusal{}
}

// next turns the request for the target behind the one that has not served it. On false the
// exchange is over.
func (a *attempts) next(why string) bool {
	c := a.call
	from := a.to.name
	c.leg.free()
	c.failure = ""
	a.tried++
	if !c.turn(func(dst, body []byte) ([]byte, *hub.Answer) { return c.x.Targets().Again(dst, body, a.tried) }) {
		return false
	}
	c.h.log.LogAttrs(context.Background(), slog.LevelInfo, "another target is asked",
		slog.String("request_id", c.id), slog.String("upstream", from), slog.String("why", why), slog.String("next", a.to.name))
	return true
}

// address addresses the request to its upstream.
func (a *attempts) address() {
	c := a.call
	plan, head := c.x.Plan(), c.client.head()
	target, edit := head.Path, &plan.Edit
	if plan.Path != "" {
		target = plan.Path
	}
	if t := c.x.Targets(); t != nil {
		var place int
		place, edit = t.Upstream()
		a.to = c.st.backends[place]
	}
	c.leg.request = upstream.Request{Method: head.Method, Target: target, Header: c.client.fields(), Edit: *edit}
}

// noReply notes that no reply's head came, and says why. NoFault: nobody waits for one.
func (a *attempts) noReply(err error) hub.Fault {
	c := a.call
	f, failure := c.leg.unreachable(err)
	c.failed(failure)
	if f == hub.NoFault {
		return f
	}
	if isDial(err) {
		a.to.known.Lost()
	}
	if left, write := c.h.repeats.Write(fmt.Sprint(a.to.name, f, isDial(err))); write {
		c.h.log.LogAttrs(context.Background(), slog.LevelWarn, "no reply from the upstream", suppressed([]slog.Attr{
			slog.String("request_id", c.id), slog.String("upstream", a.to.name), slog.Any("error", err)}, left)...)
	}
	return f
}

// window is a target's, in tokens; 0 where it can't be learned. It is asked for with the
// authorization that the request itself goes up with.
func (a *attempts) window(t *catalog.Target) int {
	c := a.call
	b := c.st.main
	model := c.st.config.Main().Model
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

package server

import (
	"context"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// A client is whom an exchange is for, as its call sees it: it brings the request and takes
// the reply.
type client interface {
	// head is the request's; fields are all of its header, as they may go up.
	head() gateway.Head
	fields() http.Header
	// body is the request's, whole, of at most limit bytes where that is not 0; it counts
	// against the share. Without a buffer the fault is the answer, NoFault when nobody waits
	// for one.
	body(limit int64, share *memory.Share) (*buffer, hub.Fault)
	// answer sends a reply of our own, whether or not the body was read.
	answer(a *hub.Answer)
	// begin sends the head of an upstream's reply, edited, and returns it. length is the
	// body's, -1 where it is not known.
	begin(status int, header http.Header, edit hub.HeaderEdit, length int64) http.Header
	// write sends a piece of a reply's body, send flushes it too. On false nobody takes it.
	write(b []byte) bool
	send(b []byte) bool
	flush()
	deadliner
	// traffic is what a log tells of the client. The call may set the status of a reply that
	// is not sent.
	traffic() *traffic
}

// A call is one exchange on its way: it leads a client's request through the core and up,
// and the reply back. Calls are pooled with their closures.
type call struct {
	h        *Handler
	st       *state
	ctx      context.Context // ends when nobody waits for the exchange any more
	attempts attempts
	client   client
	keeper   Keeper // nil where there is no state
	x        *gateway.Exchange
	leg      leg
	log      bodyLog

	holding holding

	stream  stream
	refusal refusal
	id      string
	// Of the calls under way those beside it, and when it began.
	before, after *call
	began         time.Time
	// detached: the exchange has left the client that it began with.
	detached bool
	failure  string // what ended the exchange early, for the log
}

var calls = sync.Pool{New: func() any {
	c := &call{}
	c.leg.replyHeader = c.leg.readReplyHeader
	c.holding.decode = c.holding.decodeIn
	return c
}}

// newCall begins a call for a client. ctx ends when the client waits no more; k may be nil.
func newCall(h *Handler, ctx context.Context, cl client, k Keeper, id string) *call {
	c := calls.Get().(*call)
	c.stream.call = c
	c.h, c.st, c.ctx, c.client, c.keeper, c.id = h, h.state.Load(), ctx, cl, k, id
	c.attempts = attempts{call: c, to: c.st.main}
	c.holding.share.Begin(h.memory)
	c.began = cl.traffic().start
	h.inFlight.begin(c)
	c.log = bodyLog{log: h.log, id: id, apiKeys: c.st.keys, credential: cl.head().Credential}
	return c
}

// serve serves a request of HTTP. detached: the exchange goes on without its client, and
// not here; else the call is over.
func (c *call) serve(cl *httpClient) (detached bool) {
	defer func() {
		if !detached {
			c.finish(recover())
		}
	}()
	switch action := c.open(); {
	case action == gateway.Local:
		c.answer(c.h.local(c.st, c.x.Plan(), cl.r))
	case c.crowded():
	case c.st.collector != nil && c.x.Plan().Route == telemetryRoute:
		passTelemetry(c)
	case action == gateway.Transform:
		c.h.modified.Add(1)
		switch {
		case !c.request():
		case c.detached:
			return true
		default:
			c.ask()
		}
	default:
		c.forward(cl)
	}
	return false
}

// crowded refuses what would be one too many under way; what is answered without an upstream
// is not.
func (c *call) crowded() bool {
	if c.h.inFlight.n.Load() <= int64(c.st.config.Limits.Exchanges) {
		return false
	}
	c.answer(c.x.Fault(hub.Busy))
	return true
}

// finish ends the call: it acts on a panic that was recovered, tells who has to know, and
// frees the call.
func (c *call) finish(p any) {
	defer c.free()
	switch {
	case p == http.ErrAbortHandler:
		c.failed("aborted")
		c.over()
		panic(p)
	case p != nil:
		c.recovered(p)
	}
	c.over()
}

func (c *call) recovered(p any) {
	c.failed("panic")
	c.stream.beat.stop()
	c.h.log.Error("panic in a request", "request_id", c.id, "panic", redact.Panic(p), "stack", firstFrames(debug.Stack()))
	// The core is in an unknown state: a second panic in it cuts the connection.
	defer func() {
		if recover() != nil {
			c.over()
			panic(http.ErrAbortHandler)
		}
	}()
	switch wrote := c.client.traffic().wrote; {
	case !wrote && c.x != nil:
		c.answer(c.x.Fault(hub.Panic))
	case !wrote:
		c.answer(c.signed(&hub.Answer{Status: http.StatusInternalServerError,
			Body: []byte(`{"error":{"message":"An internal error occurred in Qwenvoy; its log has more.",` +
				`"type":"server_error","param":null,"code":500}}`)}))
	case c.stream.begun:
		c.stream.send(c.stream.abort(hub.Panic))
	default:
		panic(http.ErrAbortHandler)
	}
}

// over tells the keeper and the observer what became of the exchange.
func (c *call) over() {
	route, r := "", gateway.Report{}
	if c.x != nil {
		route = c.x.Plan().Route
	}
	listens := c.h.observer.listens(route)
	if c.x != nil && (listens || c.keeper != nil || c.refusal.status != 0) {
		r = c.x.Report()
	}
	c.refusal.warn(c, &r)
	if c.keeper != nil {
		c.keeper.Over(Outcome{
			Status: c.client.traffic().status, Streamed: c.stream.begun, Problem: r.Problem, RetryAfter: c.retryAfter(r.Problem),
		})
	}
	if listens {
		c.h.observer.over(&outcome{
			traffic: c.client.traffic(), id: c.id, method: c.client.head().Method, header: c.client.fields(),
			failure: c.failure, report: r,
		})
	}
}

// retryAfter is the header field of that name beside what was told in place of the reply.
func (c *call) retryAfter(p *hub.Problem) string {
	if p == nil {
		return ""
	}
	if p.Upstream != 0 && c.leg.reply != nil {
		return c.leg.reply.Header.Get("Retry-After")
	}
	for _, f := range p.Header {
		if f[0] == "retry-after" {
			return f[1]
		}
	}
	return ""
}

func (c *call) free() {
	if c.x != nil {
		c.x.Close()
	}
	c.log.end()
	c.leg.free()
	c.holding.release()
	c.h.inFlight.end(c)
	*c = call{leg: c.leg, holding: holding{decode: c.holding.decode}}
	calls.Put(c)
}

// failed notes what ended the exchange early: the first word counts.
func (c *call) failed(reason string) {
	if c.failure == "" {
		c.failure = reason
	}
}

// statusClientGone is nginx's number for a client that left; it is only logged.
const statusClientGone = 499

// lost notes that the client left before it got a head.
func (c *call) lost() {
	c.failed(clientGone)
	c.client.traffic().status = statusClientGone
}

// answer ends the exchange with a reply of our own.
func (c *call) answer(a *hub.Answer) {
	c.failed(a.Reason)
	c.client.answer(a)
}

// signed gives an answer that the core has not made what it says to a web page's browser.
func (c *call) signed(a *hub.Answer) *hub.Answer {
	a.Header = append(a.Header, c.st.gateway.PageFields(c.client.head().Header)...)
	return a
}

func unix() int64 { return time.Now().Unix() }

// open begins the exchange in the core.
func (c *call) open() gateway.Action {
	env := gateway.Env{
		RequestID: c.id, Now: c.client.traffic().start.Unix(), Clock: unix, Random: rand.Uint64,
		Keeps: c.keeper != nil, LearnsWindow: true, Counts: true, Decode: c.holding.decode,
		Nameless: c.st.nameless(),
	}
	c.x = c.st.gateway.Open(c.client.head(), env)
	plan := c.x.Plan()
	if !isProbe(plan.Route) {
		c.h.proxied.Add(1)
	}
	return plan.Action
}

// request reads the client's request and makes the upstream's of it. On false the exchange
// is over.
func (c *call) request() bool {
	plan := c.x.Plan()
	if plan.NoBody {
		c.attempts.address()
		return true
	}
	in, f := c.client.body(int64(plan.MaxBody), &c.holding.share)
	switch {
	case in != nil:
	case f == hub.NoFault:
		c.lost()
		return false
	default:
		c.answer(c.x.Fault(f))
		return false
	}
	c.holding.in = in
	c.log.whole("request from the client", c.client.fields(), in.b)
	if !c.turn(c.x.Request) {
		return false
	}
	if !c.attempts.areLeft() {
		c.holding.freeIn() // nothing needs it again, and the answer may take its time
	}
	return true
}

// turn turns the client's body, read whole, into the upstream's. On false the exchange is over.
func (c *call) turn(by func(dst, body []byte) ([]byte, *hub.Answer)) bool {
	in, kept := c.holding.in, c.x.Plan().Kept
	out := newShared(roomFor(len(in.b)), &c.holding.share)
	c.holding.reading = true
	if out == nil || !c.holding.read(in.b) {
		out.free()
		c.holding.freeIn()
		c.answer(c.x.Fault(hub.NoMemory))
		return false
	}
	b, answer := c.goOn(by(out.b, in.b))
	out.b = b
	out.count()
	c.holding.worked()
	c.holding.share.Add(c.x.Plan().Kept - kept)
	if answer != nil {
		c.holding.freeIn()
		out.free()
		c.answer(answer)
		return false
	}
	c.attempts.address()
	c.leg.body, c.leg.request.Body = out, b
	return true
}

// ask sends the upstream its request, and the client what comes of it.
func (c *call) ask() {
	if !c.attempts.reach() {
		return
	}
	c.holding.freeIn()
	rp := c.x.ReplyHead(c.leg.reply.Status, c.leg.replyHeader)
	switch rp.Mode {
	case gateway.ReplyLocal:
		c.answer(rp.Answer)
	case gateway.ReplyWhole:
		c.replyWhole(&rp)
	case gateway.ReplyStream:
		c.stream.run(&rp)
	default:
		c.replyPass(&rp)
	}
}

// unreached answers where no reply head came, to whoever waits.
func (c *call) unreached(f hub.Fault) {
	if f == hub.NoFault {
		c.lost()
		return
	}
	c.answer(c.x.Fault(f))
}

// cut says why reading the reply failed, NoFault when nobody waits for the rest.
func (c *call) cut() hub.Fault {
	f, failure := c.leg.cut()
	c.failed(failure)
	return f
}

// begin sends the head of the upstream's reply, and returns it.
func (c *call) begin(rp *gateway.ReplyPlan, length int64) http.Header {
	reply := c.leg.reply
	mendLocations(reply.Header, c.attempts.to.client, c.client.head().Header("host"))
	status := reply.Status
	if rp.Status != 0 {
		status = rp.Status
	}
	return c.client.begin(status, reply.Header, rp.Edit, length)
}

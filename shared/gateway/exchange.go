package gateway

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/dialect/models"
	"github.com/qwenvoy/qwenvoy/shared/gunzip"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// An Exchange is one request and its reply. An edge walks it through these steps, each
// decided by what is known at that moment, so that an Envoy filter can take them too:
//
//  1. Open and Plan, from the request's head.
//  2. Request, with the whole body; Targets.Again for another target, before 3.
//  3. ReplyHead, from the reply's status and header.
//  4. ReplyWhole, or Reply for each chunk of a stream, the last with end set. An edge
//     that has no chunk yet calls Reply without one, so that the client's stream begins.
//  5. Fault before the client has got a head, Abort after, when something breaks.
//  6. Report, at any time.
//  7. Close, when it is over, however it ended.
//
// Where it needs something that only the edge can have (Need), it stops in the midst of 2,
// 4 or 5, and Resume goes on.
//
// It is not for concurrent use.
type Exchange struct {
	gateway *Gateway
	route   *route
	plan    Plan
	env     Env
	turn    hub.Turn
	// edit is the plan's without what names the client to its upstream.
	edit       hub.HeaderEdit
	credential access.Credential
	targets    *Targets // nil: there is one upstream
	// encoding is the request's content-encoding where it must be undone.
	encoding string
	problem  *hub.Problem
	page     page

	phase phase
	// form is what becomes of a whole reply, refusal the upstream's status where it is an
	// error's; gzipped: the reply is, unreadable: it is compressed in another way.
	form       replyForm
	refusal    int
	gzipped    bool
	unreadable bool
	stream     stream
}

// phase is how far an exchange has come.
type phase uint8

const (
	// requesting: the request has not been read to its end.
	requesting phase = iota
	// replying: it goes up.
	replying
)

// replyForm is what becomes of a whole reply.
type replyForm uint8

const (
	// The zero form: edited by the dialect.
	_ replyForm = iota
	// decoded, and nothing else.
	decoded
	// refused: the upstream's error, put into the client's words.
	refused
	// onePiece of what the client gets as a stream.
	onePiece
	// limited: the upstream's 429, left as it is, unless it says that it will not pass.
	limited
)

// Open begins an exchange.
func (g *Gateway) Open(head Head, env Env) *Exchange {
	x := &Exchange{gateway: g, env: env, credential: head.Credential}
	g.open(x, head)
	if x.plan.Action != Local {
		x.edit = x.plan.Edit
		x.plan.Edit = g.addressed(&x.edit, &g.upstreams[g.main], x.credential, &x.turn.Request.Hints)
	}
	if len(g.upstreams) > 1 {
		x.targets = newTargets(x)
	}
	return x
}

// open decides from the head.
func (g *Gateway) open(x *Exchange, head Head) {
	env := &x.env
	path, query, hasQuery := strings.Cut(head.Path, "?")
	x.turn.Settings = &g.settings
	x.turn.Edge = hub.EdgeFacts{Now: env.Now, Clock: env.Clock, Random: env.Random, Keeps: env.Keeps, Counts: env.Counts}
	if !env.LearnsWindow {
		x.turn.Edge.Window = hub.NoWindow
	}
	canonical := x.find(head, path, query)
	x.turn.Request.Query = query
	x.plan.Route = x.route.name
	x.page = g.pageOf(head.Header)
	x.plan.Edit.Drop, x.plan.Edit.DropPrefixes = g.fields.below(x.route)
	x.turn.Request.Hints = g.hints(head, x.route)
	if p := g.refuse(head, x.page); p != nil {
		x.local(x.answer(p))
		return
	}
	if x.route.kind != passRoute && x.page.asks(head) { // whether a passed one may be sent is the server's to say
		x.local(x.page.preflight(head))
		return
	}
	if p := x.refuse(head, path, canonical); p != nil {
		x.local(x.answer(p))
		return
	}
	if x.route.kind == dialectRoute && g.nameless() {
		x.local(x.answer(hub.Nameless(env.Nameless)))
		return
	}
	switch x.route.kind {
	case pageRoute:
		x.local(x.page.sign(&hub.Answer{Status: 200, Body: []byte(x.route.page)}))
		return
	case sinkRoute:
		x.turn.Request.Answer = taken(head)
		x.plan.Action, x.plan.Path, x.plan.MaxBody = Transform, canonical, min(g.maxBody, maxTelemetry)
		return
	case passRoute:
		return
	}
	if x.route == createResponse {
		x.turn.Request.ReplyHeader = g.tag.pushed[:]
	}
	if x.route.translator != nil {
		x.plan.Path = x.route.upstream
	} else if canonical != path {
		x.plan.Path = canonical
		if hasQuery {
			x.plan.Path += "?" + query
		}
	}
	if x.route.bodyless() {
		if _, p := x.route.dialect.Request(nil, nil, &x.turn); p != nil {
			x.local(x.answer(p))
			return
		}
		if g.tag.isKnown(x.route, head) {
			x.local(x.page.sign(&hub.Answer{Status: 304, Header: g.tag.etag[:]}))
			return
		}
		x.plan.NoBody, x.phase = true, replying
		x.plan.Edit.Drop = append(x.plan.Edit.Drop, "accept-encoding", "if-none-match", "if-modified-since")
	} else {
		x.plan.MaxBody = g.maxBody
		if head.Header("content-type") != "application/json" {
			// vLLM answers 415 to a body whose type is not JSON's, which is what curl says of one.
			x.plan.Edit.Set = append(x.plan.Edit.Set, [2]string{"content-type", "application/json"})
		}
		x.plan.Edit.Drop = append(x.plan.Edit.Drop, "content-length", "accept-encoding")
		if e := strings.TrimSpace(strings.ToLower(head.Header("content-encoding"))); e != "" && e != "identity" {
			x.encoding = e
			x.plan.Edit.Drop = append(x.plan.Edit.Drop, "content-encoding")
		}
	}
	x.plan.Action = Transform
}

// maxTelemetry is the most bytes of telemetry that are taken at once; its exporters send 4 MiB.
const maxTelemetry = 8 << 20

// taken is OTLP's answer to what was taken, an empty message in the form that it came in.
func taken(head Head) *hub.Answer {
	if kind := head.Header("content-type"); strings.HasPrefix(strings.ToLower(kind), "application/x-protobuf") {
		return &hub.Answer{Status: 200, ContentType: "application/x-protobuf"}
	}
	return &hub.Answer{Status: 200, Body: []byte("{}")}
}

// find finds the route, and the path that the upstream knows.
func (x *Exchange) find(head Head, path, query string) (canonical string) {
	x.route, canonical, x.turn.Request.PathID = x.gateway.find(path)
	switch {
	case head.Header("anthropic-version") != "":
		x.route = anthropics(x.route, canonical)
	case x.route.codex != nil && models.AsksForCatalog(query):
		x.route = x.route.codex
	}
	switch {
	case x.route == root && !root.serves(head.Method):
		x.route = passThrough
	case head.Method != x.route.method && x.route.kind != absentRoute && head.Header("upgrade") != "" && !isSocket(head, canonical):
		// A request of ours that offers another protocol (curl offers h2c) is served as it is.
		x.route, canonical = passThrough, path
	}
	return canonical
}

// isSocket tells whether a request asks for WebSocket where Codex does.
func isSocket(head Head, canonical string) bool {
	return (canonical == "/v1/responses" || canonical == "/v1/responses/") && strings.EqualFold(head.Header("upgrade"), "websocket")
}

// refuse says why a request goes no further than its head.
func (x *Exchange) refuse(head Head, path, canonical string) *hub.Problem {
	switch {
	case x.route.kind == passRoute && !x.gateway.pass:
		return hub.NotThere("There is nothing at " + hub.Excerpt(path) + ": forwarding of other paths is switched off (passthrough).")
	case x.route.kind == passRoute:
		return nil
	case head.Method != x.route.method && isSocket(head, canonical):
		return hub.UpgradeRefused("WebSocket is not served on /v1/responses here. Use POST, or route WebSocket to the qwenvoy binary.")
	case x.route.kind == absentRoute && x.route.unoffered:
		return hub.NotOffered(x.route.why)
	case x.route.kind == absentRoute:
		return hub.NotThere(x.route.why)
	case !x.route.serves(head.Method):
		return hub.MethodNotAllowed(head.Method, path, x.route.method)
	}
	return nil
}

func (x *Exchange) local(a *hub.Answer) {
	x.plan.Action = Local
	x.plan.Answer = a
}

// answer puts a problem into the client's dialect.
func (x *Exchange) answer(p *hub.Problem) *hub.Answer {
	x.problem = p
	if x.route.dialect == nil {
		return x.page.sign(hub.ChatAnswer(p))
	}
	a := x.page.sign(x.route.dialect.Problem(p, &x.turn))
	a.Header = x.route.withRetry(a, p)
	if x.form == onePiece {
		// It is no response, so nobody keeps it or is told of it.
		x.turn.Edge.Keeps, x.turn.Request.Told = false, nil
		s := x.route.dialect.(hub.Streamer).Stream(&x.turn)
		a.Events = s.Abort(s.Begin(nil), p)
	}
	return a
}

// Plan is what Open decided. It stays valid and must not be changed.
func (x *Exchange) Plan() *Plan { return &x.plan }

// Request turns the whole request body and appends what goes upstream to dst. An
// Answer is an error to send instead. In body, halves of surrogate pairs may be overwritten.
func (x *Exchange) Request(dst, body []byte) ([]byte, *hub.Answer) {
	if len(body) > x.plan.MaxBody {
		return dst, x.Fault(hub.BodyTooLarge)
	}
	if x.route.kind == sinkRoute {
		return x.requested(dst, nil)
	}
	if x.encoding != "" {
		plain, f := x.decode(body, x.encoding)
		if f != hub.NoFault {
			return dst, x.Fault(f)
		}
		body = plain
	}
	return x.requested(x.route.dialect.Request(dst, body, &x.turn))
}

// requested is what Request returns.
func (x *Exchange) requested(out []byte, p *hub.Problem) ([]byte, *hub.Answer) {
	if x.targets != nil {
		out, p = x.targets.replay(out, p)
	}
	switch {
	case p != nil:
		return out, x.answer(p)
	case x.turn.Need() != nil:
		return out, nil
	case x.turn.Request.Answer != nil:
		x.turn.Request.Answer.Header = append(x.turn.Request.Answer.Header, x.turn.Request.ReplyHeader...)
		return out, x.page.sign(x.turn.Request.Answer)
	}
	x.plan.Kept = x.turn.Request.Kept
	if x.phase == requesting { // a reply may have come before
		x.phase = replying
	}
	return out, nil
}

// decode undoes a body's content-encoding.
func (x *Exchange) decode(body []byte, encoding string) ([]byte, hub.Fault) {
	limit, over := DecodedLimit(x.gateway.maxBody, len(body))
	var plain []byte
	f := hub.BadEncoding
	switch {
	case x.env.Decode != nil:
		plain, f = x.env.Decode(body, encoding, limit)
	case encoding == "gzip" || encoding == "x-gzip":
		var err error
		f = hub.Undecodable
		switch plain, err = gunzip.Append(nil, body, limit, x.phase == requesting); err {
		case nil:
			f = hub.NoFault
		case gunzip.ErrTooLarge:
			f = hub.BodyTooLarge
		}
	}
	if f == hub.BodyTooLarge {
		f = over
	}
	return plain, f
}

// DecodedLimit is how many bytes a body may have without its content-encoding, where any may
// have limit and this one came as encoded bytes: 100 times those beyond the first MiB. What is
// made of nothing but repetition is an attack on memory. over is the fault of more.
func DecodedLimit(limit, encoded int) (bytes int, over hub.Fault) {
	if n := inflated(encoded); n < limit {
		return n, hub.Inflated
	}
	return limit, hub.BodyTooLarge
}

// inflated is how long a body that came as encoded bytes may be, a stream's as far as it has come.
func inflated(encoded int) int { return 1<<20 + 100*encoded }

// Fault is the error to send for a fault before the client has got a head.
func (x *Exchange) Fault(f hub.Fault) *hub.Answer {
	return x.answer(hub.FaultProblem(f, x.plan.MaxBody))
}

package gateway

import (
	"bytes"
	"strings"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/dialect/messages"
	"github.com/qwenvoy/qwenvoy/shared/dialect/models"
	"github.com/qwenvoy/qwenvoy/shared/gunzip"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/sse"
)

// Head is what an edge knows of a request before its body.
type Head struct {
	Method string
	// Path is the request's path with its query, as sent ("/v1/chat/completions?x=1").
	Path string
	// Header returns the value of a header field, its name given in lower case;
	// "" when it is absent. It is called only for the few names that matter.
	Header func(name string) string
	// Credential is what access.Read says of the request.
	Credential access.Credential
}

// Env hands in what the core may not fetch itself.
type Env struct {
	// RequestID is the id that logs know the exchange by. May be empty.
	RequestID string
	// Now is the time in Unix seconds.
	Now int64
	// Clock tells the time, as Now does, for what is noted later. Nil: it stands still.
	Clock func() int64
	// Random returns 64 unpredictable bits.
	Random func() uint64
	// Memory is set by an edge that keeps state.
	Memory hub.Memory
	// Window returns the upstream model's context window in tokens, 0 when it is not
	// known. It is called only when a request names a token limit. Nil: the
	// configuration's max_model_len.
	Window func() int
	// Decode undoes a content-encoding other than gzip on a whole request body,
	// appending to dst at most limit bytes; ok is false for an encoding that the edge
	// does not know. Nil: none but gzip.
	Decode func(dst, src []byte, encoding string, limit int) (out []byte, ok bool, err error)
}

// An Action says what the edge has to do with a request.
type Action uint8

const (
	// Pass: forward the request and its reply untouched; no other method of the
	// Exchange but Fault, Report and Close may be called.
	Pass Action = iota
	// Local: send Plan.Answer, call no upstream.
	Local
	// Transform: give the whole request body to Request, send what it returns, then ReplyHead.
	Transform
)

// A Plan is decided from the head alone, since an Envoy without
// allow_on_headers_stop_iteration can't edit headers later.
type Plan struct {
	Action Action
	// Route names the route for logs and metrics: chat, completions, models, model,
	// tokenize, detokenize, responses, responses_compact, responses_input_tokens,
	// messages, messages_count_tokens, health, root, pass.
	Route string
	// Answer is set for Local.
	Answer *hub.Answer
	// Path goes upstream instead of the client's when not empty.
	Path string
	// Edit changes the request's header. content-length is dropped for every Transform
	// with a body: the edge sets the length of what Request returned, or sends chunks.
	Edit hub.HeaderEdit
	// MaxBody is the limit of the request body in bytes; over it the edge sends Fault(hub.BodyTooLarge).
	MaxBody int
	// NoBody: the request has no body to transform (GET); Request need not be called.
	NoBody bool
}

// ReplyMode says how the reply's body is handled.
type ReplyMode uint8

const (
	// ReplyPass: forward the reply's body untouched.
	ReplyPass ReplyMode = iota
	// ReplyWhole: gather the whole body (at most ReplyPlan.MaxBody bytes) and give it to ReplyWhole.
	ReplyWhole
	// ReplyStream: give each chunk to Reply as it comes, and flush what it returns.
	ReplyStream
	// ReplyLocal: send ReplyPlan.Answer instead of the upstream's reply.
	ReplyLocal
)

// A ReplyPlan is decided from the reply's head.
type ReplyPlan struct {
	Mode   ReplyMode
	Answer *hub.Answer
	// Status replaces the upstream's where it is not 0.
	Status int
	// Beats: the stream has a heartbeat, see Beat.
	Beats bool
	// Edit changes the reply's header. The edge itself removes content-length where the
	// body changes.
	Edit hub.HeaderEdit
	// MaxBody is the limit in bytes for ReplyWhole; over it the edge sends Fault(hub.ReplyTooLarge).
	MaxBody int
}

// Report says what happened in an exchange, for logs and metrics. It never holds prompts.
type Report struct {
	Route string
	// Model is the virtual model's name, "" when none was named or it is unknown; a
	// client's own words are no label. Served is the name that went upstream.
	Model, Served string
	// Stream: the reply was a stream of events. Thinking: the effective state.
	Stream, Thinking bool
	// Finish is the first choice's finish_reason.
	Finish string
	// Token counts as the upstream reported them; HasUsage is false when it didn't.
	HasUsage                                                      bool
	PromptTokens, CompletionTokens, CachedTokens, ReasoningTokens int
	// Changes names the edits of the request ("model", "system_merged", "temperature"),
	// Repairs those of the reply ("reasoning_to_content").
	Changes, Repairs []string
	// Reason is the Answer's reason when the exchange was answered locally or failed.
	Reason string
}

// An Exchange is one request and its reply. An edge walks it through these steps, each
// decided by what is known at that moment, so that an Envoy filter can take them too:
//
//  1. Open and Plan, from the request's head.
//  2. Request, with the whole body.
//  3. ReplyHead, from the reply's status and header.
//  4. ReplyWhole, or Reply for each chunk of a stream, the last with end set. An edge
//     that has no chunk yet calls Reply without one, so that the client's stream begins.
//  5. Fault before the client has got a head, Abort after, when something breaks.
//  6. Report, at any time.
//  7. Close, when it is over, however it ended.
//
// It is not for concurrent use.
type Exchange struct {
	gateway *Gateway
	route   *route
	plan    Plan
	env     Env
	turn    hub.Turn
	// encoding is the request's content-encoding where it must be undone.
	encoding string
	model    string // asked for by /v1/models/{id}
	query    string // of a translated /v1/models
	reason   string

	stream   hub.Stream
	framer   sse.Framer
	gunzip   *gunzip.Decoder
	unzipped []byte
	gzipped  bool // the whole reply is
	asIs     bool // the whole reply needs nothing but decoding
	failed   int  // the upstream's error status, of a reply that is to be translated
	onePiece bool // a whole reply becomes the client's stream
	streamed bool
	begun    bool // Stream.Begin was called
	ended    bool // the client's stream has ended by its grammar
}

// Open begins an exchange.
func (g *Gateway) Open(head Head, env Env) *Exchange {
	path, query, hasQuery := strings.Cut(head.Path, "?")
	x := &Exchange{gateway: g, env: env}
	x.turn.Settings = &g.settings
	x.turn.Edge.Window = x.window
	x.turn.Edge.Clock = env.Clock
	x.turn.Edge.Now, x.turn.Edge.Random, x.turn.Edge.Memory = env.Now, env.Random, env.Memory
	var canonical string
	x.route, canonical, x.model = g.find(path)
	if head.Header("anthropic-version") != "" {
		x.route = anthropics(x.route, canonical)
	}
	if x.route == root && head.Method != "GET" && head.Method != "HEAD" {
		x.route = passThrough
	}
	x.plan.Route = x.route.name
	// A request of ours that offers another protocol (curl offers h2c) is served as it is.
	if head.Method != x.route.method && x.route.kind != absentRoute && head.Header("upgrade") != "" {
		if (canonical == "/v1/responses" || canonical == "/v1/responses/") && strings.EqualFold(head.Header("upgrade"), "websocket") {
			x.local(&hub.Problem{Status: 426, Type: hub.TypeInvalidRequest, Reason: "websocket",
				Message: "WebSocket is not served on /v1/responses here. Use POST, or route WebSocket to the qwenvoy binary."})
			return x
		}
		x.route, canonical = passThrough, path
		x.plan.Route = x.route.name
	}
	x.keys(head.Credential)
	if x.route.kind == passRoute {
		if !g.pass {
			x.local(&hub.Problem{Status: 404, Type: hub.TypeNotFound, Reason: "not_found",
				Message: "There is nothing at " + hub.Excerpt(path) + ": forwarding of other paths is switched off (passthrough)."})
		}
		return x
	}
	if x.route.kind == absentRoute {
		x.local(&hub.Problem{Status: 404, Type: hub.TypeNotFound, Reason: "not_found", Message: x.route.why})
		return x
	}
	if head.Method != x.route.method && !((x.route.kind == healthRoute || x.route.kind == rootRoute) && head.Method == "HEAD") {
		x.local(&hub.Problem{Status: 405, Type: hub.TypeInvalidRequest, Reason: "method_not_allowed", Header: [][2]string{{"allow", x.route.method}},
			Message: hub.Excerpt(head.Method) + " is not allowed on " + hub.Excerpt(path) + ", " + x.route.method + " is."})
		return x
	}
	if x.route.translator != nil {
		x.plan.Path = x.route.upstream
		x.plan.Edit.Drop = append(x.plan.Edit.Drop, access.ClientFields...)
		x.plan.Edit.DropPrefixes = access.ClientPrefixes
		// vLLM answers 415 to a body whose type is not JSON's, which is what curl says of one.
		x.plan.Edit.Set = append(x.plan.Edit.Set, [2]string{"content-type", "application/json"})
	} else if canonical != path {
		x.plan.Path = canonical
		if hasQuery {
			x.plan.Path += "?" + query
		}
	}
	switch x.route.kind {
	case rootRoute:
		x.plan.Action = Local
		x.plan.Answer = &hub.Answer{Status: 200, Body: []byte(`{"service":"qwenvoy"}`)}
		return x
	case healthRoute:
		x.plan.Action = Local
		x.plan.Answer = &hub.Answer{Status: 200, Body: []byte(`{"status":"healthy"}`)}
		return x
	case modelRoute:
		if g.settings.Catalog.Resolve([]byte(x.model)) == nil {
			x.local(hub.UnknownModel(x.model, g.settings.Catalog))
			return x
		}
		fallthrough
	case modelsRoute:
		if x.route.translator != nil {
			messages.RequestID(&x.turn) // what has a body gets it there
			x.query = query
		}
		x.plan.Action, x.plan.NoBody = Transform, true
		x.plan.Edit.Drop = append(x.plan.Edit.Drop, "accept-encoding")
		return x
	}
	x.plan.Action = Transform
	x.plan.MaxBody = g.maxBody
	x.plan.Edit.Drop = append(x.plan.Edit.Drop, "content-length", "accept-encoding")
	if e := strings.TrimSpace(strings.ToLower(head.Header("content-encoding"))); e != "" && e != "identity" {
		x.encoding = e
		x.plan.Edit.Drop = append(x.plan.Edit.Drop, "content-encoding")
	}
	return x
}

// keys puts what names the client to the upstream in place.
func (x *Exchange) keys(c access.Credential) {
	if authorization, replaced := c.Upstream(x.gateway.apiKey); replaced {
		x.plan.Edit.Set = append(x.plan.Edit.Set, [2]string{"authorization", authorization})
		x.plan.Edit.Drop = append(x.plan.Edit.Drop, "x-api-key")
	}
}

func (x *Exchange) window() int {
	if t := x.turn.Request.Model; t != nil && t.Target.Window > 0 {
		return t.Target.Window
	}
	if x.env.Window != nil {
		return x.env.Window()
	}
	return 0
}

func (x *Exchange) local(p *hub.Problem) {
	x.plan.Action = Local
	x.plan.Answer = x.answer(p)
}

// answer puts a problem into the client's dialect.
func (x *Exchange) answer(p *hub.Problem) *hub.Answer {
	x.reason = p.Reason
	if x.route.dialect == nil {
		return hub.ChatAnswer(p)
	}
	a := x.route.dialect.Problem(p, &x.turn)
	if x.onePiece {
		s := x.route.dialect.Stream(&x.turn)
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
	if x.encoding != "" {
		plain, f := x.decode(body)
		if f != hub.NoFault {
			return dst, x.Fault(f)
		}
		body = plain
	}
	out, p := x.route.dialect.Request(dst, body, &x.turn)
	switch {
	case p != nil:
		return dst, x.answer(p)
	case x.turn.Request.Answer != nil:
		x.turn.Request.Answer.Header = append(x.turn.Request.Answer.Header, x.turn.Request.ReplyHeader...)
		return dst, x.turn.Request.Answer
	}
	return out, nil
}

func (x *Exchange) decode(body []byte) ([]byte, hub.Fault) {
	limit := x.plan.MaxBody
	if x.encoding == "gzip" || x.encoding == "x-gzip" {
		plain, err := gunzip.Append(nil, body, limit)
		switch {
		case err == gunzip.ErrTooLarge:
			return nil, hub.BodyTooLarge
		case err != nil:
			return nil, hub.BadEncoding
		}
		return plain, hub.NoFault
	}
	if x.env.Decode == nil {
		return nil, hub.BadEncoding
	}
	plain, ok, err := x.env.Decode(nil, body, x.encoding, limit)
	switch {
	case !ok:
		return nil, hub.BadEncoding
	case len(plain) > limit:
		return nil, hub.BodyTooLarge
	case err != nil:
		return nil, hub.BadEncoding
	}
	return plain, hub.NoFault
}

// ReplyHead decides from the reply's status and header what becomes of its body.
// header returns a field's value, its name given in lower case.
func (x *Exchange) ReplyHead(status int, header func(name string) string) ReplyPlan {
	if x.plan.Action != Transform {
		return ReplyPlan{}
	}
	encoding := strings.TrimSpace(strings.ToLower(header("content-encoding")))
	x.gzipped = encoding == "gzip" || encoding == "x-gzip"
	plain := encoding == "" || encoding == "identity"
	kind, _, _ := strings.Cut(header("content-type"), ";")
	kind, _, _ = strings.Cut(kind, ",") // sent twice
	kind = strings.TrimSpace(strings.ToLower(kind))
	x.asIs = status < 200 || status > 299 || x.route.replyAsIs
	if t := x.route.translator; t != nil {
		return x.translatedHead(t, status, kind, plain)
	}
	switch {
	case status == 101:
		return ReplyPlan{Mode: ReplyLocal, Answer: x.answer(hub.BadUpstream("The model server switched to another protocol, which was not asked for."))}
	case status == 204 || status == 205 || status == 304: // no body, whatever the header says
		return ReplyPlan{}
	case x.asIs && !x.gzipped:
		return ReplyPlan{} // not ours, whatever it is
	case !plain && !x.gzipped:
		return ReplyPlan{Mode: ReplyLocal, Answer: x.answer(hub.BadUpstream("The model server's answer is compressed with %q, which was not asked for and is not supported.", encoding))}
	case kind == "text/event-stream" && !x.asIs && x.route.kind == dialectRoute:
		x.streamed = true
		x.stream = x.route.dialect.Stream(&x.turn)
		x.framer.Limit = x.gateway.maxEvent
		if x.gzipped {
			x.gunzip = gunzip.New()
			return ReplyPlan{Mode: ReplyStream, Edit: hub.HeaderEdit{Drop: dropEncodedLength}}
		}
		return ReplyPlan{Mode: ReplyStream, Edit: hub.HeaderEdit{Drop: dropLength}}
	case kind == "application/json" || x.asIs:
		p := ReplyPlan{Mode: ReplyWhole, Edit: hub.HeaderEdit{Drop: dropLength}, MaxBody: x.gateway.maxBody}
		if x.gzipped {
			p.Edit.Drop = dropEncodedLength
		}
		return p
	}
	return ReplyPlan{}
}

// translatedHead is ReplyHead for a dialect whose clients can't read the upstream's replies.
func (x *Exchange) translatedHead(t hub.Translator, status int, kind string, plain bool) ReplyPlan {
	p := ReplyPlan{Mode: ReplyWhole, Edit: hub.HeaderEdit{Drop: dropLength, Set: x.turn.Request.ReplyHeader}, MaxBody: x.gateway.maxBody}
	if x.gzipped {
		p.Edit.Drop = dropEncodedLength
	}
	x.asIs = false
	if e, ok := t.(hub.Estimator); ok && (status == 404 || status == 405 || status == 501) {
		if a := e.Estimate(&x.turn); a != nil {
			a.Header = append(a.Header, x.turn.Request.ReplyHeader...)
			p.Mode, p.Answer = ReplyLocal, a
			return p
		}
	}
	stream := x.turn.Request.Streamed && status == 200
	switch {
	case status < 200, status > 299 && status < 400, status == 204, status == 205:
		p.Answer = x.answer(hub.BadUpstream("The model server answered with status %d, which means nothing here.", status))
	case !plain && !x.gzipped:
		p.Answer = x.answer(hub.BadUpstream("The model server's answer is compressed in a way that was not asked for and is not supported."))
	case status >= 400:
		x.failed = status
		if p.Status = t.Status(status); p.Status == status {
			p.Status = 0
		}
		p.Edit = p.Edit.With([2]string{"content-type", "application/json"})
		return p
	case stream && (kind == "text/event-stream" || kind == "application/json"):
		p.Edit = p.Edit.With(streamFields...)
		if kind == "application/json" {
			x.onePiece = true
			return p // an answer in one piece; Reply makes the stream of it
		}
		x.streamed = true
		x.stream = t.Stream(&x.turn)
		x.framer.Limit = x.gateway.maxEvent
		if x.gzipped {
			x.gunzip = gunzip.New()
		}
		p.Mode, p.Beats = ReplyStream, true
		return p
	case kind == "application/json":
		p.Edit = p.Edit.With([2]string{"content-type", "application/json"})
		return p
	default:
		p.Answer = x.answer(hub.BadUpstream("The model server's answer has the content-type %q where %s was expected.", kind, map[bool]string{true: "text/event-stream", false: "application/json"}[stream]))
	}
	p.Mode = ReplyLocal
	return p
}

// streamFields: a proxy on the way that gathers or compresses events would hold them back.
var streamFields = [][2]string{{"content-type", "text/event-stream; charset=utf-8"}, {"cache-control", "no-cache"}, {"x-accel-buffering", "no"}}

var (
	dropLength        = []string{"content-length"}
	dropEncodedLength = []string{"content-length", "content-encoding"}
)

// Refused tells whether the upstream's reply is an error that the client gets in its own
// dialect. Its status and header say enough: where its body can't be had, an edge gives
// ReplyWhole none.
func (x *Exchange) Refused() bool { return x.failed != 0 }

// ReplyWhole turns a whole reply body and appends what the client gets to dst. An
// Answer replaces the whole reply; an edge that has sent the head already sends its
// Events, or its body where it has none.
func (x *Exchange) ReplyWhole(dst, body []byte) ([]byte, *hub.Answer) {
	if x.gzipped && !((x.asIs || x.failed != 0) && len(body) == 0) {
		plain, err := gunzip.Append(nil, body, x.gateway.maxBody)
		switch {
		case err != nil && x.failed != 0:
			plain = nil
		case err == gunzip.ErrTooLarge:
			return dst, x.Fault(hub.ReplyTooLarge)
		case err != nil:
			return dst, x.Fault(hub.BadReply)
		}
		body = plain
	}
	if x.asIs {
		return jsonedit.PutBytes(dst, body), nil
	}
	if x.failed != 0 {
		// The head is the upstream's, but for its status and type: Retry-After stays.
		return jsonedit.PutBytes(dst, x.answer(hub.UpstreamProblem(x.failed, body)).Body), nil
	}
	var out []byte
	var p *hub.Problem
	switch x.route.kind {
	case modelsRoute:
		if x.route.translator != nil {
			out, p = models.AppendAnthropicList(dst, body, x.gateway.settings.Catalog, x.query)
		} else {
			out, p = models.AppendList(dst, body, x.gateway.settings.Catalog)
		}
	case modelRoute:
		appendOne := models.AppendOne
		if x.route.translator != nil {
			appendOne = models.AppendAnthropicOne
		}
		out, p = appendOne(dst, body, x.gateway.settings.Catalog, x.model)
	default:
		out, p = x.route.dialect.Reply(dst, body, &x.turn)
	}
	if p != nil {
		return dst, x.answer(p)
	}
	return out, nil
}

// Reply turns the next chunk of a stream and appends what is ready for the client to
// dst; end says that the upstream's reply has ended, however it did. Nothing that is
// ready waits for the next chunk.
func (x *Exchange) Reply(dst, chunk []byte, end bool) []byte {
	if x.ended {
		return dst
	}
	if !x.begun {
		x.begun = true
		dst = x.stream.Begin(dst)
	}
	if x.gunzip != nil {
		var err error
		if x.unzipped, err = x.gunzip.Push(x.unzipped[:0], chunk, end); err != nil {
			dst = x.events(dst, x.unzipped)
			return x.Abort(dst, hub.BadReply)
		}
		chunk = x.unzipped
	}
	dst = x.events(dst, chunk)
	if !end || x.ended {
		return dst
	}
	x.framer.End()
	if dst = x.events(dst, nil); x.ended {
		return dst
	}
	x.finish()
	return x.stream.End(dst)
}

func (x *Exchange) events(dst, chunk []byte) []byte {
	x.framer.Feed(chunk)
	for ev, ok := x.framer.Next(); ok; ev, ok = x.framer.Next() {
		var done bool
		if dst, done = x.event(dst, &ev); done {
			x.finish()
			return dst
		}
	}
	if x.framer.Err() != nil {
		return x.Abort(dst, hub.ReplyTooLarge)
	}
	return dst
}

func (x *Exchange) event(dst []byte, ev *sse.Event) ([]byte, bool) {
	other := ev.Other
	if len(ev.Name) > 0 {
		// No upstream names its events today; one that does keeps its line.
		other = append(jsonedit.PutBytes(jsonedit.Put(bytes.Clone(other), "event: "), ev.Name), '\n')
	}
	return x.stream.Event(dst, other, ev.Data, ev.HasData)
}

func (x *Exchange) finish() {
	x.ended = true
	x.Close()
}

// Close frees what an exchange that is left before its end would hold for ever: the
// decoder of a compressed stream. It may be called at any time, and twice.
func (x *Exchange) Close() {
	if x.gunzip != nil {
		x.gunzip.Close()
	}
}

// Ended tells whether the client's stream has ended by its grammar: what the upstream
// still sends is dropped.
func (x *Exchange) Ended() bool { return x.ended }

// BeatInterval is how long a stream is silent before Beat is called.
const BeatInterval = 15 * time.Second

// Beat appends what keeps a silent stream alive. An edge with a clock calls it after
// each BeatInterval in which nothing was sent, n counting from 1 since the last event.
func (x *Exchange) Beat(dst []byte, n int) []byte {
	if x.ended || !x.begun {
		return dst
	}
	return x.stream.Beat(dst, n)
}

// Abort ends the client's stream by its grammar after a fault, appending to dst;
// nothing if it has ended already.
func (x *Exchange) Abort(dst []byte, f hub.Fault) []byte {
	if x.ended || x.stream == nil {
		return dst
	}
	if !x.begun {
		x.begun = true
		dst = x.stream.Begin(dst)
	}
	x.finish()
	p := hub.FaultProblem(f, x.plan.MaxBody)
	x.reason = p.Reason
	return x.stream.Abort(dst, p)
}

// Fault is the error to send for a fault before the client has got a head.
func (x *Exchange) Fault(f hub.Fault) *hub.Answer {
	return x.answer(hub.FaultProblem(f, x.plan.MaxBody))
}

// Report says what has happened so far.
func (x *Exchange) Report() Report {
	t := &x.turn
	r := Report{
		Route: x.plan.Route, Stream: x.streamed, Thinking: t.Request.Thinking, Finish: t.Reply.Finish, HasUsage: t.Reply.HasUsage,
		PromptTokens: t.Reply.Usage.Prompt, CompletionTokens: t.Reply.Usage.Completion, CachedTokens: t.Reply.Usage.Cached, ReasoningTokens: t.Reply.Usage.Reasoning,
		Changes: t.Request.Changes.Names(), Repairs: t.Reply.Repairs.Names(), Reason: x.reason,
	}
	if t.Request.Model != nil {
		r.Model, r.Served = t.Request.Model.Name, t.Request.Model.Target.Model
	}
	return r
}

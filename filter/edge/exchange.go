package edge

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// task says what is still to be done with a body.
type task uint8

const (
	pass    task = iota // forward it untouched
	whole               // gather it, then rewrite it
	stream              // rewrite each chunk
	replace             // put answer in its place
	discard             // drop what still comes
)

// An Exchange is one request and its reply in a proxy's callbacks: a state machine that
// takes them in any order, since a proxy may end either side at any time. Callbacks of one
// exchange come one after the other.
type Exchange struct {
	plugin *Plugin
	host   Host
	core   *gateway.Exchange
	plan   *gateway.Plan
	faults faultPoints

	request, reply task
	// answered: our own local reply is on its way through our reply callbacks.
	answered bool
	// held: the request's head, later the reply's, waits for the body.
	held bool
	// shown: something of the held head's body was; ticks counts how often Tick looked.
	shown  bool
	ticks  int
	status int
	// maxReply is the limit of a gathered reply in bytes; 0 is none.
	maxReply int
	answer   *hub.Answer // for replace
	gathered gathered
}

// phase is where a panic struck, which decides what can still be said to the client.
type phase uint8

const (
	inRequest phase = iota
	inReplyHead
	inReplyBody
	inTrailers
	inLog
)

// NewExchange begins an exchange of a plugin on a host.
func NewExchange(p *Plugin, h Host) Exchange {
	return Exchange{plugin: p, host: h, gathered: gathered{of: &p.gathering}}
}

// RequestHead takes the request's head; end: there is no body. All header edits that don't
// depend on the body happen here: on a host that holds no heads there is no later chance.
func (e *Exchange) RequestHead(end bool) (action Action) {
	defer e.guard(inRequest, &action)
	head, ok := e.host.Head(Request)
	if !ok {
		return Continue
	}
	e.faults.reach("request-head", head)
	// This edge keeps nothing and learns no window, so the core never needs anything of it.
	e.core = e.plugin.gateway.Open(
		gateway.Head{Method: head.Get(":method"), Path: head.Get(":path"), Header: head.Get, Credential: access.Read(head.Get)},
		gateway.Env{RequestID: head.Get("x-request-id"), Now: e.plugin.clock(), Clock: e.plugin.clock, Random: e.plugin.random})
	e.plan = e.core.Plan()
	if e.plan.Action == gateway.Pass {
		e.host.Count(PassCount, 1)
	} else {
		e.host.Count(RequestCount, 1)
	}
	if e.plan.Action == gateway.Local {
		return e.send(e.plan.Answer)
	}
	e.held = e.plan.Action == gateway.Transform && !e.plan.NoBody && !end && e.mayHold(Request)
	// Keys are put in place for passed requests too.
	// A held head gets the new content-length.
	e.edit(Request, head, &e.plan.Edit, e.held)
	if e.plan.Action == gateway.Pass {
		return Continue
	}
	if e.plan.Path != "" {
		e.host.SetField(Request, ":path", e.plan.Path)
	}
	if e.plan.NoBody {
		return Continue
	}
	if end {
		// There is no body, and Envoy gives no way to add one here.
		if _, answer := e.core.Request(nil, nil); answer != nil {
			return e.send(answer)
		}
		return Continue
	}
	e.request = whole
	if e.held {
		return Pause
	}
	return Continue
}

// RequestBody takes a piece of the request's body; size is that of everything gathered so far.
func (e *Exchange) RequestBody(size int, end bool) (action Action) {
	defer e.guard(inRequest, &action)
	e.sawBody()
	switch {
	case e.request == discard:
		return Pause
	case e.request != whole:
		return Continue
	case e.plan.MaxBody > 0 && size > e.plan.MaxBody:
		return e.send(e.core.Fault(hub.BodyTooLarge))
	case !e.gathered.grow(size):
		return e.send(e.core.Fault(hub.NoMemory))
	case !end:
		return Pause
	}
	return e.rewriteRequest()
}

// RequestTrailers takes the request's trailers: with them, the body ended without an end mark.
func (e *Exchange) RequestTrailers() (action Action) {
	defer e.guard(inRequest, &action)
	e.sawBody()
	if e.request == discard {
		return Pause
	}
	if e.request != whole {
		return Continue
	}
	return e.rewriteRequest()
}

func (e *Exchange) rewriteRequest() Action {
	e.gathered.release()
	e.faults.reach("request-body", nil)
	body := e.host.Body(Request)
	out, answer := e.core.Request(e.host.Buffer(), body)
	if answer != nil {
		return e.send(answer)
	}
	e.request = pass
	if e.held {
		e.held = false
		e.host.SetField(Request, "content-length", strconv.Itoa(len(out)))
	}
	err := e.host.ReplaceBody(Request, out)
	e.host.Keep(out)
	if err != nil {
		// Going on would send the client's own bytes, or none, under our head.
		logLine(e.host, LevelError, "the request's body can't be replaced: "+err.Error())
		return e.send(e.core.Fault(hub.Panic))
	}
	return Continue
}

// send answers the request with a local reply. Until the reply's head is out, Envoy
// takes it in every phase; from the request's side it comes back through our own reply callbacks.
func (e *Exchange) send(a *hub.Answer) Action {
	e.gathered.release()
	e.answered = true
	e.request, e.reply, e.status = discard, pass, a.Status
	if a.Status >= 400 {
		e.host.Count(ErrorCount, 1)
	}
	header := make(Fields, 0, 1+len(a.Header))
	header = append(header, [2]string{"content-type", contentType(a)})
	header = append(header, a.Header...)
	if err := e.host.Answer(a.Status, header, a.Body); err != nil {
		logLine(e.host, LevelError, "local reply refused: "+err.Error())
	}
	return Pause
}

// edit makes an edit of a head that has not gone out.
func (e *Exchange) edit(side Side, head Fields, edit *hub.HeaderEdit, keepLength bool) {
	for i := range head {
		if name := head[i][0]; edit.Drops(name) && !(keepLength && name == "content-length") {
			e.host.RemoveField(side, name)
		}
	}
	for _, f := range edit.Set {
		e.host.SetField(side, f[0], f[1])
	}
}

// ReplyHead takes the reply's head; end: there is no body.
func (e *Exchange) ReplyHead(end bool) (action Action) {
	defer e.guard(inReplyHead, &action)
	if e.answered || e.core == nil {
		return Continue
	}
	head, ok := e.host.Head(Reply)
	if !ok {
		return Continue
	}
	e.faults.reach("reply-head", nil)
	e.held = false
	e.status, _ = strconv.Atoi(head.Get(":status"))
	if e.status >= 400 && !end {
		if fault := envoyFault(e.host.CodeDetails()); fault != hub.NoFault {
			if fault == hub.BodyTooLarge && e.plugin.warned.CompareAndSwap(false, true) {
				logLine(e.host, LevelWarn, "a body is over Envoy's own buffer limit; per_connection_buffer_limit_bytes and "+
					"the route's request_body_buffer_limit must be larger than limits.body (said once)")
			}
			return e.rewriteLocal(e.core.Fault(fault))
		}
	}
	reply := e.core.ReplyHead(e.status, head.Get)
	if reply.Mode == gateway.ReplyLocal {
		return e.send(reply.Answer)
	}
	e.held = reply.Mode == gateway.ReplyWhole && !end && e.mayHold(Reply)
	e.edit(Reply, head, &reply.Edit, true)
	if reply.Status != 0 {
		e.status = reply.Status
		e.host.SetField(Reply, ":status", strconv.Itoa(reply.Status))
	}
	if reply.Mode == gateway.ReplyPass {
		return Continue
	}
	if end {
		return e.rewriteEmpty(&reply, head)
	}
	if !e.held && head.Has("content-length") { // a held head gets the new one
		e.host.RemoveField(Reply, "content-length")
	}
	if reply.Mode == gateway.ReplyStream {
		e.reply = stream
		return Continue
	}
	e.reply, e.maxReply = whole, reply.MaxBody
	if e.held {
		return Pause
	}
	return Continue
}

// rewriteEmpty answers for a reply that ended with its head although a body was due.
// It is a local reply, which has none of the upstream's fields: those that the binary
// would leave are given to it.
func (e *Exchange) rewriteEmpty(reply *gateway.ReplyPlan, head Fields) Action {
	var out []byte
	var answer *hub.Answer
	if reply.Mode == gateway.ReplyStream {
		out = e.core.Reply(nil, nil, true)
	} else {
		out, answer = e.core.ReplyWhole(nil, nil)
	}
	if answer == nil {
		if len(out) == 0 {
			return Continue
		}
		answer = &hub.Answer{Status: e.status, Body: out, ContentType: head.Get("content-type")}
		for _, field := range reply.Edit.Set {
			if field[0] == "content-type" {
				answer.ContentType = field[1]
			} else {
				answer.Header = append(answer.Header, field)
			}
		}
		for _, field := range head {
			if !ofOneReply(field[0]) && !reply.Edit.Drops(field[0]) && !reply.Edit.Sets(field[0]) {
				answer.Header = append(answer.Header, field)
			}
		}
	}
	return e.send(answer)
}

// ofOneReply tells whether a head's field says nothing of another reply in its place.
func ofOneReply(name string) bool {
	switch name {
	case "content-type", "content-length", "transfer-encoding", "connection", "keep-alive", "date", "server":
		return true
	}
	return name[0] == ':'
}

// rewriteLocal turns a reply that Envoy itself makes into ours, as it passes.
func (e *Exchange) rewriteLocal(a *hub.Answer) Action {
	e.host.Count(ErrorCount, 1)
	e.reply, e.answer, e.status = replace, a, a.Status
	e.setHead(a)
	return Continue
}

// setHead gives the reply's head, not sent yet, the answer's fields.
func (e *Exchange) setHead(a *hub.Answer) {
	e.host.SetField(Reply, ":status", strconv.Itoa(a.Status))
	e.host.SetField(Reply, "content-type", contentType(a))
	for _, f := range a.Header {
		e.host.SetField(Reply, f[0], f[1])
	}
	e.host.SetField(Reply, "content-length", strconv.Itoa(len(a.Body)))
}

// ReplyBody takes a piece of the reply's body; size is that of everything gathered so far.
func (e *Exchange) ReplyBody(size int, end bool) (action Action) {
	defer e.guard(inReplyBody, &action)
	e.sawBody()
	if end {
		e.faults.reach("reply-body", nil)
	}
	switch e.reply {
	case stream:
		e.rewriteChunk(size, end)
	case whole:
		if e.maxReply > 0 && size > e.maxReply {
			return e.refuseReply(e.core.Fault(hub.ReplyTooLarge))
		}
		if !e.gathered.grow(size) {
			return e.refuseReply(e.core.Fault(hub.NoMemory))
		}
		if !end {
			return Pause
		}
		return e.rewriteReply()
	case replace:
		e.reply = discard
		_ = e.host.ReplaceBody(Reply, e.answer.Body)
	case discard:
		if size > 0 {
			_ = e.host.ReplaceBody(Reply, nil)
		}
	}
	return Continue
}

const (
	// chunkPiece is how much of a chunk is turned at a time: a compressed one may hold a
	// thousand times as much, and a wasm VM never gives back what it once took.
	chunkPiece = 4 << 10
	// handOver is how much is gathered of what becomes of a chunk before the host gets it.
	handOver = 256 << 10
)

func (e *Exchange) rewriteChunk(size int, end bool) {
	var chunk []byte
	if size > 0 {
		chunk = e.host.Body(Reply)
	}
	out, handed := e.host.Buffer(), false
	for rest, last := chunk, false; !last; {
		piece := rest[:min(len(rest), chunkPiece)]
		rest = rest[len(piece):]
		last = len(rest) == 0
		out = e.core.Reply(out, piece, end && last)
		switch {
		case !last && len(out) < handOver:
		case !handed && (!last || !bytes.Equal(out, chunk)):
			if err := e.host.ReplaceBody(Reply, out); err != nil {
				logLine(e.host, LevelError, "a chunk can't be replaced: "+err.Error())
			}
			handed, out = true, out[:0]
		case handed && len(out) > 0:
			if !e.host.AppendReply(out) {
				logLine(e.host, LevelError, "a chunk can't be made longer: the stream ends here")
				e.host.Count(CutCount, 1)
				e.reply = discard
				return
			}
			out = out[:0]
		}
	}
	e.host.Keep(out)
	if end {
		e.reply = pass
	}
}

func (e *Exchange) rewriteReply() Action {
	e.gathered.release()
	body := e.host.Body(Reply)
	out, answer := e.core.ReplyWhole(e.host.Buffer(), body)
	if answer != nil {
		return e.refuseReply(answer)
	}
	if e.held {
		e.host.SetField(Reply, "content-length", strconv.Itoa(len(out)))
	}
	err := e.host.ReplaceBody(Reply, out)
	e.host.Keep(out)
	e.reply = pass
	if err != nil {
		logLine(e.host, LevelError, "the reply's body can't be replaced: "+err.Error())
	}
	return Continue
}

// refuseReply puts an answer in the place of a gathered reply: with its status where
// the head was held, as the body under the status already sent where it wasn't.
func (e *Exchange) refuseReply(a *hub.Answer) Action {
	if e.held {
		return e.send(a)
	}
	e.reply = discard
	e.host.Count(ErrorCount, 1)
	e.gathered.release()
	body := a.Body
	if a.Events != nil {
		body = a.Events
	}
	if err := e.host.ReplaceBody(Reply, body); err != nil {
		logLine(e.host, LevelError, "the reply's body can't be replaced: "+err.Error())
	}
	return Continue
}

// ReplyTrailers takes the reply's trailers: with them, the body ended without an end mark,
// so this is the last chance to write.
func (e *Exchange) ReplyTrailers() (action Action) {
	defer e.guard(inTrailers, &action)
	e.sawBody()
	switch e.reply {
	case stream:
		e.reply = pass
		if out := e.core.Reply(nil, nil, true); len(out) > 0 {
			if !e.host.AppendReply(out) {
				e.host.Count(CutCount, 1)
			}
		}
	case whole:
		return e.rewriteReply()
	}
	return Continue
}

// Done takes the end of everything, however it came; no callback follows.
func (e *Exchange) Done() {
	var action Action
	e.gathered.release()
	defer e.guard(inLog, &action)
	if e.core == nil || e.plan == nil || e.plan.Action == gateway.Pass {
		return
	}
	if e.reply == stream || e.reply == whole {
		// Envoy tells nobody else that the upstream died in the middle of a reply.
		if strings.HasPrefix(e.host.CodeDetails(), "upstream_reset") {
			e.host.Count(CutCount, 1)
		}
	}
	e.report()
	e.core.Close()
}

func contentType(a *hub.Answer) string {
	if a.ContentType == "" {
		return "application/json"
	}
	return a.ContentType
}

// envoyFault says what Envoy's own error reply stands for; NoFault when the reply is
// the upstream's, or of another filter that knows better what to say.
func envoyFault(details string) hub.Fault {
	// Some carry a reason in braces: upstream_reset_before_response_started{connection_failure}.
	word, _, _ := strings.Cut(details, "{")
	switch word {
	case "request_payload_too_large":
		return hub.BodyTooLarge
	case "response_payload_too_large":
		return hub.ReplyTooLarge
	case "no_healthy_upstream", "cluster_not_found", "upstream_reset_before_response_started", "maintenance_mode":
		return hub.Unreachable
	case "response_timeout", "upstream_response_timeout", "upstream_per_try_timeout", "upstream_per_try_idle_timeout", "duration_timeout":
		return hub.NoHead
	case "stream_idle_timeout":
		return hub.Idle
	}
	return hub.NoFault
}

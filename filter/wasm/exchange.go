//go:build wasip1

package main

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

const (
	next = types.ActionContinue
	wait = types.ActionPause
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

// exchange is one request and its reply in Envoy's callbacks.
type exchange struct {
	types.DefaultHttpContext
	plugin *plugin
	core   *gateway.Exchange
	plan   *gateway.Plan

	request, reply task
	// answered: our own local reply is on its way through our reply callbacks.
	answered bool
	// held: the request's head, later the reply's, waits for the body.
	held   bool
	status int
	// maxReply is the limit of a gathered reply in bytes; 0 is none.
	maxReply int
	answer   *hub.Answer // for replace
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

func unix() int64 { return time.Now().Unix() }

// OnHttpRequestHeaders implements types.HttpContext. All header edits that don't
// depend on the body happen here: without allow_on_headers_stop_iteration there is no
// later chance.
func (e *exchange) OnHttpRequestHeaders(_ int, end bool) (action types.Action) {
	defer e.guard(inRequest, &action)
	headers, err := proxywasm.GetHttpRequestHeaders()
	if err != nil {
		return next
	}
	head := fields(headers)
	faultPoint("request-head", head)
	e.core = e.plugin.gateway.Open(
		gateway.Head{Method: head.get(":method"), Path: head.get(":path"), Header: head.get},
		gateway.Env{RequestID: head.get("x-request-id"), Now: unix(), Clock: unix, Random: rand.Uint64})
	e.plan = e.core.Plan()
	if e.plan.Action == gateway.Pass {
		e.plugin.passed.Increment(1)
	} else {
		e.plugin.requests.Increment(1)
	}
	if e.plan.Action == gateway.Local {
		return e.send(e.plan.Answer)
	}
	e.held = e.plan.Action == gateway.Transform && !e.plan.NoBody && !end && e.plugin.hold
	// Keys are put in place for passed requests too.
	for _, name := range e.plan.Drop {
		if head.has(name) && !(e.held && name == "content-length") { // a held head gets the new one
			_ = proxywasm.RemoveHttpRequestHeader(name)
		}
	}
	if len(e.plan.DropPrefixes) > 0 {
		for i := range head {
			for _, p := range e.plan.DropPrefixes {
				if strings.HasPrefix(head[i][0], p) {
					_ = proxywasm.RemoveHttpRequestHeader(head[i][0])
				}
			}
		}
	}
	for _, f := range e.plan.Set {
		_ = proxywasm.ReplaceHttpRequestHeader(f[0], f[1])
	}
	if e.plan.Action == gateway.Pass {
		return next
	}
	if e.plan.Path != "" {
		_ = proxywasm.ReplaceHttpRequestHeader(":path", e.plan.Path)
	}
	if e.plan.NoBody {
		return next
	}
	if end {
		// There is no body, and Envoy gives no way to add one here.
		if _, answer := e.core.Request(nil, nil); answer != nil {
			return e.send(answer)
		}
		return next
	}
	e.request = whole
	if e.held {
		return wait
	}
	return next
}

// OnHttpRequestBody implements types.HttpContext. size is that of everything gathered so far.
func (e *exchange) OnHttpRequestBody(size int, end bool) (action types.Action) {
	defer e.guard(inRequest, &action)
	switch {
	case e.request == discard:
		return wait
	case e.request != whole:
		return next
	case e.plan.MaxBody > 0 && size > e.plan.MaxBody:
		return e.send(e.core.Fault(hub.BodyTooLarge))
	case !end:
		return wait
	}
	return e.rewriteRequest()
}

// OnHttpRequestTrailers implements types.HttpContext: with trailers, the body ended without an end mark.
func (e *exchange) OnHttpRequestTrailers(int) (action types.Action) {
	defer e.guard(inRequest, &action)
	if e.request == discard {
		return wait
	}
	if e.request != whole {
		return next
	}
	return e.rewriteRequest()
}

func (e *exchange) rewriteRequest() types.Action {
	faultPoint("request-body", nil)
	body := borrow(proxywasm.GetHttpRequestBody)
	out, answer := e.core.Request(buffers.out[:0], body)
	if answer != nil {
		return e.send(answer)
	}
	e.request = pass
	if e.held {
		e.held = false
		_ = proxywasm.ReplaceHttpRequestHeader("content-length", strconv.Itoa(len(out)))
	}
	err := proxywasm.ReplaceHttpRequestBody(out)
	keep(out)
	if err != nil {
		// Going on would send the client's own bytes, or none, under our head.
		proxywasm.LogError("the request's body can't be replaced: " + err.Error())
		return e.send(e.core.Fault(hub.Panic))
	}
	return next
}

// send answers the request with a local reply. Until the reply's head is out, Envoy
// takes it in every phase; from the request's side it comes back through our own reply callbacks.
func (e *exchange) send(a *hub.Answer) types.Action {
	e.answered = true
	e.request, e.reply, e.status = discard, pass, a.Status
	if a.Status >= 400 {
		e.plugin.errors.Increment(1)
	}
	header := make([][2]string, 0, 1+len(a.Header))
	header = append(header, [2]string{"content-type", contentType(a)})
	header = append(header, a.Header...)
	if err := proxywasm.SendHttpResponse(uint32(a.Status), header, a.Body, -1); err != nil {
		proxywasm.LogError("local reply refused: " + err.Error())
	}
	return wait
}

// OnHttpResponseHeaders implements types.HttpContext.
func (e *exchange) OnHttpResponseHeaders(_ int, end bool) (action types.Action) {
	defer e.guard(inReplyHead, &action)
	if e.answered || e.core == nil {
		return next
	}
	headers, err := proxywasm.GetHttpResponseHeaders()
	if err != nil {
		return next
	}
	faultPoint("reply-head", nil)
	head := fields(headers)
	e.held = false
	e.status, _ = strconv.Atoi(head.get(":status"))
	if e.status >= 400 && !end {
		if fault := envoyFault(); fault != hub.NoFault {
			if fault == hub.BodyTooLarge && !e.plugin.warned {
				e.plugin.warned = true
				proxywasm.LogWarn("a body is over Envoy's own buffer limit; per_connection_buffer_limit_bytes and the route's request_body_buffer_limit must be larger than limits.body (said once)")
			}
			return e.rewriteLocal(e.core.Fault(fault))
		}
	}
	if e.plan.Action == gateway.Pass {
		return next
	}
	reply := e.core.ReplyHead(e.status, head.get)
	if reply.Mode == gateway.ReplyLocal {
		return e.send(reply.Answer)
	}
	e.held = reply.Mode == gateway.ReplyWhole && !end && e.plugin.hold
	for _, name := range reply.Drop {
		if name != "content-length" && head.has(name) {
			_ = proxywasm.RemoveHttpResponseHeader(name)
		}
	}
	for _, f := range reply.Set {
		_ = proxywasm.ReplaceHttpResponseHeader(f[0], f[1])
	}
	if reply.Status != 0 {
		e.status = reply.Status
		_ = proxywasm.ReplaceHttpResponseHeader(":status", strconv.Itoa(reply.Status))
	}
	if reply.Mode == gateway.ReplyPass {
		return next
	}
	if end {
		return e.rewriteEmpty(&reply, head)
	}
	if !e.held && head.has("content-length") { // a held head gets the new one
		_ = proxywasm.RemoveHttpResponseHeader("content-length")
	}
	if reply.Mode == gateway.ReplyStream {
		e.reply = stream
		return next
	}
	e.reply, e.maxReply = whole, reply.MaxBody
	if e.held {
		return wait
	}
	return next
}

// rewriteEmpty answers for a reply that ended with its head although a body was due.
// It is a local reply, which has none of the upstream's fields: those that the binary
// would leave are given to it.
func (e *exchange) rewriteEmpty(reply *gateway.ReplyPlan, head fields) types.Action {
	var out []byte
	var answer *hub.Answer
	if reply.Mode == gateway.ReplyStream {
		out = e.core.Reply(nil, nil, true)
	} else {
		out, answer = e.core.ReplyWhole(nil, nil)
	}
	if answer == nil {
		if len(out) == 0 {
			return next
		}
		answer = &hub.Answer{Status: e.status, Body: out, ContentType: head.get("content-type")}
		for _, field := range reply.Set {
			if field[0] == "content-type" {
				answer.ContentType = field[1]
			} else {
				answer.Header = append(answer.Header, field)
			}
		}
		for _, field := range head {
			if !ofOneReply(field[0]) && !slices.Contains(reply.Drop, field[0]) && !slices.ContainsFunc(reply.Set, func(set [2]string) bool { return set[0] == field[0] }) {
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
func (e *exchange) rewriteLocal(a *hub.Answer) types.Action {
	e.plugin.errors.Increment(1)
	e.reply, e.answer, e.status = replace, a, a.Status
	e.setHead(a)
	return next
}

// setHead gives the reply's head, not sent yet, the answer's fields.
func (e *exchange) setHead(a *hub.Answer) {
	_ = proxywasm.ReplaceHttpResponseHeader(":status", strconv.Itoa(a.Status))
	_ = proxywasm.ReplaceHttpResponseHeader("content-type", contentType(a))
	for _, f := range a.Header {
		_ = proxywasm.ReplaceHttpResponseHeader(f[0], f[1])
	}
	_ = proxywasm.ReplaceHttpResponseHeader("content-length", strconv.Itoa(len(a.Body)))
}

// OnHttpResponseBody implements types.HttpContext.
func (e *exchange) OnHttpResponseBody(size int, end bool) (action types.Action) {
	defer e.guard(inReplyBody, &action)
	if end {
		faultPoint("reply-body", nil)
	}
	switch e.reply {
	case stream:
		e.rewriteChunk(size, end)
	case whole:
		if e.maxReply > 0 && size > e.maxReply {
			return e.refuseReply(e.core.Fault(hub.ReplyTooLarge))
		}
		if !end {
			return wait
		}
		return e.rewriteReply()
	case replace:
		e.reply = discard
		_ = proxywasm.ReplaceHttpResponseBody(e.answer.Body)
	case discard:
		if size > 0 {
			_ = proxywasm.ReplaceHttpResponseBody(nil)
		}
	}
	return next
}

func (e *exchange) rewriteChunk(size int, end bool) {
	var chunk []byte
	if size > 0 {
		chunk = borrow(proxywasm.GetHttpResponseBody)
	}
	out := e.core.Reply(buffers.out[:0], chunk, end)
	if !bytes.Equal(out, chunk) {
		if err := proxywasm.ReplaceHttpResponseBody(out); err != nil {
			proxywasm.LogError("a chunk can't be replaced: " + err.Error())
		}
	}
	keep(out)
	if end {
		e.reply = pass
	}
}

func (e *exchange) rewriteReply() types.Action {
	body := borrow(proxywasm.GetHttpResponseBody)
	out, answer := e.core.ReplyWhole(buffers.out[:0], body)
	if answer != nil {
		return e.refuseReply(answer)
	}
	e.reply = pass
	if e.held {
		_ = proxywasm.ReplaceHttpResponseHeader("content-length", strconv.Itoa(len(out)))
	}
	err := proxywasm.ReplaceHttpResponseBody(out)
	keep(out)
	if err != nil {
		proxywasm.LogError("the reply's body can't be replaced: " + err.Error())
	}
	return next
}

// refuseReply puts an answer in the place of a gathered reply: with its status where
// the head was held, as the body under the status already sent where it wasn't.
func (e *exchange) refuseReply(a *hub.Answer) types.Action {
	if e.held {
		return e.send(a)
	}
	e.reply = discard
	e.plugin.errors.Increment(1)
	body := a.Body
	if a.Events != nil {
		body = a.Events
	}
	if err := proxywasm.ReplaceHttpResponseBody(body); err != nil {
		proxywasm.LogError("the reply's body can't be replaced: " + err.Error())
	}
	return next
}

// OnHttpResponseTrailers implements types.HttpContext. An HTTP/2 reply with trailers
// has no end mark on its body, so this is the last chance to write. Envoy takes it
// only when the last body callback paused.
func (e *exchange) OnHttpResponseTrailers(int) (action types.Action) {
	defer e.guard(inTrailers, &action)
	switch e.reply {
	case stream:
		e.reply = pass
		if out := e.core.Reply(nil, nil, true); len(out) > 0 {
			if proxywasm.AppendHttpResponseBody(out) != nil {
				e.plugin.cut.Increment(1)
			}
		}
	case whole:
		return e.rewriteReply()
	}
	return next
}

// OnHttpStreamDone implements types.HttpContext.
func (e *exchange) OnHttpStreamDone() {
	var action types.Action
	defer e.guard(inLog, &action)
	if e.core == nil || e.plan == nil || e.plan.Action == gateway.Pass {
		return
	}
	if e.reply == stream || e.reply == whole {
		// Envoy tells nobody else that the upstream died in the middle of a reply.
		if strings.HasPrefix(codeDetails(), "upstream_reset") {
			e.plugin.cut.Increment(1)
		}
	}
	report := e.core.Report()
	if n := len(report.Repairs); n > 0 {
		e.plugin.repairs.Increment(uint64(n))
	}
	if e.plugin.trace {
		e.trace(&report)
	}
	e.core.Close()
}

// trace writes one line about the exchange. It never holds text of prompts or answers.
func (e *exchange) trace(r *gateway.Report) {
	proxywasm.LogDebugf("%s model=%q upstream_model=%q stream=%t thinking=%t status=%d finish=%s tokens=%d+%d changes=%s repairs=%s reason=%s",
		r.Route, r.Model, r.Served, r.Stream, r.Thinking, e.status, r.Finish, r.PromptTokens, r.CompletionTokens,
		strings.Join(r.Changes, ","), strings.Join(r.Repairs, ","), r.Reason)
}

func contentType(a *hub.Answer) string {
	if a.ContentType == "" {
		return "application/json"
	}
	return a.ContentType
}

// codeDetails is Envoy's word for how the reply came about, such as via_upstream.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details
func codeDetails() string {
	details, err := proxywasm.GetProperty([]string{"response", "code_details"})
	if err != nil {
		return ""
	}
	return string(details)
}

// envoyFault says what Envoy's own error reply stands for; NoFault when the reply is
// the upstream's, or of another filter that knows better what to say.
func envoyFault() hub.Fault {
	details := codeDetails()
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

// fields is a head as the host hands it over: names in lower case, in order.
type fields [][2]string

// get returns the first value of a field; "" when it is absent.
func (f fields) get(name string) string {
	for i := range f {
		if f[i][0] == name {
			return f[i][1]
		}
	}
	return ""
}

func (f fields) has(name string) bool {
	for i := range f {
		if f[i][0] == name {
			return true
		}
	}
	return false
}

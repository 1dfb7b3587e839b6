package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/native/upstream"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A Handler serves every request. Its configuration can be replaced while it serves.
type Handler struct {
	log   *slog.Logger
	state atomic.Pointer[state]
	ids   ids

	modified, proxied atomic.Int64
	inFlight          atomic.Int64
	base              context.Context
	end               context.CancelCauseFunc
}

// NewHandler makes a Handler. The error is the configuration's.
func NewHandler(c *config.Config, log *slog.Logger) (*Handler, error) {
	h := &Handler{log: log, ids: newIDs()}
	h.base, h.end = context.WithCancelCause(context.Background())
	st, err := newState(c, log)
	if err != nil {
		return nil, err
	}
	h.state.Store(st)
	return h, nil
}

// Reload puts another configuration in force for the requests that come. When it
// is not valid the old one stays.
func (h *Handler) Reload(c *config.Config) error {
	st, err := newState(c, h.log)
	if err != nil {
		return err
	}
	// Running requests keep the old client; its connections close when they fall idle.
	h.state.Swap(st).client.Close()
	return nil
}

// Config returns the configuration in force.
func (h *Handler) Config() *config.Config { return h.state.Load().config }

// Counts says how many requests were transformed, and how many came in all.
func (h *Handler) Counts() (modified, proxied int64) { return h.modified.Load(), h.proxied.Load() }

// InFlight is the number of requests under way.
func (h *Handler) InFlight() int64 { return h.inFlight.Load() }

// BaseContext is for http.Server's field of that name. End works through it.
func (h *Handler) BaseContext(net.Listener) context.Context { return h.base }

// End makes the requests under way end now, streams by their grammar.
func (h *Handler) End() { h.end(errEnded) }

// call is one request on its way through. Calls are pooled with their closures.
type call struct {
	h  *Handler
	st *state
	w  http.ResponseWriter
	r  *http.Request
	x  *gateway.Exchange

	conn      *conn // the client's, of HTTP/1
	start     time.Time
	id        string
	ctx       context.Context
	cancel    context.CancelCauseFunc
	idle      *stall
	beat      *heartbeat
	body      *buffer // the upstream's request body
	reply     *upstream.Reply
	status    int
	bytesIn   int64
	bytesOut  int64
	firstByte time.Duration
	wrote     bool   // the reply's head went out
	streaming bool   // and it is a stream that Abort can end
	failure   string // what ended the exchange early, for the log

	// bound once per call object, not per request
	requestHeader, replyHeader func(string) string
	windowFunc                 func() int
}

var calls = sync.Pool{New: func() any {
	c := &call{}
	c.requestHeader = c.readRequestHeader
	c.replyHeader = c.readReplyHeader
	c.windowFunc = c.window
	return c
}}

// Reasons why an exchange's upstream request is cancelled.
var (
	errIdle  = errors.New("nothing came from the upstream for too long")
	errEnded = errors.New("the gateway is shutting down")
	errDone  = errors.New("the exchange is over")
)

// ServeHTTP serves one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.inFlight.Add(1)
	defer h.inFlight.Add(-1)
	c := calls.Get().(*call)
	c.h, c.st, c.w, c.r = h, h.state.Load(), w, r
	c.start = time.Now()
	c.id = h.ids.of(r)
	if r.ProtoMajor == 1 {
		c.conn, _ = r.Context().Value(connKey{}).(*conn)
	}
	defer c.finish()
	c.serve()
}

// finish recovers a panic, logs the line of the request and frees the call.
func (c *call) finish() {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler {
			c.failed("aborted")
			c.logExchange()
			c.free()
			panic(p)
		}
		c.recovered(p)
	}
	c.logExchange()
	c.free()
}

func (c *call) recovered(p any) {
	c.failed("panic")
	c.beat.stop()
	c.h.log.Error("panic in a request", "request_id", c.id, "panic", p, "stack", firstFrames(debug.Stack()))
	// The core is in an unknown state: a second panic in it cuts the connection.
	defer func() {
		if recover() != nil {
			c.logExchange()
			panic(http.ErrAbortHandler)
		}
	}()
	switch {
	case !c.wrote && c.x != nil:
		c.answer(c.x.Fault(hub.Panic))
	case !c.wrote:
		c.answer(&hub.Answer{Status: http.StatusInternalServerError, Body: []byte(`{"error":{"message":"An internal error occurred in Qwenvoy; its log has more.","type":"server_error","param":null,"code":500}}`)})
	case c.streaming:
		c.write(c.x.Abort(nil, hub.Panic))
		c.flush()
	default:
		panic(http.ErrAbortHandler)
	}
}

func (c *call) free() {
	c.stopIdle()
	if c.x != nil {
		c.x.Close()
	}
	if c.reply != nil {
		c.reply.Close() // before its context ends, which would cost the connection
	}
	if c.cancel != nil {
		c.cancel(errDone)
	}
	c.freeBody()
	*c = call{requestHeader: c.requestHeader, replyHeader: c.replyHeader, windowFunc: c.windowFunc}
	calls.Put(c)
}

func (c *call) freeBody() {
	if c.body != nil {
		c.body.free()
		c.body = nil
	}
}

func (c *call) failed(reason string) {
	if c.failure == "" {
		c.failure = reason
	}
}

func unix() int64 { return time.Now().Unix() }

func (c *call) serve() {
	target := c.r.RequestURI
	if c.r.Method == http.MethodConnect || target == "" || target[0] != '/' {
		// Absolute-form and h2 without a path: what counts is the path, never the host.
		target = c.r.URL.RequestURI()
		if c.r.Method == http.MethodConnect {
			c.w.Header().Set("Allow", "GET, POST, HEAD, OPTIONS, PUT, PATCH, DELETE")
			c.answer(&hub.Answer{Status: http.StatusMethodNotAllowed, Reason: "connect", Body: []byte(`{"error":{"message":"Qwenvoy is not a forward proxy: CONNECT is not offered.","type":"invalid_request_error","param":null,"code":405}}`)})
			return
		}
	}
	if !upstream.PlainTarget(target) {
		// HTTP/2 and parsed URLs allow what would end an HTTP/1.1 request line early.
		c.answer(&hub.Answer{Status: http.StatusBadRequest, Reason: "bad_target", Body: []byte(`{"error":{"message":"The request's path or query holds a space or a control character: escape it.","type":"invalid_request_error","param":null,"code":400}}`)})
		return
	}
	c.x = c.st.gateway.Open(
		gateway.Head{Method: c.r.Method, Path: target, Header: c.requestHeader},
		gateway.Env{RequestID: c.id, Now: c.start.Unix(), Clock: unix, Random: rand.Uint64, Memory: MemoryOf(c.r.Context()), Window: c.windowFunc, Decode: DecodeBody},
	)
	plan := c.x.Plan()
	if plan.Route != "health" {
		c.h.proxied.Add(1)
	}
	switch plan.Action {
	case gateway.Local:
		if n := c.r.ContentLength; n < 0 || n > discarded {
			c.refuse(plan.Answer)
		} else {
			c.answer(plan.Answer)
		}
	case gateway.Transform:
		c.h.modified.Add(1)
		c.transform(plan, target)
	default:
		c.forward(plan, target)
	}
}

// transform sends the request through the core, both ways.
func (c *call) transform(plan *gateway.Plan, target string) {
	if plan.Path != "" {
		target = plan.Path
	}
	req := upstream.Request{
		Method: c.r.Method, Target: target,
		Header: c.r.Header, Drop: plan.Drop, DropPrefixes: plan.DropPrefixes, Set: plan.Set,
	}
	if !plan.NoBody && !c.requestBody(plan, &req) {
		return
	}
	if c.complete() {
		c.logComplete("request to the upstream", req.EditedHeader(), req.Body)
	}
	reply, err := c.st.client.Send(c.begin(), &req)
	if err != nil {
		c.unreachable(err)
		return
	}
	c.reply = reply
	c.status = reply.Status
	if reply.Sent() {
		c.freeBody()
	}
	rp := c.x.ReplyHead(reply.Status, c.replyHeader)
	switch rp.Mode {
	case gateway.ReplyLocal:
		c.answer(rp.Answer)
	case gateway.ReplyWhole:
		c.replyWhole(&rp)
	case gateway.ReplyStream:
		c.replyStream(&rp)
	default:
		c.replyPass(&rp)
	}
}

// begin starts the upstream's part: its context ends with the client's, with the
// drain, or when nothing has come for too long.
func (c *call) begin() context.Context {
	c.ctx, c.cancel = context.WithCancelCause(c.r.Context())
	return c.ctx
}

// watch arms the idle timer once the reply has begun. There is no total limit.
func (c *call) watch() {
	if c.st.idle > 0 {
		c.idle = newStall(c.st.idle, c.cancel, c.w)
	}
}

func (c *call) alive() {
	if c.idle != nil {
		c.idle.timer.Reset(c.st.idle)
	}
}

func (c *call) stopIdle() {
	if c.idle != nil {
		c.idle.stop()
		c.idle = nil
	}
}

// requestBody reads the client's body whole and puts the upstream's into req. On
// false the reply has been sent.
func (c *call) requestBody(plan *gateway.Plan, req *upstream.Request) bool {
	in, ok := c.readBody(plan)
	if !ok {
		return false
	}
	defer in.free()
	c.bytesIn = int64(len(in.b))
	c.logComplete("request from the client", c.r.Header, in.b)
	out := newBuffer(len(in.b) + 1024)
	b, answer := c.x.Request(out.b, in.b)
	out.b = b
	if answer != nil {
		out.free()
		c.answer(answer)
		return false
	}
	c.body = out
	req.Body = b
	return true
}

// readBody reads the client's body, whole. On false the reply has been sent, or
// the client is gone.
func (c *call) readBody(plan *gateway.Plan) (*buffer, bool) {
	limit := int64(plan.MaxBody)
	length := c.r.ContentLength
	if limit > 0 && length > limit {
		c.refuse(c.x.Fault(hub.BodyTooLarge))
		return nil, false
	}
	if length < 0 {
		length = 8 << 10
	}
	in := newBuffer(int(length) + 1) // one more, to meet the end without growing
	var armed time.Time              // when the read deadline was last set
	for first := true; ; first = false {
		if len(in.b) == cap(in.b) {
			in.b = append(in.b, 0)[:len(in.b)]
		}
		if now := time.Now(); !first && c.st.idle > 0 && now.Sub(armed) > c.st.idle/4 {
			if armed.IsZero() {
				// Once the body is in, the server waits for the client to leave: without a deadline.
				defer func() { _ = http.NewResponseController(c.w).SetReadDeadline(time.Time{}) }()
			}
			armed = now
			_ = http.NewResponseController(c.w).SetReadDeadline(now.Add(c.st.idle))
		}
		n, err := c.r.Body.Read(in.b[len(in.b):cap(in.b)])
		in.b = in.b[:len(in.b)+n]
		if limit > 0 && int64(len(in.b)) > limit {
			in.free()
			c.refuse(c.x.Fault(hub.BodyTooLarge))
			return nil, false
		}
		if err == io.EOF {
			return in, true
		}
		if err != nil {
			in.free()
			c.failed("client_gone")
			c.status = statusClientGone
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.failure = "slow_body"
				c.w.Header().Set("Connection", "close")
				c.answer(c.x.Fault(hub.SlowBody))
			} else if c.r.Context().Err() == nil {
				// A body that can't be read, such as a bad chunk: the client may still listen.
				c.badBody()
			}
			return nil, false
		}
	}
}

// badBody answers a body that is cut or not framed properly.
func (c *call) badBody() {
	c.failure = "bad_body"
	c.w.Header().Set("Connection", "close")
	c.answer(c.x.Fault(hub.BadBody))
}

// discarded is how much of an unread body net/http reads by itself to keep the connection.
const discarded = 256 << 10

// How much of a refused body is still read, and for how long, so that a client
// that sends before it reads gets to see the reply instead of a reset.
const (
	lingerBytes = 256 << 20
	lingerTime  = 5 * time.Second
)

// refuse answers a request whose body is not read to its end.
func (c *call) refuse(a *hub.Answer) {
	rc := http.NewResponseController(c.w)
	_ = rc.EnableFullDuplex() // else the reply's first byte closes the body
	expects := c.r.ProtoMajor == 1 && c.r.Header.Get("Expect") != ""
	if c.r.ProtoMajor == 1 {
		c.w.Header().Set("Connection", "close")
	}
	c.answer(a)
	c.flush()
	if expects {
		return // it waits for our word and sends nothing
	}
	_ = rc.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, c.r.Body, lingerBytes)
}

// statusClientGone is nginx's number for a client that left; it is only logged.
const statusClientGone = 499

// unreachable answers when no reply head came.
func (c *call) unreachable(err error) {
	fault := hub.Unreachable
	var timeout net.Error
	switch cause := context.Cause(c.ctx); {
	case cause == errEnded:
		c.failed("shutting_down")
	case c.r.Context().Err() != nil:
		c.failed("client_gone")
		c.status = statusClientGone
		return
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout() && !isDial(err):
		fault = hub.NoHead
	}
	c.h.log.Warn("no reply from the upstream", "request_id", c.id, "upstream", c.st.name, "error", err.Error())
	c.answer(c.x.Fault(fault))
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// fault says why reading the reply failed.
func (c *call) fault() (f hub.Fault, clientGone bool) {
	switch {
	case context.Cause(c.ctx) == errIdle:
		c.failed("idle")
		return hub.Idle, false
	case context.Cause(c.ctx) == errEnded:
		c.failed("shutting_down")
		return hub.Cut, false
	case c.r.Context().Err() != nil:
		c.failed("client_gone")
		return hub.Cut, true
	}
	c.failed("upstream_cut")
	return hub.Cut, false
}

// replyWhole reads the reply to its end, lets the core edit it, and sends it.
func (c *call) replyWhole(rp *gateway.ReplyPlan) {
	c.watch()
	length := c.reply.Length
	limit := int64(rp.MaxBody)
	if limit > 0 && length > limit {
		c.answer(c.x.Fault(hub.ReplyTooLarge))
		return
	}
	if length < 0 {
		length = 8 << 10
	}
	in := newBuffer(int(length) + 1)
	defer in.free()
	for {
		if len(in.b) == cap(in.b) {
			in.b = append(in.b, 0)[:len(in.b)]
		}
		n, err := c.reply.Read(in.b[len(in.b):cap(in.b)])
		in.b = in.b[:len(in.b)+n]
		if limit > 0 && int64(len(in.b)) > limit {
			c.answer(c.x.Fault(hub.ReplyTooLarge))
			return
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			f, gone := c.fault()
			if gone {
				c.status = statusClientGone
				return
			}
			c.answer(c.x.Fault(f))
			return
		}
		c.alive()
	}
	c.logComplete("reply from the upstream", c.reply.Header, in.b)
	out := newBuffer(len(in.b) + 512)
	defer out.free()
	b, answer := c.x.ReplyWhole(out.b, in.b)
	out.b = b
	if answer != nil {
		c.answer(answer)
		return
	}
	c.head(rp, int64(len(b)))
	for rest := b; len(rest) > 0; c.alive() { // in pieces, since a slow client is not a stuck one
		n := min(len(rest), wholePiece)
		if !c.write(rest[:n]) {
			c.failed("client_gone")
			break
		}
		rest = rest[n:]
	}
	c.logComplete("reply to the client", c.w.Header(), b)
}

const wholePiece = 256 << 10

// replyStream sends each event on as it comes. Events that are here already go out together.
func (c *call) replyStream(rp *gateway.ReplyPlan) {
	c.streaming = true
	c.head(rp, -1)
	c.watch()
	if !c.reply.Ready() { // the first token may take its time
		if begin := c.x.Reply(nil, nil, false); len(begin) == 0 {
			c.flush()
		} else if !c.send(begin) {
			c.unheard(hub.Cut)
			return
		}
	}
	if rp.Beats {
		c.beat = newHeartbeat(c)
		defer c.beat.stop()
	}
	in := newBuffer(streamBuffer)
	defer in.free()
	chunk, ended := in.b[:cap(in.b)], false
	var out *buffer // held only while there is something to send
	defer func() { out.free() }()
	for {
		n, err := c.reply.Read(chunk)
		c.beat.hold()
		if out == nil {
			out = newBuffer(2 * batch)
		}
		if n > 0 || err == io.EOF {
			c.logChunk("event from the upstream", chunk[:n])
			out.b = c.x.Reply(out.b, chunk[:n], err == io.EOF)
		}
		if err == nil && len(out.b) < batch && c.reply.Ready() && !c.x.Ended() {
			c.beat.release(false)
			continue
		}
		if !ended {
			c.alive()
		}
		if !c.send(out.b) {
			c.unheard(hub.Cut)
			return
		}
		c.beat.release(len(out.b) > 0)
		out.free()
		out = nil
		switch {
		case err == io.EOF, c.x.Ended() && err != nil:
			return
		case c.x.Ended() && !ended:
			// Only the upstream's own end is missing. It is worth a short wait, since it
			// saves the connection.
			ended = true
			c.stopIdle()
			c.idle = newStall(afterEnd, c.cancel, c.w)
		case err != nil:
			f, gone := c.fault()
			c.beat.stop()
			if gone {
				c.unheard(f)
			} else {
				c.send(c.x.Abort(nil, f))
			}
			return
		}
	}
}

// unheard ends a stream whose client is gone: what stands before this handler may keep
// the stream all the same, and has to learn what became of it.
func (c *call) unheard(f hub.Fault) {
	if out := c.x.Abort(nil, f); len(out) > 0 {
		_, _ = c.w.Write(out)
	}
}

// afterEnd is how long an upstream may take to end its reply after the stream's last event.
const afterEnd = 250 * time.Millisecond

const (
	// streamBuffer is small, since a slow stream holds it all the time: vLLM's events
	// are a few hundred bytes.
	streamBuffer = 4 << 10
	// batch is how much is gathered at most, of what has come already, before it goes out.
	batch = 16 << 10
)

// send writes and flushes a piece of a stream. On false the client is gone.
func (c *call) send(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	c.logChunk("event to the client", b)
	// net/http's buffer of 4 KiB would cut a larger piece into several system calls.
	if c.conn != nil && len(b) > streamBuffer-16 {
		c.conn.cork()
		defer c.conn.uncork()
	}
	if !c.write(b) {
		c.failed("client_gone")
		return false
	}
	c.flush()
	return true
}

// replyPass sends the reply's body on as it is.
func (c *call) replyPass(rp *gateway.ReplyPlan) {
	c.watch()
	c.head(rp, c.reply.Length)
	if c.reply.Length < 0 {
		c.flush()
	}
	buf := newBuffer(streamBuffer)
	defer buf.free()
	chunk := buf.b[:cap(buf.b)]
	for {
		n, err := c.reply.Read(chunk)
		if n > 0 {
			c.alive()
			c.logChunk("reply passed on", chunk[:n])
			if !c.write(chunk[:n]) {
				c.failed("client_gone")
				return
			}
			if c.reply.Length < 0 {
				c.flush()
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			if _, gone := c.fault(); gone {
				return
			}
			// Bytes that aren't ours have no grammar to end by: the client must see the cut.
			panic(http.ErrAbortHandler)
		}
	}
}

// head sends the upstream's reply head with the plan's changes. length is the
// body's, -1 when it is not known.
func (c *call) head(rp *gateway.ReplyPlan, length int64) {
	h := c.w.Header()
	upstream.CopyHeader(h, c.reply.Header)
	edit(h, rp.Drop, rp.Set)
	leaveTypeOut(h)
	delete(h, "Content-Length")
	if length >= 0 {
		h["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	}
	for _, name := range [...]string{"Location", "Content-Location"} {
		if v := h.Get(name); v != "" {
			h.Set(name, c.st.client.Location(v, c.r.Host))
		}
	}
	status := c.reply.Status
	if rp.Status != 0 {
		status = rp.Status
	}
	c.writeHeader(status)
}

// leaveTypeOut keeps net/http from guessing the type of a reply that has none.
func leaveTypeOut(h http.Header) {
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil
	}
}

func (c *call) writeHeader(status int) {
	c.status = status
	c.wrote = true
	c.w.WriteHeader(status)
}

// answer sends a reply of our own.
func (c *call) answer(a *hub.Answer) {
	h := c.w.Header()
	for _, f := range a.Header {
		h.Set(f[0], f[1])
	}
	if a.ContentType != "" {
		h.Set("Content-Type", a.ContentType)
	} else {
		h.Set("Content-Type", "application/json")
	}
	h.Set("Content-Length", strconv.Itoa(len(a.Body)))
	c.failed(a.Reason)
	c.writeHeader(a.Status)
	if c.r.Method != http.MethodHead {
		c.write(a.Body)
	}
}

// write sends reply bytes; false means that the client is gone.
func (c *call) write(b []byte) bool {
	if c.firstByte == 0 && len(b) > 0 {
		c.firstByte = time.Since(c.start)
	}
	n, err := c.w.Write(b)
	c.bytesOut += int64(n)
	return err == nil
}

func (c *call) flush() {
	if f, ok := c.w.(http.Flusher); ok {
		f.Flush()
	}
}

// edit applies the changes of a plan, whose names are in lower case.
func edit(h http.Header, drop []string, set [][2]string) {
	for _, name := range drop {
		h.Del(name)
	}
	for _, f := range set {
		h.Set(f[0], f[1])
	}
}

func (c *call) readRequestHeader(name string) string {
	if name == "host" {
		return c.r.Host
	}
	return first(c.r.Header, name)
}

func (c *call) readReplyHeader(name string) string { return first(c.reply.Header, name) }

// canonical holds the names that the core asks for at each request and that
// net/http's own table of common names lacks.
var canonical = map[string]string{"x-api-key": "X-Api-Key", "upgrade": "Upgrade", "anthropic-version": "Anthropic-Version"}

func first(h http.Header, name string) string {
	key, ok := canonical[name]
	if !ok {
		key = http.CanonicalHeaderKey(name)
	}
	values := h[key]
	switch len(values) {
	case 0:
		return ""
	case 1:
		return values[0]
	}
	return strings.Join(values, ", ")
}

// window answers the core's question for the model's context window with the
// authorization that the request itself goes up with.
func (c *call) window() int {
	auth := authorization(c.r.Header, c.st.apiKey)
	return c.st.window.Tokens(c.r.Context(), auth)
}

// authorization is what a request carries upstream: the upstream's own key, else
// the client's Authorization, else its x-api-key as a bearer token.
func authorization(h http.Header, apiKey string) string {
	if apiKey != "" {
		return "Bearer " + apiKey
	}
	if v := h.Get("Authorization"); v != "" {
		return v
	}
	if v := h.Get("X-Api-Key"); v != "" {
		return "Bearer " + v
	}
	return ""
}

// secrets are what the COMPLETE level hides in bodies.
func (c *call) secrets() []string {
	return []string{c.st.apiKey, logging.Credential(c.r.Header.Get("Authorization")), c.r.Header.Get("X-Api-Key")}
}

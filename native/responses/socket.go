package responses

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// queued is how many messages may wait while a response runs.
const queued = 8

// A socket is one WebSocket connection. Its turns run one after another.
type socket struct {
	caller
	h     *Handler
	conn  *websocket.Conn
	r     *http.Request // of the handshake
	began time.Time
	last  continuation

	// ctx ends when the client has left, or the gateway must end now.
	ctx    context.Context
	cancel context.CancelFunc

	queue   chan []byte
	waiting atomic.Int64 // bytes in queue
	turns   int
}

// A continuation is what a socket remembers of its last response, so that the next can
// go on from it whether it was stored or not.
type continuation struct {
	id     string
	items  []store.Item // its whole context: what it continued, its input and its output
	stored bool
}

// accept serves a WebSocket handshake on /v1/responses, and the connection.
func (h *Handler) accept(w http.ResponseWriter, r *http.Request) {
	if p := h.refusedHandshake(r); p != nil {
		refuse(w, p)
		h.log.Info("websocket refused", "client", logging.RemoteHost(r.RemoteAddr), "code", p.Status, "error_type", p.Reason)
		return
	}
	h.running.Add(1)
	defer h.running.Add(-1)
	// The origin was looked at. Compression is declined: events are small and many.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		h.log.Info("websocket refused", "client", logging.RemoteHost(r.RemoteAddr), "error", err.Error())
		return
	}
	conn.SetReadLimit(-1) // read has its own, which says why before it closes
	s := &socket{h: h, conn: conn, r: r, caller: callerOf(r), began: h.clock.now(), queue: make(chan []byte, queued)}
	s.ctx, s.cancel = context.WithCancel(h.base)
	start := time.Now()
	s.serve()
	h.log.Info("websocket closed", "client", logging.RemoteHost(r.RemoteAddr), "responses", s.turns, "duration_ms", time.Since(start).Milliseconds())
}

func (h *Handler) refusedHandshake(r *http.Request) *hub.Problem {
	select {
	case <-h.draining:
		return &hub.Problem{Status: 503, Type: hub.TypeServer, Reason: "shutting_down", Message: "The gateway is shutting down."}
	default:
	}
	if origin := r.Header.Get("Origin"); origin != "" && !allowed(origin, h.config.Load().Responses.WebSocketOrigins) {
		return &hub.Problem{Status: 403, Type: hub.TypeInvalidRequest, Reason: "origin",
			Message: "WebSocket connections of pages from this origin are not allowed (responses.websocket_origins)."}
	}
	if r.Header.Get("Sec-WebSocket-Version") != "13" {
		return &hub.Problem{Status: 426, Type: hub.TypeInvalidRequest, Reason: "websocket", Header: [][2]string{{"upgrade", "websocket"}, {"connection", "upgrade"}, {"sec-websocket-version", "13"}},
			Message: "WebSocket is served in version 13 only."}
	}
	return nil
}

// allowed tells whether an origin is among the patterns: hosts, or schemes with hosts,
// with * for any run of characters.
func allowed(origin string, patterns []string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	for _, p := range patterns {
		name := u.Host
		if strings.Contains(p, "://") {
			name = u.Scheme + "://" + u.Host
		}
		if ok, _ := path.Match(strings.ToLower(p), strings.ToLower(name)); ok || p == "*" {
			return true
		}
	}
	return false
}

// serve runs the connection to its end.
func (s *socket) serve() {
	left := make(chan struct{})
	go func() {
		defer close(left)
		defer s.cancel() // the client is gone: the upstream's work ends
		s.read()
		close(s.queue)
	}()
	pinged := make(chan struct{})
	go func() {
		defer close(pinged)
		s.ping()
	}()
	s.work()
	s.cancel()
	_ = s.conn.CloseNow()
	<-left
	<-pinged
}

// work takes the messages in turn, until the connection is to end.
func (s *socket) work() {
	for {
		select {
		case <-s.h.draining:
			_ = s.conn.Close(websocket.StatusGoingAway, "the gateway is shutting down")
			return
		case message, ok := <-s.queue:
			if !ok {
				return
			}
			s.waiting.Add(-int64(len(message)))
			select {
			case <-s.h.draining:
				continue
			default:
			}
			if s.h.clock.now().Sub(s.began) >= s.h.clock.age {
				s.fail(&hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Code: "websocket_connection_limit_reached",
					Message: "This connection is older than " + s.h.clock.age.String() + ": open another one."}, nil)
				_ = s.conn.Close(websocket.StatusNormalClosure, "connection limit reached")
				return
			}
			s.message(message)
		}
	}
}

// read queues what the client sends, and returns when it has left or has to.
func (s *socket) read() {
	limit, _ := s.h.limits()
	for {
		kind, r, err := s.conn.Reader(context.Background())
		if err != nil {
			return
		}
		if kind != websocket.MessageText {
			_ = s.conn.Close(websocket.StatusUnsupportedData, "text messages only")
			return
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(io.LimitReader(r, int64(limit)+1)); err != nil {
			return
		}
		switch {
		case b.Len() > limit:
			p := hub.FaultProblem(hub.BodyTooLarge, limit)
			p.Code = "request_too_large"
			s.fail(p, nil)
			_ = s.conn.Close(websocket.StatusMessageTooBig, "the message is too big")
			return
		case !utf8.Valid(b.Bytes()):
			_ = s.conn.Close(websocket.StatusInvalidFramePayloadData, "not UTF-8")
			return
		}
		full := s.waiting.Add(int64(b.Len())) > int64(limit) && len(s.queue) > 0
		if !full {
			select {
			case s.queue <- b.Bytes():
			default:
				full = true
			}
		}
		if full {
			s.waiting.Add(-int64(b.Len()))
			s.fail(&hub.Problem{Status: 429, Type: "rate_limit_error", Code: "response_already_in_flight",
				Message: "A response is running on this connection, and as many others wait as may: " + strconv.Itoa(queued) + "."}, nil)
		}
	}
}

// ping keeps the connection alive on the way. Whether the client answers does not
// matter: one that waits for its user may not look.
func (s *socket) ping() {
	var pings sync.WaitGroup
	defer pings.Wait() // the connection's end ends them
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(s.h.clock.ping):
		}
		pings.Go(func() {
			// Not s.ctx: the connection ends with a context that ends in the midst of a write.
			ctx, cancel := context.WithTimeout(context.Background(), realClock.ping)
			defer cancel()
			_ = s.conn.Ping(ctx)
		})
	}
}

// send writes one frame. A client that doesn't read for too long loses the connection.
func (s *socket) send(text []byte) error {
	ctx := context.Background()
	if _, idle := s.h.limits(); idle > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, idle)
		defer cancel()
	}
	return s.conn.Write(ctx, websocket.MessageText, text)
}

// message serves one message of the client.
func (s *socket) message(message []byte) {
	t := &turn{h: s.h, ctx: s.ctx, caller: s.caller, cache: &s.last}
	body, err := t.asked.asTurn(make([]byte, 0, len(message)+16), message)
	if err != nil {
		s.fail(hub.BadRequest("", "The message is not a JSON object: %s.", err.Error()), nil)
		return
	}
	var p *hub.Problem
	switch {
	case t.asked.kind == "response.steer":
		s.steer(message)
		return
	case t.asked.kind != "response.create":
		p = invalid("type", "type: %s is not allowed here, response.create is.", strconv.Quote(hub.Excerpt(t.asked.kind)))
	case t.asked.laned:
		p = &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Param: "stream_id", Code: "unsupported_parameter",
			Message: "stream_id: responses of one connection run one after another here. Open a connection for each stream."}
	case t.asked.background:
		p = &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Param: "background", Code: "unsupported_parameter",
			Message: "background is not for WebSocket connections. Send the request to POST /v1/responses."}
	}
	if p != nil {
		s.fail(p, nil)
		s.forget(t)
		return
	}
	s.turns++
	t.body = recorded(message)
	s.turn(t, body)
}

// turn runs a create request, and remembers what comes of it.
func (s *socket) turn(t *turn, body []byte) {
	defer t.end()
	f := &frames{socket: s, header: http.Header{}}
	tap := &tap{ResponseWriter: f, turn: t}
	s.h.serveInternal(tap, s.h.internal(s.ctx, s.r, body), t)
	tap.finish()
	f.finish(tap)
	switch {
	case tap.final == nil || tap.final.status != store.Completed && tap.final.status != store.Incomplete:
		s.forget(t)
	default:
		next := continuation{id: tap.final.id, stored: tap.stored, items: append(append(t.context, t.ownInput()...), tap.final.output...)}
		if limit, _ := s.h.limits(); size(next.items) > limit {
			next = continuation{} // to be had from the store, if at all
		}
		s.last = next
	}
}

// forget is for a turn that failed: what it went on from can't be gone on from again,
// unless it is stored.
func (s *socket) forget(t *turn) {
	if t.asked.previous != "" && t.asked.previous == s.last.id && s.ctx.Err() == nil {
		s.last = continuation{}
	}
}

// steer refuses to change a response while it runs, and gives the input back.
func (s *socket) steer(message []byte) {
	input, previous := member(message, "input"), member(message, "previous_response_id")
	if input == nil {
		input = []byte("[]")
	}
	if previous == nil {
		previous = []byte(`""`)
	}
	b := []byte(`{"type":"response.steer.failed","sequence_number":0,"error":{"type":"invalid_request_error","code":"steering_not_supported","message":"A response can't be steered here. Send the input with the next response.create."},"steer":{"previous_response_id":`)
	b = append(append(append(b, previous...), `,"input":`...), input...)
	_ = s.send(append(b, "}}"...))
}

// fail sends an error frame. header is of the reply that the error comes from, if any.
func (s *socket) fail(p *hub.Problem, header http.Header) {
	code := p.Code
	if code == "" {
		code = p.Type // a string must stand there, unlike in HTTP
	}
	b := append([]byte(`{"type":"error","status":`), strconv.Itoa(p.Status)...)
	b = append(append(b, `,"error":{"type":`...), quoted(p.Type)...)
	b = append(append(b, `,"code":`...), quoted(code)...)
	b = append(append(b, `,"message":`...), quoted(p.Message)...)
	b = append(b, `,"param":`...)
	if p.Param == "" {
		b = append(b, "null"...)
	} else {
		b = append(b, quoted(p.Param)...)
	}
	b = append(b, '}')
	if after := header.Get("Retry-After"); after != "" {
		b = append(append(append(b, `,"headers":{"retry-after":`...), quoted(after)...), '}')
	}
	_ = s.send(append(b, '}'))
}

// frames is the http.ResponseWriter of a socket's turn: each event becomes a frame.
type frames struct {
	socket *socket
	header http.Header
	status int
	stream bool
	split  splitter
	next   int    // the number of the event that comes next
	object []byte // of the first event
}

// Header is the reply's.
func (f *frames) Header() http.Header { return f.header }

// WriteHeader takes the reply's status.
func (f *frames) WriteHeader(status int) {
	if f.status == 0 && status >= 200 {
		f.status = status
		f.stream = status == http.StatusOK && strings.HasPrefix(f.header.Get("Content-Type"), "text/event-stream")
	}
}

// Write takes whole events, or a piece of another reply, which the tap keeps.
func (f *frames) Write(p []byte) (n int, err error) {
	f.WriteHeader(http.StatusOK)
	if !f.stream {
		return len(p), nil
	}
	f.split.push(p, func(e event) bool {
		if len(e.data) == 0 || e.data[0] != '{' {
			return true // a comment, or [DONE]
		}
		if f.object == nil {
			f.object = bytes.Clone(member(e.data, "response"))
		}
		f.next++
		err = f.socket.send(e.data)
		return err == nil
	})
	return len(p), err
}

// Flush has nothing to do.
func (f *frames) Flush() {}

// finish says what a reply that was no whole stream means.
func (f *frames) finish(t *tap) {
	s := f.socket
	switch {
	case s.ctx.Err() != nil && s.h.base.Err() == nil, t.gone:
		return // nobody listens
	case f.stream && t.final != nil:
		return
	case f.stream && f.object != nil:
		lost := failedObject(f.object, "server_error", "The gateway failed on this response; its log says more.")
		raw := responseEvent("response.failed", uint64(f.next), lost.object)
		var cut splitter
		cut.push(raw, func(e event) bool { return s.send(e.data) == nil })
		return
	}
	p := &hub.Problem{Status: f.status, Type: hub.TypeServer, Message: "The gateway failed on this request; its log says more."}
	if p.Status < 400 {
		p.Status = http.StatusInternalServerError
	}
	if e := member(t.problem, "error"); jsonedit.KindOf(append(e, ' ')[0]) == jsonedit.Object {
		p.Type, p.Code = stringOf(member(e, "type")), stringOf(member(e, "code"))
		p.Message, p.Param = stringOf(member(e, "message")), stringOf(member(e, "param"))
	}
	s.fail(p, f.header)
}

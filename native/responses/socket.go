package responses

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/qwenvoy/qwenvoy/native/keeper"
	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// queued is how many messages may wait while a response runs.
const queued = 8

// A socket is one WebSocket connection. Its turns run one after another.
type socket struct {
	*sockets
	conn  *websocket.Conn
	began time.Time
	// Of the handshake: whose requests they are, and what they say of themselves.
	credential   access.Credential
	header       http.Header
	host, remote string

	reader messageReader
	last   keeper.Continuation

	// ctx ends when the client has left, or the gateway must end now.
	ctx    context.Context
	cancel context.CancelFunc

	memory  memory.Share // of what has come, and of what can be gone on from
	turn    turn
	queue   chan []byte
	waiting atomic.Int64 // bytes in queue
	turns   int
}

// A turn is the place in the line for memory that a message has come to have: it stays the first
// until it is served, unless others are before it on its own connection.
type turn struct {
	mu      sync.Mutex
	serving bool
	place   memory.Place // of the message that is served next
}

// handOver leaves the message that has come its place, if it is the next.
func (t *turn) handOver(p *memory.Place, next bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if next && !t.serving && p.First() {
		t.place, *p = *p, memory.Place{}
		return
	}
	p.Leave()
}

// begin serves a message, with its place or another.
func (t *turn) begin(another memory.Place) memory.Place {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.serving = true
	if t.place.First() {
		another, t.place = t.place, memory.Place{}
	}
	return another
}

func (t *turn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.serving = false
	t.place.Leave()
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
	s.turn.end()
	s.memory.Release()
}

// work takes the messages in turn, until the connection is to end.
func (s *socket) work() {
	for {
		select {
		case <-s.draining:
			_ = s.conn.Close(websocket.StatusGoingAway, "the gateway is shutting down")
			return
		case message, ok := <-s.queue:
			if !ok {
				return
			}
			s.waiting.Add(-int64(len(message)))
			select {
			case <-s.draining:
				s.memory.Shrink(cap(message))
				continue
			default:
			}
			if s.clock.now().Sub(s.began) >= s.clock.age {
				s.refuse(connectionTooOld(s.clock.age))
				_ = s.conn.Close(websocket.StatusNormalClosure, "connection limit reached")
				return
			}
			s.message(message)
		}
	}
}

// read queues what the client sends, and returns when it has left or has to.
func (s *socket) read() {
	limit, _ := s.archive.Limits()
	var place memory.Place // of the message that comes
	defer func() { place.Leave() }()
	for {
		place.Leave()
		place = s.memory.NewPlace(s.clock.room)
		kind, r, err := s.conn.Reader(context.Background())
		if err != nil {
			return
		}
		if kind != websocket.MessageText {
			_ = s.conn.Close(websocket.StatusUnsupportedData, "text messages only")
			return
		}
		b, full, err := s.gather(io.LimitReader(r, int64(limit)+1), limit+2, &place)
		switch {
		case err != nil:
			return
		case full:
			place.Leave()
			s.refuse(hub.FaultProblem(hub.NoMemory, limit))
			if _, err := io.Copy(io.Discard, r); err != nil {
				return
			}
			continue
		case len(b) > limit:
			p := hub.FaultProblem(hub.BodyTooLarge, limit)
			p.Code = "request_too_large"
			s.refuse(p)
			_ = s.conn.Close(websocket.StatusMessageTooBig, "the message is too big")
			return
		case !utf8.Valid(b):
			// RFC 6455 wants the connection to end (§8.1); where the fault is, it can't say.
			_, _, err := new(messageReader).read(nil, b)
			s.refuse(notJSON(err))
			_ = s.conn.Close(websocket.StatusInvalidFramePayloadData, "not UTF-8")
			return
		}
		many := s.waiting.Add(int64(len(b))) > int64(limit) && len(s.queue) > 0
		if !many {
			s.turn.handOver(&place, len(s.queue) == 0)
			select {
			case s.queue <- b:
			default:
				many = true
			}
		}
		if many {
			s.waiting.Add(-int64(len(b)))
			s.memory.Shrink(cap(b))
			s.refuse(tooManyWait(queued))
		}
	}
}

// leastMessage is how much room a message has at first.
const leastMessage = 4 << 10

// gather reads a message in a buffer that grows as it comes, and counts until the message has
// been served; full: there is no memory for it, not even when others have had their turn.
func (s *socket) gather(r io.Reader, limit int, place *memory.Place) (b []byte, full bool, err error) {
	for room := min(leastMessage, limit); ; room = min(2*room, limit) {
		if !place.GrowOn(s.ctx, room, 4*room) {
			s.memory.Shrink(cap(b))
			return nil, true, nil
		}
		less := b
		b = append(make([]byte, 0, room), less...)
		s.memory.Shrink(cap(less))
		for len(b) < room {
			n, err := r.Read(b[len(b):room])
			b = b[:len(b)+n]
			if err == io.EOF {
				return b, false, nil
			}
			if err != nil {
				return nil, false, err // the connection's end, and so of all that it holds
			}
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
		case <-time.After(s.clock.ping):
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
	if _, idle := s.archive.Limits(); idle > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, idle)
		defer cancel()
	}
	return s.conn.Write(ctx, websocket.MessageText, text)
}

// message serves one message of the client.
func (s *socket) message(message []byte) {
	held := cap(message)
	defer func() { s.memory.Shrink(held) }()
	place := s.turn.begin(s.memory.NewPlace(s.clock.room))
	defer func() {
		place.Leave()
		s.turn.end()
	}()
	room := len(message) + 16
	needs := server.Needs(message, s.memory.Room()) + room // the keeper's is as large again
	if !place.Grow(s.ctx, needs) {
		s.refuse(hub.FaultProblem(hub.NoMemory, 0))
		return
	}
	held += needs
	f, create, err := s.reader.read(make([]byte, 0, room), message)
	if err != nil {
		s.refuse(notJSON(err))
		return
	}
	var p *hub.Problem
	switch {
	case f.kind == "response.steer":
		s.steer(message)
		return
	case f.kind != "response.create":
		p = invalid("type", "type: %s is not allowed here, response.create is.", strconv.Quote(hub.Excerpt(f.kind)))
	case f.named:
		p = streamsRunInTurn()
	case f.background:
		p = backgroundOnSocket()
	}
	if p != nil {
		s.refuse(p)
		s.forget(f.previous)
		return
	}
	s.turns++
	t := &socketTurn{Keeper: s.archive.NewKeeper(s.credential), socket: s}
	t.GoOnFrom(&s.last)
	place.Leave()
	needs = server.Needs(create, s.memory.Room())
	s.memory.Shrink(held - needs)
	held = 0 // it is the exchange's
	s.next.Run(s.ctx, &server.Message{
		Path: responsesPath, Header: s.header, Host: s.host, Remote: s.remote, Body: create, Keeper: t, Memory: &s.memory,
	})
	if next := t.Next(); next != nil {
		s.goOnFrom(*next)
	} else {
		s.forget(f.previous)
	}
}

// forget is for a turn that failed: what it went on from can't be gone on from again,
// unless it is stored.
func (s *socket) forget(previous string) {
	if previous != "" && previous == s.last.ID && s.ctx.Err() == nil {
		s.goOnFrom(keeper.Continuation{})
	}
}

// goOnFrom notes what the next turn may go on from.
func (s *socket) goOnFrom(c keeper.Continuation) {
	s.memory.Shrink(keeper.Size(s.last.Items))
	s.memory.Add(keeper.Size(c.Items))
	s.last = c
}

// steer refuses to change a response while it runs, and gives the input back.
func (s *socket) steer(message []byte) {
	input, previous := keeper.Member(message, "input"), keeper.Member(message, "previous_response_id")
	if input == nil {
		input = []byte("[]")
	}
	if previous == nil {
		previous = []byte(`""`)
	}
	b := []byte(`{"type":"response.steer.failed","sequence_number":0,"error":{"type":"invalid_request_error",` +
		`"code":"steering_not_supported","message":"A response can't be steered here. Send the input with the next response.create."},` +
		`"steer":{"previous_response_id":`)
	b = append(append(append(b, previous...), `,"input":`...), input...)
	_ = s.send(append(b, "}}"...))
}

// refuse sends an error frame of the socket's own.
func (s *socket) refuse(p *hub.Problem) {
	e := responses.Create.Error(p)
	s.fail(&e, "")
}

// fail sends an error frame. retryAfter is when to try again, "" where nobody knows.
func (s *socket) fail(e *responses.Error, retryAfter string) {
	code := e.Code
	if code == "" {
		code = e.Type // a string must stand there, unlike in HTTP
	}
	b := append([]byte(`{"type":"error","status":`), strconv.Itoa(e.Status)...)
	b = append(append(b, `,"error":{"type":`...), keeper.Quoted(e.Type)...)
	b = append(append(b, `,"code":`...), keeper.Quoted(code)...)
	b = append(append(b, `,"message":`...), keeper.Quoted(e.Message)...)
	b = append(b, `,"param":`...)
	if e.Param == "" {
		b = append(b, "null"...)
	} else {
		b = append(b, keeper.Quoted(e.Param)...)
	}
	b = append(b, '}')
	if retryAfter != "" {
		b = append(append(append(b, `,"headers":{"retry-after":`...), keeper.Quoted(retryAfter)...), '}')
	}
	_ = s.send(append(b, '}'))
}

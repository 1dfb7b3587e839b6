package wasmtest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
)

// A Message is what came out of the filter on one side so far.
type Message struct {
	Header [][2]string // with :method and :path, or :status
	Pieces [][]byte    // the body as it was sent on, empty pieces left out
	// Trailer is nil where there were none.
	Trailer [][2]string
	Started bool // the head was sent on
	Ended   bool // the end was sent on
	Reset   bool // it was cut off
}

// Body joins the pieces.
func (m *Message) Body() []byte { return bytes.Join(m.Pieces, nil) }

// Get returns a field of the head; "" when it is absent.
func (m *Message) Get(name string) string {
	for _, f := range m.Header {
		if f[0] == name {
			return f[1]
		}
	}
	return ""
}

// Status is a reply's status; 0 before its head.
func (m *Message) Status() int {
	n, _ := strconv.Atoi(m.Get(":status"))
	return n
}

// LengthError tells whether the head promises another length than the body has. On a
// kept connection the next message would begin in the wrong place.
func (m *Message) LengthError() error {
	promised := m.Get("content-length")
	if promised == "" || !m.Ended {
		return nil
	}
	if got := len(m.Body()); promised != strconv.Itoa(got) {
		return fmt.Errorf("content-length is %s, the body has %d bytes", promised, got)
	}
	return nil
}

// A Stream is one request and its reply, driven step by step.
type Stream struct {
	// Upstream is what the upstream received, Client what the client did.
	Upstream, Client Message
	// Local: the client's reply was made by the filter or by Envoy, not by the upstream.
	Local bool

	host           *Host
	id             uint32
	request, reply direction
	details        string
	pending        *local
	done           bool
}

// local is a reply of the filter's own, or of Envoy's.
type local struct {
	status  int
	details string
	header  [][2]string
	body    []byte
}

// direction is a request or a reply on its way through the filter.
type direction struct {
	stream *Stream
	name   string // in the callbacks' names
	out    *Message

	head     *[][2]string // what the filter may see and edit now
	trailer  *[][2]string
	piece    *[]byte
	gathered []byte
	// gathering: the last body callback paused.
	gathering bool
	// stopped: head and body wait here; blind: the body isn't even shown.
	stopped, blind bool
	resumed        bool
	headEnd        bool
	began, ended   bool
	waiting        []func() // what came while blind
	came           struct { // what did, seen or not
		bytes int
		end   bool
	}
}

// size is Envoy's request.size: what the head promises, else what came.
func (d *direction) size() int {
	if d.head != nil {
		for _, f := range *d.head {
			if n, err := strconv.Atoi(f[1]); f[0] == "content-length" && err == nil {
				return n
			}
		}
	}
	return d.came.bytes
}

// NewStream begins a request.
func (h *Host) NewStream() *Stream {
	s := &Stream{host: h, id: h.nextID}
	h.nextID++
	s.request = direction{stream: s, name: "request", out: &s.Upstream}
	s.reply = direction{stream: s, name: "response", out: &s.Client}
	if h.tick > 0 {
		h.streams = append(slices.DeleteFunc(h.streams, func(s *Stream) bool { return s.done }), s)
	}
	s.enter("proxy_on_context_create", pluginID)
	return s
}

// RequestHead sends the request's head; end: there is no body.
func (s *Stream) RequestHead(head [][2]string, end bool) { s.request.begin(head, end) }

// RequestBody sends a piece of the request's body.
func (s *Stream) RequestBody(b []byte, end bool) { s.request.data(b, end) }

// RequestTrailers ends the request with trailers, as HTTP/2 can.
func (s *Stream) RequestTrailers(t [][2]string) { s.request.trailers(t) }

// ReplyHead sends the head of the upstream's reply; end: there is no body.
func (s *Stream) ReplyHead(head [][2]string, end bool) {
	if s.details == "" {
		s.details = "via_upstream"
	}
	s.reply.begin(head, end)
}

// ReplyBody sends a piece of the reply's body.
func (s *Stream) ReplyBody(b []byte, end bool) { s.reply.data(b, end) }

// ReplyTrailers ends the reply with trailers.
func (s *Stream) ReplyTrailers(t [][2]string) { s.reply.trailers(t) }

// EnvoyReply is an error reply made by Envoy itself, such as 503 no_healthy_upstream.
func (s *Stream) EnvoyReply(status int, details, text string) {
	s.localReply(&local{status: status, details: details, body: []byte(text)})
}

// UpstreamGone cuts the upstream's connection. Before the reply's head, Envoy answers;
// after it, it cuts the client off and lets the filter know only at the end.
func (s *Stream) UpstreamGone() {
	s.Upstream.Reset = true
	if s.reply.began {
		s.details = "upstream_reset_after_response_started{connection_termination}"
		s.Client.Reset = true
		s.Close()
		return
	}
	s.EnvoyReply(503, "upstream_reset_before_response_started{connection_termination}",
		"upstream connect error or disconnect/reset before headers. reset reason: connection termination")
}

// ClientGone cuts the client's connection.
func (s *Stream) ClientGone() {
	s.details = "downstream_remote_disconnect"
	s.Upstream.Reset = true
	s.Client.Reset = true
	s.Close()
}

// Close ends the stream in the filter, as Envoy does when nothing more can come.
func (s *Stream) Close() {
	if s.done {
		return
	}
	s.done = true
	s.enter("proxy_on_log")
	s.enter("proxy_on_done")
	s.enter("proxy_on_delete")
}

// enter runs a callback of the filter for this stream.
func (s *Stream) enter(name string, args ...uint64) uint64 {
	before := s.host.active
	s.host.active = s
	result := s.host.call(name, append([]uint64{uint64(s.id)}, args...)...)
	s.host.active = before
	return result
}

// flush makes the local reply that a callback asked for; Envoy waits until it returned.
func (s *Stream) flush() bool {
	l := s.pending
	if l == nil {
		return false
	}
	s.pending = nil
	s.localReply(l)
	return true
}

func (s *Stream) localReply(l *local) {
	s.request.ended, s.Local = true, true
	if s.Upstream.Started && !s.reply.ended {
		s.Upstream.Reset = true
	}
	if s.Client.Started {
		s.Client.Reset = true
		s.Close()
		return
	}
	head := [][2]string{{":status", strconv.Itoa(l.status)}}
	typed := false
	for _, f := range l.header {
		head = append(head, f)
		typed = typed || f[0] == "content-type"
	}
	if len(l.body) > 0 {
		head = append(head, [2]string{"content-length", strconv.Itoa(len(l.body))})
		if !typed {
			head = append(head, [2]string{"content-type", "text/plain"})
		}
	}
	if s.reply.began {
		// From the reply's side it goes straight to the client.
		s.reply.ended = true
		s.Client = Message{Header: head, Started: true, Ended: true}
		if len(l.body) > 0 {
			s.Client.Pieces = [][]byte{l.body}
		}
		return
	}
	s.details = l.details
	s.reply.begin(head, len(l.body) == 0)
	if len(l.body) > 0 {
		s.reply.data(l.body, true)
	}
}

func (d *direction) begin(head [][2]string, end bool) {
	if d.began {
		panic("wasmtest: a second head")
	}
	d.began, d.headEnd = true, end
	seen := append([][2]string(nil), head...)
	d.head = &seen
	paused := d.stream.enter("proxy_on_"+d.name+"_headers", uint64(len(seen)), flag(end)) != 0
	if d.stream.flush() || d.ended {
		return
	}
	if paused {
		d.stopped, d.blind = true, !d.stream.host.options.Knob
		if d.resumed {
			d.resume()
		}
		return
	}
	d.sendHead()
}

// sendHead sends the head on; the filter can't see it any more.
func (d *direction) sendHead() {
	d.out.Header, d.out.Started = *d.head, true
	d.head = nil
	if d.headEnd {
		d.end()
	}
}

func (d *direction) end() { d.ended, d.out.Ended = true, true }

func (d *direction) send(b []byte, end bool) {
	if len(b) > 0 {
		d.out.Pieces = append(d.out.Pieces, append([]byte(nil), b...))
	}
	if end {
		d.end()
	}
}

// release sends on what waits here.
func (d *direction) release(b []byte, end bool) {
	if d.stopped && !d.out.Started {
		d.sendHead()
	}
	d.stopped = false
	b = append(d.gathered, b...)
	d.gathered = nil
	d.send(b, end)
}

// resume is the filter's continue_stream.
func (d *direction) resume() {
	d.resumed = false
	blind := d.blind
	d.blind = false
	if !blind {
		d.release(nil, false)
		return
	}
	d.stopped = false
	d.sendHead()
	for _, f := range d.waiting {
		f()
	}
	d.waiting = nil
}

func (d *direction) data(b []byte, end bool) {
	if d.ended {
		return
	}
	if !d.began {
		panic("wasmtest: a body before its head")
	}
	d.came.bytes += len(b)
	d.came.end = d.came.end || end
	if d.blind {
		d.waiting = append(d.waiting, func() { d.show(b, end) })
		return
	}
	d.show(b, end)
}

// show gives a piece of the body to the filter.
func (d *direction) show(b []byte, end bool) {
	piece := append([]byte(nil), b...)
	if d.gathering {
		d.gathered = append(d.gathered, piece...)
		piece = nil
		if d.overflow() {
			return
		}
	}
	d.piece = &piece
	size := len(piece)
	if d.gathering {
		size = len(d.gathered)
	}
	paused := d.stream.enter("proxy_on_"+d.name+"_body", uint64(size), flag(end)) != 0
	d.gathering = paused
	if d.stream.flush() || d.ended {
		return
	}
	if paused {
		d.gathered = append(d.gathered, piece...)
		d.stopped = true
		d.overflow()
		return
	}
	d.piece = nil
	d.release(piece, end)
}

// overflow answers for a gathered body over the host's limit.
func (d *direction) overflow() bool {
	limit := d.stream.host.options.BufferLimit
	if limit == 0 || len(d.gathered) <= limit {
		return false
	}
	if d.name == "request" {
		d.stream.EnvoyReply(413, "request_payload_too_large", "Payload Too Large")
		return true
	}
	d.ended = true
	d.stream.details = "response_payload_too_large"
	d.stream.localReply(&local{status: 500, body: []byte("Internal Server Error")})
	return true
}

func (d *direction) trailers(t [][2]string) {
	if d.ended {
		return
	}
	if d.blind {
		d.waiting = append(d.waiting, func() { d.trailers(t) })
		return
	}
	seen := append([][2]string(nil), t...)
	d.trailer = &seen
	paused := d.stream.enter("proxy_on_"+d.name+"_trailers", uint64(len(seen))) != 0
	if d.stream.flush() || d.ended || paused {
		return
	}
	d.trailer = nil
	d.release(nil, false)
	d.out.Trailer = seen
	d.end()
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

package wasmtest

import (
	"strconv"
	"testing"
)

// A Request is what a client sends.
type Request struct {
	Header [][2]string // with :method and :path
	// Body is sent piece by piece; nil: the head ends the request.
	Body    [][]byte
	Trailer [][2]string
	// LastMarked: the end comes with the last piece, as HTTP/2 may do; else in an empty
	// call of its own, as HTTP/1.1 does.
	LastMarked bool
}

// A Reply is what the upstream sends back.
type Reply struct {
	Header     [][2]string // with :status
	Body       [][]byte    // nil: the head ends the reply
	Trailer    [][2]string
	LastMarked bool
	// Gone cuts the connection after what is above. Without a head it is always cut.
	Gone bool
}

// Post is a request with a JSON body and its content-length.
func Post(path string, body ...[]byte) Request {
	n := 0
	for _, b := range body {
		n += len(b)
	}
	return Request{Body: body, Header: [][2]string{
		{":method", "POST"}, {":path", path}, {":authority", "qwenvoy.test"},
		{"content-type", "application/json"}, {"content-length", strconv.Itoa(n)}, {"accept-encoding", "gzip"},
	}}
}

// Get is a request without a body.
func Get(path string) Request {
	return Request{Header: [][2]string{{":method", "GET"}, {":path", path}, {":authority", "qwenvoy.test"}}}
}

// JSON is a reply with its content-length.
func JSON(status int, body ...[]byte) Reply {
	n := 0
	for _, b := range body {
		n += len(b)
	}
	return Reply{Body: body, Header: [][2]string{
		{":status", strconv.Itoa(status)}, {"content-type", "application/json"}, {"content-length", strconv.Itoa(n)},
	}}
}

// Events is a stream of server-sent events.
func Events(pieces ...[]byte) Reply {
	return Reply{Body: pieces, Header: [][2]string{{":status", "200"}, {"content-type", "text/event-stream; charset=utf-8"}}}
}

// Split cuts b at the given places.
func Split(b []byte, at ...int) [][]byte {
	var pieces [][]byte
	from := 0
	for _, i := range at {
		pieces = append(pieces, b[from:i])
		from = i
	}
	return append(pieces, b[from:])
}

// Pieces cuts b into pieces of n bytes.
func Pieces(b []byte, n int) [][]byte {
	var pieces [][]byte
	for len(b) > n {
		pieces = append(pieces, b[:n])
		b = b[n:]
	}
	return append(pieces, b)
}

// Exchange sends a request through the filter and, when it went on whole, what
// upstream makes of it back. In both directions a content-length that differs from
// the body is an error of the test, always.
func (h *Host) Exchange(t testing.TB, r Request, upstream func(*Message) Reply) *Stream {
	t.Helper()
	s := h.NewStream()
	defer s.Close()
	s.RequestHead(r.Header, r.Body == nil && r.Trailer == nil)
	feed(r.Body, r.Trailer, r.LastMarked, s.RequestBody, s.RequestTrailers)
	if s.Upstream.Ended && !s.Local {
		s.answer(upstream(&s.Upstream))
	}
	for side, m := range map[string]*Message{"upstream": &s.Upstream, "client": &s.Client} {
		if err := m.LengthError(); err != nil {
			t.Errorf("to the %s: %v", side, err)
		}
	}
	return s
}

func (s *Stream) answer(r Reply) {
	if r.Header == nil {
		s.UpstreamGone()
		return
	}
	s.ReplyHead(r.Header, r.Body == nil && r.Trailer == nil && !r.Gone)
	if !r.Gone {
		feed(r.Body, r.Trailer, r.LastMarked, s.ReplyBody, s.ReplyTrailers)
		return
	}
	for _, b := range r.Body {
		s.ReplyBody(b, false)
	}
	s.UpstreamGone()
}

// feed sends a body's pieces and its end.
func feed(body [][]byte, trailer [][2]string, lastMarked bool, data func([]byte, bool), trailers func([][2]string)) {
	for i, b := range body {
		data(b, lastMarked && trailer == nil && i == len(body)-1)
	}
	switch {
	case trailer != nil:
		trailers(trailer)
	case !lastMarked && body != nil:
		data(nil, true)
	}
}

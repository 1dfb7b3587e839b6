package gateway

import (
	"bytes"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/gunzip"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/sse"
)

// stream is a reply of events on its way to the client.
type stream struct {
	phase  streamPhase
	client hub.Stream
	framer sse.Framer
	gunzip *gunzip.Decoder
	// encoded and plain count its bytes, as they came and decoded.
	encoded, plain int
	count          int // of its events
}

// streamPhase is how far a stream has come.
type streamPhase uint8

const (
	// noStream: the reply is none, or not known yet.
	noStream streamPhase = iota
	// opened: the reply's head said that it is one.
	opened
	// begun: the client's stream has begun.
	begun
	// ended: it has ended by its grammar.
	ended
)

// open begins with an upstream whose events may have at most limit bytes.
func (s *stream) open(client hub.Stream, limit int, gzipped bool) {
	s.phase, s.client, s.framer.Limit = opened, client, limit
	if gzipped {
		s.gunzip = gunzip.New()
	}
}

// begin begins the client's stream, once. Nothing happens where there is none, or it has ended.
func (s *stream) begin(dst []byte) []byte {
	if s.phase != opened {
		return dst
	}
	s.phase = begun
	return s.client.Begin(dst)
}

// push takes the next chunk. A fault is one of the upstream's, and the client's stream has
// not ended for it.
func (s *stream) push(dst, chunk []byte, end bool) ([]byte, hub.Fault) {
	if s.phase == ended {
		return dst, hub.NoFault
	}
	dst = s.begin(dst)
	dst, f := s.decoded(dst, chunk, end)
	if !end || s.phase == ended || f != hub.NoFault {
		return dst, f
	}
	s.framer.End()
	if dst, f = s.events(dst, nil); s.phase == ended || f != hub.NoFault {
		return dst, f
	}
	s.finish()
	return s.client.End(dst), hub.NoFault
}

// decoded takes a chunk as it came: what it holds is turned piece by piece where it is
// compressed, since it may be a thousand times as long as it is.
func (s *stream) decoded(dst, chunk []byte, end bool) ([]byte, hub.Fault) {
	if s.gunzip == nil {
		return s.events(dst, chunk)
	}
	s.encoded += len(chunk)
	s.gunzip.Feed(chunk, end)
	for piece, ok := s.gunzip.Next(); ok; piece, ok = s.gunzip.Next() {
		if s.plain += len(piece); s.plain > inflated(s.encoded) {
			return dst, hub.ReplyTooLarge
		}
		var f hub.Fault
		if dst, f = s.events(dst, piece); s.phase == ended || f != hub.NoFault {
			return dst, f
		}
	}
	if s.gunzip.Err() != nil {
		return dst, hub.BadReply
	}
	return dst, hub.NoFault
}

func (s *stream) events(dst, chunk []byte) ([]byte, hub.Fault) {
	s.framer.Feed(chunk)
	for ev, ok := s.framer.Next(); ok; ev, ok = s.framer.Next() {
		var done bool
		if dst, done = s.event(dst, &ev); done {
			s.finish()
			return dst, hub.NoFault
		}
	}
	if s.framer.Err() != nil {
		return dst, hub.ReplyTooLarge
	}
	return dst, hub.NoFault
}

func (s *stream) event(dst []byte, ev *sse.Event) ([]byte, bool) {
	if ev.HasData {
		s.count++
	}
	other := ev.Other
	if len(ev.Name) > 0 {
		// No upstream names its events today; one that does keeps its line.
		other = append(jsonedit.PutBytes(jsonedit.Put(bytes.Clone(other), "event: "), ev.Name), '\n')
	}
	return s.client.Event(dst, other, ev.Data, ev.HasData)
}

func (s *stream) finish() {
	s.phase = ended
	s.close()
}

// close frees the decoder, which would else be held for ever.
func (s *stream) close() {
	if s.gunzip != nil {
		s.gunzip.Close()
	}
}

// Reply turns the next chunk of a stream and appends what is ready for the client to
// dst; end says that the upstream's reply has ended, however it did. Nothing that is
// ready waits for the next chunk.
func (x *Exchange) Reply(dst, chunk []byte, end bool) []byte {
	dst, f := x.stream.push(dst, chunk, end)
	if f != hub.NoFault {
		return x.Abort(dst, f)
	}
	return dst
}

// Ended tells whether the client's stream has ended by its grammar, or will when what is
// needed for it (Need) is given: what the upstream still sends is dropped.
func (x *Exchange) Ended() bool { return x.stream.phase == ended }

// BeatInterval is how long a stream is silent before Beat is called.
const BeatInterval = 15 * time.Second

// Beat appends what keeps a silent stream alive. An edge with a clock calls it after
// each BeatInterval in which nothing was sent, n counting from 1 since the last event.
func (x *Exchange) Beat(dst []byte, n int) []byte {
	if x.stream.phase != begun {
		return dst
	}
	return x.stream.client.Beat(dst, n)
}

// Abort ends the client's stream by its grammar after a fault, appending to dst;
// nothing if it has ended already.
func (x *Exchange) Abort(dst []byte, f hub.Fault) []byte {
	if x.stream.phase != opened && x.stream.phase != begun {
		return dst
	}
	dst = x.stream.begin(dst)
	x.stream.finish()
	x.problem = hub.FaultProblem(f, x.plan.MaxBody)
	return x.stream.client.Abort(dst, x.problem)
}

// Close frees what an exchange that is left before its end would hold for ever. It may be
// called at any time, and twice.
func (x *Exchange) Close() { x.stream.close() }

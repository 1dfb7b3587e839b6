package gateway

import (
	"bytes"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/sse"
)

// Reply turns the next chunk of a stream and appends what is ready for the client to
// dst; end says that the upstream's reply has ended, however it did. Nothing that is
// ready waits for the next chunk.
func (x *Exchange) Reply(dst, chunk []byte, end bool) []byte {
	if x.phase == ended {
		return dst
	}
	dst = x.begin(dst)
	if x.gunzip != nil {
		var err error
		if x.unzipped, err = x.gunzip.Push(x.unzipped[:0], chunk, end); err != nil {
			dst = x.events(dst, x.unzipped)
			return x.Abort(dst, hub.BadReply)
		}
		chunk = x.unzipped
	}
	dst = x.events(dst, chunk)
	if !end || x.phase == ended {
		return dst
	}
	x.framer.End()
	if dst = x.events(dst, nil); x.phase == ended {
		return dst
	}
	x.finish()
	return x.stream.End(dst)
}

// begin begins the client's stream, once.
func (x *Exchange) begin(dst []byte) []byte {
	if x.phase == begun {
		return dst
	}
	x.phase = begun
	return x.stream.Begin(dst)
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
	x.phase = ended
	x.Close()
}

// Close frees what an exchange that is left before its end would hold for ever: the
// decoder of a compressed stream. It may be called at any time, and twice.
func (x *Exchange) Close() {
	if x.gunzip != nil {
		x.gunzip.Close()
	}
}

// Ended tells whether the client's stream has ended by its grammar, or will when what is
// needed for it (Need) is given: what the upstream still sends is dropped.
func (x *Exchange) Ended() bool { return x.phase == ended }

// BeatInterval is how long a stream is silent before Beat is called.
const BeatInterval = 15 * time.Second

// Beat appends what keeps a silent stream alive. An edge with a clock calls it after
// each BeatInterval in which nothing was sent, n counting from 1 since the last event.
func (x *Exchange) Beat(dst []byte, n int) []byte {
	if x.phase != begun {
		return dst
	}
	return x.stream.Beat(dst, n)
}

// Abort ends the client's stream by its grammar after a fault, appending to dst;
// nothing if it has ended already.
func (x *Exchange) Abort(dst []byte, f hub.Fault) []byte {
	if x.phase != streaming && x.phase != begun {
		return dst
	}
	dst = x.begin(dst)
	x.finish()
	p := hub.FaultProblem(f, x.plan.MaxBody)
	x.problem = p
	return x.stream.Abort(dst, p)
}

package responses

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/store"
)

// A tap lets a reply through and keeps its last state. The last event of a stream, or
// the whole of another reply, goes to the client only after the response was stored, so
// that the client can go on from what it has seen.
type tap struct {
	http.ResponseWriter
	turn *turn

	status int
	stream bool
	gone   bool // the client does not take what is written
	split  splitter
	held   []byte // of a reply that is no stream, what has come
	length int    // that it will have, -1 where that is not known

	// final is the response's last state, stored whether the store has it.
	final  *final
	stored bool
	// problem is an error reply's body.
	problem []byte
}

var errTapped = errors.New("the client is gone")

func (t *tap) WriteHeader(status int) {
	if t.turn.deferred {
		clear(t.Header()) // of an answer that nobody sees
		return
	}
	if status >= 200 && t.status == 0 {
		t.status = status
		kind := t.Header().Get("Content-Type")
		t.stream = status == http.StatusOK && strings.HasPrefix(kind, "text/event-stream")
		t.length = -1
		if n, err := strconv.Atoi(t.Header().Get("Content-Length")); err == nil {
			t.length = n
		}
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write has no partial success. The core's last words in a stream are heard even when
// the client is gone.
func (t *tap) Write(p []byte) (int, error) {
	if t.turn.deferred {
		return len(p), nil
	}
	if t.status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	switch {
	case t.stream:
		t.events(p)
	case t.status == http.StatusOK:
		t.held = append(t.held, p...)
		if len(t.held) == t.length {
			t.whole()
		}
	default:
		t.problem = append(t.problem, p...)
		t.pass(p)
	}
	if t.gone {
		return 0, errTapped
	}
	return len(p), nil
}

func (t *tap) Flush() { _ = http.NewResponseController(t.ResponseWriter).Flush() }

func (t *tap) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (t *tap) pass(p []byte) {
	if !t.gone && len(p) > 0 {
		_, err := t.ResponseWriter.Write(p)
		t.gone = err != nil
	}
}

// events lets all through up to the last event, and that after the response was stored.
func (t *tap) events(p []byte) {
	if len(t.split.rest) == 0 && !mayEnd(p) && bytes.HasSuffix(p, blankLine) {
		t.pass(p) // the common case: whole events, and the last one is not among them
		return
	}
	t.split.push(p, func(e event) bool {
		if e.terminal() && t.final == nil {
			t.Flush()
			t.keep(member(e.data, "response"))
		}
		t.pass(e.raw)
		return true
	})
}

// mayEnd tells whether a stream's last event may be among whole events.
func mayEnd(p []byte) bool {
	for len(p) > 0 {
		if name, ok := bytes.CutPrefix(p, eventPrefix); ok && (bytes.HasPrefix(name, completed) || name[0] == 'i' || name[0] == 'f') {
			return true // incomplete or failed; in_progress and function calls too
		}
		next := bytes.Index(p, blankLine)
		if next < 0 {
			return false
		}
		p = p[next+len(blankLine):]
	}
	return false
}

var (
	eventPrefix = []byte("event: response.")
	completed   = []byte("completed")
)

// whole handles a reply that has come to its end.
func (t *tap) whole() {
	if len(t.held) > 0 {
		t.keep(t.held)
		t.pass(t.held)
	}
	t.held, t.length = nil, -1
}

// keep stores the response's last state.
func (t *tap) keep(object []byte) {
	f, ok := readFinal(object)
	if !ok {
		return // no response: an answer of another kind
	}
	t.final = &f
	if f.status == store.Failed && t.clientGone() {
		f.cancelled()
	}
	if f.stores {
		t.stored = t.turn.save(&f)
	}
	t.turn.end() // the next turn may come before the handler behind is through
}

// clientGone: the turn ended since the client did, and not the gateway.
func (t *tap) clientGone() bool {
	return (t.gone || t.turn.ctx.Err() != nil) && t.turn.h.base.Err() == nil
}

// finish is called when the reply is over.
func (t *tap) finish() {
	if t.stream {
		t.pass(t.split.rest)
	} else {
		t.whole()
	}
}

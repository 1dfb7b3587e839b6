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
// that the client can go on from what it has seen. Where the store did not take it, what
// the client gets says so.
type tap struct {
	http.ResponseWriter
	turn *turn

	status int
	stream bool
	gone   bool // the client does not take what is written
	split  splitter
	held   []byte // of a reply that is no stream, what has come
	length int    // that it will have, -1 where that is not known
	// headless: its header waits for it, since its length may change.
	headless bool

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
		if t.headless = status == http.StatusOK && !t.stream && !t.passes(); t.headless {
			return
		}
	}
	t.ResponseWriter.WriteHeader(status)
}

// passes: nothing of the reply is looked at.
func (t *tap) passes() bool { return t.turn.forgotten && t.turn.unlock == nil }

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
	case t.headless:
		t.held = append(t.held, p...)
		if len(t.held) == t.length {
			t.whole()
		}
	case t.passes(), t.status == http.StatusOK && !t.stream:
		t.pass(p)
	case t.stream:
		t.events(p)
	default:
		t.problem = append(t.problem, p...)
		t.pass(p)
	}
	if t.gone {
		return 0, errTapped
	}
	return len(p), nil
}

// Flush sends nothing of a reply that is held.
func (t *tap) Flush() {
	if !t.headless {
		_ = http.NewResponseController(t.ResponseWriter).Flush()
	}
}

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
			if unstored := t.keep(member(e.data, "response")); unstored != nil {
				t.pass(bytes.Replace(e.raw, e.data, changed(nil, e.data, change{"response", string(unstored)}), 1))
				return true
			}
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
	if !t.headless {
		return
	}
	if unstored := t.keep(t.held); unstored != nil {
		t.held = unstored
		if t.length >= 0 {
			t.Header().Set("Content-Length", strconv.Itoa(len(unstored)))
		}
	}
	t.headless = false
	t.ResponseWriter.WriteHeader(t.status)
	t.pass(t.held)
	t.held = nil
}

// keep stores the response's last state. Where it says that it is stored and is not, keep
// returns what it has to say instead.
func (t *tap) keep(object []byte) (unstored []byte) {
	f, ok := readFinal(object)
	if !ok {
		return nil // no response: an answer of another kind
	}
	t.final = &f
	if f.status == store.Failed && t.clientGone() {
		f.cancelled()
	}
	if f.stores {
		if t.stored = t.turn.save(&f); !t.stored {
			unstored = changed(nil, object, change{"store", "false"})
		}
	}
	t.turn.end() // the next turn may come before the handler behind is through
	return unstored
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

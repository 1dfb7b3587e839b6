package hub

import "github.com/qwenvoy/qwenvoy/shared/catalog"

// A Need is what the core has to be given by its edge before it can go on with an
// exchange. The core never waits: it says what it needs and returns, and the edge, which
// may ask a server or a store meanwhile, gives it when it has it.
type Need struct {
	Kind NeedKind

	// Target is whose window is asked for, of NeedWindow; nil where the request names no model.
	Target *catalog.Target

	// Body is the client's request without its content-encoding, valid until Given; Store is
	// what it says of store, Background of background, Streamed of stream: of NeedLeave.
	Body                 []byte
	Store                Wish
	Background, Streamed bool

	// Previous or Conversation is the id of what the request goes on from: of NeedContext.
	Previous, Conversation string

	// Item is the id of a stored item: of NeedItem.
	Item string

	// Object is the response as JSON, valid until it is given; Header holds fields for the
	// reply's head: of NeedStart and NeedKeep.
	Object []byte
	Header [][2]string
	// Ready is how many bytes of what was returned the client may have before the need is
	// given, of NeedKeep; the rest may still change.
	Ready int
	// Response says what stands in the object: of NeedStart and NeedKeep.
	Response Response
}

// NeedKind says which of a Need's fields count, and what is given.
type NeedKind uint8

const (
	// NeedWindow: Given.Window, the context window of the exchange's model in tokens.
	NeedWindow NeedKind = iota
	// NeedLeave: may a response be created? Given.Stores, or Given.Problem. Asked once for
	// a create request at an edge that keeps state, before its context is.
	NeedLeave
	// NeedContext: Given.Items, the items that come before a request's input.
	NeedContext
	// NeedItem: Given.Items, a stored item; empty for one that is not there.
	NeedItem
	// NeedStart: a background response is known to be good, and Object is its first state.
	// What is given is nothing, or Given.Problem. The upstream is asked only then.
	NeedStart
	// NeedKeep: the response has come to its end, and Object is its last state; the client
	// hears of it only then. Given.Stored, whether it is kept.
	NeedKeep
	// NeedCount: Given.Count, how many tokens the prompt of the request has that the
	// upstream has refused, and Given.Window. The edge sends /tokenize what it sent before.
	NeedCount
)

// Given is what an edge gives for a Need. The zero Given, which an edge that has nothing
// gives, is an answer to each: a window that is not known, nothing stored.
type Given struct {
	// Window is in tokens, 0 when it is not known.
	Window int
	// Count is in tokens, 0 when it can't be had.
	Count int
	// Items are elements of a JSON list with commas between and nothing around them.
	Items []byte
	// Stores: responses are kept unless the request says store: false.
	Stores bool
	// Told is told each event of the response's stream as it is composed: its name
	// (response.created) and its data, JSON; both are valid during the call. Nil: nobody
	// listens. Of NeedLeave, as is Stores.
	Told func(name, data []byte)
	// Stored: the response is kept.
	Stored bool
	// Problem refuses the request; of NeedLeave, NeedContext, NeedItem and NeedStart.
	Problem *Problem
}

// A Response is what a response object says of itself, and its items, so that nobody has
// to read the object again.
type Response struct {
	ID     string
	Status string // completed, incomplete, failed; queued in its first state
	// Stored: it says that it is stored.
	Stored bool
	// Output are the items.
	Output []Item
}

// An Item is one of a response's output.
type Item struct {
	ID   string
	JSON []byte // valid until what is needed is given
}

// A Wish is a boolean that a request may leave open.
type Wish uint8

const (
	Unsaid Wish = iota
	Yes
	No
)

// A Continuation goes on with what an edge has given: dst is appended to, as it was by
// the function that asked.
type Continuation func(dst []byte, g Given) ([]byte, *Problem)

// Ask says what is needed to go on, and how. Who asks returns at once, and so does who
// called it, with what dst holds so far and without a Problem. What was lent to them stays
// as it is until then has run; then may ask again.
func (t *Turn) Ask(n Need, then Continuation) { t.need, t.then = &n, then }

// Need is what was asked for, nil for nothing.
func (t *Turn) Need() *Need { return t.need }

// Give goes on with what was given for the Need.
func (t *Turn) Give(dst []byte, g Given) ([]byte, *Problem) {
	then := t.then
	if t.need.Kind == NeedWindow {
		t.window, t.windowAsked = g.Window, true
	}
	t.need, t.then = nil, nil
	return then(dst, g)
}

// After has next go on with what the continuation that was asked for gives, where a need
// is open; else it goes on at once.
//
//go:noinline
func (t *Turn) After(dst []byte, next func(dst []byte) ([]byte, *Problem)) ([]byte, *Problem) {
	if t.need == nil {
		return next(dst)
	}
	then := t.then
	t.then = func(dst []byte, g Given) ([]byte, *Problem) {
		dst, p := then(dst, g)
		if p != nil {
			return dst, p
		}
		return t.After(dst, next)
	}
	return dst, nil
}

// Window is the model's context window in tokens, 0 when it is not known; known is false
// where the edge may know it and has not been asked (AskWindow).
func (t *Turn) Window() (tokens int, known bool) {
	switch m := t.Request.Model; {
	case m != nil && m.Target.Window > 0:
		return m.Target.Window, true
	case t.Edge.Window != 0:
		return max(t.Edge.Window, 0), true
	}
	return t.window, t.windowAsked
}

// AskWindow asks for the window. then begins where it is known.
//
//go:noinline
func (t *Turn) AskWindow(then func(dst []byte) ([]byte, *Problem)) {
	n := Need{Kind: NeedWindow}
	if m := t.Request.Model; m != nil {
		n.Target = &m.Target
	}
	t.Ask(n, func(dst []byte, _ Given) ([]byte, *Problem) { return then(dst) })
}

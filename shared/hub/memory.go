package hub

// A Memory is what an edge that keeps state offers to dialects that go on from earlier
// responses.
type Memory interface {
	// Context returns the items that come before a request's input, as the elements of
	// a JSON list with commas between and nothing around them; empty for none. One of
	// the two ids is not empty.
	Context(previous, conversation string) ([]byte, *Problem)
	// Item returns a stored item as JSON, nil for one that is not there.
	Item(id string) ([]byte, *Problem)
	// Stores: responses are kept unless the request says store: false.
	Stores() bool
}

// A Keeper is a Memory that has a say in what is kept, and when a client is answered.
type Keeper interface {
	Memory
	// Admit is asked once for a create request, before its context is, with what it says
	// of store. A Problem refuses it.
	Admit(store Wish, background bool) *Problem
	// Started is told a background response's object in its first state, and fields for
	// the reply's header, once the request is known to be good and before the upstream is
	// asked. It copies what it keeps of the object.
	Started(object []byte, header [][2]string)
}

// A Wish is a boolean that a request may leave open.
type Wish uint8

const (
	Unsaid Wish = iota
	Yes
	No
)

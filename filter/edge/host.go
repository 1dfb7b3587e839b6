package edge

// A Side is one of an exchange's two messages.
type Side uint8

const (
	Request Side = iota // from the client
	Reply               // from the upstream, or from the proxy itself
)

func (s Side) String() string {
	if s == Request {
		return "request"
	}
	return "reply"
}

// An Action tells the proxy whether what its callback was about goes on.
type Action uint8

const (
	// Continue: it goes on, as it now is.
	Continue Action = iota
	// Pause: it waits. A body is gathered by the host, so that the next callback sees all of it.
	Pause
)

// A Level is how much a line of the log matters.
type Level uint8

const (
	LevelDebug Level = iota
	LevelWarn
	LevelError
)

// A Host is the proxy as one exchange sees it: an Envoy around a wasm module, or around
// a native one. It is called on the exchange's thread from within a callback only. What a
// proxy can't do a method answers or refuses, so that the exchange asks and never knows
// which host it has.
type Host interface {
	// Head returns a side's head as it stands; ok is false where it can't be had.
	Head(Side) (head Fields, ok bool)
	// SetField replaces a field of a head that hasn't gone on, or adds it.
	SetField(side Side, name, value string)
	// RemoveField removes a field of a head that hasn't gone on.
	RemoveField(side Side, name string)
	// HoldsHead tells whether a head on which its callback pauses waits for the whole body
	// and can be edited until then.
	HoldsHead(Side) bool
	// Hides tells whether a side whose head is held has a body, or all of one, that its
	// callbacks were not about. Of a request with a content-length it may not know.
	Hides(Side) bool
	// Resume lets a side that a callback paused go on.
	Resume(Side)

	// Body returns what the side's body callback is about: the piece at hand, or all that
	// was gathered. It is valid until the callback returns or Body is called again.
	Body(Side) []byte
	// ReplaceBody puts b, which is copied, in the place of what Body returns.
	ReplaceBody(side Side, b []byte) error
	// AppendReply adds b behind the reply's piece at hand, or to a reply that ends with
	// trailers; false where it is too late.
	AppendReply(b []byte) bool

	// Answer sends a reply of our own instead of what is under way. Made on the request's
	// side it may come by in the reply's callbacks.
	Answer(status int, header Fields, body []byte) error
	// CodeDetails is Envoy's word for how the reply came about, such as via_upstream; "" if
	// it has none.
	// https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details
	CodeDetails() string

	// Buffer lends an empty slice to append to, until the callback returns.
	Buffer() []byte
	// Keep takes back what became of it, for the next callback to reuse.
	Keep([]byte)

	Log(level Level, line string)
	Count(c Counter, n int)
}

// Fields is a head as a host hands it over: names in lower case, in order, with :method
// and :path, or :status.
type Fields [][2]string

// Get returns the first value of a field; "" when it is absent.
func (f Fields) Get(name string) string {
	for i := range f {
		if f[i][0] == name {
			return f[i][1]
		}
	}
	return ""
}

// Has tells whether there is such a field.
func (f Fields) Has(name string) bool {
	for i := range f {
		if f[i][0] == name {
			return true
		}
	}
	return false
}

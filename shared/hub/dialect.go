package hub

// A Dialect is one client API: it turns requests into the hub's form and what the
// upstream says back. Its methods get the exchange's Turn and keep nothing else
// between calls but what a stream needs. dst is appended to.
type Dialect interface {
	// Request makes the upstream's request body out of the client's.
	Request(dst, body []byte, t *Turn) ([]byte, *Problem)
	// Reply turns a whole 2xx reply. A Problem replaces the reply.
	Reply(dst, body []byte, t *Turn) ([]byte, *Problem)
	// Stream begins a stream's translation.
	Stream(t *Turn) Stream
	// Problem puts an error into the dialect's shape.
	Problem(p *Problem) *Answer
}

// A Stream turns an upstream's events into the client's.
type Stream interface {
	// Event turns one event: its data, and comments or other lines that stood in it
	// (each with a line feed). done says that the client's stream has ended by its
	// grammar, so that what still comes is dropped.
	Event(dst, other, data []byte, hasData bool) (out []byte, done bool)
	// End is called when the upstream's connection has ended without done.
	End(dst []byte) []byte
	// Abort ends the client's stream after a fault, by its grammar.
	Abort(dst []byte, p *Problem) []byte
}

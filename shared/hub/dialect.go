package hub

// A Dialect is one client API: it turns requests into the hub's form and what the
// upstream says back. Its methods get the exchange's Turn and keep nothing else
// between calls but what a stream needs. dst is appended to. What they need of the edge
// they ask for by Turn.Ask, and return.
type Dialect interface {
	// Request makes the upstream's request body out of the client's; both are empty where
	// the route has none. Where no upstream need be asked it sets Turn.Request.Answer, and
	// what it returns is not used. In body, halves of surrogate pairs may be overwritten.
	Request(dst, body []byte, t *Turn) ([]byte, *Problem)
	// Reply turns a whole 2xx reply. A Problem replaces the reply.
	Reply(dst, body []byte, t *Turn) ([]byte, *Problem)
	// Problem puts an error into the dialect's shape.
	Problem(p *Problem, t *Turn) *Answer
}

// A Streamer is a dialect that has streams.
type Streamer interface {
	Dialect
	// Stream begins a stream's translation.
	Stream(t *Turn) Stream
}

// A Translator is a dialect whose form is not the hub's. Its clients can't read the
// upstream's own errors, nor a reply that is neither JSON nor a stream.
type Translator interface {
	Dialect
	// Status is the status that a client gets for an upstream's error status.
	Status(upstream int) int
}

// An Estimator is a Translator that has an answer of its own where the upstream lacks
// the path (404, 405, 501).
type Estimator interface {
	Translator
	// Estimate is nil where it has none.
	Estimate(t *Turn) *Answer
}

// A Counter is a Translator that says more of an upstream's refusal where it is known how
// many tokens the prompt has.
type Counter interface {
	Translator
	// WantsCount tells whether Problem.PromptTokens and Window would make a difference.
	WantsCount(p *Problem) bool
}

// A Stream turns an upstream's events into the client's.
type Stream interface {
	// Begin is called once, when the upstream has begun to answer with a stream and
	// before any Event.
	Begin(dst []byte) []byte
	// Event turns one event: its data, and comments or other lines that stood in it
	// (each with a line feed). done says that the client's stream has ended by its
	// grammar, so that what still comes is dropped.
	Event(dst, other, data []byte, hasData bool) (out []byte, done bool)
	// End is called when the upstream's connection has ended without done.
	End(dst []byte) []byte
	// Abort ends the client's stream after a fault, by its grammar.
	Abort(dst []byte, p *Problem) []byte
	// Beat is for an edge with a clock: called after every BeatInterval of silence, n
	// counting from 1 since the last event, it appends what keeps client and proxies
	// from giving the stream up; nothing where the dialect has no such thing.
	Beat(dst []byte, n int) []byte
}

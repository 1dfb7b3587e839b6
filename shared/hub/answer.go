package hub

// An Answer is a whole reply made by Qwenvoy itself: an error in the client's
// dialect, or a page such as /health.
type Answer struct {
	Status int    // HTTP status
	Body   []byte // JSON unless ContentType says otherwise
	// ContentType is "application/json" when empty.
	ContentType string
	// Events are what Body says as the whole of a stream of the dialect, for an edge that
	// has sent a stream's head already. Nil: the head was no stream's.
	Events []byte
	// Header holds further header fields as name, value pairs, names in lower case.
	Header [][2]string
	// Reason is a short word for logs and metrics, such as "model_not_found".
	Reason string
}

// A Fault is what went wrong at an edge: between it and the upstream, or inside it.
type Fault uint8

const (
	NoFault Fault = iota
	// BodyTooLarge: the client's body is over the limit: 413.
	BodyTooLarge
	// Inflated: the client's body is more than 100 times as large as it came: 413.
	Inflated
	// NoMemory: the bytes of all exchanges together are over the edge's limit: 503.
	NoMemory
	// Busy: as many requests as may be are under way: 503.
	Busy
	// BadEncoding: the request's content-encoding is not understood: 415.
	BadEncoding
	// Undecodable: the request's body is not what its content-encoding says: 400.
	Undecodable
	// BrokenBody: the client's body broke off, or is not framed properly: 400.
	BrokenBody
	// SlowBody: the client's body, or the rest of it, did not come in time: 408.
	SlowBody
	// Unreachable: no connection to the upstream, or it was lost before the reply's head: 502.
	Unreachable
	// NoHead: the upstream's head did not come in time: 504.
	NoHead
	// Idle: nothing came for too long in the middle of a reply: 504, or the stream's error event.
	Idle
	// Cut: the reply ended before its end: 502, or the stream's error event.
	Cut
	// ReplyTooLarge: a reply (or one event of a stream) is over the limit: 502.
	ReplyTooLarge
	// BadReply: the upstream's reply can't be read (broken JSON, unknown compression): 502.
	BadReply
	// ShuttingDown: the edge ends, and this exchange with it: 503, or the stream's error event.
	ShuttingDown
	// Panic: a fault of Qwenvoy's own: 500.
	Panic
)

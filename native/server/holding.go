package server

import (
	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A holding is what one exchange holds of the memory of all. However the exchange ends, its
// call releases it.
type holding struct {
	share memory.Share
	// in is what came whole and is being turned: the client's body, later the upstream's.
	in *buffer
	// reading: it is the client's that is turned, and working what is counted for that.
	reading bool
	working int

	decode func(src []byte, encoding string, limit int) ([]byte, hub.Fault) // decodeIn, bound once per object
}

// decodeIn undoes the content-encoding of what is being turned; what came is given back.
func (h *holding) decodeIn(src []byte, encoding string, limit int) ([]byte, hub.Fault) {
	plain, f := decode(src, encoding, limit, &h.share, h.reading)
	if f != hub.NoFault {
		return nil, f
	}
	h.freeIn()
	h.in = plain
	if h.reading && !h.read(plain.b) {
		return nil, hub.NoMemory
	}
	return plain.b, hub.NoFault
}

// turned is how many bytes are held at most of a body of n bytes while it is turned, beside itself
// and what it becomes: its texts as they are read, its history, the chat request, and a quarter
// for what outgrows its room. A dialect that is not translated needs less, and not for long.
func turned(n int) int { return 3*n + n/4 }

// roomFor is how many bytes a request's body of n bytes most likely becomes, at most.
func roomFor(n int) int { return n + n/64 + 1024 }

// reading is how many bytes the core holds of a request's body while it turns it: copies, and what
// it notes of the members, much more than the body where they are many and small. The notes take
// half of what is left of room at most, so that no body is too much for ever.
func reading(body []byte, room int) int {
	copies := turned(len(body))
	return copies + min(hub.Working(body), max(0, room-2*copies)/2)
}

// read counts what the core holds of a request's body while it turns it. False: there is no room.
func (h *holding) read(body []byte) bool { return h.work(reading(body, h.share.Room())) }

// readOn counts the same of what the request goes on from, which was given to the core; and that
// what the body becomes is as much larger.
func (h *holding) readOn(items []byte) bool {
	return h.work(turned(len(items)) + len(items) + hub.Working(items))
}

// work counts n bytes of working memory.
func (h *holding) work(n int) bool {
	if !h.share.Grow(n) {
		return false
	}
	h.working += n
	return true
}

// worked gives back what was counted by work.
func (h *holding) worked() {
	h.share.Shrink(h.working)
	h.share.Settle()
	h.reading, h.working = false, 0
}

// freeIn gives back what came whole.
func (h *holding) freeIn() {
	h.in.free()
	h.in = nil
}

func (h *holding) release() {
	h.freeIn()
	h.reading, h.working = false, 0
	h.share.Release()
}

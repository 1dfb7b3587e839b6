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
	// reading: it is the client's that is turned, and working what was counted for that.
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

// read counts what the core holds of a request's body while it turns it, beside the body and
// what it becomes: of a dialect that is translated its history and the chat request, each as
// large as the body; and what it notes of the members, much more than the body where they are
// many and small. The notes take half of what is left at most, so that no body is too much for
// ever. False: there is no room.
func (h *holding) read(body []byte) bool {
	texts := 2 * len(body)
	n := texts + min(hub.Working(body), max(0, h.share.Room()-2*texts)/2)
	if !h.share.Grow(n) {
		return false
	}
	h.working += n
	return true
}

// haveRead gives back what was counted by read.
func (h *holding) haveRead() {
	h.share.Shrink(h.working)
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

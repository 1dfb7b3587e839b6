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

	decode func(src []byte, encoding string, limit int) ([]byte, hub.Fault) // decodeIn, bound once per object
}

// decodeIn undoes the content-encoding of what is being turned; what came is given back.
func (h *holding) decodeIn(src []byte, encoding string, limit int) ([]byte, hub.Fault) {
	plain, f := decode(src, encoding, limit, &h.share)
	if f != hub.NoFault {
		return nil, f
	}
	h.freeIn()
	h.in = plain
	return plain.b, hub.NoFault
}

// freeIn gives back what came whole.
func (h *holding) freeIn() {
	h.in.free()
	h.in = nil
}

func (h *holding) release() {
	h.freeIn()
	h.share.Release()
}

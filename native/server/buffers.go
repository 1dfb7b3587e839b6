package server

import (
	"errors"
	"io"
	"math/bits"
	"sync"

	"github.com/qwenvoy/qwenvoy/native/memory"
)

// Buffers are pooled by size class, so that the small requests don't sit on the
// large ones' memory. Above the last class the garbage collector takes over.
const (
	minClass = 12 // 4 KiB
	maxClass = 22 // 4 MiB
)

var bufferPools [maxClass - minClass + 1]sync.Pool

// buffer is a pooled byte slice; users append to b and may replace it.
type buffer struct {
	b []byte
	// share is what the buffer counts against, nil for nothing, and counted its bytes.
	share   *memory.Share
	counted int
}

// newBuffer returns an empty buffer with room for n bytes, which counts against nothing.
func newBuffer(n int) *buffer {
	class := classOf(n)
	if class > maxClass {
		return &buffer{b: make([]byte, 0, n)}
	}
	if p, ok := bufferPools[class-minClass].Get().(*buffer); ok {
		return p
	}
	return &buffer{b: make([]byte, 0, 1<<class)}
}

func classOf(n int) int { return max(bits.Len(uint(max(n, 1)-1)), minClass) }

// sizeOf is how many bytes a new buffer with room for n has.
func sizeOf(n int) int {
	if class := classOf(n); class <= maxClass {
		return 1 << class
	}
	return n
}

// newShared is newBuffer for one that counts against a share, nil where that has no room.
func newShared(n int, share *memory.Share) *buffer {
	size := sizeOf(n)
	if !share.Grow(size) {
		return nil
	}
	p := newBuffer(n)
	p.share, p.counted = share, size
	p.count()
	return p
}

// count has the share know what the buffer really has, after it was appended to.
func (p *buffer) count() {
	if n := cap(p.b); p.share != nil && n != p.counted {
		p.share.Add(n - p.counted)
		p.counted = n
	}
}

// How a buffer grows while a body is read: by a large factor as long as it is small, since
// to copy costs more than to wait, and by two from there on.
const (
	firstRoom  = 1 << minClass
	smallBody  = 1 << 20
	smallSteps = 8
)

// makeRoom makes room for the next read of a body of which announced bytes are to come in
// all, -1 where nobody says. What is announced takes no memory until some of it has come.
// False: its share has no room.
func (p *buffer) makeRoom(announced int64) bool {
	have := cap(p.b)
	if len(p.b) < have {
		return true
	}
	next := 2 * have
	if announced >= 0 {
		if have < smallBody {
			next = min(smallSteps*have, smallBody)
		}
		if all := announced + 1; all > int64(have) { // one more, to meet the end without growing
			next = int(min(int64(next), all))
		}
	}
	grown := newShared(next, p.share)
	if grown == nil {
		return false
	}
	grown.b = append(grown.b, p.b...)
	*p, *grown = *grown, *p
	grown.free()
	return true
}

// errTooLarge: what is read whole is over its limit.
var errTooLarge = errors.New("it is too large")

// errNoMemory: the exchanges hold as many bytes as they may.
var errNoMemory = errors.New("the exchanges hold as much memory as they may")

// readAll appends all of r, of which announced bytes are to come, -1 where nobody says. What has
// come stays in the buffer beside an error: errTooLarge behind limit bytes where that is not 0,
// errNoMemory, or r's.
func (p *buffer) readAll(r io.Reader, announced, limit int64) error {
	if limit > 0 && announced > limit {
		return errTooLarge
	}
	for {
		if !p.makeRoom(announced) {
			return errNoMemory
		}
		n, err := r.Read(p.b[len(p.b):cap(p.b)])
		p.b = p.b[:len(p.b)+n]
		switch {
		case limit > 0 && int64(len(p.b)) > limit:
			return errTooLarge // even if it is broken too
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// free returns the buffer to its pool; p may be nil.
func (p *buffer) free() {
	if p == nil {
		return
	}
	p.share.Shrink(p.counted)
	p.share, p.counted = nil, 0
	class := bits.Len(uint(cap(p.b))) - 1 // a buffer may serve the class that it can fill
	if class < minClass || class > maxClass {
		return
	}
	p.b = p.b[:0]
	bufferPools[class-minClass].Put(p)
}

package server

import (
	"bytes"
	"io"
	"math/bits"
	"sync"
	"sync/atomic"
)

// Buffers are pooled by size class, so that the small requests don't sit on the
// large ones' memory. Above the last class the garbage collector takes over.
const (
	minClass = 12 // 4 KiB
	maxClass = 22 // 4 MiB
)

var bufferPools [maxClass - minClass + 1]sync.Pool

// buffer is a pooled byte slice; users append to b and may replace it.
type buffer struct{ b []byte }

// newBuffer returns an empty buffer with room for n bytes.
func newBuffer(n int) *buffer {
	class := max(bits.Len(uint(max(n, 1)-1)), minClass)
	if class > maxClass {
		return &buffer{b: make([]byte, 0, n)}
	}
	if p, ok := bufferPools[class-minClass].Get().(*buffer); ok {
		return p
	}
	return &buffer{b: make([]byte, 0, 1<<class)}
}

func (p *buffer) free() {
	class := bits.Len(uint(cap(p.b))) - 1 // a buffer may serve the class that it can fill
	if class < minClass || class > maxClass {
		return
	}
	p.b = p.b[:0]
	bufferPools[class-minClass].Put(p)
}

// outgoing is a request body in a pooled buffer. A transport may go on reading a
// body after the reply has begun, so the buffer returns to its pool when the
// exchange and every reader have let go of it.
type outgoing struct {
	buf  *buffer
	refs atomic.Int32
}

func newOutgoing(buf *buffer) *outgoing {
	o := &outgoing{buf: buf}
	o.refs.Store(1)
	return o
}

func (o *outgoing) release() {
	if o.refs.Add(-1) == 0 {
		o.buf.free()
	}
}

// open returns a new reader of the whole body. Close must be called, once or more.
func (o *outgoing) open() (io.ReadCloser, error) {
	o.refs.Add(1)
	r := &outgoingReader{from: o}
	r.Reset(o.buf.b)
	return r, nil
}

type outgoingReader struct {
	bytes.Reader
	from   *outgoing
	closed atomic.Bool
}

func (r *outgoingReader) Close() error {
	if r.closed.CompareAndSwap(false, true) {
		r.from.release()
	}
	return nil
}

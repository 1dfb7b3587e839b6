package server

import (
	"io"
	"math/bits"
	"sync"
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

// readFrom appends what one read of r gives, with more room where there is none.
func (p *buffer) readFrom(r io.Reader) error {
	if len(p.b) == cap(p.b) {
		p.b = append(p.b, 0)[:len(p.b)]
	}
	n, err := r.Read(p.b[len(p.b):cap(p.b)])
	p.b = p.b[:len(p.b)+n]
	return err
}

// free returns the buffer to its pool; p may be nil.
func (p *buffer) free() {
	if p == nil {
		return
	}
	class := bits.Len(uint(cap(p.b))) - 1 // a buffer may serve the class that it can fill
	if class < minClass || class > maxClass {
		return
	}
	p.b = p.b[:0]
	bufferPools[class-minClass].Put(p)
}

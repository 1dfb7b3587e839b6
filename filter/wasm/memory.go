//go:build wasip1

package main

import (
	"math"
	"runtime/debug"
	"unsafe"
)

// maxKept is the largest buffer that is kept for the next callback, in bytes. wasm
// memory never shrinks, but what is let go of can serve other bodies.
const maxKept = 2 << 20

// tuneMemory lets the heap grow to a few times its live size (which is small) before
// a collection, and collects eagerly near the bar of 32 MiB per VM.
func tuneMemory() {
	debug.SetGCPercent(200)
	debug.SetMemoryLimit(24 << 20)
}

// buffers is what one VM reuses from callback to callback: a VM has one thread, and
// nothing that a callback reads or writes here is needed after it returns.
var buffers struct {
	in, out []byte
	lent    bool
}

// keep hands the output buffer back for the next callback.
func keep(b []byte) {
	if cap(b) > maxKept {
		b = nil
	}
	buffers.out = b[:0]
}

// borrow gets a whole body into the input buffer: it is valid until the next borrow.
// An empty body is nil.
func borrow(get func(start, max int) ([]byte, error)) []byte {
	buffers.lent = true
	body, err := get(0, math.MaxInt32)
	buffers.lent = false
	if err != nil { // not found: empty
		return nil
	}
	return body
}

// malloc is where hosts put what they hand over. Envoy takes it before the SDK's
// proxy_on_memory_allocate, which makes a new slice for every body; heads, whose
// strings stay in use, get new slices here too.
//
//lint:ignore U1000 the host calls it
//go:wasmexport malloc
func malloc(size uint32) unsafe.Pointer {
	n := int(size)
	if !buffers.lent || n > maxKept {
		return unsafe.Pointer(unsafe.SliceData(make([]byte, max(n, 1))))
	}
	if n > cap(buffers.in) {
		buffers.in = make([]byte, n+n/4)
	}
	return unsafe.Pointer(unsafe.SliceData(buffers.in))
}

//go:build wasip1

package main

import "runtime/debug"

// maxKept is the largest buffer that is kept for the next exchange, in bytes. wasm
// memory never shrinks, but what is let go of can serve other bodies.
const maxKept = 2 << 20

// tuneMemory lets the heap grow to a few times its live size (which is small) before
// a collection, and collects eagerly near the bar of 32 MiB per VM.
func tuneMemory() {
	debug.SetGCPercent(200)
	debug.SetMemoryLimit(24 << 20)
}

// buffers is what one VM reuses from callback to callback: a VM has one thread, and
// nothing that a callback writes here is needed after it returns.
var buffers struct {
	out []byte
}

// keep hands a buffer back for the next callback.
func keep(b []byte) {
	if cap(b) <= maxKept {
		buffers.out = b[:0]
		return
	}
	buffers.out = nil
}

package server

import (
	"bytes"
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/shared/gunzip"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

var gzipReaders = sync.Pool{New: func() any { return new(gunzip.Reader) }}

var zstdReaders sync.Pool

// zstdWindow bounds what one frame may make the decoder hold (RFC 8878 §3.1.1.1.2 advises 8 MB).
const zstdWindow = 8 << 20

// newZstd returns a decoder at the start of src.
func newZstd(src []byte) (d *zstd.Decoder, err error) {
	d, _ = zstdReaders.Get().(*zstd.Decoder)
	if d == nil {
		d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, err
		}
	}
	return d, d.Reset(bytes.NewReader(src))
}

// What the decoders hold beside a window.
const (
	gzipWorking = 48 << 10
	zstdWorking = 256 << 10
)

// decode undoes a body's content-encoding, to at most limit bytes. What is held meanwhile
// counts against the share. strict: nothing may follow its end, as it may in replies.
func decode(src []byte, encoding string, limit int, share *memory.Share, strict bool) (*buffer, hub.Fault) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "gzip", "x-gzip":
		if !share.Grow(gzipWorking) {
			return nil, hub.NoMemory
		}
		defer share.Shrink(gzipWorking)
		z := gzipReaders.Get().(*gunzip.Reader)
		defer func() {
			_ = z.Reset(nil, false) // else it would hold on to src
			gzipReaders.Put(z)
		}()
		if z.Reset(src, strict) == nil {
			return gather(z, 4*len(src), limit, share)
		}
		return nil, hub.Undecodable
	case "zstd":
		working := zstdWorking
		var h zstd.Header
		if h.Decode(src) == nil {
			working += int(min(h.WindowSize, zstdWindow))
		}
		if !share.Grow(working) {
			return nil, hub.NoMemory
		}
		defer share.Shrink(working)
		z, err := newZstd(src)
		if z != nil {
			defer func() {
				_ = z.Reset(nil)
				zstdReaders.Put(z)
			}()
		}
		if err == nil {
			return gather(z, 4*len(src), limit, share)
		}
		return nil, hub.Undecodable
	}
	return nil, hub.BadEncoding
}

// gather reads what a decoder gives, likely bytes at first, in a buffer that grows as they come.
func gather(from io.Reader, likely, limit int, share *memory.Share) (out *buffer, f hub.Fault) {
	out = newShared(min(likely, limit)+1, share)
	if out == nil {
		return nil, hub.NoMemory
	}
	switch err := out.readAll(from, -1, int64(limit)); err {
	case nil:
		return out, hub.NoFault
	case errTooLarge:
		f = hub.BodyTooLarge
	case errNoMemory:
		f = hub.NoMemory
	default:
		f = hub.Undecodable
	}
	out.free()
	return nil, f
}

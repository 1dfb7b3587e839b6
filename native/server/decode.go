package server

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// errTooLarge: a body is over its limit once it is decoded.
var errTooLarge = errors.New("the decoded body is over the limit")

var zstdReaders sync.Pool

// zstdWindow bounds what one frame may make the decoder hold (RFC 8878 §3.1.1.1.2 advises 8 MB).
const zstdWindow = 8 << 20

// DecodeBody undoes a request body's content-encoding; gzip is the core's own.
// It appends to dst until limit is passed; the core sees by the length that it was.
func DecodeBody(dst, src []byte, encoding string, limit int) (out []byte, ok bool, err error) {
	if !strings.EqualFold(strings.TrimSpace(encoding), "zstd") {
		return dst, false, nil
	}
	d, _ := zstdReaders.Get().(*zstd.Decoder)
	if d == nil {
		d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return dst, true, err
		}
	}
	defer zstdReaders.Put(d)
	if err := d.Reset(bytes.NewReader(src)); err != nil {
		return dst, true, err
	}
	start := len(dst)
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := d.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if len(dst)-start > limit {
			return dst, true, errTooLarge // too long to be mistaken for a broken one
		}
		if err == io.EOF {
			return dst, true, nil
		}
		if err != nil {
			return dst[:start], true, err
		}
	}
}

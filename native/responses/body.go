package responses

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/qwenvoy/qwenvoy/native/server"
)

// A recorder keeps a request's body while the handler behind reads it.
type recorder struct {
	io.ReadCloser
	bytes []byte
	room  *[]byte // of bodies
}

// bodies are buffers for recorders; a very large one is left to the collector.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

const keptBody = 1 << 20

func record(r *http.Request) *recorder {
	c := &recorder{ReadCloser: r.Body, room: bodies.Get().(*[]byte)}
	c.bytes = (*c.room)[:0]
	if n := int(min(r.ContentLength, keptBody)); n > cap(c.bytes) {
		c.bytes = make([]byte, 0, n)
	}
	return c
}

// recorded is a body that was read before.
func recorded(body []byte) *recorder { return &recorder{bytes: body} }

func (c *recorder) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if c.room != nil {
		c.bytes = append(c.bytes, p[:n]...)
	}
	return n, err
}

// free forgets the body. It may be called twice.
func (c *recorder) free() {
	if c.room != nil && cap(c.bytes) <= keptBody {
		*c.room = c.bytes[:0]
		bodies.Put(c.room)
	}
	c.bytes, c.room = nil, nil
}

// encodingOf is a body's content-encoding, "" for none.
func encodingOf(r *http.Request) string {
	e := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
	if e == "identity" {
		return ""
	}
	return e
}

func decode(b []byte, encoding string, limit int) ([]byte, error) {
	if encoding == "gzip" || encoding == "x-gzip" {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		plain, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
		if err == nil && len(plain) > limit {
			err = errTooLarge
		}
		return plain, err
	}
	plain, ok, err := server.DecodeBody(nil, b, encoding, limit)
	if err == nil && !ok {
		err = errEncoding
	}
	return plain, err
}

var (
	errTooLarge = errors.New("over the limit")
	errEncoding = errors.New("unknown content-encoding")
)

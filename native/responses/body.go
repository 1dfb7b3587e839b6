package responses

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/qwenvoy/qwenvoy/native/server"
)

// bodies are buffers for requests; a very large one is left to the collector.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

const keptBody = 1 << 20

func freeBody(b *[]byte) {
	if cap(*b) <= keptBody {
		*b = (*b)[:0]
		bodies.Put(b)
	}
}

// readBody reads a request's body to its end and undoes its content-encoding. Where
// that can't be done it returns nil, and a request whose body gives the handler behind
// the same to read, so that it refuses it.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) (*[]byte, *http.Request) {
	limit, idle := h.limits()
	if r.ContentLength > int64(limit) {
		return nil, r
	}
	in := bodies.Get().(*[]byte)
	b := (*in)[:0]
	if n := int(r.ContentLength) + 1; n > cap(b) {
		b = make([]byte, 0, n) // one more, to meet the end without growing
	}
	var armed time.Time // when the read deadline was last set
	for first := true; ; first = false {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		if now := time.Now(); !first && idle > 0 && now.Sub(armed) > idle/4 {
			if armed.IsZero() {
				defer func() { _ = http.NewResponseController(w).SetReadDeadline(time.Time{}) }()
			}
			armed = now
			_ = http.NewResponseController(w).SetReadDeadline(now.Add(idle))
		}
		n, err := r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			break
		}
		if err != nil || len(b) > limit {
			var rest io.Reader = r.Body
			if err != nil {
				rest = failing{err}
			}
			r = r.Clone(r.Context())
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(b), rest))
			return nil, r
		}
	}
	*in = b
	if encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding != "" && encoding != "identity" {
		plain, err := decode(b, encoding, limit)
		if err != nil {
			r = withBody(r, b)
			return nil, r
		}
		freeBody(in)
		in = &plain
		r = r.Clone(r.Context())
		r.Header.Del("Content-Encoding")
	}
	return in, r
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// withBody is the request with another body.
func withBody(r *http.Request, body []byte) *http.Request {
	r = r.WithContext(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return r
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

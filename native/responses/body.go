package responses

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/server"
)

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

package responses

import (
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// encoded is a body in a content-encoding.
func encoded(t *testing.T, encoding, body string) string {
	t.Helper()
	var b bytes.Buffer
	switch encoding {
	case "gzip":
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(body))
		_ = z.Close()
	case "zstd":
		z, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = z.Write([]byte(body))
		_ = z.Close()
	default:
		return body
	}
	return b.String()
}

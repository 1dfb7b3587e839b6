package server

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strconv"
	"sync/atomic"
)

// ids names requests in the log: the client's x-request-id where it has a sane
// one, else a random prefix of this process and a number.
type ids struct {
	prefix string
	n      *atomic.Uint64
}

func newIDs() ids {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails, crypto/rand
	return ids{prefix: hex.EncodeToString(b[:]) + "-", n: new(atomic.Uint64)}
}

func (i ids) of(h http.Header) string {
	if v := h["X-Request-Id"]; len(v) == 1 && sane(v[0]) {
		return v[0]
	}
	return i.prefix + strconv.FormatUint(i.n.Add(1), 10)
}

func sane(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

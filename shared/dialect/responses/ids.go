package responses

import (
	"bytes"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Output items have the random part of their response's id, and their number in place of
// its last letters. So an edge with state finds the item that an item_reference names
// without an index of all items.

const (
	randomLetters = 20
	numberLetters = 4
	numberZero    = "0000"
	digits        = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// responseID is a new response's.
func responseID(t *hub.Turn) []byte {
	id := t.AppendID(nil, "resp_")
	return jsonedit.Put(id[:len(id)-numberLetters], numberZero)
}

// appendItemID appends the id of a response's n-th output item, from 0.
func appendItemID(dst []byte, prefix string, response []byte, n int) []byte {
	dst = jsonedit.Put(dst, prefix)
	dst = jsonedit.PutBytes(dst, bytes.TrimPrefix(response[:max(0, len(response)-numberLetters)], []byte("resp_")))
	dst = jsonedit.Put(dst, numberZero)
	for i, n := len(dst)-1, n+1; n > 0 && i >= len(dst)-numberLetters; i, n = i-1, n/len(digits) {
		dst[i] = digits[n%len(digits)]
	}
	return dst
}

// ResponseOf is the id of the response that an output item came with, "" where the id
// has not the form of those that Qwenvoy gives to output items.
func ResponseOf(item string) string {
	_, letters, ok := strings.Cut(item, "_")
	if !ok || len(letters) != randomLetters+numberLetters {
		return ""
	}
	return "resp_" + letters[:randomLetters] + numberZero
}

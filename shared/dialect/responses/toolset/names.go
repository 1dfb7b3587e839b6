package toolset

import (
	"hash/fnv"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// maxName is the most letters that a name may have, here and upstream.
const maxName = 64

func isName(name []byte) bool {
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return len(name) > 0 && len(name) <= maxName
}

// names is the index from the client's names to functions, and of the upstream's names that
// are taken. It holds the text of both.
type names struct {
	text []byte
	// index finds a function by the client's names ("c", namespace, NUL, name), or tells
	// that the upstream's name ("u", name) is taken.
	index map[string]int32
	key   []byte
}

func (n *names) reset() {
	clear(n.index)
	n.text, n.key = n.text[:0], n.key[:0]
}

func (n *names) of(name jsonedit.CompactSpan) []byte { return name.Of(n.text) }

func (n *names) clientKey(namespace, name []byte) []byte {
	n.key = jsonedit.PutBytes(append(jsonedit.PutBytes(append(n.key[:0], 'c'), namespace), 0), name)
	return n.key
}

// find is the function that the client knows by these names, -1 for none.
func (n *names) find(namespace, name []byte) int32 {
	if i, ok := n.index[string(n.clientKey(namespace, name))]; ok {
		return i
	}
	return -1
}

// name gives a function the client's names.
func (n *names) name(function int32, namespace, name []byte) {
	if n.index == nil {
		n.index = map[string]int32{}
	}
	n.index[string(n.clientKey(namespace, name))] = function
}

func (n *names) add(name []byte) jsonedit.CompactSpan {
	from := len(n.text)
	n.text = jsonedit.PutBytes(n.text, name)
	return jsonedit.Compact(from, len(n.text))
}

// take finds an upstream name that no other function has: namespace__name; where that
// is too long or taken, its beginning and a hash; where that is taken, a number.
func (n *names) take(namespace, name []byte) jsonedit.CompactSpan {
	if n.index == nil {
		n.index = map[string]int32{}
	}
	from := len(n.text)
	for try := 0; ; try++ {
		n.text = appendUpstreamName(n.text[:from], namespace, name, try)
		n.key = jsonedit.PutBytes(append(n.key[:0], 'u'), n.text[from:])
		if _, taken := n.index[string(n.key)]; !taken {
			n.index[string(n.key)] = -1
			return jsonedit.Compact(from, len(n.text))
		}
	}
}

// appendUpstreamName appends the name that a tool has upstream at the given try.
func appendUpstreamName(dst, namespace, name []byte, try int) []byte {
	from := len(dst)
	if len(namespace) > 0 {
		dst = jsonedit.Put(jsonedit.PutBytes(dst, namespace), "__")
	}
	dst = jsonedit.PutBytes(dst, name)
	if try == 0 && len(dst)-from <= maxName {
		return dst
	}
	h := fnv.New32a()
	h.Write(namespace)
	h.Write([]byte{0})
	h.Write(name)
	const digits, prefix = "0123456789abcdef", 48
	dst = dst[:min(len(dst), from+prefix)]
	dst = append(dst, '_')
	for sum, shift := h.Sum32(), 28; shift >= 0; shift -= 4 {
		dst = append(dst, digits[sum>>shift&15])
	}
	if try > 1 {
		dst = append(dst, '_')
		dst = strconv.AppendInt(dst, int64(try), 10)
	}
	return dst
}

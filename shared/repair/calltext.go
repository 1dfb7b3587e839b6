package repair

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// callInText finds a call in Qwen's own form at the end of a text. vLLM's front end in Rust gives a
// call that lacks its end so, without its opening tag, and whole ones where none is allowed; its
// front end in Python leaves both out.
type callInText struct {
	// tail is how many bytes at the end of what is held are a call, or may become one. begun: they
	// are one. given: it was too long to be held.
	tail         int
	begun, given bool
	// midLine: what went on before does not end a line, so that no call begins behind it.
	midLine bool
}

const (
	callTag     = "<tool_call>"
	functionTag = "<function="
	functionEnd = "</function>"
	// maxCallName bounds a tool's name, and maxCall a call, which may hold a file.
	maxCallName = 256
	maxCall     = 1 << 20
	// minMark is how much of a mark has to stand at a cut end: <f may be a form's.
	minMark = len("<fu")
)

// find tells how many bytes at the end of what is held are a call, the white space before it
// included. It has seen the first had bytes before. A call with its end is a text where calls are
// allowed, since the server has taken it for one.
func (c *callInText) find(t *hub.Turn, held []byte, had int) int {
	switch {
	case !t.Request.Tools || c.given:
		return 0
	case c.begun:
		if c.tail += len(held) - had; c.tail > maxCall {
			c.begun, c.given, c.tail = false, true, 0
		} else if !t.Request.NoCalls && bytes.Contains(held[max(0, had-len(functionEnd)+1):], []byte(functionEnd)) {
			c.begun = false
			break
		}
		return c.tail
	}
	c.tail = 0
	for i := bytes.IndexByte(held, '<'); i >= 0 && i < len(held); i++ {
		if held[i] != '<' || i > 0 && held[i-1] != '\n' || i == 0 && c.midLine {
			continue
		}
		begins, may := callBegins(held[i:])
		if begins && !t.Request.NoCalls && bytes.Contains(held[i:], []byte(functionEnd)) {
			continue
		}
		if c.given = len(held)-i > maxCall; c.given {
			break
		}
		if begins || may {
			c.begun, c.tail = begins, len(held)-len(bytes.TrimRight(held[:i], " \t\r\n"))
			break
		}
	}
	return c.tail
}

// callBegins tells whether a text begins with a call, as far as its name, or may do so when more of
// it has come.
func callBegins(text []byte) (begins, may bool) {
	if len(text) < len(callTag) && bytes.HasPrefix([]byte(callTag), text) {
		return false, true
	}
	if bytes.HasPrefix(text, []byte(callTag)) {
		if text = bytes.TrimLeft(text[len(callTag):], " \t\r\n"); len(text) == 0 {
			return false, true
		}
	}
	if len(text) <= len(functionTag) {
		return false, bytes.HasPrefix([]byte(functionTag), text)
	}
	name, ok := bytes.CutPrefix(text, []byte(functionTag))
	if !ok {
		return false, false
	}
	switch end := bytes.IndexAny(name, "<> \t\r\n\"'`"); {
	case end < 0:
		return false, len(name) <= maxCallName
	case end == 0 || end > maxCallName || name[end] != '>':
		return false, false
	default: // Qwen's template begins a line behind the name
		return end+1 < len(name) && name[end+1] == '\n', end+1 == len(name)
	}
}

// dropped tells whether what is held ends in a call. A piece of a mark is one where the token limit
// cut the text.
func (c *callInText) dropped(held []byte, limit bool) bool {
	return c.begun || limit && c.tail > 0 && len(bytes.TrimLeft(held[len(held)-c.tail:], " \t\r\n")) >= minMark
}

// follow notes what went on of the text.
func (c *callInText) follow(text []byte) {
	if len(text) > 0 {
		c.midLine = text[len(text)-1] != '\n'
	}
}

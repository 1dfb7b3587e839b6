package repair

import (
	"bytes"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Stops ends the text of an answer at the first of the request's stop strings. The server would
// look for them in the thinking and in calls too, and end a turn before its answer. What may be
// the beginning of one is held back until more has come.
type Stops struct {
	held []byte // plain
	out  []byte
}

// Next takes the next piece of the text, as inside a literal, and returns what can go on, which is
// the piece itself where nothing is to be done, and valid until the next call. word is the
// stop string that ends the text, "" for none.
func (s *Stops) Next(t *hub.Turn, piece []byte) (out []byte, word string) {
	had := len(s.held)
	s.held = jsonedit.AppendUnescaped(s.held, piece)
	at := -1
	for _, stop := range t.Request.Stops {
		if i := bytes.Index(s.held, []byte(stop)); i >= 0 && (at < 0 || i < at) {
			at, word = i, stop
		}
	}
	if at >= 0 {
		if t.Request.KeepStop {
			at += len(word)
		}
		out = s.release(at)
		s.held = s.held[:0]
		return out, word
	}
	kept := 0
	for _, stop := range t.Request.Stops {
		for n := min(len(stop)-1, len(s.held)); n > kept; n-- {
			if string(s.held[len(s.held)-n:]) == stop[:n] {
				kept = n
			}
		}
	}
	if had == 0 && kept == 0 {
		s.held = s.held[:0]
		return piece, ""
	}
	return s.release(len(s.held) - kept), ""
}

// release gives the first n bytes of what is held.
func (s *Stops) release(n int) []byte {
	s.out = jsonedit.AppendEscaped(s.out[:0], s.held[:n])
	s.held = s.held[:copy(s.held, s.held[n:])]
	return s.out
}

// Holding tells whether something is held back.
func (s *Stops) Holding() bool { return len(s.held) > 0 }

// Rest gives what is held back, where no more of the text comes.
func (s *Stops) Rest() []byte { return s.release(len(s.held)) }

// AppendWord appends a stop string as a literal.
func AppendWord(dst []byte, word string) []byte {
	return jsonedit.AppendQuoted(dst, strings.ToValidUTF8(word, "\uFFFD"))
}

package repair

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Stops ends the text of a choice at the first of the request's stop strings, the one that ends first. The server would
// look for them in the thinking and in calls too, and end a turn before its answer. What may be
// the beginning of one is held back until more has come, with its tokens' logprobs. So is a call
// that comes as text (callInText), which is none of the answer.
type Stops struct {
	held     []byte // plain
	logprobs []byte // a list
	ahead    int    // how many bytes of what is held tokens have said that are gone
	out      []byte
	call     callInText
}

// A Stopped is what Stops makes of a piece of the text. It is valid until the next call.
type Stopped struct {
	// Text can go on, as inside a literal: the piece itself where nothing is to be done.
	Text []byte
	// Logprobs is the list of its tokens; Mended tells whether it is another than the piece's.
	Logprobs []byte
	Mended   bool
	// Word is the stop string that ends the text, nil for none.
	Word []byte
}

// Next takes the next piece of the text, as inside a literal, with the list of its tokens'
// logprobs, empty for none. early: no stop string that ends in it counts (Early); one that only
// begins in it does.
func (s *Stops) Next(t *hub.Turn, piece, logprobs []byte, early bool) (stopped Stopped) {
	if s.Passes(t, piece) {
		return Stopped{Text: piece, Logprobs: logprobs}
	}
	had := len(s.held)
	s.held = jsonedit.AppendUnescaped(s.held, piece)
	tail := s.call.find(t, s.held, had)
	at, said := -1, s.held
	if s.call.begun {
		said = s.held[:len(s.held)-tail]
	}
	if !early {
		at, stopped.Word = firstStop(t.Request.Stops, said, min(had, len(said)))
	}
	if at < 0 {
		if kept := max(heldBack(t.Request.Stops, s.held), tail); had > 0 || kept > 0 {
			at = len(s.held) - kept
		} else {
			s.call.follow(s.held)
			s.held = s.held[:0]
			return Stopped{Text: piece, Logprobs: logprobs}
		}
	} else if t.Request.KeepStop {
		at += len(stopped.Word)
	}
	stopped.Text = s.release(at)
	if stopped.Mended = len(logprobs) > 0 || len(s.logprobs) > 0; stopped.Mended {
		s.logprobs = JoinLogprobs(s.logprobs, logprobs)
		if at > 0 {
			stopped.Logprobs, s.logprobs, s.ahead = splitLogprobs(s.logprobs, at, s.ahead)
		}
	}
	if stopped.Word != nil {
		s.call = callInText{}
		s.held, s.logprobs, s.ahead = s.held[:0], nil, 0
	}
	return stopped
}

// Passes tells whether a piece of the text goes on as it is, where no stop string, no call and nothing
// that is held can be in it.
func (s *Stops) Passes(t *hub.Turn, piece []byte) bool {
	if len(t.Request.Stops) > 0 || len(s.held) > 0 || t.Request.Tools && bytes.IndexByte(piece, '<') >= 0 {
		return false
	}
	if len(piece) > 0 {
		s.call.midLine = !bytes.HasSuffix(piece, []byte(`\n`))
	}
	return true
}

// Early tells whether what a chunk or a whole reply brings was generated before min_tokens were, as
// far as the count beside it shows. The thinking counts, for the server too.
func Early(v *hub.View, t *hub.Turn) bool {
	return t.Request.MinTokens > 0 && v.HasUsage && v.Usage.Completion <= t.Request.MinTokens
}

// firstStop finds the stop string that ends first in text, the longest of those that end there; none
// ends in the first had bytes. What ends first is the same for any chunks, what begins first is not.
func firstStop(stops [][]byte, text []byte, had int) (at int, word []byte) {
	at, end := -1, len(text)+1
	for _, stop := range stops {
		from := max(had-len(stop)+1, 0)
		i := bytes.Index(text[from:], stop)
		if i < 0 {
			continue
		}
		if i += from; i+len(stop) < end || i+len(stop) == end && i < at {
			at, end, word = i, i+len(stop), stop
		}
	}
	return at, word
}

// heldBack is how many bytes at the end of text may be the beginning of a stop string.
func heldBack(stops [][]byte, text []byte) (kept int) {
	for _, stop := range stops {
		for n := min(len(stop)-1, len(text)); n > kept; n-- {
			if text[len(text)-n] == stop[0] && bytes.HasPrefix(stop, text[len(text)-n:]) {
				kept = n
			}
		}
	}
	return kept
}

// release gives the first n bytes of what is held.
func (s *Stops) release(n int) []byte {
	s.call.follow(s.held[:n])
	s.out = jsonedit.AppendEscaped(s.out[:0], s.held[:n])
	s.held = s.held[:copy(s.held, s.held[n:])]
	return s.out
}

// Holding tells whether something is held back.
func (s *Stops) Holding() bool { return len(s.held) > 0 }

// Rest gives what is held back, where no more of the text comes, but not a call that is in it; calls
// are told of one that lacks its end. limit: the token limit ended the turn. dropped tells whether
// there was one.
func (s *Stops) Rest(t *hub.Turn, calls *hub.Calls, limit bool) (text, logprobs []byte, dropped bool) {
	n := len(s.held)
	if s.call.dropped(s.held, limit) {
		dropped, n = true, n-s.call.tail
		t.Reply.Repairs |= hub.CallInText
		calls.Broken = calls.Broken || !t.Request.NoCalls
	}
	text, logprobs = s.release(n), s.logprobs
	if dropped && len(logprobs) > 0 {
		if n == 0 {
			logprobs = nil
		} else {
			logprobs, _, _ = splitLogprobs(logprobs, n, s.ahead)
		}
	}
	s.held, s.logprobs, s.ahead, s.call = s.held[:0], nil, 0, callInText{}
	return text, logprobs, dropped
}

// AppendWord appends a stop string as a literal.
func AppendWord(dst, word []byte) []byte {
	return jsonedit.AppendQuoted(dst, string(bytes.ToValidUTF8(word, []byte("\uFFFD"))))
}

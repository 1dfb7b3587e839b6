package parts

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/repair"
)

// output is the part that is open, on its way to the Writer: it counts the parts, and
// keeps the border between two Deltas out of characters.
type output struct {
	w Writer

	part  Part
	open  bool
	count int // parts opened so far
	last  Kind

	arguments hub.Arguments
	fragments jsonedit.Fragments
	logprobs  []byte // of what fragments hold back
}

// openPart opens a part; the one before is closed. id and name are a call's.
func (o *output) openPart(dst []byte, kind Kind, id, name []byte) []byte {
	o.part = Part{Kind: kind, Index: o.count, ID: o.part.ID[:0], Name: o.part.Name[:0], Empty: true}
	o.count++
	o.last, o.open = kind, true
	if kind == Call {
		o.arguments.Reset()
		o.part.ID, o.part.Name = jsonedit.PutBytes(o.part.ID, id), jsonedit.PutBytes(o.part.Name, name)
	}
	return o.w.Open(dst, &o.part)
}

// delta takes more of the open part.
func (o *output) delta(dst, text, logprobs []byte) []byte {
	text = o.fragments.Next(text)
	if len(text) == 0 {
		o.logprobs = repair.JoinLogprobs(o.logprobs, logprobs)
		return dst
	}
	if len(o.logprobs) > 0 {
		logprobs = repair.JoinLogprobs(o.logprobs, logprobs)
		o.logprobs = nil
	}
	return o.write(dst, text, logprobs)
}

func (o *output) write(dst, text, logprobs []byte) []byte {
	if o.part.Kind == Call {
		o.arguments.Feed(text)
		o.part.Object = o.arguments.Object()
	}
	o.part.Empty = false
	return o.w.Delta(dst, &o.part, text, logprobs)
}

// flush writes what was held back of the open part.
func (o *output) flush(dst []byte) []byte {
	if rest := o.fragments.End(); len(rest) > 0 {
		dst = o.write(dst, rest, o.logprobs)
	}
	o.logprobs = nil
	return dst
}

// closePart closes the open part.
func (o *output) closePart(dst []byte, cut bool) []byte {
	dst = o.flush(dst)
	o.open = false
	o.part.Cut = cut
	return o.w.Close(dst, &o.part)
}

// failTurn ends the turn for a fault, inside the open part if there is one.
func (o *output) failTurn(dst []byte, p *hub.Problem) []byte {
	var open *Part
	if o.open {
		dst = o.flush(dst)
		open, o.open = &o.part, false
		open.Cut, open.Last = true, true
	}
	return o.w.Fail(dst, open, p)
}

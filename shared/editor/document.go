package editor

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A document is the text that is edited, the scanner that walks it once, and the edits
// found on the way. All that read a part of a request share it. Its larger methods are never
// inlined, since the code of an edit is long in WebAssembly (see jsonedit.Put).
type document struct {
	src     []byte
	turn    *hub.Turn
	scanner jsonedit.Scanner
	edits   jsonedit.Edits
	// inner reads once more a value that the scanner has passed, or a text inside it.
	inner jsonedit.Scanner
	// scratch holds one text at a time, until the next one needs it.
	scratch []byte
}

// begin starts on a text; trusted are values in it that need no check.
func (d *document) begin(src []byte, trusted []jsonedit.Span, t *hub.Turn) {
	d.src, d.turn = src, t
	d.edits.Reset()
	d.scanner.Reset(src)
	d.scanner.FromClient()
	d.scanner.Trust(trusted)
}

// release forgets the text.
func (d *document) release() { d.src, d.turn = nil, nil }

// replace puts text in the place of a value or a key.
//
//go:noinline
func (d *document) replace(at jsonedit.Span, text string) {
	d.edits.ReplaceString(at.Start, at.End, text)
}

// surround puts text, between two others, in the place of src[at.Start:at.End].
//
//go:noinline
func (d *document) surround(at jsonedit.Span, before string, text []byte, after string) {
	d.edits.ReplaceFunc(at.Start, at.End, func(dst []byte) []byte {
		return jsonedit.PutBetween(dst, before, text, after)
	})
}

// changed records for the turn what was changed.
func (d *document) changed(c hub.Change) { d.turn.Request.Changes |= c }

// set makes f the field that counts under its key. The upstream reads the last one of a
// key; so a first one must not stay to be read by anybody else. Edits made in it go with it.
func (d *document) set(old *field, f field, in *jsonedit.Members) {
	if !old.value.Absent() {
		in.Drop(old.member)
		d.changed(hub.DuplicatesDropped)
	}
	*old = f
}

// field is a key that was read: its member's number and its value; the zero field is absent.
type field struct {
	member int
	value  jsonedit.Span
}

// kind is the kind of the field's value, Null if it is absent.
func (f field) kind(src []byte) jsonedit.Kind {
	if f.value.Absent() {
		return jsonedit.Null
	}
	return jsonedit.KindOf(src[f.value.Start])
}

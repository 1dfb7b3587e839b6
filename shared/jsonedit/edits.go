package jsonedit

import (
	"cmp"
	"slices"
)

// Edits collects changes to one text and applies them with one copy. The zero value
// is ready; Reset keeps its buffers.
type Edits struct {
	list []edit
	text []byte // the replacements, one after another
}

type edit struct {
	start, end int // of what is replaced
	from, to   int // the replacement in text
}

// Reset forgets all edits.
func (e *Edits) Reset() { e.list, e.text = e.list[:0], e.text[:0] }

// Size is how many bytes the replacements have.
func (e *Edits) Size() int { return len(e.text) }

// Replace puts text in the place of src[start:end].
func (e *Edits) Replace(start, end int, text []byte) {
	from := len(e.text)
	e.text = append(e.text, text...)
	e.list = append(e.list, edit{start, end, from, len(e.text)})
}

// ReplaceString is Replace.
func (e *Edits) ReplaceString(start, end int, text string) {
	from := len(e.text)
	e.text = append(e.text, text...)
	e.list = append(e.list, edit{start, end, from, len(e.text)})
}

// ReplaceFunc is Replace with what build appends.
func (e *Edits) ReplaceFunc(start, end int, build func(dst []byte) []byte) {
	from := len(e.text)
	e.text = build(e.text)
	e.list = append(e.list, edit{start, end, from, len(e.text)})
}

// Delete takes src[start:end] out. Deletions may overlap each other.
func (e *Edits) Delete(start, end int) { e.list = append(e.list, edit{start: start, end: end}) }

// Apply appends src with all edits made to dst. At one place, insertions come
// before what replaces or deletes there, in the order in which they were added. An
// edit that begins inside a part already taken out is dropped with it.
func (e *Edits) Apply(dst, src []byte) []byte {
	if !slices.IsSortedFunc(e.list, compareEdits) {
		slices.SortStableFunc(e.list, compareEdits)
	}
	pos := 0
	for _, d := range e.list {
		if d.start >= pos {
			dst = append(dst, src[pos:d.start]...)
			dst = append(dst, e.text[d.from:d.to]...)
		}
		pos = max(pos, d.end)
	}
	return append(dst, src[pos:]...)
}

func compareEdits(a, b edit) int {
	if c := cmp.Compare(a.start, b.start); c != 0 {
		return c
	}
	// An insertion first, whatever is removed at the same place.
	return cmp.Compare(min(a.end-a.start, 1), min(b.end-b.start, 1))
}

package responses

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// seen finds the first item of a request that has an id or call_id, by a hash of it.
type seen map[uint64]int32

// What an item is found by: its own id, or the call_id of a call or of an output.
const (
	ofItem byte = iota
	ofCall
	ofOutput
)

// find is the first of the items whose member key says the same as item i's, nil where i is the
// first.
func (r *reader) find(what byte, key int, i int32) *item {
	it := &r.items[i]
	id := it.text(key)
	hash := uint64(14695981039346656037) ^ uint64(what) // FNV-1a
	for _, c := range id {
		hash = hash*1099511628211 ^ uint64(c)
	}
	if r.seen == nil {
		r.seen = seen{}
	}
	at, ok := r.seen[hash]
	if !ok {
		r.seen[hash] = i
		return nil
	}
	first := &r.items[at]
	if other := first.text(first.keyOf(what)); !bytes.Equal(other, id) {
		return nil // two ids of one hash: the second is not looked for
	}
	return first
}

// keyOf is the member that an item is found by.
func (it *item) keyOf(what byte) int {
	if what == ofItem {
		return itemID
	}
	return it.callKey()
}

// dropRepeated marks items that stand a second time: clients send again what the response or the
// conversation holds that they go on from, or refer to it. To the model one goes. Of one id
// with different contents nobody could say which is meant. What a summary stands for is gone.
func (r *reader) dropRepeated() *hub.Problem {
	earlier, input := r.covered()
	for n, l := range r.lists() {
		for i := l.Start; i < l.End; i++ {
			it := &r.items[i]
			if i < [...]int32{0, earlier, input}[n] && !it.instructs() {
				continue
			}
			if p := r.dropIfRepeated(it, i); p != nil {
				return p
			}
		}
	}
	return nil
}

func (r *reader) dropIfRepeated(it *item, i int32) *hub.Problem {
	name, p := it.kindName()
	if p != nil {
		return p
	}
	kind, _ := kindOfItem(name)
	stored := it.index == elsewhere
	// A local shell's output may name its call by its own id.
	named := len(it.text(itemID)) > 0 && (kind != localShellOutput || it.has(itemCallID))
	if named {
		if first := r.find(ofItem, itemID, i); first != nil {
			if it.repeated = stored || r.sameContent(first, it); it.repeated {
				if kind == reasoningItem && first.isBare() {
					*first, first.repeated = *it, false
				}
				return nil
			}
			return duplicate("id", it.text(itemID), "Two items of this id differ.")
		}
	}
	what := ofItem
	switch kind {
	case functionCall, customCall, toolSearchCall, localShellCall, shellCall, applyPatchCall:
		what = ofCall
	case output, applyPatchOutput, localShellOutput, shellOutput, toolSearchOutput:
		what = ofOutput
	}
	key := it.keyOf(what)
	if what == ofItem || len(it.text(key)) == 0 {
		return nil
	}
	first := r.find(what, key, i)
	switch {
	case first == nil || stored:
	case what == ofCall && named && len(first.text(itemID)) > 0:
		return duplicate(itemNames[key], it.text(key), "Two calls of different ids have it.")
	case first.index == elsewhere && !named:
		it.repeated = r.sameContent(first, it)
	}
	return nil
}

// duplicate refuses an item in OpenAI's words; why is a sentence.
func duplicate(key string, id []byte, why string) *hub.Problem {
	return hub.Refuse("", orphaned, "Duplicate item found with "+key+" "+hub.Excerpt(string(id))+
		". Remove duplicate items from your input and try again. "+why)
}

// sameContent tells whether two items say the same, whichever way it is written. What has come of
// an item (its status), and what clients may leave out of one that is stored, are no difference.
func (r *reader) sameContent(a, b *item) bool {
	one, p := a.kindName()
	other, q := b.kindName()
	if p != nil || q != nil || !bytes.Equal(one, other) {
		return false
	}
	for key := range itemKeys {
		x, y := a.raw(key), b.raw(key)
		switch {
		case key == itemType, key == itemID, key == itemStatus, key == itemEncrypted && (x == nil || y == nil):
		case key >= itemContent && key <= itemOutput:
			if !r.sameParts(a, b, key) && !(string(one) == "reasoning" && (isNothing(x) || isNothing(y))) {
				return false
			}
		case !sameJSON(x, y):
			return false
		}
	}
	return true
}

// isBare tells whether a reasoning item says nothing of what was thought.
func (it *item) isBare() bool {
	return isNothing(it.raw(itemContent)) && isNothing(it.raw(itemSummary)) && len(it.text(itemEncrypted)) == 0
}

// isNothing tells whether a list of parts is absent or empty.
func isNothing(raw []byte) bool { return raw == nil || jsonedit.IsEmpty(raw) }

// sameParts compares a member that holds a text or parts. A text is stored as one part.
func (r *reader) sameParts(a, b *item, key int) bool {
	x, y := a.raw(key), b.raw(key)
	xl, yl := a.lists[key-itemContent], b.lists[key-itemContent]
	switch xs, ys := jsonedit.IsString(x), jsonedit.IsString(y); {
	case xs && !ys && yl.Len() == 1:
		return sameJSON(x, r.parts[yl.Start].raw(partText, b.src))
	case ys && !xs && xl.Len() == 1:
		return sameJSON(y, r.parts[xl.Start].raw(partText, a.src))
	case !jsonedit.Is(x, jsonedit.Array) || !jsonedit.Is(y, jsonedit.Array):
		return sameJSON(x, y)
	}
	if xl.Len() != yl.Len() {
		return false
	}
	for i := range int32(xl.Len()) {
		p, q := &r.parts[xl.Start+i], &r.parts[yl.Start+i]
		for k := range partKeys {
			if !sameJSON(p.raw(k, a.src), q.raw(k, b.src)) {
				return false
			}
		}
	}
	return true
}

// sameJSON tells whether two values are the same but for white space, escapes, the order of
// members and members that are null; nil is null.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if len(a) == 0 || len(b) == 0 {
		return len(a) == 0 && jsonedit.Is(b, jsonedit.Null) || len(b) == 0 && jsonedit.Is(a, jsonedit.Null)
	}
	x, y := jsonedit.Known(a), jsonedit.Known(b)
	if x.Kind() != y.Kind() {
		return false
	}
	switch x.Kind() {
	case jsonedit.String:
		return bytes.Equal(jsonedit.AppendUnquoted(nil, a), jsonedit.AppendUnquoted(nil, b))
	case jsonedit.Array:
		var rest [][]byte
		y.Each(func(_ []byte, v jsonedit.Value) bool { rest = append(rest, v.Raw()); return true })
		same := true
		x.Each(func(_ []byte, v jsonedit.Value) bool {
			same = len(rest) > 0 && sameJSON(v.Raw(), rest[0])
			rest = rest[min(len(rest), 1):]
			return same
		})
		return same && len(rest) == 0
	case jsonedit.Object:
		return hasAll(x, y) && hasAll(y, x)
	}
	return false
}

// hasAll tells whether an object has all members of another, with the same values.
func hasAll(x, of jsonedit.Value) bool {
	same := true
	of.Each(func(key []byte, v jsonedit.Value) bool {
		same = sameJSON(v.Raw(), x.Get(string(key)).Raw())
		return same
	})
	return same
}

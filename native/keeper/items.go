package keeper

import (
	"math/rand/v2"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// drawing makes ids as the core does. math/rand/v2's source can't be guessed either.
var drawing = &hub.Turn{Edge: hub.EdgeFacts{Random: rand.Uint64}}

// appendID appends prefix and 24 letters and digits that nobody can guess.
func appendID(dst []byte, prefix string) []byte { return drawing.AppendID(dst, prefix) }

// NewID is prefix and 24 letters and digits that nobody can guess.
func NewID(prefix string) string { return string(appendID(nil, prefix)) }

// SplitItems are the elements of a list of items, which have ids or none. The items
// share memory with list.
func SplitItems(list []byte) (items []store.Item, err error) {
	var s jsonedit.Scanner
	s.Reset(list)
	for s.BeginArray(); s.NextElement(); {
		if v := s.Value(); !v.Absent() {
			items = append(items, store.Item{ID: idOf(v.Of(list)), JSON: v.Of(list)})
		}
	}
	return items, s.Finish()
}

// idOf is an item's id. It mostly stands in front.
func idOf(item []byte) string {
	work := scratches.Get().(*scratch)
	defer work.free()
	s := &work.scanner
	s.Reset(item)
	for s.BeginObject(); s.NextMember(); {
		found := string(s.Key()) == "id"
		if v := s.Value(); found && !v.Absent() {
			return Text(v.Of(item))
		}
	}
	return ""
}

// JoinItems appends items as the elements of a list.
func JoinItems(dst []byte, lists ...[]store.Item) []byte {
	empty := len(dst)
	for _, list := range lists {
		for i := range list {
			if len(dst) > empty {
				dst = append(dst, ',')
			}
			dst = append(dst, list[i].JSON...)
		}
	}
	return dst
}

// Size is the bytes of items.
func Size(items []store.Item) (n int) {
	for i := range items {
		n += len(items[i].JSON) + len(items[i].ID)
	}
	return n
}

// InputItems are the own items of a create request's body, each with an id, messages in
// their long form. A reference becomes what lookup returns for it, or stays. They are
// copies.
func InputItems(body []byte, lookup func(id string) []byte) (items []store.Item) {
	var places [][2]int
	list := responses.AppendInputItems(make([]byte, 0, len(body)+len(body)/8+256), body, appendID, lookup, func(from, to int) {
		places = append(places, [2]int{from, to})
	})
	items = make([]store.Item, len(places))
	for i, p := range places {
		item := list[p[0]:p[1]:p[1]]
		items[i] = store.Item{ID: idOf(item), JSON: item}
	}
	return items
}

// Quoted is a text as a JSON string.
func Quoted(text string) string {
	return string(jsonedit.AppendQuoted(nil, strings.ToValidUTF8(text, "\uFFFD")))
}

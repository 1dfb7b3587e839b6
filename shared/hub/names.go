package hub

import (
	"slices"
	"strconv"
	"strings"
)

// Bounds of Names: what a client sends decides neither how long a reply's head is nor what
// characters are in it. Proxies and clients cut heads off at 8 to 60 KiB.
const (
	listedNames = 20
	listedName  = 64 // bytes
)

// Names are words of a request that a field of the reply's header lists, and logs with it:
// the first 20 different ones, and how many came after them.
type Names struct {
	list []string
	more int
}

// Add adds a word: its first 64 bytes, with an underscore for each character that can't
// stand in such a list.
func (n *Names) Add(word []byte) {
	name := strings.Map(func(c rune) rune {
		if c > ' ' && c < 0x7f && c != ',' {
			return c
		}
		return '_'
	}, string(word[:min(len(word), listedName)]))
	switch {
	case slices.Contains(n.list, name):
	case len(n.list) == listedNames:
		n.more++
	default:
		n.list = append(n.list, name)
	}
}

// Join is the list as text: "a, b, 3 more" with a separator of ", ".
func (n *Names) Join(separator string) string {
	text := strings.Join(n.list, separator)
	if n.more > 0 {
		text += separator + strconv.Itoa(n.more) + " more"
	}
	return text
}

// Shown is the list as a log may show it, by a rule for each word.
func (n *Names) Shown(rule func(string) string) Names {
	shown := Names{more: n.more}
	for _, name := range n.list {
		shown.list = append(shown.list, rule(name))
	}
	return shown
}

// ListInReply puts a list into a field of the reply's header; an empty one is none.
func (r *RequestFacts) ListInReply(field string, n *Names) {
	if len(n.list) == 0 {
		return
	}
	value := n.Join(", ")
	for i := range r.ReplyHeader {
		if r.ReplyHeader[i][0] == field {
			r.ReplyHeader[i][1] = value
			return
		}
	}
	r.ReplyHeader = append(r.ReplyHeader, [2]string{field, value})
}

// DropItem notes the type of an item, or of a part of one, that the model does not get.
func (r *RequestFacts) DropItem(name []byte) {
	r.Changes |= ItemsDropped
	r.DroppedItems.Add(name)
}

// IgnoreField notes a member of the request that nobody here knows, or that only chat can answer.
func (r *RequestFacts) IgnoreField(name []byte) {
	r.Changes |= FieldsIgnored
	r.DroppedFields.Add(name)
}

package responses

import (
	"crypto/rand"
	"errors"

	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

const idLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newID is prefix and 24 letters and digits that nobody can guess.
func newID(prefix string) string {
	id := make([]byte, 0, len(prefix)+24)
	id = append(id, prefix...)
	var random [48]byte
	for len(id) < cap(id) {
		_, _ = rand.Read(random[:]) // never fails, crypto/rand
		for _, r := range random {
			if d := int(r & 63); d < len(idLetters) && len(id) < cap(id) {
				id = append(id, idLetters[d])
			}
		}
	}
	return string(id)
}

// idPrefixes are those of the API's item types, as far as they are known.
var idPrefixes = map[string]string{
	"message":                 "msg_",
	"reasoning":               "rs_",
	"function_call":           "fc_",
	"function_call_output":    "fco_",
	"custom_tool_call":        "ctc_",
	"custom_tool_call_output": "ctco_",
	"tool_search_call":        "tsc_",
	"tool_search_output":      "tso_",
	"local_shell_call":        "lsh_",
	"local_shell_call_output": "lsho_",
	"shell_call":              "sh_",
	"shell_call_output":       "sho_",
	"apply_patch_call":        "apc_",
	"apply_patch_call_output": "apco_",
	"compaction":              "cmp_",
}

// splitItems are the elements of a list of items, which have ids or none. The items
// share memory with list.
func splitItems(list []byte) (items []store.Item, err error) {
	var s jsonedit.Scanner
	s.Reset(list)
	for s.BeginArray(); s.NextElement(); {
		if v := s.Value(); !v.Absent() {
			item := v.Of(list)
			items = append(items, store.Item{ID: stringOf(member(item, "id")), JSON: item})
		}
	}
	return items, s.Finish()
}

// joinItems appends items as the elements of a list.
func joinItems(dst []byte, lists ...[]store.Item) []byte {
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

func size(items []store.Item) (n int) {
	for i := range items {
		n += len(items[i].JSON) + len(items[i].ID)
	}
	return n
}

var errNoItems = errors.New("neither a text nor a list of items")

// inputItems are a create request's own input as items: each with an id, messages in
// their long form. What a reference points to is what lookup returns; a reference
// without an answer stays. They are copies.
func inputItems(input []byte, lookup func(id string) []byte) ([]store.Item, error) {
	if len(input) == 0 || string(input) == "null" {
		return nil, nil
	}
	if input[0] == '"' {
		id := newID("msg_")
		b := append([]byte(`{"type":"message","id":"`+id+`","status":"completed","role":"user","content":[{"type":"input_text","text":`), input...)
		return []store.Item{{ID: id, JSON: append(b, `}]}`...)}}, nil
	}
	if input[0] != '[' {
		return nil, errNoItems
	}
	room := scanRooms.Get().(*scanRoom)
	defer room.free()
	var s jsonedit.Scanner
	s.Reset(input)
	var items []store.Item
	for s.BeginArray(); s.NextElement(); {
		v := s.Value()
		if v.Absent() {
			break
		}
		item, ok := inputItem(room, v.Of(input), lookup)
		if !ok {
			return nil, errNoItems
		}
		items = append(items, item)
	}
	return items, s.Finish()
}

func inputItem(room *scanRoom, item []byte, lookup func(id string) []byte) (store.Item, bool) {
	if item[0] != '{' {
		return store.Item{}, false
	}
	var id, kind, role string
	var content, idAt jsonedit.Span
	var status bool
	s := &room.scanner
	s.Reset(item)
	open := s.BeginObject()
	for s.NextMember() {
		var at *jsonedit.Span
		var text *string
		switch string(s.Key()) {
		case "id":
			at, text = &idAt, &id
		case "type":
			text = &kind
		case "role":
			text = &role
		case "content":
			at = &content
		case "status":
			status = true
		}
		v := s.Value()
		if v.Absent() {
			return store.Item{}, false
		}
		if at != nil {
			*at = v
		}
		if text != nil {
			*text = stringOf(v.Of(item))
		}
	}
	if kind == "" && role == "" && id != "" || kind == "item_reference" {
		if found := lookup(id); found != nil {
			return store.Item{ID: id, JSON: found}, true
		}
		return store.Item{ID: id, JSON: append([]byte(nil), item...)}, true
	}
	room.edits.Reset()
	var front []byte
	if kind == "" {
		kind = "message"
		front = append(front, `"type":"message",`...)
	}
	if id == "" {
		prefix, ok := idPrefixes[kind]
		if !ok {
			prefix = "item_"
		}
		id = newID(prefix)
		if idAt.Absent() {
			front = append(front, `"id":"`+id+`",`...)
		} else {
			room.edits.ReplaceString(idAt.Start, idAt.End, `"`+id+`"`)
		}
	}
	if kind == "message" {
		if !status {
			front = append(front, `"status":"completed",`...)
		}
		if text := content.Of(item); len(text) > 0 && text[0] == '"' {
			part, end := `[{"type":"input_text","text":`, `}]`
			if role == "assistant" {
				part, end = `[{"type":"output_text","text":`, `,"annotations":[],"logprobs":[]}]`
			}
			room.edits.ReplaceString(content.Start, content.Start, part)
			room.edits.ReplaceString(content.End, content.End, end)
		}
	}
	room.edits.Replace(open, open, front) // an item has a member at least: its type or role
	if kind == "message" && role == "" {
		// The core refuses such a message, so nothing of it is ever stored.
		return store.Item{}, false
	}
	return store.Item{ID: id, JSON: room.edits.Apply(nil, item)}, true
}

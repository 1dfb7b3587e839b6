package responses

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// AppendInputItems appends the items of a request's own input in the form in which they
// are stored and listed: each with a type and an id, the content of messages as parts;
// as elements of a JSON list with commas between, in one line. id appends an id with the
// given prefix (hub.Turn.AppendID). find returns the item that an item_reference names,
// nil for none; such a reference stays as it is. each, unless nil, is told where in the
// result an item stands, in order. body must have been accepted by Create.Request. What
// is no part of the conversation (compaction_trigger) is left out.
func AppendInputItems(dst, body []byte, id func(dst []byte, prefix string) []byte, find func(id string) []byte,
	each func(from, to int),
) []byte {
	if each == nil {
		each = func(int, int) {}
	}
	r := translations.Get().(*translation)
	defer r.release()
	if !r.readInput(body) {
		return dst
	}
	if v := r.raw(keyInput); jsonedit.IsString(v) {
		from := len(dst)
		dst = appendUserMessage(dst, v, id)
		each(from, len(dst))
		return dst
	}
	empty := len(dst)
	for i := r.input.Start; i < r.input.End; i++ {
		it := &r.items[i]
		kind, _ := it.kindName()
		if string(kind) == "compaction_trigger" {
			continue
		}
		if len(dst) > empty {
			dst = append(dst, ',')
		}
		from := len(dst)
		var stored []byte
		if string(kind) == "item_reference" && find != nil {
			stored = find(string(it.text(itemID)))
		}
		if stored != nil {
			dst = jsonedit.PutBytes(dst, stored)
		} else {
			dst = appendStoredItem(dst, it, id)
		}
		each(from, len(dst))
	}
	return dst
}

// CheckItems says what is wrong with a list of items that is to be gone on from later, as
// Create.Request says it of input; name is the list's in paths such as "items[0].type".
// An output whose call does not stand before it in the list is orphan, since the call may
// stand in what the list is added to. Whether references have an item is not looked at.
func CheckItems(list []byte, name string) (orphan, p *hub.Problem) {
	r := translations.Get().(*translation)
	defer r.release()
	r.conversation.begin(&r.reader, &hub.Turn{Settings: &hub.Settings{}})
	s := &r.scanner
	s.Reset(list)
	r.input, _ = r.scanItems(s, list, name)
	if err := s.Finish(); err != nil {
		return nil, hub.WrongValue(name, err.Error()+".")
	}
	if r.fault != nil {
		return nil, r.fault
	}
	if p := r.dropRepeated(); p != nil {
		p.Param = name
		return nil, p
	}
	for i := r.input.Start; i < r.input.End; i++ {
		it := &r.items[i]
		if p := it.checkID(); p != nil {
			return nil, p
		}
		if kind, _ := it.kindName(); string(kind) == "item_reference" {
			continue
		}
		if it.updates() {
			if p := r.update(it); p != nil {
				return nil, p
			}
		}
		if p := r.conversation.add(it); p != nil && p.Param != orphaned {
			return nil, p
		} else if p != nil && orphan == nil {
			orphan = p
			orphan.Param = name
		}
	}
	return orphan, nil
}

func appendUserMessage(dst, literal []byte, id func([]byte, string) []byte) []byte {
	dst = id(jsonedit.Put(dst, `{"type":"message","id":"`), "msg_")
	return jsonedit.PutBetween(dst, `","status":"completed","role":"user","content":[{"type":"input_text","text":`, literal, `}]}`)
}

// appendStoredItem appends one item with a type and an id, the content of a message as parts.
func appendStoredItem(dst []byte, it *item, id func([]byte, string) []byte) []byte {
	kind, _ := it.kindName()
	known, prefix := kindOfItem(kind)
	message := known == messageItem
	// A local shell's output has its call's id where it has no call_id. Stored items need
	// ids of their own.
	named := known == localShellOutput && !it.has(itemCallID) && len(it.text(itemID)) > 0
	dst = append(dst, '{')
	if !it.has(itemType) {
		dst = jsonedit.PutBetween(dst, `"type":"`, kind, `",`)
	}
	if named || len(it.text(itemID)) == 0 {
		dst = jsonedit.Put(id(jsonedit.Put(dst, `"id":"`), prefix), `",`)
	}
	if named {
		dst = jsonedit.PutBetween(dst, `"call_id":`, it.raw(itemID), ",")
	}
	if message && !it.has(itemStatus) {
		dst = jsonedit.Put(dst, `"status":"completed",`)
	}
	// What was just written must not stand twice, so members that are there and null
	// are left out.
	var s jsonedit.Scanner
	s.Reset(it.src[it.at.Start:it.at.End])
	base := int(it.at.Start)
	var values [itemKeys]jsonedit.Span
	s.Trust(it.values(values[:0]))
	for s.BeginObject(); s.NextMember(); {
		key, n := s.KeySpan(), itemKey(s.Key())
		v := s.Value()
		switch {
		case n == itemType && !it.has(n), n == itemID && (named || len(it.text(n)) == 0), named && n == itemCallID,
			message && n == itemStatus && !it.has(n):
			continue
		}
		dst = jsonedit.PutLine(dst, it.src[base+key.Start:base+key.End])
		dst = append(dst, ':')
		literal := it.src[base+v.Start : base+v.End]
		if !message || n != itemContent || literal[0] != '"' {
			dst = jsonedit.PutLine(dst, literal)
		} else if string(it.text(itemRole)) == "assistant" {
			dst = jsonedit.PutBetween(dst, `[{"type":"output_text","text":`, literal, `,"annotations":[],"logprobs":[]}]`)
		} else {
			dst = jsonedit.PutBetween(dst, `[{"type":"input_text","text":`, literal, `}]`)
		}
		dst = append(dst, ',')
	}
	if dst[len(dst)-1] == ',' {
		dst = dst[:len(dst)-1]
	}
	return append(dst, '}')
}

// values appends where the members that were read stand in the item, in order.
func (it *item) values(dst []jsonedit.Span) []jsonedit.Span {
	for _, f := range it.fields {
		if !f.Absent() {
			dst = append(dst, jsonedit.Span{Start: int(f.Start - it.at.Start), End: int(f.End - it.at.Start)})
		}
		for i := len(dst) - 1; i > 0 && dst[i].Start < dst[i-1].Start; i-- {
			dst[i], dst[i-1] = dst[i-1], dst[i]
		}
	}
	return dst
}

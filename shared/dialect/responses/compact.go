package responses

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// handOver asks the model for the summary that a compaction item carries, as a string literal.
var handOver = []byte(`"Stop here and write a hand-over: a summary of this conversation for another model, which goes on with the work ` +
	`and sees nothing of the conversation but your summary and some of the user's messages.\n\n` +
	`Say, as far as it applies:\n` +
	`- what the user wants, with every constraint and preference;\n` +
	`- what was done and decided, and why;\n` +
	`- the state of things, with the exact names, paths, commands, values and errors that are needed to go on;\n` +
	`- what is left to do, and the next step.\n\n` +
	`Be complete and brief. Call no tools. Answer with the summary alone."`)

// openSummary reads an item where that is a compaction. Unlike thinking, what it holds can't
// be done without.
func (c *conversation) openSummary(it *item) *hub.Problem {
	name, p := it.kindName()
	if kind, _ := kindOfItem(name); p != nil || kind != summaryItem {
		return nil
	}
	if !it.has(itemEncrypted) && string(name) == "context_compaction" {
		return nil // a mark that nothing stands for
	}
	blob, p := it.inside(itemEncrypted)
	if p != nil {
		return p
	}
	text, kind, ok := c.opener.open(it.text(itemEncrypted))
	if !ok || kind == reasoningBlob || len(blob) == 0 {
		p := hub.Refuse("invalid_encrypted_content", it.member(itemEncrypted), "The encrypted content of '"+it.path("")+
			"' could not be read: it was made elsewhere, sealed with another key, or damaged.")
		p.Reason = p.Code
		return p
	}
	it.summary, it.blob = jsonedit.AppendEscaped(nil, text), kind
	return nil
}

// covered tells up to which item, of the earlier ones and of input, a summary stands for what came
// before it. Where only users and developers spoke before it, the client has kept just
// these on purpose, and they stay.
func (r *reader) covered() (earlier, input int32) {
	earlier, input = r.earlier.Start, r.input.Start
	others := false
	for n, l := range [...]jsonedit.CompactSpan{r.earlier, r.input} {
		for i := l.Start; i < l.End; i++ {
			it := &r.items[i]
			if it.blob == coveringBlob && others {
				if n == 0 {
					earlier = i
				} else {
					earlier, input = r.earlier.End, i
				}
			}
			others = others || it.blob == 0 && !it.updates() && !it.asks() && !it.instructs()
		}
	}
	return earlier, input
}

// maxKeptMessages is how many bytes of user messages a compact reply repeats, some
// 16,000 tokens.
const maxKeptMessages = 64 << 10

// instructs tells whether an item is a message of the system's or the developer's.
func (it *item) instructs() bool {
	role := it.text(itemRole)
	return string(role) == "system" || string(role) == "developer"
}

// asks tells whether an item is a user's message, or another agent's.
func (it *item) asks() bool {
	return string(it.text(itemRole)) == "user" || string(it.text(itemType)) == "agent_message"
}

// appendKept appends the newest messages of users, and what changes the configuration, which the reply to compact repeats.
func (r *reader) appendKept(dst []byte, id func([]byte, string) []byte) []byte {
	var kept []item
	left := maxKeptMessages
	if v := r.raw(keyInput); jsonedit.IsString(v) && len(v) <= left {
		return appendUserMessage(dst, v, id)
	}
	for _, l := range [...]jsonedit.CompactSpan{r.input, r.earlier} {
		for i := l.End - 1; i >= l.Start; i-- {
			it := &r.items[i]
			size := it.fields[itemContent].Len()
			if it.repeated || !it.updates() && !it.asks() || size > left {
				continue
			}
			left -= size
			kept = append(kept, *it)
		}
	}
	for i := len(kept) - 1; i >= 0; i-- {
		if len(dst) > 0 {
			dst = append(dst, ',')
		}
		dst = appendStoredItem(dst, &kept[i], id)
	}
	return dst
}

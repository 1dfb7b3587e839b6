package keeper

import (
	"bytes"
	"context"
	"errors"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A final is a response's last state, or what is to be its last.
type final struct {
	id     string
	status store.Status
	object []byte // JSON
	output []store.Item
}

// finalOf is what the core says of a response. It shares memory with it.
func finalOf(n *hub.Need) final {
	f := final{id: n.Response.ID, status: store.Status(n.Response.Status), object: n.Object}
	f.output = make([]store.Item, len(n.Response.Output))
	for i, item := range n.Response.Output {
		f.output[i] = store.Item{ID: item.ID, JSON: item.JSON}
	}
	return f
}

// clone has f share no memory, and count against the share.
func (f *final) clone(share *memory.Share) {
	share.Add(len(f.object) + Size(f.output))
	f.object = bytes.Clone(f.object)
	f.output = cloneItems(f.output)
}

func cloneItems(items []store.Item) []store.Item {
	room := make([]byte, 0, Size(items))
	out := make([]store.Item, len(items))
	for i := range items {
		from := len(room)
		room = append(room, items[i].JSON...)
		out[i] = store.Item{ID: items[i].ID, JSON: room[from:len(room):len(room)]}
	}
	return out
}

// cancelled makes a failed response one that the client has cancelled.
func (f *final) cancelled() {
	f.status = store.Cancelled
	f.object = Changed(nil, f.object, Change{"status", `"cancelled"`}, Change{"error", "null"})
}

// failed makes of a response's object one of a response that can't go on.
func failed(id string, object []byte, code, message string) *final {
	return &final{id: id, status: store.Failed, object: Changed(nil, object, Change{"status", `"failed"`},
		Change{"error", `{"code":` + Quoted(code) + `,"message":` + Quoted(message) + `}`})}
}

// record is what is stored of the turn.
func (t *Keeper) record(f *final) *store.Response {
	own, o := t.ownInput(), &t.before
	if o.unstored {
		own = append(append([]store.Item(nil), o.items...), own...)
	}
	return &store.Response{
		Entry: store.Entry{
			Head: store.Head{
				ID: f.id, Previous: o.previous, Conversation: o.conversation, ConversationEnd: o.conversationEnd, Status: f.status,
			},
			Input:  own,
			Output: f.output,
		},
		Object: f.object,
	}
}

// keep stores the response's last state, and tells whether it is stored.
func (t *Keeper) keep(ctx context.Context, n *hub.Need) (stored bool) {
	f := finalOf(n)
	if t.job != nil {
		t.job.ends(f)
		return n.Response.Stored
	}
	if f.status == store.Failed && ctx.Err() != nil && t.archive.base.Err() == nil {
		f.cancelled() // the turn ended since the client did, and not the gateway
	}
	if n.Response.Stored {
		stored = t.save(ctx, &f)
	}
	if t.last != nil && (f.status == store.Completed || f.status == store.Incomplete) {
		t.continuation(&f, stored)
	}
	t.end() // the next turn may come before this one is tidied up
	return stored
}

// save stores a finished response. It has been made by then, so a failure is logged, and
// said in its last state.
func (t *Keeper) save(ctx context.Context, f *final) (stored bool) {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	a := t.archive
	if err := a.store.Put(memory.With(ctx, &t.memory), t.tenant, t.record(f)); err != nil {
		if errors.Is(err, store.ErrUnavailable) {
			a.health.lost()
		}
		a.log.Warn("a response could not be stored", "response", f.id, "error", err)
		return false
	}
	return true
}

// continuation notes what can be gone on from.
func (t *Keeper) continuation(f *final, stored bool) {
	before, own := t.before.items, t.ownInput()
	items := make([]store.Item, 0, len(before)+len(own)+len(f.output))
	items = append(append(append(items, before...), own...), cloneItems(f.output)...)
	if limit, _ := t.archive.Limits(); Size(items) > limit || !t.archive.memory.Spare() {
		t.next = &Continuation{} // to be had from the store, if at all
		return
	}
	t.next = &Continuation{ID: f.id, Stored: stored, Items: items}
}

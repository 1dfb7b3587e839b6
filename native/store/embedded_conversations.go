package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
)

// embeddedConversations are the Conversations of a store of one process.
type embeddedConversations struct {
	db    *database
	locks *leases // by name, of conversations
}

// conversation is a record of table conversations.
type conversation struct {
	tenant, id string
	changed    int64  // ms
	end        uint64 // position of the next item
	object     []byte
}

func (c *conversation) append() []byte {
	to := []byte{recordVersion}
	to = binary.AppendUvarint(to, uint64(c.changed))
	to = binary.AppendUvarint(to, c.end)
	to = appendText(to, c.tenant)
	to = appendText(to, c.id)
	return append(to, c.object...)
}

func readConversation(record []byte) (*conversation, error) {
	in := &reader{rest: record}
	in.bad = in.byte() != recordVersion
	c := &conversation{changed: int64(in.number()), end: in.number(), tenant: in.text(), id: in.text()}
	c.object = bytes.Clone(in.rest)
	return c, in.err()
}

func findConversation(t tx, tenant, id string) (seq []byte, c *conversation, err error) {
	if seq, err = lookup(t, conversationID, tenant, id); err == nil {
		c, err = readConversation(t.get(conversations, seq))
	}
	return seq, c, err
}

// save writes the record anew and notes when it was changed.
func (e *embeddedConversations) save(t tx, seq []byte, c *conversation) {
	t.remove(touched, append(number(uint64(c.changed)), seq...))
	c.changed = e.db.now().UnixMilli()
	t.put(touched, append(number(uint64(c.changed)), seq...), nil)
	t.put(conversations, seq, c.append())
}

// addItems leaves out those whose id is there already.
func addItems(t tx, seq []byte, c *conversation, lists ...[]Item) {
	for _, list := range lists {
		for _, i := range list {
			id := append(bytes.Clone(seq), i.ID...)
			if t.get(itemIDs, id) != nil {
				continue
			}
			at := number(c.end)
			t.put(items, append(bytes.Clone(seq), at...), appendItem(nil, i))
			t.put(itemIDs, id, at)
			c.end++
		}
	}
}

// adding prepares what a finished response adds to its conversation.
func (e *embeddedConversations) adding(t tx, r *response) (add func(), err error) {
	nothing := func() {}
	if r.Conversation == "" || !r.Status.continuable() {
		return nothing, nil
	}
	seq, c, err := findConversation(t, r.tenant, r.Conversation)
	if errors.Is(err, ErrNotFound) {
		return nothing, nil
	}
	if err != nil {
		return nil, err
	}
	return func() {
		addItems(t, seq, c, r.Input, r.Output)
		e.save(t, seq, c)
	}, nil
}

func (e *embeddedConversations) CreateConversation(ctx context.Context, tenant string, c *Conversation, list []Item) error {
	if err := checkIDs(tenant, c.ID, list); err != nil {
		return err
	}
	if repeatedID(list) {
		return ErrConflict
	}
	rec := conversation{tenant: tenant, id: c.ID, object: c.Object}
	return e.db.write(ctx, func(t tx) error {
		key := idKey(conversationID, tenant, c.ID)
		if t.get(ids, key) != nil {
			return ErrConflict
		}
		seq := e.db.next()
		t.put(ids, key, seq)
		addItems(t, seq, &rec, list)
		e.save(t, seq, &rec)
		return nil
	})
}

func (e *embeddedConversations) Conversation(ctx context.Context, tenant, id string) (*Conversation, error) {
	var out *Conversation
	err := e.db.view(ctx, func(t tx) error {
		_, c, err := findConversation(t, tenant, id)
		if err == nil {
			out = &Conversation{ID: c.id, Object: c.object}
		}
		return err
	})
	return out, err
}

// change runs on a conversation that is there.
func (e *embeddedConversations) change(ctx context.Context, tenant, id string, change func(t tx, seq []byte, c *conversation) error) error {
	return e.db.write(ctx, func(t tx) error {
		seq, c, err := findConversation(t, tenant, id)
		if err != nil {
			return err
		}
		return change(t, seq, c)
	})
}

func (e *embeddedConversations) UpdateConversation(ctx context.Context, tenant string, c *Conversation) error {
	return e.change(ctx, tenant, c.ID, func(t tx, seq []byte, rec *conversation) error {
		rec.object = c.Object
		e.save(t, seq, rec)
		return nil
	})
}

func (e *embeddedConversations) DeleteConversation(ctx context.Context, tenant, id string) error {
	return e.change(ctx, tenant, id, func(t tx, seq []byte, c *conversation) error {
		e.remove(t, seq, c)
		return nil
	})
}

// remove returns about how many bytes become free.
func (e *embeddedConversations) remove(t tx, seq []byte, c *conversation) int64 {
	size := len(c.object) + removeAll(t, items, seq) + removeAll(t, itemIDs, seq)
	t.remove(ids, idKey(conversationID, c.tenant, c.id))
	t.remove(touched, append(number(uint64(c.changed)), seq...))
	t.remove(conversations, seq)
	e.locks.end(name(c.tenant, c.id))
	return int64(size)
}

func (e *embeddedConversations) AppendItems(ctx context.Context, tenant, id string, list []Item) error {
	if err := checkIDs(tenant, id, list); err != nil {
		return err
	}
	if repeatedID(list) {
		return ErrConflict
	}
	return e.change(ctx, tenant, id, func(t tx, seq []byte, c *conversation) error {
		for _, i := range list {
			if t.get(itemIDs, append(bytes.Clone(seq), i.ID...)) != nil {
				return ErrConflict
			}
		}
		addItems(t, seq, c, list)
		e.save(t, seq, c)
		return nil
	})
}

func (e *embeddedConversations) ConversationItems(ctx context.Context, tenant, id string, p Page) (out Items, err error) {
	err = e.db.view(ctx, func(t tx) error {
		seq, err := lookup(t, conversationID, tenant, id)
		if err != nil {
			return err
		}
		var from []byte
		if p.After != "" {
			at := t.get(itemIDs, append(bytes.Clone(seq), p.After...))
			if at == nil {
				return ErrNoItem
			}
			from = append(bytes.Clone(seq), at...)
		}
		g := newPager(p)
		t.scan(items, seq, from, p.Descending, func(_, v []byte) bool {
			var i Item
			if i, err = cloneItem(ctx, v); err != nil {
				return false
			}
			return g.add(i)
		})
		if err == nil {
			out, err = g.result()
		}
		return err
	})
	return out, err
}

// findItem returns the item's two keys.
func findItem(t tx, seq []byte, item string) (byID, byPosition []byte, err error) {
	byID = append(bytes.Clone(seq), item...)
	at := t.get(itemIDs, byID)
	if at == nil {
		return nil, nil, ErrNoItem
	}
	return byID, append(bytes.Clone(seq), at...), nil
}

func (e *embeddedConversations) ConversationItem(ctx context.Context, tenant, id, item string) (out Item, err error) {
	err = e.db.view(ctx, func(t tx) error {
		seq, err := lookup(t, conversationID, tenant, id)
		if err != nil {
			return err
		}
		_, at, err := findItem(t, seq, item)
		if err != nil {
			return err
		}
		out, err = cloneItem(ctx, t.get(items, at))
		return err
	})
	return out, err
}

func (e *embeddedConversations) DeleteItem(ctx context.Context, tenant, id, item string) error {
	return e.change(ctx, tenant, id, func(t tx, seq []byte, c *conversation) error {
		byID, at, err := findItem(t, seq, item)
		if err != nil {
			return err
		}
		t.remove(itemIDs, byID)
		t.remove(items, at)
		e.save(t, seq, c)
		return nil
	})
}

func (e *embeddedConversations) ConversationContext(ctx context.Context, tenant, id string, maxBytes int) ([]Item, uint64, error) {
	var list []Item
	var end uint64
	err := e.db.view(ctx, func(t tx) error {
		seq, c, err := findConversation(t, tenant, id)
		if err != nil {
			return err
		}
		end = c.end
		t.scan(items, seq, nil, false, func(_, v []byte) bool {
			var i Item
			if i, err = cloneItem(ctx, v); err != nil {
				return false
			}
			if maxBytes -= len(i.JSON); maxBytes < 0 {
				err = ErrTooLarge
				return false
			}
			list = append(list, i)
			return true
		})
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return list, end, nil
}

func (e *embeddedConversations) LockConversation(ctx context.Context, tenant, id string, l Lease) error {
	return e.db.write(ctx, func(t tx) error { // writes nothing, but has its turn among changes
		if _, err := lookup(t, conversationID, tenant, id); err != nil {
			return err
		}
		if !e.locks.take(name(tenant, id), l) {
			return ErrBusy
		}
		return nil
	})
}

func (e *embeddedConversations) UnlockConversation(_ context.Context, tenant, id, owner string) error {
	e.locks.release(name(tenant, id), owner)
	return nil
}

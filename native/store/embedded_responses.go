package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/qwenvoy/qwenvoy/native/memory"
)

// embeddedResponses are the Responses of a store of one process.
type embeddedResponses struct {
	db            *database
	leases        *leases // by name, of unfinished responses
	conversations *embeddedConversations
}

// response is a record of table turns.
type response struct {
	Entry
	tenant  string
	created int64 // ms
}

func (r *response) append() ([]byte, error) {
	status, err := statusNumber(r.Status)
	to := make([]byte, 0, 64+len(r.tenant)+len(r.ID)+len(r.Previous)+len(r.Conversation)+itemsSize(r.Input)+itemsSize(r.Output))
	to = append(to, recordVersion, status, r.flags())
	to = binary.AppendUvarint(to, uint64(r.created))
	to = appendText(to, r.tenant)
	to = appendText(to, r.ID)
	to = appendText(to, r.Previous)
	to = appendText(to, r.Conversation)
	to = binary.AppendUvarint(to, r.ConversationEnd)
	return appendItems(appendItems(to, r.Input), r.Output), err
}

// readHead leaves the items out.
func readHead(record []byte) (*response, *reader, error) {
	in := &reader{rest: record}
	r := &response{}
	version, status := in.byte(), in.byte()
	in.bad = in.bad || version != recordVersion || int(status) >= len(statuses)
	if in.bad {
		return nil, nil, in.err()
	}
	r.Status = statuses[status]
	r.setFlags(in.byte())
	r.created = int64(in.number())
	r.tenant = in.text()
	r.ID = in.text()
	r.Previous = in.text()
	r.Conversation = in.text()
	r.ConversationEnd = in.number()
	return r, in, in.err()
}

// readResponse: the items are part of the record.
func readResponse(record []byte) (*response, error) {
	r, in, err := readHead(record)
	if err != nil {
		return nil, err
	}
	r.Input = in.items()
	r.Output = in.items()
	return r, in.err()
}

// headOf reads a response's record up to its items.
func headOf(t tx, tenant, id string) (seq []byte, r *response, err error) {
	if seq, err = lookup(t, responseID, tenant, id); err == nil {
		r, _, err = readHead(t.get(turns, seq))
	}
	return seq, r, err
}

func (e *embeddedResponses) Put(ctx context.Context, tenant string, r *Response) error {
	if err := errors.Join(checkIDs(tenant, r.ID, r.Input, r.Output), checkStatus(r.Status, true)); err != nil {
		return err
	}
	return e.insert(ctx, tenant, r, nil)
}

func (e *embeddedResponses) insert(ctx context.Context, tenant string, r *Response, l *Lease) error {
	rec := &response{Entry: r.Entry, tenant: tenant, created: e.db.now().UnixMilli()}
	rec.Cancelling = false
	value, err := rec.append()
	if err != nil {
		return err
	}
	if size := int64(len(value) + len(r.Object)); size > e.db.maxSize {
		return fmt.Errorf("a response of %d bytes in a store of %d: %w", size, e.db.maxSize, ErrTooLarge)
	}
	object := bytes.Clone(r.Object)
	share := memory.Of(ctx) // the tables' from then on
	share.Add(len(value) + len(object))
	defer share.Shrink(len(value) + len(object))
	key := idKey(responseID, tenant, r.ID)
	return e.db.write(ctx, func(t tx) error {
		if t.get(ids, key) != nil {
			return ErrConflict
		}
		add, err := e.conversations.adding(t, rec)
		if err != nil {
			return err
		}
		seq := e.db.next()
		t.put(ids, key, seq)
		t.put(turns, seq, value)
		t.put(objects, seq, object)
		if l != nil {
			t.put(jobs, seq, nil)
			e.leases.grant(name(tenant, r.ID), *l)
		}
		add()
		return nil
	})
}

func (e *embeddedResponses) Get(ctx context.Context, tenant, id string) (h Head, object []byte, err error) {
	err = e.db.view(ctx, func(t tx) error {
		seq, r, err := headOf(t, tenant, id)
		if err != nil {
			return err
		}
		h = r.Head
		object, err = clone(ctx, t.get(objects, seq))
		return err
	})
	return h, object, err
}

func (e *embeddedResponses) Delete(ctx context.Context, tenant, id string) error {
	err := e.db.write(ctx, func(t tx) error {
		seq, r, err := headOf(t, tenant, id)
		if err != nil {
			return err
		}
		e.remove(t, seq, r)
		return nil
	})
	return e.db.changed(tenant, id, err)
}

// remove returns about how many bytes become free.
func (e *embeddedResponses) remove(t tx, seq []byte, r *response) int64 {
	size := len(t.get(turns, seq)) + len(t.get(objects, seq)) + removeAll(t, events, seq)
	t.remove(ids, idKey(responseID, r.tenant, r.ID))
	t.remove(turns, seq)
	t.remove(objects, seq)
	if !r.Status.Finished() {
		t.remove(jobs, seq)
		e.leases.end(name(r.tenant, r.ID))
	}
	return int64(size)
}

// walk follows the chain.
func (e *embeddedResponses) walk(ctx context.Context, tenant, id string) walk {
	return func(visit func(Entry) bool) error {
		return e.db.view(ctx, func(t tx) error {
			missing, seen := ErrNotFound, map[string]bool{}
			for id := id; id != ""; {
				seq, err := lookup(t, responseID, tenant, id)
				if err != nil || seen[id] {
					return missing
				}
				missing, seen[id] = ErrChainBroken, true
				record, err := clone(ctx, t.get(turns, seq))
				if err != nil {
					return err
				}
				r, err := readResponse(record)
				if err != nil {
					return err
				}
				if !visit(r.Entry) {
					return nil
				}
				if r.Conversation != "" {
					return visitConversation(ctx, t, &r.Head, tenant, visit)
				}
				id = r.Previous
			}
			return nil
		})
	}
}

func visitConversation(ctx context.Context, t tx, h *Head, tenant string, visit func(Entry) bool) error {
	if h.ConversationEnd == 0 {
		return nil
	}
	seq, err := lookup(t, conversationID, tenant, h.Conversation)
	if err != nil {
		return ErrChainBroken
	}
	var held []Item
	t.scan(items, seq, nil, false, func(k, v []byte) bool {
		if binary.BigEndian.Uint64(k[8:]) >= h.ConversationEnd {
			return false
		}
		var i Item
		if i, err = cloneItem(ctx, v); err == nil {
			held = append(held, i)
		}
		return err == nil
	})
	if err == nil && len(held) > 0 {
		visit(Entry{Input: held})
	}
	return err
}

func (e *embeddedResponses) Chain(ctx context.Context, tenant, id string, maxBytes int) ([]Entry, error) {
	return e.walk(ctx, tenant, id).chain(maxBytes)
}

func (e *embeddedResponses) InputItems(ctx context.Context, tenant, id string, p Page) (Items, error) {
	return e.walk(ctx, tenant, id).inputItems(p)
}

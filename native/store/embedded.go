package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A table is a set of keys in order.
type table byte

const (
	ids           table = iota // kind, tenant, id → sequence number
	turns                      // sequence number → record of a response, but for its object
	objects                    // sequence number → object
	events                     // sequence number, number of the event → event
	jobs                       // sequence number of an unfinished response → nothing
	conversations              // sequence number → record of a conversation
	touched                    // last change in ms, sequence number of the conversation → nothing
	items                      // sequence number of the conversation, position → item
	itemIDs                    // sequence number of the conversation, item id → position
	tables
)

// Kinds of ids.
const (
	responseID     = 'r'
	conversationID = 'c'
)

// A tx reads and writes tables as of one moment. What it returns is valid until it ends.
type tx interface {
	get(t table, key []byte) []byte
	// put keeps the value.
	put(t table, key, value []byte)
	remove(t table, key []byte)
	// scan visits the keys that begin with prefix, from key from on (nil: from the first;
	// descending: from the last). visit must not write.
	scan(t table, prefix, from []byte, descending bool, visit func(key, value []byte) bool)
}

// A writing tx ends by commit or rollback.
type writing interface {
	tx
	// wrote counts puts and removes.
	wrote() int
	commit() error
	rollback()
}

// tabled holds the tables. There is one writer at a time; readers never wait for it.
type tabled interface {
	view(func(tx) error) error
	begin() (writing, error)
	// used is what is in use, in bytes.
	used() int64
	close() error
}

// embedded is the store of a process of its own. Responses and conversations are
// numbered in the order in which they come, so tables grow at their end and the oldest
// stands first. Leases and locks are kept in memory only: when the process is gone, so
// are they.
type embedded struct {
	tables  tabled
	now     func() time.Time
	maxAge  time.Duration // 0: none
	maxSize int64
	waiters *waiters

	ops    chan *op
	full   chan struct{}
	ended  sync.WaitGroup
	closed sync.Once

	last uint64 // sequence number; the committer's

	mu     sync.Mutex
	leases map[string]held // by name, of unfinished responses
	locks  map[string]held // by name, of conversations
}

type held struct {
	owner string
	until time.Time
}

// An op is a change that waits to be committed. If it fails it has written nothing.
type op struct {
	change func(tx) error
	err    error
	done   chan struct{}
}

var _ Store = (*embedded)(nil)

var errClosed = unavailable(errors.New("it is closed"))

const sweepEvery = time.Minute

func newEmbedded(t tabled, o Options) (*embedded, error) {
	e := &embedded{
		tables: t, now: o.now, maxAge: o.MaxAge, maxSize: o.MaxSize, waiters: newWaiters(),
		ops: make(chan *op), full: make(chan struct{}, 1),
		leases: map[string]held{}, locks: map[string]held{},
	}
	if e.now == nil {
		e.now = time.Now
	}
	err := t.view(func(t tx) error {
		for _, table := range [...]table{turns, conversations} {
			t.scan(table, nil, nil, true, func(k, _ []byte) bool {
				e.last = max(e.last, binary.BigEndian.Uint64(k))
				return false
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	e.ended.Go(e.commit)
	e.ended.Go(e.sweeper)
	return e, nil
}

func (e *embedded) Close() (err error) {
	e.closed.Do(func() {
		close(e.waiters.closed)
		e.ended.Wait()
		err = e.tables.close()
	})
	return err
}

// view reads. The database knows by itself when it is closed.
func (e *embedded) view(ctx context.Context, read func(tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-e.waiters.closed:
		return errClosed
	default:
		return e.tables.view(read)
	}
}

// write returns when the change is stored.
func (e *embedded) write(ctx context.Context, change func(tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o := &op{change: change, done: make(chan struct{})}
	select {
	case e.ops <- o:
		<-o.done
		return o.err
	case <-ctx.Done():
		return ctx.Err()
	case <-e.waiters.closed:
		return errClosed
	}
}

const maxBatch = 256

// commit stores changes. Those that come while it waits for the disk are stored
// together by the next commit.
func (e *embedded) commit() {
	for {
		var batch []*op
		select {
		case o := <-e.ops:
			batch = append(batch, o)
		case <-e.waiters.closed:
			return
		}
	gather:
		for len(batch) < maxBatch {
			select {
			case o := <-e.ops:
				batch = append(batch, o)
			default:
				break gather
			}
		}
		if err := e.store(batch); err != nil {
			err = unavailable(err)
			for _, o := range batch {
				o.err = err
			}
		}
		for _, o := range batch {
			close(o.done)
		}
		if e.over() > 0 {
			select {
			case e.full <- struct{}{}:
			default:
			}
		}
	}
}

func (e *embedded) store(batch []*op) error {
	w, err := e.tables.begin()
	if err != nil {
		return err
	}
	for _, o := range batch {
		before := w.wrote()
		if o.err = o.change(w); o.err != nil && w.wrote() != before {
			w.rollback()
			return o.err
		}
	}
	if w.wrote() == 0 {
		w.rollback()
		return nil
	}
	return w.commit()
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func idKey(kind byte, tenant, id string) []byte {
	return append(appendText([]byte{kind}, tenant), id...)
}

// lookup returns the sequence number's key.
func lookup(t tx, kind byte, tenant, id string) ([]byte, error) {
	if seq := t.get(ids, idKey(kind, tenant, id)); seq != nil {
		return bytes.Clone(seq), nil
	}
	return nil, ErrNotFound
}

// headOf reads a response's record up to its items.
func headOf(t tx, tenant, id string) (seq []byte, r *response, err error) {
	if seq, err = lookup(t, responseID, tenant, id); err == nil {
		r, _, err = readHead(t.get(turns, seq))
	}
	return seq, r, err
}

// next is called by changes only.
func (e *embedded) next() []byte {
	e.last++
	return number(e.last)
}

// response is a record of table turns.
type response struct {
	Turn
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

func (e *embedded) Put(ctx context.Context, tenant string, r *Response) error {
	if err := errors.Join(checkIDs(tenant, r.ID, r.Input, r.Output), checkStatus(r.Status, true)); err != nil {
		return err
	}
	return e.insert(ctx, tenant, r, nil)
}

func (e *embedded) Start(ctx context.Context, tenant string, r *Response, l Lease) error {
	if err := errors.Join(checkIDs(tenant, r.ID, r.Input), checkStatus(r.Status, false), checkLease(l)); err != nil {
		return err
	}
	return e.insert(ctx, tenant, r, &l)
}

func (e *embedded) insert(ctx context.Context, tenant string, r *Response, l *Lease) error {
	rec := &response{Turn: r.Turn, tenant: tenant, created: e.now().UnixMilli()}
	rec.Cancelling = false
	value, err := rec.append()
	if err != nil {
		return err
	}
	if size := int64(len(value) + len(r.Object)); size > e.maxSize {
		return fmt.Errorf("a response of %d bytes in a store of %d: %w", size, e.maxSize, ErrTooLarge)
	}
	object := bytes.Clone(r.Object)
	key := idKey(responseID, tenant, r.ID)
	return e.write(ctx, func(t tx) error {
		if t.get(ids, key) != nil {
			return ErrConflict
		}
		add, err := e.adding(t, rec)
		if err != nil {
			return err
		}
		seq := e.next()
		t.put(ids, key, seq)
		t.put(turns, seq, value)
		t.put(objects, seq, object)
		if l != nil {
			t.put(jobs, seq, nil)
			e.lease(name(tenant, r.ID), *l)
		}
		add()
		return nil
	})
}

func (e *embedded) lease(name string, l Lease) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leases[name] = held{l.Owner, e.now().Add(l.TTL)}
}

func (e *embedded) unlease(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.leases, name)
}

// owned finds an unfinished response that the owner holds the lease of.
func (e *embedded) owned(t tx, tenant, id, owner string) (seq []byte, r *response, err error) {
	if seq, err = lookup(t, responseID, tenant, id); err != nil {
		return nil, nil, err
	}
	if r, err = readResponse(t.get(turns, seq)); err != nil {
		return nil, nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if h, ok := e.leases[name(tenant, id)]; r.Status.Finished() || !ok || h.owner != owner {
		return nil, nil, ErrConflict
	}
	return seq, r, nil
}

func (e *embedded) Renew(ctx context.Context, tenant, id string, l Lease) error {
	return e.write(ctx, func(t tx) error { // writes nothing, but has its turn among changes
		_, _, err := e.owned(t, tenant, id, l.Owner)
		if err == nil {
			e.lease(name(tenant, id), l)
		}
		return err
	})
}

func (e *embedded) Update(ctx context.Context, tenant, id, owner string, s Status, object []byte) error {
	if err := checkStatus(s, false); err != nil {
		return err
	}
	object = bytes.Clone(object)
	err := e.write(ctx, func(t tx) error {
		seq, r, err := e.owned(t, tenant, id, owner)
		if err != nil {
			return err
		}
		r.Status = s
		value, err := r.append()
		if err != nil {
			return err
		}
		t.put(turns, seq, value)
		t.put(objects, seq, object)
		return nil
	})
	return e.changed(tenant, id, err)
}

// changed wakes those who wait, unless the change failed.
func (e *embedded) changed(tenant, id string, err error) error {
	if err == nil {
		e.waiters.wake(name(tenant, id))
	}
	return err
}

func (e *embedded) Append(ctx context.Context, tenant, id, owner string, first uint64, list [][]byte) error {
	list = cloneEvents(list)
	err := e.write(ctx, func(t tx) error {
		seq, r, err := e.owned(t, tenant, id, owner)
		if err != nil {
			return err
		}
		if !r.Logged || first != logLength(t, seq) {
			return ErrConflict
		}
		putEvents(t, seq, first, list)
		return nil
	})
	return e.changed(tenant, id, err)
}

func cloneEvents(list [][]byte) [][]byte {
	out := make([][]byte, len(list))
	for i, v := range list {
		out[i] = bytes.Clone(v)
	}
	return out
}

func putEvents(t tx, seq []byte, first uint64, list [][]byte) {
	for i, v := range list {
		t.put(events, binary.BigEndian.AppendUint64(bytes.Clone(seq), first+uint64(i)), v)
	}
}

func logLength(t tx, seq []byte) (n uint64) {
	t.scan(events, seq, nil, true, func(k, _ []byte) bool {
		n = binary.BigEndian.Uint64(k[8:]) + 1
		return false
	})
	return n
}

func (e *embedded) Finish(ctx context.Context, tenant, owner string, r *Response, first uint64, list [][]byte) error {
	if err := errors.Join(checkIDs(tenant, r.ID, r.Output), checkStatus(r.Status, true)); err != nil {
		return err
	}
	object, list := bytes.Clone(r.Object), cloneEvents(list)
	err := e.write(ctx, func(t tx) error {
		seq, rec, err := e.owned(t, tenant, r.ID, owner)
		if err != nil {
			return err
		}
		if len(list) > 0 && (!rec.Logged || first != logLength(t, seq)) {
			return ErrConflict
		}
		rec.Status, rec.Output = r.Status, r.Output
		value, err := rec.append()
		if err != nil {
			return err
		}
		add, err := e.adding(t, rec)
		if err != nil {
			return err
		}
		t.put(turns, seq, value)
		t.put(objects, seq, object)
		putEvents(t, seq, first, list)
		t.remove(jobs, seq)
		e.unlease(name(tenant, r.ID))
		add()
		return nil
	})
	return e.changed(tenant, r.ID, err)
}

func (e *embedded) Get(ctx context.Context, tenant, id string) (h Head, object []byte, err error) {
	err = e.view(ctx, func(t tx) error {
		seq, r, err := headOf(t, tenant, id)
		if err != nil {
			return err
		}
		h, object = r.Head, bytes.Clone(t.get(objects, seq))
		return nil
	})
	return h, object, err
}

func (e *embedded) Delete(ctx context.Context, tenant, id string) error {
	err := e.write(ctx, func(t tx) error {
		seq, r, err := headOf(t, tenant, id)
		if err != nil {
			return err
		}
		e.deleteResponse(t, seq, r)
		return nil
	})
	return e.changed(tenant, id, err)
}

// deleteResponse returns about how many bytes become free.
func (e *embedded) deleteResponse(t tx, seq []byte, r *response) int64 {
	size := len(t.get(turns, seq)) + len(t.get(objects, seq)) + removeAll(t, events, seq)
	t.remove(ids, idKey(responseID, r.tenant, r.ID))
	t.remove(turns, seq)
	t.remove(objects, seq)
	if !r.Status.Finished() {
		t.remove(jobs, seq)
		e.unlease(name(r.tenant, r.ID))
	}
	return int64(size)
}

func removeAll(t tx, in table, prefix []byte) (size int) {
	var keys [][]byte
	t.scan(in, prefix, nil, false, func(k, v []byte) bool {
		keys = append(keys, bytes.Clone(k))
		size += len(k) + len(v)
		return true
	})
	for _, k := range keys {
		t.remove(in, k)
	}
	return size
}

func (e *embedded) Cancel(ctx context.Context, tenant, id string) (h Head, err error) {
	err = e.write(ctx, func(t tx) error {
		seq, err := lookup(t, responseID, tenant, id)
		if err != nil {
			return err
		}
		r, err := readResponse(t.get(turns, seq))
		if err != nil {
			return err
		}
		if !r.Status.Finished() && !r.Cancelling {
			r.Cancelling = true
			value, err := r.append()
			if err != nil {
				return err
			}
			t.put(turns, seq, value)
		}
		h = r.Head
		return nil
	})
	return h, e.changed(tenant, id, err)
}

func (e *embedded) Await(ctx context.Context, tenant, id string, until func(Head) bool) (h Head, err error) {
	err = e.waiters.await(ctx, name(tenant, id), 0, func() (bool, error) {
		err := e.view(ctx, func(t tx) error {
			_, r, err := headOf(t, tenant, id)
			if err == nil {
				h = r.Head
			}
			return err
		})
		return err == nil && until(h), err
	})
	if err != nil {
		return Head{}, err
	}
	return h, nil
}

func (e *embedded) Events(ctx context.Context, tenant, id string, from uint64, limit int) (list [][]byte, end bool, err error) {
	err = e.waiters.await(ctx, name(tenant, id), 0, func() (bool, error) {
		list = nil
		err := e.view(ctx, func(t tx) error {
			seq, r, err := headOf(t, tenant, id)
			if err != nil {
				return err
			}
			if !r.Logged {
				return ErrNotFound
			}
			end = r.Status.Finished()
			t.scan(events, seq, binary.BigEndian.AppendUint64(bytes.Clone(seq), from), false, func(_, v []byte) bool {
				if len(list) == limit {
					end = false
					return false
				}
				list = append(list, bytes.Clone(v))
				return true
			})
			return nil
		})
		return len(list) > 0 || end, err
	})
	if err != nil {
		return nil, false, err
	}
	return list, end, nil
}

func (e *embedded) Lapsed(ctx context.Context, l Lease, limit int) (found []Job, err error) {
	err = e.write(ctx, func(t tx) (err error) {
		t.scan(jobs, nil, nil, false, func(seq, _ []byte) bool {
			var r *response
			if r, _, err = readHead(t.get(turns, seq)); err != nil {
				return false
			}
			n := name(r.tenant, r.ID)
			e.mu.Lock()
			h, ok := e.leases[n]
			e.mu.Unlock()
			if !ok || e.now().After(h.until) {
				e.lease(n, l)
				found = append(found, Job{Tenant: r.tenant, Head: r.Head, Events: logLength(t, seq)})
			}
			return len(found) < limit
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// walk follows the chain.
func (e *embedded) walk(ctx context.Context, tenant, id string) walk {
	return func(visit func(Turn) bool) error {
		return e.view(ctx, func(t tx) error {
			missing, seen := ErrNotFound, map[string]bool{}
			for id := id; id != ""; {
				seq, err := lookup(t, responseID, tenant, id)
				if err != nil || seen[id] {
					return missing
				}
				missing, seen[id] = ErrChainBroken, true
				r, err := readResponse(bytes.Clone(t.get(turns, seq)))
				if err != nil {
					return err
				}
				if !visit(r.Turn) {
					return nil
				}
				if r.Conversation != "" {
					return visitConversation(t, &r.Head, tenant, visit)
				}
				id = r.Previous
			}
			return nil
		})
	}
}

func visitConversation(t tx, h *Head, tenant string, visit func(Turn) bool) error {
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
		if i, err = readItem(bytes.Clone(v)); err == nil {
			held = append(held, i)
		}
		return err == nil
	})
	if err == nil && len(held) > 0 {
		visit(Turn{Input: held})
	}
	return err
}

func (e *embedded) Chain(ctx context.Context, tenant, id string, maxBytes int) ([]Turn, error) {
	return e.walk(ctx, tenant, id).chain(maxBytes)
}

func (e *embedded) InputItems(ctx context.Context, tenant, id string, p Page) (Items, error) {
	return e.walk(ctx, tenant, id).inputItems(p)
}

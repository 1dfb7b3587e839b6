package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
)

// embeddedJobs are the Jobs of a store of one process.
type embeddedJobs struct {
	db            *database
	leases        *leases // by name, of unfinished responses
	responses     *embeddedResponses
	conversations *embeddedConversations
}

func (e *embeddedJobs) Start(ctx context.Context, tenant string, r *Response, l Lease) error {
	if err := errors.Join(checkIDs(tenant, r.ID, r.Input), checkStatus(r.Status, false), checkLease(l)); err != nil {
		return err
	}
	return e.responses.insert(ctx, tenant, r, &l)
}

// owned finds an unfinished response that the owner holds the lease of.
func (e *embeddedJobs) owned(t tx, tenant, id, owner string) (seq []byte, r *response, err error) {
	if seq, err = lookup(t, responseID, tenant, id); err != nil {
		return nil, nil, err
	}
	if r, err = readResponse(t.get(turns, seq)); err != nil {
		return nil, nil, err
	}
	if r.Status.Finished() || !e.leases.owned(name(tenant, id), owner) {
		return nil, nil, ErrConflict
	}
	return seq, r, nil
}

func (e *embeddedJobs) Renew(ctx context.Context, tenant, id string, l Lease) error {
	return e.db.write(ctx, func(t tx) error { // writes nothing, but has its turn among changes
		_, _, err := e.owned(t, tenant, id, l.Owner)
		if err == nil {
			e.leases.grant(name(tenant, id), l)
		}
		return err
	})
}

func (e *embeddedJobs) Update(ctx context.Context, tenant, id, owner string, s Status, object []byte) error {
	if err := checkStatus(s, false); err != nil {
		return err
	}
	object = bytes.Clone(object)
	err := e.db.write(ctx, func(t tx) error {
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
	return e.db.changed(tenant, id, err)
}

func (e *embeddedJobs) Append(ctx context.Context, tenant, id, owner string, first uint64, list [][]byte) error {
	list = cloneEvents(list)
	err := e.db.write(ctx, func(t tx) error {
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
	return e.db.changed(tenant, id, err)
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

func (e *embeddedJobs) Finish(ctx context.Context, tenant, owner string, r *Response, first uint64, list [][]byte) error {
	if err := errors.Join(checkIDs(tenant, r.ID, r.Output), checkStatus(r.Status, true)); err != nil {
		return err
	}
	object, list := bytes.Clone(r.Object), cloneEvents(list)
	err := e.db.write(ctx, func(t tx) error {
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
		add, err := e.conversations.adding(t, rec)
		if err != nil {
			return err
		}
		t.put(turns, seq, value)
		t.put(objects, seq, object)
		putEvents(t, seq, first, list)
		t.remove(jobs, seq)
		e.leases.end(name(tenant, r.ID))
		add()
		return nil
	})
	return e.db.changed(tenant, r.ID, err)
}

func (e *embeddedJobs) Cancel(ctx context.Context, tenant, id string) (h Head, err error) {
	err = e.db.write(ctx, func(t tx) error {
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
	return h, e.db.changed(tenant, id, err)
}

func (e *embeddedJobs) Await(ctx context.Context, tenant, id string, until func(Head) bool) (h Head, err error) {
	err = e.db.waiters.await(ctx, name(tenant, id), 0, func() (bool, error) {
		err := e.db.view(ctx, func(t tx) error {
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

// eventsAtOnce is at how many bytes no more events are read at a time.
const eventsAtOnce = 1 << 20

func (e *embeddedJobs) Events(ctx context.Context, tenant, id string, from uint64, limit int) (list [][]byte, end bool, err error) {
	err = e.db.waiters.await(ctx, name(tenant, id), 0, func() (bool, error) {
		list = nil
		err := e.db.view(ctx, func(t tx) error {
			seq, r, err := headOf(t, tenant, id)
			if err != nil {
				return err
			}
			if !r.Logged {
				return ErrNotFound
			}
			end = r.Status.Finished()
			size := 0
			t.scan(events, seq, binary.BigEndian.AppendUint64(bytes.Clone(seq), from), false, func(_, v []byte) bool {
				if len(list) == limit || size >= eventsAtOnce {
					end = false
					return false
				}
				var event []byte
				if event, err = clone(ctx, v); err != nil {
					return false
				}
				list, size = append(list, event), size+len(event)
				return true
			})
			return err
		})
		return len(list) > 0 || end, err
	})
	if err != nil {
		return nil, false, err
	}
	return list, end, nil
}

func (e *embeddedJobs) Lapsed(ctx context.Context, l Lease, limit int) (found []Job, err error) {
	err = e.db.write(ctx, func(t tx) (err error) {
		t.scan(jobs, nil, nil, false, func(seq, _ []byte) bool {
			var r *response
			if r, _, err = readHead(t.get(turns, seq)); err != nil {
				return false
			}
			n := name(r.tenant, r.ID)
			if e.leases.lapsed(n) {
				e.leases.grant(n, l)
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

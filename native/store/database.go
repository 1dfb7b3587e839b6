package store

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"time"
)

// database is the tables of one process, with one writer that stores changes in groups.
// Responses and conversations are numbered in the order in which they come, so tables grow
// at their end and the oldest stands first.
type database struct {
	tables  tabled
	now     func() time.Time
	maxSize int64
	waiters *waiters

	ops   chan *op
	full  chan struct{} // told when there is more than maxSize
	ended sync.WaitGroup

	last uint64 // sequence number; the committer's
}

// An op is a change that waits to be committed. If it fails it has written nothing.
type op struct {
	change func(tx) error
	err    error
	done   chan struct{}
}

var errClosed = unavailable(errors.New("it is closed"))

func newDatabase(t tabled, o Options) (*database, error) {
	d := &database{
		tables: t, now: o.now, maxSize: o.MaxSize, waiters: newWaiters(),
		ops: make(chan *op), full: make(chan struct{}, 1),
	}
	if d.now == nil {
		d.now = time.Now
	}
	err := t.view(func(t tx) error {
		for _, table := range [...]table{turns, conversations} {
			t.scan(table, nil, nil, true, func(k, _ []byte) bool {
				d.last = max(d.last, binary.BigEndian.Uint64(k))
				return false
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.ended.Go(d.commit)
	return d, nil
}

func (d *database) close() error {
	close(d.waiters.closed)
	d.ended.Wait()
	return d.tables.close()
}

// view reads. The database knows by itself when it is closed.
func (d *database) view(ctx context.Context, read func(tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-d.waiters.closed:
		return errClosed
	default:
		return d.tables.view(read)
	}
}

// write returns when the change is stored.
func (d *database) write(ctx context.Context, change func(tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o := &op{change: change, done: make(chan struct{})}
	select {
	case d.ops <- o:
		<-o.done
		return o.err
	case <-ctx.Done():
		return ctx.Err()
	case <-d.waiters.closed:
		return errClosed
	}
}

const maxBatch = 256

// commit stores changes. Those that come while it waits for the disk are stored
// together by the next commit.
func (d *database) commit() {
	for {
		var batch []*op
		select {
		case o := <-d.ops:
			batch = append(batch, o)
		case <-d.waiters.closed:
			return
		}
	gather:
		for len(batch) < maxBatch {
			select {
			case o := <-d.ops:
				batch = append(batch, o)
			default:
				break gather
			}
		}
		if err := d.store(batch); err != nil {
			err = unavailable(err)
			for _, o := range batch {
				o.err = err
			}
		}
		for _, o := range batch {
			close(o.done)
		}
		if d.over() > 0 {
			select {
			case d.full <- struct{}{}:
			default:
			}
		}
	}
}

func (d *database) store(batch []*op) error {
	w, err := d.tables.begin()
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

// next is called by changes only.
func (d *database) next() []byte {
	d.last++
	return number(d.last)
}

// over is by how many bytes the store is too large.
func (d *database) over() int64 {
	return d.tables.used() - d.maxSize
}

// changed wakes those who wait, unless the change failed.
func (d *database) changed(tenant, id string, err error) error {
	if err == nil {
		d.waiters.wake(name(tenant, id))
	}
	return err
}

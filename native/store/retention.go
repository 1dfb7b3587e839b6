package store

import (
	"context"
	"encoding/binary"
	"math"
	"time"
)

// sweeper deletes what is too old, and the oldest of what is too much.
func (e *embedded) sweeper() {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-e.full:
		case <-t.C:
		case <-e.waiters.closed:
			return
		}
		// A failure has been told to those who write; the next tick tries again.
		_ = e.sweep()
	}
}

// over is by how many bytes the store is too large.
func (e *embedded) over() int64 {
	return e.tables.used() - e.maxSize
}

// sweepBatch is how many records are deleted while others wait to write.
const sweepBatch = 100

// sweep goes on until nothing is too old and a twentieth of the size is free, so that
// it isn't called for each Put.
func (e *embedded) sweep() error {
	for {
		var excess int64
		if over := e.over(); over > 0 {
			excess = over + e.maxSize/20
		}
		var oldest time.Time // 0: nothing is too old
		if e.maxAge > 0 {
			oldest = e.now().Add(-e.maxAge)
		}
		deleted := 0
		var names []string
		err := e.write(context.Background(), func(t tx) error {
			for ; deleted < sweepBatch; deleted++ {
				size, name, err := e.deleteOldest(t, func(changed int64) bool {
					return excess > 0 || changed < oldest.UnixMilli()
				})
				if err != nil {
					return err
				}
				if size == 0 {
					break
				}
				excess -= size
				names = append(names, name)
			}
			return nil
		})
		for _, n := range names {
			e.waiters.wake(n)
		}
		if err != nil || deleted < sweepBatch && e.over() <= 0 || deleted == 0 {
			return err
		}
	}
}

// deleteOldest deletes the response that began first, or the conversation that was left
// alone for longest, if tooOld says so of its time in ms; size is 0 if not.
func (e *embedded) deleteOldest(t tx, tooOld func(changed int64) bool) (size int64, called string, err error) {
	var r *response
	var seq, conversationSeq []byte
	changed, touch := int64(math.MaxInt64), int64(math.MaxInt64)
	t.scan(turns, nil, nil, false, func(k, v []byte) bool {
		if r, _, err = readHead(v); err == nil {
			seq, changed = append(seq, k...), r.created
		}
		return false
	})
	t.scan(touched, nil, nil, false, func(k, _ []byte) bool {
		touch = int64(binary.BigEndian.Uint64(k))
		conversationSeq = append(conversationSeq, k[8:]...)
		return false
	})
	switch {
	case err != nil || seq == nil && conversationSeq == nil || !tooOld(min(changed, touch)):
		return 0, "", err
	case changed <= touch:
		return e.deleteResponse(t, seq, r), name(r.tenant, r.ID), nil
	}
	c, err := readConversation(t.get(conversations, conversationSeq))
	if err != nil {
		return 0, "", err
	}
	return e.deleteConversation(t, conversationSeq, c), name(c.tenant, c.id), nil
}

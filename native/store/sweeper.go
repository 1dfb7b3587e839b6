package store

import (
	"context"
	"encoding/binary"
	"math"
	"time"
)

// sweeper makes room: what is too old goes, and the oldest of what is too much.
type sweeper struct {
	db            *database
	maxAge        time.Duration // 0: none
	responses     *embeddedResponses
	conversations *embeddedConversations
}

const sweepEvery = time.Minute

// run deletes what is too old, and the oldest of what is too much.
func (s *sweeper) run() {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-s.db.full:
		case <-t.C:
		case <-s.db.waiters.closed:
			return
		}
		// A failure has been told to those who write; the next tick tries again.
		_ = s.sweep()
	}
}

// sweepBatch is how many records are deleted while others wait to write.
const sweepBatch = 100

// sweep goes on until nothing is too old and a twentieth of the size is free, so that
// it isn't called for each Put.
func (s *sweeper) sweep() error {
	for {
		var excess int64
		if over := s.db.over(); over > 0 {
			excess = over + s.db.maxSize/20
		}
		var oldest time.Time // 0: nothing is too old
		if s.maxAge > 0 {
			oldest = s.db.now().Add(-s.maxAge)
		}
		deleted := 0
		var names []string
		err := s.db.write(context.Background(), func(t tx) error {
			for ; deleted < sweepBatch; deleted++ {
				size, name, err := s.deleteOldest(t, func(changed int64) bool {
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
			s.db.waiters.wake(n)
		}
		if err != nil || deleted < sweepBatch && s.db.over() <= 0 || deleted == 0 {
			return err
		}
	}
}

// deleteOldest deletes the response that began first, or the conversation that was left
// alone for longest, if tooOld says so of its time in ms; size is 0 if not.
func (s *sweeper) deleteOldest(t tx, tooOld func(changed int64) bool) (size int64, called string, err error) {
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
		return s.responses.remove(t, seq, r), name(r.tenant, r.ID), nil
	}
	c, err := readConversation(t.get(conversations, conversationSeq))
	if err != nil {
		return 0, "", err
	}
	return s.conversations.remove(t, conversationSeq, c), name(c.tenant, c.id), nil
}

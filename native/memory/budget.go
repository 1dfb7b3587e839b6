package memory

import (
	"context"
	"errors"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// ErrFull says that a Budget has no room.
var ErrFull = errors.New("the requests under way hold as much memory as they may")

// A Budget bounds the bytes that all exchanges hold at once. It has no lock: a request adds
// to a counter and looks whether that is too much. Memory that is given back is still the
// process's until the collector has come by, so it counts until then, and the collector is sent
// for when it is in the way. A nil Budget has no limit and counts nothing.
type Budget struct {
	limit atomic.Int64
	held  atomic.Int64 // by exchanges
	kept  atomic.Int64 // by the store in memory, which takes of the same memory
	loose atomic.Int64 // given back in large pieces since the collector was sent for

	collecting sync.Mutex
	// collector collects and gives back to the system what is free then: on a busy machine the
	// runtime does not by itself, over its limit either, when collecting takes it half its time.
	collector func()

	line line
}

// large is how many bytes at once are worth sending for the collector. What is smaller comes and
// goes within what the process has beside its Budget.
const large = 256 << 10

// NewBudget makes a Budget of limit bytes.
func NewBudget(limit int64) *Budget {
	b := &Budget{collector: debug.FreeOSMemory, line: newLine()}
	b.SetLimit(limit)
	return b
}

// SetLimit replaces the limit. What is held above it stays until it is released.
func (b *Budget) SetLimit(bytes int64) { b.limit.Store(bytes) }

// Limit is the limit in bytes.
func (b *Budget) Limit() int64 { return b.limit.Load() }

// Held is how many bytes exchanges hold.
func (b *Budget) Held() int64 { return b.held.Load() }

// Spare tells whether exchanges hold less than a quarter, so that what is only of use may be held
// for long: what is worked on needs most of the rest.
func (b *Budget) Spare() bool { return b == nil || b.held.Load() < b.limit.Load()/4 }

// Kept is how many bytes the store in memory holds.
func (b *Budget) Kept() int64 { return b.kept.Load() }

// Keep notes that the store in memory holds that much more, or less.
func (b *Budget) Keep(bytes int64) {
	if b == nil {
		return
	}
	b.kept.Add(bytes)
	if bytes < 0 {
		b.freed(-bytes)
	}
}

// take adds to what exchanges hold, false where that would be too much.
func (b *Budget) take(n int64) bool {
	all, limit := b.held.Add(n)+b.kept.Load(), b.limit.Load()
	if all > limit {
		b.held.Add(-n)
		return false
	}
	if n >= large && all+b.loose.Load() > limit {
		b.collect(limit - all)
	}
	return true
}

// give is told that exchanges hold less.
func (b *Budget) give(n int64) {
	b.held.Add(-n)
	b.freed(n)
}

// freed is told that there is more room, once there is.
func (b *Budget) freed(n int64) {
	if n >= large {
		b.loose.Add(n)
	}
	b.line.wake()
}

// collect has the collector come by unless no more than room bytes wait for it. It comes twice:
// what lies in a pool outlives the first time.
func (b *Budget) collect(room int64) {
	b.collecting.Lock()
	defer b.collecting.Unlock()
	loose := b.loose.Load()
	if loose <= room { // somebody else has sent for it
		return
	}
	b.collector()
	b.collector()
	b.loose.Add(-loose)
}

// A Share is what one exchange holds of a Budget. Its zero value has no limit. It may be
// used by several goroutines; Release comes last.
type Share struct {
	budget   *Budget
	held     atomic.Int64
	reserved atomic.Int64 // of held: for what grows
}

// Begin gives an empty Share a Budget.
func (s *Share) Begin(of *Budget) { s.budget = of }

// Grow takes n bytes more, before they are allocated; false, and nothing is taken, where
// they are not to be had. A nil Share takes what it likes.
func (s *Share) Grow(n int) bool {
	if s == nil || s.budget == nil {
		return true
	}
	reserved := s.reserved.Load()
	if reserved = min(reserved, int64(n)); reserved > 0 {
		s.reserved.Add(-reserved)
	}
	more := int64(n) - reserved
	if more > 0 && !s.budget.take(more) {
		s.reserved.Add(reserved)
		return false
	}
	s.held.Add(more)
	return true
}

// has tells whether n bytes are to be had.
func (s *Share) has(n int) bool {
	b := s.budget
	return b.held.Load()+b.kept.Load()+int64(n) <= b.limit.Load()
}

// Reserve takes over n bytes that another Share holds, for what s will grow by. Until they are
// settled s is its goroutine's own.
func (s *Share) Reserve(from *Share, n int) {
	if s.budget != nil && s.budget == from.budget {
		from.held.Add(-int64(n))
		s.held.Add(int64(n))
		s.reserved.Add(int64(n))
	}
}

// Settle gives back what is left of what was reserved.
func (s *Share) Settle() { s.Shrink(int(s.reserved.Swap(0))) }

// Room is how many bytes all exchanges together may have, beside what the store in memory keeps.
func (s *Share) Room() int {
	if s == nil || s.budget == nil {
		return math.MaxInt
	}
	return int(max(s.budget.limit.Load()-s.budget.kept.Load(), 0))
}

// Add takes n bytes that are allocated already, whether they are to be had or not: it is
// who comes next that is refused.
func (s *Share) Add(n int) {
	if s == nil || s.budget == nil || n == 0 {
		return
	}
	s.budget.held.Add(int64(n))
	s.held.Add(int64(n))
}

// Shrink gives n bytes back.
func (s *Share) Shrink(n int) {
	if s == nil || s.budget == nil || n == 0 {
		return
	}
	s.held.Add(-int64(n))
	s.budget.give(int64(n))
}

// Release gives all back. It may be called twice.
func (s *Share) Release() {
	if s == nil || s.budget == nil {
		return
	}
	s.reserved.Store(0)
	if n := s.held.Swap(0); n != 0 {
		s.budget.give(n)
	}
}

type shareKey struct{}

// With has what is read under a context count against s.
func With(ctx context.Context, s *Share) context.Context {
	return context.WithValue(ctx, shareKey{}, s)
}

// Of is the Share of a context, nil for none.
func Of(ctx context.Context) *Share {
	s, _ := ctx.Value(shareKey{}).(*Share)
	return s
}

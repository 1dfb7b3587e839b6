package memory

import (
	"context"
	"sync/atomic"
	"time"
)

// A line is who waits for memory, first come first served.
type line struct {
	// first holds a token while somebody is the first, and more one when there is more room.
	first, more chan struct{}
	waits       atomic.Bool // the first does
}

func newLine() line { return line{first: make(chan struct{}, 1), more: make(chan struct{}, 1)} }

// wake has the first look again.
func (l *line) wake() {
	if l.waits.Load() {
		select {
		case l.more <- struct{}{}:
		default:
		}
	}
}

// A Place is a Share's place in the line of its Budget, for who can wait. It is in none before it
// has to, and stays the first until it leaves.
type Place struct {
	share *Share
	wait  time.Duration // for room, at most
	first bool
}

// NewPlace makes one.
func (s *Share) NewPlace(wait time.Duration) Place { return Place{share: s, wait: wait} }

// First tells whether it is the first.
func (p *Place) First() bool { return p.first }

// Grow is Share.Grow for who waits. False: there was no room for too long, or ctx has ended.
func (p *Place) Grow(ctx context.Context, n int) bool {
	return p.share.Grow(n) || p.await(ctx, n, 0)
}

// GrowOn is Grow for what comes by pieces, and has n bytes with the one that is to come; to work on
// it will take others more. While an eighth of the memory is held only the first goes on to large
// pieces, and leaves room for the work: were all to take a little more at a time, none would come to
// an end.
func (p *Place) GrowOn(ctx context.Context, n, others int) bool {
	b := p.share.budget
	switch {
	case b == nil, n < large:
		return p.Grow(ctx, n)
	case !p.first && b.held.Load()+int64(n) <= b.limit.Load()/8 && p.share.Grow(n):
		return true
	}
	return p.await(ctx, n, others)
}

// await takes n bytes as the first in the line, when there is room for them and others.
func (p *Place) await(ctx context.Context, n, others int) bool {
	l := &p.share.budget.line
	ctx, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	if !p.first {
		select {
		case l.first <- struct{}{}:
			p.first = true
		case <-ctx.Done():
			return false
		}
	}
	l.waits.Store(true)
	defer l.waits.Store(false)
	for !p.share.has(n+others) || !p.share.Grow(n) {
		select {
		case <-l.more:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Leave lets the next one be the first. It may be called twice.
func (p *Place) Leave() {
	if p.first {
		p.first = false
		<-p.share.budget.line.first
	}
}

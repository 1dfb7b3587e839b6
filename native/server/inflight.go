package server

import (
	"sync"
	"sync/atomic"
	"time"
)

// inFlight are the calls under way, in the order in which they began.
type inFlight struct {
	n           atomic.Int64
	mu          sync.Mutex
	first, last *call
}

func (f *inFlight) begin(c *call) {
	f.n.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.before = f.last; c.before != nil {
		c.before.after = c
	} else {
		f.first = c
	}
	f.last = c
}

func (f *inFlight) end(c *call) {
	f.mu.Lock()
	if c.before != nil {
		c.before.after = c.after
	} else {
		f.first = c.after
	}
	if c.after != nil {
		c.after.before = c.before
	} else {
		f.last = c.before
	}
	c.before, c.after = nil, nil
	f.mu.Unlock()
	f.n.Add(-1)
}

// oldest is how long the one that began first is under way, 0 where there is none.
func (f *inFlight) oldest() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.first == nil {
		return 0
	}
	return time.Since(f.first.began)
}

package server

import (
	"context"
	"sync"
	"time"
)

// A deadliner bounds the wait of a write.
type deadliner interface {
	SetWriteDeadline(t time.Time) error
}

// stall ends an exchange in which nothing moves any more: the upstream's request is
// cancelled, and a write that waits for a client which doesn't read gets a deadline.
type stall struct {
	timer  *time.Timer
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	w     deadliner // nil once the exchange is over
	fired bool
}

func newStall(d time.Duration, cancel context.CancelCauseFunc, w deadliner) *stall {
	s := &stall{cancel: cancel, w: w}
	s.timer = time.AfterFunc(d, s.fire)
	return s
}

func (s *stall) fire() {
	s.cancel(errIdle)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w != nil {
		s.fired = true
		_ = s.w.SetWriteDeadline(time.Now().Add(lastWords))
	}
}

// stop must be called before the exchange is over, since its connection may serve another.
func (s *stall) stop() {
	s.timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fired {
		_ = s.w.SetWriteDeadline(time.Time{})
	}
	s.w = nil
}

package store

import (
	"context"
	"sync"
	"time"
)

// waiters wakes those who wait for a change of something, by its name.
type waiters struct {
	mu      sync.Mutex
	waiting map[string]*waiting
	closed  chan struct{}
}

type waiting struct {
	changed chan struct{}
	n       int
}

func newWaiters() *waiters {
	return &waiters{waiting: map[string]*waiting{}, closed: make(chan struct{})}
}

func (w *waiters) join(name string) *waiting {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.waiting[name]
	if g == nil {
		g = &waiting{changed: make(chan struct{})}
		w.waiting[name] = g
	}
	g.n++
	return g
}

func (w *waiters) leave(name string, g *waiting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g.n--; g.n == 0 && w.waiting[name] == g {
		delete(w.waiting, name)
	}
}

func (w *waiters) wake(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g := w.waiting[name]; g != nil {
		delete(w.waiting, name)
		close(g.changed)
	}
}

// await calls look now, after each change of name, and each time that poll has passed
// (0: never), until look says that it is done.
func (w *waiters) await(ctx context.Context, name string, poll time.Duration, look func() (done bool, err error)) error {
	var tick <-chan time.Time
	if poll > 0 {
		t := time.NewTicker(poll)
		defer t.Stop()
		tick = t.C
	}
	for {
		g := w.join(name) // before the look, so that no change falls between
		done, err := look()
		if !done && err == nil {
			select {
			case <-g.changed:
			case <-tick:
			case <-ctx.Done():
				err = ctx.Err()
			case <-w.closed:
				err = errClosed
			}
		}
		w.leave(name, g)
		if done || err != nil {
			return err
		}
	}
}

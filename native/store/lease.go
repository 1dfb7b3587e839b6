package store

import (
	"sync"
	"time"
)

// leases say who works on what, by name. They are kept in memory only: when the process is
// gone, so are they.
type leases struct {
	now  func() time.Time
	mu   sync.Mutex
	held map[string]held
}

type held struct {
	owner string
	until time.Time
}

func newLeases(now func() time.Time) *leases {
	return &leases{now: now, held: map[string]held{}}
}

// grant gives the lease to its owner, or prolongs it, whoever has it.
func (l *leases) grant(name string, to Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[name] = held{to.Owner, l.now().Add(to.TTL)}
}

// take grants the lease unless another one holds it.
func (l *leases) take(name string, to Lease) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if h, ok := l.held[name]; ok && h.owner != to.Owner && !now.After(h.until) {
		return false
	}
	l.held[name] = held{to.Owner, now.Add(to.TTL)}
	return true
}

// owned reports whether the owner was the last to get the lease, and nobody gave it back.
func (l *leases) owned(name, owner string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.held[name]
	return ok && h.owner == owner
}

// lapsed reports whether nobody holds the lease.
func (l *leases) lapsed(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.held[name]
	return !ok || l.now().After(h.until)
}

// release ends the lease if it is the owner's.
func (l *leases) release(name, owner string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[name].owner == owner {
		delete(l.held, name)
	}
}

// end ends the lease.
func (l *leases) end(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, name)
}

package server

import (
	"sync"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/gateway"
)

// heartbeat keeps a silent stream alive while its call waits for the upstream. It
// shares the exchange and the client with the call: each holds the lock while it uses
// them. A nil heartbeat does nothing.
type heartbeat struct {
	x        *gateway.Exchange
	client   client
	interval time.Duration // of silence before a beat
	log      *bodyLog
	timer    *time.Timer

	mu      sync.Mutex
	held    bool // by the call, which may be stopped by a panic while it holds
	last    time.Time
	n       int // beats since the last event
	stopped bool
}

func newHeartbeat(x *gateway.Exchange, cl client, interval time.Duration, log *bodyLog) *heartbeat {
	b := &heartbeat{x: x, client: cl, interval: interval, log: log, last: time.Now()}
	b.mu.Lock() // against a first beat that comes at once
	b.timer = time.AfterFunc(interval, b.fire)
	b.mu.Unlock()
	return b
}

func (b *heartbeat) hold() {
	if b != nil {
		b.mu.Lock()
		b.held = true
	}
}

// release lets beats through again; sent says that something went to the client.
func (b *heartbeat) release(sent bool) {
	if b == nil {
		return
	}
	if sent {
		b.last, b.n = time.Now(), 0
	}
	b.held = false
	b.mu.Unlock()
}

// stop is for the call's goroutine, whether it holds or not. No beat comes after it.
func (b *heartbeat) stop() {
	if b == nil {
		return
	}
	if !b.held {
		b.mu.Lock()
	}
	b.stopped, b.held = true, false
	b.timer.Stop()
	b.mu.Unlock()
}

func (b *heartbeat) fire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return
	}
	if quiet := time.Since(b.last); quiet < b.interval {
		b.timer.Reset(b.interval - quiet)
		return
	}
	b.n++
	b.last = time.Now()
	b.timer.Reset(b.interval)
	if out := b.x.Beat(nil, b.n); len(out) > 0 {
		b.log.piece("heartbeat to the client", out, 0)
		b.client.send(out)
	}
}

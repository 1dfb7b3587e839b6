package logging

import (
	"sync"
	"time"
)

// Repeats says which of many equal lines are to be written, so that what fails for all
// requests does not fill the log. It is safe for concurrent use.
type Repeats struct {
	now func() time.Time

	mu    sync.Mutex
	lines map[string]repeat
}

type repeat struct {
	written time.Time
	left    int // out since then
}

// repeatEvery is how long after a line the next like it is written, mostRepeats how many
// different ones are known.
const (
	repeatEvery = 10 * time.Second
	mostRepeats = 64
)

// NewRepeats makes Repeats. now is the clock, nil for the system's.
func NewRepeats(now func() time.Time) *Repeats {
	if now == nil {
		now = time.Now
	}
	return &Repeats{now: now, lines: map[string]repeat{}}
}

// Write reports whether a line is to be written, and how many like it were left out before.
// Lines are alike that have one key. With too many keys the rest is alike.
func (r *Repeats) Write(key string) (left int, write bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if _, known := r.lines[key]; !known && len(r.lines) >= mostRepeats {
		for k, l := range r.lines {
			if now.Sub(l.written) >= repeatEvery {
				delete(r.lines, k)
			}
		}
		if len(r.lines) >= mostRepeats {
			key = ""
		}
	}
	l, known := r.lines[key]
	if known && now.Sub(l.written) < repeatEvery {
		l.left++
		r.lines[key] = l
		return 0, false
	}
	r.lines[key] = repeat{written: now}
	return l.left, true
}

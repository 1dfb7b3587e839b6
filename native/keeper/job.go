package keeper

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// Started is a background response as it is at first.
type Started struct {
	ID     string
	Object []byte
	// Header holds fields for the reply's head.
	Header [][2]string
	// Logged: its events are kept.
	Logged bool
}

// A job is a background response. What its exchange tells is brought into the store by a
// goroutine of its own, which gathers what comes meanwhile.
type job struct {
	Started
	archive *Archive
	turn    *Keeper
	ctx     context.Context // of the exchange, once it is started
	cancel  context.CancelFunc

	mu      sync.Mutex
	changed sync.Cond
	events  [][]byte // that are not stored yet
	working bool     // it went from queued to in progress
	updated bool     // that is stored, or is about to be
	final   *final   // its last state
	told    bool     // its last event, which is the last of events
	outcome server.Outcome
	ended   bool // the exchange has
	aborted bool // somebody asked for it to be cancelled
}

// newJob takes a place among those that may run, nil where there is none.
func (a *Archive) newJob(t *Keeper, logged bool) *job {
	if a.jobs.Add(1) > int64(a.Config().Responses.BackgroundJobs) {
		a.jobs.Add(-1)
		return nil
	}
	j := &job{archive: a, turn: t, Started: Started{Logged: logged}}
	j.changed.L = &j.mu
	return j
}

// start stores the response for the first time, and has it go on by itself.
func (t *Keeper) start(ctx context.Context, n *hub.Need) *hub.Problem {
	j, a := t.job, t.archive
	f := finalOf(n)
	f.clone(&t.memory)
	r := t.record(&f)
	r.Background, r.Logged = true, j.Logged
	ctx, cancel := afterwards(ctx)
	defer cancel()
	if err := a.store.Start(memory.With(ctx, &t.memory), t.tenant, r, store.Lease{Owner: a.owner, TTL: a.clock.Lease}); err != nil {
		return a.Problem(err, "Response", "", f.id)
	}
	j.ID, j.Object, j.Header = f.id, f.object, n.Header
	j.ctx, j.cancel = context.WithCancel(a.base)
	a.running.Add(1)
	a.beside.Go(func() {
		j.write()
		j.cancel()
		t.end()
		a.jobs.Add(-1)
		a.running.Add(-1)
	})
	return nil
}

// tell is told an event of the response.
func (j *job) tell(name, data []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.told:
		return
	case Terminal(name) && j.final != nil:
		j.told = true
		if j.final.status == store.Cancelled {
			j.changed.Signal()
			return // the stream of a cancelled response just ends
		}
	case string(name) == "response.in_progress":
		j.working = true
	}
	if j.Logged {
		e := event(name, data)
		j.turn.memory.Add(len(e))
		j.events = append(j.events, e)
	}
	j.changed.Signal()
}

// ends is given the last state, whose event is still to be told. It shares memory with the core's.
func (j *job) ends(f final) {
	f.clone(&j.turn.memory)
	j.mu.Lock()
	defer j.mu.Unlock()
	if f.status == store.Failed && j.aborted {
		f.cancelled()
	}
	j.final = &f
}

// over is told that the exchange has ended.
func (j *job) over(o server.Outcome) {
	if j.ctx == nil { // it never was a response
		j.turn.end()
		j.archive.jobs.Add(-1)
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.outcome, j.ended = o, true
	j.changed.Signal()
}

// abort ends the exchange.
func (j *job) abort() {
	j.mu.Lock()
	j.aborted = true
	j.mu.Unlock()
	j.cancel()
}

// write brings the response into the store, from its first event to its last, and
// returns when the exchange has ended.
func (j *job) write() {
	defer j.awaitEnd()
	ctx, stop := context.WithCancel(context.Background())
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop()
	beside.Go(func() { j.renew(ctx) })
	beside.Go(func() { j.watch(ctx) })
	for next := uint64(0); ; {
		events, working, last := j.gather()
		if last {
			j.finish(next, events)
			return
		}
		if working && j.update() != nil || len(events) > 0 && j.append(next, events) != nil {
			j.abort() // it is another's now, or deleted, or can't be kept
			return
		}
		next += uint64(len(events))
		for _, e := range events {
			j.turn.memory.Shrink(len(e))
		}
	}
}

// gather waits for something to store: events, that the response is in progress, and
// whether these are the last.
func (j *job) gather() (events [][]byte, working, last bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.events) == 0 && j.working == j.updated && !j.told && !j.ended {
		j.changed.Wait()
	}
	events, working, last = j.events, j.working && !j.updated, j.told || j.ended
	j.events, j.updated = nil, j.working
	return events, working, last
}

func (j *job) update() error {
	return j.save(func(ctx context.Context) error {
		return j.archive.store.Update(ctx, j.turn.tenant, j.ID, j.archive.owner, store.InProgress, j.running())
	})
}

func (j *job) append(next uint64, events [][]byte) error {
	return j.save(func(ctx context.Context) error {
		return j.archive.store.Append(ctx, j.turn.tenant, j.ID, j.archive.owner, next, events)
	})
}

// running is the object while the response is in progress.
func (j *job) running() []byte { return Changed(nil, j.Object, Change{"status", `"in_progress"`}) }

// finish stores the last state with the last events, of which the first is number next.
func (j *job) finish(next uint64, events [][]byte) {
	j.mu.Lock()
	f := j.final
	if f == nil {
		f, events = j.brokeOff(next, events)
	}
	j.mu.Unlock()
	if !j.Logged {
		events = nil
	}
	_ = j.save(func(ctx context.Context) error {
		return j.archive.store.Finish(ctx, j.turn.tenant, j.archive.owner, j.turn.record(f), next, events)
	})
	j.turn.end()
}

// brokeOff makes the last state of an exchange that ended without saying it, and its events
// from number next on: the upstream gave an error in place of a reply, or was not
// waited for, or the gateway failed.
func (j *job) brokeOff(next uint64, events [][]byte) (*final, [][]byte) {
	code, message := "server_error", brokenOff
	if p := j.outcome.Problem; p != nil && !j.outcome.Streamed {
		e := responses.Create.Error(p)
		if e.Code != "" {
			code = e.Code
		}
		message = e.Message
	}
	if next == 0 && len(events) == 0 {
		events = append(events, responseEvent("response.created", 0, j.Object), responseEvent("response.in_progress", 1, j.running()))
	}
	f := failed(j.ID, j.Object, code, message)
	if j.aborted {
		f.cancelled()
		return f, events
	}
	return f, append(events, responseEvent("response.failed", next+uint64(len(events)), f.object))
}

// awaitEnd waits for the exchange.
func (j *job) awaitEnd() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for !j.ended {
		j.changed.Wait()
	}
}

// save writes to the store, and again while that is not available and the lease holds.
func (j *job) save(write func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), j.archive.clock.Lease)
	defer cancel()
	for {
		err := write(ctx)
		if errors.Is(err, store.ErrUnavailable) {
			j.archive.health.lost()
			select {
			case <-ctx.Done():
			case <-time.After(j.archive.clock.Probe):
				continue
			}
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			j.archive.log.Warn("a background response could not be stored", "response", j.ID, "error", err)
		}
		return err
	}
}

// renew keeps the lease.
func (j *job) renew(ctx context.Context) {
	lease := store.Lease{Owner: j.archive.owner, TTL: j.archive.clock.Lease}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(lease.TTL / 3):
		}
		err := j.archive.store.Renew(ctx, j.turn.tenant, j.ID, lease)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
			j.abort()
			return
		}
	}
}

// watch ends the exchange when somebody cancels or deletes the response.
func (j *job) watch(ctx context.Context) {
	for {
		head, err := j.archive.store.Await(ctx, j.turn.tenant, j.ID, func(h store.Head) bool { return h.Cancelling || h.Status.Finished() })
		switch {
		case err == nil && head.Cancelling, errors.Is(err, store.ErrNotFound):
			j.abort()
			return
		case err == nil, ctx.Err() != nil:
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(j.archive.clock.Probe):
		}
	}
}

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestABackgroundResponseFromStartToFinish(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		r := running("job", true)
		must(t, s.a.Start(ctx, "t", r, lease("o")))
		want(t, s.b.Start(ctx, "t", r, lease("p")), ErrConflict)
		must(t, s.a.Renew(ctx, "t", "job", lease("o")))
		must(t, s.a.Update(ctx, "t", "job", "o", InProgress, []byte("1")))
		h, object, err := s.b.Get(ctx, "t", "job")
		must(t, err)
		equal(t, h, Head{ID: "job", Status: InProgress, Background: true, Logged: true})
		equal(t, string(object), "1")

		must(t, s.a.Append(ctx, "t", "job", "o", 0, [][]byte{[]byte("e0"), []byte("e1")}))
		r.Status, r.Object, r.Output, r.Input = Completed, []byte("2"), list("x", "y"), nil
		must(t, s.a.Finish(ctx, "t", "o", r, 2, [][]byte{[]byte("e2")}))
		_, object, err = s.b.Get(ctx, "t", "job")
		must(t, err)
		equal(t, string(object), "2")
		turns, err := s.b.Chain(ctx, "t", "job", unlimited)
		must(t, err)
		equal(t, turns, []Entry{{Head: r.Head, Input: list("job.in"), Output: list("x", "y")}})
		events, end, err := s.b.Events(ctx, "t", "job", 1, 10)
		must(t, err)
		equal(t, events, [][]byte{[]byte("e1"), []byte("e2")})
		equal(t, end, true)
	})
}

func TestOnlyTheOwnerWritesAndOnlyUntilTheEnd(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		writes := func(owner string) map[string]error {
			r := running("job", true)
			r.Status = Completed
			return map[string]error{
				"Renew":  s.b.Renew(ctx, "t", "job", lease(owner)),
				"Update": s.b.Update(ctx, "t", "job", owner, InProgress, nil),
				"Append": s.b.Append(ctx, "t", "job", owner, 0, [][]byte{[]byte("e")}),
				"Finish": s.b.Finish(ctx, "t", owner, r, 0, [][]byte{[]byte("e")}),
			}
		}
		check := func(owner string, target error) {
			t.Helper()
			for method, err := range writes(owner) {
				if !errors.Is(err, target) {
					t.Errorf("%s by %q: %v, want %v", method, owner, err, target)
				}
			}
		}
		check("o", ErrNotFound)
		must(t, s.a.Start(ctx, "t", running("job", true), lease("o")))
		check("p", ErrConflict)
		check("", ErrConflict)
		r := running("job", true)
		r.Status = Failed
		must(t, s.a.Finish(ctx, "t", "o", r, 0, nil))
		check("o", ErrConflict)
		check("", ErrConflict)
		must(t, s.a.Delete(ctx, "t", "job"))
		check("o", ErrNotFound)
		put(t, s.a, "t", finished("job", ""))
		check("o", ErrConflict)
		check("", ErrConflict)
	})
}

func TestALogHasNoGaps(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		must(t, s.a.Start(ctx, "t", running("job", true), lease("o")))
		must(t, s.a.Append(ctx, "t", "job", "o", 0, [][]byte{[]byte("0")}))
		for _, first := range []uint64{0, 2, math.MaxUint64} {
			want(t, s.a.Append(ctx, "t", "job", "o", first, [][]byte{[]byte("x")}), ErrConflict)
			r := running("job", true)
			r.Status = Completed
			want(t, s.a.Finish(ctx, "t", "o", r, first, [][]byte{[]byte("x")}), ErrConflict)
		}
		must(t, s.a.Append(ctx, "t", "job", "o", 1, [][]byte{[]byte("1")}))
		events, end, err := s.b.Events(ctx, "t", "job", 0, 5)
		must(t, err)
		equal(t, events, [][]byte{[]byte("0"), []byte("1")})
		equal(t, end, false)

		must(t, s.a.Start(ctx, "t", running("unlogged", false), lease("o")))
		want(t, s.a.Append(ctx, "t", "unlogged", "o", 0, [][]byte{[]byte("0")}), ErrConflict)
		_, _, err = s.b.Events(ctx, "t", "unlogged", 0, 1)
		want(t, err, ErrNotFound)
	})
}

func TestEventsComeInPiecesToTheEnd(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		must(t, s.a.Start(ctx, "t", running("job", true), lease("o")))
		big := bytes.Repeat([]byte("x"), 300_000)
		log := [][]byte{[]byte("0"), big, big, big, big, big, []byte("6")}
		must(t, s.a.Append(ctx, "t", "job", "o", 0, log))
		r := running("job", true)
		r.Status = Completed
		must(t, s.a.Finish(ctx, "t", "o", r, 0, nil))
		for limit := 1; limit <= len(log)+1; limit++ {
			var got [][]byte
			for {
				events, end, err := s.b.Events(ctx, "t", "job", uint64(len(got)), limit)
				must(t, err)
				if got = append(got, events...); end {
					break
				}
				if len(events) == 0 || len(events) > limit {
					t.Fatalf("%d events for a limit of %d", len(events), limit)
				}
			}
			equal(t, got, log)
		}
		for _, from := range []uint64{7, 8, math.MaxUint64} {
			events, end, err := s.b.Events(ctx, "t", "job", from, 10)
			must(t, err)
			equal(t, len(events), 0)
			equal(t, end, true)
		}
	})
}

func TestReadersGetEventsAsTheyCome(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		const all, readers = 300, 4
		must(t, s.a.Start(ctx, "t", running("job", true), lease("o")))
		var wait sync.WaitGroup
		for range readers {
			wait.Go(func() {
				limited, cancel := context.WithTimeout(ctx, patience)
				defer cancel()
				next := 0
				for {
					events, end, err := s.b.Events(limited, "t", "job", uint64(next), 7)
					if err != nil {
						t.Errorf("after event %d: %v", next, err)
						return
					}
					for _, e := range events {
						if string(e) != fmt.Sprint(next) {
							t.Errorf("event %d is %s", next, e)
						}
						next++
					}
					if end {
						break
					}
				}
				if next != all {
					t.Errorf("%d events", next)
				}
			})
		}
		for i := 0; i < all; i += 3 {
			part := [][]byte{fmt.Append(nil, i), fmt.Append(nil, i+1), fmt.Append(nil, i+2)}
			if i+3 < all {
				must(t, s.a.Append(ctx, "t", "job", "o", uint64(i), part))
				continue
			}
			r := running("job", true)
			r.Status = Completed
			must(t, s.a.Finish(ctx, "t", "o", r, uint64(i), part))
		}
		wait.Wait()
	})
}

func TestWaitingEnds(t *testing.T) {
	waits := map[string]func(context.Context, Store) error{
		"Await": func(ctx context.Context, s Store) error {
			_, err := s.Await(ctx, "t", "job", func(Head) bool { return false })
			return err
		},
		"Events": func(ctx context.Context, s Store) error {
			_, _, err := s.Events(ctx, "t", "job", 0, 1)
			return err
		},
	}
	for method, wait := range waits {
		t.Run(method, func(t *testing.T) {
			onEach(t, func(t *testing.T, s two) {
				must(t, s.a.Start(ctx, "t", running("job", true), lease("o")))
				start := func(ctx context.Context) <-chan error {
					ended := make(chan error, 1)
					go func() { ended <- wait(ctx, s.b) }()
					select {
					case err := <-ended:
						t.Fatalf("did not wait: %v", err)
					case <-time.After(50 * time.Millisecond):
					}
					return ended
				}
				cancelled, cancel := context.WithCancel(ctx)
				ended := start(cancelled)
				cancel()
				want(t, <-ended, context.Canceled)

				ended = start(ctx)
				must(t, s.a.Delete(ctx, "t", "job"))
				want(t, <-ended, ErrNotFound)

				must(t, s.a.Start(ctx, "t", running("job", true), lease("o")))
				ended = start(ctx)
				must(t, s.b.Close())
				want(t, <-ended, ErrUnavailable)
			})
		})
	}
}

func TestCancellingIsSeenByTheOwner(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		must(t, s.a.Start(ctx, "t", running("job", false), lease("o")))
		seen := make(chan error, 1)
		go func() {
			limited, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			h, err := s.a.Await(limited, "t", "job", func(h Head) bool { return h.Cancelling || h.Status.Finished() })
			if err == nil && !h.Cancelling {
				err = fmt.Errorf("%+v", h)
			}
			seen <- err
		}()
		for range 2 { // again is the same
			h, err := s.b.Cancel(ctx, "t", "job")
			must(t, err)
			equal(t, h, Head{ID: "job", Status: Queued, Background: true, Cancelling: true})
		}
		must(t, <-seen)
		must(t, s.a.Update(ctx, "t", "job", "o", InProgress, nil)) // which doesn't take it back

		r := running("job", false)
		r.Status = Cancelled
		must(t, s.a.Finish(ctx, "t", "o", r, 0, nil))
		h, err := s.b.Await(ctx, "t", "job", func(h Head) bool { return h.Status.Finished() })
		must(t, err)
		equal(t, h, Head{ID: "job", Status: Cancelled, Background: true, Cancelling: true})

		put(t, s.a, "t", finished("done", ""))
		h, err = s.b.Cancel(ctx, "t", "done")
		must(t, err)
		equal(t, h, Head{ID: "done", Status: Completed})
	})
}

func TestALapsedLeaseIsTakenOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		short := Lease{Owner: "gone", TTL: time.Millisecond}
		jobs := map[string]bool{}
		for i := range 20 {
			r := running(fmt.Sprint("job", i), true)
			r.Previous = "before"
			must(t, s.a.Start(ctx, "t", r, short))
			must(t, s.a.Append(ctx, "t", r.ID, "gone", 0, [][]byte{[]byte("0"), []byte("1")}))
			jobs[r.ID] = true
		}
		must(t, s.a.Start(ctx, "t", running("alive", true), lease("a")))
		must(t, s.a.Start(ctx, "t", running("ended", true), short))
		ended := running("ended", true)
		ended.Status = Completed
		must(t, s.a.Finish(ctx, "t", "gone", ended, 0, nil))
		must(t, s.a.Start(ctx, "t", running("deleted", true), short))
		must(t, s.a.Delete(ctx, "t", "deleted"))

		var mu sync.Mutex
		taken := map[string]string{}
		var wait sync.WaitGroup
		for owner, s := range map[string]Store{"a": s.a, "b": s.b} {
			wait.Go(func() {
				for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
					found, err := s.Lapsed(ctx, lease(owner), 3)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, j := range found {
						if taken[j.ID] != "" {
							t.Errorf("%s has %s, which %s has", owner, j.ID, taken[j.ID])
						}
						taken[j.ID] = owner
						if diff := cmp.Diff(Job{"t", Head{ID: j.ID, Previous: "before", Status: Queued, Background: true, Logged: true}, 2}, j); diff != "" {
							t.Error(diff)
						}
					}
					all := len(taken) == len(jobs)
					mu.Unlock()
					if all {
						return
					}
				}
				t.Errorf("%s gives up", owner)
			})
		}
		wait.Wait()
		for id := range jobs {
			want(t, s.a.Renew(ctx, "t", id, lease("gone")), ErrConflict)
			r := running(id, true)
			r.Status, r.Object = Failed, []byte("failed")
			must(t, s.a.Finish(ctx, "t", taken[id], r, 2, [][]byte{[]byte("2")}))
		}
		found, err := s.b.Lapsed(ctx, lease("c"), 100)
		must(t, err)
		equal(t, len(found), 0)
	})
}

func TestARenewedLeaseLasts(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		must(t, s.a.Start(ctx, "t", running("job", false), Lease{"o", time.Millisecond}))
		must(t, s.a.Renew(ctx, "t", "job", lease("o")))
		time.Sleep(20 * time.Millisecond)
		found, err := s.b.Lapsed(ctx, lease("p"), 10)
		must(t, err)
		equal(t, len(found), 0)
		must(t, s.a.Renew(ctx, "t", "job", Lease{"o", time.Millisecond}))
		for deadline := time.Now().Add(patience); len(found) == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			found, err = s.b.Lapsed(ctx, lease("p"), 10)
			must(t, err)
		}
		equal(t, len(found), 1)
	})
}

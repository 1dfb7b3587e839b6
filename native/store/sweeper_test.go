package store

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// clock is moved by tests.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_700_000_000, c.ns.Load()) }
func (c *clock) forward(d time.Duration) { c.ns.Add(int64(d)) }

func onEmbedded(t *testing.T, o Options, test func(t *testing.T, e *embedded)) {
	t.Run("memory", func(t *testing.T) { test(t, open(t, o).(*embedded)) })
	t.Run("file", func(t *testing.T) {
		o.Folder = t.TempDir()
		test(t, open(t, o).(*embedded))
	})
}

func there(t *testing.T, s Store, id string) bool {
	t.Helper()
	_, _, err := s.Get(ctx, "t", id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func TestWhatIsTooOldIsDeleted(t *testing.T) {
	var c clock
	onEmbedded(t, Options{MaxAge: 30 * 24 * time.Hour, now: c.now}, func(t *testing.T, e *embedded) {
		day := 24 * time.Hour
		put(t, e, "t", finished("old", ""))
		must(t, e.Start(ctx, "t", running("lost", true), lease("o")))
		must(t, e.CreateConversation(ctx, "t", &Conversation{ID: "left"}, list("1")))
		must(t, e.CreateConversation(ctx, "t", &Conversation{ID: "used"}, list("1")))
		for i := range 2 * sweepBatch {
			put(t, e, "t", finished(fmt.Sprint("more", i), ""))
		}
		c.forward(20 * day)
		put(t, e, "t", finished("young", "old"))
		must(t, e.AppendItems(ctx, "t", "used", list("2")))
		must(t, e.sweeper.sweep())
		if !there(t, e, "old") || !there(t, e, "more0") {
			t.Fatal("deleted too early")
		}
		c.forward(11 * day)
		must(t, e.sweeper.sweep())
		if there(t, e, "old") || there(t, e, "lost") || there(t, e, "more0") || there(t, e, fmt.Sprint("more", 2*sweepBatch-1)) {
			t.Error("not deleted")
		}
		_, err := e.Conversation(ctx, "t", "left")
		want(t, err, ErrNotFound)
		_, err = e.Conversation(ctx, "t", "used")
		must(t, err)
		if !there(t, e, "young") {
			t.Error("deleted too early")
		}
		_, err = e.Chain(ctx, "t", "young", unlimited)
		want(t, err, ErrChainBroken)
		must(t, e.UnlockConversation(ctx, "t", "used", "o"))

		c.forward(31 * day)
		must(t, e.sweeper.sweep())
		empty(t, e)
	})
}

// empty checks that nothing was left behind in any table.
func empty(t *testing.T, e *embedded) {
	t.Helper()
	must(t, e.db.tables.view(func(x tx) error {
		for table := range tables {
			x.scan(table, nil, nil, false, func(k, _ []byte) bool {
				t.Errorf("table %d still has %q", table, k)
				return true
			})
		}
		return nil
	}))
	if leases, locks := e.embeddedJobs.leases.held, e.embeddedConversations.locks.held; len(leases)+len(locks) > 0 {
		t.Errorf("left: leases %v, locks %v", leases, locks)
	}
	if m, ok := e.db.tables.(*memoryTables); ok && m.used() != 0 {
		t.Errorf("%d bytes are in use in an empty store", m.used())
	}
}

func TestDeletingLeavesNothingBehind(t *testing.T) {
	onEmbedded(t, Options{}, func(t *testing.T, e *embedded) {
		put(t, e, "t", finished("a", ""))
		must(t, e.Start(ctx, "t", running("job", true), lease("o")))
		must(t, e.Append(ctx, "t", "job", "o", 0, [][]byte{[]byte("0"), []byte("1")}))
		must(t, e.Start(ctx, "t", running("done", true), lease("o")))
		r := running("done", true)
		r.Status = Completed
		must(t, e.Finish(ctx, "t", "o", r, 0, [][]byte{[]byte("0")}))
		must(t, e.CreateConversation(ctx, "t", &Conversation{ID: "c"}, list("1", "2")))
		must(t, e.AppendItems(ctx, "t", "c", list("3")))
		must(t, e.DeleteItem(ctx, "t", "c", "2"))
		must(t, e.LockConversation(ctx, "t", "c", lease("o")))
		for _, id := range []string{"a", "job", "done"} {
			must(t, e.Delete(ctx, "t", id))
		}
		must(t, e.DeleteConversation(ctx, "t", "c"))
		empty(t, e)
	})
}

func TestOverItsSizeTheOldestAreDeleted(t *testing.T) {
	var c clock
	const limit = 4 << 20
	onEmbedded(t, Options{MaxSize: limit, now: c.now}, func(t *testing.T, e *embedded) {
		must(t, e.CreateConversation(ctx, "t", &Conversation{ID: "c"}, []Item{{ID: "i", JSON: make([]byte, 100_000)}}))
		for i := range 200 {
			c.forward(time.Second)
			r := finished(fmt.Sprint(i), "")
			r.Object = bytes.Repeat([]byte("x"), 50_000)
			put(t, e, "t", r)
		}
		must(t, e.sweeper.sweep())
		if e.db.tables.used() > limit {
			t.Errorf("%d bytes in use", e.db.tables.used())
		}
		kept := 0
		for i := range 200 {
			if there(t, e, fmt.Sprint(i)) {
				kept++
			} else if kept > 0 {
				t.Fatalf("%d is gone, an older one is there", i)
			}
		}
		if kept < 40 || !there(t, e, "199") {
			t.Errorf("%d are kept, of a size for 80", kept)
		}
		_, err := e.Conversation(ctx, "t", "c")
		want(t, err, ErrNotFound)
	})
}

// It would drive out all the others, and then go itself.
func TestAResponseThatNeverFitsIsRefused(t *testing.T) {
	onEmbedded(t, Options{MaxSize: 1 << 20}, func(t *testing.T, e *embedded) {
		put(t, e, "t", finished("small", ""))
		large := finished("large", "")
		large.Input = []Item{{ID: "i", JSON: bytes.Repeat([]byte("x"), 1<<20)}}
		want(t, e.Put(ctx, "t", large), ErrTooLarge)
		job := running("job", false)
		job.Input = large.Input
		want(t, e.Start(ctx, "t", job, lease("owner")), ErrTooLarge)
		must(t, e.sweeper.sweep())
		if !there(t, e, "small") || there(t, e, "large") || there(t, e, "job") {
			t.Error("another one is gone, or one that was refused is there")
		}
	})
}

// The sweep need not be called: writing more than fits sets it off.
func TestAFullStoreSweepsByItself(t *testing.T) {
	onEmbedded(t, Options{MaxSize: 4 << 20}, func(t *testing.T, e *embedded) {
		for i := range 200 {
			r := finished(fmt.Sprint(i), "")
			r.Object = bytes.Repeat([]byte("x"), 50_000)
			put(t, e, "t", r)
		}
		for deadline := time.Now().Add(patience); e.db.over() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d bytes over its size", e.db.over())
			}
		}
		if !there(t, e, "199") {
			t.Error("the youngest is gone")
		}
	})
}

func TestRedisForgetsWhatIsTooOld(t *testing.T) {
	o := Options{Redis: sharedRedis(t), MaxAge: 300 * time.Millisecond}
	s := open(t, o)
	put(t, s, "t", finished("a", ""))
	must(t, s.Start(ctx, "t", running("job", true), lease("o")))
	must(t, s.CreateConversation(ctx, "t", &Conversation{ID: "c"}, list("1")))
	gone := func(what string, check func() error) {
		t.Helper()
		for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			err := check()
			if errors.Is(err, ErrNotFound) {
				return
			}
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	gone("response", func() error { _, _, err := s.Get(ctx, "t", "a"); return err })
	gone("job", func() error { _, _, err := s.Get(ctx, "t", "job"); return err })
	gone("conversation", func() error { _, err := s.Conversation(ctx, "t", "c"); return err })

	options, err := redis.ParseURL(o.Redis)
	must(t, err)
	client := redis.NewClient(options)
	defer client.Close()
	long := open(t, Options{Redis: o.Redis, MaxAge: time.Hour})
	must(t, s.CreateConversation(ctx, "t", &Conversation{ID: "c"}, list("1")))
	must(t, long.AppendItems(ctx, "t", "c", list("2"))) // a change makes it young
	if left := client.PTTL(ctx, conversationKey+name("t", "c")).Val(); left < time.Minute {
		t.Errorf("a changed conversation is kept for %v", left)
	}
	put(t, open(t, Options{Redis: o.Redis}), "t", finished("kept", ""))
	if left := client.PTTL(ctx, responseKey+name("t", "kept")).Val(); left != -1 {
		t.Errorf("without a limit it is kept for %v", left)
	}
}

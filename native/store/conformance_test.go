package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// two are what two processes see of one store; an embedded store has one process.
type two struct{ a, b Store }

var kinds = []struct {
	name string
	open func(t testing.TB) two
}{
	{"memory", func(t testing.TB) two { return same(t, Options{}) }},
	{"file", func(t testing.TB) two { return same(t, Options{Folder: t.TempDir()}) }},
	{"redis", func(t testing.TB) two {
		o := Options{Redis: sharedRedis(t)}
		return two{open(t, o), open(t, o)}
	}},
}

func same(t testing.TB, o Options) two {
	s := open(t, o)
	return two{s, s}
}

func open(t testing.TB, o Options) Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func onEach(t *testing.T, test func(t *testing.T, s two)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { test(t, k.open(t)) })
	}
}

var ctx = context.Background()

const unlimited = math.MaxInt

func item(id string) Item {
	return Item{ID: id, JSON: []byte(`{"id":"` + id + `", "text":"` + strings.Repeat(id, 3) + "\x00\xff<>&\"}")}
}

func list(ids ...string) (items []Item) {
	for _, id := range ids {
		items = append(items, item(id))
	}
	return items
}

// finished is a response with an item in and one out.
func finished(id, previous string) *Response {
	return &Response{
		Turn:   Turn{Head: Head{ID: id, Previous: previous, Status: Completed}, Input: list(id + ".in"), Output: list(id + ".out")},
		Object: []byte(`{"id":"` + id + `"}`),
	}
}

func running(id string, logged bool) *Response {
	return &Response{
		Turn:   Turn{Head: Head{ID: id, Status: Queued, Background: true, Logged: logged}, Input: list(id + ".in")},
		Object: []byte(`{"status":"queued"}`),
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got error %v, want %v", err, target)
	}
}

// alike: nil is empty, and bytes are not walked through one by one.
var alike = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.FilterValues(func(a, b []byte) bool { return len(a)+len(b) > 0 }, cmp.Comparer(bytes.Equal)),
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, alike); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

func put(t testing.TB, s Store, tenant string, responses ...*Response) {
	t.Helper()
	for _, r := range responses {
		must(t, s.Put(ctx, tenant, r))
	}
}

// atOnce does n things, many at a time, since a disk takes its time for each.
func atOnce(t testing.TB, n int, do func(i int) error) {
	t.Helper()
	var next atomic.Int64
	var wait sync.WaitGroup
	for range 64 {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
}

func itemIDsOf(items []Item) (ids []string) {
	for _, i := range items {
		ids = append(ids, i.ID)
	}
	return ids
}

func lease(owner string) Lease { return Lease{Owner: owner, TTL: time.Hour} }

func TestWhatWasPutIsThereUntilItIsDeleted(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		r := &Response{
			Turn: Turn{
				Head:   Head{ID: "r", Status: Incomplete, Background: true, Logged: true},
				Input:  []Item{{ID: "", JSON: nil}, {ID: "x", JSON: []byte("\x00\xff\r\n{}")}},
				Output: []Item{{ID: "y", JSON: bytes.Repeat([]byte("long "), 100_000)}},
			},
			Object: []byte("{\"a\":\x00 1 }"),
		}
		must(t, s.a.Put(ctx, "t", r))
		want(t, s.b.Put(ctx, "t", r), ErrConflict)
		h, object, err := s.b.Get(ctx, "t", "r")
		must(t, err)
		equal(t, h, r.Head)
		equal(t, object, r.Object)
		turns, err := s.b.Chain(ctx, "t", "r", unlimited)
		must(t, err)
		equal(t, turns, []Turn{r.Turn})

		must(t, s.b.Delete(ctx, "t", "r"))
		want(t, s.a.Delete(ctx, "t", "r"), ErrNotFound)
		_, _, err = s.a.Get(ctx, "t", "r")
		want(t, err, ErrNotFound)
		_, err = s.a.Chain(ctx, "t", "r", unlimited)
		want(t, err, ErrNotFound)
		_, err = s.a.InputItems(ctx, "t", "r", Page{Limit: 1})
		want(t, err, ErrNotFound)
	})
}

func TestWhatWasHandedInOrOutCanBeChanged(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		r := finished("r", "")
		must(t, s.a.Put(ctx, "t", r))
		clear(r.Object)
		clear(r.Input[0].JSON)
		for range 2 {
			_, object, err := s.a.Get(ctx, "t", "r")
			must(t, err)
			equal(t, string(object), `{"id":"r"}`)
			clear(object)
			turns, err := s.a.Chain(ctx, "t", "r", unlimited)
			must(t, err)
			equal(t, turns[0].Input, list("r.in"))
			_ = append(turns[0].Input[0].JSON, "over"...)
			equal(t, turns[0].Output, list("r.out"))
			clear(turns[0].Input[0].JSON)
		}
	})
}

func TestRefusedWritesStoreNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		long := strings.Repeat("x", maxID+1)
		want(t, s.a.Put(ctx, "t", finished(long, "")), ErrTooLarge)
		r := finished("r", "")
		r.Output = []Item{{ID: long}}
		want(t, s.a.Put(ctx, "t", r), ErrTooLarge)
		for _, status := range []Status{Queued, InProgress, "", "done"} {
			r := finished("r", "")
			r.Status = status
			if s.a.Put(ctx, "t", r) == nil {
				t.Errorf("Put accepts status %q", status)
			}
		}
		for _, status := range []Status{Completed, Failed, "", "done"} {
			r := running("r", false)
			r.Status = status
			if s.a.Start(ctx, "t", r, lease("o")) == nil {
				t.Errorf("Start accepts status %q", status)
			}
		}
		if s.a.Start(ctx, "t", running("r", false), Lease{TTL: time.Hour}) == nil {
			t.Error("Start accepts a lease of nobody")
		}
		_, _, err := s.a.Get(ctx, "t", "r")
		want(t, err, ErrNotFound)
		// An id of a client's, of any length.
		_, _, err = s.a.Get(ctx, "t", strings.Repeat("x", 100_000))
		want(t, err, ErrNotFound)
	})
}

func TestAnotherTenantsThingsDoNotExist(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		put(t, s.a, "mine", finished("r", ""))
		must(t, s.a.Start(ctx, "mine", running("job", true), lease("o")))
		must(t, s.a.CreateConversation(ctx, "mine", &Conversation{ID: "c", Object: []byte("{}")}, list("i")))
		for _, tenant := range []string{"theirs", "", "min", "mine:", "4:mine"} {
			errs := map[string]error{}
			_, _, errs["Get"] = s.a.Get(ctx, tenant, "r")
			errs["Delete"] = s.a.Delete(ctx, tenant, "r")
			_, errs["Chain"] = s.a.Chain(ctx, tenant, "r", unlimited)
			_, errs["InputItems"] = s.a.InputItems(ctx, tenant, "r", Page{Limit: 1})
			errs["Renew"] = s.a.Renew(ctx, tenant, "job", lease("o"))
			errs["Update"] = s.a.Update(ctx, tenant, "job", "o", InProgress, nil)
			errs["Append"] = s.a.Append(ctx, tenant, "job", "o", 0, [][]byte{nil})
			job := running("job", true)
			job.Status = Completed
			errs["Finish"] = s.a.Finish(ctx, tenant, "o", job, 0, nil)
			_, errs["Cancel"] = s.a.Cancel(ctx, tenant, "job")
			_, errs["Await"] = s.a.Await(ctx, tenant, "job", func(Head) bool { return true })
			_, _, errs["Events"] = s.a.Events(ctx, tenant, "job", 0, 1)
			_, errs["Conversation"] = s.a.Conversation(ctx, tenant, "c")
			errs["UpdateConversation"] = s.a.UpdateConversation(ctx, tenant, &Conversation{ID: "c"})
			errs["DeleteConversation"] = s.a.DeleteConversation(ctx, tenant, "c")
			errs["AppendItems"] = s.a.AppendItems(ctx, tenant, "c", list("j"))
			_, errs["ConversationItems"] = s.a.ConversationItems(ctx, tenant, "c", Page{Limit: 1})
			_, errs["ConversationItem"] = s.a.ConversationItem(ctx, tenant, "c", "i")
			errs["DeleteItem"] = s.a.DeleteItem(ctx, tenant, "c", "i")
			_, _, errs["ConversationContext"] = s.a.ConversationContext(ctx, tenant, "c", unlimited)
			errs["LockConversation"] = s.a.LockConversation(ctx, tenant, "c", lease("o"))
			for method, err := range errs {
				if !errors.Is(err, ErrNotFound) {
					t.Errorf("%s for tenant %q: %v", method, tenant, err)
				}
			}
			put(t, s.a, tenant, finished("r", "")) // the same id is free there
		}
		turns, err := s.a.Chain(ctx, "mine", "r", unlimited)
		must(t, err)
		equal(t, len(turns), 1)
	})
}

func TestTenantAndIDAreNeverConfused(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		put(t, s.a, "a", finished("b:c", ""))
		put(t, s.a, "a:b", finished("c", ""))
		must(t, s.a.Delete(ctx, "a", "b:c"))
		_, _, err := s.a.Get(ctx, "a:b", "c")
		must(t, err)
	})
}

func TestAChainIsItsTurnsOldestFirst(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		a, b, c, fork := finished("a", ""), finished("b", "a"), finished("c", "b"), finished("fork", "a")
		put(t, s.a, "t", a, b, c, fork)
		for id, chain := range map[string][]Turn{
			"a": {a.Turn}, "b": {a.Turn, b.Turn}, "c": {a.Turn, b.Turn, c.Turn}, "fork": {a.Turn, fork.Turn},
		} {
			turns, err := s.b.Chain(ctx, "t", id, unlimited)
			must(t, err)
			equal(t, turns, chain)
		}
	})
}

func TestAChainOfThousandsIsWhole(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		const depth = 1500
		turn := func(i int) *Response {
			r := finished(fmt.Sprint(i), "")
			if i > 0 {
				r.Previous = fmt.Sprint(i - 1)
			}
			if i%50 == 0 { // more than is read at once, too
				r.Output[0].JSON = bytes.Repeat([]byte{byte(i)}, 100_000)
			}
			return r
		}
		atOnce(t, depth, func(i int) error { return s.a.Put(ctx, "t", turn(i)) })
		last := fmt.Sprint(depth - 1)
		turns, err := s.b.Chain(ctx, "t", last, unlimited)
		must(t, err)
		equal(t, len(turns), depth)
		for i := range depth {
			equal(t, turns[i], turn(i).Turn)
		}
		must(t, s.a.Delete(ctx, "t", "700"))
		_, err = s.b.Chain(ctx, "t", last, unlimited)
		want(t, err, ErrChainBroken)
	})
}

func TestAChainWithoutAMemberIsNotFound(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		put(t, s.a, "t", finished("a", ""), finished("b", "a"), finished("c", "b"), finished("fork", "a"), finished("orphan", "never"))
		must(t, s.a.Delete(ctx, "t", "b"))
		for _, id := range []string{"c", "orphan"} {
			_, err := s.b.Chain(ctx, "t", id, unlimited)
			want(t, err, ErrChainBroken)
			want(t, err, ErrNotFound)
			_, err = s.b.InputItems(ctx, "t", id, Page{Limit: 10})
			want(t, err, ErrChainBroken)
			_, _, err = s.b.Get(ctx, "t", id) // is there by itself
			must(t, err)
		}
		_, err := s.b.Chain(ctx, "t", "b", unlimited)
		if want(t, err, ErrNotFound); errors.Is(err, ErrChainBroken) {
			t.Error("what is deleted itself is no broken chain")
		}
		_, err = s.b.Chain(ctx, "t", "fork", unlimited)
		must(t, err)
	})
}

func TestAChainOfItselfEnds(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		put(t, s.a, "t", finished("self", "self"), finished("a", "b"), finished("b", "a"))
		for _, id := range []string{"self", "a", "b"} {
			_, err := s.a.Chain(ctx, "t", id, unlimited)
			want(t, err, ErrChainBroken)
		}
	})
}

func TestAChainSaysHowItsLastTurnEnded(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		for _, status := range []Status{Completed, Incomplete, Failed, Cancelled} {
			r := finished(string(status), "")
			r.Status = status
			put(t, s.a, "t", r)
			turns, err := s.b.Chain(ctx, "t", r.ID, unlimited)
			must(t, err)
			equal(t, turns[0].Status, status)
		}
		must(t, s.a.Start(ctx, "t", running("job", false), lease("o")))
		_, err := s.b.Chain(ctx, "t", "job", unlimited)
		want(t, err, ErrInProgress)
		put(t, s.a, "t", finished("early", "job"))
		_, err = s.b.Chain(ctx, "t", "early", unlimited)
		want(t, err, ErrInProgress)
	})
}

func TestAChainHasALimitOfBytes(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		put(t, s.a, "t", finished("a", ""), finished("b", "a"))
		size := 0
		for _, i := range list("a.in", "a.out", "b.in", "b.out") {
			size += len(i.JSON)
		}
		_, err := s.a.Chain(ctx, "t", "b", size)
		must(t, err)
		_, err = s.a.Chain(ctx, "t", "b", size-1)
		want(t, err, ErrTooLarge)
	})
}

// pages walks through a list page by page.
func pages(t testing.TB, limit int, descending bool, read func(Page) (Items, error)) (ids []string) {
	t.Helper()
	p := Page{Limit: limit, Descending: descending}
	for {
		page, err := read(p)
		must(t, err)
		for _, i := range page.Items {
			equal(t, i, item(i.ID))
		}
		ids = append(ids, itemIDsOf(page.Items)...)
		if !page.More {
			return ids
		}
		equal(t, len(page.Items), limit)
		p.After = ids[len(ids)-1]
	}
}

func TestInputItemsArePagesOfTheWholeInput(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		put(t, s.a, "t", finished("a", ""), finished("b", "a"))
		c := finished("c", "b")
		c.Input = list("c.1", "c.2", "c.3")
		put(t, s.a, "t", c)
		empty := finished("empty", "c")
		empty.Input = nil
		put(t, s.a, "t", empty)
		for id, all := range map[string][]string{
			"a":     {"a.in"},
			"b":     {"a.in", "a.out", "b.in"},
			"c":     {"a.in", "a.out", "b.in", "b.out", "c.1", "c.2", "c.3"},
			"empty": {"a.in", "a.out", "b.in", "b.out", "c.1", "c.2", "c.3", "c.out"},
		} {
			backwards := slices.Clone(all)
			slices.Reverse(backwards)
			read := func(p Page) (Items, error) { return s.b.InputItems(ctx, "t", id, p) }
			for limit := 1; limit <= len(all)+1; limit++ {
				equal(t, pages(t, limit, false, read), all)
				equal(t, pages(t, limit, true, read), backwards)
			}
			for _, descending := range []bool{false, true} {
				_, err := read(Page{Limit: 5, After: id + ".out", Descending: descending})
				want(t, err, ErrNoItem)
			}
			last, err := read(Page{Limit: 5, After: all[len(all)-1]})
			must(t, err)
			equal(t, last, Items{})
		}
	})
}

// Clients give the items of earlier responses again, with their ids: a list that is
// paged by ids has an id once, or it would begin again and again.
func TestAnIDIsListedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		put(t, s.a, "t", finished("a", ""))
		b := finished("b", "a")
		b.Input = list("a.in", "a.out", "b.in", "b.in", "b.last")
		put(t, s.a, "t", b)
		read := func(p Page) (Items, error) { return s.b.InputItems(ctx, "t", "b", p) }
		for limit := 1; limit <= 6; limit++ {
			equal(t, pages(t, limit, false, read), []string{"a.in", "a.out", "b.in", "b.last"})
			equal(t, pages(t, limit, true, read), []string{"b.last", "b.in", "a.out", "a.in"})
		}
		turns, err := s.b.Chain(ctx, "t", "b", unlimited)
		must(t, err)
		equal(t, len(turns[1].Input), 5) // the model gets what the client has said
	})
}

func TestInputItemsOfARunningResponse(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		put(t, s.a, "t", finished("a", ""))
		r := running("job", false)
		r.Previous = "a"
		must(t, s.a.Start(ctx, "t", r, lease("o")))
		page, err := s.b.InputItems(ctx, "t", "job", Page{Limit: 10})
		must(t, err)
		equal(t, page, Items{Items: list("a.in", "a.out", "job.in")})
	})
}

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
		equal(t, turns, []Turn{{Head: r.Head, Input: list("job.in"), Output: list("x", "y")}})
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

func TestAClosedStoreIsUnavailable(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		must(t, s.a.Close())
		must(t, s.a.Close())
		want(t, s.a.Put(ctx, "t", finished("r", "")), ErrUnavailable)
		_, _, err := s.a.Get(ctx, "t", "r")
		want(t, err, ErrUnavailable)
	})
}

func TestAContextThatIsOverComesBack(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		over, cancel := context.WithCancel(ctx)
		cancel()
		want(t, s.a.Put(over, "t", finished("r", "")), context.Canceled)
		_, _, err := s.a.Get(over, "t", "r")
		want(t, err, context.Canceled)
		_, _, err = s.a.Get(ctx, "t", "r")
		want(t, err, ErrNotFound)
	})
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

func TestConversationsAndTheirItems(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		c := &Conversation{ID: "c", Object: []byte(`{"metadata":{}}`)}
		want(t, s.a.CreateConversation(ctx, "t", c, list("i", "i")), ErrConflict)
		must(t, s.a.CreateConversation(ctx, "t", c, list("1", "2")))
		want(t, s.b.CreateConversation(ctx, "t", c, nil), ErrConflict)
		got, err := s.b.Conversation(ctx, "t", "c")
		must(t, err)
		equal(t, got, c)
		c.Object = []byte(`{"metadata":{"a":"b"}}`)
		must(t, s.b.UpdateConversation(ctx, "t", c))
		got, err = s.a.Conversation(ctx, "t", "c")
		must(t, err)
		equal(t, got, c)

		must(t, s.a.AppendItems(ctx, "t", "c", list("3", "4", "5")))
		want(t, s.a.AppendItems(ctx, "t", "c", list("6", "2")), ErrConflict)
		want(t, s.a.AppendItems(ctx, "t", "c", list("6", "6")), ErrConflict)
		i, err := s.b.ConversationItem(ctx, "t", "c", "4")
		must(t, err)
		equal(t, i, item("4"))
		must(t, s.b.DeleteItem(ctx, "t", "c", "3"))
		want(t, s.b.DeleteItem(ctx, "t", "c", "3"), ErrNoItem)
		_, err = s.b.ConversationItem(ctx, "t", "c", "6")
		want(t, err, ErrNoItem)
		must(t, s.a.AppendItems(ctx, "t", "c", list("3"))) // free again, and at the end

		read := func(p Page) (Items, error) { return s.b.ConversationItems(ctx, "t", "c", p) }
		for limit := 1; limit <= 6; limit++ {
			equal(t, pages(t, limit, false, read), []string{"1", "2", "4", "5", "3"})
			equal(t, pages(t, limit, true, read), []string{"3", "5", "4", "2", "1"})
		}
		for _, p := range []Page{{Limit: 5, After: "3"}, {Limit: 5, After: "1", Descending: true}} {
			page, err := read(p)
			must(t, err)
			equal(t, page, Items{})
		}
		_, err = read(Page{Limit: 5, After: "6"})
		want(t, err, ErrNoItem)

		all, end, err := s.b.ConversationContext(ctx, "t", "c", unlimited)
		must(t, err)
		equal(t, all, list("1", "2", "4", "5", "3"))
		equal(t, end, uint64(6))
		size := 0
		for _, i := range all {
			size += len(i.JSON)
		}
		_, _, err = s.b.ConversationContext(ctx, "t", "c", size)
		must(t, err)
		_, _, err = s.b.ConversationContext(ctx, "t", "c", size-1)
		want(t, err, ErrTooLarge)

		must(t, s.a.DeleteConversation(ctx, "t", "c"))
		want(t, s.a.DeleteConversation(ctx, "t", "c"), ErrNotFound)
		_, err = s.b.Conversation(ctx, "t", "c")
		want(t, err, ErrNotFound)
		_, err = read(Page{Limit: 5})
		want(t, err, ErrNotFound)
		must(t, s.a.CreateConversation(ctx, "t", c, nil))
		all, end, err = s.b.ConversationContext(ctx, "t", "c", 0)
		must(t, err)
		equal(t, len(all), 0)
		equal(t, end, uint64(0))
		page, err := read(Page{Limit: 5, Descending: true})
		must(t, err)
		equal(t, page, Items{})
	})
}

func TestALargeConversationIsReadWhole(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		must(t, s.a.CreateConversation(ctx, "t", &Conversation{ID: "c"}, nil))
		var all []string
		for part := range 25 {
			var ids []string
			for i := range 100 {
				ids = append(ids, fmt.Sprintf("%d-%d", part, i))
			}
			must(t, s.a.AppendItems(ctx, "t", "c", list(ids...)))
			all = append(all, ids...)
		}
		got, _, err := s.b.ConversationContext(ctx, "t", "c", unlimited)
		must(t, err)
		equal(t, itemIDsOf(got), all)
		// A hole, longer than what is read at once.
		atOnce(t, 2400, func(i int) error { return s.a.DeleteItem(ctx, "t", "c", all[i]) })
		read := func(p Page) (Items, error) { return s.b.ConversationItems(ctx, "t", "c", p) }
		equal(t, pages(t, 70, false, read), all[2400:])
	})
}

func TestAFinishedResponseAddsToItsConversation(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		must(t, s.a.CreateConversation(ctx, "t", &Conversation{ID: "c"}, list("0")))
		items := func() []string {
			t.Helper()
			list, _, err := s.b.ConversationContext(ctx, "t", "c", unlimited)
			must(t, err)
			return itemIDsOf(list)
		}
		in := func(r *Response, end uint64) *Response {
			r.Conversation, r.ConversationEnd = "c", end
			return r
		}
		put(t, s.a, "t", in(finished("a", ""), 1))
		equal(t, items(), []string{"0", "a.in", "a.out"})

		again := in(finished("b", ""), 3)
		again.Input = list("a.out", "b.in") // one that is there already
		put(t, s.a, "t", again)
		equal(t, items(), []string{"0", "a.in", "a.out", "b.in", "b.out"})

		for _, status := range []Status{Failed, Cancelled} {
			r := in(finished(string(status), ""), 5)
			r.Status = status
			put(t, s.a, "t", r)
		}
		job := in(running("job", false), 5)
		must(t, s.a.Start(ctx, "t", job, lease("o")))
		equal(t, len(items()), 5)
		job.Status, job.Output = Incomplete, list("job.out")
		job.Input = nil // the one of the start counts
		must(t, s.a.Finish(ctx, "t", "o", job, 0, nil))
		equal(t, items(), []string{"0", "a.in", "a.out", "b.in", "b.out", "job.in", "job.out"})

		put(t, s.a, "t", finished("after", "a"))
		turns, err := s.b.Chain(ctx, "t", "after", unlimited)
		must(t, err)
		equal(t, turns, []Turn{{Input: list("0")}, in(finished("a", ""), 1).Turn, finished("after", "a").Turn})
		page, err := s.b.InputItems(ctx, "t", "job", Page{Limit: 100})
		must(t, err)
		equal(t, itemIDsOf(page.Items), []string{"0", "a.in", "a.out", "b.in", "b.out", "job.in"})
		page, err = s.b.InputItems(ctx, "t", "job", Page{Limit: 3, Descending: true, After: "job.in"})
		must(t, err)
		equal(t, page, Items{Items: list("b.out", "b.in", "a.out"), More: true})

		must(t, s.a.DeleteConversation(ctx, "t", "c"))
		put(t, s.a, "t", in(finished("late", ""), 7)) // there is nothing to add to
		_, err = s.b.Chain(ctx, "t", "late", unlimited)
		want(t, err, ErrChainBroken)
		_, err = s.b.Conversation(ctx, "t", "c")
		want(t, err, ErrNotFound)
	})
}

func TestOneResponseAtATimePerConversation(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		want(t, s.a.LockConversation(ctx, "t", "c", lease("o")), ErrNotFound)
		must(t, s.a.CreateConversation(ctx, "t", &Conversation{ID: "c"}, nil))
		must(t, s.a.LockConversation(ctx, "t", "c", lease("o")))
		must(t, s.a.LockConversation(ctx, "t", "c", lease("o")))
		want(t, s.b.LockConversation(ctx, "t", "c", lease("p")), ErrBusy)
		must(t, s.b.UnlockConversation(ctx, "t", "c", "p")) // not p's
		want(t, s.b.LockConversation(ctx, "t", "c", lease("p")), ErrBusy)
		must(t, s.a.UnlockConversation(ctx, "t", "c", "o"))
		must(t, s.b.LockConversation(ctx, "t", "c", Lease{"p", time.Millisecond}))
		err := ErrBusy
		for deadline := time.Now().Add(patience); errors.Is(err, ErrBusy) && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			err = s.a.LockConversation(ctx, "t", "c", lease("o"))
		}
		must(t, err)
		must(t, s.a.DeleteConversation(ctx, "t", "c"))
		must(t, s.a.CreateConversation(ctx, "t", &Conversation{ID: "c"}, nil))
		must(t, s.b.LockConversation(ctx, "t", "c", lease("p")))
	})
}

func TestManyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		const clients, turns = 16, 25
		must(t, s.a.CreateConversation(ctx, "t", &Conversation{ID: "c"}, nil))
		var wait sync.WaitGroup
		for c := range clients {
			mine := []Store{s.a, s.b}[c%2]
			wait.Go(func() {
				previous := ""
				for i := range turns {
					id := fmt.Sprintf("%d-%d", c, i)
					r := finished(id, previous)
					if err := mine.Put(ctx, "t", r); err != nil {
						t.Error(err)
					}
					if err := mine.AppendItems(ctx, "t", "c", list(id)); err != nil {
						t.Error(err)
					}
					if turns, err := mine.Chain(ctx, "t", id, unlimited); err != nil || len(turns) != i+1 {
						t.Errorf("%d turns, %v", len(turns), err)
					}
					previous = id
				}
			})
		}
		wait.Wait()
		items, _, err := s.b.ConversationContext(ctx, "t", "c", unlimited)
		must(t, err)
		ids := itemIDsOf(items)
		slices.Sort(ids)
		equal(t, len(slices.Compact(ids)), clients*turns)
	})
}

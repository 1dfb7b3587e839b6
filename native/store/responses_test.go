package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWhatWasPutIsThereUntilItIsDeleted(t *testing.T) {
	onEach(t, func(t *testing.T, s two) {
		r := &Response{
			Entry: Entry{
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
		equal(t, turns, []Entry{r.Entry})

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
		for id, chain := range map[string][]Entry{
			"a": {a.Entry}, "b": {a.Entry, b.Entry}, "c": {a.Entry, b.Entry, c.Entry}, "fork": {a.Entry, fork.Entry},
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
			equal(t, turns[i], turn(i).Entry)
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

package store

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

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
		equal(t, turns, []Entry{{Input: list("0")}, in(finished("a", ""), 1).Entry, finished("after", "a").Entry})
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

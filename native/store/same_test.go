package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAllKindsDoTheSame runs random calls on every kind of store and compares what they
// return.
func TestAllKindsDoTheSame(t *testing.T) {
	happened := map[string]int{}
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			var stores []two
			for _, k := range kinds {
				stores = append(stores, k.open(t))
			}
			random := rand.New(rand.NewPCG(seed, 1))
			for step := range 1500 {
				call, run := randomCall(random)
				var first []any
				for i, s := range stores {
					got := run([]Store{s.a, s.b}[step%2])
					err, _ := got[len(got)-1].(error)
					got[len(got)-1] = class(err)
					if i == 0 {
						first = got
						happened[got[len(got)-1].(string)]++
					} else if diff := cmp.Diff(first, got, alike); diff != "" {
						t.Fatalf("step %d, %s: %s and %s differ:\n%s", step, call, kinds[0].name, kinds[i].name, diff)
					}
				}
			}
		})
	}
	for _, class := range []string{"", ErrNotFound.Error(), ErrChainBroken.Error(), ErrNoItem.Error(), ErrInProgress.Error(), ErrConflict.Error(), ErrBusy.Error(), ErrTooLarge.Error()} {
		if happened[class] < 5 {
			t.Errorf("%q came %d times only: the calls are not mixed well", class, happened[class])
		}
	}
}

func class(err error) string {
	for _, e := range []error{ErrChainBroken, ErrNotFound, ErrNoItem, ErrInProgress, ErrConflict, ErrBusy, ErrTooLarge, ErrUnavailable} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	if err != nil {
		return "other"
	}
	return ""
}

func randomCall(r *rand.Rand) (call string, run func(Store) []any) {
	pick := func(n int, prefix string) string { return fmt.Sprint(prefix, r.IntN(n)) }
	tenant, id, conversation, owner := pick(2, "t"), pick(30, "r"), pick(4, "c"), pick(2, "o")
	some := func() []Item {
		var ids []string
		for range r.IntN(4) {
			ids = append(ids, pick(60, "i"))
		}
		return list(ids...)
	}
	finals := []Status{Completed, Completed, Completed, Incomplete, Failed, Cancelled}
	response := func(status Status) *Response {
		resp := &Response{Entry: Entry{Head: Head{ID: id, Status: status, Background: r.IntN(2) == 0, Logged: r.IntN(2) == 0}, Input: some(), Output: some()}, Object: []byte(pick(1000, "object"))}
		switch r.IntN(4) {
		case 0, 1:
			resp.Previous = pick(30, "r")
		case 2:
			resp.Conversation, resp.ConversationEnd = conversation, uint64(r.IntN(8))
		}
		return resp
	}
	page := Page{Limit: 1 + r.IntN(5), Descending: r.IntN(2) == 0}
	if r.IntN(2) == 0 {
		page.After = pick(60, "i")
	}
	limit := []int{unlimited, 150}[r.IntN(2)]
	first, events := uint64(r.IntN(3)), [][]byte{[]byte("a"), []byte("b")}[:r.IntN(3)]
	always := func(Head) bool { return true }
	calls := []struct {
		name string
		run  func(Store) []any
	}{
		{"Put", func(s Store) []any { return nil }},
		{"Get", func(s Store) []any { h, o, err := s.Get(ctx, tenant, id); return []any{h, o, err} }},
		{"Delete", func(s Store) []any { return []any{s.Delete(ctx, tenant, id)} }},
		{"Chain", func(s Store) []any { turns, err := s.Chain(ctx, tenant, id, limit); return []any{turns, err} }},
		{"InputItems", func(s Store) []any { i, err := s.InputItems(ctx, tenant, id, page); return []any{i, err} }},
		{"Events", func(s Store) []any {
			if h, _, err := s.Get(ctx, tenant, id); err != nil || !h.Status.Finished() {
				return []any{err} // it would wait
			}
			events, end, err := s.Events(ctx, tenant, id, first, 1)
			return []any{events, end, err}
		}},
		{"Start", func(s Store) []any { return nil }},
		{"Renew", func(s Store) []any { return []any{s.Renew(ctx, tenant, id, lease(owner))} }},
		{"Update", func(s Store) []any {
			return []any{s.Update(ctx, tenant, id, owner, InProgress, []byte("updated"))}
		}},
		{"Append", func(s Store) []any { return []any{s.Append(ctx, tenant, id, owner, first, events)} }},
		{"Finish", func(s Store) []any { return nil }},
		{"Cancel", func(s Store) []any { h, err := s.Cancel(ctx, tenant, id); return []any{h, err} }},
		{"Await", func(s Store) []any { h, err := s.Await(ctx, tenant, id, always); return []any{h, err} }},
		{"Lapsed", func(s Store) []any { jobs, err := s.Lapsed(ctx, lease("p"), 5); return []any{jobs, err} }},
		{"CreateConversation", func(s Store) []any { return nil }},
		{"Conversation", func(s Store) []any { c, err := s.Conversation(ctx, tenant, conversation); return []any{c, err} }},
		{"UpdateConversation", func(s Store) []any {
			return []any{s.UpdateConversation(ctx, tenant, &Conversation{conversation, []byte("changed")})}
		}},
		{"DeleteConversation", func(s Store) []any {
			return []any{s.DeleteConversation(ctx, tenant, conversation)}
		}},
		{"AppendItems", func(s Store) []any { return nil }},
		{"ConversationItems", func(s Store) []any {
			i, err := s.ConversationItems(ctx, tenant, conversation, page)
			return []any{i, err}
		}},
		{"ConversationItem", func(s Store) []any {
			i, err := s.ConversationItem(ctx, tenant, conversation, page.After)
			return []any{i, err}
		}},
		{"DeleteItem", func(s Store) []any { return []any{s.DeleteItem(ctx, tenant, conversation, page.After)} }},
		{"ConversationContext", func(s Store) []any {
			items, end, err := s.ConversationContext(ctx, tenant, conversation, limit)
			return []any{items, end, err}
		}},
		{"LockConversation", func(s Store) []any {
			return []any{s.LockConversation(ctx, tenant, conversation, lease(owner))}
		}},
		{"UnlockConversation", func(s Store) []any {
			return []any{s.UnlockConversation(ctx, tenant, conversation, owner)}
		}},
	}
	c := calls[r.IntN(len(calls))]
	// What takes random content takes it once, the same for every store.
	switch c.name {
	case "Put":
		resp := response(finals[r.IntN(len(finals))])
		c.run = func(s Store) []any { return []any{s.Put(ctx, tenant, resp)} }
	case "Start":
		resp := response([]Status{Queued, InProgress}[r.IntN(2)])
		resp.Output = nil
		c.run = func(s Store) []any { return []any{s.Start(ctx, tenant, resp, lease(owner))} }
	case "Finish":
		resp := response(finals[r.IntN(len(finals))])
		c.run = func(s Store) []any { return []any{s.Finish(ctx, tenant, owner, resp, first, events)} }
	case "CreateConversation":
		items := some()
		c.run = func(s Store) []any {
			return []any{s.CreateConversation(ctx, tenant, &Conversation{conversation, []byte("new")}, items)}
		}
	case "AppendItems":
		items := some()
		c.run = func(s Store) []any { return []any{s.AppendItems(ctx, tenant, conversation, items)} }
	}
	return fmt.Sprintf("%s(%s, %s, %s, %+v)", c.name, tenant, id, conversation, page), c.run
}

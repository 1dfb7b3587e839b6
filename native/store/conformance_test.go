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
		Entry:  Entry{Head: Head{ID: id, Previous: previous, Status: Completed}, Input: list(id + ".in"), Output: list(id + ".out")},
		Object: []byte(`{"id":"` + id + `"}`),
	}
}

func running(id string, logged bool) *Response {
	return &Response{
		Entry:  Entry{Head: Head{ID: id, Status: Queued, Background: true, Logged: logged}, Input: list(id + ".in")},
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

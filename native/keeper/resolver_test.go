package keeper

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses"
)

// reads counts the reads of responses.
type reads struct {
	store.Store
	n atomic.Int64
}

func (r *reads) Get(ctx context.Context, tenant, id string) (store.Head, []byte, error) {
	r.n.Add(1)
	return r.Store.Get(ctx, tenant, id)
}

// resolving makes an archive that holds one response with two items of size bytes.
func resolving(t *testing.T, size int, change func(*config.Config)) (a *Archive, s *reads, ids [2]string) {
	t.Helper()
	kept, err := store.Open(store.Options{MaxSize: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	s = &reads{Store: kept}
	c := config.Default()
	change(c)
	a = New(t.Context(), s, c, memory.NewBudget(int64(c.Limits.Memory)), slog.New(slog.DiscardHandler), RealClock)
	t.Cleanup(func() { a.Close(); _ = kept.Close() })
	const response = "resp_0123456789abcdefghij0000"
	var output []string
	for i := range ids {
		ids[i] = fmt.Sprintf("msg_0123456789abcdefghij%04d", i+1)
		if responses.ResponseOf(ids[i]) != response {
			t.Fatalf("%s is of %q", ids[i], responses.ResponseOf(ids[i]))
		}
		output = append(output, fmt.Sprintf(`{"id":%q,"type":"message","content":%q}`, ids[i], strings.Repeat("x", size)))
	}
	r := &store.Response{Entry: store.Entry{Head: store.Head{ID: response, Status: store.Completed}},
		Object: []byte(`{"id":"` + response + `","instructions":"` + strings.Repeat("i", size) + `","output":[` + strings.Join(output, ",") + `]}`)}
	if err := s.Put(t.Context(), "t", r); err != nil {
		t.Fatal(err)
	}
	return a, s, ids
}

// However often something of a response is referred to, it is read once, and what stands for
// all references together is no more than a body may have.
func TestReferencesDontMultiply(t *testing.T) {
	a, s, ids := resolving(t, 100_000, func(c *config.Config) { c.Limits.Body, c.Limits.Memory = 1_000_000, 16<<20 })
	share := new(memory.Share)
	share.Begin(a.memory)
	r := a.NewResolver("t", share)
	found := 0
	for i := range 100 {
		json, p := r.Item(t.Context(), ids[i%2])
		if p != nil {
			if p.Code != "context_length_exceeded" || p.Param != "input" {
				t.Errorf("%+v", p)
			}
			continue
		}
		if len(json) < 100_000 {
			t.Fatalf("%.100s", json)
		}
		found++
	}
	if found < 8 || found > 10 || s.n.Load() != 1 {
		t.Errorf("%d references resolved, %d reads", found, s.n.Load())
	}
	if held := a.memory.Held(); held > 1_400_000 || held < 1_000_000 {
		t.Errorf("%d bytes held", held)
	}
	for _, id := range []string{"msg_0123456789abcdefghij0007", "msg_zzzzzzzzzzzzzzzzzzzz0001", "other"} {
		for range 3 {
			if json, p := r.Item(t.Context(), id); json != nil || p != nil {
				t.Errorf("%s: %s %v", id, json, p)
			}
		}
	}
	if s.n.Load() > 2 {
		t.Errorf("%d reads", s.n.Load())
	}
	share.Release()
	if a.memory.Held() != 0 {
		t.Errorf("%d bytes held in the end", a.memory.Held())
	}
}

func TestReferencesWithoutMemoryOrClient(t *testing.T) {
	a, s, ids := resolving(t, 2_000_000, func(c *config.Config) { c.Limits.Memory = 32 << 20 })
	a.memory.Keep(30 << 20)
	full := new(memory.Share)
	full.Begin(a.memory)
	if _, p := a.NewResolver("t", full).Item(t.Context(), ids[0]); p == nil || p.Status != 503 || p.Reason != "no_memory" {
		t.Errorf("%+v", p)
	}
	a.memory.Keep(-30 << 20)
	share := new(memory.Share)
	share.Begin(a.memory)
	r := a.NewResolver("t", share)
	ctx, leave := context.WithCancel(t.Context())
	if _, p := r.Item(ctx, ids[0]); p != nil {
		t.Fatal(p)
	}
	leave()
	before := s.n.Load()
	for _, id := range []string{ids[0], ids[1], "msg_zzzzzzzzzzzzzzzzzzzz0001"} {
		if json, p := r.Item(ctx, id); p == nil || json != nil {
			t.Errorf("%s: the client has left, and %d bytes were found", id, len(json))
		}
	}
	if s.n.Load() != before {
		t.Error("a response is read for a client that has left")
	}
	share.Release()
}

package keeper

import (
	"context"
	"log/slog"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// counting measures what is written of each response.
type counting struct {
	store.Store
	written []int
}

func (c *counting) Put(ctx context.Context, tenant string, r *store.Response) error {
	c.written = append(c.written, Size(r.Input)+Size(r.Output)+len(r.Object))
	return c.Store.Put(ctx, tenant, r)
}

// finished is a response of one item.
func finished() hub.Need {
	item := hub.Item{ID: NewID("msg_")}
	item.JSON = []byte(`{"type":"message","id":"` + item.ID + `","status":"completed","role":"assistant",` +
		`"content":[{"type":"output_text","text":"an answer","annotations":[],"logprobs":[]}]}`)
	r := hub.Response{ID: NewID("resp_"), Status: "completed", Stored: true, Output: []hub.Item{item}}
	object := `{"id":"` + r.ID + `","object":"response","store":true,"status":"completed","output":[` + string(item.JSON) + `]}`
	return hub.Need{Kind: hub.NeedKeep, Object: []byte(object), Response: r}
}

// A turn costs the store the same however long the chain before it is: what is written
// are the turn's own items.
func TestALongChainCostsTheStoreNoMorePerTurn(t *testing.T) {
	const turns = 10_000
	s, err := store.Open(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := &counting{Store: s}
	a := New(t.Context(), c, config.Default(), nil, slog.New(slog.DiscardHandler), RealClock)
	defer a.Close()
	previous, last := "", 0
	for n := range turns {
		turn := a.NewKeeper(access.Credential{})
		body := []byte(`{"model":"m","input":"a question","previous_response_id":"` + previous + `"}`)
		if g := turn.Give(t.Context(), &hub.Need{Kind: hub.NeedLeave, Body: body}); g.Problem != nil || !g.Stores {
			t.Fatal(g)
		}
		// The context is rendered in whole, which grows; every hundredth turn does here.
		if previous != "" && (n%100 == 0 || n == turns-1) {
			g := turn.Give(t.Context(), &hub.Need{Kind: hub.NeedContext, Previous: previous})
			if g.Problem != nil {
				t.Fatal(g.Problem.Message)
			}
			last = len(g.Items)
		}
		turn.before.previous = previous
		keep := finished()
		if g := turn.Give(t.Context(), &keep); !g.Stored {
			t.Fatal("not stored")
		}
		previous = keep.Response.ID
	}
	if len(c.written) != turns {
		t.Fatalf("%d responses were written", len(c.written))
	}
	for i, n := range c.written {
		if n != c.written[0] {
			t.Fatalf("turn %d wrote %d bytes, the first %d", i, n, c.written[0])
		}
	}
	if least := (turns - 1) * 200; last < least {
		t.Errorf("the last context has %d bytes, %d at least were expected", last, least)
	}
	t.Logf("%d bytes per turn; the last context has %d", c.written[0], last)
}

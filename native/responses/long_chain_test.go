package responses

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// counting measures what is written of each response.
type counting struct {
	store.Store
	written []int
}

func (c *counting) Put(ctx context.Context, tenant string, r *store.Response) error {
	c.written = append(c.written, size(r.Input)+size(r.Output)+len(r.Object))
	return c.Store.Put(ctx, tenant, r)
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
	last := 0
	core := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var body struct {
			Previous string `json:"previous_response_id"`
		}
		if err := json.Unmarshal(b, &body); err != nil {
			t.Error(err)
		}
		m := server.MemoryOf(r.Context())
		// The context is rendered in whole, which grows; every hundredth turn does here.
		if n := len(c.written); body.Previous != "" && (n%100 == 0 || n == turns-1) {
			g := m.Give(&hub.Need{Kind: hub.NeedContext, Previous: body.Previous})
			if g.Problem != nil {
				t.Error(g.Problem.Message)
			}
			last = len(g.Items)
		} else if body.Previous != "" {
			m.(*turn).previous = body.Previous
		}
		id := newID("resp_")
		answer(w, http.StatusOK, []byte(`{"id":"`+id+`","object":"response","store":true,"status":"completed","output":[{"type":"message","id":"`+newID("msg_")+`","status":"completed","role":"assistant","content":[{"type":"output_text","text":"an answer","annotations":[],"logprobs":[]}]}]}`))
	})
	e := start(t, setup{store: c, core: core})
	id, _ := e.create(create("a question"))
	began := time.Now()
	for n := range turns - 1 {
		if n%2500 == 0 {
			t.Logf("turn %d after %v", n, time.Since(began).Round(time.Millisecond)) // for people
		}
		id, _ = e.create(create("a question", `"previous_response_id":"`+id+`"`))
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

package responses

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	checker "github.com/qwenvoy/qwenvoy/native/grammar/responses"
	"github.com/qwenvoy/qwenvoy/native/simulator"
	"github.com/qwenvoy/qwenvoy/native/store"
)

// dying is a store that is gone when a response is to be kept.
type dying struct {
	store.Store
	dead atomic.Bool
}

func (d *dying) Put(ctx context.Context, tenant string, r *store.Response) error {
	if d.dead.Load() {
		return store.ErrUnavailable
	}
	return d.Store.Put(ctx, tenant, r)
}

func TestAResponseThatTheStoreDidNotTakeSaysSo(t *testing.T) {
	s, err := store.Open(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	d := &dying{Store: s}
	e, _ := gatewayOn(t, d, simulator.Options{}, nil)
	// Each finds out by itself: the store is looked for meanwhile, and is there.
	there := func() bool {
		r := e.do("POST", "/v1/responses/input_tokens", `{"model":"`+instruct+`","input":[{"type":"item_reference","id":"msg_`+strings.Repeat("0", 24)+`"}]}`)
		return r.status != 503
	}
	for _, dead := range []bool{false, true} {
		d.dead.Store(dead)
		object := func(kind string, response map[string]any) {
			t.Helper()
			if response["status"] != "completed" || response["store"] != !dead {
				t.Errorf("%s, dead %v: %v", kind, dead, response)
			}
			status := 200
			if dead {
				status = 404
			}
			if r := e.do("GET", "/v1/responses/"+response["id"].(string), ""); r.status != status {
				t.Errorf("%s, dead %v: %d %s", kind, dead, r.status, r.text)
			}
		}
		eventually(t, "the store", there)
		_, whole := e.create(say(thinking, "hello"))
		eventually(t, "the store", there)
		object("whole", whole)

		r := e.do("POST", "/v1/responses", say(thinking, "hello", `"stream":true`))
		eventually(t, "the store", there)
		faultless(t, r.text, checker.Options{})
		events := readEvents(t, r.text)
		if first := events[0].response(); first["store"] != true {
			t.Error(first) // nobody knew
		}
		object("stream", events[len(events)-1].response())

		conversation := e.conversation(`{}`)
		r = e.do("POST", "/v1/responses", say(thinking, "hello", `"store":true`, `"conversation":"`+conversation+`"`))
		eventually(t, "the store", there)
		object("in a conversation", r.object)

		c := e.dial()
		c.send(`{"type":"response.create","model":"` + thinking + `","input":"hello"}`)
		last, _ := c.turn()
		eventually(t, "the store", there)
		object("socket", last.response())
		// The socket goes on from it all the same.
		c.send(`{"type":"response.create","model":"` + thinking + `","input":"again","store":false,"previous_response_id":"` + id(last) + `"}`)
		if next, _ := c.turn(); next.kind != "response.completed" {
			t.Error(next.text)
		}
	}
}

// It would drive out all that others keep.
func TestAResponseThatIsTooLargeForTheStoreIsNotStored(t *testing.T) {
	s, err := store.Open(store.Options{MaxSize: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	e, _ := gatewayOn(t, s, simulator.Options{}, nil)
	_, small := e.create(say(thinking, "hello"))
	long := strings.Repeat("very ", 20_000)
	if _, large := e.create(say(thinking, long)); large["status"] != "completed" || large["store"] != false {
		t.Error(large["status"], large["store"])
	}
	if r := e.do("POST", "/v1/responses", say(thinking, long, `"background":true`)); r.status != 413 || !strings.Contains(r.text, "can't be stored") {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := e.do("GET", "/v1/responses/"+small["id"].(string), ""); r.status != 200 {
		t.Errorf("the other one: %d %s", r.status, r.text)
	}
}

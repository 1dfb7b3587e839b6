package keeper

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/qwenvoy/qwenvoy/native/store"
)

// sweepLapsed finishes responses whose process died.
func (a *Archive) sweepLapsed(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(a.clock.Sweep):
		}
		if a.health.down() {
			continue
		}
		lapsed, err := a.store.Lapsed(ctx, store.Lease{Owner: a.owner, TTL: a.clock.Lease}, 100)
		if errors.Is(err, store.ErrUnavailable) {
			a.health.lost()
		}
		for _, l := range lapsed {
			a.finishLapsed(ctx, &l)
		}
	}
}

func (a *Archive) finishLapsed(ctx context.Context, l *store.Job) {
	_, object, err := a.store.Get(ctx, l.Tenant, l.ID)
	if err != nil {
		return // deleted meanwhile, or another process finds it
	}
	output, list := a.loggedOutput(ctx, l)
	if len(list) > 0 {
		object = Changed(nil, object, Change{"output", string(list)})
	}
	f := failed(l.ID, object, "server_error", "The process that ran this response ended before it was finished.")
	f.output = output
	var last [][]byte
	if l.Cancelling {
		f.cancelled()
	} else if l.Logged {
		last = [][]byte{responseEvent("response.failed", l.Events, f.object)}
	}
	r := &store.Response{Entry: store.Entry{Head: l.Head, Output: f.output}, Object: f.object}
	r.Status = f.status
	if err := a.store.Finish(ctx, l.Tenant, a.owner, r, l.Events, last); err != nil {
		if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
			a.log.Warn("a response whose process died could not be finished", "response", l.ID, "error", err)
		}
		return
	}
	a.log.Warn("the process of a background response died: it is finished as it was", "response", l.ID, "status", string(f.status))
}

// EventsAtOnce is how many events of a log are read at a time.
const EventsAtOnce = 64

var itemDone = []byte("event: response.output_item.done\ndata: ")

// loggedOutput are the items that a response's event log has the end of, and the list of them;
// nil where it has no log.
func (a *Archive) loggedOutput(ctx context.Context, l *store.Job) (items []store.Item, list []byte) {
	if !l.Logged {
		return nil, nil
	}
	for n := uint64(0); n < l.Events; {
		events, _, err := a.store.Events(ctx, l.Tenant, l.ID, n, EventsAtOnce)
		if err != nil || len(events) == 0 {
			break
		}
		n += uint64(len(events))
		for _, e := range events {
			if data, ok := bytes.CutPrefix(e, itemDone); ok {
				item := Member(bytes.TrimSuffix(data, []byte("\n\n")), "item")
				items = append(items, store.Item{ID: idOf(item), JSON: item})
			}
		}
	}
	return items, append(JoinItems([]byte{'['}, items), ']')
}

package keeper

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/qwenvoy/qwenvoy/native/store"
)

// health is whether the store is available, as last seen. While it is not, it is looked for
// beside requests, so that none of them waits for a dead one.
type health struct {
	store   store.Responses
	ctx     context.Context // of the looking
	log     *slog.Logger
	probe   time.Duration
	away    atomic.Bool
	looking sync.WaitGroup
}

func (h *health) down() bool { return h.away.Load() }

// ask looks for the store, and notes where it is not available.
func (h *health) ask(ctx context.Context, tenant string) {
	if _, _, err := h.store.Get(ctx, tenant, "probe"); errors.Is(err, store.ErrUnavailable) {
		h.lost()
	}
}

// lost notes that the store is not available, and looks for it until it is back.
func (h *health) lost() {
	if h.away.Swap(true) {
		return
	}
	h.log.Warn("the store of responses is not available: what needs no state is served, and nothing is stored")
	h.looking.Go(func() {
		for {
			select {
			case <-h.ctx.Done():
				return
			case <-time.After(h.probe):
			}
			if _, _, err := h.store.Get(h.ctx, "", "probe"); !errors.Is(err, store.ErrUnavailable) {
				h.away.Store(false)
				h.log.Info("the store of responses is available again")
				return
			}
		}
	})
}

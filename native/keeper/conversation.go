package keeper

import (
	"context"
	"errors"
	"time"

	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A conversationLock is the right to run a response of a conversation. It is renewed until it
// is given back.
type conversationLock struct {
	store         store.Conversations
	tenant, id    string
	lease         store.Lease
	stop, stopped chan struct{}
}

// lockConversation takes the lock. It waits for one that is held a moment longer than the
// answer takes which ends the hold.
func (a *Archive) lockConversation(ctx context.Context, tenant, id string) (*conversationLock, *hub.Problem) {
	l := &conversationLock{store: a.store, tenant: tenant, id: id, lease: store.Lease{Owner: NewID(""), TTL: a.clock.Lease}}
	err := l.take(ctx)
	for end := time.Now().Add(a.clock.Busy); errors.Is(err, store.ErrBusy) && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return nil, a.Problem(ctx.Err(), "Conversation", "conversation", id)
		case <-time.After(a.clock.Busy / 10):
		}
		err = l.take(ctx)
	}
	if errors.Is(err, store.ErrBusy) {
		return nil, conversationLocked(id)
	}
	if err != nil {
		return nil, a.Problem(err, "Conversation", "conversation", id)
	}
	l.stop, l.stopped = make(chan struct{}), make(chan struct{})
	go l.renew(context.WithoutCancel(ctx))
	return l, nil
}

func (l *conversationLock) take(ctx context.Context) error {
	return l.store.LockConversation(ctx, l.tenant, l.id, l.lease)
}

func (l *conversationLock) renew(ctx context.Context) {
	defer close(l.stopped)
	for {
		select {
		case <-l.stop:
			return
		case <-time.After(l.lease.TTL / 3):
			_ = l.take(ctx)
		}
	}
}

// release gives the lock back.
func (l *conversationLock) release() {
	close(l.stop)
	<-l.stopped
	ctx, cancel := afterwards(context.Background())
	defer cancel()
	_ = l.store.UnlockConversation(ctx, l.tenant, l.id, l.lease.Owner) // else the lease lapses
}

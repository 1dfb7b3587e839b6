package keeper

import (
	"context"
	"errors"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// An origin is what a turn goes on from.
type origin struct {
	// previous, or conversation with where it ends, are what the new response builds on in
	// the store; items are what comes before its input.
	previous        string
	conversation    string
	conversationEnd uint64
	items           []store.Item
	// unstored: the items are not in the store, so they are stored as the response's own.
	unstored bool
}

// context gives the items before the input.
func (t *Keeper) context(ctx context.Context, n *hub.Need) ([]byte, *hub.Problem) {
	var p *hub.Problem
	if n.Conversation != "" {
		p = t.continueConversation(ctx, n.Conversation)
	} else {
		p = t.continueResponse(ctx, n.Previous)
	}
	if p != nil {
		return nil, p
	}
	items := t.before.items
	size := Size(items) + len(items)
	if !t.memory.Grow(size) {
		return nil, noMemory()
	}
	t.given = size
	return JoinItems(make([]byte, 0, size), items), nil
}

func (t *Keeper) continueResponse(ctx context.Context, previous string) *hub.Problem {
	a := t.archive
	if c := t.last; c != nil && c.ID == previous {
		t.before = origin{items: c.Items, unstored: !c.Stored}
		if c.Stored {
			t.before.previous = previous
		}
		return nil
	}
	if t.last != nil && (t.wish == hub.No || !a.Config().Responses.Store) {
		return unknownPrevious(previous, "It is not the last response of this connection, and store is false.")
	}
	if a.health.down() {
		return storeGone()
	}
	limit, _ := a.Limits()
	turns, err := a.store.Chain(memory.With(ctx, &t.memory), t.tenant, previous, limit)
	switch {
	case errors.Is(err, store.ErrChainBroken):
		return unknownPrevious(previous, "A response that it continues was deleted or is too old.")
	case errors.Is(err, store.ErrNotFound):
		return unknownPrevious(previous, "")
	case errors.Is(err, store.ErrInProgress):
		return stillInProgress(previous)
	case errors.Is(err, store.ErrTooLarge):
		return tooLong("previous_response_id")
	case err != nil:
		return a.Problem(err, "Previous response", "previous_response_id", previous)
	}
	if s := turns[len(turns)-1].Status; s != store.Completed && s != store.Incomplete {
		return unknownPrevious(previous, "It has the status "+string(s)+", so it can't be continued.")
	}
	t.before = origin{previous: previous}
	for i := range turns {
		t.before.items = append(append(t.before.items, turns[i].Input...), turns[i].Output...)
	}
	return nil
}

func (t *Keeper) continueConversation(ctx context.Context, id string) *hub.Problem {
	a := t.archive
	if !a.Config().Responses.Store {
		return NoConversations("conversation")
	}
	if a.health.down() {
		return storeGone()
	}
	if !t.question {
		var p *hub.Problem
		if t.lock, p = a.lockConversation(ctx, t.tenant, id); p != nil {
			return p
		}
	}
	limit, _ := a.Limits()
	items, end, err := a.store.ConversationContext(memory.With(ctx, &t.memory), t.tenant, id, limit)
	if errors.Is(err, store.ErrTooLarge) {
		return tooLong("conversation")
	}
	if err != nil {
		return a.Problem(err, "Conversation", "conversation", id)
	}
	t.before = origin{conversation: id, conversationEnd: end, items: items}
	return nil
}

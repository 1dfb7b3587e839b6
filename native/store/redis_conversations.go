package store

import (
	"context"
	"strconv"

	"github.com/qwenvoy/qwenvoy/native/redis"
)

// redisConversations are the Conversations of a store on Redis.
type redisConversations struct {
	db *redisDB
}

func (r *redisConversations) CreateConversation(ctx context.Context, tenant string, c *Conversation, items []Item) error {
	if err := checkIDs(tenant, c.ID, items); err != nil {
		return err
	}
	if repeatedID(items) {
		return ErrConflict
	}
	return r.db.do(ctx, createConversationScript, []string{conversationKey + name(tenant, c.ID)}, pairs([]any{r.db.ttl, c.Object}, items)...)
}

func (r *redisConversations) Conversation(ctx context.Context, tenant, id string) (*Conversation, error) {
	values, err := r.db.fields(ctx, conversationKey+name(tenant, id), "o")
	if err != nil {
		return nil, err
	}
	return &Conversation{ID: id, Object: []byte(redis.Text(values, 0))}, nil
}

func (r *redisConversations) UpdateConversation(ctx context.Context, tenant string, c *Conversation) error {
	return r.db.do(ctx, updateConversationScript, []string{conversationKey + name(tenant, c.ID)}, r.db.ttl, c.Object)
}

func (r *redisConversations) DeleteConversation(ctx context.Context, tenant, id string) error {
	n := name(tenant, id)
	return r.db.do(ctx, deleteConversationScript, []string{conversationKey + n, lockKey + n})
}

func (r *redisConversations) AppendItems(ctx context.Context, tenant, id string, items []Item) error {
	if err := checkIDs(tenant, id, items); err != nil {
		return err
	}
	if repeatedID(items) {
		return ErrConflict
	}
	return r.db.do(ctx, appendItemsScript, []string{conversationKey + name(tenant, id)}, pairs([]any{r.db.ttl}, items)...)
}

// items visits a conversation's items from a position on (-1: from the last) and returns
// where it ended at the beginning.
func (r *redisConversations) items(ctx context.Context, n string, from int64, step, many int, visit func(Item) bool) (uint64, error) {
	key, first, end := []string{conversationKey + n}, true, uint64(0)
	for {
		answer, err := r.db.list(ctx, rangeScript, key, from, step, many, scriptBytes)
		if err != nil {
			return 0, err
		}
		if len(answer) < 2 {
			return 0, ErrNotFound
		}
		if n, _ := answer[0].(int64); first {
			first, end = false, uint64(n)
		}
		if err := came(ctx, answer[2:]...); err != nil {
			return 0, err
		}
		for i := range answer[2:] {
			item, err := readItem([]byte(redis.Text(answer, 2+i)))
			if err != nil {
				return 0, err
			}
			if !visit(item) {
				return end, nil
			}
		}
		from, _ = answer[1].(int64)
		if from < 0 || step > 0 && uint64(from) >= end {
			return end, nil
		}
	}
}

func (r *redisConversations) ConversationItems(ctx context.Context, tenant, id string, p Page) (Items, error) {
	g := newPager(p)
	var from int64
	step := 1
	if p.Descending {
		from, step = -1, -1
	}
	if p.After != "" {
		at, _, err := r.item(ctx, tenant, id, p.After, "")
		if err != nil {
			return Items{}, err
		}
		from, g.found = at+int64(step), true
		if from < 0 { // it was the first
			return g.result()
		}
	}
	if _, err := r.items(ctx, name(tenant, id), from, step, p.Limit+1, g.add); err != nil {
		return Items{}, err
	}
	return g.result()
}

// item reads an item, and deletes it if how is "1".
func (r *redisConversations) item(ctx context.Context, tenant, id, item, how string) (at int64, i Item, err error) {
	answer, err := r.db.run(ctx, itemScript, []string{conversationKey + name(tenant, id)}, item, how, r.db.ttl)
	if err != nil {
		return 0, Item{}, err
	}
	values, ok := answer.([]any)
	if !ok {
		return 0, Item{}, outcome(answer)
	}
	at, err = strconv.ParseInt(redis.Text(values, 0), 10, 64)
	if err != nil {
		return 0, Item{}, unavailable(errRecord)
	}
	i, err = readItem([]byte(redis.Text(values, 1)))
	return at, i, err
}

func (r *redisConversations) ConversationItem(ctx context.Context, tenant, id, item string) (Item, error) {
	_, i, err := r.item(ctx, tenant, id, item, "")
	return i, err
}

func (r *redisConversations) DeleteItem(ctx context.Context, tenant, id, item string) error {
	_, _, err := r.item(ctx, tenant, id, item, "1")
	return err
}

func (r *redisConversations) ConversationContext(ctx context.Context, tenant, id string, maxBytes int) ([]Item, uint64, error) {
	var list []Item
	end, err := r.items(ctx, name(tenant, id), 0, 1, scriptItems, func(i Item) bool {
		maxBytes -= len(i.JSON)
		list = append(list, i)
		return maxBytes >= 0
	})
	if err == nil && maxBytes < 0 {
		err = ErrTooLarge
	}
	if err != nil {
		return nil, 0, err
	}
	return list, end, nil
}

func (r *redisConversations) LockConversation(ctx context.Context, tenant, id string, l Lease) error {
	n := name(tenant, id)
	return r.db.do(ctx, lockScript, []string{conversationKey + n, lockKey + n}, l.Owner, l.TTL.Milliseconds())
}

func (r *redisConversations) UnlockConversation(ctx context.Context, tenant, id, owner string) error {
	return r.db.do(ctx, unlockScript, []string{lockKey + name(tenant, id)}, owner)
}

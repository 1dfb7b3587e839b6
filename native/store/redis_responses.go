package store

import (
	"context"
	"errors"
	"slices"

	"github.com/qwenvoy/qwenvoy/native/redis"
)

// redisResponses are the Responses of a store on Redis.
type redisResponses struct {
	db            *redisDB
	conversations *redisConversations
}

func (r *redisResponses) Put(ctx context.Context, tenant string, resp *Response) error {
	if err := errors.Join(checkIDs(tenant, resp.ID, resp.Input, resp.Output), checkStatus(resp.Status, true)); err != nil {
		return err
	}
	return r.insert(ctx, tenant, resp, Lease{})
}

func (r *redisResponses) insert(ctx context.Context, tenant string, resp *Response, l Lease) error {
	n := name(tenant, resp.ID)
	logged := ""
	if resp.Logged {
		logged = "1"
	}
	keys := []string{responseKey + n, leasesKey}
	args := []any{r.db.ttl, string(resp.Status), resp.Previous, headField(&resp.Head),
		appendItems(nil, resp.Input), appendItems(nil, resp.Output), resp.Object, l.Owner, l.TTL.Milliseconds(), n, logged}
	if resp.Conversation != "" && resp.Status.continuable() {
		keys = append(keys, conversationKey+name(tenant, resp.Conversation))
		args = pairs(args, resp.Input, resp.Output)
	}
	return r.db.do(ctx, insertScript, keys, args...)
}

func (r *redisResponses) Get(ctx context.Context, tenant, id string) (Head, []byte, error) {
	values, err := r.db.fields(ctx, responseKey+name(tenant, id), "s", "p", "h", "x", "b")
	if err != nil {
		return Head{}, nil, err
	}
	head, err := readHeadFields(id, values)
	if err == nil {
		err = came(ctx, values[4:]...)
	}
	return head, []byte(redis.Text(values, 4)), err
}

func (r *redisResponses) Delete(ctx context.Context, tenant, id string) error {
	n := name(tenant, id)
	return r.db.do(ctx, deleteScript, []string{responseKey + n, leasesKey}, channel, n)
}

// walk follows the chain in pieces that grow, since a page mostly ends soon.
func (r *redisResponses) walk(ctx context.Context, tenant, id string) walk {
	return func(visit func(Entry) bool) error {
		prefix := responseKey + name(tenant, "")
		missing, many := ErrNotFound, 8
		seen := map[string]bool{}
		for next := id; next != ""; many = min(many*4, scriptTurns) {
			answer, err := r.db.list(ctx, walkScript, []string{prefix + next}, prefix, next, many, scriptBytes)
			if err != nil {
				return err
			}
			if len(answer) == 0 {
				return unavailable(errRecord)
			}
			for _, a := range answer {
				values, _ := a.([]any)
				turnID := redis.Text(values, 0)
				if len(values) < 7 || seen[turnID] {
					return missing
				}
				missing, seen[turnID] = ErrChainBroken, true
				head, err := readHeadFields(turnID, values[1:])
				if err = errors.Join(err, came(ctx, values[5:7]...)); err != nil {
					return err
				}
				input, output := &reader{rest: []byte(redis.Text(values, 5))}, &reader{rest: []byte(redis.Text(values, 6))}
				t := Entry{Head: head, Input: input.items(), Output: output.items()}
				if err := errors.Join(input.err(), output.err()); err != nil {
					return err
				}
				if !visit(t) {
					return nil
				}
				if head.Conversation != "" {
					return r.visitConversation(ctx, &head, tenant, visit)
				}
				next = head.Previous
			}
		}
		return nil
	}
}

func (r *redisResponses) visitConversation(ctx context.Context, h *Head, tenant string, visit func(Entry) bool) error {
	if h.ConversationEnd == 0 {
		return nil
	}
	var held []Item
	_, err := r.conversations.items(ctx, name(tenant, h.Conversation), int64(h.ConversationEnd)-1, -1, scriptItems, func(i Item) bool {
		held = append(held, i)
		return true
	})
	if errors.Is(err, ErrNotFound) {
		return ErrChainBroken
	}
	if err == nil && len(held) > 0 {
		slices.Reverse(held)
		visit(Entry{Input: held})
	}
	return err
}

func (r *redisResponses) Chain(ctx context.Context, tenant, id string, maxBytes int) ([]Entry, error) {
	return r.walk(ctx, tenant, id).chain(maxBytes)
}

func (r *redisResponses) InputItems(ctx context.Context, tenant, id string, p Page) (Items, error) {
	return r.walk(ctx, tenant, id).inputItems(p)
}

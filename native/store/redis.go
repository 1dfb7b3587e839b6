package store

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/redis"
)

// redisStore is the store of several processes on one Redis server. Each write is one
// script, which Redis runs whole or not at all. What a write's answer is worth is what
// Redis makes of it: appendonly, and appendfsync always for a disk's word.
//
// Age is Redis's own expiry of keys. A chain is followed by a script too, many turns
// per round trip.
type redisStore struct {
	*redisResponses
	*redisJobs
	*redisConversations
	db     *redisDB
	closed sync.Once
}

var _ Store = (*redisStore)(nil)

const (
	responseKey     = "qwenvoy:r:"
	conversationKey = "qwenvoy:c:"
	lockKey         = "qwenvoy:l:"
	leasesKey       = "qwenvoy:leases"
	// channel tells every process the name of a background response that changed.
	channel = "qwenvoy:changed"
)

// Redis answers nobody else while a script runs, so scripts do a limited piece at a time.
const (
	scriptBytes = 1 << 20
	scriptTurns = 512
	scriptItems = 1000
)

func openRedis(o Options) (Store, error) {
	client, err := redis.Open(o.Redis)
	if err != nil {
		return nil, err
	}
	db := &redisDB{client: client, ttl: o.MaxAge.Milliseconds()}
	if o.MaxAge > 0 {
		db.ttl = max(db.ttl, 1)
	}
	if o.Log != nil {
		if err := meaning(client.Ping(context.Background())); err != nil {
			o.Log.Warn("stored responses are not available until Redis is", "error", err)
		}
	}
	conversations := &redisConversations{db}
	responses := &redisResponses{db, conversations}
	return &redisStore{responses, &redisJobs{db: db, responses: responses, waiters: newWaiters()}, conversations, db, sync.Once{}}, nil
}

func (r *redisStore) Close() (err error) {
	r.closed.Do(func() {
		r.redisJobs.close()
		err = r.db.client.Close()
	})
	return err
}

// redisDB is the server as the store uses it: scripts and hashes, answers in the store's errors.
type redisDB struct {
	client *redis.Client
	ttl    int64 // ms; 0: none
}

// meaning is what an error of Redis is to the store's callers.
func meaning(err error) error {
	if _, ok := errors.AsType[*redis.Error](err); ok {
		return unavailable(err)
	}
	return err
}

// run returns what the script answered.
func (r *redisDB) run(ctx context.Context, s *redis.Script, keys []string, args ...any) (any, error) {
	answer, err := r.client.Run(ctx, s, keys, args...)
	return answer, meaning(err)
}

// do runs a script that answers with a number.
func (r *redisDB) do(ctx context.Context, s *redis.Script, keys []string, args ...any) error {
	answer, err := r.run(ctx, s, keys, args...)
	if err != nil {
		return err
	}
	return outcome(answer)
}

// outcome is what a script's number says.
func outcome(answer any) error {
	switch answer {
	case int64(0):
		return nil
	case int64(answerNotFound):
		return ErrNotFound
	case int64(answerConflict):
		return ErrConflict
	case int64(answerNoItem):
		return ErrNoItem
	case int64(answerBusy):
		return ErrBusy
	}
	return unavailable(errRecord)
}

// list runs a script that answers with a list.
func (r *redisDB) list(ctx context.Context, s *redis.Script, keys []string, args ...any) ([]any, error) {
	list, err := r.client.List(ctx, s, keys, args...)
	return list, meaning(err)
}

// fields reads fields of a hash, the first of which is always there. ErrNotFound.
func (r *redisDB) fields(ctx context.Context, key string, names ...string) ([]any, error) {
	values, err := r.client.Fields(ctx, key, names...)
	if err == nil && values[0] == nil {
		err = ErrNotFound
	}
	return values, meaning(err)
}

// came has texts that an answer held count against whoever asked (memory.With). They come in
// pieces of a limited size, so that not much has come when there is no room.
func came(ctx context.Context, texts ...any) error {
	n := 0
	for i := range texts {
		n += len(redis.Text(texts, i))
	}
	if !memory.Of(ctx).Grow(n) {
		return memory.ErrFull
	}
	return nil
}

// headField is h of a response: what never changes and no script looks at.
func headField(h *Head) []byte {
	to := []byte{recordVersion, h.flags() &^ flagCancelling}
	to = appendText(to, h.Conversation)
	return binary.AppendUvarint(to, h.ConversationEnd)
}

// readHeadFields reads s, p, h and x.
func readHeadFields(id string, answer []any) (Head, error) {
	head := Head{ID: id, Status: Status(redis.Text(answer, 0)), Previous: redis.Text(answer, 1)}
	in := &reader{rest: []byte(redis.Text(answer, 2))}
	in.bad = in.byte() != recordVersion
	head.setFlags(in.byte())
	head.Conversation = in.text()
	head.ConversationEnd = in.number()
	head.Cancelling = redis.Text(answer, 3) != ""
	return head, in.err()
}

// pairs are ids and items.
func pairs(args []any, lists ...[]Item) []any {
	for _, list := range lists {
		for _, i := range list {
			args = append(args, i.ID, appendItem(nil, i))
		}
	}
	return args
}

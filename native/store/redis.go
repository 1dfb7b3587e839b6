package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// redisStore is the store of several processes on one Redis server. Each write is one
// script, which Redis runs whole or not at all. What a write's answer is worth is what
// Redis makes of it: appendonly, and appendfsync always for a disk's word.
//
// Age is Redis's own expiry of keys. A chain is followed by a script too, many turns
// per round trip.
type redisStore struct {
	client  *redis.Client
	ttl     int64 // ms; 0: none
	waiters *waiters

	listen sync.Once
	closed sync.Once
	ended  sync.WaitGroup
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

const (
	// redisTimeout is for one step on the network: to connect, to send, to receive.
	redisTimeout = 2 * time.Second
	// callTimeout is for a call and its answer, a new connection included.
	callTimeout = 4 * time.Second
	// pollEvery is for those who wait, should a message have been lost.
	pollEvery = time.Second
	// Redis answers nobody else while a script runs, so scripts do a limited piece at a time.
	scriptBytes = 1 << 20
	scriptTurns = 512
	scriptItems = 1000
)

// go-redis logs to standard error what its calls return as errors anyway.
var quiet = sync.OnceFunc(logging.Disable)

func openRedis(o Options) (Store, error) {
	options, err := redis.ParseURL(o.Redis)
	if err != nil {
		// Without the cause, which may show the password.
		return nil, errors.New("the Redis URL is not valid: redis://[user:password@]host:port/database is wanted (rediss:// for TLS)")
	}
	quiet()
	timeout := func(d *time.Duration) {
		if *d == 0 {
			*d = redisTimeout
		}
	}
	timeout(&options.DialTimeout)
	timeout(&options.ReadTimeout)
	timeout(&options.WriteTimeout)
	timeout(&options.PoolTimeout)
	options.DialerRetries = 1
	options.MaxRetries = -1 // a write whose answer was lost may have been done
	options.ContextTimeoutEnabled = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	r := &redisStore{client: redis.NewClient(options), ttl: o.MaxAge.Milliseconds(), waiters: newWaiters()}
	if o.MaxAge > 0 {
		r.ttl = max(r.ttl, 1)
	}
	if o.Log != nil {
		if err := r.call(context.Background(), func(ctx context.Context) error { return r.client.Ping(ctx).Err() }); err != nil {
			o.Log.Warn("stored responses are not available until Redis is", "error", err.Error())
		}
	}
	return r, nil
}

func (r *redisStore) Close() (err error) {
	r.closed.Do(func() {
		r.listen.Do(func() {}) // never begins any more
		close(r.waiters.closed)
		r.ended.Wait()
		err = r.client.Close()
	})
	return err
}

// call limits a call's time and says what its error means to callers.
func (r *redisStore) call(ctx context.Context, do func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-r.waiters.closed:
		return errClosed
	default:
	}
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := do(limited)
	if err == nil || err == redis.Nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var answer redis.Error
	if errors.As(err, &answer) {
		// The first word of Redis's own errors says it; the rest may show what was sent.
		word, _, _ := strings.Cut(answer.Error(), " ")
		return unavailable(errors.New("redis: " + word))
	}
	return unavailable(fmt.Errorf("redis: %w", err))
}

// run returns what the script answered.
func (r *redisStore) run(ctx context.Context, s *redis.Script, keys []string, args ...any) (answer any, err error) {
	err = r.call(ctx, func(ctx context.Context) (err error) {
		answer, err = s.Run(ctx, r.client, keys, args...).Result()
		return err
	})
	return answer, err
}

// do runs a script that answers with a number.
func (r *redisStore) do(ctx context.Context, s *redis.Script, keys []string, args ...any) error {
	answer, err := r.run(ctx, s, keys, args...)
	if err != nil {
		return err
	}
	return meaning(answer)
}

func meaning(answer any) error {
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
func (r *redisStore) list(ctx context.Context, s *redis.Script, keys []string, args ...any) ([]any, error) {
	answer, err := r.run(ctx, s, keys, args...)
	if err != nil {
		return nil, err
	}
	l, ok := answer.([]any)
	if !ok {
		return nil, unavailable(errRecord)
	}
	return l, nil
}

// field is a text of an answer, "" for none.
func field(answer []any, i int) string {
	if i < len(answer) {
		s, _ := answer[i].(string)
		return s
	}
	return ""
}

// headField is h of a response: what never changes and no script looks at.
func headField(h *Head) []byte {
	to := []byte{recordVersion, h.flags() &^ flagCancelling}
	to = appendText(to, h.Conversation)
	return binary.AppendUvarint(to, h.ConversationEnd)
}

// readHeadFields reads s, p, h and x.
func readHeadFields(id string, answer []any) (Head, error) {
	head := Head{ID: id, Status: Status(field(answer, 0)), Previous: field(answer, 1)}
	in := &reader{rest: []byte(field(answer, 2))}
	in.bad = in.byte() != recordVersion
	head.setFlags(in.byte())
	head.Conversation = in.text()
	head.ConversationEnd = in.number()
	head.Cancelling = field(answer, 3) != ""
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

func (r *redisStore) Put(ctx context.Context, tenant string, resp *Response) error {
	if err := errors.Join(checkIDs(tenant, resp.ID, resp.Input, resp.Output), checkStatus(resp.Status, true)); err != nil {
		return err
	}
	return r.insert(ctx, tenant, resp, Lease{})
}

func (r *redisStore) Start(ctx context.Context, tenant string, resp *Response, l Lease) error {
	if err := errors.Join(checkIDs(tenant, resp.ID, resp.Input), checkStatus(resp.Status, false), checkLease(l)); err != nil {
		return err
	}
	return r.insert(ctx, tenant, resp, l)
}

func (r *redisStore) insert(ctx context.Context, tenant string, resp *Response, l Lease) error {
	n := name(tenant, resp.ID)
	logged := ""
	if resp.Logged {
		logged = "1"
	}
	keys := []string{responseKey + n, leasesKey}
	args := []any{r.ttl, string(resp.Status), resp.Previous, headField(&resp.Head), appendItems(nil, resp.Input), appendItems(nil, resp.Output),
		resp.Object, l.Owner, l.TTL.Milliseconds(), n, logged}
	if resp.Conversation != "" && resp.Status.continuable() {
		keys = append(keys, conversationKey+name(tenant, resp.Conversation))
		args = pairs(args, resp.Input, resp.Output)
	}
	return r.do(ctx, insertScript, keys, args...)
}

func (r *redisStore) Renew(ctx context.Context, tenant, id string, l Lease) error {
	n := name(tenant, id)
	return r.do(ctx, renewScript, []string{responseKey + n, leasesKey}, l.Owner, l.TTL.Milliseconds(), n)
}

func (r *redisStore) Update(ctx context.Context, tenant, id, owner string, s Status, object []byte) error {
	if err := checkStatus(s, false); err != nil {
		return err
	}
	n := name(tenant, id)
	return r.do(ctx, updateScript, []string{responseKey + n}, owner, channel, n, string(s), object)
}

func (r *redisStore) Append(ctx context.Context, tenant, id, owner string, first uint64, events [][]byte) error {
	n := name(tenant, id)
	args := []any{owner, channel, n, first}
	for _, e := range events {
		args = append(args, e)
	}
	return r.do(ctx, appendScript, []string{responseKey + n}, args...)
}

func (r *redisStore) Finish(ctx context.Context, tenant, owner string, resp *Response, first uint64, events [][]byte) error {
	if err := errors.Join(checkIDs(tenant, resp.ID, resp.Output), checkStatus(resp.Status, true)); err != nil {
		return err
	}
	n := name(tenant, resp.ID)
	keys := []string{responseKey + n, leasesKey}
	args := []any{owner, channel, n, r.ttl, string(resp.Status), appendItems(nil, resp.Output), resp.Object, first, len(events)}
	for _, e := range events {
		args = append(args, e)
	}
	if resp.Status.continuable() {
		// What was stored at the start and doesn't change.
		started, err := r.fields(ctx, responseKey+n, "s", "p", "h", "x", "i")
		if err != nil {
			return err
		}
		head, err := readHeadFields(resp.ID, started)
		if err != nil {
			return err
		}
		if head.Conversation != "" {
			in := &reader{rest: []byte(field(started, 4))}
			keys = append(keys, conversationKey+name(tenant, head.Conversation))
			args = pairs(args, in.items(), resp.Output)
			if in.bad {
				return in.err()
			}
		}
	}
	return r.do(ctx, finishScript, keys, args...)
}

// fields reads fields of a hash, the first of which is always there. ErrNotFound.
func (r *redisStore) fields(ctx context.Context, key string, names ...string) (values []any, err error) {
	err = r.call(ctx, func(ctx context.Context) (err error) {
		values, err = r.client.HMGet(ctx, key, names...).Result()
		return err
	})
	if err == nil && (len(values) != len(names) || values[0] == nil) {
		err = ErrNotFound
	}
	return values, err
}

func (r *redisStore) Get(ctx context.Context, tenant, id string) (Head, []byte, error) {
	values, err := r.fields(ctx, responseKey+name(tenant, id), "s", "p", "h", "x", "b")
	if err != nil {
		return Head{}, nil, err
	}
	head, err := readHeadFields(id, values)
	return head, []byte(field(values, 4)), err
}

func (r *redisStore) Delete(ctx context.Context, tenant, id string) error {
	n := name(tenant, id)
	return r.do(ctx, deleteScript, []string{responseKey + n, leasesKey}, channel, n)
}

func (r *redisStore) Cancel(ctx context.Context, tenant, id string) (Head, error) {
	n := name(tenant, id)
	values, err := r.list(ctx, cancelScript, []string{responseKey + n}, channel, n)
	if err != nil {
		return Head{}, err
	}
	if len(values) == 0 {
		return Head{}, ErrNotFound
	}
	return readHeadFields(id, values)
}

// await begins to listen for changes when somebody waits for the first time.
func (r *redisStore) await(ctx context.Context, name string, look func() (bool, error)) error {
	r.listen.Do(func() {
		sub := r.client.Subscribe(context.Background(), channel)
		messages := sub.Channel() // connects again by itself
		r.ended.Go(func() {
			defer func() { _ = sub.Close() }()
			for {
				select {
				case m := <-messages:
					r.waiters.wake(m.Payload)
				case <-r.waiters.closed:
					return
				}
			}
		})
	})
	return r.waiters.await(ctx, name, pollEvery, look)
}

func (r *redisStore) Await(ctx context.Context, tenant, id string, until func(Head) bool) (head Head, err error) {
	n := name(tenant, id)
	err = r.await(ctx, n, func() (bool, error) {
		values, err := r.fields(ctx, responseKey+n, "s", "p", "h", "x")
		if err != nil {
			return false, err
		}
		head, err = readHeadFields(id, values)
		return err == nil && until(head), err
	})
	if err != nil {
		return Head{}, err
	}
	return head, nil
}

func (r *redisStore) Events(ctx context.Context, tenant, id string, from uint64, limit int) (events [][]byte, end bool, err error) {
	n := name(tenant, id)
	from = min(from, math.MaxInt32) // beyond every log, and exact in a script
	err = r.await(ctx, n, func() (bool, error) {
		values, err := r.list(ctx, eventsScript, []string{responseKey + n}, from, limit, scriptBytes)
		if err != nil {
			return false, err
		}
		if len(values) == 0 {
			return false, ErrNotFound
		}
		events, end = nil, Status(field(values, 0)).Finished() && field(values, 1) == "1"
		for i := range values[2:] {
			events = append(events, []byte(field(values, 2+i)))
		}
		return len(events) > 0 || end, nil
	})
	if err != nil {
		return nil, false, err
	}
	return events, end, nil
}

func (r *redisStore) Lapsed(ctx context.Context, l Lease, limit int) ([]Job, error) {
	found, err := r.list(ctx, lapsedScript, []string{leasesKey}, responseKey, l.Owner, l.TTL.Milliseconds(), limit)
	if err != nil {
		return nil, err
	}
	var jobs []Job
	for _, f := range found {
		values, _ := f.([]any)
		tenant, id := splitName(field(values, 0))
		events, wrong := strconv.ParseUint(field(values, 5), 10, 64)
		if len(values) < 6 || wrong != nil {
			return nil, unavailable(errRecord)
		}
		head, err := readHeadFields(id, values[1:])
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, Job{Tenant: tenant, Head: head, Events: events})
	}
	return jobs, nil
}

func splitName(n string) (tenant, id string) {
	length, rest, _ := strings.Cut(n, ":")
	l, err := strconv.Atoi(length)
	if err != nil || l < 0 || l >= len(rest) {
		return "", rest
	}
	return rest[:l], rest[l+1:]
}

// walk follows the chain in pieces that grow, since a page mostly ends soon.
func (r *redisStore) walk(ctx context.Context, tenant, id string) walk {
	return func(visit func(Turn) bool) error {
		prefix := responseKey + name(tenant, "")
		missing, many := ErrNotFound, 8
		seen := map[string]bool{}
		for next := id; next != ""; many = min(many*4, scriptTurns) {
			answer, err := r.list(ctx, walkScript, []string{prefix + next}, prefix, next, many, scriptBytes)
			if err != nil {
				return err
			}
			if len(answer) == 0 {
				return unavailable(errRecord)
			}
			for _, a := range answer {
				values, _ := a.([]any)
				turnID := field(values, 0)
				if len(values) < 7 || seen[turnID] {
					return missing
				}
				missing, seen[turnID] = ErrChainBroken, true
				head, err := readHeadFields(turnID, values[1:])
				if err != nil {
					return err
				}
				input, output := &reader{rest: []byte(field(values, 5))}, &reader{rest: []byte(field(values, 6))}
				t := Turn{Head: head, Input: input.items(), Output: output.items()}
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

func (r *redisStore) visitConversation(ctx context.Context, h *Head, tenant string, visit func(Turn) bool) error {
	if h.ConversationEnd == 0 {
		return nil
	}
	var held []Item
	_, err := r.items(ctx, tenant, h.Conversation, int64(h.ConversationEnd)-1, -1, scriptItems, func(i Item) bool {
		held = append(held, i)
		return true
	})
	if errors.Is(err, ErrNotFound) {
		return ErrChainBroken
	}
	if err == nil && len(held) > 0 {
		slices.Reverse(held)
		visit(Turn{Input: held})
	}
	return err
}

func (r *redisStore) Chain(ctx context.Context, tenant, id string, maxBytes int) ([]Turn, error) {
	return r.walk(ctx, tenant, id).chain(maxBytes)
}

func (r *redisStore) InputItems(ctx context.Context, tenant, id string, p Page) (Items, error) {
	return r.walk(ctx, tenant, id).inputItems(p)
}

func (r *redisStore) CreateConversation(ctx context.Context, tenant string, c *Conversation, items []Item) error {
	if err := checkIDs(tenant, c.ID, items); err != nil {
		return err
	}
	if repeatedID(items) {
		return ErrConflict
	}
	return r.do(ctx, createConversationScript, []string{conversationKey + name(tenant, c.ID)}, pairs([]any{r.ttl, c.Object}, items)...)
}

func (r *redisStore) Conversation(ctx context.Context, tenant, id string) (*Conversation, error) {
	values, err := r.fields(ctx, conversationKey+name(tenant, id), "o")
	if err != nil {
		return nil, err
	}
	return &Conversation{ID: id, Object: []byte(field(values, 0))}, nil
}

func (r *redisStore) UpdateConversation(ctx context.Context, tenant string, c *Conversation) error {
	return r.do(ctx, updateConversationScript, []string{conversationKey + name(tenant, c.ID)}, r.ttl, c.Object)
}

func (r *redisStore) DeleteConversation(ctx context.Context, tenant, id string) error {
	n := name(tenant, id)
	return r.do(ctx, deleteConversationScript, []string{conversationKey + n, lockKey + n})
}

func (r *redisStore) AppendItems(ctx context.Context, tenant, id string, items []Item) error {
	if err := checkIDs(tenant, id, items); err != nil {
		return err
	}
	if repeatedID(items) {
		return ErrConflict
	}
	return r.do(ctx, appendItemsScript, []string{conversationKey + name(tenant, id)}, pairs([]any{r.ttl}, items)...)
}

// items visits items from a position on (-1: from the last) and returns where the
// conversation ended at the beginning.
func (r *redisStore) items(ctx context.Context, tenant, id string, from int64, step, many int, visit func(Item) bool) (end uint64, err error) {
	key, first := []string{conversationKey + name(tenant, id)}, true
	for {
		answer, err := r.list(ctx, rangeScript, key, from, step, many, scriptBytes)
		if err != nil {
			return 0, err
		}
		if len(answer) < 2 {
			return 0, ErrNotFound
		}
		if n, _ := answer[0].(int64); first {
			first, end = false, uint64(n)
		}
		for i := range answer[2:] {
			item, err := readItem([]byte(field(answer, 2+i)))
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

func (r *redisStore) ConversationItems(ctx context.Context, tenant, id string, p Page) (Items, error) {
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
	if _, err := r.items(ctx, tenant, id, from, step, p.Limit+1, g.add); err != nil {
		return Items{}, err
	}
	return g.result()
}

// item reads an item, and deletes it if how is "1".
func (r *redisStore) item(ctx context.Context, tenant, id, item, how string) (at int64, i Item, err error) {
	answer, err := r.run(ctx, itemScript, []string{conversationKey + name(tenant, id)}, item, how, r.ttl)
	if err != nil {
		return 0, Item{}, err
	}
	values, ok := answer.([]any)
	if !ok {
		return 0, Item{}, meaning(answer)
	}
	at, err = strconv.ParseInt(field(values, 0), 10, 64)
	if err != nil {
		return 0, Item{}, unavailable(errRecord)
	}
	i, err = readItem([]byte(field(values, 1)))
	return at, i, err
}

func (r *redisStore) ConversationItem(ctx context.Context, tenant, id, item string) (Item, error) {
	_, i, err := r.item(ctx, tenant, id, item, "")
	return i, err
}

func (r *redisStore) DeleteItem(ctx context.Context, tenant, id, item string) error {
	_, _, err := r.item(ctx, tenant, id, item, "1")
	return err
}

func (r *redisStore) ConversationContext(ctx context.Context, tenant, id string, maxBytes int) ([]Item, uint64, error) {
	var list []Item
	end, err := r.items(ctx, tenant, id, 0, 1, scriptItems, func(i Item) bool {
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

func (r *redisStore) LockConversation(ctx context.Context, tenant, id string, l Lease) error {
	n := name(tenant, id)
	return r.do(ctx, lockScript, []string{conversationKey + n, lockKey + n}, l.Owner, l.TTL.Milliseconds())
}

func (r *redisStore) UnlockConversation(ctx context.Context, tenant, id, owner string) error {
	return r.do(ctx, unlockScript, []string{lockKey + name(tenant, id)}, owner)
}

package store

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/qwenvoy/qwenvoy/native/redis"
)

// redisJobs are the Jobs of a store on Redis.
type redisJobs struct {
	db        *redisDB
	responses *redisResponses
	waiters   *waiters
	listen    sync.Once
}

// pollEvery is for those who wait, should a message have been lost.
const pollEvery = time.Second

func (r *redisJobs) close() {
	r.listen.Do(func() {}) // never begins any more
	close(r.waiters.closed)
}

func (r *redisJobs) Start(ctx context.Context, tenant string, resp *Response, l Lease) error {
	if err := errors.Join(checkIDs(tenant, resp.ID, resp.Input), checkStatus(resp.Status, false), checkLease(l)); err != nil {
		return err
	}
	return r.responses.insert(ctx, tenant, resp, l)
}

func (r *redisJobs) Renew(ctx context.Context, tenant, id string, l Lease) error {
	n := name(tenant, id)
	return r.db.do(ctx, renewScript, []string{responseKey + n, leasesKey}, l.Owner, l.TTL.Milliseconds(), n)
}

func (r *redisJobs) Update(ctx context.Context, tenant, id, owner string, s Status, object []byte) error {
	if err := checkStatus(s, false); err != nil {
		return err
	}
	n := name(tenant, id)
	return r.db.do(ctx, updateScript, []string{responseKey + n}, owner, channel, n, string(s), object)
}

func (r *redisJobs) Append(ctx context.Context, tenant, id, owner string, first uint64, events [][]byte) error {
	n := name(tenant, id)
	args := []any{owner, channel, n, first}
	for _, e := range events {
		args = append(args, e)
	}
	return r.db.do(ctx, appendScript, []string{responseKey + n}, args...)
}

func (r *redisJobs) Finish(ctx context.Context, tenant, owner string, resp *Response, first uint64, events [][]byte) error {
	if err := errors.Join(checkIDs(tenant, resp.ID, resp.Output), checkStatus(resp.Status, true)); err != nil {
		return err
	}
	n := name(tenant, resp.ID)
	keys := []string{responseKey + n, leasesKey}
	args := []any{owner, channel, n, r.db.ttl, string(resp.Status), appendItems(nil, resp.Output), resp.Object, first, len(events)}
	for _, e := range events {
		args = append(args, e)
	}
	if resp.Status.continuable() {
		// What was stored at the start and doesn't change.
		started, err := r.db.fields(ctx, responseKey+n, "s", "p", "h", "x", "i")
		if err != nil {
			return err
		}
		head, err := readHeadFields(resp.ID, started)
		if err != nil {
			return err
		}
		if head.Conversation != "" {
			in := &reader{rest: []byte(redis.Text(started, 4))}
			keys = append(keys, conversationKey+name(tenant, head.Conversation))
			args = pairs(args, in.items(), resp.Output)
			if in.bad {
				return in.err()
			}
		}
	}
	return r.db.do(ctx, finishScript, keys, args...)
}

func (r *redisJobs) Cancel(ctx context.Context, tenant, id string) (Head, error) {
	n := name(tenant, id)
	values, err := r.db.list(ctx, cancelScript, []string{responseKey + n}, channel, n)
	if err != nil {
		return Head{}, err
	}
	if len(values) == 0 {
		return Head{}, ErrNotFound
	}
	return readHeadFields(id, values)
}

// await begins to listen for changes when somebody waits for the first time.
func (r *redisJobs) await(ctx context.Context, name string, look func() (bool, error)) error {
	r.listen.Do(func() { r.db.client.Listen(channel, r.waiters.wake) })
	return r.waiters.await(ctx, name, pollEvery, look)
}

func (r *redisJobs) Await(ctx context.Context, tenant, id string, until func(Head) bool) (head Head, err error) {
	n := name(tenant, id)
	err = r.await(ctx, n, func() (bool, error) {
		values, err := r.db.fields(ctx, responseKey+n, "s", "p", "h", "x")
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

func (r *redisJobs) Events(ctx context.Context, tenant, id string, from uint64, limit int) (events [][]byte, end bool, err error) {
	n := name(tenant, id)
	from = min(from, math.MaxInt32) // beyond every log, and exact in a script
	err = r.await(ctx, n, func() (bool, error) {
		values, err := r.db.list(ctx, eventsScript, []string{responseKey + n}, from, limit, scriptBytes)
		if err != nil {
			return false, err
		}
		if len(values) == 0 {
			return false, ErrNotFound
		}
		events, end = nil, Status(redis.Text(values, 0)).Finished() && redis.Text(values, 1) == "1"
		for i := range values[2:] {
			events = append(events, []byte(redis.Text(values, 2+i)))
		}
		return len(events) > 0 || end, came(ctx, values[2:]...)
	})
	if err != nil {
		return nil, false, err
	}
	return events, end, nil
}

func (r *redisJobs) Lapsed(ctx context.Context, l Lease, limit int) ([]Job, error) {
	found, err := r.db.list(ctx, lapsedScript, []string{leasesKey}, responseKey, l.Owner, l.TTL.Milliseconds(), limit)
	if err != nil {
		return nil, err
	}
	var jobs []Job
	for _, f := range found {
		values, _ := f.([]any)
		tenant, id := splitName(redis.Text(values, 0))
		events, wrong := strconv.ParseUint(redis.Text(values, 5), 10, 64)
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

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// lapse is how long it may take until the background responses of a killed process have failed.
const lapse = 2 * time.Minute

// What a gateway said that it has stored: acknowledged ids with what must be in their answers.
type acknowledged struct {
	mu         sync.Mutex
	things     map[string]string // path -> text
	background []string
	chain      string // the newest response, which others go on from
}

func (k *acknowledged) add(path, text string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.things[path] = text
}

// killsWithFile kills the binary again and again while it stores, and starts it on the same file.
func killsWithFile(ctx context.Context, r *round) error {
	folder, err := os.MkdirTemp(r.stage.scratch, "kills-")
	if err != nil {
		return err
	}
	return r.kills(ctx, map[string]any{"store": map[string]any{"folder": folder}}, r.size(3, 20))
}

// killsWithRedis does so with a Redis; a second binary that is never killed looks on.
func killsWithRedis(ctx context.Context, r *round) error {
	redis, err := startRedis(r)
	if err != nil || redis == nil {
		return err
	}
	return r.kills(ctx, map[string]any{"store": map[string]any{"redis": redis.url()}}, r.size(3, 20))
}

func (r *round) kills(ctx context.Context, config map[string]any, times int) error {
	target := r.serve(simulator.New(simulator.Options{Control: true, MaxModelLen: 262144, ChunkDelay: time.Millisecond}))
	kept := &acknowledged{things: map[string]string{}}
	for n := range times {
		g, err := r.stage.startBinary(settings(target, config))
		if err != nil {
			return fmt.Errorf("after %d kills: %w", n, err)
		}
		r.store(ctx, g, kept, 5+r.random.IntN(40))
		r.tried.Add(1)
		kept.check(ctx, r, r.reach(g)) // of those that were, and of this
		if err := g.unharmed(); err != nil {
			r.problem("%v", err)
		}
		g.Stop()
	}
	g, err := r.open(target, config)
	if err != nil {
		return fmt.Errorf("after %d kills: %w", times, err)
	}
	c := r.reach(g)
	kept.check(ctx, r, c)
	kept.ends(ctx, r, c)
	r.note("%d acknowledged", len(kept.things)+len(kept.background))
	return nil
}

// store stores things over g, several at once, until so many are acknowledged, kills it in the
// midst of it, and starts its like in its place.
func (r *round) store(ctx context.Context, g *gateway, kept *acknowledged, wanted int) {
	c := r.reach(g)
	var done atomic.Int64
	var all sync.WaitGroup
	for worker := range 6 {
		all.Go(func() {
			for i := 0; ; i++ {
				if !kept.one(ctx, r, c, worker, fmt.Sprintf("word-%d-%d-%d", g.PID(), worker, i)) {
					return // it is dead
				}
				if done.Add(1) == int64(wanted) {
					_ = g.Signal(syscall.SIGKILL)
				}
			}
		})
	}
	all.Wait()
	<-g.Done()
	again, err := r.stage.startBinary(g.config)
	if err != nil {
		r.problem("it does not start again: %v", err)
		return
	}
	*g = *again
}

// one stores a thing of one kind; false: nobody answered.
func (k *acknowledged) one(ctx context.Context, r *round, c *client, kind int, word string) bool {
	say := func(members string) string {
		return `{"model":"` + instruct + `","input":"` + word + `"` + members + `}`
	}
	post := func(path, body string) answer {
		return c.ask(ctx, "POST", path, body)
	}
	var a answer
	switch kind {
	case 0, 1:
		k.mu.Lock()
		previous := k.chain
		k.mu.Unlock()
		if previous != "" {
			previous = `,"previous_response_id":"` + previous + `"`
		}
		if a = post("/v1/responses", say(previous)); a.err == nil && a.status == http.StatusOK {
			k.add("/v1/responses/"+a.get("id"), word)
			k.mu.Lock()
			k.chain = a.get("id")
			k.mu.Unlock()
		}
	case 2, 3:
		a = post("/v1/responses", say(`,"stream":true`))
		for line := range strings.Lines(a.text) {
			if data, ok := strings.CutPrefix(line, "data: "); ok && gjson.Get(data, "type").Str == "response.completed" {
				k.add("/v1/responses/"+gjson.Get(data, "response.id").Str, word)
			}
		}
	case 4:
		if a = post("/v1/conversations", `{"items":[{"role":"user","content":"`+word+`"}]}`); a.err == nil && a.status == http.StatusOK {
			k.add("/v1/conversations/"+a.get("id")+"/items", word)
		}
	case 5:
		if a = post("/v1/responses", say(`,"background":true`)); a.err == nil && a.status == http.StatusOK {
			k.mu.Lock()
			k.background = append(k.background, a.get("id"))
			k.mu.Unlock()
		}
	}
	if a.err == nil && a.status != http.StatusOK && a.status != http.StatusTooManyRequests {
		r.problem("%d %s", a.status, a.text)
	}
	return a.err == nil
}

// check asks for all that was acknowledged.
func (k *acknowledged) check(ctx context.Context, r *round, c *client) {
	each(sorted(k.things), 8, func(path string) {
		if a := c.ask(ctx, "GET", path, ""); a.status != http.StatusOK || !strings.Contains(a.text, k.things[path]) {
			r.problem("lost: %s is %d %v %s", path, a.status, a.err, a.text)
		}
	})
}

// ends waits until all background responses have come to an end, of their own or for the death
// of their process.
func (k *acknowledged) ends(ctx context.Context, r *round, c *client) {
	until := time.Now().Add(lapse)
	each(k.background, 8, func(id string) {
		for {
			a := c.ask(ctx, "GET", "/v1/responses/"+id, "")
			switch status := a.get("status"); {
			case a.err != nil || a.status != http.StatusOK:
				r.problem("lost: %s is %d %v %s", id, a.status, a.err, a.text)
				return
			case status == "completed" || status == "failed":
				return
			case time.Now().After(until):
				r.problem("%s is still %s", id, status)
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
	})
}

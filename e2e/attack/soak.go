package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

const soakName = "soak"

// soaked is how many clients there are at once.
const soaked = 12

// streamFaults are what the simulated server does to some replies.
var streamFaults = []string{"cut", "cut-event", "error-in-stream", "no-done", "gzip", "crlf", "split=7", "keep-alive", "429", "503", "leaked-think", "bad-arguments", "slow=2ms", "late-head=20ms"}

// A soaker is one client of the soak.
type soaker struct {
	r      *round
	c      *client
	random *rand.Rand
	places []place
	used   int // how often they were
}

// soak sends everything at once, good and bad, for a while: bodies of all dialects, large and
// compressed ones, broken ones, streams that break off, clients that leave.
func soak(ctx context.Context, r *round) error {
	folder, err := os.MkdirTemp(r.stage.scratch, "soak-")
	if err != nil {
		return err
	}
	g, err := r.open(r.serve(simulator.New(simulator.Options{Control: true, Images: true, MaxModelLen: 1 << 20})), map[string]any{
		"store": map[string]any{"folder": folder, "max_size": "64MiB"}})
	if err != nil {
		return err
	}
	c := r.reach(g)
	until := time.Now().Add(r.stage.options.lasts)
	var all sync.WaitGroup
	for i := range soaked {
		s := &soaker{r: r, c: c, random: rand.New(rand.NewPCG(r.stage.options.seed, uint64(i)))}
		all.Go(func() {
			for time.Now().Before(until) && ctx.Err() == nil {
				s.step(ctx)
				r.tried.Add(1)
			}
		})
	}
	all.Wait()
	r.note("%v", r.stage.options.lasts)
	return nil
}

// step does one thing.
func (s *soaker) step(ctx context.Context) {
	if s.used++; s.places == nil || s.used%100 == 0 {
		var err error
		if s.places, err = places(ctx, s.c, false); err != nil {
			s.r.problem("%v", err)
			return
		}
	}
	p := &s.places[s.random.IntN(len(s.places))]
	switch s.random.IntN(8) {
	case 0:
		bad := append(malformed(s.random, p.body, 1), noObject(p.body)[s.random.IntN(16)])
		bad = slices.DeleteFunc(bad, func(m mutant) bool { return p.socket && m.header != nil })
		for _, m := range bad {
			if ok, wrong := p.send(ctx, s.c, m.body, m.header...); ok || wrong != "" {
				s.r.problem("%s, %s: served %t, %s", p.name, m.how, ok, wrong)
			}
		}
	case 1:
		_, wrong := p.send(ctx, s.c, p.body, "x-simulate", streamFaults[s.random.IntN(len(streamFaults))])
		if strings.Contains(wrong, "hang") {
			s.r.problem("%s, a fault of the server: %s", p.name, wrong)
		}
	case 2:
		leaving, leave := context.WithTimeout(ctx, time.Duration(s.random.IntN(15))*time.Millisecond)
		_, _ = p.send(leaving, s.c, p.body, "x-simulate", "slow=5ms")
		leave()
	case 3:
		s.large(ctx)
	default:
		s.good(ctx, p)
	}
}

// good sends a body that is to be served. What it goes on from may have been too old to stay.
func (s *soaker) good(ctx context.Context, p *place) {
	ok, wrong := p.send(ctx, s.c, p.body)
	if ok {
		return
	}
	fresh, err := places(ctx, s.c, false)
	if err != nil {
		s.r.problem("%v", err)
		return
	}
	i := slices.IndexFunc(s.places, func(q place) bool { return q.name == p.name })
	if again, more := fresh[i].send(ctx, s.c, fresh[i].body); !again {
		s.r.problem("%s is refused: %s %s", p.name, wrong, more)
	}
	s.places = fresh
}

// large sends a long text.
func (s *soaker) large(ctx context.Context) {
	text, header := varied(100_000+s.random.IntN(400_000)), []string(nil)
	bodies := map[string]string{
		"/v1/chat/completions": `{"model":"` + instruct + `","messages":[{"role":"user","content":"think only"},{"role":"user","content":"` + text + `"}],"max_tokens":10}`,
		"/v1/messages":         `{"model":"` + instruct + `","max_tokens":10,"messages":[{"role":"user","content":"` + text + `"}]}`,
		"/v1/responses":        `{"model":"` + instruct + `","max_output_tokens":10,"input":"` + text + `"}`,
	}
	path := sorted(bodies)[s.random.IntN(len(bodies))]
	body := bodies[path]
	if s.random.IntN(2) == 0 {
		body, header = packed(body), []string{"content-encoding", "gzip"}
	}
	if a := s.c.ask(ctx, "POST", path, body, header...); a.err != nil || a.status != http.StatusOK && a.status != http.StatusServiceUnavailable && a.status != 529 {
		s.r.problem("%s", fmt.Sprintf("a large body to %s: %d %v %.300s", path, a.status, a.err, a.text))
	}
}

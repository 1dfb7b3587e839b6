package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
)

// A family is one kind of attack.
type family struct {
	name, title string
	filter      bool // it also goes through Envoy with the filter
	long        bool // it runs only when it is asked for by its name
	run         func(context.Context, *round) error
}

var families = []family{
	{name: "bodies", title: "bad bodies", filter: true, run: badBodies},
	{name: "pressure", title: "bodies and streams that are to take memory", run: pressure},
	{name: "framing", title: "framing and reflection", filter: true, run: framing},
	{name: "faults", title: "faults of the model server", filter: true, run: serverFaults},
	{name: "tenancy", title: "one key asks for what is another's", run: tenancy},
	{name: "kills-file", title: "kill -9 with a file", run: killsWithFile},
	{name: "kills-redis", title: "kill -9 with Redis", run: killsWithRedis},
	{name: "disk", title: "full disk", run: fullDisk},
	{name: "redis", title: "Redis stopped, killed and back", run: stoppedRedis},
	{name: soakName, title: "soak under mixed load", long: true, run: soak},
}

// Edges, as the table calls them.
const (
	onBinary = "binary"
	onFilter = "Envoy with the filter"
)

// maxProblems is how many problems of a round are kept as texts; all are counted.
const maxProblems = 20

// A round is one run of a family over one edge.
type round struct {
	family *family
	edge   string
	stage  *stage
	random *rand.Rand

	tried atomic.Int64 // what was sent, or done, to it

	mu       sync.Mutex
	problems []string
	wrong    int
	notes    []string
	skipped  string // why it did not run
	used     usage
	gateways []*gateway
	closes   []func() // before a gateway's end is looked at
	ends     []func()
}

// problem notes something that must not be.
func (r *round) problem(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong++
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, fmt.Sprintf(format, args...))
	}
}

// note adds to what the table says of the round.
func (r *round) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// closing has something closed before it is counted what a gateway still has open.
func (r *round) closing(stop func()) { r.closes = append(r.closes, stop) }

// atEnd has something ended with the round.
func (r *round) atEnd(end func()) { r.ends = append(r.ends, end) }

// serve runs a server of the attacker's own until the round ends, and returns its URL.
func (r *round) serve(h http.Handler) string {
	s := httptest.NewServer(h)
	r.atEnd(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// open starts the gateway of the round's edge before an upstream.
func (r *round) open(target string, changes map[string]any) (g *gateway, err error) {
	config := settings(target, changes)
	if r.edge == onFilter {
		g, err = r.stage.startFilter(target, config)
	} else {
		g, err = r.stage.startBinary(config)
	}
	if err == nil {
		r.gateways = append(r.gateways, g)
	}
	return g, err
}

// close ends a gateway before the round does, as one that did what it was to do.
func (r *round) close(g *gateway) {
	r.gateways = slices.DeleteFunc(r.gateways, func(other *gateway) bool { return other == g })
	for _, stop := range r.closes {
		stop()
	}
	u, err := g.end()
	if err != nil {
		r.problem("%v", err)
	}
	r.used.merge(u)
}

// each runs do for every item, several at once.
func each[T any](items []T, atOnce int, do func(T)) {
	work := make(chan T)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for item := range work {
				do(item)
			}
		})
	}
	for _, item := range items {
		work <- item
	}
	close(work)
	all.Wait()
}

// size is short for a short run, else long.
func (r *round) size(short, long int) int {
	if r.stage.options.short {
		return short
	}
	return long
}

// round prepares a family's run over an edge. What it does at random follows from the seed.
func (s *stage) round(f *family, edge string) *round {
	h := fnv.New64()
	_, _ = io.WriteString(h, f.name)
	return &round{family: f, edge: edge, stage: s, random: rand.New(rand.NewPCG(s.options.seed, h.Sum64())), used: usage{goroutines: -1, goroutinesBefore: -1}}
}

// play runs a round. An error is one of the attacker's own, or a gateway that does not start.
func (r *round) play(ctx context.Context) error {
	progress("begins: %s, %s", r.family.title, r.edge)
	err := r.family.run(ctx, r)
	for _, g := range slices.Clone(r.gateways) {
		if err != nil {
			err = errors.Join(err, g.unharmed())
			g.Stop()
			continue
		}
		r.close(g)
	}
	for _, end := range slices.Backward(r.ends) {
		end()
	}
	if err != nil {
		return fmt.Errorf("%s, %s: %w", r.family.name, r.edge, err)
	}
	progress("over: %s, %s: %d tried, %d problems", r.family.title, r.edge, r.tried.Load(), r.wrong)
	return nil
}

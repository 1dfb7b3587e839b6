package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// A pair is one round of the old build and one of the new, right after each other.
type pair struct{ old, new round }

// A comparison is a workload's pairs through one gateway of both builds.
type comparison struct {
	workload workload
	gateway  string
	pairs    []pair
}

// builtHere are the gateways that are built from this repository.
var builtHere = []string{native, envoyQwenvoy}

// wantedPairs is how many pairs a verdict wants. A single pair on a shared machine is off
// by up to a tenth.
const wantedPairs = 20

// restartAfter is the number of pairs after which both builds' binaries are started afresh:
// where a process's memory happens to lie makes it a few percent faster or slower for all its
// life, and the pairs of one life are not independent. It is even, so that each goes first as
// often. Envoys are started once: one compiles the filter for seconds.
const restartAfter = 2

// A rivalry is the old and the new build's processes of one gateway.
type rivalry struct {
	stage   *stage
	name    string
	builds  [2]string // their folders, the old one first
	backend string

	running [2]*gateway
	pairs   int // since they were started
}

// compare measures the build that -old names beside that in -bin. Only the two processes
// that are compared run at a time.
func (s *stage) compare(ctx context.Context) ([]comparison, error) {
	old := s.options.old
	if hasBuild(old) != nil {
		var err error
		if old, err = buildCommit(ctx, old); err != nil {
			return nil, err
		}
	}
	backend, address, err := s.startListening("backend")
	if err != nil {
		return nil, err
	}
	defer backend.Stop()
	var out []comparison
	for _, name := range s.options.gateways() {
		r := rivalry{stage: s, name: name, builds: [2]string{old, s.options.bin}, backend: address}
		defer r.stop()
		for _, w := range workloads {
			if !s.options.part(w.name) {
				continue
			}
			c := comparison{workload: w, gateway: name}
			if c.pairs, err = r.measure(ctx, w); err != nil {
				return nil, err
			}
			out = append(out, c)
		}
		r.stop()
	}
	return out, nil
}

func (r *rivalry) measure(ctx context.Context, w workload) (pairs []pair, err error) {
	body, length := w.body(), r.stage.options.round
	warm := false
	for n := range r.stage.options.rounds {
		fresh := r.running[0] == nil || r.name == native && r.pairs >= restartAfter
		if fresh {
			if err := r.start(); err != nil {
				return nil, err
			}
		}
		var rounds [2]round
		for i := range rounds {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			side := (i + n) % 2 // neither is always first
			g := r.running[side]
			if fresh || !warm {
				r.stage.round(w, body, g, min(warmUp, length))
			}
			if rounds[side] = r.stage.round(w, body, g, length); rounds[side].perSecond == 0 {
				return nil, fmt.Errorf("%s: no good answer through %s from %s; its log:\n%s", w.name, r.name, r.builds[side], g.Log())
			}
		}
		warm = true
		r.pairs++
		p := pair{rounds[0], rounds[1]}
		pairs = append(pairs, p)
		progress("%s, %s, pair %d: CPU %.3f and %.3f ms, %.0f and %.0f/s", r.name, w.name, n+1, ms(p.old.cpu), ms(p.new.cpu), p.old.perSecond, p.new.perSecond)
	}
	return pairs, nil
}

func (r *rivalry) start() error {
	r.stop()
	for i, build := range r.builds {
		g, err := r.stage.start(r.name, build, r.backend)
		if err != nil {
			return err
		}
		r.running[i] = g
	}
	return nil
}

func (r *rivalry) stop() {
	for _, g := range r.running {
		if g != nil {
			g.Stop()
		}
	}
	r.running, r.pairs = [2]*gateway{}, 0
}

// ratios are the pairs' new value by the old one.
func (c *comparison) ratios(of func(round) float64) []float64 {
	var v []float64
	for _, p := range c.pairs {
		v = append(v, of(p.new)/of(p.old))
	}
	return v
}

func cpuPerRequest(r round) float64     { return ms(r.cpu) }
func requestsPerSecond(r round) float64 { return r.perSecond }

// An estimate is a median and the interval that holds the true one in 95 of 100 runs.
type estimate struct{ median, low, high float64 }

// estimateMedian takes the interval's ends from the sorted values themselves, so that it
// holds whatever their distribution: the true median lies below the k-th smallest of n
// values as often as n tosses of a coin show fewer than k heads. Fewer than 6 values have
// no such interval; it is then without end.
func estimateMedian(v []float64) estimate {
	sorted := slices.Sorted(slices.Values(v))
	e := estimate{median(sorted), math.Inf(-1), math.Inf(1)}
	n := len(sorted)
	chance := math.Pow(.5, float64(n)) // of exactly k heads
	below := 0.                        // of k heads at most
	for k := 0; k < n/2; k++ {
		if below += chance; below > .025 {
			break
		}
		e.low, e.high = sorted[k], sorted[n-1-k]
		chance *= float64(n-k) / float64(k+1)
	}
	return e
}

// verdict says what the interval of a ratio new/old shows, where a ratio over 1 is worse
// (CPU) or better (requests/s). "No slower" is: the interval reaches 1.
func (e estimate) verdict(moreIsWorse bool) string {
	better, worse := e.low > 1, e.high < 1
	if moreIsWorse {
		better, worse = worse, better
	}
	switch {
	case math.IsInf(e.high, 1):
		return "too few pairs"
	case better:
		return "faster"
	case worse:
		return "**slower**"
	}
	return "no slower"
}

func (e estimate) interval() string {
	if math.IsInf(e.high, 1) {
		return "–"
	}
	return fmt.Sprintf("%.3f–%.3f", e.low, e.high)
}

// writeComparisons writes a row for each workload and gateway.
func writeComparisons(b *strings.Builder, all []comparison) {
	b.WriteString("| gateway | workload | CPU old, ms | CPU × | 95 % | verdict | requests/s old | requests/s × | 95 % | verdict | bad answers |\n" +
		"|---|---|--:|--:|--:|---|--:|--:|--:|---|--:|\n")
	for _, c := range all {
		var cpu, rate []float64
		bad := 0
		for _, p := range c.pairs {
			cpu, rate = append(cpu, cpuPerRequest(p.old)), append(rate, requestsPerSecond(p.old))
			bad += p.old.bad + p.new.bad
		}
		ofCPU, ofRate := estimateMedian(c.ratios(cpuPerRequest)), estimateMedian(c.ratios(requestsPerSecond))
		fmt.Fprintf(b, "| %s | %s | %.3f | %.3f | %s | %s | %s | %.3f | %s | %s | %d |\n",
			strings.ReplaceAll(gatewayTitles[c.gateway], "**", ""), c.workload.title,
			median(cpu), ofCPU.median, ofCPU.interval(), ofCPU.verdict(true),
			thousands(int(median(rate)+.5)), ofRate.median, ofRate.interval(), ofRate.verdict(false), bad)
	}
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// The file that -markdown names has the tables between these lines.
const (
	beginMarker = "<!-- bench -->"
	endMarker   = "<!-- /bench -->"
)

// report is what one run found; empty parts were not asked for.
type report struct {
	options   *options
	machine   string
	loads     loads
	streams   []slowRun
	memory    []memorySample
	functions []function
	// comparisons are those with the build that -old names.
	comparisons []comparison
}

func (r *report) markdown() string {
	var b strings.Builder
	o := r.options
	fmt.Fprintf(&b, "%s.\n", r.machine)
	if len(r.comparisons) > 0 {
		fmt.Fprintf(&b, "\nThis build beside %s, in turn: %d pairs of rounds of %g s, %d clients; Gateway, backend and load share these cores. "+
			"× is the median of the pairs' ratios new/old, 95 %% its interval by order statistics; \"no slower\" is: the interval reaches 1 (and wants %d pairs). "+
			"Of 40 figures that are the same one falls outside on either side by chance.\n\n", o.old, o.rounds, o.round.Seconds(), o.clients, wantedPairs)
		writeComparisons(&b, r.comparisons)
	}
	if len(r.loads.loads) > 0 {
		fmt.Fprintf(&b, "\nGateway, backend and load share these cores; %d clients, each with a connection of its own. "+
			"Medians of %d rounds of %g s, in turn; × is the median of the rounds' ratios to the bare proxy. CPU is the gateway's, per request.\n\n",
			o.clients, o.rounds, o.round.Seconds())
		r.loads.write(&b)
	}
	if len(r.streams) > 0 {
		fmt.Fprintf(&b, "\n%d slow streams at once, opened over %d s, %d chunks a second apart. Late: from the backend's write to the client's read.\n\n", o.streams, int(ramp.Seconds()), o.chunks)
		writeSlowRuns(&b, r.streams)
	}
	if len(r.memory) > 0 {
		b.WriteString("\nThe filter's linear memory, in wazero, after requests of 70 KB (one in ten asks for a stream):\n\n")
		writeMemory(&b, r.memory)
	}
	if len(r.functions) > 0 {
		b.WriteString("\nHot functions:\n\n| benchmark | ns/op | MB/s | B/op | allocs/op |\n|---|--:|--:|--:|--:|\n")
		for _, f := range r.functions {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", f.name, f.nanoseconds, f.rate, f.bytes, f.allocate)
		}
	}
	return b.String()
}

func (l *loads) write(b *strings.Builder) {
	b.WriteString("| workload | gateway | requests/s | × | CPU, ms | × | p50, ms | p99, ms | bad answers |\n|---|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, one := range l.loads {
		base := one.rounds[bare]
		for i, name := range one.gateways {
			rounds := one.rounds[name]
			of := func(f func(round) float64) float64 {
				var v []float64
				for _, r := range rounds {
					v = append(v, f(r))
				}
				return median(v)
			}
			against := func(f func(round) float64) float64 {
				var v []float64
				for j, r := range rounds {
					if f(base[j]) > 0 {
						v = append(v, f(r)/f(base[j]))
					}
				}
				return median(v)
			}
			perSecond := func(r round) float64 { return r.perSecond }
			cpu := func(r round) float64 { return ms(r.cpu) }
			bad := 0
			for _, r := range rounds {
				bad += r.bad
			}
			title := ""
			if i == 0 {
				title = one.workload.title
			}
			fmt.Fprintf(b, "| %s | %s | %s | %.2f | %.3f | %.2f | %.2f | %.1f | %d |\n", title, gatewayTitles[name],
				thousands(int(of(perSecond)+.5)), against(perSecond), of(cpu), against(cpu),
				of(func(r round) float64 { return ms(r.p50) }), of(func(r round) float64 { return ms(r.p99) }), bad)
		}
	}
	b.WriteString("\nMemory in RAM, MiB, before and after all of this: ")
	for i, name := range l.gateways {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(b, "%s %.0f → %.0f", strings.ReplaceAll(gatewayTitles[name], "**", ""), mib(l.idleBytes[name]), mib(l.endBytes[name]))
	}
	b.WriteString(".\n")
}

func writeSlowRuns(b *strings.Builder, runs []slowRun) {
	b.WriteString("| gateway | held | whole | KiB per stream | CPU, s | late p50, ms | late p99, ms |\n|---|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range runs {
		memory, cpu := "–", "–"
		if r.gateway != "" {
			memory, cpu = fmt.Sprintf("%.0f", r.perStream/1024), fmt.Sprintf("%.1f", r.cpu.Seconds())
		}
		fmt.Fprintf(b, "| %s | %d | %d | %s | %s | %.1f | %.1f |\n", gatewayTitles[r.gateway], r.held, r.whole, memory, cpu, ms(r.lateP50), ms(r.lateP99))
	}
}

func writeMemory(b *strings.Builder, samples []memorySample) {
	b.WriteString("| requests |")
	for _, s := range samples {
		fmt.Fprintf(b, " %s |", thousands(s.requests))
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(samples)) + "\n| MiB |")
	for _, s := range samples {
		fmt.Fprintf(b, " %.1f |", mib(int64(s.bytes)))
	}
	b.WriteString("\n")
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// median is 0 for no values.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// thousands groups digits by commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// embed puts the tables between a file's markers; a file that isn't there is made.
func embed(path, tables string) error {
	old, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		old, err = []byte(beginMarker+"\n"+endMarker+"\n"), nil
	}
	if err != nil {
		return err
	}
	updated, err := between(string(old), tables)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(updated), 0o644)
}

func between(document, tables string) (string, error) {
	before, rest, begins := strings.Cut(document, beginMarker)
	_, after, ends := strings.Cut(rest, endMarker)
	if !begins || !ends {
		return "", fmt.Errorf("no %s with a %s behind it", beginMarker, endMarker)
	}
	return before + beginMarker + "\n" + tables + endMarker + after, nil
}

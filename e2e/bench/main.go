// Command bench measures Qwenvoy beside Go's bare httputil.ReverseProxy, a plain
// Envoy and an Envoy with a filter that does nothing, all on this machine in one run,
// and prints Markdown.
//
//	make bench                                   # builds, then everything
//	go run ./e2e/bench -quick                    # does it work at all? the figures mean little
//	go run ./e2e/bench -only native,stream-200   # one gateway (and bare), one workload
//	go run ./e2e/bench -markdown e2e/bench/README.md # also into the file, between the markers
//
// Two builds of Qwenvoy are compared by pairs of rounds, old and new in turn:
//
//	make bench-pairs OLD=v1.2                    # builds both; 8 workloads, binary and filter: 12 minutes
//	go run ./e2e/bench -old v1.2 -only native,chat-3k,stream-200 -rounds 30 -seconds 0.5
//
// Each gateway is a process of its own on loopback, before one canned backend. A round
// loads each gateway in turn with the same request; ratios are taken within a round and
// their median is printed, since a shared machine's speed changes from minute to minute.
// CPU is that of the gateway's processes, from /proc, so this runs on Linux.
//
// Its folder's noop holds the filter that does nothing. It imports e2e/process,
// e2e/envoy and filter/wasmtest.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the command line's.
type options struct {
	rounds   int
	round    time.Duration
	clients  int
	streams  int           // slow streams open at once
	chunks   int           // of a slow stream, one a second
	requests int           // for the filter's memory
	goBench  time.Duration // for each Go benchmark
	bin      string
	envoy    string
	old      string // a commit or a folder of an earlier build, "" for none
	markdown string
	only     []string
}

// Parts of a run besides the workloads, by their names in -only.
const (
	partStreams = "slow-streams"
	partMemory  = "wasm-memory"
	partGo      = "go"
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "backend":
			exitOn(serveBackend(os.Args[2:]))
			return
		case "bare":
			exitOn(serveBare(os.Args[2:]))
			return
		}
	}
	var o options
	seconds := flag.Float64("seconds", 0, "length of a `round` for each gateway (3; with -old 1)")
	flag.IntVar(&o.rounds, "rounds", 0, "rounds, or with -old pairs of them, of each workload (5; with -old 20)")
	flag.IntVar(&o.clients, "clients", 16, "clients at once")
	flag.IntVar(&o.streams, "streams", 2000, "slow streams open at once")
	flag.IntVar(&o.requests, "requests", 100_000, "requests after which the filter's memory is read")
	flag.StringVar(&o.bin, "bin", "bin", "`folder` of qwenvoy and qwenvoy.wasm")
	flag.StringVar(&o.envoy, "envoy", "1.40.0", "`version` of Envoy to fetch when neither ENVOY_BIN nor the PATH has one")
	flag.StringVar(&o.old, "old", "", "compare with this `commit`, or with the qwenvoy and qwenvoy.wasm in this folder, by pairs of rounds")
	flag.StringVar(&o.markdown, "markdown", "", "also write the tables into this `file`, between the markers "+beginMarker+" and "+endMarker)
	quick := flag.Bool("quick", false, "short rounds and small numbers: a trial of the benchmark itself")
	only := flag.String("only", "", "comma-separated `names` of gateways and parts to run: "+strings.Join(append(slices.Clone(gatewayNames), partNames()...), ", "))
	flag.Parse()
	o.chunks, o.goBench = 20, time.Second
	if *quick {
		o.rounds, *seconds, o.streams, o.chunks, o.requests, o.goBench = 2, 1, 200, 6, 2000, 50*time.Millisecond
	}
	usualRounds, usualSeconds := 5, 3.
	if o.old != "" {
		usualRounds, usualSeconds = wantedPairs, 1
	}
	o.rounds, o.round = cmp.Or(o.rounds, usualRounds), time.Duration(cmp.Or(*seconds, usualSeconds)*float64(time.Second))
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	exitOn(o.check())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exitOn(run(ctx, &o))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func partNames() []string {
	var names []string
	for _, w := range workloads {
		names = append(names, w.name)
	}
	return append(names, partStreams, partMemory, partGo)
}

func (o *options) check() error {
	known := append(slices.Clone(gatewayNames), partNames()...)
	if o.old != "" {
		known = slices.Clone(builtHere)
		for _, w := range workloads {
			known = append(known, w.name)
		}
	}
	for _, n := range o.only {
		if !slices.Contains(known, n) {
			return fmt.Errorf("-only: %q is not allowed, %s are", n, strings.Join(known, ", "))
		}
	}
	if flag.NArg() > 0 {
		return fmt.Errorf("no arguments are wanted, %q is one", flag.Arg(0))
	}
	for name, n := range map[string]int{"rounds": o.rounds, "clients": o.clients, "streams": o.streams, "requests": o.requests} {
		if n < 1 {
			return fmt.Errorf("-%s: %d is not allowed, at least 1 is", name, n)
		}
	}
	if o.round <= 0 {
		return fmt.Errorf("-seconds: %v is not allowed, more than 0 is", o.round.Seconds())
	}
	return nil
}

// wants tells whether -only lets a gateway or part run: with no name of its kind
// (family) given, all of the kind do.
func (o *options) wants(name string, family []string) bool {
	if !slices.ContainsFunc(o.only, func(n string) bool { return slices.Contains(family, n) }) {
		return true
	}
	return slices.Contains(o.only, name)
}

func (o *options) gateways() []string {
	if o.old != "" {
		return slices.DeleteFunc(slices.Clone(builtHere), func(n string) bool { return !o.wants(n, builtHere) })
	}
	return slices.DeleteFunc(slices.Clone(gatewayNames), func(n string) bool { return n != bare && !o.wants(n, gatewayNames) })
}

func (o *options) part(name string) bool { return o.wants(name, partNames()) }

func run(ctx context.Context, o *options) error {
	if err := raiseFileLimit(); err != nil {
		return err
	}
	s, err := newStage(o)
	if err != nil {
		return err
	}
	defer s.close()

	report := report{options: o, machine: describeMachine(s.envoyBinary)}
	if o.old != "" {
		if report.comparisons, err = s.compare(ctx); err != nil {
			return err
		}
		return o.publish(report.markdown())
	}
	if report.loads, err = s.measureLoads(ctx); err != nil {
		return err
	}
	if o.part(partStreams) {
		if report.streams, err = s.measureSlowStreams(ctx); err != nil {
			return err
		}
	}
	if o.part(partMemory) {
		if report.memory, err = measureFilterMemory(ctx, o.bin+"/qwenvoy.wasm", o.requests); err != nil {
			return err
		}
	}
	if o.part(partGo) {
		if report.functions, err = runGoBenchmarks(ctx, o.goBench); err != nil {
			return err
		}
	}
	return o.publish(report.markdown())
}

func (o *options) publish(text string) error {
	fmt.Print(text)
	if o.markdown != "" {
		return embed(o.markdown, text)
	}
	return nil
}

// raiseFileLimit lets this process and, since it is set by hand, those it starts hold
// an open file for each end of each stream.
func raiseFileLimit() error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("file limit: %w", err)
	}
	l.Cur = l.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("file limit: %w", err)
	}
	return nil
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the command line's.
type options struct {
	seed   uint64
	short  bool
	atOnce int           // rounds
	lasts  time.Duration // the soak
	bin    string
	root   string // of the repository
	envoy  string // Envoy's binary, "" for none
	only   []string
}

// A stage has what all rounds need.
type stage struct {
	options *options
	scratch string
}

func main() {
	o := options{root: ".", envoy: os.Getenv("ENVOY_BIN")}
	flag.Uint64Var(&o.seed, "seed", 1, "of what is made at random")
	flag.BoolVar(&o.short, "short", false, "a minute and a half in all: fewer inputs of each family")
	flag.IntVar(&o.atOnce, "at-once", 3, "how many families run at once")
	flag.DurationVar(&o.lasts, "lasts", 5*time.Minute, "how long the soak lasts")
	flag.StringVar(&o.bin, "bin", "bin", "`folder` of qwenvoy and qwenvoy.wasm")
	only := flag.String("only", "", "comma-separated `names` of families: "+strings.Join(familyNames(), ", "))
	flag.Parse()
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	exitOn(o.check())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	wrong, err := run(ctx, &o)
	exitOn(err)
	if wrong > 0 {
		exitOn(fmt.Errorf("%d problems", wrong))
	}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "attack:", err)
		os.Exit(1)
	}
}

func familyNames() (names []string) {
	for _, f := range families {
		names = append(names, f.name)
	}
	return names
}

func (o *options) check() error {
	for _, n := range o.only {
		if !slices.Contains(familyNames(), n) {
			return fmt.Errorf("-only: %q is not allowed, %s are", n, strings.Join(familyNames(), ", "))
		}
	}
	if flag.NArg() > 0 {
		return fmt.Errorf("no arguments are wanted, %q is one", flag.Arg(0))
	}
	if o.atOnce < 1 {
		return fmt.Errorf("-at-once: %d is not allowed, at least 1 is", o.atOnce)
	}
	if o.short {
		o.lasts = min(o.lasts, 10*time.Second)
	}
	if o.lasts <= 0 {
		return fmt.Errorf("-lasts: %v is not allowed, more than 0 is", o.lasts)
	}
	if _, err := os.Stat(filepath.Join(o.bin, "qwenvoy")); err != nil {
		return fmt.Errorf("%w; `make build` makes it, and this runs in the repository's root", err)
	}
	return nil
}

// wants tells whether a family runs.
func (o *options) wants(f *family) bool {
	if len(o.only) == 0 {
		return !f.long || o.short
	}
	return slices.Contains(o.only, f.name)
}

// run plays all families that are wanted and returns how many problems there were.
func run(ctx context.Context, o *options) (wrong int, err error) {
	scratch, err := os.MkdirTemp("", "qwenvoy-attack")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(scratch)
	s := &stage{options: o, scratch: scratch}
	progress("seed %d", o.seed)
	var rounds []*round
	for i := range families {
		f := &families[i]
		if !o.wants(f) {
			continue
		}
		rounds = append(rounds, s.round(f, onBinary))
		if f.filter && o.envoy != "" {
			rounds = append(rounds, s.round(f, onFilter))
		}
	}
	failed := make(chan error, len(rounds))
	each(rounds, o.atOnce, func(r *round) {
		if err := cmp.Or(ctx.Err(), r.play(ctx)); err != nil {
			failed <- err
		}
	})
	close(failed)
	for err := range failed {
		return 0, err
	}
	for _, r := range rounds {
		wrong += r.wrong
	}
	fmt.Print(table(o, rounds))
	return wrong, nil
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

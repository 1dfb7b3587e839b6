package main

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The ranks are those of the tables for the sign test: 1–6 of 6, 1–8 of 8, 2–9 of 10,
// 6–15 of 20, 10–21 of 30.
func TestTheIntervalOfAMedianHasTheRanksOfTheSignTest(t *testing.T) {
	for _, tt := range []struct{ n, low, high int }{{6, 1, 6}, {8, 1, 8}, {9, 2, 8}, {10, 2, 9}, {20, 6, 15}, {30, 10, 21}, {50, 18, 33}, {100, 40, 61}} {
		v := make([]float64, tt.n)
		for i := range v {
			v[i] = float64((i*7+3)%tt.n) + 1 // the ranks, out of order where 7 doesn't divide n
		}
		e := estimateMedian(v)
		if e.low != float64(tt.low) || e.high != float64(tt.high) || e.median != float64(tt.n+1)/2 {
			t.Errorf("%d values: %+v, want %d and %d", tt.n, e, tt.low, tt.high)
		}
	}
	for n := range 6 {
		if e := estimateMedian(make([]float64, n)); !math.IsInf(e.low, -1) || !math.IsInf(e.high, 1) {
			t.Errorf("%d values: %+v", n, e)
		}
	}
}

func TestTheIntervalHoldsTheTrueMedianIn95Of100Runs(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	const runs = 20_000
	held := 0
	for range runs {
		v := make([]float64, wantedPairs)
		for i := range v {
			v[i] = math.Exp(draw.NormFloat64()) // skewed; its median is 1
		}
		if e := estimateMedian(v); e.low <= 1 && 1 <= e.high {
			held++
		}
	}
	// Order statistics 6 and 15 of 20 hold it in 95.86 %.
	if share := float64(held) / runs; share < .95 || share > .967 {
		t.Errorf("held in %.4f", share)
	}
}

func TestAVerdictSaysOnWhichSideOfOneTheIntervalLies(t *testing.T) {
	for _, tt := range []struct {
		e         estimate
		cpu, rate string
	}{
		{estimate{.95, .9, .99}, "faster", "**slower**"},
		{estimate{1.1, 1.01, 1.2}, "**slower**", "faster"},
		{estimate{1, .99, 1.02}, "no slower", "no slower"},
		{estimate{.95, .9, 1}, "no slower", "no slower"},
		{estimate{1.1, math.Inf(-1), math.Inf(1)}, "too few pairs", "too few pairs"},
	} {
		if cpu, rate := tt.e.verdict(true), tt.e.verdict(false); cpu != tt.cpu || rate != tt.rate {
			t.Errorf("%+v: %s by CPU, %s by rate", tt.e, cpu, rate)
		}
	}
}

func TestPairsAreComparedWithinThemselves(t *testing.T) {
	c := comparison{workload: workloads[0], gateway: native}
	for n := range 6 {
		speed := time.Duration(n + 1) // of the machine, which changes between the pairs
		c.pairs = append(c.pairs, pair{
			old: round{perSecond: 3000 / float64(speed), cpu: 1000 * time.Microsecond * speed},
			new: round{perSecond: 3300 / float64(speed), cpu: 1200 * time.Microsecond * speed, bad: n / 5},
		})
	}
	var b strings.Builder
	writeComparisons(&b, []comparison{c})
	want := "| Qwenvoy, the binary | chat, 3 KB | 3.500 | 1.200 | 1.200–1.200 | **slower** | 875 | 1.100 | 1.100–1.100 | faster | 1 |"
	if !strings.Contains(b.String(), want) {
		t.Errorf("want the line\n%s\nin\n%s", want, b.String())
	}
}

func TestABuildOfACommitIsMadeOnceAndItsTreeRemoved(t *testing.T) {
	t.Chdir(t.TempDir())
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	if err := os.WriteFile("Makefile", []byte("build:\n\tmkdir -p $(BIN)\n\techo old > $(BIN)/qwenvoy\n\techo old > $(BIN)/qwenvoy.wasm\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run("git", "init", "-q")
	run("git", "add", "Makefile")
	run("git", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "one")
	for range 2 {
		folder, err := buildCommit(context.Background(), "HEAD")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(folder, "qwenvoy")); err != nil || string(got) != "old\n" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if trees, err := command(context.Background(), "git", "worktree", "list"); err != nil || strings.Contains(trees, "\n") {
		t.Errorf("worktrees: %s, %v", trees, err)
	}
	if _, err := buildCommit(context.Background(), "no-such-commit"); err == nil || !strings.Contains(err.Error(), `"no-such-commit" is neither`) {
		t.Errorf("an unknown commit: %v", err)
	}
}

func TestAComparisonTakesOnlyWhatIsBuiltHere(t *testing.T) {
	for _, tt := range []struct {
		only     string
		gateways string
		fails    bool
	}{
		{"native", "native", false},
		{"stream-200,envoy-qwenvoy", "envoy-qwenvoy", false},
		{"chat-3k", "native envoy-qwenvoy", false},
		{"bare", "", true},
		{"slow-streams", "", true},
	} {
		o := &options{old: "HEAD", only: strings.Split(tt.only, ","), rounds: 1, round: 1, clients: 1, streams: 1, requests: 1}
		if err := o.check(); (err != nil) != tt.fails {
			t.Errorf("%s: %v", tt.only, err)
		} else if got := strings.Join(o.gateways(), " "); err == nil && got != tt.gateways {
			t.Errorf("%s: gateways %s", tt.only, got)
		}
	}
}

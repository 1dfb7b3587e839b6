package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// hotPackages have benchmarks of what runs for each request or event.
var hotPackages = []string{"./shared/jsonedit", "./shared/sse", "./shared/hub", "./shared/dialect/chat"}

// A function is one Go benchmark's result; the figures as go test prints them.
type function struct {
	name                               string
	nanoseconds, rate, bytes, allocate string
}

func runGoBenchmarks(ctx context.Context, each time.Duration) ([]function, error) {
	args := append([]string{"test", "-run", "^$", "-bench", ".", "-benchmem", "-benchtime", each.String()}, hotPackages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return parseGoBenchmarks(string(out)), nil
}

var benchmarkName = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?$`)

func parseGoBenchmarks(out string) []function {
	var functions []function
	pkg := ""
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) == 2 && f[0] == "pkg:" {
			_, pkg, _ = strings.Cut(f[1], "/shared/")
			continue
		}
		if len(f) < 4 {
			continue
		}
		m := benchmarkName.FindStringSubmatch(f[0])
		if m == nil {
			continue
		}
		b := function{name: pkg + " " + m[1], rate: "–"}
		for i := 2; i+1 < len(f); i += 2 {
			switch f[i+1] {
			case "ns/op":
				b.nanoseconds = f[i]
			case "MB/s":
				b.rate = f[i]
			case "B/op":
				b.bytes = f[i]
			case "allocs/op":
				b.allocate = f[i]
			}
		}
		functions = append(functions, b)
	}
	return functions
}

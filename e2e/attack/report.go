package main

import (
	"fmt"
	"strings"
)

// table is what all rounds found, in Markdown.
func table(o *options, rounds []*round) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Seed %d. The binary's limits.memory is %d MiB, so that it may have %d MiB at the peak. Goroutines and open files: at the end, in brackets at the start.\n\n",
		o.seed, memoryLimit, memoryLimit+overhead)
	b.WriteString("| attack | on | tried | problems | peak, MiB | goroutines | open files |\n|---|---|--:|--:|--:|--:|--:|\n")
	for _, r := range rounds {
		if r.skipped != "" {
			fmt.Fprintf(&b, "| %s | %s | skipped: %s | | | | |\n", r.family.title, r.edge, r.skipped)
			continue
		}
		goroutines := "–"
		if r.used.goroutines >= 0 {
			goroutines = fmt.Sprintf("%d (%d)", r.used.goroutines, r.used.goroutinesBefore)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | %s | %d (%d) |\n", r.family.title, r.edge,
			strings.Join(append([]string{fmt.Sprint(r.tried.Load())}, r.notes...), ", "), r.wrong, r.used.peakMiB, goroutines, r.used.filesAfter, r.used.filesBefore)
	}
	for _, r := range rounds {
		for _, p := range r.problems {
			fmt.Fprintf(&b, "\n- %s, %s: %.1000s", r.family.title, r.edge, p)
		}
		if more := r.wrong - len(r.problems); more > 0 {
			fmt.Fprintf(&b, "\n- %s, %s: and %d more", r.family.title, r.edge, more)
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

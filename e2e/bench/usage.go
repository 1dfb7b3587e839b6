package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// tree is a process and everything below it.
func tree(pid int) []string {
	out := []string{strconv.Itoa(pid)}
	for i := 0; i < len(out); i++ {
		tasks, _ := os.ReadDir("/proc/" + out[i] + "/task")
		for _, t := range tasks {
			children, _ := os.ReadFile("/proc/" + out[i] + "/task/" + t.Name() + "/children")
			out = append(out, strings.Fields(string(children))...)
		}
	}
	return out
}

// cpuTime is what a process and those below it have used, user and system, to the
// clock tick of 10 ms.
func cpuTime(pid int) time.Duration {
	var ticks int64
	for _, p := range tree(pid) {
		stat, _ := os.ReadFile("/proc/" + p + "/stat")
		// The name, in parentheses, may hold blanks. utime and stime are 12 and 13 behind it.
		_, rest, _ := strings.Cut(string(stat), ") ")
		f := strings.Fields(rest)
		if len(f) < 13 {
			continue
		}
		user, _ := strconv.ParseInt(f[11], 10, 64)
		system, _ := strconv.ParseInt(f[12], 10, 64)
		ticks += user + system
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// residentBytes is the memory of a process and those below it that is in RAM; pages
// that they share count for each.
func residentBytes(pid int) int64 {
	var pages int64
	for _, p := range tree(pid) {
		statm, _ := os.ReadFile("/proc/" + p + "/statm")
		if f := strings.Fields(string(statm)); len(f) > 1 {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			pages += n
		}
	}
	return pages * int64(os.Getpagesize())
}

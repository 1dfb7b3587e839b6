package main

import (
	"os"
	"strconv"
	"strings"
)

// peakMiB is the most memory that a process ever had in RAM (VmHWM) beside the pages of its own
// program's file, which the kernel takes back when it likes; 0 where nobody tells.
func peakMiB(pid int) int {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	kilobytes := func(name string) int {
		_, rest, _ := strings.Cut(string(text), "\n"+name+":")
		f := strings.Fields(rest)
		if len(f) == 0 {
			return 0
		}
		n, _ := strconv.Atoi(f[0])
		return n
	}
	return max(kilobytes("VmHWM")-kilobytes("RssFile"), 0) >> 10
}

// openFiles is how many files and sockets a process has open.
func openFiles(pid int) int {
	list, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/fd")
	return len(list)
}

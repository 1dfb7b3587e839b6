package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// describeMachine names what the figures hang on, in one line. envoyBinary may be "".
func describeMachine(envoyBinary string) string {
	parts := []string{
		time.Now().UTC().Format("2 January 2006"),
		fmt.Sprintf("%s, %d cores", firstMatch(`(?m)^model name\s*:\s*(.+)$`, readText("/proc/cpuinfo"), runtime.GOARCH), runtime.NumCPU()),
		"Linux " + firstMatch(`^(\d+\.\d+\.\d+)`, readText("/proc/sys/kernel/osrelease"), "of unknown version"),
		strings.Replace(runtime.Version(), "go", "Go ", 1),
	}
	if envoyBinary != "" {
		out, _ := exec.Command(envoyBinary, "--version").Output()
		parts = append(parts, "Envoy "+firstMatch(`/(\d+\.\d+\.\d+)`, string(out), "of unknown version"))
	}
	if out, err := exec.Command("git", "describe", "--always", "--dirty", "--tags").Output(); err == nil {
		parts = append(parts, "Qwenvoy "+strings.TrimSpace(string(out)))
	}
	if load := strings.Fields(readText("/proc/loadavg")); len(load) > 0 {
		parts = append(parts, "load average "+load[0]+" at the start")
	}
	return strings.Join(parts, "; ")
}

func readText(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

func firstMatch(pattern, text, otherwise string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m != nil {
		return strings.TrimSpace(m[1])
	}
	return otherwise
}

package memory

import (
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// unknown is taken for the machine's memory where it can't be found out.
const unknown = 4 << 30

// Available is how many bytes of memory the process may use: those of its cgroup, version 1
// or 2, where that or one above it has a limit, else the machine's.
func Available() int64 { return available(os.ReadFile) }

func available(read func(string) ([]byte, error)) int64 {
	least := int64(math.MaxInt64)
	if total := machine(read); total > 0 {
		least = total
	}
	own, _ := read("/proc/self/cgroup")
	for line := range strings.Lines(string(own)) {
		// 0::/system.slice/x.service, or 4:memory:/docker/x with version 1.
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, ok := strings.Cut(rest, ":")
		root, file := "/sys/fs/cgroup", "memory.max"
		switch {
		case !ok:
			continue
		case controllers == "memory":
			root, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		case controllers != "":
			continue
		}
		// In a container the own group is the root of what can be seen.
		for group = path.Clean("/" + group); ; group = path.Dir(group) {
			if n := number(read, path.Join(root, group, file)); n > 0 {
				least = min(least, n)
			}
			if group == "/" {
				break
			}
		}
	}
	if least == math.MaxInt64 {
		return unknown
	}
	return least
}

// number reads a file that holds a number, 0 for one that holds none, such as max.
func number(read func(string) ([]byte, error), name string) int64 {
	text, _ := read(name)
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// machine is the machine's memory, 0 where nobody says.
func machine(read func(string) ([]byte, error)) int64 {
	text, _ := read("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10
		}
	}
	return 0
}

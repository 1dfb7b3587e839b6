package responses

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Nothing may go on once all tests are over.
func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if left := leftovers(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "FAIL: goroutines that never end:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

func leftovers() (left string) {
	for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left = ""
		for g := range strings.SplitSeq(string(stacks), "\n\n") {
			if !strings.Contains(g, ".TestMain(") && (strings.Contains(g, "qwenvoy/") || strings.Contains(g, "coder/websocket")) {
				left += g + "\n\n"
			}
		}
		if left == "" {
			return ""
		}
	}
	return left
}

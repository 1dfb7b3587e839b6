package service

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// A trial finds what keeps a run from starting, and leaves no socket, folder or file.
func TestATrialFindsWhatKeepsARunFromStarting(t *testing.T) {
	dir, err := os.MkdirTemp("", "q") // a socket's path has few bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	file := filepath.Join(dir, "file")
	if err = os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	_ = free.Close()
	served, err := net.Listen("unix", filepath.Join(dir, "served"))
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	stale, err := net.Listen("unix", filepath.Join(dir, "stale"))
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = stale.Close()
	for _, tt := range []struct {
		name, listen string
		port         int
		folder       string
		want         []string
	}{
		{"nothing", "127.0.0.1", port, "", nil},
		{"a folder to be made", "127.0.0.1", port, filepath.Join(dir, "new", "deeper"), nil},
		{"a folder that is there", "127.0.0.1", port, dir, nil},
		{"a port in use", "127.0.0.1", busy.Addr().(*net.TCPAddr).Port, "", []string{"is in use, by this gateway if it runs"}},
		{"an address of another machine", "192.0.2.1", port, "", []string{"192.0.2.1"}},
		{"a folder in a file", "127.0.0.1", port, filepath.Join(file, "x"), []string{"not a directory"}},
		{"a file for a folder", "127.0.0.1", port, file, []string{"not a directory"}},
		{"both", "192.0.2.1", port, filepath.Join(file, "x"), []string{"192.0.2.1", "not a directory"}},
		{"a socket", "unix:" + filepath.Join(dir, "new.sock"), 0, "", nil},
		{"a socket that a process has left", "unix:" + filepath.Join(dir, "stale"), 0, "", nil},
		{"a socket in use", "unix:" + filepath.Join(dir, "served"), 0, "", []string{"is in use"}},
		{"a file for a socket", "unix:" + file, 0, "", []string{"no socket"}},
		{"a socket in no folder", "unix:" + filepath.Join(dir, "none", "x"), 0, "", []string{"no such file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := config.Default()
			c.Listen, c.Port, c.Store.Folder = tt.listen, tt.port, tt.folder
			found := Trial(c, nil)
			if len(found) != len(tt.want) {
				t.Fatalf("%v, want %v", found, tt.want)
			}
			for i, want := range tt.want {
				if !strings.Contains(found[i].Error(), want) {
					t.Errorf("%v, want %s", found[i], want)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 3 {
				t.Errorf("it left %v", left)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

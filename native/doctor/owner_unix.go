//go:build unix

package doctor

import (
	"io/fs"
	"os"
	"syscall"
)

// foreign is a file's owner, if that is neither this process's user nor root.
func foreign(info fs.FileInfo) (owner uint32, ok bool) {
	s, known := info.Sys().(*syscall.Stat_t)
	if !known || s.Uid == 0 || int(s.Uid) == os.Geteuid() {
		return 0, false
	}
	return s.Uid, true
}

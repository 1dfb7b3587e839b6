//go:build unix

package upstream

import "syscall"

// alive reports whether a kept connection is still open. uvicorn says nothing
// between requests, so anything that can be read, its close included, means no.
func (c *conn) alive() bool {
	if c.raw == nil {
		return true
	}
	open := false
	err := c.raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, err := syscall.Read(int(fd), b[:])
		open = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	})
	return err == nil && open
}

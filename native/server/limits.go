package server

import (
	"sync"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// defaultBody is the limit of a request body and of a reply that is read whole, in bytes,
// where the configuration names none.
const defaultBody = 100_000_000

// available is asked for once: a cgroup's limit stays.
var available = sync.OnceValue(memory.Available)

// MemoryLimit is how many bytes all exchanges may hold at once: limits.memory, or a quarter
// of what there is.
func MemoryLimit(c *config.Config) int64 {
	if c.Limits.Memory > 0 {
		return int64(c.Limits.Memory)
	}
	return available() / 4
}

// BodyLimit is the limit of a request body and of a reply that is read whole, in bytes:
// limits.body, or less where the memory is too small for that. A body is held a little over five
// times while it is turned, and once more where it is stored; a fifth of the memory may be the
// store's.
func BodyLimit(c *config.Config) int {
	limit := int64(c.Limits.Body)
	if limit == 0 {
		limit = defaultBody
	}
	return int(min(limit, MemoryLimit(c)/8))
}

package store

import (
	"log/slog"
	"time"

	"github.com/qwenvoy/qwenvoy/native/memory"
)

// Sizes where Options names none.
const (
	DefaultFileSize   = 1 << 30
	DefaultMemorySize = 256 << 20
)

// Options say where a store is and how long it keeps things. The zero value is a store
// in memory that knows no age.
type Options struct {
	// Redis is the URL of a Redis server that several processes share:
	// redis://[user:password@]host:port/database, rediss:// for TLS, or
	// unix://[user:password@]/path?db=number. It goes before Folder.
	Redis string
	// Folder holds the file of a store of its own; "" is a store in memory.
	Folder string
	// MaxAge is how long a response is kept after it began, and a conversation after its
	// last change. 0: no limit.
	//
	// To continue a response makes the earlier ones no younger, so a chain can be
	// continued for as long as its oldest member is kept.
	MaxAge time.Duration
	// MaxSize, in bytes, is what may be in use; over it the oldest is deleted, whatever
	// its age, and a response that has more alone is refused. 0: DefaultFileSize or
	// DefaultMemorySize. Redis has its own: maxmemory.
	MaxSize int64
	// Memory is the budget of whose bytes a store in memory takes; it holds at most a fifth of
	// that, whatever MaxSize says. Nil: of none.
	Memory *memory.Budget
	// Log gets a line when the store is not available at the start; nil is none.
	Log *slog.Logger

	now func() time.Time
}

// Open opens the store. A Redis that can't be reached yet is no error: calls return
// ErrUnavailable until it can. No error holds a password.
func Open(o Options) (Store, error) {
	switch {
	case o.Redis != "":
		return openRedis(o)
	case o.Folder != "":
		if o.MaxSize == 0 {
			o.MaxSize = DefaultFileSize
		}
		f, err := openFile(o.Folder)
		if err != nil {
			return nil, err
		}
		e, err := newEmbedded(f, o)
		if err != nil {
			_ = f.close()
			return nil, err
		}
		return e, nil
	}
	if o.MaxSize == 0 {
		o.MaxSize = DefaultMemorySize
	}
	if o.Memory != nil {
		o.MaxSize = min(o.MaxSize, o.Memory.Limit()/5)
	}
	return newEmbedded(newMemory(o.Memory), o)
}

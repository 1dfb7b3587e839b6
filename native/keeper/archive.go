package keeper

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// An Archive keeps responses in a store: it makes the keeper of each exchange, a Keeper, runs
// what goes on in the background, and ends what other processes left behind.
type Archive struct {
	store  store.Store
	base   context.Context
	memory *memory.Budget
	log    *slog.Logger
	owner  string // this process, in leases
	config atomic.Pointer[config.Config]
	clock  Clock
	health health

	// jobs is how many background responses have a place, running how many of them run.
	jobs, running atomic.Int64

	stop   context.CancelFunc
	beside sync.WaitGroup // what runs beside requests
}

// A Clock holds the waits that tests shorten.
type Clock struct {
	// Lease is how long a background response or a conversation stays with a process
	// that doesn't renew it; it renews at a third of that.
	Lease time.Duration
	// Sweep is the pause between two looks for lapsed leases.
	Sweep time.Duration
	// Probe is the pause between two tries to reach a store that is not available.
	Probe time.Duration
	// Busy is how long a conversation's lock is waited for.
	Busy time.Duration
}

// RealClock is the one of a gateway.
var RealClock = Clock{Lease: 15 * time.Second, Sweep: 5 * time.Second, Probe: time.Second, Busy: 500 * time.Millisecond}

// New makes an Archive. base is the context of what runs without a client's request; what
// it holds ends with it, and its bytes count against m. Close must be called in the end, before
// the store is closed.
func New(base context.Context, s store.Store, c *config.Config, m *memory.Budget, log *slog.Logger, clock Clock) *Archive {
	a := &Archive{store: s, base: base, memory: m, log: log, owner: NewID("qwenvoy_"), clock: clock}
	a.config.Store(c)
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	a.health = health{store: s, ctx: ctx, log: log, probe: clock.Probe}
	a.beside.Go(func() { a.sweepLapsed(ctx) })
	return a
}

// Reload puts another configuration in force for the requests that come. The store stays.
func (a *Archive) Reload(c *config.Config) { a.config.Store(c) }

// Config is the configuration in force.
func (a *Archive) Config() *config.Config { return a.config.Load() }

// Memory is what all exchanges hold of memory.
func (a *Archive) Memory() *memory.Budget { return a.memory }

// Running is the number of background responses under way.
func (a *Archive) Running() int64 { return a.running.Load() }

// Close waits for what runs beside requests. Background responses end by their context.
func (a *Archive) Close() {
	a.stop()
	a.beside.Wait()
	a.health.looking.Wait()
}

// Limits are the bytes that a body may have, and how long nothing may come of it.
func (a *Archive) Limits() (body int, idle time.Duration) {
	c := a.Config()
	return server.BodyLimit(c), time.Duration(c.Timeouts.Idle)
}

// stores: responses are kept unless a request says store: false.
func (a *Archive) stores() bool { return a.Config().Responses.Store && !a.health.down() }

// lastWrite bounds a write to the store that nobody waits for any more.
const lastWrite = 15 * time.Second

// afterwards is for what must be written even though the client has left.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
}

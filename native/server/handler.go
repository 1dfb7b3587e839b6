package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A Handler serves every request. Its configuration can be replaced while it serves.
type Handler struct {
	log      *slog.Logger
	observer *Observer
	memory   *memory.Budget
	repeats  *logging.Repeats
	state    atomic.Pointer[state]
	loopback bool          // only this machine can reach us, whatever a later configuration says
	beat     time.Duration // silence of a stream before a heartbeat
	version  string        // the program's

	modified, proxied atomic.Int64
	inFlight          inFlight
	readiness         readiness
	base              context.Context
	end               context.CancelCauseFunc
}

// NewHandler makes a Handler. loopback: only this machine can reach it, whatever a configuration
// says. The error is the configuration's.
func NewHandler(c *config.Config, loopback bool, log *slog.Logger) (*Handler, error) {
	h := &Handler{log: log, observer: NewObserver(log), memory: memory.NewBudget(MemoryLimit(c)), beat: gateway.BeatInterval,
		repeats: logging.NewRepeats(nil)}
	h.base, h.end = context.WithCancelCause(context.Background())
	h.loopback = loopback
	st, err := newState(c, h.loopback, log)
	if err != nil {
		return nil, err
	}
	h.state.Store(st)
	return h, nil
}

// Reload puts another configuration in force for the requests that come. When it
// is not valid the old one stays.
func (h *Handler) Reload(c *config.Config) error {
	st, err := newState(c, h.loopback, h.log)
	if err != nil {
		return err
	}
	old := h.state.Load()
	for i, b := range st.backends {
		for j, was := range old.backends {
			if c.Upstreams[i].URL == old.config.Upstreams[j].URL && b.apiKey == was.apiKey {
				b.known = was.known // it is the same server
			}
		}
	}
	h.memory.SetLimit(MemoryLimit(c))
	// Running requests keep the old client; its connections close when they fall idle.
	h.state.Swap(st).close()
	return nil
}

// Config returns the configuration in force.
func (h *Handler) Config() *config.Config { return h.state.Load().config }

// Notes are sentences for the log on the configuration in force.
func (h *Handler) Notes() []string { return h.state.Load().gateway.Notes() }

// Upstream is what is known of the server behind, of the configuration in force: the default one.
func (h *Handler) Upstream() *probe.State { return h.state.Load().main.known }

// Memory is what all exchanges hold of memory. Handlers in front take theirs of it.
func (h *Handler) Memory() *memory.Budget { return h.memory }

// Observer is told of each exchange. Handlers in front tell it of theirs.
func (h *Handler) Observer() *Observer { return h.observer }

// Counts says how many requests were transformed, and how many came in all.
func (h *Handler) Counts() (modified, proxied int64) { return h.modified.Load(), h.proxied.Load() }

// InFlight is the number of requests under way.
func (h *Handler) InFlight() int64 { return h.inFlight.n.Load() }

// Oldest is how long the request that began first is under way, 0 where there is none.
func (h *Handler) Oldest() time.Duration { return h.inFlight.oldest() }

// BaseContext is for http.Server's field of that name. End works through it.
func (h *Handler) BaseContext(net.Listener) context.Context { return h.base }

// End makes the requests under way end now, streams by their grammar.
func (h *Handler) End() { h.end(errEnded) }

// PageFields are the fields of a reply that is made in front of this Handler, by which a web
// page's browser knows whether the page may read it.
func (h *Handler) PageFields(r *http.Request) [][2]string {
	return h.state.Load().gateway.PageFields(func(name string) string { return fieldOf(r, name) })
}

// ModelsTag names the present list of models: the value of hub.ModelsTagHeader.
func (h *Handler) ModelsTag() string { return h.state.Load().gateway.ModelsTag() }

// Settles tells whether a request is answered here whatever its route is, so that nobody in
// front serves it.
func (h *Handler) Settles(r *http.Request) bool {
	return h.state.Load().gateway.Settles(gateway.Head{
		Method: r.Method, Path: targetOf(r), Header: func(name string) string { return fieldOf(r, name) }})
}

// local is the core's own answer to a request, or what takes its place here.
func (h *Handler) local(st *state, plan *gateway.Plan, r *http.Request) *hub.Answer {
	switch {
	case plan.Answer.Status != http.StatusOK:
	case plan.Route == "root":
		return h.forPeople(st, plan.Answer, r)
	case plan.Route == "readyz":
		return h.ready(plan.Answer)
	}
	return plan.Answer
}

// ServeHTTP serves one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.Serve(w, r, nil) }

// Serve serves one request with the state behind it; k may be nil. An exchange that was
// detached goes on after it has returned, and r is still to be answered.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, k Keeper) {
	cl := newHTTPClient(w, r, credential(r, k))
	defer cl.free()
	c := newCall(h, r.Context(), cl, k, h.observer.ids.of(r.Header))
	if c.serve(cl) {
		go c.runDetached(c.ask)
	}
}

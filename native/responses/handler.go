package responses

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A Handler serves what of the Responses API needs state, and gives all else to the
// handler behind it.
type Handler struct {
	next  http.Handler
	base  context.Context
	store store.Store
	log   *slog.Logger
	// observer is told of what is served here.
	observer *server.Observer
	owner    string // this process, in leases
	config   atomic.Pointer[config.Config]

	// draining is closed when no more turns of a socket shall begin.
	draining chan struct{}
	drain    sync.Once
	// sockets and jobs that are open.
	running  atomic.Int64
	jobs     atomic.Int64
	down     atomic.Bool // the store was not available when last asked
	stop     context.CancelFunc
	finished sync.WaitGroup

	clock clock
}

// clock holds the waits that tests shorten.
type clock struct {
	now func() time.Time
	// lease is how long a background response or a conversation stays with a process
	// that doesn't renew it; it renews at a third of that.
	lease time.Duration
	// sweep is the pause between two looks for lapsed leases.
	sweep time.Duration
	// probe is the pause between two tries to reach a store that is not available.
	probe time.Duration
	// busy is how long a conversation's lock is waited for.
	busy time.Duration
	// ping is the pause between two pings on a socket.
	ping time.Duration
	// age is how long a socket takes new turns.
	age time.Duration
	// cancelled is how long a cancel waits for the response to end.
	cancelled time.Duration
	// keepAlive is the pause between two comments in a resumed stream.
	keepAlive time.Duration
}

var realClock = clock{
	now:       time.Now,
	lease:     15 * time.Second,
	sweep:     5 * time.Second,
	probe:     time.Second,
	busy:      500 * time.Millisecond,
	ping:      25 * time.Second,
	age:       time.Hour,
	cancelled: 30 * time.Second,
	keepAlive: 15 * time.Second,
}

// New makes a Handler in front of next. base is the context of what runs without a
// client's request; what it holds ends with it. Close must be called in the end, before
// the store is closed.
func New(next http.Handler, base context.Context, s store.Store, c *config.Config, log *slog.Logger, o *server.Observer) *Handler {
	return newHandler(next, base, s, c, log, o, realClock)
}

func newHandler(next http.Handler, base context.Context, s store.Store, c *config.Config, log *slog.Logger, o *server.Observer, clock clock) *Handler {
	h := &Handler{next: next, base: base, store: s, log: log, observer: o, owner: newID("qwenvoy_"), draining: make(chan struct{}), clock: clock}
	h.config.Store(c)
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.finished.Add(1)
	go h.sweepLapsed(ctx)
	return h
}

// Reload puts another configuration in force for the requests that come. The store stays.
func (h *Handler) Reload(c *config.Config) { h.config.Store(c) }

// Drain makes sockets close, each when its running response has ended.
func (h *Handler) Drain() { h.drain.Do(func() { close(h.draining) }) }

// InFlight is the number of sockets and background responses.
func (h *Handler) InFlight() int64 { return h.running.Load() }

// Close ends what runs beside requests.
func (h *Handler) Close() {
	h.Drain()
	h.stop()
	h.finished.Wait()
}

// limits are the bytes that a body may have, and how long nothing may come of it.
func (h *Handler) limits() (body int, idle time.Duration) {
	c := h.config.Load()
	if body = int(c.Limits.Body); body == 0 {
		body = server.DefaultBody
	}
	return body, time.Duration(c.Timeouts.Idle)
}

const (
	responsesPath     = "/v1/responses"
	conversationsPath = "/v1/conversations"
)

// ServeHTTP serves one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if !strings.HasPrefix(path, responsesPath) && !strings.HasPrefix(path, conversationsPath) {
		h.next.ServeHTTP(w, r)
		return
	}
	if len(path) > 1 && strings.HasSuffix(path, "/") && !strings.HasSuffix(path, "//") {
		path = path[:len(path)-1]
	}
	switch path {
	case responsesPath:
		switch {
		case r.Method == http.MethodPost:
			h.create(w, r)
		case r.Method == http.MethodGet && h.config.Load().Responses.WebSocket && strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
			h.accept(w, r)
		default:
			h.next.ServeHTTP(w, r)
		}
		return
	case responsesPath + "/compact", responsesPath + "/input_tokens":
		m := &turn{h: h, ctx: r.Context(), caller: callerOf(r), question: true, body: recorded(nil)}
		h.next.ServeHTTP(w, r.WithContext(server.WithMemory(r.Context(), m)))
		return
	}
	kind, rest := "", ""
	if after, ok := strings.CutPrefix(path, responsesPath+"/"); ok {
		kind, rest = responsesPath, after
	} else if path == conversationsPath {
		kind = conversationsPath
	} else if after, ok := strings.CutPrefix(path, conversationsPath+"/"); ok {
		kind, rest = conversationsPath, after
	} else {
		h.next.ServeHTTP(w, r)
		return
	}
	h.stored(w, r, kind, rest)
}

// A request is one to what is stored.
type request struct {
	*http.Request
	caller
	h     *Handler
	w     http.ResponseWriter
	query url.Values
	// observed is w where this package serves the whole exchange.
	observed *server.Observed
}

// stored routes requests to what is stored; rest is the path behind the kind.
func (h *Handler) stored(w http.ResponseWriter, r *http.Request, kind, rest string) {
	out := h.observer.Observe(w, r, strings.TrimPrefix(kind, "/v1/")+"_stored")
	defer out.End()
	q := &request{Request: r, h: h, w: out, observed: out, caller: callerOf(r), query: r.URL.Query()}
	parts := []string{}
	if rest != "" {
		parts = strings.Split(rest, "/")
	}
	var methods map[string]func() *hub.Problem
	id := func(i int) string { return parts[i] }
	if kind == responsesPath {
		switch {
		case len(parts) == 1:
			methods = map[string]func() *hub.Problem{
				http.MethodGet:    func() *hub.Problem { return q.getResponse(id(0)) },
				http.MethodDelete: func() *hub.Problem { return q.deleteResponse(id(0)) },
			}
		case len(parts) == 2 && parts[1] == "input_items":
			methods = map[string]func() *hub.Problem{http.MethodGet: func() *hub.Problem { return q.inputItems(id(0)) }}
		case len(parts) == 2 && parts[1] == "cancel":
			methods = map[string]func() *hub.Problem{http.MethodPost: func() *hub.Problem { return q.cancel(id(0)) }}
		}
	} else {
		switch {
		case len(parts) == 0:
			methods = map[string]func() *hub.Problem{http.MethodPost: q.createConversation}
		case len(parts) == 1:
			methods = map[string]func() *hub.Problem{
				http.MethodGet:    func() *hub.Problem { return q.getConversation(id(0)) },
				http.MethodPost:   func() *hub.Problem { return q.updateConversation(id(0)) },
				http.MethodDelete: func() *hub.Problem { return q.deleteConversation(id(0)) },
			}
		case len(parts) == 2 && parts[1] == "items":
			methods = map[string]func() *hub.Problem{
				http.MethodGet:  func() *hub.Problem { return q.conversationItems(id(0)) },
				http.MethodPost: func() *hub.Problem { return q.addItems(id(0)) },
			}
		case len(parts) == 3 && parts[1] == "items":
			methods = map[string]func() *hub.Problem{
				http.MethodGet:    func() *hub.Problem { return q.getItem(id(0), id(2)) },
				http.MethodDelete: func() *hub.Problem { return q.deleteItem(id(0), id(2)) },
			}
		}
	}
	if methods == nil {
		q.refuse(&hub.Problem{Status: 404, Type: hub.TypeInvalidRequest, Reason: "not_found", Message: "There is nothing at " + hub.Excerpt(r.URL.Path) + "."})
		return
	}
	serve := methods[r.Method]
	if serve == nil {
		allowed := ""
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			if methods[m] != nil {
				allowed += ", " + m
			}
		}
		allowed = strings.TrimPrefix(allowed, ", ")
		q.refuse(&hub.Problem{Status: 405, Type: hub.TypeInvalidRequest, Reason: "method_not_allowed", Header: [][2]string{{"allow", allowed}},
			Message: hub.Excerpt(r.Method) + " is not allowed on " + hub.Excerpt(r.URL.Path) + ", " + allowed + " is."})
		return
	}
	if p := serve(); p != nil {
		q.refuse(p)
	}
}

func (q *request) refuse(p *hub.Problem) {
	q.observed.Failed(p.Reason)
	refuse(q.w, p)
}

// refuse answers with an error in the dialect's shape.
func refuse(w http.ResponseWriter, p *hub.Problem) {
	a := responses.Create.Problem(p, &hub.Turn{Settings: &hub.Settings{}})
	for _, f := range a.Header {
		w.Header().Set(f[0], f[1])
	}
	answer(w, a.Status, a.Body)
}

// answer sends JSON.
func answer(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// A caller is whose request it is, read where it comes in.
type caller struct {
	credential access.Credential
	tenant     string
}

func callerOf(r *http.Request) caller {
	c := server.CredentialOf(r)
	return caller{credential: c, tenant: c.Tenant()}
}

// Credential implements server.Memory.
func (c *caller) Credential() access.Credential { return c.credential }

// problem puts an error of the store into words. what names the thing that was looked
// for and param the part of the request that names it.
func (h *Handler) problem(err error, what, param, id string) *hub.Problem {
	id = hub.Excerpt(id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &hub.Problem{Status: 404, Type: hub.TypeInvalidRequest, Param: param, Reason: "not_found", Message: what + " with id '" + id + "' not found."}
	case errors.Is(err, store.ErrUnavailable):
		h.unavailable()
		return storeGone()
	case errors.Is(err, store.ErrTooLarge):
		return &hub.Problem{Status: 413, Type: hub.TypeInvalidRequest, Reason: "too_large_to_store", Message: what + " '" + id + "' can't be stored: " + err.Error() + "."}
	case errors.Is(err, store.ErrConflict):
		return &hub.Problem{Status: 409, Type: hub.TypeInvalidRequest, Param: param, Reason: "conflict", Message: what + " '" + id + "' was changed or is taken: " + err.Error() + "."}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &hub.Problem{Status: 503, Type: hub.TypeServer, Reason: "shutting_down", Message: "The gateway is shutting down."}
	}
	h.log.Error("the store failed", "error", err.Error())
	return &hub.Problem{Status: 500, Type: hub.TypeServer, Reason: "store", Message: "The store of responses failed; the gateway's log says more."}
}

// storeGone is the answer where state is needed and can't be had.
func storeGone() *hub.Problem {
	return &hub.Problem{Status: 503, Type: hub.TypeServer, Code: "store_unavailable", Reason: "store_unavailable", Header: [][2]string{{"retry-after", "1"}},
		Message: "The store of responses can't be reached, and this request needs it. Requests that need no state (store: false, without previous_response_id, conversation or background) are served."}
}

// unavailable notes that the store is gone, and looks for it until it is back.
func (h *Handler) unavailable() {
	if h.down.Swap(true) {
		return
	}
	h.log.Warn("the store of responses is not available: what needs no state is served, and nothing is stored")
	h.finished.Add(1)
	go func() {
		defer h.finished.Done()
		for {
			select {
			case <-h.draining:
				return
			case <-time.After(h.clock.probe):
			}
			if _, _, err := h.store.Get(h.base, "", "probe"); !errors.Is(err, store.ErrUnavailable) {
				h.down.Store(false)
				h.log.Info("the store of responses is available again")
				return
			}
		}
	}()
}

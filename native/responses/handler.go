package responses

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/qwenvoy/qwenvoy/native/keeper"
	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A Handler serves what of the Responses API needs state, and gives all else to the
// handler behind it.
type Handler struct {
	next    exchanges
	archive *keeper.Archive
	stored  stored
	sockets sockets
}

// exchanges serves single requests: a server.Handler.
type exchanges interface {
	http.Handler
	Serve(w http.ResponseWriter, r *http.Request, k server.Keeper)
	Run(ctx context.Context, m *server.Message)
	// Settles tells whether a request is answered there whatever its route is.
	Settles(r *http.Request) bool
	// PageFields are what a reply says to the browser of a request's web page.
	PageFields(r *http.Request) [][2]string
	// ModelsTag names the present list of models: the value of hub.ModelsTagHeader.
	ModelsTag() string
}

// A clock holds the waits that tests shorten.
type clock struct {
	now func() time.Time
	// ping is the pause between two pings on a socket.
	ping time.Duration
	// age is how long a socket takes new turns.
	age time.Duration
	// cancelled is how long a cancel waits for the response to end.
	cancelled time.Duration
	// keepAlive is the pause between two comments in a resumed stream.
	keepAlive time.Duration
	// room is how long a socket's message waits for memory.
	room time.Duration
}

var realClock = clock{
	now:       time.Now,
	ping:      25 * time.Second,
	age:       time.Hour,
	cancelled: 30 * time.Second,
	keepAlive: 15 * time.Second,
	room:      10 * time.Second,
}

// New makes a Handler in front of next, with what a keeps and s stores. Sockets end with base.
func New(next *server.Handler, base context.Context, a *keeper.Archive, s store.Store, log *slog.Logger) *Handler {
	return newHandler(next, base, a, s, log, next.Observer(), realClock)
}

func newHandler(
	next exchanges, base context.Context, a *keeper.Archive, s store.Store, log *slog.Logger, o *server.Observer, clock clock,
) *Handler {
	return &Handler{
		next: next, archive: a,
		stored:  stored{store: s, archive: a, observer: o, clock: clock},
		sockets: sockets{next: next, archive: a, base: base, log: log, clock: clock, draining: make(chan struct{})},
	}
}

// Drain makes sockets close, each when its running response has ended.
func (h *Handler) Drain() { h.sockets.drain() }

// InFlight is the number of sockets and background responses.
func (h *Handler) InFlight() int64 { return h.sockets.open.Load() + h.archive.Running() }

const (
	responsesPath     = "/v1/responses"
	conversationsPath = "/v1/conversations"
)

// ServeHTTP serves one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if len(path) > 1 && strings.HasSuffix(path, "/") && !strings.HasSuffix(path, "//") {
		path = path[:len(path)-1]
	}
	switch {
	case !strings.HasPrefix(path, responsesPath) && !strings.HasPrefix(path, conversationsPath), h.next.Settles(r):
		h.next.ServeHTTP(w, r)
	case path == responsesPath && r.Method == http.MethodPost:
		h.create(w, r)
	case path == responsesPath && r.Method == http.MethodGet && h.archive.Config().Responses.WebSocket && isWebSocket(r):
		h.sockets.accept(w, r)
	case path == responsesPath+"/compact", path == responsesPath+"/input_tokens":
		h.next.Serve(w, r, h.archive.NewQuestion(server.CredentialOf(r)))
	case path == conversationsPath, strings.HasPrefix(path, conversationsPath+"/"), strings.HasPrefix(path, responsesPath+"/"):
		sign(w, h.next.PageFields(r))
		h.stored.serve(w, r, path)
	default:
		h.next.ServeHTTP(w, r)
	}
}

// sign gives a reply that is made here what it says to the page's browser.
func sign(w http.ResponseWriter, fields [][2]string) {
	for _, f := range fields {
		w.Header().Set(f[0], f[1])
	}
}

func isWebSocket(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// create serves POST /v1/responses.
func (h *Handler) create(w http.ResponseWriter, r *http.Request) {
	t := h.archive.NewKeeper(server.CredentialOf(r))
	h.next.Serve(w, r, t)
	b := t.Background()
	if b == nil {
		return
	}
	sign(w, h.next.PageFields(r))
	// The turn goes on by itself; the client gets what it is at first, or the stream of its events.
	for _, f := range b.Header {
		w.Header().Set(f[0], f[1])
	}
	if !b.Logged {
		answer(w, http.StatusOK, b.Object)
		return
	}
	q := h.stored.request(w, r, t.Credential())
	defer q.memory.Release()
	if p := q.follow(b.ID, 0); p != nil {
		refuse(w, p)
	}
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

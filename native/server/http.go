package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// HTTP makes the server around a Handler, with front before it: HTTP/1.1, and h2c by
// prior knowledge, or over TLS HTTP/2 by ALPN. It sets no limit on how long a request or a reply may take.
func HTTP(h *Handler, front http.Handler, c *config.Config, log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           guarded(&bodyHandler{next: front, config: h.Config, leaving: h.leaving}, log),
		Protocols:         protocols,
		BaseContext:       h.BaseContext,
		ConnContext:       connContext,
		ReadHeaderTimeout: time.Duration(c.Timeouts.Header),
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// guarded logs a panic of the handlers in front, which net/http would with a text that may
// hold what a client sent, and cuts the connection.
func guarded(front http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				log.Error("panic in a request", "panic", redact.Panic(p), "stack", firstFrames(debug.Stack()))
				panic(http.ErrAbortHandler)
			}
		}()
		front.ServeHTTP(w, r)
	})
}

// Listeners prepares listeners for the server of HTTP, which has at most so many connections
// at once: others wait in the machine's queue.
func Listeners(of []net.Listener, connections int) (prepared []net.Listener) {
	places := make(chan struct{}, connections+len(of)-1) // each listener has one in hand
	for _, ln := range of {
		prepared = append(prepared, &listener{Listener: ln, places: places, closed: make(chan struct{})})
	}
	return prepared
}

// lastWords is how long streams that are ended by the drain get for their last bytes.
const lastWords = 2 * time.Second

// Running is what a drain waits for.
type Running interface {
	// InFlight is how much is under way, 0 for nothing.
	InFlight() int64
	// End makes it end now, streams by their grammar.
	End()
}

// Drain stops accepting and waits for the requests under way: at most limit, or
// until now is closed. What still runs then is ended, streams by their grammar.
// It returns how many requests that were.
func Drain(srv *http.Server, h Running, limit time.Duration, now <-chan struct{}) (cut int64) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	go func() {
		select {
		case <-now:
			cancel()
		case <-ctx.Done():
		}
	}()
	if srv.Shutdown(ctx) == nil && idle(ctx, h) {
		return 0
	}
	cut = h.InFlight()
	h.End()
	last, stop := context.WithTimeout(context.Background(), lastWords)
	defer stop()
	if srv.Shutdown(last) != nil || !idle(last, h) {
		_ = srv.Close()
	}
	return cut
}

// idle waits for the connections that Shutdown has no eye on: those that were
// upgraded to another protocol.
func idle(ctx context.Context, h Running) bool {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for h.InFlight() > 0 {
		select {
		case <-ctx.Done():
			return false
		case <-look.C:
		}
	}
	return true
}

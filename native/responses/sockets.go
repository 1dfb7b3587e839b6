package responses

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/qwenvoy/qwenvoy/native/keeper"
	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// sockets accepts WebSocket connections.
type sockets struct {
	next    exchanges
	archive *keeper.Archive
	base    context.Context
	log     *slog.Logger
	clock   clock

	open atomic.Int64
	// draining is closed when no more turns shall begin.
	draining chan struct{}
	once     sync.Once
}

// drain makes sockets close, each when its running response has ended.
func (h *sockets) drain() { h.once.Do(func() { close(h.draining) }) }

// accept serves a WebSocket handshake on /v1/responses, and the connection.
func (h *sockets) accept(w http.ResponseWriter, r *http.Request) {
	if p := h.refused(r); p != nil {
		sign(w, h.next.PageFields(r))
		refuse(w, p)
		h.log.Info("websocket refused", "client", logging.RemoteHost(r.RemoteAddr), "code", p.Status, "error_type", p.Reason)
		return
	}
	h.open.Add(1)
	defer h.open.Add(-1)
	sign(w, [][2]string{{hub.ModelsTagHeader, h.next.ModelsTag()}})
	// Its origin has been looked at by the core. Compression is declined: events are small and many.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		h.log.Info("websocket refused", "client", logging.RemoteHost(r.RemoteAddr), "error", err)
		return
	}
	conn.SetReadLimit(-1) // read has its own, which says why before it closes
	s := &socket{
		sockets: h, conn: conn, began: h.clock.now(), queue: make(chan []byte, queued),
		credential: server.CredentialOf(r), header: createHeader(r.Header), host: r.Host, remote: r.RemoteAddr,
	}
	s.memory.Begin(h.archive.Memory())
	s.ctx, s.cancel = context.WithCancel(h.base)
	start := time.Now()
	s.serve()
	h.log.Info("websocket closed", "client", logging.RemoteHost(r.RemoteAddr), "responses", s.turns,
		"duration_ms", time.Since(start).Milliseconds())
}

// createHeader is what the handshake says of the client, as the header of a create request.
func createHeader(handshake http.Header) http.Header {
	h := handshake.Clone()
	for name := range h {
		switch {
		case name == "Upgrade", name == "Connection", name == "Content-Encoding", name == "Accept-Encoding", name == "Expect",
			strings.HasPrefix(name, "Sec-Websocket-"):
			delete(h, name)
		}
	}
	h.Set("Content-Type", "application/json")
	return h
}

// refused says why a handshake is turned down.
func (h *sockets) refused(r *http.Request) *hub.Problem {
	select {
	case <-h.draining:
		return shuttingDown()
	default:
	}
	if r.Header.Get("Sec-WebSocket-Version") != "13" {
		return wrongSocketVersion()
	}
	return nil
}

package server

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// readiness is whether load balancers should send requests here: what /readyz says.
type readiness struct {
	leaving atomic.Bool
	asked   atomic.Int64 // when /readyz was asked last, in Unix seconds
}

// Leave says that the process will end: /readyz tells load balancers, and replies of HTTP/1 are
// the last of their connections. Requests are served all the same.
func (h *Handler) Leave() { h.readiness.leaving.Store(true) }

// Watched tells whether somebody has asked /readyz a moment ago, who wants to be told before the
// process ends.
func (h *Handler) Watched() bool {
	return time.Since(time.Unix(h.readiness.asked.Load(), 0)) < watchedFor
}

// watchedFor is longer than the pauses between two questions of a load balancer.
const watchedFor = 2 * time.Minute

func (h *Handler) leaving() bool { return h.readiness.leaving.Load() }

// ready is the answer to /readyz, of which the core knows the good one only.
func (h *Handler) ready(a *hub.Answer) *hub.Answer {
	h.readiness.asked.Store(unix())
	var reasons []string
	if h.leaving() {
		reasons = append(reasons, "The gateway is shutting down.")
	}
	if h.state.Load().dead() {
		reasons = append(reasons, "The model server does not answer.")
	}
	if len(reasons) == 0 {
		return a
	}
	body, _ := json.Marshal(struct { // strings always can be
		Status  string   `json:"status"`
		Reasons []string `json:"reasons"`
	}{"not ready", reasons})
	return &hub.Answer{Status: http.StatusServiceUnavailable, Header: a.Header, Body: body}
}

// isProbe tells whether a route is one that machines ask again and again: its lines in the log
// are for DEBUG, and it is no request that a gateway is for.
func isProbe(route string) bool { return route == "health" || route == "livez" || route == "readyz" }

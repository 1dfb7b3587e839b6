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
	st := h.state.Load()
	switch {
	case st.dead():
		reasons = append(reasons, "The model server does not answer.")
	case st.nameless() != "":
		reasons = append(reasons, "The served model's name is not known yet.")
	}
	said := readyBody{Status: "ready", Reasons: reasons, Failing: st.main.known.Failing()}
	if len(reasons) == 0 && len(said.Failing) == 0 {
		return a
	}
	status := http.StatusOK
	if len(reasons) > 0 {
		said.Status, status = "not ready", http.StatusServiceUnavailable
	}
	body, _ := json.Marshal(said) // strings always can be
	return &hub.Answer{Status: status, Header: a.Header, Body: body}
}

// readyBody is what /readyz says. Failing names checks of the server, of which the log says more:
// requests may be served all the same, where it keeps its list of models from us.
type readyBody struct {
	Status  string   `json:"status"`
	Reasons []string `json:"reasons,omitempty"`
	Failing []string `json:"failing,omitempty"`
}

// isProbe tells whether a route is one that machines ask again and again: its lines in the log
// are for DEBUG, and it is no request that a gateway is for.
func isProbe(route string) bool { return route == "health" || route == "livez" || route == "readyz" }

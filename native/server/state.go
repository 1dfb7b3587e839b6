package server

import (
	"log/slog"
	"net/http/httputil"
	"slices"
	"time"

	"github.com/qwenvoy/qwenvoy/native/upstream"
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
)

// state is what one configuration means. An exchange keeps the one that it began
// with, so a reload never changes a request under way.
type state struct {
	config  *config.Config
	gateway *gateway.Gateway
	// backends are the upstreams, in the configuration's order; main is the default one.
	backends []*backend
	main     *backend
	pass     *httputil.ReverseProxy
	// collector takes agents' telemetry; nil: it is thrown away.
	collector *upstream.Client
	idle      time.Duration // 0: none
	keys      []string      // ours for the upstreams
}

func newState(c *config.Config, loopback bool, log *slog.Logger) (*state, error) {
	bounded := *c
	bounded.Limits.Body = config.Bytes(BodyLimit(c))
	g, err := gateway.New(&bounded, gateway.Edge{Health: true, Loopback: loopback, LearnsModel: true, Several: true})
	if err != nil {
		return nil, err
	}
	st := &state{config: c, gateway: g, idle: time.Duration(c.Timeouts.Idle)}
	for i := range c.Upstreams {
		b, err := newBackend(&c.Upstreams[i], c.Timeouts, g.Catalog())
		if err != nil {
			return nil, err
		}
		st.backends, st.keys = append(st.backends, b), append(st.keys, b.apiKey)
	}
	st.main = st.backends[c.DefaultIndex()]
	st.pass = st.newPass(log)
	if c.OTLPForward != "" {
		if st.collector, err = upstream.New(c.OTLPForward, c.Timeouts); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// nameless says why the served model's name is not known yet, "" where it is.
func (st *state) nameless() string {
	if st.config.Main().Model != "" {
		return ""
	}
	return st.main.known.Nameless()
}

// backend is that of an upstream.
func (st *state) backend(name string) *backend {
	for _, b := range st.backends {
		if b.name == name {
			return b
		}
	}
	return st.main
}

// dead tells that no upstream is there, as far as is known.
func (st *state) dead() bool {
	return !slices.ContainsFunc(st.backends, func(b *backend) bool { return !b.known.Dead() })
}

// windowOf is what is known of the window of a virtual model's first target, in tokens; 0 for nothing.
func (st *state) windowOf(m *catalog.Model) int {
	if w := st.backend(m.Target.Upstream).windows[m.Target.Model]; w != nil {
		return w.Known(m.Target.Window)
	}
	return m.Target.Window
}

// close closes the connections that are idle, and the others when they fall idle.
func (st *state) close() {
	for _, b := range st.backends {
		b.client.Close()
	}
	if st.collector != nil {
		st.collector.Close()
	}
}

package server

import (
	"log/slog"
	"net/http/httputil"
	"time"

	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/native/upstream"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
)

// state is what one configuration means. An exchange keeps the one that it began
// with, so a reload never changes a request under way.
type state struct {
	config  *config.Config
	gateway *gateway.Gateway
	client  *upstream.Client
	// collector takes agents' telemetry; nil: it is thrown away.
	collector *upstream.Client
	window    *upstream.Window
	pass      *httputil.ReverseProxy
	idle      time.Duration // 0: none
	apiKey    string
	name      string // the upstream's
	known     *probe.State
}

func newState(c *config.Config, loopback bool, log *slog.Logger) (*state, error) {
	bounded := *c
	bounded.Limits.Body = config.Bytes(BodyLimit(c))
	g, err := gateway.New(&bounded, gateway.Edge{Health: true, Loopback: loopback, LearnsModel: true})
	if err != nil {
		return nil, err
	}
	up := c.Upstreams[0]
	client, err := upstream.New(up.URL, c.Timeouts)
	if err != nil {
		return nil, err
	}
	st := &state{
		config:  c,
		gateway: g,
		client:  client,
		window:  upstream.NewWindow(client, up.Model, nil),
		idle:    time.Duration(c.Timeouts.Idle),
		apiKey:  up.APIKey,
		name:    up.Name,
		known:   probe.NewState(),
	}
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
	if st.config.Upstreams[0].Model != "" {
		return ""
	}
	return st.known.Nameless()
}

// answered notes that the upstream is there. A failure of its own may be a proxy's before it.
func (st *state) answered(status int) {
	if status < 500 {
		st.known.Answered()
	}
}

// close closes the connections that are idle, and the others when they fall idle.
func (st *state) close() {
	st.client.Close()
	if st.collector != nil {
		st.collector.Close()
	}
}

package edge

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// A Plugin is one configuration of the filter. Exchanges on any number of threads share it.
type Plugin struct {
	// Unused names the configuration's keys that only the binary acts on.
	Unused []string
	// Notes are lines for the log: what of the configuration is valid and needs care.
	Notes []string
	// HoldHeads is what the configuration says of Envoy's allow_on_headers_stop_iteration,
	// for a host that can't find out.
	HoldHeads bool

	gateway *gateway.Gateway
	// gathering are the bodies that exchanges wait for.
	gathering gathering
	// trace: a line for each exchange at the debug level.
	trace bool
	// warned: Envoy's buffer limit was complained of.
	warned atomic.Bool
	// holdsSome: a held head was seen to wait for its body; holdsNone: one hid it.
	holdsSome, holdsNone atomic.Bool

	clock  func() int64
	random func() uint64
}

// NewPlugin reads a configuration, a JSON object; empty is one without keys.
func NewPlugin(configuration []byte) (*Plugin, error) {
	if len(configuration) == 0 {
		configuration = []byte("{}")
	}
	if configuration = bytes.TrimSpace(configuration); !bytes.HasPrefix(configuration, []byte("{")) {
		// Envoy hands over a google.protobuf.Struct in protobuf's own encoding.
		return nil, errors.New("a JSON object is wanted, in a google.protobuf.StringValue")
	}
	c := config.Default()
	decoded := config.DecodeInto(c, configuration, nil) // there are no variables
	g, err := gateway.New(c, gateway.Edge{})
	if err := config.Join(decoded, err); err != nil {
		return nil, err
	}
	p := &Plugin{
		Unused:    unusedHere(c),
		HoldHeads: c.Envoy.AllowOnHeadersStopIteration,
		gateway:   g,
		trace:     c.Log.Level == "DEBUG" || c.Log.Level == "COMPLETE",
		clock:     func() int64 { return time.Now().Unix() },
		random:    rand.Uint64,
	}
	for _, note := range g.Notes() {
		p.Notes = append(p.Notes, redact.Line(note))
	}
	p.gathering.limit = bodiesAtOnce * int64(g.MaxBody())
	return p, nil
}

// MaxBody is the limit of a request's body and of a reply that is read whole, in bytes. Envoy's
// own limits have to leave room for it.
func (p *Plugin) MaxBody() int { return p.gateway.MaxBody() }

// unusedHere names the keys that were given and that only the binary acts on.
func unusedHere(c *config.Config) []string {
	def := config.Default()
	var keys []string
	if c.Listen != def.Listen {
		keys = append(keys, "listen")
	}
	if c.Port != def.Port {
		keys = append(keys, "port")
	}
	if c.TLS != def.TLS {
		keys = append(keys, "tls")
	}
	if c.Timeouts != def.Timeouts {
		keys = append(keys, "timeouts")
	}
	if c.Limits.Memory != def.Limits.Memory {
		keys = append(keys, "limits.memory")
	}
	if c.Limits.Connections != def.Limits.Connections || c.Limits.Exchanges != def.Limits.Exchanges {
		keys = append(keys, "limits.connections and limits.exchanges")
	}
	if c.Store != def.Store {
		keys = append(keys, "store")
	}
	if r, d := c.Responses, def.Responses; r.Store != d.Store || r.BackgroundJobs != d.BackgroundJobs ||
		r.WebSocket != d.WebSocket {
		keys = append(keys, "responses (store, background_jobs, websocket)")
	}
	if c.OTLPForward != def.OTLPForward {
		keys = append(keys, "otlp_forward")
	}
	if c.Log.Format != def.Log.Format {
		keys = append(keys, "log.format")
	}
	for i, u := range c.Upstreams {
		if u.URL != "" && (i >= len(def.Upstreams) || u.URL != def.Upstreams[i].URL) {
			keys = append(keys, fmt.Sprintf("upstreams[%d].url", i))
		}
	}
	return keys
}

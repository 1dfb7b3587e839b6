//go:build wasip1

// Command wasm is the proxy-wasm edge: it carries bytes between Envoy's callbacks
// and an Exchange of the core, and decides nothing itself. It is built with
// -buildmode=c-shared, so that init, not main, sets it up.
package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
)

func main() {}

func init() {
	tuneMemory()
	proxywasm.SetVMContext(&vm{})
}

type vm struct{ types.DefaultVMContext }

// NewPluginContext implements types.VMContext.
func (*vm) NewPluginContext(uint32) types.PluginContext { return &plugin{} }

// plugin is one configuration of the filter in one VM. Envoy starts it in the base
// VM, on the main thread and on each worker.
type plugin struct {
	types.DefaultPluginContext
	gateway *gateway.Gateway
	// hold: the reply's and the request's head can wait for the body
	// (allow_on_headers_stop_iteration).
	hold bool
	// trace: a line for each exchange at Envoy's debug level.
	trace bool
	// warned: Envoy's buffer limit was complained of.
	warned bool

	requests, passed, repairs, errors, cut, panics proxywasm.MetricCounter
}

// OnPluginStart implements types.PluginContext. False makes Envoy refuse the configuration.
func (p *plugin) OnPluginStart(size int) (ok types.OnPluginStartStatus) {
	defer func() {
		if r := recover(); r != nil {
			proxywasm.LogCritical("start failed: " + describe(r))
			ok = types.OnPluginStartStatusFailed
		}
	}()
	data := []byte("{}")
	if size > 0 {
		var err error
		if data, err = proxywasm.GetPluginConfiguration(); err != nil {
			proxywasm.LogCritical("the plugin configuration can't be read: " + err.Error())
			return types.OnPluginStartStatusFailed
		}
	}
	if data = bytes.TrimSpace(data); !bytes.HasPrefix(data, []byte("{")) {
		// Envoy hands over a google.protobuf.Struct in protobuf's own encoding.
		proxywasm.LogCritical("configuration refused: a JSON object is wanted, in a google.protobuf.StringValue")
		return types.OnPluginStartStatusFailed
	}
	c, err := config.Decode(data)
	if err == nil {
		p.gateway, err = gateway.New(c, gateway.Edge{})
	}
	if err != nil {
		proxywasm.LogCritical("configuration refused: " + err.Error())
		return types.OnPluginStartStatusFailed
	}
	if unused := unusedHere(c); len(unused) > 0 {
		proxywasm.LogInfo("not used by the filter: " + strings.Join(unused, ", "))
	}
	p.hold = c.Envoy.AllowOnHeadersStopIteration
	p.trace = c.Log.Level == "DEBUG" || c.Log.Level == "COMPLETE"

	p.requests = proxywasm.DefineCounterMetric("qwenvoy_requests")
	p.passed = proxywasm.DefineCounterMetric("qwenvoy_passed")
	p.repairs = proxywasm.DefineCounterMetric("qwenvoy_repairs")
	p.errors = proxywasm.DefineCounterMetric("qwenvoy_errors")
	p.cut = proxywasm.DefineCounterMetric("qwenvoy_stream_cut")
	p.panics = proxywasm.DefineCounterMetric("qwenvoy_panics")
	return types.OnPluginStartStatusOK
}

// NewHttpContext implements types.PluginContext.
func (p *plugin) NewHttpContext(uint32) types.HttpContext { return &exchange{plugin: p} }

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
	if c.Timeouts != def.Timeouts {
		keys = append(keys, "timeouts")
	}
	if c.Store != def.Store {
		keys = append(keys, "store")
	}
	if r, d := c.Responses, def.Responses; r.Store != d.Store || r.BackgroundJobs != d.BackgroundJobs || r.WebSocket != d.WebSocket || len(r.WebSocketOrigins) > 0 {
		keys = append(keys, "responses (store, background_jobs, websocket, websocket_origins)")
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

//go:build wasip1

// Command wasm is the proxy-wasm module: the host and the memory of the filter's edge in
// a VM of Envoy's. It is built with -buildmode=c-shared, so that init, not main, sets it up.
//
// It may import filter/edge and the proxy-wasm SDK.
package main

import (
	"strings"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"github.com/qwenvoy/qwenvoy/filter/edge"
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
	edge *edge.Plugin
	host host
	// waiting are the exchanges that the tick looks after, by their contexts' numbers.
	waiting map[uint32]*stream
}

// tick is how long an exchange hangs at most when Envoy is not set as the configuration says.
const tick = 1000 // ms

// OnPluginStart implements types.PluginContext. False makes Envoy refuse the configuration.
func (p *plugin) OnPluginStart(size int) (ok types.OnPluginStartStatus) {
	defer func() {
		if r := recover(); r != nil {
			proxywasm.LogCritical("start failed: " + edge.Describe(r))
			ok = types.OnPluginStartStatusFailed
		}
	}()
	var configuration []byte
	var err error
	if size > 0 {
		if configuration, err = proxywasm.GetPluginConfiguration(); err != nil {
			proxywasm.LogCritical("the plugin configuration can't be read: " + err.Error())
			return types.OnPluginStartStatusFailed
		}
	}
	if p.edge, err = edge.NewPlugin(configuration); err != nil {
		proxywasm.LogCritical("configuration refused: " + err.Error())
		return types.OnPluginStartStatusFailed
	}
	if len(p.edge.Unused) > 0 {
		proxywasm.LogInfo("not used by the filter: " + strings.Join(p.edge.Unused, ", "))
	}
	for _, note := range p.edge.Notes {
		proxywasm.LogWarn(note)
	}
	p.host.holdsHeads = p.edge.HoldHeads
	if p.host.holdsHeads {
		p.waiting = map[uint32]*stream{}
		if err := proxywasm.SetTickPeriodMilliSeconds(tick); err != nil {
			proxywasm.LogWarn("no tick: " + err.Error())
		}
	}
	p.host.defineCounters()
	return types.OnPluginStartStatusOK
}

// NewHttpContext implements types.PluginContext.
func (p *plugin) NewHttpContext(id uint32) types.HttpContext {
	return &stream{exchange: edge.NewExchange(p.edge, &p.host), plugin: p, id: id}
}

// OnTick implements types.PluginContext.
func (p *plugin) OnTick() {
	for id, s := range p.waiting {
		if proxywasm.SetEffectiveContext(id) == nil {
			s.exchange.Tick()
			s.after(edge.Pause)
		}
	}
}

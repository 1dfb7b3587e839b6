//go:build wasip1

// Command noop is a proxy-wasm filter that lets everything pass: what any filter
// costs in Envoy, written in Go with the SDK that Qwenvoy's filter uses. Built with
// -buildmode=c-shared, so that init, not main, sets it up.
package main

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func main() {}

func init() { proxywasm.SetVMContext(&vm{}) }

type vm struct{ types.DefaultVMContext }

// NewPluginContext implements types.VMContext.
func (*vm) NewPluginContext(uint32) types.PluginContext { return &plugin{} }

type plugin struct{ types.DefaultPluginContext }

// NewHttpContext implements types.PluginContext.
func (*plugin) NewHttpContext(uint32) types.HttpContext { return &types.DefaultHttpContext{} }

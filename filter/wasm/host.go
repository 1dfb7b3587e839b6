//go:build wasip1

package main

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"github.com/qwenvoy/qwenvoy/filter/edge"
)

// host is the proxy behind the ABI, as all exchanges of one plugin see it: the ABI itself
// remembers whose callback runs.
type host struct {
	// holdsHeads is Envoy's allow_on_headers_stop_iteration. Without it, a pause on a head
	// hides the body, and a head that went on can't be edited.
	holdsHeads bool
	counters   [len(edge.CounterNames)]proxywasm.MetricCounter
}

func (h *host) defineCounters() {
	for i, name := range edge.CounterNames {
		h.counters[i] = proxywasm.DefineCounterMetric(name)
	}
}

// Head implements edge.Host.
func (*host) Head(side edge.Side) (edge.Fields, bool) {
	get := proxywasm.GetHttpRequestHeaders
	if side == edge.Reply {
		get = proxywasm.GetHttpResponseHeaders
	}
	head, err := get()
	return head, err == nil
}

// SetField implements edge.Host.
func (*host) SetField(side edge.Side, name, value string) {
	if side == edge.Reply {
		_ = proxywasm.ReplaceHttpResponseHeader(name, value)
		return
	}
	_ = proxywasm.ReplaceHttpRequestHeader(name, value)
}

// RemoveField implements edge.Host.
func (*host) RemoveField(side edge.Side, name string) {
	if side == edge.Reply {
		_ = proxywasm.RemoveHttpResponseHeader(name)
		return
	}
	_ = proxywasm.RemoveHttpRequestHeader(name)
}

// HoldsHead implements edge.Host.
func (h *host) HoldsHead(edge.Side) bool { return h.holdsHeads }

// Body implements edge.Host.
func (*host) Body(side edge.Side) []byte {
	if side == edge.Reply {
		return borrow(proxywasm.GetHttpResponseBody)
	}
	return borrow(proxywasm.GetHttpRequestBody)
}

// ReplaceBody implements edge.Host.
func (*host) ReplaceBody(side edge.Side, b []byte) error {
	if side == edge.Reply {
		return proxywasm.ReplaceHttpResponseBody(b)
	}
	return proxywasm.ReplaceHttpRequestBody(b)
}

// AppendReply implements edge.Host. At trailers Envoy takes it only when the last body callback
// paused.
func (*host) AppendReply(b []byte) bool { return proxywasm.AppendHttpResponseBody(b) == nil }

// Answer implements edge.Host. Until the reply's head is out, Envoy takes it in every
// callback.
func (*host) Answer(status int, header edge.Fields, body []byte) error {
	return proxywasm.SendHttpResponse(uint32(status), header, body, -1)
}

// CodeDetails implements edge.Host.
func (*host) CodeDetails() string {
	details, err := proxywasm.GetProperty([]string{"response", "code_details"})
	if err != nil {
		return ""
	}
	return string(details)
}

// Buffer implements edge.Host.
func (*host) Buffer() []byte { return buffers.out[:0] }

// Keep implements edge.Host.
func (*host) Keep(b []byte) { keep(b) }

// Log implements edge.Host.
func (*host) Log(level edge.Level, line string) {
	switch level {
	case edge.LevelDebug:
		proxywasm.LogDebug(line)
	case edge.LevelWarn:
		proxywasm.LogWarn(line)
	default:
		proxywasm.LogError(line)
	}
}

// Count implements edge.Host.
func (h *host) Count(c edge.Counter, n int) { h.counters[c].Increment(uint64(n)) }

// stream carries the ABI's callbacks to an exchange.
type stream struct {
	types.DefaultHttpContext
	exchange edge.Exchange
}

// The edge's actions have the ABI's numbers.
var _ = [1]struct{}{}[types.ActionPause-types.Action(edge.Pause)]

// OnHttpRequestHeaders implements types.HttpContext.
func (s *stream) OnHttpRequestHeaders(_ int, end bool) types.Action {
	return types.Action(s.exchange.RequestHead(end))
}

// OnHttpRequestBody implements types.HttpContext.
func (s *stream) OnHttpRequestBody(size int, end bool) types.Action {
	return types.Action(s.exchange.RequestBody(size, end))
}

// OnHttpRequestTrailers implements types.HttpContext.
func (s *stream) OnHttpRequestTrailers(int) types.Action {
	return types.Action(s.exchange.RequestTrailers())
}

// OnHttpResponseHeaders implements types.HttpContext.
func (s *stream) OnHttpResponseHeaders(_ int, end bool) types.Action {
	return types.Action(s.exchange.ReplyHead(end))
}

// OnHttpResponseBody implements types.HttpContext.
func (s *stream) OnHttpResponseBody(size int, end bool) types.Action {
	return types.Action(s.exchange.ReplyBody(size, end))
}

// OnHttpResponseTrailers implements types.HttpContext.
func (s *stream) OnHttpResponseTrailers(int) types.Action {
	return types.Action(s.exchange.ReplyTrailers())
}

// OnHttpStreamDone implements types.HttpContext.
func (s *stream) OnHttpStreamDone() { s.exchange.Done() }

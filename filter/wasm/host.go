//go:build wasip1

package main

import (
	"bytes"

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

// Hides implements edge.Host. Without a content-length, request.size is what came of the body;
// response.backend_latency is there once the upstream has ended its reply.
func (*host) Hides(side edge.Side) bool {
	if side == edge.Reply {
		latency, err := proxywasm.GetProperty([]string{"response", "backend_latency"})
		return err == nil && len(latency) > 0
	}
	size, err := proxywasm.GetProperty([]string{"request", "size"})
	return err == nil && bytes.Trim(size, "\x00") != nil
}

// Resume implements edge.Host. Envoy goes on when the callback has returned.
func (*host) Resume(side edge.Side) {
	if side == edge.Reply {
		_ = proxywasm.ResumeHttpResponse()
		return
	}
	_ = proxywasm.ResumeHttpRequest()
}

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
	plugin   *plugin
	id       uint32
	waits    bool // it is among the plugin's waiting
}

// The edge's actions have the ABI's numbers.
var _ = [1]struct{}{}[types.ActionPause-types.Action(edge.Pause)]

// after is the end of each callback: the plugin looks after exchanges that wait.
func (s *stream) after(action edge.Action) types.Action {
	if waits := s.exchange.Waits(); waits != s.waits {
		if s.waits = waits; waits {
			s.plugin.waiting[s.id] = s
		} else {
			delete(s.plugin.waiting, s.id)
		}
	}
	return types.Action(action)
}

// OnHttpRequestHeaders implements types.HttpContext.
func (s *stream) OnHttpRequestHeaders(_ int, end bool) types.Action {
	return s.after(s.exchange.RequestHead(end))
}

// OnHttpRequestBody implements types.HttpContext.
func (s *stream) OnHttpRequestBody(size int, end bool) types.Action {
	return s.after(s.exchange.RequestBody(size, end))
}

// OnHttpRequestTrailers implements types.HttpContext.
func (s *stream) OnHttpRequestTrailers(int) types.Action {
	return s.after(s.exchange.RequestTrailers())
}

// OnHttpResponseHeaders implements types.HttpContext.
func (s *stream) OnHttpResponseHeaders(_ int, end bool) types.Action {
	return s.after(s.exchange.ReplyHead(end))
}

// OnHttpResponseBody implements types.HttpContext.
func (s *stream) OnHttpResponseBody(size int, end bool) types.Action {
	return s.after(s.exchange.ReplyBody(size, end))
}

// OnHttpResponseTrailers implements types.HttpContext.
func (s *stream) OnHttpResponseTrailers(int) types.Action {
	return s.after(s.exchange.ReplyTrailers())
}

// OnHttpStreamDone implements types.HttpContext.
func (s *stream) OnHttpStreamDone() {
	s.exchange.Done()
	delete(s.plugin.waiting, s.id)
}

package doctor

import (
	"fmt"
	"slices"
	"time"

	"github.com/qwenvoy/qwenvoy/native/probe"
)

// need is the largest body that a filter takes.
func (f *envoyFiles) need() int64 {
	need := int64(32 << 20)
	for _, w := range f.filters {
		if w.plugin != nil {
			need = int64(w.plugin.MaxBody())
		}
	}
	return need
}

// bufferRow looks for limits of Envoy under the filter's own.
func (f *envoyFiles) bufferRow(r *Report) {
	const check = "envoy buffer"
	need := f.need()
	room := need + 8<<20
	small := 0
	judge := func(at, value *node, fix string) {
		if n, ok := value.bytes(); !ok || n < need {
			small++
			r.add(probe.Warn, check, fmt.Sprintf("%s: the limit is %s, the filter takes bodies of %d bytes: Envoy's own 413 and 500",
				at.where(), shownLimit(value), need), fix)
		}
	}
	listeners := 0
	for _, m := range f.managers {
		if m.listener == nil {
			continue
		}
		listeners++
		judge(m.listener, m.listener.get("per_connection_buffer_limit_bytes"),
			fmt.Sprintf("per_connection_buffer_limit_bytes: %d   # beside the listener's address", room))
		m.at.get("route_config").walk(func(n *node) bool {
			for _, key := range []string{"request_body_buffer_limit", "per_request_buffer_limit_bytes"} {
				if v := n.get(key); v != nil {
					judge(v, v, fmt.Sprintf("%s: %d", key, room))
				}
			}
			return true
		})
	}
	for _, d := range f.kinds["EnvoyFilter"] {
		d.walk(func(n *node) bool {
			for _, key := range []string{"per_connection_buffer_limit_bytes", "request_body_buffer_limit"} {
				if v := n.get(key); v != nil {
					listeners++
					judge(v, v, fmt.Sprintf("%s: %d", key, room))
				}
			}
			return true
		})
	}
	for _, p := range f.kinds["ClientTrafficPolicy"] {
		listeners++
		judge(p, p.get("spec", "connection", "bufferLimit"), fmt.Sprintf("connection:\n  bufferLimit: %dMi   # below spec", room>>20))
	}
	switch {
	case listeners == 0:
		f.notHere(r, check)
	case small == 0:
		r.add(probe.OK, check, fmt.Sprintf("room for the filter's limits.body of %d bytes", need), "")
	}
}

func shownLimit(value *node) string {
	if value == nil {
		return "Envoy's default"
	}
	return value.text()
}

// notHere skips what the files don't say.
func (f *envoyFiles) notHere(r *Report, check string) {
	fix := ""
	if f.filters[0].api == istioAPI || f.filters[0].api == istioPatch {
		fix = istioLimits
	}
	r.add(probe.Skip, check, "these files don't say it", fix)
}

// routes are those of the chains with the filter that lead to a cluster.
func (f *envoyFiles) routes() (routes []*node) {
	for _, m := range f.managers {
		for _, host := range m.at.get("route_config", "virtual_hosts").items() {
			for _, route := range host.get("routes").items() {
				if action := route.get("route"); action != nil {
					routes = append(routes, action)
				}
			}
		}
	}
	return routes
}

// timeoutRow looks for limits on a whole exchange, which cut streams.
func (f *envoyFiles) timeoutRow(r *Report) {
	const check = "envoy timeout"
	const cuts = ": a longer stream is cut"
	seen, bad := 0, 0
	judge := func(at, value *node, absent, fix string) {
		seen++
		switch d, ok := value.duration(); {
		case value == nil && absent != "":
			bad++
			r.add(probe.Warn, check, at.where()+": no timeout is given, so that "+absent+" count"+cuts, fix)
		case value != nil && (!ok || d != 0):
			bad++
			r.add(probe.Warn, check, value.where()+": "+value.text()+cuts, fix)
		}
	}
	for _, action := range f.routes() {
		judge(action, action.get("timeout"), "Envoy's 15s", "timeout: 0s   # beside cluster")
		judge(action, action.get("max_stream_duration", "max_stream_duration"), "", "max_stream_duration: 0s")
	}
	for _, m := range f.managers {
		judge(m.at, m.at.get("common_http_protocol_options", "max_stream_duration"), "", "max_stream_duration: 0s")
	}
	for _, d := range f.kinds["EnvoyFilter"] {
		for _, p := range d.get("spec", "configPatches").items() {
			if action := p.get("patch", "value", "route"); p.get("applyTo").text() == "HTTP_ROUTE" && action != nil {
				judge(action, action.get("timeout"), "", "timeout: 0s")
			}
		}
	}
	for _, p := range f.kinds["BackendTrafficPolicy"] {
		judge(p, p.get("spec", "timeout", "http", "requestTimeout"), "Envoy Gateway's 15s",
			"timeout:\n  http:\n    requestTimeout: 0s   # below spec")
	}
	switch {
	case seen == 0 || len(f.routes()) == 0 && len(f.managers) > 0:
		f.notHere(r, check)
	case bad == 0:
		r.add(probe.OK, check, "no limit on a whole exchange", "")
	}
}

// leastSilence is how long a model may think over an answer that is not streamed before Envoy
// should give it up; Envoy's default is too short.
const leastSilence = 10 * time.Minute

// streamIdleRow looks for limits on silence, which end answers that are not streamed.
func (f *envoyFiles) streamIdleRow(r *Report) {
	const check = "envoy silence"
	seen, bad := 0, 0
	judge := func(at, value *node, fix string) {
		seen++
		silence, shown := 5*time.Minute, "no idle timeout is given, so that Envoy's 5m count"
		if value != nil {
			d, ok := value.duration()
			if !ok || d == 0 {
				return
			}
			at, silence, shown = value, d, value.text()
		}
		if silence < leastSilence {
			bad++
			r.add(probe.Warn, check, at.where()+": "+shown+": a long answer that is not streamed is ended", fix)
		}
	}
	for _, m := range f.managers {
		whole := m.at.get("stream_idle_timeout")
		for _, host := range m.at.get("route_config", "virtual_hosts").items() {
			for _, route := range host.get("routes").items() {
				if action := route.get("route"); action != nil {
					value := action.get("idle_timeout")
					if value == nil {
						value = whole
					}
					judge(action, value, "idle_timeout: 1800s   # beside timeout")
				}
			}
		}
	}
	for _, p := range f.kinds["BackendTrafficPolicy"] {
		judge(p, p.get("spec", "timeout", "http", "streamIdleTimeout"), "timeout:\n  http:\n    streamIdleTimeout: 30m   # below spec")
	}
	switch {
	case seen == 0:
		f.notHere(r, check)
	case bad == 0:
		r.add(probe.OK, check, "a silent answer has time", "")
	}
}

// mostIdle is how long a connection to a server under uvicorn may lie unused: it closes after 5 s.
const mostIdle = 3 * time.Second

const idleLines = `typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    common_http_protocol_options: { idle_timeout: 3s }
    explicit_http_config: { http_protocol_options: {} }`

// clusterIdleRow looks for connections that are kept until the server closes them.
func (f *envoyFiles) clusterIdleRow(r *Report) {
	const check = "envoy idle"
	seen, bad := 0, 0
	judge := func(at, value *node, fix string) {
		seen++
		shown := "no idle timeout is given, so that Envoy's 1h count"
		if value != nil {
			at, shown = value, value.text()
		}
		if d, ok := value.duration(); !ok || d == 0 || d > mostIdle {
			bad++
			r.add(probe.Warn, check, at.where()+": "+shown+": vLLM closes an unused connection after 5s, and requests meet that", fix)
		}
	}
	const options, http = "typed_extension_protocol_options", "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
	used := f.usedClusters()
	for _, c := range f.clusters {
		if slices.Contains(used, c.get("name").text()) {
			value := c.get(options, http, "common_http_protocol_options", "idle_timeout")
			if value == nil {
				value = c.get("common_http_protocol_options", "idle_timeout")
			}
			judge(c, value, "in the cluster:\n"+idleLines)
		}
	}
	for _, d := range f.kinds["EnvoyFilter"] {
		for _, p := range d.get("spec", "configPatches").items() {
			if p.get("applyTo").text() == "CLUSTER" {
				value := p.get("patch", "value")
				judge(value, value.get(options, http, "common_http_protocol_options", "idle_timeout"), "in the patch's value:\n"+idleLines)
			}
		}
	}
	for _, p := range f.kinds["BackendTrafficPolicy"] {
		judge(p, p.get("spec", "timeout", "http", "connectionIdleTimeout"), "timeout:\n  http:\n    connectionIdleTimeout: 3s   # below spec")
	}
	switch {
	case seen == 0:
		f.notHere(r, check)
	case bad == 0:
		r.add(probe.OK, check, "unused connections are closed before the server does", "")
	}
}

// usedClusters names those that routes behind the filter lead to.
func (f *envoyFiles) usedClusters() (names []string) {
	for _, action := range f.routes() {
		names = append(names, action.get("cluster").text())
		for _, c := range action.get("weighted_clusters", "clusters").items() {
			names = append(names, c.get("name").text())
		}
	}
	return names
}

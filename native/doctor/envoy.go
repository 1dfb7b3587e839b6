package doctor

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/qwenvoy/qwenvoy/filter/edge"
)

// An api is what a file is written for: not all can say the same.
type api int

const (
	envoyAPI     api = iota // Envoy's own
	istioPatch              // Istio's EnvoyFilter, which patches what Istio makes
	istioAPI                // Istio's WasmPlugin or TrafficExtension
	envoyGateway            // Envoy Gateway's policies
)

// A wasmFilter is one place in the files where the module is configured.
type wasmFilter struct {
	api  api
	at   *node
	name string
	code string // where the module comes from
	knob bool   // allow_on_headers_stop_iteration of Envoy
	// policy is what becomes of a crashed VM, in Envoy's words.
	policy string
	config *node

	plugin *edge.Plugin // nil if the configuration is refused
	fault  error
}

// An httpManager is an HttpConnectionManager in whose chain the filter stands.
type httpManager struct {
	at       *node
	listener *node // nil if it stands in none
	filter   int   // the filter's place in the chain
}

// envoyFiles is what was found in the files together.
type envoyFiles struct {
	documents []*node
	filters   []*wasmFilter
	managers  []httpManager
	clusters  []*node
	// policies are the Kubernetes objects of a kind.
	kinds map[string][]*node
}

// readEnvoy reads files, which are judged together: Istio's samples are several.
func readEnvoy(names []string) (*envoyFiles, error) {
	f := &envoyFiles{kinds: map[string][]*node{}}
	for _, name := range names {
		documents, err := readTree(name)
		if err != nil {
			return nil, err
		}
		f.documents = append(f.documents, documents...)
	}
	for _, d := range f.documents {
		if kind := d.get("kind").text(); kind != "" && d.get("apiVersion") != nil {
			f.kinds[kind] = append(f.kinds[kind], d)
		}
		f.collect(d)
	}
	f.ours()
	for _, d := range f.documents {
		f.collectManagers(d)
	}
	return f, nil
}

// collect finds filters and clusters, wherever in a document they stand.
func (f *envoyFiles) collect(d *node) {
	of := envoyAPI
	switch d.get("kind").text() {
	case "EnvoyFilter":
		of = istioPatch
	case "WasmPlugin":
		f.filters = append(f.filters, istioFilter(d, d.get("spec")))
	case "TrafficExtension":
		if wasm := d.get("spec", "wasm"); wasm != nil {
			f.filters = append(f.filters, istioFilter(d, wasm))
		}
	case "EnvoyExtensionPolicy":
		for _, w := range d.get("spec", "wasm").items() {
			f.filters = append(f.filters, gatewayFilter(w))
		}
	}
	d.walk(func(n *node) bool {
		if n.get("typed_config").typed("filters.http.wasm.v3.Wasm") {
			f.filters = append(f.filters, envoyFilter(of, n))
		}
		for _, c := range n.get("clusters").items() {
			if c.get("weight") == nil && (c.get("load_assignment") != nil || c.get("type") != nil || c.get("cluster_type") != nil) {
				f.clusters = append(f.clusters, c)
			}
		}
		return true
	})
}

// ours keeps those filters that are Qwenvoy's: all that are named so, or the only one.
func (f *envoyFiles) ours() {
	named := slices.Clone(f.filters)
	named = slices.DeleteFunc(named, func(w *wasmFilter) bool {
		return !strings.Contains(strings.ToLower(w.name+" "+w.code), "qwenvoy")
	})
	if len(named) > 0 || len(f.filters) != 1 {
		f.filters = named
	}
	for _, w := range f.filters {
		w.decode()
	}
}

// collectManagers finds the chains that the filter stands in, and their listeners.
func (f *envoyFiles) collectManagers(d *node) {
	var listener *node
	var visit func(n *node) bool
	visit = func(n *node) bool {
		if n.get("filter_chains") != nil && listener == nil {
			listener = n
			for _, k := range n.keys {
				n.members[k].walk(visit)
			}
			listener = nil
			return false
		}
		if n.typed("HttpConnectionManager") {
			place := slices.IndexFunc(n.get("http_filters").items(), f.isOurs)
			if place >= 0 {
				f.managers = append(f.managers, httpManager{n, listener, place})
			}
			return false
		}
		return true
	}
	d.walk(visit)
}

func (f *envoyFiles) isOurs(n *node) bool {
	return slices.ContainsFunc(f.filters, func(w *wasmFilter) bool { return w.at == n })
}

// envoyFilter reads the filter where Envoy's own API is written.
func envoyFilter(of api, n *node) *wasmFilter {
	c := n.get("typed_config", "config")
	w := &wasmFilter{
		api: of, at: n, name: n.get("name").text(),
		knob:   c.get("allow_on_headers_stop_iteration").yes(),
		policy: c.get("failure_policy").text(),
		config: c.get("configuration"),
	}
	code := c.get("vm_config", "code")
	w.code = code.get("local", "filename").text() + code.get("remote", "http_uri", "uri").text()
	if w.policy == "" && c.get("fail_open").yes() {
		w.policy = "FAIL_OPEN"
	}
	return w
}

// istioFilter reads Istio's APIs, whose words differ a little.
func istioFilter(d, wasm *node) *wasmFilter {
	return &wasmFilter{
		api: istioAPI, at: wasm, name: d.get("metadata", "name").text(), code: wasm.get("url").text(),
		policy: wasm.get("failStrategy").text(), config: wasm.get("pluginConfig"),
	}
}

func gatewayFilter(n *node) *wasmFilter {
	w := &wasmFilter{api: envoyGateway, at: n, name: n.get("name").text(), config: n.get("config")}
	w.code = n.get("code", "image", "url").text() + n.get("code", "http", "url").text()
	if n.get("failOpen").yes() {
		w.policy = "FAIL_OPEN"
	}
	return w
}

// decode reads the plugin's configuration as the filter does.
func (w *wasmFilter) decode() {
	text, err := w.text()
	if err == nil {
		w.plugin, err = edge.NewPlugin(text)
	}
	w.fault = err
}

// text is what the filter is given: Istio and Envoy Gateway make JSON of an object, Envoy hands
// over the value of a message with one.
func (w *wasmFilter) text() ([]byte, error) {
	c := w.config
	if w.api == istioAPI || w.api == envoyGateway {
		if c == nil {
			return nil, nil
		}
		return c.json()
	}
	switch value := c.get("value"); {
	case c == nil:
		return nil, nil
	case c.typed("google.protobuf.StringValue"):
		return []byte(value.text()), nil
	case c.typed("google.protobuf.BytesValue"):
		return base64.StdEncoding.DecodeString(value.text())
	case c.typed("google.protobuf.Struct"):
		return nil, errors.New("a google.protobuf.Struct reaches the filter in protobuf's binary form, which it refuses")
	}
	return nil, errors.New(`"@type" must be type.googleapis.com/google.protobuf.StringValue`)
}

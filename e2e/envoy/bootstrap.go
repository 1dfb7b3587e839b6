package envoy

import (
	"fmt"
	"net"
	"strconv"

	"github.com/goccy/go-yaml"
	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

// A Listener is a copy of the repository's listener with another plugin configuration.
type Listener struct {
	Name string
	// Knob is allow_on_headers_stop_iteration.
	Knob bool
	// Mistaken: the plugin configuration says that the knob is set, and Knob that it is not.
	Mistaken bool
	// Config is the plugin configuration, a JSON object; what it says of the knob is overwritten.
	Config string
	// Upstream is the model server's host:port.
	Upstream string
	// Port to listen on; 0 lets the kernel choose.
	Port int
	// Plain leaves the filter out.
	Plain bool
}

// A Bootstrap is an Envoy configuration made from the repository's envoy.yaml, so that
// what is tested is what users copy.
type Bootstrap struct {
	// Address is where listeners and the admin page listen.
	Address   string
	AdminPort int // 0 lets the kernel choose
	Wasm      string
	Listeners []Listener
}

const (
	wasmPath   = "filter_chains.0.filters.0.typed_config.http_filters.0.typed_config.config."
	filterPath = "filter_chains.0.filters.0.typed_config.http_filters.0"
	routePath  = "filter_chains.0.filters.0.typed_config.route_config.virtual_hosts.0.routes.0.route."
)

// JSON makes the configuration from the text of envoy.yaml.
func (b *Bootstrap) JSON(envoyYAML []byte) ([]byte, error) {
	root, err := yaml.YAMLToJSON(envoyYAML)
	if err != nil {
		return nil, fmt.Errorf("envoy.yaml: %w", err)
	}
	listener := gjson.GetBytes(root, "static_resources.listeners.0").Raw
	cluster := gjson.GetBytes(root, "static_resources.clusters.0").Raw
	for _, path := range []string{wasmPath + "configuration.value", wasmPath + "vm_config.code.local.filename", routePath + "cluster"} {
		if !gjson.Get(listener, path).Exists() {
			return nil, fmt.Errorf("envoy.yaml: static_resources.listeners.0 has no %s", path)
		}
	}
	e := edits{text: string(root)}
	e.set("admin.address.socket_address.address", b.Address)
	e.set("admin.address.socket_address.port_value", b.AdminPort)
	e.raw("static_resources.listeners", "[]")
	e.raw("static_resources.clusters", "[]")
	known := map[string]bool{}
	for _, l := range b.Listeners {
		e.raw("static_resources.listeners.-1", l.json(listener, b, &e.err))
		if !known[l.Upstream] {
			known[l.Upstream] = true
			e.raw("static_resources.clusters.-1", upstreamCluster(cluster, l.Upstream, &e.err))
		}
	}
	return []byte(e.text), e.err
}

func (l *Listener) json(template string, b *Bootstrap, err *error) string {
	config := edits{text: l.Config}
	e := edits{text: template}
	vm := "knob"
	if l.Knob {
		config.set("envoy.allow_on_headers_stop_iteration", true)
		e.set(wasmPath+"allow_on_headers_stop_iteration", true)
	} else {
		vm = "no-knob"
		if config.delete("envoy"); l.Mistaken {
			config.set("envoy.allow_on_headers_stop_iteration", true)
		}
		e.delete(wasmPath + "allow_on_headers_stop_iteration")
	}
	e.set("name", l.Name)
	e.set("address.socket_address.address", b.Address)
	e.set("address.socket_address.port_value", l.Port)
	e.set(wasmPath+"configuration.value", config.text)
	// Listeners of a kind share a VM, which saves compiling.
	e.set(wasmPath+"vm_config.vm_id", vm)
	e.set(wasmPath+"vm_config.code.local.filename", b.Wasm)
	e.set(routePath+"cluster", l.Upstream)
	if l.Plain {
		e.delete(filterPath)
	}
	for _, failed := range []error{config.err, e.err} {
		if *err == nil {
			*err = failed
		}
	}
	return e.text
}

func upstreamCluster(template, address string, err *error) string {
	host, port, splitErr := net.SplitHostPort(address)
	n, portErr := strconv.Atoi(port)
	e := edits{text: template}
	e.set("name", address)
	e.set("load_assignment.cluster_name", address)
	endpoint := "load_assignment.endpoints.0.lb_endpoints.0.endpoint.address.socket_address."
	e.set(endpoint+"address", host)
	e.set(endpoint+"port_value", n)
	for _, failed := range []error{splitErr, portErr, e.err} {
		if *err == nil {
			*err = failed
		}
	}
	return e.text
}

// edits makes changes to a JSON text and remembers the first that failed.
type edits struct {
	text string
	err  error
}

func (e *edits) set(path string, value any) {
	if text, err := sjson.Set(e.text, path, value); e.fine(path, err) {
		e.text = text
	}
}

func (e *edits) raw(path, json string) {
	if text, err := sjson.SetRaw(e.text, path, json); e.fine(path, err) {
		e.text = text
	}
}

func (e *edits) delete(path string) {
	if text, err := sjson.Delete(e.text, path); e.fine(path, err) {
		e.text = text
	}
}

func (e *edits) fine(path string, err error) bool {
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("%s: %w", path, err)
	}
	return err == nil && e.err == nil
}

package local

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/tidwall/sjson"

	"github.com/qwenvoy/qwenvoy/e2e/clients"
	"github.com/qwenvoy/qwenvoy/e2e/envoy"
	"github.com/qwenvoy/qwenvoy/e2e/scenario"
)

// The filter for what needs no state, the binary behind the same Envoy for the rest: one
// address has everything.
func TestFilterAndBinaryBehindOneEnvoy(t *testing.T) {
	needEnvoy(t)
	sim := must[string](t)(simulated())
	config := must[map[string][]byte](t)(scenario.Configs())["default"]
	_, binaryURL := nativeFor(t, string(config), sim)
	text := must[[]byte](t)(os.ReadFile(filepath.Join(root, "e2e/envoy/with-binary.yaml")))
	text = must[[]byte](t)(yaml.YAMLToJSON(text))
	set := func(path string, value any) {
		t.Helper()
		text = must[[]byte](t)(sjson.SetBytes(text, path, value))
	}
	set("admin.address.socket_address.port_value", 0)
	set("static_resources.listeners.0.address.socket_address.port_value", 0)
	set("static_resources.listeners.0.filter_chains.0.filters.0.typed_config.http_filters.0.typed_config.config.vm_config.code.local.filename", must[string](t)(module()))
	for i, url := range []string{sim, binaryURL} {
		port := must[int](t)(strconv.Atoi(url[strings.LastIndexByte(url, ':')+1:]))
		set("static_resources.clusters."+strconv.Itoa(i)+".load_assignment.endpoints.0.lb_endpoints.0.endpoint.address.socket_address.port_value", port)
	}
	e, err := envoy.Run(os.Getenv("ENVOY_BIN"), t.TempDir(), text)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.Stop()
		if t.Failed() {
			t.Logf("Envoy's log:\n%s", e.Log())
		}
	})
	url := e.URLs["qwenvoy"]
	t.Run("responses", func(t *testing.T) { clients.Responses(t, url) })
	t.Run("stored responses", func(t *testing.T) { clients.StoredResponses(t, url) })
	t.Run("messages", func(t *testing.T) { clients.Anthropic(t, url) })

	// Who answered shows in the counters: the filter's, and Envoy's for each cluster.
	stats := must[string](t)(e.Get("/stats?filter=qwenvoy_requests|upstream_rq_total"))
	for _, name := range []string{"qwenvoy_requests: ", "cluster.vllm.upstream_rq_total: ", "cluster.qwenvoy-binary.upstream_rq_total: "} {
		_, count, found := strings.Cut(stats, name)
		if !found || strings.HasPrefix(count, "0") {
			t.Errorf("%q has no count in %s", name, stats)
		}
	}
	resp, err := http.Get(url + "/v1/responses/resp_unknown")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown response is %d", resp.StatusCode)
	}
}

package check

import (
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// A plugin is one place where the filter is configured.
type plugin struct {
	config *config.Config
	// stop is what Envoy's allow_on_headers_stop_iteration is set to.
	stop bool
	// failure is Envoy's or Istio's word for what happens when the VM crashes.
	failure string
}

func decodePlugin(text []byte, stop bool, failure string) (plugin, error) {
	c, err := config.Decode(text)
	return plugin{c, stop, failure}, err
}

func TestEnvoyAndTheFilterAgreeOnStoppingHeaders(t *testing.T) {
	each(t, func(t *testing.T, _ *decoded, p plugin) {
		if got := p.config.Envoy.AllowOnHeadersStopIteration; got != p.stop {
			t.Errorf("envoy.allow_on_headers_stop_iteration is %v in the filter's configuration and %v in Envoy's", got, p.stop)
		}
	})
}

func TestACrashedFilterNeverLetsRequestsPassUnconverted(t *testing.T) {
	each(t, func(t *testing.T, d *decoded, p plugin) {
		want := "FAIL_RELOAD"
		if d.kind == "EnvoyExtensionPolicy" { // Envoy Gateway has no reload
			want = "FAIL_CLOSED"
		}
		if p.failure != want {
			t.Errorf("the failure policy is %s, want %s", p.failure, want)
		}
	})
}

func each(t *testing.T, check func(*testing.T, *decoded, plugin)) {
	t.Helper()
	found := 0
	for _, d := range documents(t) {
		t.Run(d.name, func(t *testing.T) {
			got, err := d.decode(d.json)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range got.plugins {
				found++
				check(t, got, p)
			}
		})
	}
	if found == 0 {
		t.Error("no plugin configuration was found")
	}
}

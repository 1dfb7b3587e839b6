package local

import (
	"testing"

	"github.com/qwenvoy/qwenvoy/e2e/carrier"
	"github.com/qwenvoy/qwenvoy/e2e/scenario"
	"github.com/qwenvoy/qwenvoy/e2e/upstream"
)

// table runs the scenarios over both versions of HTTP.
func table(t *testing.T, title string, urls map[string]string) {
	s := must[*upstream.Server](t)(scripted())
	for _, h2c := range []bool{false, true} {
		name := "HTTP/1.1"
		if h2c {
			name = "HTTP/2"
		}
		t.Run(name, func(t *testing.T) {
			client := carrier.NewClient(h2c)
			defer client.CloseIdleConnections()
			scenario.Run(t, &carrier.HTTP{Title: title, Bases: urls, Upstream: carrier.InProcess{Server: s}, Client: client})
		})
	}
}

// As the containers do it: the simulator plays the upstream's part by scripts.
func TestScenariosWithTheSimulator(t *testing.T) {
	configs := must[map[string][]byte](t)(scenario.Configs())
	sim := must[string](t)(simulated())
	urls := map[string]string{}
	for name, text := range configs {
		_, urls[name] = nativeFor(t, string(text), sim)
	}
	client := carrier.NewClient(false)
	defer client.CloseIdleConnections()
	scenario.Run(t, &carrier.HTTP{Title: "native", Bases: urls, Upstream: carrier.Simulator{URL: sim}, Client: client})
}

func TestScenariosOnTheBinary(t *testing.T) {
	table(t, "native", must[map[string]string](t)(nativeTable()))
}

func TestScenariosOnEnvoy(t *testing.T) {
	f := theFleet(t)
	configs := must[map[string][]byte](t)(scenario.Configs())
	for _, k := range knobs {
		t.Run(k.name, func(t *testing.T) {
			urls := map[string]string{}
			for name := range configs {
				urls[name] = f.URLs[name+k.suffix]
			}
			table(t, k.name, urls)
		})
	}
}

func TestWithoutTheKnobErrorsKeepTheStatusThatIsOut(t *testing.T) {
	configs := must[map[string][]byte](t)(scenario.Configs())
	f := theFleet(t)
	urls := map[string]string{}
	for name := range configs {
		urls[name] = f.URLs[name+"-no-knob"]
	}
	s := must[*upstream.Server](t)(scripted())
	client := carrier.NewClient(false)
	defer client.CloseIdleConnections()
	carrier.RunStatusExceptions(t, &carrier.HTTP{Title: "envoy-no-knob", Bases: urls, Upstream: carrier.InProcess{Server: s}, Client: client})
}

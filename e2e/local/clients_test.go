package local

import (
	"testing"

	"github.com/qwenvoy/qwenvoy/e2e/clients"
	"github.com/qwenvoy/qwenvoy/e2e/scenario"
)

func TestOpenAIClientOnTheBinary(t *testing.T) {
	config := must[map[string][]byte](t)(scenario.Configs())["default"]
	_, url := nativeFor(t, string(config), must[string](t)(simulated()))
	clients.OpenAI(t, url)
}

func TestOpenAIClientOnEnvoy(t *testing.T) {
	for _, k := range knobs {
		t.Run(k.name, func(t *testing.T) { clients.OpenAI(t, theFleet(t).URLs["simulated"+k.suffix]) })
	}
}

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

func TestOtherClientsOnTheBinary(t *testing.T) {
	config := must[map[string][]byte](t)(scenario.Configs())["default"]
	_, url := nativeFor(t, string(config), must[string](t)(simulated()))
	t.Run("responses", func(t *testing.T) { clients.Responses(t, url) })
	t.Run("stored responses", func(t *testing.T) { clients.StoredResponses(t, url) })
	t.Run("messages", func(t *testing.T) { clients.Anthropic(t, url) })
}

func TestOtherClientsOnEnvoy(t *testing.T) {
	for _, k := range knobs {
		url := theFleet(t).URLs["simulated"+k.suffix]
		t.Run("responses on "+k.name, func(t *testing.T) { clients.Responses(t, url) })
		t.Run("messages on "+k.name, func(t *testing.T) { clients.Anthropic(t, url) })
	}
}

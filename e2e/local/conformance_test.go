package local

import (
	"strings"
	"testing"

	"github.com/tidwall/sjson"

	"github.com/qwenvoy/qwenvoy/e2e/conformance"
	"github.com/qwenvoy/qwenvoy/e2e/scenario"
)

const (
	silent   = "qwen3.5-instruct-general"
	thinking = "qwen3.5-thinking-coding"
)

func TestTheConformanceCheckRefusesWhatIsBroken(t *testing.T) { conformance.TheCheck(t) }

func TestTheBinaryConformsToOpenResponses(t *testing.T) {
	config := string(must[map[string][]byte](t)(scenario.Configs())["default"])
	_, url := nativeFor(t, config, must[string](t)(simulated()))
	conformance.Check(t, url, silent, conformance.HTTP, conformance.WebSocket).Passes(t)
	for _, events := range []string{"open-responses", "summary"} {
		t.Run("thinking as "+events, func(t *testing.T) {
			config := must[string](t)(sjson.Set(config, "responses.reasoning_events", events))
			_, url := nativeFor(t, config, must[string](t)(simulated()))
			conformance.Check(t, url, thinking, conformance.HTTP, conformance.WebSocket).Passes(t)
		})
	}
	// OpenAI's names for the events of raw thinking are the default, for OpenAI's clients. The
	// specification has others, so each stream that thinks must be refused, and nothing else.
	t.Run("thinking by OpenAI's names", func(t *testing.T) {
		refused := 0
		for name, fault := range conformance.Check(t, url, thinking, conformance.HTTP, conformance.WebSocket) {
			if strings.Contains(fault, "'response.reasoning_text.delta'") {
				refused++
			} else if fault != "" {
				t.Errorf("%s: %s", name, fault)
			}
		}
		if refused != 8 {
			t.Errorf("%d cases with thinking in a stream were refused, not 8", refused)
		}
	})
}

// The filter has no WebSocket; all that goes over HTTP needs no state.
func TestTheFilterConformsToOpenResponses(t *testing.T) {
	for _, k := range knobs {
		t.Run(k.name, func(t *testing.T) {
			conformance.Check(t, theFleet(t).URLs["simulated"+k.suffix], silent, conformance.HTTP).Passes(t)
		})
	}
}

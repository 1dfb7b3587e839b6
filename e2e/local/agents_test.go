package local

import (
	"sync"
	"testing"

	"github.com/qwenvoy/qwenvoy/e2e/agents"
)

// agentConfig leaves the window open: the binary asks the model server for it.
const agentConfig = `{"upstreams":[{"name":"local","kind":"vllm","url":"http://127.0.0.1:8000","model":"` + served + `"}]}`

// agentModel is the model server that agents' gateways stand in front of.
var agentModel = sync.OnceValues(func() (*agents.Model, error) {
	m, err := agents.StartModel()
	if err == nil {
		ends = append(ends, m.Close)
	}
	return m, err
})

// forAgents is the binary in front of the agents' model server.
func forAgents(t *testing.T) (url string, model *agents.Model) {
	t.Helper()
	model = must[*agents.Model](t)(agentModel())
	_, url = nativeFor(t, agentConfig, "http://"+model.Address())
	return url, model
}

func TestCodexOnTheBinary(t *testing.T) {
	for _, m := range agents.CodexModels {
		t.Run(m.Name, func(t *testing.T) {
			url, model := forAgents(t)
			t.Run("http", func(t *testing.T) { agents.CodexLoop(t, url, model, m, agents.HTTP) })
			t.Run("websocket", func(t *testing.T) { agents.CodexLoop(t, url, model, m, agents.WebSocket) })
		})
	}
}

func TestClaudeCodeOnTheBinary(t *testing.T) {
	for _, name := range agents.ClaudeModels {
		t.Run(name, func(t *testing.T) {
			url, model := forAgents(t)
			t.Run("loop", func(t *testing.T) { agents.ClaudeLoop(t, url, model, name) })
			t.Run("sub-agent", func(t *testing.T) { agents.ClaudeSubAgent(t, url, model, name) })
		})
	}
}

func TestNodeClientsOnTheBinary(t *testing.T) {
	url, model := forAgents(t)
	t.Run("messages", func(t *testing.T) { agents.AnthropicForNode(t, url, model) })
	t.Run("responses", func(t *testing.T) { agents.OpenAIForNode(t, url, model) })
}

func TestNodeClientsOnEnvoy(t *testing.T) {
	f := theFleet(t)
	model := must[*agents.Model](t)(agentModel())
	for _, k := range knobs {
		url := f.URLs["agents"+k.suffix]
		t.Run("messages on "+k.name, func(t *testing.T) { agents.AnthropicForNode(t, url, model) })
		t.Run("responses on "+k.name, func(t *testing.T) { agents.OpenAIForNode(t, url, model) })
	}
}

func TestCodexOnEnvoy(t *testing.T) {
	for _, m := range agents.CodexModels {
		t.Run(m.Name, func(t *testing.T) {
			f := theFleet(t)
			model := must[*agents.Model](t)(agentModel())
			for _, k := range knobs {
				t.Run(k.name, func(t *testing.T) { agents.CodexLoop(t, f.URLs["agents"+k.suffix], model, m, agents.HTTP) })
			}
			t.Run("refused websocket", func(t *testing.T) {
				agents.CodexLoop(t, f.URLs["agents"], model, m, agents.RefusedWebSocket)
			})
		})
	}
}

func TestClaudeCodeOnEnvoy(t *testing.T) {
	for _, name := range agents.ClaudeModels {
		t.Run(name, func(t *testing.T) {
			f := theFleet(t)
			model := must[*agents.Model](t)(agentModel())
			for _, k := range knobs {
				t.Run(k.name, func(t *testing.T) {
					t.Run("loop", func(t *testing.T) { agents.ClaudeLoop(t, f.URLs["agents"+k.suffix], model, name) })
					t.Run("sub-agent", func(t *testing.T) { agents.ClaudeSubAgent(t, f.URLs["agents"+k.suffix], model, name) })
				})
			}
		})
	}
}

package local

import (
	"sync"
	"testing"

	"github.com/qwenvoy/qwenvoy/e2e/agents"
)

// agentConfig leaves the window open: the binary asks the model server for it.
const agentConfig = `{"upstreams":[{"name":"local","kind":"vllm","url":"http://127.0.0.1:8000","model":"` + served + `"}]}`

// The model servers that agents' gateways stand in front of; the window of one is small.
var (
	agentModel  = sync.OnceValues(func() (*agents.Model, error) { return startModel(0) })
	smallWindow = sync.OnceValues(func() (*agents.Model, error) { return startModel(agents.OverflowWindow) })
)

func startModel(window int) (*agents.Model, error) {
	m, err := agents.StartModel(window)
	if err == nil {
		ends = append(ends, m.Close)
	}
	return m, err
}

// forAgents is the binary in front of one of them.
func forAgents(t *testing.T, which func() (*agents.Model, error)) (url string, model *agents.Model) {
	t.Helper()
	model = must[*agents.Model](t)(which())
	_, url = nativeFor(t, agentConfig, "http://"+model.Address())
	return url, model
}

// onEnvoy has an agent's loop run on Envoy in front of the model, both ways.
func onEnvoy(t *testing.T, loop func(t *testing.T, url string, model *agents.Model)) {
	f := theFleet(t)
	model := must[*agents.Model](t)(agentModel())
	for _, k := range knobs {
		t.Run(k.name, func(t *testing.T) { loop(t, f.URLs["agents"+k.suffix], model) })
	}
}

func TestCodexOnTheBinary(t *testing.T) {
	for _, m := range agents.CodexModels {
		t.Run(m.Name, func(t *testing.T) {
			url, model := forAgents(t, agentModel)
			t.Run("http", func(t *testing.T) { agents.CodexLoop(t, url, model, m, agents.HTTP) })
			t.Run("compaction", func(t *testing.T) { agents.CodexCompaction(t, url, model, m) })
			t.Run("websocket", func(t *testing.T) { agents.CodexLoop(t, url, model, m, agents.WebSocket) })
		})
	}
}

func TestCodexsAgentsOnTheBinary(t *testing.T) {
	url, model := forAgents(t, agentModel)
	agents.CodexSubAgent(t, url, model, agents.CodexModels[0])
}

func TestCodexsAgentsOnEnvoy(t *testing.T) {
	onEnvoy(t, func(t *testing.T, url string, model *agents.Model) {
		agents.CodexSubAgent(t, url, model, agents.CodexModels[0])
	})
}

func TestClaudeCodeOnTheBinary(t *testing.T) {
	for _, name := range agents.ClaudeModels {
		t.Run(name, func(t *testing.T) {
			url, model := forAgents(t, agentModel)
			t.Run("loop", func(t *testing.T) { agents.ClaudeLoop(t, url, model, name) })
			t.Run("sub-agent", func(t *testing.T) { agents.ClaudeSubAgent(t, url, model, name) })
			t.Run("tool search", func(t *testing.T) { agents.ClaudeToolSearch(t, url, model, name) })
			t.Run("compaction", func(t *testing.T) { agents.ClaudeCompaction(t, url, model, name) })
			t.Run("cut call", func(t *testing.T) { agents.ClaudeCutCall(t, url, model, name) })
		})
	}
	t.Run("overflow", func(t *testing.T) {
		url, model := forAgents(t, smallWindow)
		agents.ClaudeOverflow(t, url, model, agents.ClaudeModels[0], true)
	})
}

func TestAgentSDKOnTheBinary(t *testing.T) {
	url, model := forAgents(t, agentModel)
	agents.AgentSDKLoop(t, url, model)
}

func TestAgentSDKOnEnvoy(t *testing.T) {
	onEnvoy(t, agents.AgentSDKLoop)
}

func TestQwenCodeOnTheBinary(t *testing.T) {
	url, model := forAgents(t, agentModel)
	agents.QwenLoop(t, url, model)
}

func TestQwenCodeOnEnvoy(t *testing.T) {
	onEnvoy(t, agents.QwenLoop)
}

func TestNodeClientsOnTheBinary(t *testing.T) {
	url, model := forAgents(t, agentModel)
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

func TestFrameworksOnTheBinary(t *testing.T) {
	url, model := forAgents(t, agentModel)
	agents.Frameworks(t, url, model)
}

func TestFrameworksOnEnvoy(t *testing.T) {
	onEnvoy(t, agents.Frameworks)
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
					url := f.URLs["agents"+k.suffix]
					t.Run("loop", func(t *testing.T) { agents.ClaudeLoop(t, url, model, name) })
					t.Run("sub-agent", func(t *testing.T) { agents.ClaudeSubAgent(t, url, model, name) })
					t.Run("tool search", func(t *testing.T) { agents.ClaudeToolSearch(t, url, model, name) })
					t.Run("cut call", func(t *testing.T) { agents.ClaudeCutCall(t, url, model, name) })
				})
			}
		})
	}
	for _, k := range knobs {
		t.Run("overflow on "+k.name, func(t *testing.T) {
			url := theFleet(t).URLs["agents-small"+k.suffix]
			agents.ClaudeOverflow(t, url, must[*agents.Model](t)(smallWindow()), agents.ClaudeModels[0], false)
		})
	}
}

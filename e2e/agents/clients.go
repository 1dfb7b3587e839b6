package agents

// A Client is a program or library that tests run in front of a gateway.
type Client struct {
	// Title is what people call it, Setting its name in "qwenvoy env".
	Title, Setting string
	// Package is what it is installed from, Pin the file that says in which version.
	Package string
	Pin     Pin
	// Dialects are the APIs that it speaks here, Checked is what it does.
	Dialects, Checked string
	// Thinking says whether it gives back what the model thought before a call.
	Thinking Thinking
	// Tests are those of e2e/local that run it; their names end in the edge that they are for.
	Tests []string
}

// A Pin is a file that pins versions, by its path from here.
type Pin string

// The files.
const (
	Npm     Pin = "package.json"
	Go      Pin = "../../go.mod"
	LiteLLM Pin = "litellm.txt"
)

// Thinking is what becomes of a model's thinking in a client's next request. The tests of a
// client that gives it back look for it in what reaches the model's server.
type Thinking string

// What there is.
const (
	GivenBack Thinking = "yes"
	Dropped   Thinking = "no"       // it reads thinking, and sends none
	NotSent   Thinking = "not sent" // the gateway sends it none that it could give back
)

// Clients are all that tests run. README's table is made from this one (go test ./e2e/agents
// -update), its versions from the files that pin them.
var Clients = []Client{
	{"Claude Code", "claude-code", "@anthropic-ai/claude-code", Npm, "Messages",
		"loops, sub-agents, tool search, compaction, too long a prompt, cut calls", GivenBack,
		[]string{"TestClaudeCodeOnTheBinary", "TestClaudeCodeOnEnvoy"}},
	{"Claude Agent SDK for Node", "claude-code", "@anthropic-ai/claude-agent-sdk", Npm, "Messages",
		"loops with a tool of the program's own", GivenBack,
		[]string{"TestAgentSDKOnTheBinary", "TestAgentSDKOnEnvoy"}},
	{"Qwen Code", "qwen-code", "@qwen-code/qwen-code", Npm, "Chat",
		"loops, a session that goes on", GivenBack,
		[]string{"TestQwenCodeOnTheBinary", "TestQwenCodeOnEnvoy"}},
	{"Codex", "codex", "@openai/codex", Npm, "Responses",
		"loops, also by WebSocket, sub-agents, compaction", GivenBack,
		[]string{"TestCodexOnTheBinary", "TestCodexsAgentsOnTheBinary", "TestCodexOnEnvoy", "TestCodexsAgentsOnEnvoy"}},
	{"Anthropic's SDK for Node", "anthropic", "@anthropic-ai/sdk", Npm, "Messages",
		"two calls at once, streamed", GivenBack,
		[]string{"TestNodeClientsOnTheBinary", "TestNodeClientsOnEnvoy"}},
	{"OpenAI's SDK for Node", "openai", "openai", Npm, "Responses",
		"two calls at once, streamed", GivenBack,
		[]string{"TestNodeClientsOnTheBinary", "TestNodeClientsOnEnvoy"}},
	{"AI SDK, with its provider for Anthropic", "ai-sdk", "ai", Npm, "Messages",
		"loops of its own, streamed and whole", GivenBack,
		[]string{"TestFrameworksOnTheBinary", "TestFrameworksOnEnvoy"}},
	{"LiteLLM", "litellm", "litellm", LiteLLM, "Messages",
		"loops of its own, streamed and whole", GivenBack,
		[]string{"TestFrameworksOnTheBinary", "TestFrameworksOnEnvoy"}},
	{"OpenAI's SDK for Go", "openai", "github.com/openai/openai-go/v3", Go, "Chat, Responses",
		"calls, streamed and whole; stored responses", GivenBack,
		[]string{"TestOpenAIClientOnTheBinary", "TestOpenAIClientOnEnvoy", "TestOtherClientsOnTheBinary", "TestOtherClientsOnEnvoy"}},
	{"Anthropic's SDK for Go", "anthropic", "github.com/anthropics/anthropic-sdk-go", Go, "Messages",
		"calls, streamed and whole; count_tokens", GivenBack,
		[]string{"TestOtherClientsOnTheBinary", "TestOtherClientsOnEnvoy"}},
}

package clients

import "path/filepath"

// A Client is a program or library that talks to a gateway.
type Client struct {
	// Name is the word for it on the command line, Title what people call it.
	Name, Title string
	// Program is the command that starts it; "" where run does not.
	Program string
	// Settings says what it is to be told.
	Settings func(*Gateway) Settings
	// Tried says what the settings were held to, About what a user should know besides; "" for
	// nothing.
	Tried, About string
	// private says what it is told besides, so that it leaves the user's own configuration
	// alone: folder is its own for one run.
	private func(g *Gateway, folder string) Private
}

// Settings are what a client is told, in the ways that it can be.
type Settings struct {
	Variables []Variable
	// Unset are variables that would go before these.
	Unset []string
	// File is what its configuration file is to hold.
	File *File
	// Commands are what to type.
	Commands []string
	// Form are the fields of its settings page.
	Form [][2]string
	// Sample is a whole program that asks by it; the path's end tells the language.
	Sample *File
}

// A Variable is one of the environment.
type Variable struct {
	Name, Value string
	// Key: the value is the client's key.
	Key bool
}

// A File is a configuration file of the user's, by its usual path.
type File struct{ Path, Text string }

// Private is what a client needs for a run that leaves the user's own configuration alone.
type Private struct {
	Variables []Variable
	// Files are written into the folder, by their names.
	Files []File
	// Args stand before the user's.
	Args []string
}

// How settings of clients that a test does not run were found.
const (
	described = "as its makers describe it; no test runs it"
	tested    = "`make e2e-local` runs it"
)

// Table is all clients that are known.
var Table = []*Client{
	{Name: "claude-code", Title: "Claude Code", Program: "claude", Settings: claudeCode, private: claudeCodePrivate,
		Tried: tested + " (2.1.332), and the Agent SDK (0.3.332)",
		About: "Without these settings it works too (`claude-*` means the model for code), but believes in a window of a million tokens. " +
			"It calls every name but Anthropic's an `unrecognized_model` on its error output, and works with it. " +
			"Nobody behind a gateway judges the calls of its auto mode: replies say so, and the call is refused. " +
			"`CLAUDE_CODE_AUTO_MODE_SERVER=0` has it judge by itself: it asks the model of `CLAUDE_CODE_AUTO_MODE_MODEL`, " +
			"without tools and thinking, with 145 KB of instructions, 64 tokens for the verdict and 8,192 where those don't suffice. " +
			"`CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY=1` shows in its menu what `/v1/models` lists with `claude` or `anthropic` in the name: " +
			"exact aliases of yours, such as `aliases: [\"claude-qwen-coding\"]`."},
	{Name: "codex", Title: "Codex", Program: "codex", Settings: codex, private: codexPrivate,
		Tried: tested + " (0.171)",
		About: "From `model_catalog_url` it learns each model's window, levels of effort and tools (`apply_patch` among them), " +
			"and takes instructions of 2 KB for Qwen in the place of its own 18 KB; without it it warns of missing metadata, " +
			"edits with shell commands, and needs `model_context_window`. It asks at each start, and again when the configuration has changed. " +
			"Its agents of its own (`multi_agent_v2`) work. With `supports_websockets = true` it takes a WebSocket, " +
			"which the binary has; the filter refuses it, and Codex falls back at once. " +
			"The names `gpt-5.5` and `gpt-6*` work as well, but our own give the better tools."},
	{Name: "qwen-code", Title: "Qwen Code", Program: "qwen", Settings: qwenCode, private: qwenCodePrivate,
		Tried: tested + " (0.24.4)"},
	{Name: "opencode", Title: "OpenCode", Program: "opencode", Settings: openCode, private: openCodePrivate,
		Tried: "1.18, " + described,
		About: "Older versions send a temperature of 0.55 with every request to a Qwen: `enforce_sampling: true` sets the profile's over it."},
	{Name: "cline", Title: "Cline", Settings: cline, Tried: described,
		About: "It reads thinking as `reasoning_content`: leave `reasoning_field` at `both`, or set it to that."},
	{Name: "roo", Title: "Roo Code", Settings: compatibleForm, Tried: described,
		About: "It sends a temperature of 0 unless its settings have another: set one there, or `enforce_sampling: true` here."},
	{Name: "kilo", Title: "Kilo Code", Settings: compatibleForm, Tried: described},
	{Name: "continue", Title: "Continue", Settings: continueDev, Tried: described,
		About: "The key is read from `~/.continue/.env` (`QWENVOY_KEY=x`)."},
	{Name: "pi", Title: "pi", Settings: pi, Tried: described},
	{Name: "aider", Title: "aider", Settings: aider, Tried: described},
	{Name: "openai", Title: "OpenAI's SDKs", Settings: openAI,
		Tried: tested + " (Go 3.95, Node 6.49, Python 3.54), chat and `responses.create`"},
	{Name: "anthropic", Title: "Anthropic's SDKs", Settings: anthropic, Tried: tested + " (Go 1.84, Node 1.11)"},
	{Name: "agents-sdk", Title: "OpenAI's Agents SDK (Python)", Settings: agentsSDK, Tried: "0.24, this program; no test runs it",
		About: "It speaks Responses, and sends traces to OpenAI unless told not to."},
	{Name: "ai-sdk", Title: "AI SDK (Node)", Settings: aiSDK, Tried: tested + " (7.0)",
		About: "By its provider for Anthropic, it keeps what the model thought between two calls."},
	{Name: "langchain", Title: "LangChain (Python)", Settings: langChain, Tried: "langchain-openai 1.7, this program; no test runs it",
		About: "Its class for OpenAI drops thinking from replies; the answer and calls are whole."},
	{Name: "litellm", Title: "LiteLLM (Python)", Settings: liteLLM, Tried: tested + " (1.110)",
		About: "By its provider for Anthropic, it keeps what the model thought between two calls. " +
			"As `openai/NAME`, with `/v1` behind the address, it speaks Chat Completions."},
}

// Named finds a client by its name, nil for none.
func Named(name string) *Client { return find(func(c *Client) bool { return c.Name == name }) }

// Started finds the client that a command starts, nil for none.
func Started(command string) *Client {
	program := filepath.Base(command)
	return find(func(c *Client) bool { return c.Program != "" && c.Program == program })
}

func find(ok func(*Client) bool) *Client {
	for _, c := range Table {
		if ok(c) {
			return c
		}
	}
	return nil
}

// Names are the names of all clients.
func Names() (names []string) {
	for _, c := range Table {
		names = append(names, c.Name)
	}
	return names
}

// Programs are the commands that run starts.
func Programs() (programs []string) {
	for _, c := range Table {
		if c.Program != "" {
			programs = append(programs, c.Program)
		}
	}
	return programs
}

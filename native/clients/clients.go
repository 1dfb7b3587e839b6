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

// Table is all clients that are known.
var Table = []*Client{
	{Name: "claude-code", Title: "Claude Code", Program: "claude", Settings: claudeCode, private: claudeCodePrivate},
	{Name: "codex", Title: "Codex", Program: "codex", Settings: codex, private: codexPrivate},
	{Name: "qwen-code", Title: "Qwen Code", Program: "qwen", Settings: qwenCode, private: qwenCodePrivate},
	{Name: "opencode", Title: "OpenCode", Program: "opencode", Settings: openCode, private: openCodePrivate},
	{Name: "cline", Title: "Cline", Settings: cline},
	{Name: "roo", Title: "Roo Code", Settings: compatibleForm},
	{Name: "kilo", Title: "Kilo Code", Settings: compatibleForm},
	{Name: "aider", Title: "aider", Settings: aider},
	{Name: "openai", Title: "OpenAI's SDKs", Settings: openAI},
	{Name: "anthropic", Title: "Anthropic's SDKs", Settings: anthropic},
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

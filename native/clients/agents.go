package clients

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// codexVersion is the Codex whose form of the list of models is asked for.
const codexVersion = "0.171.0"

// claudeCode: Claude Code 2.1.332 reads these.
func claudeCode(g *Gateway) Settings {
	return Settings{
		Variables: []Variable{
			{Name: "ANTHROPIC_BASE_URL", Value: g.URL},
			{Name: "ANTHROPIC_AUTH_TOKEN", Key: true},
			{Name: "ANTHROPIC_MODEL", Value: g.Coding},
			{Name: "ANTHROPIC_DEFAULT_OPUS_MODEL", Value: g.Coding},
			{Name: "ANTHROPIC_DEFAULT_SONNET_MODEL", Value: g.Coding},
			{Name: "ANTHROPIC_DEFAULT_FABLE_MODEL", Value: g.Coding},
			{Name: "ANTHROPIC_DEFAULT_HAIKU_MODEL", Value: g.Quick},
			// Else it believes in a million.
			{Name: "CLAUDE_CODE_MAX_CONTEXT_TOKENS", Value: strconv.Itoa(g.Window)},
			{Name: "CLAUDE_CODE_MAX_OUTPUT_TOKENS", Value: strconv.Itoa(g.Output())},
			// It judges calls in auto mode by itself, as nobody here does.
			{Name: "CLAUDE_CODE_AUTO_MODE_SERVER", Value: "0"},
			{Name: "CLAUDE_CODE_AUTO_MODE_MODEL", Value: g.Quick},
			{Name: "CLAUDE_CODE_GATEWAY_HINT_HEADERS", Value: "1"},
			// Text that changes with each prompt would cost the server's prefix cache.
			{Name: "CLAUDE_CODE_ATTRIBUTION_HEADER", Value: "0"},
			{Name: "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", Value: "1"},
			{Name: "ENABLE_TOOL_SEARCH", Value: "false"},
			{Name: "API_TIMEOUT_MS", Value: "3000000"},
		},
		Unset: []string{"ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX",
			"CLAUDE_CODE_USE_GATEWAY"},
	}
}

func claudeCodePrivate(_ *Gateway, folder string) Private {
	return Private{
		Variables: []Variable{{Name: "CLAUDE_CONFIG_DIR", Value: folder}},
		// It asks for a sign-in and a colour scheme otherwise.
		Files: []File{{".claude.json", `{"hasCompletedOnboarding":true}` + "\n"}},
	}
}

// codexCatalog is the file with the list of models, beside the configuration.
const codexCatalog = "qwenvoy-models.json"

// codex: Codex 0.171. With env_key it asks for no list of models, so that it is given one.
func codex(g *Gateway) Settings {
	return Settings{
		Variables: []Variable{{Name: KeyVariable, Key: true}},
		File:      &File{"~/.codex/config.toml", codexConfig(g, filepath.Join(g.Home, ".codex"))},
	}
}

// codexConfig is a configuration that stands in a folder.
func codexConfig(g *Gateway, folder string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "model = %q\nmodel_provider = \"qwenvoy\"\nmodel_context_window = %d\n", g.Coding, g.Window)
	if g.Catalog != nil {
		fmt.Fprintf(&b, "model_catalog_json = %q\n", filepath.Join(folder, codexCatalog))
	}
	fmt.Fprintf(&b, "web_search = \"disabled\"\n\n[model_providers.qwenvoy]\nname = \"Qwenvoy\"\nbase_url = %q\nwire_api = \"responses\"\n"+
		"env_key = %q\nsupports_websockets = false\n", g.URL+"/v1", KeyVariable)
	return b.String()
}

func codexPrivate(g *Gateway, folder string) Private {
	config := "check_for_update_on_startup = false\n" + codexConfig(g, folder) + "\n[analytics]\nenabled = false\n"
	p := Private{Variables: []Variable{{Name: "CODEX_HOME", Value: folder}}, Files: []File{{"config.toml", config}}}
	if g.Catalog != nil {
		p.Files = append(p.Files, File{codexCatalog, string(g.Catalog)})
	}
	return p
}

// qwenCode: Qwen Code 0.24.4.
func qwenCode(g *Gateway) Settings {
	s := openAI(g)
	s.Variables = append(s.Variables, Variable{Name: "OPENAI_MODEL", Value: g.Coding})
	s.Commands = []string{"qwen --auth-type openai"}
	return s
}

func qwenCodePrivate(g *Gateway, folder string) Private {
	settings := map[string]any{
		"security": map[string]any{"auth": map[string]any{"selectedType": "openai"}},
		"model":    map[string]any{"name": g.Coding, "generationConfig": map[string]any{"contextWindowSize": g.Window}},
		"general":  map[string]any{"disableAutoUpdate": true},
		"privacy":  map[string]any{"usageStatisticsEnabled": false},
	}
	return Private{
		Variables: []Variable{{Name: "QWEN_HOME", Value: folder}},
		Files:     []File{{"settings.json", indented(settings)}},
		Args:      []string{"--auth-type", "openai"},
	}
}

// openCode: OpenCode 1.18.
func openCode(g *Gateway) Settings {
	return Settings{
		Variables: []Variable{{Name: KeyVariable, Key: true}},
		File:      &File{"~/.config/opencode/opencode.json", openCodeConfig(g)},
	}
}

func openCodeConfig(g *Gateway) string {
	models := map[string]any{}
	for _, name := range g.Names {
		models[name] = map[string]any{"name": name, "limit": map[string]int{"context": g.Window, "output": g.Output()}}
	}
	return indented(map[string]any{
		"$schema":     "https://opencode.ai/config.json",
		"model":       "qwenvoy/" + g.Coding,
		"small_model": "qwenvoy/" + g.Quick,
		"provider": map[string]any{"qwenvoy": map[string]any{
			"npm": "@ai-sdk/openai-compatible", "name": "Qwenvoy", "models": models,
			"options": map[string]any{"baseURL": g.URL + "/v1", "apiKey": "{env:" + KeyVariable + "}"},
		}},
	})
}

// openCodePrivate: this variable goes before the user's files and the project's.
func openCodePrivate(g *Gateway, _ string) Private {
	return Private{Variables: []Variable{{Name: "OPENCODE_CONFIG_CONTENT", Value: openCodeConfig(g)}}}
}

func cline(g *Gateway) Settings {
	s := compatibleForm(g)
	s.Commands = []string{fmt.Sprintf(`cline auth -p openai-compatible -b %s/v1 -m %s -k %s`, g.URL, quoted(g.Coding), shellKey)}
	return s
}

// compatibleForm is for clients whose settings page has a provider "OpenAI compatible".
func compatibleForm(g *Gateway) Settings {
	return Settings{Form: [][2]string{
		{"API provider", "OpenAI Compatible"},
		{"Base URL", g.URL + "/v1"},
		{"API key", "any, or the server's"},
		{"Model", g.Coding},
		{"Context window", strconv.Itoa(g.Window)},
		{"Max output tokens", strconv.Itoa(g.Output())},
	}}
}

func aider(g *Gateway) Settings {
	return Settings{
		Variables: []Variable{{Name: "OPENAI_API_BASE", Value: g.URL + "/v1"}, {Name: "OPENAI_API_KEY", Key: true}},
		Commands:  []string{"aider --model " + quoted("openai/"+g.Coding) + " --weak-model " + quoted("openai/"+g.Quick)},
	}
}

func openAI(g *Gateway) Settings {
	return Settings{Variables: []Variable{{Name: "OPENAI_BASE_URL", Value: g.URL + "/v1"}, {Name: "OPENAI_API_KEY", Key: true}}}
}

func anthropic(g *Gateway) Settings {
	return Settings{
		Variables: []Variable{{Name: "ANTHROPIC_BASE_URL", Value: g.URL}, {Name: "ANTHROPIC_AUTH_TOKEN", Key: true}},
		Unset:     []string{"ANTHROPIC_API_KEY"},
	}
}

func indented(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // of texts, numbers and objects
	return b.String()
}

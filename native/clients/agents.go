package clients

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

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

// codex: Codex 0.171. With a key from the environment it asks for no list of models unless it is
// told where.
func codex(g *Gateway) Settings {
	return Settings{
		Variables: []Variable{{Name: KeyVariable, Key: true}},
		File:      &File{"~/.codex/config.toml", codexConfig(g)},
	}
}

func codexConfig(g *Gateway) string {
	return fmt.Sprintf("model = %q\nmodel_provider = \"qwenvoy\"\nmodel_context_window = %d\nweb_search = \"disabled\"\n\n"+
		"[model_providers.qwenvoy]\nname = \"Qwenvoy\"\nbase_url = %q\nmodel_catalog_url = %q\nwire_api = \"responses\"\n"+
		"env_key = %q\nsupports_websockets = false\n", g.Coding, g.Window, g.URL+"/v1", g.URL+"/v1/models", KeyVariable)
}

func codexPrivate(g *Gateway, folder string) Private {
	config := "check_for_update_on_startup = false\n" + codexConfig(g) + "\n[analytics]\nenabled = false\n"
	return Private{Variables: []Variable{{Name: "CODEX_HOME", Value: folder}}, Files: []File{{"config.toml", config}}}
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
	s.Commands = []string{fmt.Sprintf(`cline auth -p openai-compatible -b %s -m %s -k %s`, quoted(g.URL+"/v1"), quoted(g.Coding), shellKey)}
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

// continueDev: its file's schema v1.
func continueDev(g *Gateway) Settings {
	var b strings.Builder
	b.WriteString("name: Qwenvoy\nversion: 0.0.1\nschema: v1\nmodels:\n")
	for _, name := range []string{g.Coding, g.Quick} {
		fmt.Fprintf(&b, "  - name: %[1]q\n    provider: openai\n    model: %[1]q\n    apiBase: %[2]q\n    apiKey: ${{ secrets.%[3]s }}\n"+
			"    roles: [chat, edit, apply]\n    capabilities: [tool_use]\n"+
			"    defaultCompletionOptions:\n      contextLength: %[4]d\n      maxTokens: %[5]d\n",
			name, g.URL+"/v1", KeyVariable, g.Window, g.Output())
	}
	return Settings{File: &File{"~/.continue/config.yaml", b.String()}}
}

func pi(g *Gateway) Settings {
	var models []map[string]any
	for _, name := range g.Names {
		models = append(models, map[string]any{"id": name, "contextWindow": g.Window, "maxTokens": g.Output()})
	}
	return Settings{
		Variables: []Variable{{Name: KeyVariable, Key: true}},
		File: &File{"~/.pi/agent/models.json", indented(map[string]any{"providers": map[string]any{"qwenvoy": map[string]any{
			"baseUrl": g.URL + "/v1", "api": "openai-completions", "apiKey": "$" + KeyVariable, "models": models,
		}}})},
	}
}

func aider(g *Gateway) Settings {
	return Settings{
		Variables: []Variable{{Name: "OPENAI_API_BASE", Value: g.URL + "/v1"}, {Name: "OPENAI_API_KEY", Key: true}},
		Commands:  []string{"aider --model " + quoted("openai/"+g.Coding) + " --weak-model " + quoted("openai/"+g.Quick)},
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

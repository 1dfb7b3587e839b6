package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/pelletier/go-toml/v2"
	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/native/clients"
	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// clientKey is the key that the server asks for and a client is given.
const clientKey = "sk-connect-5518"

// A connected client is what it would send by its settings.
type connected struct {
	url, model, key string
	header          string // of the key; "" is Authorization
}

// Each client's settings, in the form in which they are printed, are read as strictly as their
// format can be, and a request to where they point is answered with their model and their key.
func TestSettingsLeadToAnAnswer(t *testing.T) {
	up := httptest.NewServer(simulator.New(simulator.Options{APIKey: clientKey}))
	defer up.Close()
	url := run(t, noEnv, "--target", up.URL, "--served-model", simulator.DefaultModel).url
	g, err := clients.Ask(t.Context(), url, clientKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clients.Table {
		t.Run(c.Name, func(t *testing.T) {
			to, ok := pointed[c.Name]
			if !ok {
				t.Fatal("nothing says what it sends")
			}
			sent := to(t, c, g)
			sent.model = cmp.Or(sent.model, g.Coding)
			if sent.key != clientKey {
				t.Errorf("the key is %q", sent.key)
			}
			sent.ask(t)
		})
	}
}

// ask sends a small request.
func (c *connected) ask(t *testing.T) {
	t.Helper()
	body := map[string]any{"model": c.model}
	if path.Base(c.url) == "responses" {
		body["input"] = "Hi"
	} else {
		body["messages"], body["max_tokens"] = []map[string]string{{"role": "user", "content": "Hi"}}, 2000
	}
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.header == "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	} else {
		req.Header.Set(c.header, c.key)
	}
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	said, err := io.ReadAll(reply.Body)
	if got := gjson.GetBytes(said, "model").Str; err != nil || reply.StatusCode != http.StatusOK || got != c.model {
		t.Errorf("%s with %s: %s %v\n%s", c.url, c.model, reply.Status, err, said)
	}
}

// pointed reads each client's settings as the client does.
var pointed = map[string]func(*testing.T, *clients.Client, *clients.Gateway) connected{
	"claude-code": byMessages,
	"anthropic":   byMessages,
	"openai":      chatByVariables("OPENAI_BASE_URL", "", nil),
	"qwen-code":   chatByVariables("OPENAI_BASE_URL", "OPENAI_MODEL", nil),
	"aider":       chatByVariables("OPENAI_API_BASE", "", regexp.MustCompile(`(?m)^--model\nopenai/(.*)$`)),
	"cline": func(t *testing.T, c *clients.Client, g *clients.Gateway) connected {
		form(t, c, g)
		args := shell(t, c.Text(g))
		return connected{url: match(t, args, `(?m)^-b\n(.*)$`) + "/chat/completions", model: match(t, args, `(?m)^-m\n(.*)$`), key: match(t, args, `(?m)^-k\n(.*)$`)}
	},
	"roo":  form,
	"kilo": form,
	"codex": func(t *testing.T, c *clients.Client, g *clients.Gateway) connected {
		type provider struct {
			Name       string `toml:"name"`
			BaseURL    string `toml:"base_url"`
			Catalog    string `toml:"model_catalog_url"`
			WireAPI    string `toml:"wire_api"`
			EnvKey     string `toml:"env_key"`
			WebSockets bool   `toml:"supports_websockets"`
		}
		var file struct {
			Model     string              `toml:"model"`
			Provider  string              `toml:"model_provider"`
			Window    int                 `toml:"model_context_window"`
			WebSearch string              `toml:"web_search"`
			Providers map[string]provider `toml:"model_providers"`
		}
		d := toml.NewDecoder(strings.NewReader(c.Text(g)))
		if err := d.DisallowUnknownFields().Decode(&file); err != nil {
			t.Fatal(err)
		}
		p := file.Providers[file.Provider]
		return connected{url: p.BaseURL + "/" + p.WireAPI, model: file.Model, key: keyOf(p.EnvKey)}
	},
	"opencode": func(t *testing.T, c *clients.Client, g *clients.Gateway) connected {
		var file struct {
			Schema   string `json:"$schema"`
			Model    string `json:"model"`
			Small    string `json:"small_model"`
			Provider map[string]struct {
				NPM     string `json:"npm"`
				Name    string `json:"name"`
				Options struct {
					BaseURL string `json:"baseURL"`
					APIKey  string `json:"apiKey"`
				} `json:"options"`
				Models map[string]struct {
					Name  string         `json:"name"`
					Limit map[string]int `json:"limit"`
				} `json:"models"`
			} `json:"provider"`
		}
		strictJSON(t, c.Text(g), &file)
		provider, model, _ := strings.Cut(file.Model, "/")
		p := file.Provider[provider]
		if _, ok := p.Models[model]; !ok {
			t.Errorf("%s is not among %v", model, p.Models)
		}
		return connected{url: p.Options.BaseURL + "/chat/completions", model: model, key: keyOf(match(t, p.Options.APIKey, `^\{env:(.*)\}$`))}
	},
	"pi": func(t *testing.T, c *clients.Client, g *clients.Gateway) connected {
		var file struct {
			Providers map[string]struct {
				BaseURL string `json:"baseUrl"`
				API     string `json:"api"`
				APIKey  string `json:"apiKey"`
				Models  []struct {
					ID      string `json:"id"`
					Window  int    `json:"contextWindow"`
					MaxText int    `json:"maxTokens"`
				} `json:"models"`
			} `json:"providers"`
		}
		strictJSON(t, c.Text(g), &file)
		p := file.Providers["qwenvoy"]
		if p.API != "openai-completions" || len(p.Models) == 0 {
			t.Fatalf("%+v", p)
		}
		return connected{url: p.BaseURL + "/chat/completions", model: p.Models[0].ID, key: keyOf(strings.TrimPrefix(p.APIKey, "$"))}
	},
	"continue": func(t *testing.T, c *clients.Client, g *clients.Gateway) connected {
		var file struct {
			Name, Version, Schema string
			Models                []struct {
				Name, Provider, Model string
				APIBase               string `yaml:"apiBase"`
				APIKey                string `yaml:"apiKey"`
				Roles, Capabilities   []string
				Options               map[string]int `yaml:"defaultCompletionOptions"`
			}
		}
		if err := yaml.UnmarshalWithOptions([]byte(c.Text(g)), &file, yaml.Strict()); err != nil || len(file.Models) == 0 {
			t.Fatalf("%v in %s", err, c.Text(g))
		}
		m := file.Models[0]
		return connected{url: m.APIBase + "/chat/completions", model: m.Model, key: keyOf(match(t, m.APIKey, `^\$\{\{ secrets\.(.*) \}\}$`))}
	},
	"agents-sdk": sample(`base_url="(.*?)"`, "/responses", `model="(.*?)"`, ""),
	"langchain":  sample(`base_url="(.*?)"`, "/chat/completions", `model="(.*?)"`, ""),
	"litellm":    sample(`api_base="(.*?)"`, "/v1/messages", `model="anthropic/(.*?)"`, "x-api-key"),
	"ai-sdk":     sample(`baseURL: "(.*?)"`, "/messages", `qwenvoy\("(.*?)"\)`, "x-api-key"),
}

// keyOf is what a client finds under the name of a variable.
func keyOf(variable string) string {
	if variable != clients.KeyVariable {
		return ""
	}
	return clientKey
}

func match(t *testing.T, text, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in\n%s", pattern, text)
	}
	return m[1]
}

func strictJSON(t *testing.T, text string, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil || d.More() {
		t.Fatalf("%v in %s", err, text)
	}
}

// shell has a shell read the settings and start what they say is started then, and returns the
// program's arguments, a line each, and the environment behind them.
func shell(t *testing.T, text string) string {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	const programs = `show() { printf '%s\n' "$@"; }
cline() { show "$@"; }; qwen() { show "$@"; }; aider() { show "$@"; }
`
	cmd := exec.Command(sh, "-euc", programs+strings.ReplaceAll(text, "# then: ", "")+"\nenv\n")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), clients.KeyVariable + "=" + clientKey, "ANTHROPIC_API_KEY=theirs"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func byMessages(t *testing.T, c *clients.Client, g *clients.Gateway) connected {
	set := shell(t, c.Text(g))
	if strings.Contains(set, "ANTHROPIC_API_KEY") {
		t.Error("another key would go before ours")
	}
	model := ""
	if strings.Contains(set, "ANTHROPIC_MODEL") {
		model = match(t, set, `(?m)^ANTHROPIC_MODEL=(.*)$`)
	}
	return connected{url: match(t, set, `(?m)^ANTHROPIC_BASE_URL=(.*)$`) + "/v1/messages", model: model, key: match(t, set, `(?m)^ANTHROPIC_AUTH_TOKEN=(.*)$`)}
}

// chatByVariables is of clients that have the address in a variable, and the model in one or in
// the arguments.
func chatByVariables(base, model string, arg *regexp.Regexp) func(*testing.T, *clients.Client, *clients.Gateway) connected {
	return func(t *testing.T, c *clients.Client, g *clients.Gateway) connected {
		set := shell(t, c.Text(g))
		sent := connected{url: match(t, set, `(?m)^`+base+`=(.*)$`) + "/chat/completions", key: match(t, set, `(?m)^OPENAI_API_KEY=(.*)$`)}
		switch {
		case model != "":
			sent.model = match(t, set, `(?m)^`+model+`=(.*)$`)
		case arg != nil:
			sent.model = match(t, set, arg.String())
		}
		return sent
	}
}

// form fills in a settings page.
func form(_ *testing.T, c *clients.Client, g *clients.Gateway) connected {
	fields := map[string]string{}
	for _, f := range c.Settings(g).Form {
		fields[f[0]] = f[1]
	}
	return connected{url: fields["Base URL"] + "/chat/completions", model: fields["Model"], key: clientKey}
}

// sample reads a program, whose language checks it where its interpreter is here.
func sample(base, route, model, header string) func(*testing.T, *clients.Client, *clients.Gateway) connected {
	return func(t *testing.T, c *clients.Client, g *clients.Gateway) connected {
		s := c.Settings(g).Sample
		file := filepath.Join(t.TempDir(), s.Path)
		if err := os.WriteFile(file, []byte(s.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		check := map[string][]string{
			".py":  {"python3", "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())", file},
			".mjs": {"node", "--check", file},
		}[path.Ext(s.Path)]
		if program, err := exec.LookPath(check[0]); err == nil {
			if out, err := exec.Command(program, check[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		}
		variable := match(t, s.Text, `(?:environ\.get\("|process\.env\.)(\w+)`)
		return connected{url: match(t, s.Text, base) + route, model: match(t, s.Text, model), key: keyOf(variable), header: header}
	}
}

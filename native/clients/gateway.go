package clients

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// KeyVariable is the variable that clients take their key from.
const KeyVariable = "QWENVOY_KEY"

// DefaultWindow stands for a window that nobody tells.
const DefaultWindow = 262_144

// maxOutput bounds one answer where the window has room for more.
const maxOutput = 32_000

// A Gateway is what settings are filled in from.
type Gateway struct {
	// URL ends where /v1 begins.
	URL string
	// Coding is the model for work with tools, Quick the one that does not think, for titles and
	// the like.
	Coding, Quick string
	// Names are all names that it lists.
	Names []string
	// Window is the context window in tokens.
	Window int
}

// New is a gateway of which the list of models is known.
func New(url string, models []Model) *Gateway {
	g := &Gateway{URL: strings.TrimSuffix(strings.TrimSuffix(url, "/"), "/v1"), Window: DefaultWindow}
	models = slices.DeleteFunc(slices.Clone(models), func(m Model) bool { return !plainName(m.Name) })
	for _, m := range models {
		g.Names = append(g.Names, m.Name)
		if m.Window > 0 {
			g.Window = m.Window
		}
	}
	g.Coding = named(models, "thinking-coding", "coding")
	if g.Quick = named(models, "instruct-general", "instruct"); g.Quick == "" {
		g.Quick = g.Coding
	}
	return g
}

// plainName tells whether a model's name can stand in settings: a line's end would end a comment of
// the lines for a shell, and what follows would be a command.
func plainName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// A Model is an entry of a gateway's list.
type Model struct {
	Name string
	// Profile is the name of its profile, where it is told.
	Profile string
	Window  int
}

// named is the model with one of the profiles, else with one of the words in its name, else the
// first.
func named(models []Model, words ...string) string {
	for _, of := range []func(Model) string{func(m Model) string { return m.Profile }, func(m Model) string { return m.Name }} {
		for _, word := range words {
			if i := slices.IndexFunc(models, func(m Model) bool { return strings.Contains(of(m), word) }); i >= 0 {
				return models[i].Name
			}
		}
	}
	if len(models) > 0 {
		return models[0].Name
	}
	return ""
}

// Output is how long one answer may be, in tokens.
func (g *Gateway) Output() int { return min(maxOutput, g.Window/2) }

// ErrAbsent: nobody answers at the address.
var ErrAbsent = errors.New("no gateway answers")

const (
	askTimeout = 10 * time.Second
	maxList    = 8 << 20
	maxSaid    = 300
)

// Ask asks a running gateway for its models. version is that of the Codex that the list is for.
func Ask(ctx context.Context, address, key string) (*Gateway, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("the gateway's address must be a URL such as http://127.0.0.1:9000")
	}
	base.RawQuery, base.Fragment, base.User = "", "", nil
	root := strings.TrimSuffix(strings.TrimSuffix(base.String(), "/"), "/v1")
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, root+"/v1/models", nil)
	if err != nil {
		return nil, err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	transport := &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}
	reply, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		var dial *net.OpError
		if errors.As(err, &dial) && dial.Op == "dial" {
			return nil, fmt.Errorf("%w at %s", ErrAbsent, root)
		}
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err
		}
		return nil, fmt.Errorf("the gateway at %s does not answer: %w", root, err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxList))
	if err != nil {
		return nil, fmt.Errorf("the list of models of the gateway at %s broke off: %w", root, err)
	}
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the gateway at %s answers %s: %s", root, reply.Status, said(body, key))
	}
	return read(root, body)
}

// said is the message of an error's body, or its beginning, in one line that moves no cursor.
func said(body []byte, key string) string {
	var e struct {
		Error struct{ Message string }
	}
	text := string(body[:min(len(body), 4*maxSaid)])
	if json.Unmarshal(body, &e) == nil && e.Error.Message != "" {
		text = e.Error.Message
	}
	return redact.Text(strings.Join(strings.Fields(text), " "), maxSaid, key)
}

// read reads a list of models.
func read(root string, body []byte) (*Gateway, error) {
	var list struct {
		Data []struct {
			ID      string
			Profile any
			Window  int `json:"context_window"`
			Server  int `json:"max_model_len"` // of other gateways, and of servers
		}
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("what answers at %s is no gateway: its /v1/models is no list of models", root)
	}
	models := make([]Model, len(list.Data))
	for i, m := range list.Data {
		profile, _ := m.Profile.(string)
		models[i] = Model{m.ID, profile, cmp.Or(m.Window, m.Server)}
	}
	g := New(root, models)
	if len(g.Names) == 0 {
		return nil, fmt.Errorf("the gateway at %s lists no models", root)
	}
	return g, nil
}

package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// A server is the one behind the gateway, asked for what a start of the gateway does not ask.
type server struct {
	config *config.Config
	url    *url.URL
	model  string // the served model's name
	keyed  *probe.Server
	// bare asks without our key.
	bare *probe.Server

	deep  bool
	now   func() time.Time
	proxy func(*http.Request) (*url.URL, error)
}

// briefIdle keeps the questions from meeting a close that one of the checks is about.
const briefIdle = config.Duration(250 * time.Millisecond)

func newServer(c *config.Config, o *Options) (*server, error) {
	u, err := url.Parse(c.Main().URL)
	if err != nil {
		return nil, err
	}
	s := &server{config: c, url: u, model: c.Main().Model, deep: o.Deep, now: o.Now, proxy: o.Proxy}
	timeouts := c.Timeouts
	timeouts.UpstreamIdle = briefIdle
	if s.keyed, err = probe.New(*c.Main(), timeouts); err != nil {
		return nil, err
	}
	without := *c.Main()
	without.APIKey = ""
	if s.bare, err = probe.New(without, timeouts); err != nil {
		return nil, err
	}
	return s, nil
}

// name takes over the name of a served model that the configuration may leave open.
func (s *server) name(model string) {
	c := *s.config
	c.Upstreams = slices.Clone(c.Upstreams)
	c.Main().Model = model
	s.config, s.model = &c, model
}

func (s *server) close() {
	s.keyed.Close()
	s.bare.Close()
}

// rows are the checks that go beyond the prober's, in the order in which they are shown. Those
// that have the model talk cost five tokens, the prober's among them.
func (s *server) rows(ctx context.Context, r *Report) {
	s.frontEndRow(ctx, r)
	s.openRoutesRow(ctx, r)
	if s.tokenizeRow(ctx, r) {
		s.lateSystemRow(ctx, r)
		s.developerRow(ctx, r)
		s.thinkingRow(ctx, r)
		s.mediaRow(ctx, r)
	} else {
		for _, check := range []string{"late system", "developer role", "thinking switch", "media"} {
			r.add(probe.Skip, check, "/tokenize would tell", "")
		}
	}
	s.streamRow(ctx, r)
	s.clockRow(ctx, r)
	s.drainRow(ctx, r)
	s.deepRows(ctx, r)
}

// object is a JSON object of a request.
type object = map[string]any

func message(role, content string) object { return object{"role": role, "content": content} }

// ask posts to a path of the server, with the served model's name added.
func (s *server) ask(ctx context.Context, path string, body object) (*probe.Answer, error) {
	body["model"] = s.model
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return s.keyed.Ask(ctx, path, b)
}

// tokenize has a prompt made of messages, and counted.
func (s *server) tokenize(ctx context.Context, more object, messages ...object) (*probe.Answer, error) {
	body := object{"messages": messages}
	for k, v := range more {
		body[k] = v
	}
	return s.ask(ctx, "/tokenize", body)
}

// frontEndRow tells whether vLLM's front end is the one in Rust, which differs in what it serves.
func (s *server) frontEndRow(ctx context.Context, r *Report) {
	const check = "front end"
	a, err := s.keyed.Ask(ctx, "/version", nil)
	switch {
	case err != nil || s.keyed.Kind(ctx) != probe.VLLM:
		r.add(probe.Skip, check, "only vLLM has two", "")
	case gjson.GetBytes(a.Body, "rust_frontend_version").Exists():
		r.add(probe.Info, check, "Rust: bodies up to 32 MiB, calls in one piece, a dead engine cuts streams without a word", "")
	default:
		r.add(probe.OK, check, "Python", "")
	}
}

// openRoutesRow looks what the server gives to those who have no key.
func (s *server) openRoutesRow(ctx context.Context, r *Report) {
	const check = "open routes"
	if config.Loopback(s.url.Hostname()) {
		r.add(probe.OK, check, "the server is reached from this machine alone, as far as its address says", "")
		return
	}
	served := func(path string, body []byte) bool {
		a, err := s.bare.Ask(ctx, path, body)
		return err == nil && a.Status < 300
	}
	prompt, _ := json.Marshal(object{"model": s.model, "prompt": "Hi"})
	if served("/v1/models", nil) {
		r.add(probe.Info, check, "the server asks nobody for a key: whoever reaches "+s.url.Host+" has it",
			"start vLLM with --api-key, and keep others off the address (firewall, network policy)")
		return
	}
	var open []string
	for _, path := range []string{"/tokenize", "/metrics"} {
		if body := map[string][]byte{"/tokenize": prompt}[path]; served(path, body) {
			open = append(open, path)
		}
	}
	if len(open) > 0 {
		r.add(probe.Info, check, strings.Join(open, " and ")+" answer without a key: vLLM's --api-key guards /v1 alone",
			"keep others off the address (firewall, network policy)")
		return
	}
	r.add(probe.OK, check, "nothing answers without a key", "")
}

// tokenizeRow tells whether the server counts prompts; the checks of the template need it.
func (s *server) tokenizeRow(ctx context.Context, r *Report) bool {
	const check = "tokenize"
	a, err := s.tokenize(ctx, nil, message("user", "Hi"))
	switch {
	case err == nil && a.Status == http.StatusOK && gjson.GetBytes(a.Body, "count").Int() > 0:
		r.add(probe.OK, check, fmt.Sprintf("counts prompts (%d tokens for \"Hi\")", gjson.GetBytes(a.Body, "count").Int()), "")
		return true
	case err == nil && (a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden):
		r.add(probe.Skip, check, "it needs a key: "+s.keyed.Said(a, err), "")
	case err == nil && s.unnamed(ctx):
		r.add(probe.Skip, check, "the model is not known", "")
	default:
		r.add(probe.Warn, check, "/tokenize gives no count ("+s.keyed.Said(a, err)+"): count_tokens is an estimate",
			"let /tokenize through where a proxy stands in front of vLLM")
	}
	return false
}

// unnamed tells whether the server has models, and none of the configured name.
func (s *server) unnamed(ctx context.Context) bool {
	models := s.keyed.Models(ctx)
	for _, m := range models {
		if m.Name == s.model {
			return false
		}
	}
	return len(models) > 0
}

func (s *server) lateSystemRow(ctx context.Context, r *Report) {
	const check = "late system"
	keep := s.config.LateSystem == "keep"
	a, err := s.tokenize(ctx, nil, message("user", "Hi"), message("system", "Be brief."), message("user", "Hi"))
	switch {
	case err == nil && a.Status == http.StatusOK:
		r.add(probe.Info, check, "the template takes system messages anywhere: late_system: keep is possible", "")
	case err != nil || a.Status != http.StatusBadRequest:
		r.add(probe.Skip, check, s.keyed.Said(a, err), "")
	case keep:
		r.add(probe.Fail, check, "late_system is keep, and the template refuses them: "+s.keyed.Said(a, err), "late_system: dialect")
	default:
		r.add(probe.Info, check, "the template refuses them, so that they are merged: "+s.keyed.Said(a, err), "")
	}
}

func (s *server) developerRow(ctx context.Context, r *Report) {
	const check = "developer role"
	a, err := s.tokenize(ctx, nil, message("developer", "Be brief."), message("user", "Hi"))
	switch {
	case err == nil && a.Status == http.StatusOK:
		r.add(probe.Info, check, "the server knows it; it is sent none, since they become system messages", "")
	case err == nil && a.Status == http.StatusBadRequest:
		r.add(probe.Info, check, "the server refuses it, so that they become system messages: "+s.keyed.Said(a, err), "")
	default:
		r.add(probe.Skip, check, s.keyed.Said(a, err), "")
	}
}

// thinkingRow compares the prompts with thinking on, off, and as the server has it by itself.
func (s *server) thinkingRow(ctx context.Context, r *Report) {
	const check = "thinking switch"
	prompt := func(more object) string {
		a, err := s.tokenize(ctx, more, message("user", "Hi"))
		if err != nil || a.Status != http.StatusOK {
			return ""
		}
		return gjson.GetBytes(a.Body, "tokens").Raw
	}
	switched := func(on bool) string { return prompt(object{"chat_template_kwargs": object{"enable_thinking": on}}) }
	on, off, without := switched(true), switched(false), prompt(nil)
	fixed := fixedThinking(s.config)
	switch {
	case on == "" || off == "":
		r.add(probe.Skip, check, "the server does not show its prompts", "")
	case on == off && fixed != "":
		r.add(probe.Info, check, "the template knows none: by its name this model "+fixed, "")
	case on == off:
		r.add(probe.Fail, check, "the template ignores enable_thinking: the instruct models can't switch thinking off",
			"start vLLM with the model's own template (leave --chat-template away, or give it one that reads enable_thinking)")
	case without == off:
		r.add(probe.OK, check, "works; off unless it is asked for", "")
	default:
		r.add(probe.OK, check, "works; on unless it is switched off", "")
	}
}

// fixedThinking tells what the catalog knows of a model by its name that can't be switched: that
// it always thinks, or never does. "" is one that can.
func fixedThinking(c *config.Config) string {
	all, err := catalog.New(c)
	if err != nil {
		return ""
	}
	switch first := all.Models()[0].Thinking; first {
	case catalog.Always:
		return "always thinks"
	case catalog.Off: // a built-in model for thinking
		return "does not think"
	}
	return ""
}

// pixel is the smallest image.
const pixel = "data:image/png;base64," +
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// mediaRow tells whether the model takes images: then the server fetches addresses for clients.
func (s *server) mediaRow(ctx context.Context, r *Report) {
	const check = "media"
	image := object{"type": "image_url", "image_url": object{"url": pixel}}
	a, err := s.tokenize(ctx, nil, object{"role": "user", "content": []any{object{"type": "text", "text": "Hi"}, image}})
	switch {
	case err == nil && a.Status == http.StatusOK:
		r.add(probe.Info, check, "the model takes images, and the server fetches any address that a client names",
			"start vLLM with --allowed-media-domains, and VLLM_MEDIA_URL_ALLOW_REDIRECTS=0")
	case err == nil && a.Status == http.StatusBadRequest:
		r.add(probe.OK, check, "the model takes no images", "")
	default:
		r.add(probe.Skip, check, s.keyed.Said(a, err), "")
	}
}

// streamRow has two tokens streamed.
func (s *server) streamRow(ctx context.Context, r *Report) {
	const check = "stream"
	if s.unnamed(ctx) {
		r.add(probe.Skip, check, "the model is not known", "")
		return
	}
	a, err := s.ask(ctx, "/v1/chat/completions", object{
		"messages": []object{message("user", "Hi")}, "max_tokens": 2, "temperature": 0, "stream": true,
		"stream_options": object{"include_usage": true}, "chat_template_kwargs": object{"enable_thinking": false},
	})
	if err != nil || a.Status != http.StatusOK {
		r.add(probe.Skip, check, "the question was refused ("+s.keyed.Said(a, err)+")", "")
		return
	}
	if kind := a.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		r.add(probe.Fail, check, "the answer to stream: true is no event stream, but "+kind, "look at what stands in front of the server")
		return
	}
	var usage gjson.Result
	done := false
	for line := range strings.Lines(string(a.Body)) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data:")
		data = strings.TrimSpace(data)
		switch {
		case !ok:
		case data == "[DONE]":
			done = true
		case gjson.Get(data, "usage").IsObject() && len(gjson.Get(data, "choices").Array()) == 0:
			usage = gjson.Get(data, "usage")
		}
	}
	switch {
	case !usage.Exists():
		r.add(probe.Warn, check, "no usage at the end of a stream: clients see no token counts",
			"look whether a proxy in front of the server drops stream_options")
	case !done:
		r.add(probe.Warn, check, "the stream ends without [DONE], which the gateway adds: a cut stream looks like a whole one", "")
	case !usage.Get("prompt_tokens_details").IsObject():
		r.add(probe.Info, check, "streams end well; how much of a prompt was cached is not told",
			"start vLLM with --enable-prompt-tokens-details")
	default:
		r.add(probe.OK, check, "ends well, with usage and cached tokens", "")
	}
}

// How much the clocks may differ: beyond the first, times in logs mislead; beyond the second,
// tokens and certificates fail.
const (
	clockDrift = 5 * time.Second
	clockWrong = 5 * time.Minute
)

func (s *server) clockRow(ctx context.Context, r *Report) {
	const check = "clock"
	before := s.now()
	a, err := s.keyed.Ask(ctx, "/version", nil)
	after := s.now()
	if err != nil {
		r.add(probe.Skip, check, s.keyed.Said(a, err), "")
		return
	}
	date, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		r.add(probe.Skip, check, "the server does not say its time", "")
		return
	}
	drift := time.Duration(0)
	if date.Before(before) {
		drift = before.Sub(date)
	} else if date.After(after) {
		drift = date.Sub(after)
	}
	found, fix := fmt.Sprintf("the server's differs by %s", drift.Round(time.Second)), "synchronise both machines' clocks (NTP)"
	switch {
	case drift > clockWrong:
		r.add(probe.Fail, check, found, fix)
	case drift > clockDrift:
		r.add(probe.Warn, check, found, fix)
	default:
		r.add(probe.OK, check, "the server's is the same", "")
	}
}

func (s *server) drainRow(ctx context.Context, r *Report) {
	const check = "drain"
	if s.keyed.Kind(ctx) != probe.VLLM {
		r.add(probe.Skip, check, "known of vLLM alone", "")
		return
	}
	r.add(probe.Info, check, "vLLM cuts streams when it is stopped, unless it was told to wait", "start vLLM with --shutdown-timeout")
}

package config

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The words that some keys take.
var (
	ThinkingWords        = []string{"on", "off", "client"}
	ReasoningFieldWords  = []string{"reasoning", "reasoning_content", "both"}
	LateSystemWords      = []string{"dialect", "merge", "fold", "keep"}
	SmallCapWords        = []string{"instruct", "keep"}
	UnsupportedToolWords = []string{"drop", "reject"}
	ThinkingShownWords   = []string{"auto", "profile", "when_asked"}
	SafeguardWords       = []string{"unsupported", "refuse"}
	ReasoningEventWords  = []string{"openai", "open-responses", "summary"}
	LogLevels            = []string{"COMPLETE", "DEBUG", "INFO", "WARN", "ERROR"}
	LogFormats           = []string{"auto", "text", "journald", "json"}
	UpstreamKinds        = []string{"vllm"}
)

// neededFields can't be denied: the gateway reads or writes them itself.
var neededFields = []string{"model", "messages", "prompt", "tokens", "input", "tools", "tool_choice", "stream", "stream_options",
	"host", "content-type", "content-length", "content-encoding", "transfer-encoding", "authorization"}

// Default is the configuration before file, variables and flags: all but the served model.
func Default() *Config {
	return &Config{
		Listen: "127.0.0.1",
		Port:   9000,
		BuiltinModels: BuiltinModels{
			ThinkingGeneral: "qwen3.5-thinking-general", ThinkingCoding: "qwen3.5-thinking-coding",
			InstructGeneral: "qwen3.5-instruct-general", InstructReasoning: "qwen3.5-instruct-reasoning",
		},
		BuiltinAliases:   true,
		ServedName:       true,
		ReasoningField:   "both",
		LateSystem:       "dialect",
		SmallCaps:        "instruct",
		UnsupportedTools: "drop",
		Messages:         Messages{Thinking: "auto", Safeguards: "unsupported"},
		Responses:        Responses{ReasoningEvents: "openai", Store: true, BackgroundJobs: 100, WebSocket: true},
		Store:            Store{MaxAge: Duration(30 * 24 * time.Hour), MaxSize: 1 << 30},
		Passthrough:      true,
		Limits:           Limits{Event: 10 << 20, Connections: 10_000, Exchanges: 10_000},
		Timeouts: Timeouts{
			Connect:      Duration(10 * time.Second),
			Idle:         Duration(5 * time.Minute),
			Header:       Duration(10 * time.Second),
			UpstreamIdle: Duration(3 * time.Second),
			Drain:        Duration(3 * time.Minute),
			DrainDelay:   Duration(10 * time.Second),
		},
		Log: Log{Level: "INFO", Format: "auto"},
	}
}

// Validate reports all that is wrong, as Errors. What concerns names that refer to
// each other (profiles, aliases) is checked by package catalog.
func (c *Config) Validate() error {
	var errs Errors
	if c.Port < 1 || c.Port > 65535 {
		errs.Add("port", "%d is not allowed here, 1 to 65535 is", c.Port)
	}
	c.TLS.validate(&errs)
	if len(c.Upstreams) == 0 {
		errs.Add("upstreams", "one upstream with the served model's name (upstreams[0].model) is required")
	}
	for i := range c.Upstreams {
		c.Upstreams[i].validate(fmt.Sprintf("upstreams[%d].", i), &errs)
	}
	c.validateTargets(&errs)
	for i := range c.Profiles {
		c.Profiles[i].validate(fmt.Sprintf("profiles[%d].", i), &errs)
	}
	for i, name := range c.ClientFields.Deny {
		path := fmt.Sprintf("client_fields.deny[%d]", i)
		switch {
		case name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
			errs.Add(path, "a field's name is required")
		case slices.Contains(neededFields, strings.ToLower(name)):
			errs.Add(path, "%s is not allowed here, since no request could do without it", name)
		}
	}
	for i, origin := range c.CORS.Origins {
		if !isOrigin(origin) {
			errs.Add(fmt.Sprintf("cors.origins[%d]", i),
				"%q is not allowed here, an origin such as https://app.example.com or https://*.example.com, or * is", origin)
		}
	}
	for i, host := range c.AllowedHosts {
		if !isHost(host) {
			errs.Add(fmt.Sprintf("allowed_hosts[%d]", i),
				"%q is not allowed here, a host without scheme and port such as gw.example.com, *.example.com or [fd00::1], or * is", host)
		}
	}
	errs.word("reasoning_field", c.ReasoningField, ReasoningFieldWords)
	errs.word("late_system", c.LateSystem, LateSystemWords)
	errs.word("small_caps", c.SmallCaps, SmallCapWords)
	errs.word("unsupported_tools", c.UnsupportedTools, UnsupportedToolWords)
	errs.word("responses.reasoning_events", c.Responses.ReasoningEvents, ReasoningEventWords)
	errs.word("messages.thinking", c.Messages.Thinking, ThinkingShownWords)
	errs.word("messages.safeguards", c.Messages.Safeguards, SafeguardWords)
	errs.word("log.level", strings.ToUpper(c.Log.Level), LogLevels)
	errs.word("log.format", c.Log.Format, LogFormats)
	if c.OTLPForward != "" {
		errs.address("otlp_forward", c.OTLPForward, "http://127.0.0.1:4318", "")
	}
	if k := c.Responses.EncryptionKey; k != "" {
		if raw, err := base64.StdEncoding.DecodeString(k); err != nil || len(raw) != 32 {
			errs.Add("responses.encryption_key",
				"32 bytes in base64 are wanted, such as `openssl rand -base64 32` prints (the value is not shown)")
		}
	}
	if n := c.Responses.BackgroundJobs; n < 0 {
		errs.Add("responses.background_jobs", "%d is not allowed here, a number of responses or 0 for none is", n)
	}
	if c.Store.Folder != "" && c.Store.Redis != "" {
		errs.Add("store.folder", "not allowed beside store.redis, responses are kept in one place")
	}
	c.Limits.validate(&errs)
	return errs.Err()
}

// word adds a fault where a value is none of the words that its key takes.
func (e *Errors) word(path, value string, allowed []string) {
	if !slices.Contains(allowed, value) {
		e.Add(path, "%q is not allowed here, %s is", value, strings.Join(allowed, ", "))
	}
}

// address adds a fault where a value is no address of a server, such as the example. key ends the
// sentence on one with a password in it.
func (e *Errors) address(path, value, example, key string) {
	switch host, ok := address(value); {
	case strings.Contains(value, "#"):
		e.Add(path, "a # is not allowed here (the address is not shown)")
	case !ok:
		e.Add(path, "%q is not allowed here, an address such as %s is", value, example)
	case strings.Contains(host, "@"):
		e.Add(path, "a user and password are not allowed here (the address is not shown)%s", key)
	}
}

func (u *Upstream) validate(path string, errs *Errors) {
	if u.Kind != "" {
		errs.word(path+"kind", u.Kind, UpstreamKinds)
	}
	if u.MaxModelLen < 0 {
		errs.Add(path+"max_model_len", "%d is not allowed here, a number of tokens or 0 for unknown is", u.MaxModelLen)
	}
	if u.URL != "" {
		errs.address(path+"url", u.URL, "http://127.0.0.1:8000", ", a key goes into api_key")
	}
	if h := u.SessionHeader; h != "" && (!isFieldName(h) || slices.Contains(neededFields, strings.ToLower(h))) {
		errs.Add(path+"session_header", "%q is not allowed here, the name of a header field such as x-session-token is", h)
	}
	if strings.ContainsFunc(u.APIKey, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		errs.Add(path+"api_key", "spaces, line breaks and letters beyond ASCII are not allowed here (the value is not shown)")
	}
}

// validateTargets looks at the names of upstreams, and at who refers to them.
func (c *Config) validateTargets(errs *Errors) {
	var names []string
	for i, u := range c.Upstreams {
		path := fmt.Sprintf("upstreams[%d].name", i)
		switch {
		case len(c.Upstreams) == 1:
		case u.Name == "":
			errs.Add(path, "a name is required where there are several upstreams")
			continue
		case slices.Contains(names, u.Name):
			errs.Add(path, "%q stands twice", u.Name)
		}
		if len(c.Upstreams) > 1 && u.Model == "" {
			errs.Add(fmt.Sprintf("upstreams[%d].model", i), "the served model's name is required where there are several upstreams")
		}
		names = append(names, u.Name)
	}
	if c.DefaultUpstream != "" {
		errs.upstream("default_upstream", c.DefaultUpstream, names)
	}
	for i, m := range c.Models {
		for j, t := range m.Targets {
			path := fmt.Sprintf("models[%d].targets[%d]", i, j)
			if t.Upstream == "" {
				errs.Add(path+".upstream", "an upstream's name is required, of %s", strings.Join(names, ", "))
				continue
			}
			errs.upstream(path, t.Upstream, names)
			if slices.Contains(m.Targets[:j], t) {
				errs.Add(path, "%q stands twice", t.Upstream)
			}
		}
	}
}

// upstream adds a fault where a name is no upstream's.
func (e *Errors) upstream(path, name string, names []string) {
	if slices.Contains(names, name) {
		return
	}
	if best, _ := Closest(name, names); best != "" {
		e.Add(path, "%q is no upstream, did you mean %s?", name, best)
		return
	}
	e.Add(path, "%q is no upstream, known are %s", name, strings.Join(names, ", "))
}

// DefaultIndex is the place in Upstreams of the one that answers for models without targets.
func (c *Config) DefaultIndex() int {
	for i := range c.Upstreams {
		if c.Upstreams[i].Name == c.DefaultUpstream {
			return i
		}
	}
	return 0
}

// Main is the default upstream.
func (c *Config) Main() *Upstream { return &c.Upstreams[c.DefaultIndex()] }

// Alone is the configuration with the default upstream alone, for an edge that has one.
func (c *Config) Alone() *Config {
	alone, main := *c, c.DefaultIndex()
	alone.Upstreams, alone.DefaultUpstream = c.Upstreams[main:main+1:main+1], ""
	alone.Models = slices.Clone(c.Models)
	for i := range alone.Models {
		m := &alone.Models[i]
		m.Targets = slices.Clone(m.Targets)
		m.Targets = slices.DeleteFunc(m.Targets, func(t Target) bool { return t.Upstream != alone.Upstreams[0].Name })
		m.Targets = m.Targets[:min(1, len(m.Targets))]
	}
	return &alone
}

func (t *TLS) validate(errs *Errors) {
	for _, f := range [...]struct{ path, value string }{{"tls.cert", t.Cert}, {"tls.key", t.Key}, {"tls.client_ca", t.ClientCA}} {
		if strings.Contains(f.value, "-----") || strings.ContainsRune(f.value, '\n') {
			errs.Add(f.path, "a file's path is wanted, not what stands in it (the value is not shown)")
		}
	}
	switch {
	case t.Cert != "" && t.Key == "":
		errs.Add("tls.key", "the certificate's key is required beside tls.cert")
	case t.Cert == "" && t.Key != "":
		errs.Add("tls.cert", "the key's certificate is required beside tls.key")
	case t.Cert == "" && t.ClientCA != "":
		errs.Add("tls.client_ca", "without tls.cert and tls.key nobody is asked for a certificate")
	}
}

func (l *Limits) validate(errs *Errors) {
	for _, b := range []struct {
		path  string
		value Bytes
	}{{"limits.body", l.Body}, {"limits.event", l.Event}} {
		if b.value != 0 && b.value < 1<<10 || b.value > 1<<31-1 {
			errs.Add(b.path, "%d bytes are not allowed here, 1KiB to 2047MiB are", b.value)
		}
	}
	for path, n := range map[string]int{"limits.connections": l.Connections, "limits.exchanges": l.Exchanges} {
		if n < 1 {
			errs.Add(path, "%d is not allowed here, 1 and more are", n)
		}
	}
	switch m := l.Memory; {
	case m != 0 && m < leastMemory:
		errs.Add("limits.memory", "%d bytes are not allowed here, 16MiB and more are, or 0 for a quarter of what there is", m)
	case m != 0 && m/8 < l.Body:
		errs.Add("limits.memory", "%d bytes are not allowed here, at least 8 times limits.body (%d) is", m, l.Body)
	}
}

// leastMemory is the least of limits.memory, in bytes.
const leastMemory = 16 << 20

func (p *Profile) validate(path string, errs *Errors) {
	if p.Name == "" {
		errs.Add(path+"name", "a name is required")
	}
	errs.word(path+"thinking", p.Thinking, ThinkingWords)
	// The ranges are vLLM's: what lies outside would be its 400 to each request.
	for _, f := range [...]struct {
		key   string
		value *float64
		ok    func(float64) bool
		want  string
	}{
		{"temperature", p.Temperature, func(v float64) bool { return v >= 0 && v <= 2 }, "0 to 2"},
		{"top_p", p.TopP, func(v float64) bool { return v > 0 && v <= 1 }, "a number above 0, up to 1,"},
		{"min_p", p.MinP, func(v float64) bool { return v >= 0 && v <= 1 }, "0 to 1"},
		{"presence_penalty", p.PresencePenalty, func(v float64) bool { return v >= -2 && v <= 2 }, "-2 to 2"},
		{"repetition_penalty", p.RepetitionPenalty, func(v float64) bool { return v > 0 }, "a number above 0"},
	} {
		if f.value != nil && !f.ok(*f.value) {
			errs.Add(path+f.key, "%v is not allowed here, %s is", *f.value, f.want)
		}
	}
	if p.TopK != nil && *p.TopK < -1 {
		errs.Add(path+"top_k", "%d is not allowed here, a number of tokens is, or 0 or -1 for all", *p.TopK)
	}
}

// isFieldName tells whether a text can be the name of a header's field.
func isFieldName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.!#$%&'*+^`|~", r)
	})
}

// address is the host of a URL, with user and port if it has them, and whether the URL is
// one of http or https, with a host, and a port that is a number if there is one. What the
// binary makes of it, net/url decides: that package is too large for the filter, which has no
// use for the URL.
func address(s string) (authority string, ok bool) {
	rest, ok := strings.CutPrefix(s, "http://")
	if !ok {
		if rest, ok = strings.CutPrefix(s, "https://"); !ok {
			return "", false
		}
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	host := rest[strings.LastIndexByte(rest, '@')+1:]
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		port, err := strconv.Atoi(host[i+1:])
		if err != nil || port < 0 || port > 65535 {
			return "", false
		}
		host = host[:i]
	}
	return rest, host != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

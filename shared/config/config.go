// Package config is the one configuration schema of Qwenvoy: the binary reads it
// from a YAML or JSON file, flags and variables; the filter from Envoy's plugin
// configuration. It decodes strictly, fills in defaults and validates, and its
// errors name the key, the value and what is allowed.
//
// It imports nothing of this module, and no package that reads files or variables.
package config

import "time"

// Config is the whole schema. The zero value is not valid; start from Default.
type Config struct {
	// Listen and Port are the binary's address.
	Listen string `json:"listen"`
	Port   int    `json:"port"`
	// Upstreams holds the servers that speak Chat Completions. Exactly one for now.
	Upstreams []Upstream `json:"upstreams"`
	// Profiles add to the four built-in ones, or override one of the same name.
	Profiles []Profile `json:"profiles"`
	// Models add to the built-in virtual models, or override one of the same name.
	Models []Model `json:"models"`
	// BuiltinModels names the four built-in virtual models.
	BuiltinModels BuiltinModels `json:"builtin_models"`
	// BuiltinAliases: claude-*, gpt-* and codex-* mean the thinking-coding model.
	BuiltinAliases bool `json:"builtin_aliases"`
	// EnforceSampling sets the profile's sampling values over the client's.
	EnforceSampling bool `json:"enforce_sampling"`
	// ReasoningField is what the client reads reasoning from: reasoning, reasoning_content or both.
	ReasoningField string `json:"reasoning_field"`
	// LateSystem says what becomes of system messages after the first user or
	// assistant message: merge, fold or keep.
	LateSystem string `json:"late_system"`
	// Passthrough forwards paths that Qwenvoy does not know; off, they are a 404.
	Passthrough bool     `json:"passthrough"`
	Limits      Limits   `json:"limits"`
	Timeouts    Timeouts `json:"timeouts"`
	State       State    `json:"state"`
	Log         Log      `json:"log"`
	Envoy       Envoy    `json:"envoy"`
}

// Upstream is a server and the model that it serves.
type Upstream struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // vllm
	// URL is for the binary; the filter uses Envoy's cluster.
	URL string `json:"url"`
	// Model is the served model's name.
	Model string `json:"model"`
	// APIKey replaces the client's key on the way up, when not empty.
	APIKey string `json:"api_key"`
	// MaxModelLen is the context window in tokens; 0: the binary asks the upstream, the filter does not clamp.
	MaxModelLen int `json:"max_model_len"`
}

// Profile is a set of sampling values and the thinking switch.
type Profile struct {
	Name     string `json:"name"`
	Thinking string `json:"thinking"` // on, off, client
	// Sampling values; nil is not set.
	Temperature       *float64 `json:"temperature"`
	TopP              *float64 `json:"top_p"`
	TopK              *int     `json:"top_k"`
	MinP              *float64 `json:"min_p"`
	PresencePenalty   *float64 `json:"presence_penalty"`
	RepetitionPenalty *float64 `json:"repetition_penalty"`
	// WhenOff names the profile whose sampling values count when a request switches
	// thinking off; "" is instruct-general.
	WhenOff string `json:"when_off"`
}

// Model is a virtual model.
type Model struct {
	Name    string `json:"name"`
	Profile string `json:"profile"`
	// Aliases are other names for it, exact or with * for any run of characters.
	Aliases []string `json:"aliases"`
}

// BuiltinModels names the virtual models of the four built-in profiles.
type BuiltinModels struct {
	ThinkingGeneral   string `json:"thinking-general"`
	ThinkingCoding    string `json:"thinking-coding"`
	InstructGeneral   string `json:"instruct-general"`
	InstructReasoning string `json:"instruct-reasoning"`
}

// Limits are in bytes; a file may write 100MB or 32MiB. 0 stands for the edge's default.
type Limits struct {
	// Body: request and whole reply; default 100 MB in the binary, 32 MiB in the filter.
	Body Bytes `json:"body"`
	// Event: one event of a stream; default 10 MiB.
	Event Bytes `json:"event"`
}

// Timeouts are for the binary. In a file "10s", "5m"; 0 is none.
type Timeouts struct {
	Connect      Duration `json:"connect"`       // to the upstream; 10s
	FirstByte    Duration `json:"first_byte"`    // from the request's end to the reply's head; none
	Idle         Duration `json:"idle"`          // between two pieces of a reply; 5m
	Header       Duration `json:"header"`        // to read a client's request head; 10s
	UpstreamIdle Duration `json:"upstream_idle"` // an unused upstream connection is closed; 3s
	Drain        Duration `json:"drain"`         // after SIGTERM; 3m
}

// State is for the binary: what it keeps of the Responses API.
type State struct {
	// Store is what a request that leaves store out, or null, says with it.
	Store bool `json:"store"`
	// Folder holds the file that responses are kept in; "" keeps them in memory.
	Folder string `json:"folder"`
	// Redis is the URL of a Redis that several binaries keep them in. It may hold a password.
	Redis string `json:"redis"`
	// MaxAge is how long a response is kept after it began, a conversation after its last
	// change; default 30 days, 0 is no limit.
	MaxAge Duration `json:"max_age"`
	// MaxSize: over it the oldest is deleted; default 1 GiB in a file, 256 MiB in memory.
	// Redis has a limit of its own.
	MaxSize Bytes `json:"max_size"`
}

// Log is for the binary.
type Log struct {
	Level  string `json:"level"`  // COMPLETE, DEBUG, INFO, WARN, ERROR
	Format string `json:"format"` // auto, text, journald, json
}

// Envoy is for the filter.
type Envoy struct {
	// AllowOnHeadersStopIteration must say what the same field of Envoy's PluginConfig
	// says. With it, a reply's status can follow from its body.
	AllowOnHeadersStopIteration bool `json:"allow_on_headers_stop_iteration"`
}

// Bytes is a size; its JSON form is a number or a string with B, KB, KiB, MB, MiB, GB or GiB.
type Bytes int64

// Duration is a time.Duration; its JSON form is a string that time.ParseDuration reads, or 0.
type Duration time.Duration

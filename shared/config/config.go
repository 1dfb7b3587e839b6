// Package config is the one configuration schema of Qwenvoy: the binary reads it
// from a YAML or JSON file, flags and variables; the filter from Envoy's plugin
// configuration. It decodes strictly, fills in defaults and validates, and its
// errors name the key, the value and what is allowed.
//
// Of this module it imports jsonedit, which reads the text, and no package that reads
// files or variables.
package config

import "time"

// Config is the whole schema. The zero value is not valid; start from Default. What is tagged
// as secret is, or as an address may hold, a key: no error shows it, and ${NAME} in it stands for
// a variable.
type Config struct {
	// Listen and Port are the binary's address. Listen is a host, host:port, a port, or unix: and
	// the path of a socket; Port counts where it names none.
	Listen string `json:"listen"`
	Port   int    `json:"port"`
	// TLS is for the binary.
	TLS TLS `json:"tls"`
	// AllowedHosts are the names that requests may be sent to, besides those of this machine:
	// hosts without a port, *.example.com for those below a domain, or * for all. Without any,
	// a binary that listens on loopback serves this machine's names only, all others any.
	AllowedHosts []string `json:"allowed_hosts"`
	// Upstreams holds the servers that speak Chat Completions. The filter has one, which is
	// Envoy's cluster.
	Upstreams []Upstream `json:"upstreams"`
	// DefaultUpstream names the one that answers for models without targets, and for paths that
	// name no model; "" is the first.
	DefaultUpstream string `json:"default_upstream"`
	// Profiles add to the four built-in ones, or override one of the same name.
	Profiles []Profile `json:"profiles"`
	// Models add to the built-in virtual models, or override one of the same name.
	Models []Model `json:"models"`
	// BuiltinModels names the four built-in virtual models.
	BuiltinModels BuiltinModels `json:"builtin_models"`
	// BuiltinAliases: claude-*, gpt-* and codex-* mean the thinking-coding model, the small ones
	// among them instruct-general.
	BuiltinAliases bool `json:"builtin_aliases"`
	// ServedName: the served model's own name is a virtual model too, which thinks as the
	// request says.
	ServedName bool `json:"served_name"`
	// EnforceSampling sets the profile's sampling values over the client's. A profile's own goes
	// before it.
	EnforceSampling bool `json:"enforce_sampling"`
	// ReasoningField is what the client reads reasoning from: reasoning, reasoning_content or both.
	ReasoningField string `json:"reasoning_field"`
	// KeepNewlines leaves the newlines that a model sends between its thinking and its answer in
	// chat replies.
	KeepNewlines bool `json:"keep_newlines"`
	// LateSystem says what becomes of system messages after the first user or
	// assistant message: merge, fold or keep; dialect is fold for Messages, merge for
	// all others.
	LateSystem string `json:"late_system"`
	// SmallCaps says what becomes of thinking that a request does not ask for where its token
	// limit is below 1024: instruct, it is switched off for this request; keep, nothing.
	SmallCaps string `json:"small_caps"`
	// UnsupportedTools says what becomes of tools that a chat model can't have, such as
	// a hosted web search: drop or reject.
	UnsupportedTools string `json:"unsupported_tools"`
	// ClientFields says which fields of a request are the operator's.
	ClientFields ClientFields `json:"client_fields"`
	// CORS is for web pages.
	CORS      CORS      `json:"cors"`
	Responses Responses `json:"responses"`
	Store     Store     `json:"store"`
	Messages  Messages  `json:"messages"`
	// OTLPForward is the address of a collector that what agents send to /v1/metrics, /v1/logs and
	// /v1/traces is passed on to, without their keys; "": it is taken and thrown away. For the binary.
	OTLPForward string `json:"otlp_forward" secret:"true"`
	// Passthrough forwards paths that Qwenvoy does not know; off, they are a 404.
	Passthrough bool     `json:"passthrough"`
	Limits      Limits   `json:"limits"`
	Timeouts    Timeouts `json:"timeouts"`
	Log         Log      `json:"log"`
	Envoy       Envoy    `json:"envoy"`
}

// TLS names the files by which the binary speaks TLS; without any it speaks HTTP.
type TLS struct {
	// Cert holds the server's certificate, and behind it those between it and its authority's;
	// Key its private key. Both are PEM.
	Cert string `json:"cert"`
	Key  string `json:"key"`
	// ClientCA holds the certificates of authorities: clients need one of theirs. "" takes all.
	ClientCA string `json:"client_ca"`
}

// Upstream is a server and the model that it serves.
type Upstream struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // vllm
	// URL is for the binary; the filter uses Envoy's cluster. A /v1 at its end is cut off.
	URL string `json:"url" secret:"url"`
	// Model is the served model's name; "": the binary asks the upstream, which must have one
	// model. The filter can't.
	Model string `json:"model"`
	// APIKey replaces the client's key on the way up, when not empty.
	APIKey string `json:"api_key" secret:"true"`
	// MaxModelLen is the context window in tokens; 0: the binary asks the upstream, the filter does not clamp.
	MaxModelLen int `json:"max_model_len"`
	// Generation is the family of the served model, such as qwen3.8; "": its name tells it.
	// package catalog knows the words.
	Generation string `json:"generation"`
	// SessionHeader names the field in which the upstream, or an endpoint picker before it, is told
	// whose requests begin alike: a hash of the id that the agent says. "" is none.
	SessionHeader string `json:"session_header"`
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
	// EnforceSampling is Config's for this profile; nil is not set.
	EnforceSampling *bool `json:"enforce_sampling"`
	// When says which served models the profile is for; of one name it goes before a
	// profile that says nothing of it.
	When When `json:"when"`
}

// When is what a served model must be.
type When struct {
	// Generation is the model's, as in Upstream; "" is any.
	Generation string `json:"generation"`
}

// Model is a virtual model.
type Model struct {
	Name    string `json:"name"`
	Profile string `json:"profile"`
	// Aliases are other names for it, exact or with * for any run of characters.
	Aliases []string `json:"aliases"`
	// Targets answer for it, in their order; none: the default upstream.
	Targets []Target `json:"targets"`
	// Classes has other models answer what an agent asks beside its conversation.
	Classes Classes `json:"classes"`
}

// Target is a server that answers for a virtual model. A text is the upstream's name alone.
type Target struct {
	Upstream string `json:"upstream"`
	// Model is the name that the server knows; "" is the upstream's.
	Model string `json:"model"`
	// Generation is the model's, as in Upstream; "": its name tells it.
	Generation string `json:"generation"`
}

// Classes names the models for classes of requests that their agents tell apart; "" leaves them
// with the model that was asked for.
type Classes struct {
	Subagent   string `json:"subagent"`   // tasks that the main agent has handed on
	Auxiliary  string `json:"auxiliary"`  // titles, classifications, suggestions, memories
	Compaction string `json:"compaction"` // summaries that take a conversation's place
}

// BuiltinModels names the virtual models of the four built-in profiles.
type BuiltinModels struct {
	ThinkingGeneral   string `json:"thinking-general"`
	ThinkingCoding    string `json:"thinking-coding"`
	InstructGeneral   string `json:"instruct-general"`
	InstructReasoning string `json:"instruct-reasoning"`
}

// ClientFields is for what a client could set for others: where its requests stand in the
// server's queue, what they share of its cache, the template.
type ClientFields struct {
	// Deny names fields of Chat Completions requests, and header fields, that are taken out of
	// all clients' requests, such as priority, cache_salt, chat_template, x-vllm-priority. The
	// default is none: as long as the gateway knows no clients by keys, all are trusted.
	Deny []string `json:"deny"`
}

// CORS says which web pages may use the gateway, over HTTP and WebSocket: those of all other
// origins are refused.
type CORS struct {
	// Origins are theirs: exact ones, those below a domain (https://*.example.com), or * for
	// all. Pages of the gateway's own origin and of this machine (localhost, 127.0.0.1, any
	// port) always may.
	Origins []string `json:"origins"`
}

// Responses is for the Responses API.
type Responses struct {
	// ReasoningEvents is how a stream shows thinking: openai (response.reasoning_text.*,
	// or summary events where the client set reasoning.summary), open-responses
	// (response.reasoning.*), summary (summary events always).
	ReasoningEvents string `json:"reasoning_events"`
	// DoneMarker ends streams with data: [DONE].
	DoneMarker bool `json:"done_marker"`
	// EncryptionKey seals the thinking that travels in encrypted_content: 32 bytes in
	// base64. Without one it is only packed. All instances need the same.
	EncryptionKey string `json:"encryption_key" secret:"true"`

	// The rest is for the binary.

	// Store keeps responses unless a request says store: false. Off, nothing is kept
	// whatever a request says.
	Store bool `json:"store"`
	// BackgroundJobs is how many responses may run in the background at once.
	BackgroundJobs int `json:"background_jobs"`
	// WebSocket serves WebSocket connections on /v1/responses; off, they get a 426.
	WebSocket bool `json:"websocket"`
}

// Store is where the binary keeps responses and conversations.
type Store struct {
	// Folder holds the file; "" keeps everything in memory, until the process ends.
	Folder string `json:"folder"`
	// Redis is the URL of a server that several processes share, in place of a folder:
	// redis://[user:password@]host:port/database, or rediss:// for TLS.
	Redis string `json:"redis" secret:"url"`
	// MaxAge is how long a response is kept after it began, and a conversation after its
	// last change; 0: no limit.
	MaxAge Duration `json:"max_age"`
	// MaxSize is what the file or the memory may hold; over it the oldest goes. 0 is 1 GiB in
	// a file, 256 MiB in memory, which has at most a fifth of limits.memory. Redis has its own,
	// maxmemory.
	MaxSize Bytes `json:"max_size"`
}

// Messages is for the Messages API.
type Messages struct {
	// ForwardUser sends metadata.user_id upstream as user. It is personal data.
	ForwardUser bool `json:"forward_user"`
	// KeepBillingHeader leaves Claude Code's x-anthropic-billing-header in the system
	// text. It changes from prompt to prompt, so it defeats the upstream's prefix cache.
	KeepBillingHeader bool `json:"keep_billing_header"`
	// Thinking is what becomes of thinking where a request says nothing of it: auto, profile
	// or when_asked; README.md says what they do.
	Thinking string `json:"thinking"`
	// Safeguards is what becomes of a request for calls to be judged, as Claude Code's auto
	// mode makes it: unsupported, it is told that nobody does; refuse, a 400.
	Safeguards string `json:"safeguards"`
}

// Limits are in bytes; a file may write 100MB or 32MiB. 0 stands for the edge's default.
type Limits struct {
	// Body: request and whole reply; default 100 MB in the binary, 32 MiB in the filter.
	Body Bytes `json:"body"`
	// Memory: what all exchanges of the binary may hold at once, encoded, decoded and
	// translated; over it the answer is a 503. Default a quarter of the cgroup's or the
	// machine's memory. The filter can't count over Envoy's threads.
	Memory Bytes `json:"memory"`
	// Event: one event of a stream; default 10 MiB.
	Event Bytes `json:"event"`
	// Connections is how many clients may be connected to the binary, Exchanges how many of
	// their requests may be under way; over it, a client waits to be connected, and a request
	// is a 503. Default 10000 each.
	Connections int `json:"connections"`
	Exchanges   int `json:"exchanges"`
}

// Timeouts are for the binary. In a file "10s", "5m"; 0 is none.
type Timeouts struct {
	Connect      Duration `json:"connect"`       // to the upstream; 10s
	FirstByte    Duration `json:"first_byte"`    // from the request's end to the reply's head; none
	Idle         Duration `json:"idle"`          // between two pieces of a reply or of a request's body; 5m
	Header       Duration `json:"header"`        // to read a client's request head, and to the first byte of its body; 10s
	UpstreamIdle Duration `json:"upstream_idle"` // an unused upstream connection is closed; 3s
	Drain        Duration `json:"drain"`         // for running requests after SIGTERM, and after DrainDelay; 3m
	DrainDelay   Duration `json:"drain_delay"`   // from SIGTERM until no more are accepted, where somebody asks /readyz; 10s
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

// Package settings gathers the binary's configuration: flags over variables over
// the file over defaults.
//
// It may import shared/config, shared/gateway, which checks what of it refers to each other,
// and of this binary logging, for what is shown of a URL, and upstream, redis and certificate,
// which know theirs.
package settings

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// Flags are those of settings that have one. A nil flag was not given. The tags are kong's; the
// command that embeds them says what ${target} and ${served} are there.
type Flags struct {
	Config       *string `placeholder:"FILE" help:"Configuration file, YAML or JSON."`
	Listen       *string `placeholder:"ADDRESS" help:"A host, host:port, :port for all addresses, or unix:/path; 127.0.0.1:9000 unless given."`
	Port         *string `placeholder:"PORT" help:"Port to listen on where listen names none; 9000 unless given."`
	TLSCert      *string `name:"tls-cert" placeholder:"FILE" help:"Certificate in PEM, to speak TLS by."`
	TLSKey       *string `name:"tls-key" placeholder:"FILE" help:"Its private key in PEM."`
	TLSClientCA  *string `name:"tls-client-ca" placeholder:"FILE" help:"Authorities in PEM, by whose certificates clients have to come."`
	AllowedHosts *string `placeholder:"NAMES" help:"Host names that clients use, by commas; on loopback this machine's alone unless given."`
	Target       *string `placeholder:"URL" help:"The server that speaks Chat Completions; ${target}."`
	ServedModel  *string `placeholder:"NAME" help:"The name of the model that the server serves; ${served}."`
	MaxModelLen  *string `placeholder:"TOKENS" help:"The model's context window; asked from the server unless given."`
	LogLevel     *string `placeholder:"LEVEL" help:"COMPLETE, DEBUG, INFO, WARN or ERROR; INFO unless given. COMPLETE logs prompts."`
	LogFormat    *string `placeholder:"FORMAT" help:"auto, text, journald or json; auto unless given."`

	ThinkingGeneral   *string `placeholder:"NAME" help:"Virtual model for general work, thinking; qwen3.5-thinking-general unless given."`
	ThinkingCoding    *string `placeholder:"NAME" help:"Virtual model for code, thinking; qwen3.5-thinking-coding unless given."`
	InstructGeneral   *string `placeholder:"NAME" help:"Virtual model for general work, not thinking; qwen3.5-instruct-general unless given."`
	InstructReasoning *string `placeholder:"NAME" help:"Virtual model for reasoning, not thinking; qwen3.5-instruct-reasoning unless given."`

	StoreFolder     *string `placeholder:"FOLDER" help:"Folder for stored responses and conversations; kept in memory unless given."`
	EnforceSampling *bool   `help:"Sampling values of the profile win over the client's."`
}

const configVariable = prefix + "CONFIG"

// The prefixes of variables, the later ones for what the earlier ones don't say.
const (
	prefix       = "QWENVOY_"
	qwen35Prefix = "QWEN35RP_"
)

// A setting ties a flag and its variables to a key of the configuration. All three have one
// name, but for the upstream's and the models': a flag can't say whose it is.
type setting struct {
	path string
	// name is the flag's, and as QWENVOY_NAME the variable's.
	name string
	// secret: it has no flag, since flags show in the list of processes.
	secret bool
	// own: qwen35-rp has no such variable.
	own bool
	// earlier is the flag's former name, earlierVariable the variable's without its prefix;
	// both are still read. qwen35-rp's variable has that name, too.
	earlier, earlierVariable string

	value func(*Flags) *string
	// field is a *string, *int, *bool, or a *[]string, given with commas.
	field func(*config.Config) any
}

func (s *setting) variable() string { return prefix + upper(s.name) }

func upper(flag string) string { return strings.ToUpper(strings.ReplaceAll(flag, "-", "_")) }

func noFlag(*Flags) *string { return nil }

func upstreamOf(c *config.Config) *config.Upstream { return &c.Upstreams[0] }

var settings = []setting{
	{path: "listen", name: "listen",
		value: func(f *Flags) *string { return f.Listen }, field: func(c *config.Config) any { return &c.Listen }},
	{path: "port", name: "port",
		value: func(f *Flags) *string { return f.Port }, field: func(c *config.Config) any { return &c.Port }},
	{path: "tls.cert", name: "tls-cert", own: true,
		value: func(f *Flags) *string { return f.TLSCert }, field: func(c *config.Config) any { return &c.TLS.Cert }},
	{path: "tls.key", name: "tls-key", own: true,
		value: func(f *Flags) *string { return f.TLSKey }, field: func(c *config.Config) any { return &c.TLS.Key }},
	{path: "tls.client_ca", name: "tls-client-ca", own: true,
		value: func(f *Flags) *string { return f.TLSClientCA }, field: func(c *config.Config) any { return &c.TLS.ClientCA }},
	{path: "allowed_hosts", name: "allowed-hosts", own: true,
		value: func(f *Flags) *string { return f.AllowedHosts }, field: func(c *config.Config) any { return &c.AllowedHosts }},
	{path: "upstreams[0].url", name: "target",
		value: func(f *Flags) *string { return f.Target }, field: func(c *config.Config) any { return &upstreamOf(c).URL }},
	{path: "upstreams[0].model", name: "served-model", earlierVariable: "SERVED_MODEL_NAME",
		value: func(f *Flags) *string { return f.ServedModel }, field: func(c *config.Config) any { return &upstreamOf(c).Model }},
	{path: "upstreams[0].max_model_len", name: "max-model-len", own: true,
		value: func(f *Flags) *string { return f.MaxModelLen }, field: func(c *config.Config) any { return &upstreamOf(c).MaxModelLen }},
	{path: "upstreams[0].api_key", name: "upstream-api-key", secret: true, own: true,
		value: noFlag, field: func(c *config.Config) any { return &upstreamOf(c).APIKey }},
	{path: "log.level", name: "log-level", earlier: "loglevel", earlierVariable: "LOGLEVEL",
		value: func(f *Flags) *string { return f.LogLevel }, field: func(c *config.Config) any { return &c.Log.Level }},
	{path: "log.format", name: "log-format", own: true, earlier: "logformat", earlierVariable: "LOGFORMAT",
		value: func(f *Flags) *string { return f.LogFormat }, field: func(c *config.Config) any { return &c.Log.Format }},
	{path: "builtin_models.thinking-general", name: "thinking-general", earlierVariable: "THINKING_GENERAL_MODEL",
		value: func(f *Flags) *string { return f.ThinkingGeneral },
		field: func(c *config.Config) any { return &c.BuiltinModels.ThinkingGeneral }},
	{path: "builtin_models.thinking-coding", name: "thinking-coding", earlierVariable: "THINKING_CODING_MODEL",
		value: func(f *Flags) *string { return f.ThinkingCoding },
		field: func(c *config.Config) any { return &c.BuiltinModels.ThinkingCoding }},
	{path: "builtin_models.instruct-general", name: "instruct-general", earlierVariable: "INSTRUCT_GENERAL_MODEL",
		value: func(f *Flags) *string { return f.InstructGeneral },
		field: func(c *config.Config) any { return &c.BuiltinModels.InstructGeneral }},
	{path: "builtin_models.instruct-reasoning", name: "instruct-reasoning", earlierVariable: "INSTRUCT_REASONING_MODEL",
		value: func(f *Flags) *string { return f.InstructReasoning },
		field: func(c *config.Config) any { return &c.BuiltinModels.InstructReasoning }},
	{path: "store.folder", name: "store-folder", own: true, earlier: "state-folder", earlierVariable: "STATE_FOLDER",
		value: func(f *Flags) *string { return f.StoreFolder }, field: func(c *config.Config) any { return &c.Store.Folder }},
	{path: "store.redis", name: "store-redis", secret: true, own: true, earlierVariable: "REDIS_URL",
		value: noFlag, field: func(c *config.Config) any { return &c.Store.Redis }},
	{path: "enforce_sampling", name: "enforce-sampling", earlier: "enforce-sampling-params", earlierVariable: "ENFORCE_SAMPLING_PARAMS",
		value: func(f *Flags) *string {
			if f.EnforceSampling == nil {
				return nil
			}
			v := strconv.FormatBool(*f.EnforceSampling)
			return &v
		}, field: func(c *config.Config) any { return &c.EnforceSampling }},
}

// File is the path of the configuration file, "" for none.
func (f *Flags) File(env func(string) (string, bool)) string {
	if f.Config != nil {
		return *f.Config
	}
	v, _ := env(configVariable)
	return v
}

// given is the setting's value, and the flag or variable that gives it; "" for none.
func (s *setting) given(f *Flags, env func(string) (string, bool)) (value, source string, by rank) {
	if v := s.value(f); v != nil {
		return *v, "--" + s.name, byFlag
	}
	for _, name := range s.variables() {
		by = byVariable
		if strings.HasPrefix(name, qwen35Prefix) {
			by = byOldVariable
		}
		v, _ := env(name)
		if s.name == "port" && strings.HasPrefix(v, "tcp://") {
			// Kubernetes sets NAME_PORT=tcp://… in every pod beside a service called NAME.
			continue
		}
		if v != "" {
			return v, name, by
		}
	}
	return "", "", byDefault
}

// variables are those that give the setting, the one that beats the others first.
func (s *setting) variables() []string {
	names := []string{s.variable()}
	was := s.earlierVariable
	if was != "" {
		names = append(names, prefix+was)
	}
	if !s.own {
		names = append(names, qwen35Prefix+cmp.Or(was, upper(s.name)))
	}
	return names
}

// set puts a value into its field. What the type allows, and no more, is checked here: the
// rest is checked where all sources meet.
func (s *setting) set(c *config.Config, value string) *config.Error {
	if strings.Contains(value, "${") {
		return config.Fault(s.path, "${ is not allowed here: only the file may name variables (the value is not shown)")
	}
	switch field := s.field(c).(type) {
	case *string:
		*field = value
	case *[]string:
		*field = nil
		for name := range strings.SplitSeq(value, ",") {
			*field = append(*field, strings.TrimSpace(name))
		}
	case *int:
		n, err := strconv.Atoi(value)
		if err != nil {
			return config.Fault(s.path, "%q is not allowed here, a whole number is wanted", value)
		}
		*field = n
	case *bool:
		yes, err := strconv.ParseBool(value)
		if err != nil {
			return config.Fault(s.path, "%q is not allowed here, true or false is wanted", value)
		}
		*field = yes
	}
	return nil
}

// Package settings gathers the binary's configuration: flags over variables over
// the file over defaults.
//
// It may import shared/config, shared/gateway, which checks what of it refers to each other,
// and of this binary logging, for what is shown of a URL, upstream and redis, which know
// theirs.
package settings

import (
	"slices"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// Flags are those of qwen35-rp under the same names, and a few more. A nil flag was
// not given. The tags are kong's.
type Flags struct {
	Config       *string `placeholder:"FILE" help:"Configuration file, YAML or JSON."`
	Listen       *string `placeholder:"ADDRESS" help:"Address to listen on; 127.0.0.1 unless given."`
	Port         *string `placeholder:"PORT" help:"Port to listen on; 9000 unless given."`
	AllowedHosts *string `placeholder:"NAMES" help:"Host names that clients use, by commas; on loopback this machine's alone unless given."`
	Target       *string `placeholder:"URL" help:"The server that speaks Chat Completions; http://127.0.0.1:8000 unless given."`
	ServedModel  *string `placeholder:"NAME" help:"The name of the model that the server serves. Required."`
	MaxModelLen  *string `placeholder:"TOKENS" help:"The model's context window; asked from the server unless given."`
	Loglevel     *string `placeholder:"LEVEL" help:"COMPLETE, DEBUG, INFO, WARN or ERROR; INFO unless given. COMPLETE logs prompts."`
	Logformat    *string `placeholder:"FORMAT" help:"auto, text, journald or json; auto unless given."`

	ThinkingGeneral   *string `placeholder:"NAME" help:"Virtual model for general work, thinking; qwen3.5-thinking-general unless given."`
	ThinkingCoding    *string `placeholder:"NAME" help:"Virtual model for code, thinking; qwen3.5-thinking-coding unless given."`
	InstructGeneral   *string `placeholder:"NAME" help:"Virtual model for general work, not thinking; qwen3.5-instruct-general unless given."`
	InstructReasoning *string `placeholder:"NAME" help:"Virtual model for reasoning, not thinking; qwen3.5-instruct-reasoning unless given."`

	StateFolder           *string `placeholder:"FOLDER" help:"Folder for stored responses and conversations; kept in memory unless given."`
	EnforceSamplingParams *bool   `help:"Sampling values of the profile win over the client's."`
}

// SecretVariable is the variable for the upstream's key, which has no flag: flags
// show in the list of processes.
const SecretVariable = "QWENVOY_UPSTREAM_API_KEY"

// RedisVariable is the variable for the URL of a shared store, which may hold a password.
const RedisVariable = "QWENVOY_REDIS_URL"

const configVariable = "QWENVOY_CONFIG"

// A setting ties a flag and its variables to a key of the configuration.
type setting struct {
	path string
	// flag is the flag's name; "" where there is none.
	flag string
	// variable is the name without its prefix, as qwen35-rp has it after QWEN35RP_.
	variable string
	// own: only QWENVOY_ knows it.
	own   bool
	value func(*Flags) *string
	// field is a *string, *int, *bool, or a *[]string, given with commas.
	field func(*config.Config) any
}

func noFlag(*Flags) *string { return nil }

func upstreamOf(c *config.Config) *config.Upstream { return &c.Upstreams[0] }

var settings = []setting{
	{"listen", "listen", "LISTEN", false, func(f *Flags) *string { return f.Listen }, func(c *config.Config) any { return &c.Listen }},
	{"port", "port", "PORT", false, func(f *Flags) *string { return f.Port }, func(c *config.Config) any { return &c.Port }},
	{"allowed_hosts", "allowed-hosts", "ALLOWED_HOSTS", true,
		func(f *Flags) *string { return f.AllowedHosts }, func(c *config.Config) any { return &c.AllowedHosts }},
	{"upstreams[0].url", "target", "TARGET", false,
		func(f *Flags) *string { return f.Target }, func(c *config.Config) any { return &upstreamOf(c).URL }},
	{"upstreams[0].model", "served-model", "SERVED_MODEL_NAME", false,
		func(f *Flags) *string { return f.ServedModel }, func(c *config.Config) any { return &upstreamOf(c).Model }},
	{"upstreams[0].max_model_len", "max-model-len", "MAX_MODEL_LEN", true,
		func(f *Flags) *string { return f.MaxModelLen }, func(c *config.Config) any { return &upstreamOf(c).MaxModelLen }},
	{"upstreams[0].api_key", "", "UPSTREAM_API_KEY", true, noFlag, func(c *config.Config) any { return &upstreamOf(c).APIKey }},
	{"log.level", "loglevel", "LOGLEVEL", false,
		func(f *Flags) *string { return f.Loglevel }, func(c *config.Config) any { return &c.Log.Level }},
	{"log.format", "logformat", "LOGFORMAT", true,
		func(f *Flags) *string { return f.Logformat }, func(c *config.Config) any { return &c.Log.Format }},
	{"builtin_models.thinking-general", "thinking-general", "THINKING_GENERAL_MODEL", false,
		func(f *Flags) *string { return f.ThinkingGeneral }, func(c *config.Config) any { return &c.BuiltinModels.ThinkingGeneral }},
	{"builtin_models.thinking-coding", "thinking-coding", "THINKING_CODING_MODEL", false,
		func(f *Flags) *string { return f.ThinkingCoding }, func(c *config.Config) any { return &c.BuiltinModels.ThinkingCoding }},
	{"builtin_models.instruct-general", "instruct-general", "INSTRUCT_GENERAL_MODEL", false,
		func(f *Flags) *string { return f.InstructGeneral }, func(c *config.Config) any { return &c.BuiltinModels.InstructGeneral }},
	{"builtin_models.instruct-reasoning", "instruct-reasoning", "INSTRUCT_REASONING_MODEL", false,
		func(f *Flags) *string { return f.InstructReasoning }, func(c *config.Config) any { return &c.BuiltinModels.InstructReasoning }},
	{"store.folder", "state-folder", "STATE_FOLDER", true,
		func(f *Flags) *string { return f.StateFolder }, func(c *config.Config) any { return &c.Store.Folder }},
	{"store.redis", "", "REDIS_URL", true, noFlag, func(c *config.Config) any { return &c.Store.Redis }},
	{"enforce_sampling", "enforce-sampling-params", "ENFORCE_SAMPLING_PARAMS", false, func(f *Flags) *string {
		if f.EnforceSamplingParams == nil {
			return nil
		}
		v := strconv.FormatBool(*f.EnforceSamplingParams)
		return &v
	}, func(c *config.Config) any { return &c.EnforceSampling }},
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
func (s *setting) given(f *Flags, env func(string) (string, bool)) (value, source string) {
	if v := s.value(f); v != nil {
		return *v, "--" + s.flag
	}
	for _, prefix := range [...]string{"QWENVOY_", "QWEN35RP_"} {
		if s.own && prefix != "QWENVOY_" {
			continue
		}
		name := prefix + s.variable
		v, _ := env(name)
		if s.flag == "port" && strings.HasPrefix(v, "tcp://") {
			// Kubernetes sets NAME_PORT=tcp://… in every pod beside a service called NAME.
			continue
		}
		if v != "" {
			return v, name
		}
	}
	return "", ""
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

// UnknownVariables lists the QWENVOY_ variables that mean nothing, which are
// mostly misspelt. environ is os.Environ.
func UnknownVariables(environ []string) (names []string) {
	known := []string{configVariable}
	for _, s := range settings {
		known = append(known, "QWENVOY_"+s.variable)
	}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "QWENVOY_") || slices.Contains(known, name) {
			continue
		}
		if strings.HasPrefix(name, "QWENVOY_SERVICE_") || strings.HasPrefix(name, "QWENVOY_PORT_") || strings.HasPrefix(value, "tcp://") {
			continue // Kubernetes' service variables
		}
		names = append(names, name)
	}
	return names
}

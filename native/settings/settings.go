// Package settings gathers the binary's configuration: flags over variables over
// the file over defaults.
//
// It may import shared/config and, of this binary, logging for what is shown of a URL.
package settings

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

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

// A setting ties a flag and its variables to a field of the configuration.
type setting struct {
	flag string
	// variable is the name without its prefix, as qwen35-rp has it after QWEN35RP_.
	variable string
	// own: only QWENVOY_ knows it.
	own   bool
	value func(*Flags) *string
	set   func(c *config.Config, value string) error
}

// SecretVariable is the variable for the upstream's key, which has no flag: flags
// show in the list of processes.
const SecretVariable = "QWENVOY_UPSTREAM_API_KEY"

// RedisVariable is the variable for the URL of a shared store, which may hold a password.
const RedisVariable = "QWENVOY_REDIS_URL"

const configVariable = "QWENVOY_CONFIG"

// systemdFolders is set by systemd where a unit has a StateDirectory.
const systemdFolders = "STATE_DIRECTORY"

func text(field func(*config.Config) *string) func(*config.Config, string) error {
	return func(c *config.Config, v string) error {
		*field(c) = v
		return nil
	}
}

func upstream(c *config.Config) *config.Upstream { return &c.Upstreams[0] }

var settings = []setting{
	{"listen", "LISTEN", false, func(f *Flags) *string { return f.Listen }, text(func(c *config.Config) *string { return &c.Listen })},
	{"port", "PORT", false, func(f *Flags) *string { return f.Port }, func(c *config.Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 65535 {
			return errors.New("a number from 1 to 65535 is")
		}
		c.Port = n
		return nil
	}},
	{"allowed-hosts", "ALLOWED_HOSTS", true, func(f *Flags) *string { return f.AllowedHosts }, func(c *config.Config, v string) error {
		c.AllowedHosts = nil
		for name := range strings.SplitSeq(v, ",") {
			c.AllowedHosts = append(c.AllowedHosts, strings.TrimSpace(name))
		}
		return nil
	}},
	{"target", "TARGET", false, func(f *Flags) *string { return f.Target }, text(func(c *config.Config) *string { return &upstream(c).URL })},
	{"served-model", "SERVED_MODEL_NAME", false,
		func(f *Flags) *string { return f.ServedModel },
		text(func(c *config.Config) *string { return &upstream(c).Model })},
	{"max-model-len", "MAX_MODEL_LEN", true, func(f *Flags) *string { return f.MaxModelLen }, func(c *config.Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return errors.New("a number of tokens is, or 0 to ask the server")
		}
		upstream(c).MaxModelLen = n
		return nil
	}},
	{"loglevel", "LOGLEVEL", false, func(f *Flags) *string { return f.Loglevel }, func(c *config.Config, v string) error {
		return word(&c.Log.Level, strings.ToUpper(v), config.LogLevels)
	}},
	{"logformat", "LOGFORMAT", true, func(f *Flags) *string { return f.Logformat }, func(c *config.Config, v string) error {
		return word(&c.Log.Format, v, config.LogFormats)
	}},
	{"thinking-general", "THINKING_GENERAL_MODEL", false,
		func(f *Flags) *string { return f.ThinkingGeneral },
		text(func(c *config.Config) *string { return &c.BuiltinModels.ThinkingGeneral })},
	{"thinking-coding", "THINKING_CODING_MODEL", false,
		func(f *Flags) *string { return f.ThinkingCoding },
		text(func(c *config.Config) *string { return &c.BuiltinModels.ThinkingCoding })},
	{"instruct-general", "INSTRUCT_GENERAL_MODEL", false,
		func(f *Flags) *string { return f.InstructGeneral },
		text(func(c *config.Config) *string { return &c.BuiltinModels.InstructGeneral })},
	{"instruct-reasoning", "INSTRUCT_REASONING_MODEL", false,
		func(f *Flags) *string { return f.InstructReasoning },
		text(func(c *config.Config) *string { return &c.BuiltinModels.InstructReasoning })},
	{"state-folder", "STATE_FOLDER", true,
		func(f *Flags) *string { return f.StateFolder },
		text(func(c *config.Config) *string { return &c.Store.Folder })},
	{"enforce-sampling-params", "ENFORCE_SAMPLING_PARAMS", false, func(f *Flags) *string {
		if f.EnforceSamplingParams == nil {
			return nil
		}
		v := strconv.FormatBool(*f.EnforceSamplingParams)
		return &v
	}, func(c *config.Config, v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return errors.New("true and false are")
		}
		c.EnforceSampling = b
		return nil
	}},
}

func word(field *string, v string, allowed []string) error {
	if !slices.Contains(allowed, v) {
		return errors.New(strings.Join(allowed, ", ") + " are")
	}
	*field = v
	return nil
}

// DefaultTarget is the upstream where none is named.
const DefaultTarget = "http://127.0.0.1:8000"

// File is the path of the configuration file, "" for none.
func (f *Flags) File(env func(string) (string, bool)) string {
	if f.Config != nil {
		return *f.Config
	}
	v, _ := env(configVariable)
	return v
}

// Load gathers the configuration and validates it. An error names the key, its
// value and what is allowed. env is os.LookupEnv; an empty variable counts as absent.
func Load(f *Flags, env func(string) (string, bool)) (*config.Config, error) {
	c := config.Default()
	if path := f.File(env); path != "" {
		if err := decodeFile(c, path); err != nil {
			return nil, err
		}
	}
	if len(c.Upstreams) == 0 {
		c.Upstreams = []config.Upstream{{Name: "default"}}
	}
	if v, _ := env(SecretVariable); v != "" {
		upstream(c).APIKey = v
	}
	if v, _ := env(RedisVariable); v != "" {
		c.Store.Redis = v
	}
	for _, s := range settings {
		if err := s.apply(c, f, env); err != nil {
			return nil, err
		}
	}
	if upstream(c).URL == "" {
		upstream(c).URL = DefaultTarget
	}
	if c.Store.Folder == "" {
		folders, _ := env(systemdFolders)
		c.Store.Folder, _, _ = strings.Cut(folders, ":")
	}
	if upstream(c).Model == "" {
		return nil, fmt.Errorf("the served model's name is missing: give it by --served-model, QWENVOY_SERVED_MODEL_NAME or upstreams[0].model")
	}
	if net.ParseIP(c.Listen) == nil && c.Listen != "" && strings.ContainsAny(c.Listen, ":/ ") {
		return nil, fmt.Errorf("listen: %q is not allowed here, an address or host name without a port is", c.Listen)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

func (s *setting) apply(c *config.Config, f *Flags, env func(string) (string, bool)) error {
	value, source := "", ""
	if v := s.value(f); v != nil {
		value, source = *v, "--"+s.flag
	} else if v, name := s.lookup(env); v != "" {
		value, source = v, name
	} else {
		return nil
	}
	if err := s.set(c, value); err != nil {
		return fmt.Errorf("%s: %q is not allowed here, %w", source, value, err)
	}
	return nil
}

func (s *setting) lookup(env func(string) (string, bool)) (value, name string) {
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

// UnknownVariables lists the QWENVOY_ variables that mean nothing, which are
// mostly misspelt. environ is os.Environ.
func UnknownVariables(environ []string) (names []string) {
	known := []string{configVariable, SecretVariable, RedisVariable}
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

func decodeFile(c *config.Config, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configuration file: %w", err)
	}
	if err := Decode(c, text); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Decode reads a YAML or JSON text over c, without validation.
func Decode(c *config.Config, text []byte) error {
	if len(strings.TrimSpace(string(text))) == 0 {
		return nil
	}
	json, err := yaml.YAMLToJSON(text)
	if err != nil {
		// Without the source's lines, which may hold keys.
		return errors.New("not valid YAML: " + yaml.FormatError(err, false, false))
	}
	if s := strings.TrimSpace(string(json)); s == "null" || s == "" {
		return nil // nothing but comments
	}
	return config.DecodeInto(c, json, nil)
}

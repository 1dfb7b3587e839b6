package settings

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func ptr[T any](v T) *T { return &v }

func file(t *testing.T, text string) *string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &path
}

func TestFlagBeatsVariableBeatsFileBeatsDefault(t *testing.T) {
	const text = "port: 1004\nupstreams: [{url: http://file:1, model: from-file}]\nenforce_sampling: true\nlog: {level: WARN}\nbuiltin_models: {thinking-coding: coding-file}\n"
	for _, tt := range []struct {
		name  string
		flags Flags
		env   []string
		check func(*config.Config) (got, want any)
	}{
		{"default", Flags{}, nil, func(c *config.Config) (any, any) { return c.Listen, "127.0.0.1" }},
		{"file", Flags{}, nil, func(c *config.Config) (any, any) { return c.Port, 1004 }},
		{"old variable beats file", Flags{}, []string{"QWEN35RP_PORT", "1003"}, func(c *config.Config) (any, any) { return c.Port, 1003 }},
		{"variable beats old variable", Flags{}, []string{"QWEN35RP_PORT", "1003", "QWENVOY_PORT", "1002"}, func(c *config.Config) (any, any) { return c.Port, 1002 }},
		{"flag beats variable", Flags{Port: ptr("1001")}, []string{"QWENVOY_PORT", "1002"}, func(c *config.Config) (any, any) { return c.Port, 1001 }},
		{"an empty variable is none", Flags{}, []string{"QWENVOY_PORT", ""}, func(c *config.Config) (any, any) { return c.Port, 1004 }},
		{"Kubernetes' service variable is none", Flags{}, []string{"QWENVOY_PORT", "tcp://10.0.0.1:9000"}, func(c *config.Config) (any, any) { return c.Port, 1004 }},
		{"target", Flags{}, []string{"QWEN35RP_TARGET", "http://env:1"}, func(c *config.Config) (any, any) { return c.Upstreams[0].URL, "http://env:1" }},
		{"served model", Flags{ServedModel: ptr("from-flag")}, []string{"QWEN35RP_SERVED_MODEL_NAME", "from-env"}, func(c *config.Config) (any, any) { return c.Upstreams[0].Model, "from-flag" }},
		{"level in any case", Flags{LogLevel: ptr("debug")}, nil, func(c *config.Config) (any, any) { return c.Log.Level, "DEBUG" }},
		{"a false flag beats the file", Flags{EnforceSampling: ptr(false)}, nil, func(c *config.Config) (any, any) { return c.EnforceSampling, false }},
		{"a virtual model's name", Flags{}, []string{"QWEN35RP_THINKING_CODING_MODEL", "coding-env"}, func(c *config.Config) (any, any) { return c.BuiltinModels.ThinkingCoding, "coding-env" }},
		{"the upstream's key", Flags{}, []string{"QWENVOY_UPSTREAM_API_KEY", "k"}, func(c *config.Config) (any, any) { return c.Upstreams[0].APIKey, "k" }},
		{"the folder of systemd", Flags{}, []string{"STATE_DIRECTORY", "/var/lib/qwenvoy:/var/lib/other"}, func(c *config.Config) (any, any) { return c.Store.Folder, "/var/lib/qwenvoy" }},
		{"an earlier variable", Flags{}, []string{"QWENVOY_STATE_FOLDER", "/old"}, func(c *config.Config) (any, any) { return c.Store.Folder, "/old" }},
		{"a variable beats its earlier name", Flags{}, []string{"QWENVOY_LOGLEVEL", "ERROR", "QWENVOY_LOG_LEVEL", "DEBUG"}, func(c *config.Config) (any, any) { return c.Log.Level, "DEBUG" }},
		{"its earlier name beats qwen35-rp's", Flags{}, []string{"QWEN35RP_LOGLEVEL", "ERROR", "QWENVOY_LOGLEVEL", "DEBUG"}, func(c *config.Config) (any, any) { return c.Log.Level, "DEBUG" }},
		{"a folder beats systemd's", Flags{}, []string{"STATE_DIRECTORY", "/var/lib/qwenvoy", "QWENVOY_STORE_FOLDER", "/srv"}, func(c *config.Config) (any, any) { return c.Store.Folder, "/srv" }},
		{"Redis", Flags{}, []string{"QWENVOY_STORE_REDIS", "redis://h"}, func(c *config.Config) (any, any) { return c.Store.Redis, "redis://h" }},
		{"allowed hosts", Flags{}, []string{"QWENVOY_ALLOWED_HOSTS", "gw.test, *.test"}, func(c *config.Config) (any, any) { return strings.Join(c.AllowedHosts, " "), "gw.test *.test" }},
		{"the window", Flags{MaxModelLen: ptr("4096")}, nil, func(c *config.Config) (any, any) { return c.Upstreams[0].MaxModelLen, 4096 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.flags.Config = file(t, text)
			c, err := Load(&tt.flags, env(tt.env...))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := tt.check(c); got != want {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

func TestFlagsAloneAreEnough(t *testing.T) {
	c, err := Load(&Flags{ServedModel: ptr("m")}, env())
	if err != nil {
		t.Fatal(err)
	}
	if u := c.Upstreams[0]; u.URL != DefaultTarget || u.Model != "m" {
		t.Errorf("%+v", u)
	}
}

func TestFileByVariable(t *testing.T) {
	path := file(t, `{"upstreams": [{"model": "from-json"}]}`)
	c, err := Load(&Flags{}, env("QWENVOY_CONFIG", *path))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Upstreams[0].Model; got != "from-json" {
		t.Errorf("model %q", got)
	}
}

func TestNotes(t *testing.T) {
	got := Notes([]string{"QWENVOY_LISTN=x", "QWENVOY_PORT=1", "QWENVOY_CONFIG=x", "QWENVOY_KEY=x", "QWENVOY_UPSTREAM_API_KEY=x", "QWENVOY_STORE_REDIS=x",
		"QWENVOY_LOGLEVEL=INFO", "QWENVOY_FROBNICATE=x", "QWENVOY_SERVICE_HOST=10.0.0.1", "QWENVOY_PORT_9000_TCP_ADDR=10.0.0.1", "PATH=/bin"})
	want := []string{
		"the variable QWENVOY_LISTN has no effect, did you mean QWENVOY_LISTEN?",
		"QWENVOY_LOGLEVEL is called QWENVOY_LOG_LEVEL now; the earlier name is still read",
		"the variable QWENVOY_FROBNICATE has no effect",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestEarlierFlagsAreRead(t *testing.T) {
	got, notes := Renamed([]string{"serve", "--loglevel", "DEBUG", "--state-folder=/srv", "--enforce-sampling-params", "--port", "1", "--", "--logformat"})
	want := []string{"serve", "--log-level", "DEBUG", "--store-folder=/srv", "--enforce-sampling", "--port", "1", "--", "--logformat"}
	if !slices.Equal(got, want) || len(notes) != 3 || notes[0] != "--loglevel is called --log-level now; the earlier name is still read" {
		t.Errorf("%q %q", got, notes)
	}
}

// A thing has one name as flag, variable and key. Of an upstream and a built-in model only the
// last part is said, and an upstream's own words are served and target.
func TestFlagVariableAndKeyHaveOneName(t *testing.T) {
	names := strings.NewReplacer("upstreams[0].url", "target", "upstreams[0].model", "served-model", "upstreams[0].api_key", "upstream-api-key",
		"upstreams[0].", "", "builtin_models.", "", ".", "-", "_", "-")
	flags := reflect.TypeFor[Flags]()
	for _, s := range settings {
		if want := names.Replace(s.path); s.name != want {
			t.Errorf("%s is called %s, want %s", s.path, s.name, want)
		}
		if s.variable() != "QWENVOY_"+strings.ToUpper(strings.ReplaceAll(s.name, "-", "_")) {
			t.Errorf("%s has the variable %s", s.path, s.variable())
		}
		_, ok := flags.FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, strings.ReplaceAll(s.name, "-", "")) })
		if ok == s.secret {
			t.Errorf("--%s is there: %t", s.name, ok)
		}
	}
}

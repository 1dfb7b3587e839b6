package deploy

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/qwenvoy/qwenvoy/native/certificate/authority"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
)

const example = "qwenvoy.example.yaml"

func load(t *testing.T) *config.Config {
	t.Helper()
	file := example
	c, err := settings.Load(&settings.Flags{Config: &file}, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheExampleIsValid(t *testing.T) {
	if _, err := gateway.New(load(t), gateway.Edge{Health: true}); err != nil {
		t.Fatal(err)
	}
}

// The example says that it shows the defaults; what it adds on top is removed first.
func TestTheExampleShowsTheDefaults(t *testing.T) {
	got, want := load(t), config.Default()
	got.Upstreams, got.Profiles, got.Models = nil, nil, nil
	if got.Limits.Body != 100_000_000 {
		t.Errorf("limits.body is %d, the binary's default 100 MB", got.Limits.Body)
	}
	got.Limits.Body = 0 // stands for the edge's default
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the example differs from the defaults (-default +example):\n%s", diff)
	}
}

// commented is a line of the example with a key that is not set there.
var commented = regexp.MustCompile(`(?m)^( *)# ( *[a-z_]+:( .*)?)$`)

// The example has every key, those without a default that could stand there as comments, and
// all of it together is a valid configuration.
func TestTheExampleHasEveryKey(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	folder, a := t.TempDir(), authority.New(t)
	whole := filepath.Join(folder, example)
	text = commented.ReplaceAll(text, []byte("$1$2"))
	cert, key := a.Issue(t, time.Hour)
	for name, content := range map[string][]byte{"cert.pem": cert, "key.pem": key, "clients.pem": a.PEM} {
		authority.Write(t, filepath.Join(folder, name), content)
		text = bytes.ReplaceAll(text, []byte("/etc/qwenvoy/"+name), []byte(filepath.Join(folder, name)))
	}
	if err := os.WriteFile(whole, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := settings.LoadFile(whole, func(name string) (string, bool) {
		return "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", true
	}); err != nil {
		t.Error(err)
	}
	var shown any
	if err := yaml.Unmarshal(text, &shown); err != nil {
		t.Fatal(err)
	}
	want := keys("", reflect.TypeFor[config.Config]())
	if diff := cmp.Diff(want, shownKeys("", shown), cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("-schema +example:\n%s", diff)
	}
}

// keys are the schema's, with their paths.
func keys(path string, of reflect.Type) (all []string) {
	for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct {
		return []string{path}
	}
	for i := range of.NumField() {
		all = append(all, keys(path+"/"+of.Field(i).Tag.Get("json"), of.Field(i).Type)...)
	}
	return all
}

func shownKeys(path string, v any) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			all = append(all, shownKeys(path+"/"+key, value)...)
		}
		return all
	case []any:
		if len(v) > 0 {
			return shownKeys(path, v[0])
		}
	}
	return []string{path}
}

// systemd must not kill what the drain still waits for.
func TestTheUnitWaitsLongerThanTheDrain(t *testing.T) {
	b, err := os.ReadFile("qwenvoy.service")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "TimeoutStopSec="); ok {
			stop, err := time.ParseDuration(v + "s")
			of := config.Default().Timeouts
			if drain := time.Duration(of.DrainDelay + of.Drain); err != nil || stop < drain+10*time.Second {
				t.Errorf("TimeoutStopSec is %s (%v), the drain %s", v, err, drain)
			}
			return
		}
	}
	t.Error("no TimeoutStopSec")
}

// inCompose is a variable in the Compose file, with what stands for it or is said when it is missing.
var inCompose = regexp.MustCompile(`\$\{([A-Z_]+):[-?][^}]*\}`)

// What the Compose file asks of its user reaches the configuration, under names that are read.
func TestTheComposeFileNamesTheServer(t *testing.T) {
	text, err := os.ReadFile("docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]string{"TARGET": "http://server:8000", "SERVED_MODEL": "a/model", "UPSTREAM_API_KEY": "a-key"}
	var file struct {
		Services map[string]struct {
			Environment map[string]string
			StopGrace   string `yaml:"stop_grace_period"`
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	s := file.Services["qwenvoy"]
	c, err := settings.Load(&settings.Flags{}, func(name string) (string, bool) {
		value, ok := s.Environment[name]
		return inCompose.ReplaceAllStringFunc(value, func(v string) string { return given[inCompose.FindStringSubmatch(v)[1]] }), ok
	})
	if err != nil {
		t.Fatal(err)
	}
	if u := c.Upstreams[0]; u.URL != given["TARGET"] || u.Model != given["SERVED_MODEL"] || u.APIKey != given["UPSTREAM_API_KEY"] {
		t.Errorf("the upstream is %+v", u)
	}
	if grace, err := time.ParseDuration(s.StopGrace); err != nil || grace < time.Duration(c.Timeouts.DrainDelay+c.Timeouts.Drain)+10*time.Second {
		t.Errorf("stop_grace_period is %s (%v), the drain %s", s.StopGrace, err, time.Duration(c.Timeouts.Drain))
	}
}

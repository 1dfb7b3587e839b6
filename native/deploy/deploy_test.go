package deploy

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the example differs from the defaults (-default +example):\n%s", diff)
	}
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
			if drain := time.Duration(config.Default().Timeouts.Drain); err != nil || stop < drain+10*time.Second {
				t.Errorf("TimeoutStopSec is %s (%v), the drain %s", v, err, drain)
			}
			return
		}
	}
	t.Error("no TimeoutStopSec")
}

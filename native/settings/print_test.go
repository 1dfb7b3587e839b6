package settings

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// What is printed means what was read, so that it can be taken for a file.
func TestAPrintedConfigurationIsReadAgain(t *testing.T) {
	path := file(t, `
port: 1234
allowed_hosts: ["*", "a.b"]
upstreams: [{name: "1.5", model: "true", url: "http://h:1/x"}]
profiles:
  - {name: "a: #b", thinking: client, temperature: 0.25, top_k: 0}
  - {name: "on", thinking: on, when_off: "a: #b"}
models: [{name: "no", profile: on, aliases: ["- x", "\u00fc\"\n", ""]}, {name: null-, profile: "a: #b"}]
timeouts: {idle: 1h0m30s, header: 1500ms, first_byte: 2h}
limits: {body: 1000001, event: 5KiB, memory: 3000MB}
`)
	f := &Flags{Config: path}
	want := gather(f, env(), env()).config
	want.Models[0].Aliases = want.Models[0].Aliases[:2]
	p := printer{where: map[string]string{}}
	p.object("", reflect.ValueOf(want).Elem(), "", "")
	again := gather(&Flags{Config: file(t, string(p.text()))}, env(), env())
	if err := again.errs.Err(); err != nil {
		t.Fatalf("%v\n%s", err, p.text())
	}
	if diff := cmp.Diff(want, again.config, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got:\n%s\n%s", diff, p.text())
	}
}

// A port that stands behind the host comes from where the host does.
func TestThePortOfAnAddressHasItsOrigin(t *testing.T) {
	text, err := Print(&Flags{ServedModel: ptr("m")}, env("QWENVOY_LISTEN", "0.0.0.0:8080"))
	if got := strings.Join(strings.Fields(string(text)), " "); err != nil || !strings.HasPrefix(got, "listen: 0.0.0.0 # QWENVOY_LISTEN port: 8080 # QWENVOY_LISTEN ") {
		t.Errorf("%v %s", err, text)
	}
}

// Whatever key comes to hold a secret by its tag is masked.
func TestPrintMasksWhatIsTaggedAsSecret(t *testing.T) {
	c := config.Default()
	c.Upstreams = []config.Upstream{{}}
	fill(reflect.ValueOf(c).Elem(), "")
	p := printer{where: map[string]string{}}
	p.object("", reflect.ValueOf(c).Elem(), "", "")
	if text := string(p.text()); strings.Contains(text, "sekret") || strings.Count(text, "redacted") < 4 {
		t.Error(text)
	}
}

// fill puts a secret into each text that is tagged as one.
func fill(v reflect.Value, tag string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), v.Type().Field(i).Tag.Get("secret"))
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), tag)
		}
	case reflect.String:
		if tag == "url" {
			v.SetString("http://user:sekret@host/?key=sekret")
		} else if tag != "" {
			v.SetString("sekret")
		}
	}
}

func TestShownSizesAndDurations(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 1: "1", 1024: "1KiB", 1000: "1KB", 100_000_000: "100MB", 1 << 30: "1GiB", 1<<30 + 1: "1073741825"} {
		if got := ShownSize(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0s", 3 * time.Minute: "3m", 720 * time.Hour: "720h", 90 * time.Second: "1m30s", 61 * time.Minute: "1h1m"} {
		if got := shownDuration(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

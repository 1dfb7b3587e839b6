package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/native/settings"
)

const deployed = "../../filter/deploy/"

// shipped is the repository's own Envoy configuration.
func shipped(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// judged looks at files of Envoy alone.
func judged(t *testing.T, files ...string) *Report {
	t.Helper()
	return examined(t, "", func(o *Options) { o.Flags, o.Envoy = &settings.Flags{}, files })
}

func TestShippedFilesAreClean(t *testing.T) {
	for _, files := range [][]string{
		{"../../envoy.yaml"},
		{deployed + "istio/envoyfilter.yaml", deployed + "istio/limits.yaml"},
		{deployed + "istio/wasmplugin.yaml", deployed + "istio/limits.yaml"},
		{deployed + "istio/trafficextension.yaml", deployed + "istio/limits.yaml"},
		{deployed + "istio/wasmplugin.yaml"},
		{deployed + "envoy-gateway/envoyextensionpolicy.yaml"},
	} {
		r := judged(t, files...)
		if r.Rows[1].Check != "envoy filter" || r.Rows[1].Status != probe.OK {
			t.Errorf("%v: %s", files, text(t, r))
		}
		for _, f := range r.Rows {
			if f.Bad() {
				t.Errorf("%v: %+v", files, f)
			}
		}
	}
}

func TestNoSampleIsForgotten(t *testing.T) {
	for _, pattern := range []string{"istio/*.yaml", "envoy-gateway/*.yaml"} {
		files, err := filepath.Glob(deployed + pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%v %v", files, err)
		}
		for _, f := range files {
			switch filepath.Base(f) {
			case "envoyfilter.yaml", "wasmplugin.yaml", "trafficextension.yaml", "limits.yaml", "envoyextensionpolicy.yaml":
			default:
				t.Errorf("%s is in no row of TestShippedFilesAreClean", f)
			}
		}
	}
}

// An edit takes or puts text in a copy of a file.
type edit struct{ old, new string }

func TestDamagedEnvoyFiles(t *testing.T) {
	const (
		decompressor = `          - name: gunzip
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.decompressor.v3.Decompressor
`
		router = "          - name: envoy.filters.http.router\n"
	)
	for _, tt := range []struct {
		name       string
		edits      []edit
		check      string
		status     probe.Status
		found, fix string
		besides    []string
	}{
		{"no filter", []edit{{"filters.http.wasm.v3.Wasm", "filters.http.lua.v3.Lua"}}, "envoy filter", probe.Warn, "no wasm filter", "see envoy.yaml", nil},
		{"no configuration", []edit{{"                configuration:\n", "                no_configuration:\n"}},
			"envoy config", probe.Fail, "upstreams[0].model", "the filter refuses it", nil},
		{"a misspelt key", []edit{{`"kind": "vllm"`, `"kid": "vllm"`}}, "envoy config", probe.Fail, "upstreams[0].kid: unknown key", "", nil},
		{"a Struct", []edit{{"google.protobuf.StringValue", "google.protobuf.Struct"}}, "envoy config", probe.Fail, "protobuf's binary form", "", nil},
		{"another message", []edit{{"google.protobuf.StringValue", "google.protobuf.Any"}}, "envoy config", probe.Fail, "StringValue", "", nil},
		{"a key of the binary's", []edit{{`"upstreams": [`, `"listen": "0.0.0.0", "upstreams": [`}}, "envoy config", probe.Info, "without effect: listen", "", nil},
		{"knob in the configuration alone", []edit{{"                allow_on_headers_stop_iteration: true\n", ""}}, "envoy knob", probe.Warn,
			"envoy.yaml:57: set for the filter, not in Envoy", "allow_on_headers_stop_iteration: true   # beside failure_policy", nil},
		{"knob in Envoy alone", []edit{{`"envoy": {"allow_on_headers_stop_iteration": true}`, `"passthrough": true`}}, "envoy knob", probe.Warn,
			"set in Envoy, not in the filter's configuration", `"envoy": {"allow_on_headers_stop_iteration": true}`, nil},
		{"no knob", []edit{{"                allow_on_headers_stop_iteration: true\n", ""}, {`"envoy": {"allow_on_headers_stop_iteration": true}`, `"passthrough": true`}},
			"envoy knob", probe.Info, "not set: an error found in a reply's body", "# in the filter's configuration", nil},
		{"no buffer", []edit{{"    per_connection_buffer_limit_bytes: 41943040\n", ""}}, "envoy buffer", probe.Warn,
			"the limit is Envoy's default, the filter takes bodies of 33554432 bytes", "per_connection_buffer_limit_bytes: 41943040", nil},
		{"a small buffer", []edit{{"per_connection_buffer_limit_bytes: 41943040", "per_connection_buffer_limit_bytes: 1048576"}}, "envoy buffer", probe.Warn, "the limit is 1048576", "", nil},
		{"a small buffer of the host", []edit{{"request_body_buffer_limit: 41943040", "request_body_buffer_limit: 1048576"}}, "envoy buffer", probe.Warn, "the limit is 1048576", "request_body_buffer_limit: 41943040", nil},
		{"larger bodies", []edit{{`"upstreams": [`, `"limits": {"body": "64MiB"}, "upstreams": [`}}, "envoy buffer", probe.Warn, "takes bodies of 67108864 bytes", ": 75497472", nil},
		{"no failure policy", []edit{{"                failure_policy: FAIL_RELOAD\n", ""}}, "envoy failure policy", probe.Warn, "answers 503 until Envoy restarts", "failure_policy: FAIL_RELOAD", nil},
		{"fails open", []edit{{"failure_policy: FAIL_RELOAD", "failure_policy: FAIL_OPEN"}}, "envoy failure policy", probe.Fail, "pass unconverted", "failure_policy: FAIL_RELOAD", nil},
		{"fails open in the old words", []edit{{"failure_policy: FAIL_RELOAD", "fail_open: true"}}, "envoy failure policy", probe.Fail, "pass unconverted", "", nil},
		{"no timeout", []edit{{"                  timeout: 0s\n", ""}}, "envoy timeout", probe.Warn, "Envoy's 15s count", "timeout: 0s   # beside cluster", nil},
		{"a timeout", []edit{{"                  timeout: 0s\n", "                  timeout: 60s\n"}}, "envoy timeout", probe.Warn, "60s: a longer stream is cut", "timeout: 0s", nil},
		{"a longest stream", []edit{{"request_headers_timeout: 10s", "common_http_protocol_options: { max_stream_duration: 300s }"}}, "envoy timeout", probe.Warn, "300s: a longer", "", nil},
		{"silence by default", []edit{{"                  idle_timeout: 1800s\n", ""}}, "envoy silence", probe.Warn, "Envoy's 5m count", "idle_timeout: 1800s", nil},
		{"silence of a minute", []edit{{"idle_timeout: 1800s", "idle_timeout: 60s"}}, "envoy silence", probe.Warn, "60s: a long answer", "", nil},
		{"a connection kept for long", []edit{{"idle_timeout: 3s", "idle_timeout: 60s"}}, "envoy idle", probe.Warn, "60s: vLLM closes", "common_http_protocol_options: { idle_timeout: 3s }", nil},
		{"a connection kept by default", []edit{{"          idle_timeout: 3s\n", "          max_connection_duration: 3600s\n"}}, "envoy idle", probe.Warn, "Envoy's 1h count", "idle_timeout: 3s", nil},
		{"a decompressor behind", []edit{{router, decompressor + router}}, "envoy chain", probe.Warn, "wait for ever", "before qwenvoy", nil},
		{"two of a name", []edit{{router, "          - name: qwenvoy\n"}}, "envoy chain", probe.Warn, "a second filter named qwenvoy", "", nil},
		{"no upgrades", []edit{{"upgrade_type: websocket", "upgrade_type: spdy/3.1"}}, "envoy upgrades", probe.Warn, "Envoy's 403", "upgrade_type: websocket", nil},
		{"traced", []edit{{"stat_prefix: qwenvoy", "stat_prefix: qwenvoy\n          tracing: {}"}}, "envoy request id", probe.Warn, "is not traced", "pack_trace_reason: false", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			damaged := shipped(t)
			for _, e := range tt.edits {
				if !strings.Contains(damaged, e.old) {
					t.Fatalf("envoy.yaml has no %q", e.old)
				}
				damaged = strings.Replace(damaged, e.old, e.new, 1)
			}
			r := judged(t, write(t, "envoy.yaml", damaged, 0o644))
			mustSay(t, r, tt.check, tt.status, tt.found, tt.fix, tt.besides...)
		})
	}
}

func TestDamagedSamples(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		edits      []edit
		check      string
		status     probe.Status
		found, fix string
	}{
		{"knob that the API can't set", "istio/wasmplugin.yaml", []edit{{"    upstreams:\n", "    envoy: {allow_on_headers_stop_iteration: true}\n    upstreams:\n"}},
			"envoy knob", probe.Warn, "which this API can't set", "istio/envoyfilter.yaml"},
		{"no strategy", "istio/wasmplugin.yaml", []edit{{"  failStrategy: FAIL_RELOAD\n", ""}}, "envoy failure policy", probe.Warn, "until Envoy restarts", "failStrategy: FAIL_RELOAD"},
		{"open", "istio/trafficextension.yaml", []edit{{"failStrategy: FAIL_RELOAD", "failStrategy: FAIL_OPEN"}}, "envoy failure policy", probe.Fail, "unconverted", "failStrategy: FAIL_RELOAD"},
		{"limits alone", "istio/limits.yaml", nil, "envoy filter", probe.Warn, "no wasm filter", ""},
		{"a misspelt key", "istio/trafficextension.yaml", []edit{{"kind: vllm", "kid: vllm"}}, "envoy config", probe.Fail, "upstreams[0].kid", ""},
		{"limits left out", "istio/envoyfilter.yaml", nil, "envoy buffer", probe.Skip, "these files don't say it", "istio/limits.yaml"},
		{"open in Envoy Gateway", "envoy-gateway/envoyextensionpolicy.yaml", []edit{{"failOpen: false", "failOpen: true"}}, "envoy failure policy", probe.Fail, "unconverted", "failOpen: false"},
		{"a small buffer in Envoy Gateway", "envoy-gateway/envoyextensionpolicy.yaml", []edit{{"bufferLimit: 40Mi", "bufferLimit: 32Ki"}}, "envoy buffer", probe.Warn, "the limit is 32Ki", "bufferLimit: 40Mi"},
		{"a timeout in Envoy Gateway", "envoy-gateway/envoyextensionpolicy.yaml", []edit{{"requestTimeout: 0s", "requestTimeout: 15s"}}, "envoy timeout", probe.Warn, "15s: a longer", "requestTimeout: 0s"},
		{"silence in Envoy Gateway", "envoy-gateway/envoyextensionpolicy.yaml", []edit{{"streamIdleTimeout: 30m", "streamIdleTimeout: 1m"}}, "envoy silence", probe.Warn, "1m: a long answer", "streamIdleTimeout: 30m"},
		{"idle in Envoy Gateway", "envoy-gateway/envoyextensionpolicy.yaml", []edit{{"connectionIdleTimeout: 3s", "connectionIdleTimeout: 1h"}}, "envoy idle", probe.Warn, "1h: vLLM closes", "connectionIdleTimeout: 3s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := os.ReadFile(deployed + tt.file)
			if err != nil {
				t.Fatal(err)
			}
			damaged := string(b)
			for _, e := range tt.edits {
				if !strings.Contains(damaged, e.old) {
					t.Fatalf("%s has no %q", tt.file, e.old)
				}
				damaged = strings.Replace(damaged, e.old, e.new, 1)
			}
			mustSay(t, judged(t, write(t, "sample.yaml", damaged, 0o644)), tt.check, tt.status, tt.found, tt.fix)
		})
	}
}

func TestLimitsOfIstioCount(t *testing.T) {
	b, err := os.ReadFile(deployed + "istio/limits.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for old, tt := range map[string]struct{ new, check, found string }{
		"per_connection_buffer_limit_bytes: 41943040": {"per_connection_buffer_limit_bytes: 1", "envoy buffer", "the limit is 1,"},
		"timeout: 0s":      {"timeout: 15s", "envoy timeout", "15s: a longer stream"},
		"idle_timeout: 3s": {"idle_timeout: 1h", "envoy idle", "1h: vLLM closes"},
	} {
		limits := write(t, "limits.yaml", strings.Replace(string(b), old, tt.new, 1), 0o644)
		mustSay(t, judged(t, deployed+"istio/wasmplugin.yaml", limits), tt.check, probe.Warn, tt.found, "")
	}
}

// Envoy reads JSON too, in both spellings of its keys, and YAML's aliases.
func TestSpellings(t *testing.T) {
	const file = `{"staticResources": {"listeners": [{"perConnectionBufferLimitBytes": 41943040, "filterChains": [{"filters": [{"typedConfig": {
"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
"upgradeConfigs": [{"upgradeType": "websocket"}], "streamIdleTimeout": "1800s",
"routeConfig": {"virtualHosts": [{"routes": [{"route": {"cluster": "vllm", "timeout": "0s"}}]}]},
"httpFilters": [{"name": "qwenvoy", "typedConfig": {"@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
"config": {"failurePolicy": "FAIL_RELOAD", "allowOnHeadersStopIteration": true, "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue",
"value": "{\"upstreams\": [{\"model\": \"m\"}], \"envoy\": {\"allow_on_headers_stop_iteration\": true}}"}}}}]}}]}]}],
"clusters": [{"name": "vllm", "type": "STATIC", "typedExtensionProtocolOptions": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions":
{"commonHttpProtocolOptions": {"idleTimeout": "2.5s"}}}}]}}`
	r := judged(t, write(t, "envoy.json", file, 0o644))
	for _, f := range r.Rows[1:] {
		if f.Status != probe.OK {
			t.Errorf("%+v", f)
		}
	}
	aliased := strings.Replace(shipped(t), "timeout: 0s", "timeout: &none 0s", 1)
	aliased = strings.Replace(aliased, "request_headers_timeout: 10s", "common_http_protocol_options: { max_stream_duration: *none }", 1)
	mustSay(t, judged(t, write(t, "envoy.yaml", aliased, 0o644)), "envoy timeout", probe.OK, "no limit", "")
}

func TestAnotherModelThanTheBinarys(t *testing.T) {
	r := examined(t, closed(t), func(o *Options) { o.Flags.ServedModel, o.Envoy = ptr("other"), []string{"../../envoy.yaml"} })
	mustSay(t, r, "envoy config", probe.Warn, `the model is "Qwen/Qwen3.5-397B-A17B-FP8", elsewhere "other"`, `"model": "other"`, "reach")
}

// A file that is none is refused with its line and without its text, and none takes for ever.
func TestFilesThatAreNone(t *testing.T) {
	for name, tt := range map[string]struct{ text, found string }{
		"no YAML":     {"a: [" + secret + "\nb: {\n", ":2: not valid YAML"},
		"too large":   {strings.Repeat("# x\n", maxFile/4+1), "bytes, which no Envoy file has"},
		"a template":  {"a: {{ .Values.x }}\n", "not valid YAML"},
		"itself":      {"a: &a [*a]\n", "no wasm filter"},
		"nothing":     {"", "no wasm filter"},
		"a number":    {"1\n", "no wasm filter"},
		"a bomb":      {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d]\n", "no wasm filter"},
		"deep":        {"a:\n" + strings.Repeat("[", 1<<20), ":2: it holds too much"},
		"many keys":   {strings.Repeat("k: 1\n", 1<<15), "it holds too much"},
		"blank":       {"a: |\n  x" + strings.Repeat("\n", 1<<20), "too many blank lines"},
		"deep keys":   {"a:\n" + strings.Repeat("- ", 1<<20), ":2: it holds too much"},
		"wrong types": {"kind: [x]\napiVersion: 1\nspec: 7\nclusters: {a: b}\nhttp_filters: 3\n", "no wasm filter"},
	} {
		t.Run(name, func(t *testing.T) {
			if r := judged(t, write(t, "envoy.yaml", tt.text, 0o644)); !strings.Contains(text(t, r), tt.found) {
				t.Error(text(t, r))
			}
		})
	}
}

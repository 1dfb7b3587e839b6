package config

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const minimal = `"upstreams":[{"model":"m"}]`

func TestDecodeReadsTheWholeSchema(t *testing.T) {
	c, err := Decode([]byte(`{
		"upstreams":[{"name":"local","kind":"vllm","url":"http://127.0.0.1:8000","model":"Qwen/X","max_model_len":4096}],
		"profiles":[{"name":"p","thinking":true,"temperature":0.5,"top_k":5}],
		"models":[{"name":"v","profile":"p","aliases":["a","b-*"]}],
		"limits":{"body":"2MiB","event":5000},
		"timeouts":{"first_byte":"90s","idle":"0"},
		"port":9001,"enforce_sampling":true,"log":null}`))
	if err != nil {
		t.Fatal(err)
	}
	p := c.Profiles[0]
	if p.Thinking != "on" || *p.Temperature != 0.5 || *p.TopK != 5 || p.TopP != nil {
		t.Errorf("profile %+v", p)
	}
	if c.Limits.Body != 2<<20 || c.Limits.Event != 5000 || time.Duration(c.Timeouts.FirstByte) != 90*time.Second || c.Timeouts.Idle != 0 {
		t.Errorf("limits %+v timeouts %+v", c.Limits, c.Timeouts)
	}
	if c.Log.Level != "INFO" || c.Timeouts.Connect != Duration(10*time.Second) || c.Port != 9001 {
		t.Error("null or absence must leave the default")
	}
}

func TestErrorsNameTheKeyAndWhatIsAllowed(t *testing.T) {
	tests := []struct{ text, want string }{
		{`{`, "the configuration is not valid JSON"},
		{`[]`, "[] is not allowed here, an object of keys and values is wanted"},
		{`{"enforce_samplin":true,` + minimal + `}`, "enforce_samplin: unknown key, did you mean enforce_sampling?"},
		{`{"profiles":[{"name":"x","temprature":1}]}`, "profiles[0].temprature: unknown key, did you mean temperature?"},
		{`{"zzz":1}`, "zzz: unknown key, known are listen, port"},
		{`{"port":"9000"}`, `port: "9000" is not allowed here, a whole number is wanted`},
		{`{"port":1.5}`, "port: 1.5 is not allowed here, a whole number is wanted"},
		{`{"cors":{"origin":"*"},` + minimal + `}`, "cors.origin: unknown key, did you mean origins?"},
		{`{"cors":{"origins":["*","https://app.example.com/"]},` + minimal + `}`, `cors.origins[1]: "https://app.example.com/" is not allowed here, an origin such as`},
		{`{"cors":{"origins":["app.example.com"]},` + minimal + `}`, `cors.origins[0]: "app.example.com" is not allowed here`},
		{`{"cors":{"origins":["https://a.*.example.com"]},` + minimal + `}`, `cors.origins[0]: "https://a.*.example.com" is not allowed here`},
		{`{"responses":{"websocket_origins":[]},` + minimal + `}`, "responses.websocket_origins: this key has become cors.origins, which is for HTTP and WebSocket"},
		{`{"allowed_host":["x"],` + minimal + `}`, "allowed_host: unknown key, did you mean allowed_hosts?"},
		{`{"allowed_hosts":["a.test","https://gw.test"],` + minimal + `}`, `allowed_hosts[1]: "https://gw.test" is not allowed here, a host without scheme and port such as`},
		{`{"allowed_hosts":["gw.test:9000"],` + minimal + `}`, `allowed_hosts[0]: "gw.test:9000" is not allowed here`},
		{`{"allowed_hosts":["gw.*.test"],` + minimal + `}`, `allowed_hosts[0]: "gw.*.test" is not allowed here`},
		{`{"allowed_hosts":[""],` + minimal + `}`, `allowed_hosts[0]: "" is not allowed here`},
		{`{"cors":{"origins":["*://example.com"]},` + minimal + `}`, `cors.origins[0]: "*://example.com" is not allowed here`},
		{`{"client_fields":{"denied":[]},` + minimal + `}`, "client_fields.denied: unknown key, did you mean deny?"},
		{`{"client_fields":{"deny":"priority"},` + minimal + `}`, `client_fields.deny: a text is not allowed here, a list is wanted`},
		{`{"client_fields":{"deny":["priority",""]},` + minimal + `}`, "client_fields.deny[1]: a field's name is required"},
		{`{"client_fields":{"deny":["Messages"]},` + minimal + `}`, "client_fields.deny[0]: Messages is not allowed here, since no request could do without it"},
		{`{"port":0,` + minimal + `}`, "port: 0 is not allowed here, 1 to 65535 is"},
		{`{"port":1,"port":2}`, "port: the key stands twice"},
		{`{}`, "upstreams: one upstream with the served model's name (upstreams[0].model) is required"},
		{`{"upstreams":[{"name":"a","model":"a"},{"model":"b"}]}`, "upstreams[1].name: a name is required where there are several upstreams"},
		{`{"upstreams":[{"name":"a","model":"a"},{"name":"a","model":"b"}]}`, `upstreams[1].name: "a" stands twice`},
		{`{"upstreams":[{"name":"a","model":"a"},{"name":"b"}]}`, "upstreams[1].model: the served model's name is required where there are several upstreams"},
		{`{"upstreams":[{"name":"local","model":"a"}],"default_upstream":"locl"}`, `default_upstream: "locl" is no upstream, did you mean local?`},
		{`{"upstreams":[{"name":"local","model":"a"}],"models":[{"name":"m","profile":"thinking-coding","targets":["remote"]}]}`,
			`models[0].targets[0]: "remote" is no upstream, known are local`},
		{`{"upstreams":[{"name":"local","model":"a"}],"models":[{"name":"m","profile":"thinking-coding","targets":["local",{"upstream":"local"}]}]}`,
			`models[0].targets[1]: "local" stands twice`},
		{`{"upstreams":[{"name":"local","model":"a"}],"models":[{"name":"m","profile":"thinking-coding","targets":[{"model":"x"}]}]}`,
			"models[0].targets[0].upstream: an upstream's name is required, of local"},
		{`{"upstreams":[{"model":"a","url":"127.0.0.1:8000"}]}`, `upstreams[0].url: "127.0.0.1:8000" is not allowed here`},
		{`{"upstreams":[{"model":"a","kind":"sglang"}]}`, `upstreams[0].kind: "sglang" is not allowed here, vllm is`},
		{`{"upstreams":[{"model":"a","session_header":"x session"}]}`, `upstreams[0].session_header: "x session" is not allowed here, the name of a header`},
		{`{"upstreams":[{"model":"a","session_header":"Authorization"}]}`, `upstreams[0].session_header: "Authorization" is not allowed here`},
		{`{"models":[{"name":"a","classes":{"main":"b"}}],` + minimal + `}`, `models[0].classes.main: unknown key, known are subagent, auxiliary, compaction`},
		{`{"reasoning_field":"none",` + minimal + `}`, `reasoning_field: "none" is not allowed here, reasoning, reasoning_content, both is`},
		{`{"late_system":"drop",` + minimal + `}`, `late_system: "drop" is not allowed here, dialect, merge, fold, keep is`},
		{`{"log":{"level":"LOUD"},` + minimal + `}`, `log.level: "LOUD" is not allowed here, COMPLETE, DEBUG, INFO, WARN, ERROR is`},
		{`{"profiles":[{"name":"x","thinking":"maybe"}],` + minimal + `}`, `profiles[0].thinking: "maybe" is not allowed here, on, off, client is`},
		{`{"limits":{"body":"ten"}}`, `limits.body: "ten" is not allowed here, a size such as`},
		{`{"limits":{"body":10},` + minimal + `}`, `limits.body: 10 bytes are not allowed here`},
		{`{"limits":{"memory":"1MiB"},` + minimal + `}`, `limits.memory: 1048576 bytes are not allowed here, 16MiB and more are`},
		{`{"limits":{"memory":"64MiB","body":"17MiB"},` + minimal + `}`, `limits.memory: 67108864 bytes are not allowed here, at least 8 times limits.body (17825792) is`},
		{`{"timeouts":{"idle":"5 min"}}`, `timeouts.idle: "5 min" is not allowed here, a duration such as`},
		{`{"timeouts":{"idle":5}}`, `timeouts.idle: 5 is not allowed here, a duration such as`},
		{`{"upstreams":[{"model":"m","url":"http://u:p@host"}]}`, "upstreams[0].url: a user and password are not allowed here"},
		{`{"api key":1,` + minimal + `}`, "(not shown): unknown key, known are listen"},
		{strings.Repeat("[", 1001), "the configuration is not valid JSON: "},
		{`{"listen":"` + strings.Repeat("x", MaxText) + `"}`, "the configuration has 131085 bytes, at most 131072 are allowed"},
		{`{"passthrough":"yes"}`, `passthrough: "yes" is not allowed here, true or false is wanted`},
	}
	for _, tt := range tests {
		_, err := Decode([]byte(tt.text))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

// The ranges are those in which vLLM takes the values.
func TestSamplingValuesHaveRanges(t *testing.T) {
	for _, tt := range []struct {
		key     string
		allowed []string
		not     []string
		want    string
	}{
		{"temperature", []string{"0", "1e-300", "2"}, []string{"-0.1", "2.01", "7"}, "0 to 2 is"},
		{"top_p", []string{"1e-300", "0.95", "1"}, []string{"0", "-1", "1.5"}, "a number above 0, up to 1, is"},
		{"top_k", []string{"-1", "0", "20", "1000000"}, []string{"-2"}, "a number of tokens is, or 0 or -1 for all"},
		{"min_p", []string{"0", "1"}, []string{"-0.1", "1.1"}, "0 to 1 is"},
		{"presence_penalty", []string{"-2", "2"}, []string{"-2.1", "2.1"}, "-2 to 2 is"},
		{"repetition_penalty", []string{"0.1", "50"}, []string{"0", "-1"}, "a number above 0 is"},
	} {
		configuration := func(value string) []byte {
			return []byte(`{"profiles":[{"name":"p","thinking":"on","` + tt.key + `":` + value + `}],` + minimal + `}`)
		}
		for _, value := range tt.allowed {
			if _, err := Decode(configuration(value)); err != nil {
				t.Errorf("%s: %v", value, err)
			}
		}
		for _, value := range tt.not {
			want := "profiles[0]." + tt.key + ": " + value + " is not allowed here, " + tt.want
			if _, err := Decode(configuration(value)); err == nil || err.Error() != want {
				t.Errorf("got %v\nwant %s", err, want)
			}
		}
		for _, value := range []string{"1e999", "NaN", `"1"`, "[1]"} {
			if _, err := Decode(configuration(value)); err == nil {
				t.Errorf("%s: %s is allowed", tt.key, value)
			}
		}
	}
}

func TestAllFaultsAreNamedAtOnce(t *testing.T) {
	_, err := Decode([]byte(`{"listn":"x","port":"x","upstreams":[{"url":"x","kind":"y"},7],"profiles":[{"top_p":2,"min_p":"x","thinking":"on"},{"name":"n"}],
		"limits":{"body":1,"event":"x"},"late_system":"x"}`))
	want := []string{
		"listn: unknown key, did you mean listen?",
		`port: "x" is not allowed here, a whole number is wanted`,
		`upstreams[1]: a number is not allowed here, an object of keys and values is wanted`,
		`profiles[0].min_p: "x" is not allowed here, a number is wanted`,
		`limits.event: "x" is not allowed here, a size such as 1048576, 100MB or 32MiB is wanted`,
		`upstreams[0].kind: "y" is not allowed here, vllm is`,
		`upstreams[0].url: "x" is not allowed here, an address such as http://127.0.0.1:8000 is`,
		"upstreams[0].name: a name is required where there are several upstreams",
		"profiles[0].name: a name is required",
		"profiles[0].top_p: 2 is not allowed here, a number above 0, up to 1, is",
		`profiles[1].thinking: "" is not allowed here, on, off, client is`,
		`late_system: "x" is not allowed here, dialect, merge, fold, keep is`,
		"limits.body: 1 bytes are not allowed here, 1KiB to 2047MiB are",
	}
	if diff := cmp.Diff(want, err.(Errors).Lines()); diff != "" {
		t.Error(diff)
	}
	_, err = Decode([]byte(`{` + strings.Repeat(`"zzz":1,`, 100) + minimal + `}`))
	if lines := err.(Errors).Lines(); len(lines) != mostShown+1 || lines[mostShown] != "and 80 more" {
		t.Errorf("%d lines, the last is %s", len(lines), lines[len(lines)-1])
	}
}

func TestVariables(t *testing.T) {
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"HOST": "h", "_k9": "${HOST}", "EMPTY": ""}[name]
		return v, ok
	}
	for _, tt := range []struct{ url, want string }{
		{"http://${HOST}:1/${HOST}", "http://h:1/h"},
		{"${_k9}", "${HOST}"}, // a value is taken as it is
		{"$HOST{}", "$HOST{}"},
		{"http://${NONE}/${EMPTY}", "upstreams[0].url: the variable NONE is not set\nupstreams[0].url: the variable EMPTY is not set"},
		{"a${HOST", "upstreams[0].url: ${ begins a variable, which is letters, digits and _, and } (the value is not shown)"},
		{"a${HOST:-x}", "upstreams[0].url: ${ begins a variable, which is letters, digits and _, and } (the value is not shown)"},
		{"a${9}", "upstreams[0].url: ${ begins a variable, which is letters, digits and _, and } (the value is not shown)"},
	} {
		c := Default()
		got := ""
		if err := DecodeInto(c, []byte(`{"upstreams":[{"url":"`+tt.url+`"}]}`), env); err != nil {
			got = err.Error()
		} else {
			got = c.Upstreams[0].URL
		}
		if got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.url, got, tt.want)
		}
	}
	_, err := Decode([]byte(`{"upstreams":[{"model":"${M}","api_key":"${K}"}],"models":[{"aliases":["${A}"]}],"store":{"redis":"${R}"}}`))
	want := `upstreams[0].model: ${M} is not allowed here: variables may stand in addresses and keys only
upstreams[0].api_key: ${K} is not allowed here: there are no variables to take it from, the value itself is wanted
models[0].aliases[0]: ${A} is not allowed here: variables may stand in addresses and keys only
store.redis: ${R} is not allowed here: there are no variables to take it from, the value itself is wanted`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestErrorsShowNoSecrets(t *testing.T) {
	for _, text := range []string{
		`{"upstreams":[{"model":"m","api_key":12345678}]}`,
		`{"upstreams":[{"model":"m","api_key":["12345678"]}]}`,
		`{"upstreams":[{"model":"m","api_key":{"value":"12345678"}}]}`,
		`{"upstreams":{"api_key":"12345678","model":"m"}}`,
		`{"upstreams":[["api_key","12345678"]]}`,
		`{"upstreams":[{"model":{"api_key":"12345678"}}]}`,
		`{"upstreams":[{"model":"m","api_key":"12345678\n"}]}`,
		`{"upstreams":[{"model":"m","url":"ftp://u:12345678@host"}]}`,
		`{"upstreams":[{"model":"m","url":"ftp://host/?api_key=12345678"}]}`,
		`{"upstreams":[{"model":"m","url":"u:12345678@host:8000"}]}`,
		`{"upstreams":[{"model":"m","url":"http://u:12345678@host:port"}]}`,
		`{"upstreams":[{"model":"m","url":"http://u:12345678@host"}]}`,
		`{"upstreams":[{"model":"m","url":12345678}]}`,
		`{"upstreams":["api_key:12345678"]}`,
		`{"upstreams":"api_key:12345678"}`,
		`{"store":"redis://:12345678@h","upstreams":[{"model":"m"}]}`,
		`{"store":{"redis":12345678},"upstreams":[{"model":"m"}]}`,
		`{"responses":{"encryption_key":12345678},"upstreams":[{"model":"m"}]}`,
	} {
		_, err := Decode([]byte(text))
		if err == nil || strings.Contains(err.Error(), "1234") || !strings.Contains(err.Error(), "not allowed here") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, key := range []string{"api_key:12345678", "sk-12345678", "api_key 12345678", strings.Repeat("12345678", 10), "12345678"} {
		_, err := Decode([]byte(`{"upstreams":[{"model":"m","` + key + `":1}]}`))
		if err == nil || strings.Contains(err.Error(), "1234") || !strings.Contains(err.Error(), "upstreams[0].(not shown): unknown key") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestDefaultRoundTrips(t *testing.T) {
	want := Default()
	want.Upstreams = []Upstream{{Model: "m"}}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := json.Marshal(got)
	if string(again) != string(text) {
		t.Errorf("got %s\nwant %s", again, text)
	}
}

func FuzzDecodeNeverPanics(f *testing.F) {
	f.Add(`{"upstreams":[{"model":"m"}],"limits":{"body":"1MB"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := Decode([]byte(text)); (err == nil) != (c != nil && c.Validate() == nil) {
			t.Errorf("configuration %v and error %v don't fit", c, err)
		}
	})
}

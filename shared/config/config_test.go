package config

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
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
		{`{"cors":{"origins":["*://example.com"]},` + minimal + `}`, `cors.origins[0]: "*://example.com" is not allowed here`},
		{`{"client_fields":{"denied":[]},` + minimal + `}`, "client_fields.denied: unknown key, did you mean deny?"},
		{`{"client_fields":{"deny":"priority"},` + minimal + `}`, `client_fields.deny: "priority" is not allowed here, a list is wanted`},
		{`{"client_fields":{"deny":["priority",""]},` + minimal + `}`, "client_fields.deny[1]: a field's name is required"},
		{`{"client_fields":{"deny":["Messages"]},` + minimal + `}`, "client_fields.deny[0]: Messages is not allowed here, since no request could do without it"},
		{`{"port":0,` + minimal + `}`, "port: 0 is not allowed here, 1 to 65535 is"},
		{`{"port":1,"port":2}`, "port: the key stands twice"},
		{`{}`, "upstreams: one upstream with the served model's name (upstreams[0].model) is required"},
		{`{"upstreams":[{}]}`, "upstreams[0].model: the served model's name is required"},
		{`{"upstreams":[{"model":"a"},{"model":"b"}]}`, "upstreams: 2 upstreams are configured, exactly one is supported"},
		{`{"upstreams":[{"model":"a","url":"127.0.0.1:8000"}]}`, `upstreams[0].url: "127.0.0.1:8000" is not allowed here`},
		{`{"upstreams":[{"model":"a","kind":"sglang"}]}`, `upstreams[0].kind: "sglang" is not allowed here, vllm is`},
		{`{"reasoning_field":"none",` + minimal + `}`, `reasoning_field: "none" is not allowed here, reasoning, reasoning_content, both is`},
		{`{"late_system":"drop",` + minimal + `}`, `late_system: "drop" is not allowed here, dialect, merge, fold, keep is`},
		{`{"log":{"level":"LOUD"},` + minimal + `}`, `log.level: "LOUD" is not allowed here, COMPLETE, DEBUG, INFO, WARN, ERROR is`},
		{`{"profiles":[{"name":"x","thinking":"maybe"}],` + minimal + `}`, `profiles[0].thinking: "maybe" is not allowed here, on, off, client is`},
		{`{"limits":{"body":"ten"}}`, `limits.body: "ten" is not allowed here, a size such as`},
		{`{"limits":{"body":10},` + minimal + `}`, `limits.body: 10 bytes are not allowed here`},
		{`{"timeouts":{"idle":"5 min"}}`, `timeouts.idle: "5 min" is not allowed here, a duration such as`},
		{`{"timeouts":{"idle":5}}`, `timeouts.idle: 5 is not allowed here, a duration such as`},
		{`{"passthrough":"yes"}`, `passthrough: "yes" is not allowed here, true or false is wanted`},
	}
	for _, tt := range tests {
		_, err := Decode([]byte(tt.text))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s\n got %v\nwant %s", tt.text, err, tt.want)
		}
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
	} {
		_, err := Decode([]byte(text))
		if err == nil || strings.Contains(err.Error(), "1234") || !strings.Contains(err.Error(), "not allowed here") {
			t.Errorf("%s: %v", text, err)
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

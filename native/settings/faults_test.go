package settings

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// faultCases are texts of files, and all that is said of them. FILE stands for the file's path.
var faultCases = []struct{ name, text, want string }{
	{"empty", "", ""},
	{"blank", " \n\n", ""},
	{"nothing but comments", "# nothing\n---\n", ""},
	{"a byte order mark", "\ufeffport: 1\n", ""},
	{"line ends of Windows", "port: 1\r\nlog:\r\n  level: INFO\r\n", ""},
	{"JSON, indented by tabs", "{\n\t\"port\": 1,\n\t\"cors\": {\"origins\": [\"https://a\\u002eb\"]}\n}\n", ""},
	{"a YAML version", "%YAML 1.2\n---\nport: 1\n", ""},
	{"an anchor, an alias, a merge", "profiles:\n  - &p {name: p, thinking: on, top_p: 0.5}\n  - {<<: *p, name: q}\n  - {name: r, <<: [*p, {min_p: 0.1}]}\n", ""},
	{"numbers of YAML", "port: 0x1F\nlimits: {body: 1_000_000}\nprofiles: [{name: p, thinking: on, temperature: .5, top_k: +20}]\n", ""},

	{"unknown keys", "prot: 1\nlog: {levle: INFO}\nupstreams:\n  - model: x\n    modle: y\n", `FILE:1: prot: unknown key, did you mean port?
FILE:2: log.levle: unknown key, did you mean level?
FILE:5: upstreams[0].modle: unknown key, did you mean model?`},
	{"a key twice", "port: 1\nlog:\n  level: INFO\n  level: WARN\nport: 2\n", `FILE:4: log.level: the key stands twice
FILE:5: port: the key stands twice`},
	{"wrong types", "port: [1]\nupstreams: {model: x}\nlog: text\nprofiles:\n  - name: p\n    thinking: on\n    top_k: many\ncors: []\npassthrough: 1\n", `FILE:1: port: a list is not allowed here, a whole number is wanted
FILE:2: upstreams: an object is not allowed here, a list is wanted
FILE:3: log: a text is not allowed here, an object of keys and values is wanted
FILE:7: profiles[0].top_k: "many" is not allowed here, a whole number is wanted
FILE:8: cors: [] is not allowed here, an object of keys and values is wanted
FILE:9: passthrough: 1 is not allowed here, true or false is wanted`},
	{"numbers that are none", "profiles:\n  - {name: p, thinking: on, temperature: .nan, top_p: .inf, min_p: 1e999, top_k: 123456789012345678901234567890}\nport: 09\n",
		`FILE:2: profiles[0].temperature: ".nan" is not allowed here, a number is wanted
FILE:2: profiles[0].top_p: ".inf" is not allowed here, a number is wanted
FILE:2: profiles[0].min_p: "1e999" is not allowed here, a number is wanted
FILE:2: profiles[0].top_k: "123456789012345678901234567890" is not allowed here, a whole number is wanted
FILE:3: port: "09" is not allowed here, a whole number is wanted`},
	{"numbers out of range", "port: 70000\nprofiles:\n  - name: p\n    thinking: on\n    temperature: 7\n    top_p: 1.5\n", `FILE:1: port: 70000 is not allowed here, 1 to 65535 is
FILE:5: profiles[0].temperature: 7 is not allowed here, 0 to 2 is
FILE:6: profiles[0].top_p: 1.5 is not allowed here, a number above 0, up to 1, is`},
	{"what refers to nothing", "models:\n  - name: m\n    profile: none\n    aliases: [a, a]\n", `FILE:3: models[0].profile: "none" is not known, the profiles are instruct-general, instruct-reasoning, thinking-coding, thinking-general
FILE:4: models[0].aliases[1]: "a" means m already`},
	{"addresses", "listen: 127.0.0.1:9000/x\nupstreams:\n  - model: m\n    url: http://user:sekret@host\nstore:\n  redis: http://:sekret@host\n", `FILE:4: upstreams[0].url: a user and password are not allowed here (the address is not shown), a key goes into api_key
FILE:1: listen: "127.0.0.1:9000/x" is not allowed here, a host, host:port, [::1]:port, :port for all addresses, or unix:/path is; sockets that systemd hands over are served without a setting
FILE:6: store.redis: the Redis URL is not valid: redis://[user:password@]host:port/database is wanted (rediss:// for TLS)`},
	{"an address of something else", "listen: 'host?x'\nupstreams:\n  - model: m\n    url: 'http://h/v1#sekret'\nstore:\n  redis: redis://:sekret@host:99999/0\n", `FILE:4: upstreams[0].url: a # is not allowed here (the address is not shown)
FILE:1: listen: the value (not shown, as it may hold a key) is not allowed here, a host, host:port, [::1]:port, :port for all addresses, or unix:/path is; sockets that systemd hands over are served without a setting
FILE:6: store.redis: the Redis URL is not valid: its port is 1 to 65535`},
	{"numbers that are no address", "listen: 300.1.1.1\nupstreams:\n  - model: m\n    url: http://h:99999\nstore:\n  redis: redis://host:0\n", `FILE:4: upstreams[0].url: "http://h:99999" is not allowed here, an address such as http://127.0.0.1:8000 is
FILE:1: listen: "300.1.1.1" is not allowed here, a host, host:port, [::1]:port, :port for all addresses, or unix:/path is; sockets that systemd hands over are served without a setting
FILE:6: store.redis: the Redis URL is not valid: its port is 1 to 65535`},
	{"an address with a key that cuts it", "upstreams:\n  - model: m\n    url: http://user:sek/ret@host\n", `FILE:3: upstreams[0].url: the value (not shown, as it may hold a key) is not allowed here, an address such as http://127.0.0.1:8000 is`},
	{"two stores", "store:\n  folder: /tmp/x\n  redis: redis://host\n", `FILE:2: store.folder: not allowed beside store.redis, responses are kept in one place`},
	{"an address that only net/url refuses", "upstreams:\n  - model: m\n    url: http://h/%zzsekret\n", `FILE:3: upstreams[0].url: an address such as http://127.0.0.1:8000 is wanted (the value is not shown)`},
	{"no model: the server is asked", "upstreams:\n  - name: local\n", ``},
	{"variables", "upstreams:\n  - model: ${MODEL}\n    api_key: ${NONE}\n    url: http://${HOST}\nstore:\n  redis: redis://:${sekret-\n", `FILE:2: upstreams[0].model: ${MODEL} is not allowed here: variables may stand in addresses and keys only
FILE:3: upstreams[0].api_key: the variable NONE is not set
FILE:6: store.redis: ${ begins a variable, which is letters, digits and _, and } (the value is not shown)`},

	{"a text for all", "sekret\n", `FILE:1: a text is not allowed here, an object of keys and values is wanted`},
	{"a blank forgotten", "upstreams:\n  - model: x\n  - api_key:sekret\n", `FILE:3: upstreams[1]: a text is not allowed here, an object of keys and values is wanted
FILE:2: upstreams[0].name: a name is required where there are several upstreams`},
	{"a value for a key", "upstreams:\n  - model: x\n    sk-sekret1: ~\n    {a: b}: c\n", `FILE:4: not valid YAML: found an invalid key for this map`},
	{"a key that is none", "upstreams:\n  - model: x\n    sk-sekret1: ~\n", `FILE:3: upstreams[0].(not shown): unknown key, known are name, kind, url, model, api_key, max_model_len, generation, session_header`},
	{"an alias of nothing", "upstreams:\n  - model: x\n    api_key: *sekret\nport: 0\n", `FILE:3: upstreams[0].api_key: an alias (*) without an anchor (&) before it; a text that begins with * needs quotes
FILE:4: port: 0 is not allowed here, 1 to 65535 is`},
	{"an anchor in itself", "cors: &a {origins: *a}\n", `FILE:1: cors.origins: an alias (*) without an anchor (&) before it; a text that begins with * needs quotes`},
	{"a tag", "upstreams:\n  - model: x\n    api_key: !sekret\n", `FILE:3: upstreams[0].api_key: tags (!) are not allowed here; a text that begins with ! needs quotes`},
	{"merges of nothing", "<<: 1\nlog: {<<: *sekret}\n", `FILE:1: << takes an object, or a list of objects
FILE:2: log: an alias (*) without an anchor (&) before it`},
	{"a tab", "log:\n\tlevel: INFO\n", `FILE:2: not valid YAML: found character '	' that cannot start any token`},
	{"an open quote", "port: 1\nupstreams: [{api_key: \"sekret}]\n", `FILE:2: not valid YAML: could not find end character of double-quoted text`},
	{"an open list", "port: 1\nupstreams: [{api_key: sekret\n", `FILE:2: not valid YAML: could not find flow mapping end token '}'`},
	{"a colon in a value", "upstreams:\n  - api_key: sekret: x\n", `FILE:2: not valid YAML: mapping value is not allowed in this context`},
	{"a foreign version", "%YAML sekret\n---\na: 1\n", `FILE:1: not valid YAML: unknown YAML version`},
	{"two documents", "port: 1\n---\nport: 2\n", `FILE:3: a second document begins here, one is allowed`},
	{"UTF-16", "p\x00o\x00\nr\x00t\xff\x00", `FILE:2: the file is not UTF-8 text`},
	{"too long", "# " + strings.Repeat("x", config.MaxText), `FILE: the file has more than 131072 bytes, which no configuration has`},
	{"too deep", "a: " + strings.Repeat("[", 65) + strings.Repeat("]", 65), `FILE:1: the file holds too much up to here: at most 32768 words and signs, nested 64 deep, are allowed`},
	{"too deep on a line", "a:\n" + strings.Repeat("- ", 65) + "b", `FILE:2: the file holds too much up to here: at most 32768 words and signs, nested 64 deep, are allowed`},
	{"many blank lines", "a: |\n  a\n" + strings.Repeat(" \r\n", 40000), `FILE:1003: the file has more than 1000 blank lines up to here, which no configuration has`},
	{"too many keys", strings.Repeat("a: 1\n", 20000), `FILE:10923: the file holds too much up to here: at most 32768 words and signs, nested 64 deep, are allowed`},
	{"too deep by indents", deepByIndents(70), `FILE:65: ` + strings.Repeat("a.", 63) + `a: values are nested more than 64 deep here
FILE:1: a: unknown key, known are ` + known()},
	{"aliases of aliases", bomb("[%s]", "*%c"), `FILE: with its aliases written out the file has more than 131072 bytes, which no configuration has`},
	{"merges of merges", bomb("{<<: [%s]}", "*%c"), `FILE: with its aliases written out the file has more than 131072 bytes, which no configuration has`},
	{"many faults", manyKeys(22), manyFaults(20) + "and 2 more"},
}

func deepByIndents(depth int) string {
	var text strings.Builder
	for i := range depth {
		text.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return text.String()
}

// known lists the schema's outermost keys as an error does.
func known() string {
	_, err := config.Decode([]byte(`{"zzzzzzzzzz":1}`))
	line, _, _ := strings.Cut(err.Error(), "\n")
	_, keys, _ := strings.Cut(line, "known are ")
	return keys
}

func manyKeys(n int) string {
	var text strings.Builder
	for i := range n {
		text.WriteString("zzz" + strings.Repeat("z", i) + ": 1\n")
	}
	return text.String()
}

func manyFaults(n int) string {
	var lines strings.Builder
	for i := range n {
		lines.WriteString("FILE:" + strconv.Itoa(i+1) + ": zzz" + strings.Repeat("z", i) + ": unknown key, known are " + known() + "\n")
	}
	return lines.String()
}

// bomb is a text of some 400 bytes that ten levels of ten aliases each make 10 GB of.
func bomb(form, alias string) string {
	var text strings.Builder
	text.WriteString("a: &a {}\n")
	for c := 'b'; c <= 'k'; c++ {
		before := strings.ReplaceAll(alias, "%c", string(c-1))
		list := strings.TrimSuffix(strings.Repeat(before+",", 10), ",")
		text.WriteString(string(c) + ": &" + string(c) + " " + strings.ReplaceAll(form, "%s", list) + "\n")
	}
	return text.String()
}

func TestFaultsOfAFile(t *testing.T) {
	for _, tt := range faultCases {
		variables := env("HOST", "h", "QWENVOY_SERVED_MODEL", "m")
		if strings.Contains(tt.text, "name: local") || strings.Contains(tt.text, "${MODEL}") {
			variables = env("HOST", "h")
		}
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "c.yaml")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Load(&Flags{Config: &path}, variables)
			runtime.ReadMemStats(&after)
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), path, "FILE")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if strings.Contains(got, "sekret") {
				t.Errorf("a secret is shown: %s", got)
			}
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 400 {
				t.Errorf("%d MB were allocated", mb)
			}
		})
	}
}

// An address with a password or a key in it may stand under the wrong key, or be a key: nowhere
// does a fault show it.
func TestAddressesWithSecretsUnderWrongKeysAreNotShown(t *testing.T) {
	for _, address := range []string{
		"http://u:sekret@host", "HTTP://u:sekret@host:99999", "u:sekret@host:80", "//sekret@host", "redis://:sekret@host:6379/0",
		"https://host/?api_key=sekret", "host:80/?sekret", "http://host/a b?sekret", strings.Repeat("http://user:sekret", 9) + "@host",
	} {
		for _, text := range []string{
			"listen: 'A'", "port: 'A'", "allowed_hosts: ['A']", "cors: {origins: ['A']}", "log: {level: 'A'}", "log: {format: 'A'}",
			"log: 'A'", "passthrough: 'A'", "limits: {body: 'A'}", "timeouts: {idle: 'A'}", "profiles: [{name: p, temperature: 'A'}]",
			"profiles: [{name: p, thinking: 'A'}]", "profiles: [{name: p, thinking: on, when_off: 'A'}]", "models: [{name: m, profile: 'A'}]",
			"models: [{name: 'A', profile: thinking-coding}, {name: 'A', profile: thinking-coding}]", "upstreams: [{model: m, kind: 'A'}]",
			"models: [{name: m, profile: thinking-coding, aliases: ['A', 'A']}]", "'A': 1", "log: {'A': 1}", "client_fields: {deny: [' A']}",
		} {
			_, err := Load(&Flags{Config: file(t, strings.ReplaceAll(text, "A", address)+"\n"), ServedModel: ptr("m")}, env())
			if err == nil || strings.Contains(strings.ToLower(err.Error()), "sekret") {
				t.Errorf("%s with %s: %v", text, address, err)
			}
		}
		_, err := Load(&Flags{ServedModel: ptr("m"), Port: &address, LogFormat: &address}, env("QWENVOY_LISTEN", address, "QWENVOY_ENFORCE_SAMPLING", address))
		if err == nil || strings.Contains(err.Error(), "sekret") {
			t.Errorf("%v", err)
		}
	}
	_, err := Load(&Flags{Config: file(t, "models: [{name: qwen@latest, profile: none}, {name: m, profile: qwen@new}]\n"), ServedModel: ptr("m")}, env())
	if err == nil || !strings.Contains(err.Error(), `"none"`) || !strings.Contains(err.Error(), `"qwen@new"`) {
		t.Errorf("what is no address is not shown: %v", err)
	}
}

// Flags and variables are named in the place of a line, whatever is wrong with them.
func TestFaultsOfFlagsAndVariables(t *testing.T) {
	path := file(t, "port: x\nlog: {level: LOUD}\n")
	for _, tt := range []struct {
		name  string
		flags Flags
		env   []string
		want  string
	}{
		{"of a wrong type", Flags{Port: ptr("many"), MaxModelLen: ptr("1.5")}, []string{"QWEN35RP_ENFORCE_SAMPLING_PARAMS", "si"},
			`--port: port: "many" is not allowed here, a whole number is wanted
--max-model-len: upstreams[0].max_model_len: "1.5" is not allowed here, a whole number is wanted
QWEN35RP_ENFORCE_SAMPLING_PARAMS: enforce_sampling: "si" is not allowed here, true or false is wanted`},
		{"out of range", Flags{Port: ptr("0"), MaxModelLen: ptr("-1"), LogFormat: ptr("xml"), Listen: ptr("::1:9000/")}, []string{"QWENVOY_LOG_LEVEL", "loud"},
			`--port: port: 0 is not allowed here, 1 to 65535 is
--max-model-len: upstreams[0].max_model_len: -1 is not allowed here, a number of tokens or 0 for unknown is
QWENVOY_LOG_LEVEL: log.level: "LOUD" is not allowed here, COMPLETE, DEBUG, INFO, WARN, ERROR is
--log-format: log.format: "xml" is not allowed here, auto, text, journald, json is
--listen: listen: "::1:9000/" is not allowed here, a host, host:port, [::1]:port, :port for all addresses, or unix:/path is; ` +
				`sockets that systemd hands over are served without a setting`},
		{"of lists", Flags{Config: file(t, "allowed_hosts: [a, b]\n"), AllowedHosts: ptr("gw.test, b.test:1")}, nil,
			`--allowed-hosts: allowed_hosts[1]: "b.test:1" is not allowed here, ` +
				"a host without scheme and port such as gw.example.com, *.example.com or [fd00::1], or * is"},
		{"of names", Flags{ThinkingGeneral: ptr("x")}, []string{"QWENVOY_THINKING_CODING_MODEL", "x"},
			`QWENVOY_THINKING_CODING_MODEL: builtin_models.thinking-coding: "x" stands twice`},
		{"secret", Flags{Target: ptr("http://u:sekret@h")}, []string{"QWENVOY_UPSTREAM_API_KEY", "sek ret", "QWENVOY_STORE_REDIS", "rediss:sekret"},
			`--target: upstreams[0].url: a user and password are not allowed here (the address is not shown), a key goes into api_key
QWENVOY_UPSTREAM_API_KEY: upstreams[0].api_key: spaces, line breaks and letters beyond ASCII are not allowed here (the value is not shown)
QWENVOY_STORE_REDIS: store.redis: the Redis URL is not valid: redis://[user:password@]host:port/database is wanted (rediss:// for TLS)`},
		{"variables in variables", Flags{Target: ptr("http://${HOST}")}, []string{"QWENVOY_UPSTREAM_API_KEY", "${sekret}"},
			`--target: upstreams[0].url: ${ is not allowed here: only the file may name variables (the value is not shown)
QWENVOY_UPSTREAM_API_KEY: upstreams[0].api_key: ${ is not allowed here: only the file may name variables (the value is not shown)`},
		{"beside those of a file", Flags{Config: path, Port: ptr("70000")}, nil, "FILE:1: port: \"x\" is not allowed here, a whole number is wanted\n" +
			`FILE:2: log.level: "LOUD" is not allowed here, COMPLETE, DEBUG, INFO, WARN, ERROR is`},
		{"no file", Flags{Config: ptr("/nowhere.yaml"), Port: ptr("x")}, nil, "/nowhere.yaml: no such file or directory\n" +
			`--port: port: "x" is not allowed here, a whole number is wanted`},
		{"a folder", Flags{Config: ptr("/")}, nil, "/: is a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.flags.ServedModel = ptr("m")
			_, err := Load(&tt.flags, env(tt.env...))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(err.Error(), *path, "FILE")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if c, err := Load(&Flags{}, env()); err != nil || c.Upstreams[0].URL != DefaultTarget {
		t.Error(err)
	}
}

// What the parser is given is read, or refused with a reason; it never stops a gateway.
func FuzzFile(f *testing.F) {
	for _, c := range faultCases {
		if len(c.text) < 1000 {
			f.Add(c.text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := parse([]byte(text))
		if c := config.Default(); d.json != nil {
			var errs config.Errors
			if errors.As(config.DecodeInto(c, d.json, nil), &errs); errs != nil && strings.Contains(errs[0].Text, "not valid JSON") {
				t.Errorf("%q became %s: %v", text, d.json, errs)
			}
		} else if len(d.faults) == 0 {
			t.Errorf("%q: neither a configuration nor a fault", text)
		}
	})
}

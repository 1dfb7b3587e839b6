package redact

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

const canary = "cAnArY-7f3a9c"

// carriers set a secret into a text, in the forms that this package promises to see.
var carriers = []func(name, before, after string) string{
	func(n, b, a string) string { return literal(map[string]any{"a": b, n: canary, "z": a}) },
	func(n, b, a string) string {
		return literal(map[string]any{"a": b, n: []any{map[string]any{"x": canary}, canary}, "z": a})
	},
	func(n, b, a string) string {
		return literal(map[string]any{"a": b, "in": literal(map[string]any{"a": b, n: canary, "z": a}), "z": a})
	},
	func(n, b, a string) string {
		return literal(map[string]any{"in": literal(map[string]any{"in": literal(map[string]any{n: map[string]any{"x": canary}, "z": a}), "b": b}), "z": a})
	},
	func(n, b, a string) string {
		return literal([]any{b, "http://u:" + canary + "@h/?x=" + canary + "&" + n + "=" + canary + "#" + canary, a})
	},
	func(n, b, a string) string { return literal([]any{n + ": " + canary, b, n + "=" + canary + "&x=y", a}) },
	func(n, b, a string) string { return literal([]any{"Bearer " + canary, b, a}) },
	func(n, b, a string) string {
		return url.Values{"a": {b}, n: {canary}, "z": {a}}.Encode()
	},
	func(n, b, a string) string { return n + ": " + canary + "\r\nA: b\r\n\r\n" + a },
	func(n, b, a string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + n + "\"\r\n\r\n" + canary + "\r\n--b--\r\n" + a
	},
}

func literal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

var fuzzedNames = []string{"api_key", "X-Api-Key", "Authorization", "password", "token", "user[secret]", "sessionId", "sig", "client_credentials"}

func FuzzCarriers(f *testing.F) {
	for i := range carriers {
		f.Add(uint(i), "", "")
		f.Add(uint(i)+31, `he said "x": {[`, `\" , "password":`)
		f.Add(uint(i)+17, "5\" pipe\n", "\x00\x1b\u2028 ' key: ")
		f.Add(uint(i)+23, `\\\"token\\\":`, `\u0022\u005c"`)
		f.Add(uint(i)+41, `{"key":"`, `"}`)
	}
	f.Fuzz(func(t *testing.T, pick uint, before, after string) {
		if strings.Contains(before+after, "AnAr") {
			return
		}
		name := fuzzedNames[pick/uint(len(carriers))%uint(len(fuzzedNames))]
		in := carriers[pick%uint(len(carriers))](name, before, after)
		got := Text(in, 1<<20)
		if strings.Contains(got, canary) {
			t.Errorf("%s\nshows as %s", in, got)
		}
		check(t, in, got)
		for _, limit := range []int{64, 300} {
			if got := Text(in, limit); len(got) > limit || strings.Contains(got, canary) {
				t.Errorf("%s\nshows in %d bytes as %s", in, limit, got)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	for _, s := range []string{
		`{"a":{"key":[1,"x",{"b":null}]},"c":"key: \"d\""}`, `"\\\"key\\\":\\\"x\\\""`, `{"key":"\u0022,\\u0022\\\u0022"}`, `{"a":"--key x\\","b":"http:\/\/u@h\/\\"}`,
		"key=%3D%253D'x'", "<key>x</key>", `{"key" : [ {"a" : "b"} , 1e5 ] , "x":"key:\\"}`, `["key: '","x'"]`, `{"a":"Bearer aBcDeF\\","pin":-1.5e3}`,
		`{"a":"key:\n","b":"c"}`, `{"a":"-----BEGIN PRIVATE KEY-----\nx","b":"c"}`, `{"a":"key:\\\"","b":"c"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		check(t, s, Text(s, 1<<20, "known-secret"))
		if got := Line(s); len(got) > MaxValue || strings.ContainsAny(got, "\n\r\t\x1b\u2028") || !utf8.ValidString(got) {
			t.Errorf("%q", got)
		}
		if got := Text(s+" known-secret "+s, 1<<20, "known-secret"); strings.Contains(got, "known-secret") {
			t.Errorf("%s", got)
		}
	})
}

// check holds what of a text's redaction must always be so.
func check(t *testing.T, in, got string) {
	t.Helper()
	if json.Valid([]byte(in)) && !json.Valid([]byte(got)) {
		t.Errorf("%s\nis JSON, but not %s", in, got)
	}
	if len(got) > 16*len(in)+64 {
		t.Errorf("%d bytes became %d", len(in), len(got))
	}
	if !utf8.ValidString(got) {
		t.Errorf("%q is no UTF-8", got)
	}
}

func FuzzTarget(f *testing.F) {
	f.Add("u", "p", "q")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if strings.Contains(a+b+c, "AnAr") {
			return
		}
		for _, s := range []string{
			"/" + url.PathEscape(a) + "/" + canary + "/" + url.PathEscape(b), "/x?" + a + "&x=" + canary, "/?" + canary + "=" + a, "/?" + url.QueryEscape(b) + "=" + canary + ";" + c,
			"http://" + url.PathEscape(a) + ":" + canary + "@h/" + b,
		} {
			got := Target(s)
			if strings.Contains(got, canary) {
				t.Errorf("%s shows as %s", s, got)
			}
		}
	})
}

// Texts that are made to be looked at again and again take as long as others of their
// length. With work by its square this takes longer than a test may.
func TestWorkFollowsLength(t *testing.T) {
	const size = 512 << 10
	for _, unit := range []string{
		":", "=", "a=", "a:", "'", "':", "\"", "\":", "\\", "\\\"", "\\\":", "key:", "key=", "key:\"", "key:\\", "{\"key\":[", "\"key\":[\"",
		"%3D", "a%3D", "%25", "%2525253D", "--key ", "://", "http://", "http://a\\/", "bearer ", "digest ", "-----BEGIN ", "-----BEGIN PRIVATE",
		"<key>", "eyJ", "sk-", "\\u00", "\\u0041", "\\u0022", "name=key;", "\nContent-Disposition: form-data; name=\"key\"", "key: \n ", " ", "\n", "a b ", "key a b c:",
		"author", "tokeniz", "key:\" ", "key\\", "`:", "[1", "&;", "key: '", "@", "http://@",
	} {
		if got := Text(strings.Repeat(unit, size/len(unit)), size); len(got) > 16*size {
			t.Errorf("%s: %d bytes", strconv.Quote(unit), len(got))
		}
	}
}

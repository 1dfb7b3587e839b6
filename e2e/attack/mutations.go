package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

// A mutant is a bad body and how it was made.
type mutant struct {
	how, body string
	header    []string
}

// splinters are what no JSON has where it is put, but within a string perhaps.
var splinters = []string{"\x00", "\x01", "\n", "\t", "\xff", "\xc3", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xc0\xaf", `\`, `\x41`, `\u12`, `\u{41}`, `"`, `""`, `'`,
	",", ",,", ":", "{", "}", "[", "]", "nul", "NaN", "Infinity", "-", "01", "1.", ".5", "+1", "0x10", "1e", "//c", "/*c*/", "\ufeff", "\u00a0", "\u2028", "undefined"}

// malformed makes n bodies that are no JSON text in UTF-8 by cutting, adding, leaving out and
// overwriting at random.
func malformed(random *rand.Rand, good string, n int) (all []mutant) {
	for len(all) < n {
		at, splinter := random.IntN(len(good)-1)+1, splinters[random.IntN(len(splinters))]
		var m mutant
		switch random.IntN(5) {
		case 0:
			m = mutant{how: fmt.Sprintf("cut at %d", at), body: good[:at]}
		case 1:
			m = mutant{how: fmt.Sprintf("%q at %d", splinter, at), body: good[:at] + splinter + good[at:]}
		case 2:
			m = mutant{how: fmt.Sprintf("without byte %d", at), body: good[:at] + good[at+1:]}
		case 3:
			m = mutant{how: fmt.Sprintf("byte %d is another", at), body: good[:at] + string([]byte{byte(random.IntN(256))}) + good[at+1:]}
		case 4:
			m = mutant{how: fmt.Sprintf("%q behind", splinter), body: good + splinter}
		}
		if !json.Valid([]byte(m.body)) || !utf8.ValidString(m.body) {
			all = append(all, m)
		}
	}
	return all
}

// noObject are bodies that are no JSON object, or too deep a one, for every place.
func noObject(good string) []mutant {
	all := []mutant{
		{how: "its end twice", body: good + "}"}, {how: "twice", body: good + good}, {how: "in an array", body: "[" + good + "]"},
		{how: "in a string", body: quote(good)}, {how: "a NUL behind", body: good + "\x00"},
		{how: "UTF-16", body: "\xff\xfe" + strings.Join(strings.Split(good, ""), "\x00")},
		{how: "too deep, open", body: `{"a":` + strings.Repeat("[", 200_000)},
		{how: "too deep", body: `{"a":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + "," + good[1:]},
		{how: "objects too deep", body: `{"a":` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000) + "," + good[1:]},
		{how: "plain, said to be gzip", body: good, header: []string{"content-encoding", "gzip"}},
		{how: "plain, said to be zstd", body: good, header: []string{"content-encoding", "zstd"}},
		{how: "plain, said to be br", body: good, header: []string{"content-encoding", "br"}},
		{how: "gzip twice over, once done", body: packed(packed(good)), header: []string{"content-encoding", "gzip"}},
		{how: "gzip that is cut", body: packed(good)[:20], header: []string{"content-encoding", "gzip"}},
		{how: "gzip with a wrong sum", body: spoilt(packed(good)), header: []string{"content-encoding", "gzip"}},
		{how: "gzip of what is no JSON", body: packed(good[1:]), header: []string{"content-encoding", "gzip"}},
	}
	for _, text := range []string{" ", "null", "true", "17", `"text"`, "[]", "{", "}", "NaN", "model=x&input=y", "<x/>", "\xef\xbb\xbf", "--b\r\ncontent-disposition: form-data\r\n\r\n1\r\n--b--"} {
		all = append(all, mutant{how: fmt.Sprintf("only %q", text), body: text})
	}
	return all
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// spoilt changes the checksum at the end of a gzip member.
func spoilt(member string) string {
	b := []byte(member)
	b[len(b)-6] ^= 0xff
	return string(b)
}

// another are values by the kinds that a member may not have.
var another = map[gjson.Type][]string{
	gjson.String: {"17", `{"wrong":1}`},
	gjson.Number: {`"much"`, `{"wrong":1}`, "[1]", "1e999"},
	gjson.True:   {`"perhaps"`, `{"wrong":1}`, "17"},
	gjson.False:  {`"perhaps"`, `{"wrong":1}`, "17"},
	gjson.JSON:   {`17`, "true"},
}

// mistyped makes bodies whose members are of another kind than they may be, one in each.
func mistyped(p *place) (all []mutant) {
	walk("", gjson.Parse(p.body), func(path string, v gjson.Result) {
		within := func(f string) bool { return strings.Contains("."+path+".", "."+f+".") }
		if slices.ContainsFunc(free, within) || p.chat && slices.ContainsFunc(servers, within) {
			return
		}
		for _, wrong := range another[v.Type] {
			body, err := sjson.SetRaw(p.body, path, wrong)
			if err != nil {
				panic(err) // paths are the body's own
			}
			all = append(all, mutant{how: path + " is " + wrong, body: body})
		}
	})
	return all
}

// free are members of any kind: schemas are the client's, arguments of any kind are repaired, and
// a limit however large is lowered to the window.
var free = []string{"parameters", "input_schema", "arguments", "content.0.input", "max_tokens"}

// servers are members of a chat that the model server alone judges; the simulated one, which is
// behind the gateway here, takes them as they come.
var servers = []string{"content.0", "tool_calls", "tool_call_id", "stop", "tool_choice", "description", "include_usage"}

func walk(path string, v gjson.Result, visit func(string, gjson.Result)) {
	if path != "" {
		visit(path, v)
	}
	if !v.IsObject() && !v.IsArray() {
		return
	}
	n := 0
	v.ForEach(func(key, value gjson.Result) bool {
		name := key.Str
		if v.IsArray() {
			name = fmt.Sprint(n)
		}
		n++
		walk(strings.TrimPrefix(path+"."+name, "."), value, visit)
		return true
	})
}

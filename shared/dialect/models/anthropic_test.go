package models

import (
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

func TestDatesAndWindowsThatAreNotKnown(t *testing.T) {
	cat := newCatalog(t)
	tests := []struct{ entry, created, window string }{
		{`{"id":"Qwen/X","created":1795248343,"max_model_len":8192}`, "2026-11-21T08:05:43Z", "8192"},
		{`{"id":"Qwen/X"}`, "1970-01-01T00:00:00Z", "null"},
		{`{"id":"Qwen/X","created":-5,"max_model_len":0}`, "1970-01-01T00:00:00Z", "null"},
		{`{"id":"Qwen/X","created":99999999999999,"max_model_len":null}`, "1970-01-01T00:00:00Z", "null"},
		{`{"id":"Qwen/X","created":"yesterday","max_model_len":"x"}`, "1970-01-01T00:00:00Z", "null"},
	}
	for _, tt := range tests {
		out, p := AppendAnthropicOne(nil, []byte(`{"data":[`+tt.entry+`]}`), cat, "gpt-5")
		if p != nil {
			t.Fatalf("%+v", p)
		}
		if e := gjson.ParseBytes(out); e.Get("created_at").String() != tt.created || e.Get("max_input_tokens").Raw != tt.window || e.Get("max_tokens").Raw != tt.window {
			t.Errorf("%s became %s", tt.entry, out)
		}
	}
}

func TestAListComesInPages(t *testing.T) {
	cat := newCatalog(t)
	all := strings.Join(cat.Listed(), " ")
	const a, b, c, d = "qwen3.5-thinking-general", "qwen3.5-thinking-coding", "qwen3.5-instruct-general", "qwen3.5-instruct-reasoning"
	rest := " " + strings.Join(cat.Listed()[4:], " ")
	last := cat.Listed()[len(cat.Listed())-1]
	tests := []struct{ query, want, more string }{
		{"", all, "false"},
		{"limit=1000", all, "false"},
		{"limit=9", all, "false"},
		{"limit=3", a + " " + b + " " + c, "true"},
		{"limit=2&after_id=" + a, b + " " + c, "true"},
		{"after_id=" + b + "&limit=2", c + " " + d, "true"},
		{"after_id=" + b, c + " " + d + rest, "false"},
		{"after_id=" + d, rest[1:], "false"},
		{"after_id=" + last, "", "false"},
		{"limit=2&before_id=" + d, b + " " + c, "true"},
		{"limit=2&before_id=" + c, a + " " + b, "false"},
		{"before_id=" + a, "", "false"},
		{"after_id=" + a + "&before_id=" + d, b + " " + c, "false"},
		{"limit=1&after_id=qwen3%2E5-thinking-%63oding", c, "true"},
		// What means nothing changes nothing.
		{"limit=0", all, "false"}, {"limit=-1", all, "false"}, {"limit=1001", all, "false"}, {"limit=x", all, "false"}, {"limit=", all, "false"},
		{"after_id=llama", all, "false"}, {"before_id=%zz", all, "false"}, {"beta=true&&=&limit", all, "false"},
	}
	for _, tt := range tests {
		out, p := AppendAnthropicList(nil, []byte(`{"data":[{"id":"Qwen/X"}]}`), cat, tt.query)
		if p != nil {
			t.Fatalf("%+v", p)
		}
		l := gjson.ParseBytes(out)
		var ids []string
		for _, id := range l.Get("data.#.id").Array() {
			ids = append(ids, id.String())
		}
		if got := strings.Join(ids, " "); got != tt.want || l.Get("has_more").Raw != tt.more {
			t.Errorf("%s: got %s, more %s; want %s, %s", tt.query, got, l.Get("has_more").Raw, tt.want, tt.more)
		}
		if len(ids) > 0 && (l.Get("first_id").String() != ids[0] || l.Get("last_id").String() != ids[len(ids)-1]) || len(ids) == 0 && l.Get("first_id").Raw+l.Get("last_id").Raw != "nullnull" {
			t.Errorf("%s: %s", tt.query, out)
		}
	}
}

func TestTimesAreThoseOfPackageTime(t *testing.T) {
	check := func(seconds int64) {
		t.Helper()
		if got, want := string(appendTime(nil, seconds)), time.Unix(seconds, 0).UTC().Format(time.RFC3339); got != want {
			t.Fatalf("%d: %s, want %s", seconds, got, want)
		}
	}
	for seconds := int64(0); seconds <= 400*366*86400; seconds += 86399 { // each day of 400 years, at another time
		check(seconds)
	}
	check(253402300799)
}

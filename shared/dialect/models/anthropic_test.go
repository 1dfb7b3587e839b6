package models

import (
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

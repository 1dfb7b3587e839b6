package gateway

import (
	"strings"
	"testing"
	"time"
)

func TestRetryFields(t *testing.T) {
	for _, tt := range []struct {
		route     string
		status    int
		ended     bool
		after, ms string
		want      string
	}{
		{"chat", 400, false, "", "", ""},
		{"chat", 503, false, "", "", ""},
		{"chat", 401, false, "", "", "x-should-retry: false"},
		{"responses", 402, false, "", "", "x-should-retry: false"},
		{"messages", 403, false, "", "", "x-should-retry: false"},
		{"messages_count_tokens", 404, false, "", "", "x-should-retry: false"},
		{"chat", 429, true, "7", "", "x-should-retry: false"},
		{"chat", 429, false, "", "", "retry-after: 5"},
		{"chat", 429, false, "7", "", ""},
		{"chat", 429, false, "0", "", ""},
		{"chat", 429, false, "-1", "", "retry-after: 5"},
		{"responses", 429, false, "3600", "", ""},
		{"responses", 429, false, "Mon, 30 Nov 2026 22:00:00 GMT", "", ""},
		{"responses", 429, false, "", "1", "retry-after: 1"},
		{"responses", 429, false, "", "120000", "retry-after: 120"},
		{"responses", 429, false, "", "soon", "retry-after: 5"},
		{"messages", 429, false, "50", "", ""},
		{"messages", 429, false, " 51 ", "", "retry-after: 50"},
		{"messages", 429, false, "1.5", "", "retry-after: 2"},
		{"messages", 429, false, "0.2", "", "retry-after: 1"},
		{"messages", 429, false, "99.9", "", "retry-after: 50"},
		{"messages", 429, false, ".", "", "retry-after: 50"},
		{"messages", 429, false, "soon", "", "retry-after: 50"},
		// By the server's own clock, Mon, 30 Nov 2026 22:00:00 GMT.
		{"messages", 429, false, "Mon, 30 Nov 2026 22:00:07 GMT", "", "retry-after: 7"},
		{"messages", 429, false, "Mon, 30 Nov 2026 22:01:00 GMT", "", "retry-after: 50"},
		{"messages", 429, false, "Tue, 01 Dec 2026 22:00:00 GMT", "", "retry-after: 50"},
		{"messages", 429, false, "Mon, 30 Nov 2026 21:59:00 GMT", "", "retry-after: 1"},
		{"messages", 429, false, "Mon, 30 anN 2026 22:00:07 GMT", "", "retry-after: 50"},
		{"messages", 429, false, "Mon, 30 Nov 2o26 22:00:07 GMT", "", "retry-after: 50"},
		{"messages", 429, false, "Mon, 30 Nov 2026 22:00:07", "", "retry-after: 50"},
		{"messages", 429, false, "", "120000", "retry-after: 50"},
		{"messages", 429, false, "7", "120000", "retry-after: 7"}, // the longer one goes
		{"messages", 429, false, "99999999999999999999", "", "retry-after: 50"},
	} {
		var got []string
		for _, f := range (&route{name: tt.route}).retryFields(tt.status, tt.ended, 0, values("retry-after", tt.after, "retry-after-ms", tt.ms,
			"date", "Mon, 30 Nov 2026 22:00:00 GMT")) {
			got = append(got, f[0]+": "+f[1])
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%+v: %q", tt, s)
		}
	}
}

func TestDatesOfHTTP(t *testing.T) {
	const form = "Mon, 02 Jan 2006 15:04:05 GMT"
	for at := time.Date(1999, 1, 1, 1, 2, 3, 0, time.UTC); at.Year() < 2105; at = at.Add(23*time.Hour + 59*time.Minute + 58*time.Second) {
		if got, ok := unixOf(at.Format(form)); !ok || got != at.Unix() {
			t.Fatalf("%s: %d, want %d", at.Format(form), got, at.Unix())
		}
	}
}

// Without a clock of the server's the gateway's counts.
func TestRetryAtATimeWithoutTheServersClock(t *testing.T) {
	const at = "Mon, 30 Nov 2026 22:00:07 GMT" // 1796076007
	for now, want := range map[int64]string{1796076000: "7", 1796076100: "1", 0: "50"} {
		got := (&route{name: "messages"}).retryFields(429, false, now, values("retry-after", at))
		if len(got) != 1 || got[0][1] != want {
			t.Errorf("at %d: %v", now, got)
		}
	}
}

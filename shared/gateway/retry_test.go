package gateway

import (
	"strings"
	"testing"
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
		{"messages", 429, false, "1.5", "", "retry-after: 50"},
		{"messages", 429, false, "Mon, 30 Nov 2026 22:00:00 GMT", "", "retry-after: 50"},
		{"messages", 429, false, "", "120000", "retry-after: 50"},
		{"messages", 429, false, "7", "120000", "retry-after: 7"}, // the longer one goes
		{"messages", 429, false, "99999999999999999999", "", "retry-after: 50"},
	} {
		var got []string
		for _, f := range (&route{name: tt.route}).retryFields(tt.status, tt.ended, values("retry-after", tt.after, "retry-after-ms", tt.ms)) {
			got = append(got, f[0]+": "+f[1])
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%+v: %q", tt, s)
		}
	}
}

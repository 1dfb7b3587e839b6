package logging

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/journal"

	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// forms are loggers of every form that write to a buffer.
func forms(t *testing.T) map[string]func(*bytes.Buffer) *slog.Logger {
	made := map[string]func(*bytes.Buffer) *slog.Logger{}
	for _, f := range []string{"json", "text", "journald"} {
		made[f] = func(b *bytes.Buffer) *slog.Logger {
			l, err := New(b, f, LevelComplete)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
	}
	return made
}

func TestNoValueGoesByTheRedaction(t *testing.T) {
	const canary = "cAnArY-7f3a9c"
	wrapped := fmt.Errorf("no reply: %w", textproto.ProtocolError("malformed MIME header line: x "+canary))
	for name, make := range forms(t) {
		var b bytes.Buffer
		l := make(&b).With("api_key", canary)
		l.Info("said token: "+canary, "a", "http://u:"+canary+"@h/?x="+canary, "authorization", canary, "auth", 12345, "input_tokens", 7,
			"error", &url.Error{Op: "Post", URL: "http://u:" + canary + "@h/?key=" + canary, Err: errors.New(`malformed HTTP response "` + canary + `"`)},
			"other", wrapped, "list", []string{"password=" + canary}, slog.Group("g", "secret", canary),
			"headers", Headers(http.Header{"X-" + canary: {canary}, "Location": {"/" + canary}, "Cookie": {canary}, "X-Y": {canary}}),
			"body", Body([]byte(`{"t":"`+canary+`!"}`), canary), "checked", Checked("api_key: must be given"))
		out := b.String()
		if strings.Contains(out, canary) || strings.Contains(out, "12345") || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: %s", name, out)
		}
		for _, want := range []string{"input_tokens", "7", "Post ", "malformed HTTP response ", "malformed MIME header line: ", "[redacted]!", "api_key: must be given"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %s in %s", name, want, out)
			}
		}
	}
}

func TestALineHasBounds(t *testing.T) {
	big := strings.Repeat("\"\\世\x1b\n\u2028", 20000)
	header := http.Header{}
	var many []any
	for i := range 200 {
		header[fmt.Sprintf("X-Stainless-%s", strings.Repeat("a", i%20)+"-"+strings.Repeat("b", i/20))] = []string{big}
		many = append(many, fmt.Sprintf("a%d", i), big)
	}
	for name, make := range forms(t) {
		for what, attrs := range map[string][]any{
			"value": {"a", big}, "error": {"error", errors.New(big)}, "body": {"body", Body([]byte(big))}, "headers": {"headers", Headers(header)},
			"all": append([]any{"headers", Headers(header), "body", Body([]byte(big)), "g", slog.GroupValue(slog.String("a", big), slog.Int("b", 1))}, many...),
		} {
			var b bytes.Buffer
			make(&b).Error("m"+big[:100], attrs...)
			line := b.String()
			if len(line) > redact.MaxLine || strings.Count(line, "\n") != 1 || strings.ContainsAny(line, "\x1b\u2028") {
				t.Errorf("%s, %s: %d bytes, %d lines", name, what, len(line), strings.Count(line, "\n"))
			}
			if what == "value" && (len(line) < redact.MaxValue || len(line) > 3*redact.MaxValue) || what == "body" && len(line) < maxBody/4 {
				t.Errorf("%s, %s: %d bytes", name, what, len(line))
			}
			if name == "json" && !json.Valid(b.Bytes()) {
				t.Errorf("%s: no JSON", what)
			}
		}
	}
}

// The journal gets a text whose length it knows: nothing in it begins an entry.
func TestEntriesOfTheJournal(t *testing.T) {
	type entry struct {
		message  string
		priority journal.Priority
		fields   map[string]string
	}
	var got []entry
	var lines bytes.Buffer
	fails := false
	h := newJournal(&lines, &slog.HandlerOptions{Level: LevelComplete, ReplaceAttr: replace}, func(m string, p journal.Priority, f map[string]string) error {
		if fails {
			return errors.New("no journal")
		}
		got = append(got, entry{m, p, f})
		return nil
	})
	l := slog.New(bounded{h})
	l.Warn("a", "b", "x\n<0>MESSAGE=evil\nPRIORITY=0")
	if len(got) != 1 || got[0].message != `msg=a b="x\n<0>MESSAGE=evil\nPRIORITY=0"` || got[0].priority != journal.PriWarning || got[0].fields["SYSLOG_IDENTIFIER"] != "qwenvoy" || lines.Len() != 0 {
		t.Errorf("%+v, lines %q", got, &lines)
	}
	fails = true
	l.Error("c")
	if lines.String() != "<3>msg=c\n" {
		t.Errorf("without a journal: %q", &lines)
	}
}

func TestCredentials(t *testing.T) {
	basic := base64.StdEncoding.EncodeToString([]byte("me:the-password"))
	for value, want := range map[string][]string{"Bearer x-1": {"x-1"}, "x": {"x"}, "Basic " + basic: {basic, "the-password"}} {
		if got := Credentials(value); !slices.Equal(got, want) {
			t.Errorf("%s: %q", value, got)
		}
	}
}

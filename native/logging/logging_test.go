package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
)

func TestLevels(t *testing.T) {
	for _, tt := range []struct {
		name string
		want slog.Level
	}{{"COMPLETE", LevelComplete}, {"debug", slog.LevelDebug}, {"Info", slog.LevelInfo}, {"WARN", slog.LevelWarn}, {"ERROR", slog.LevelError}} {
		if got, err := ParseLevel(tt.name); err != nil || got != tt.want {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
	if _, err := ParseLevel("LOUD"); err == nil || !strings.Contains(err.Error(), "COMPLETE, DEBUG, INFO, WARN and ERROR") {
		t.Errorf("unknown level: %v", err)
	}
}

func TestForms(t *testing.T) {
	for _, tt := range []struct{ format, prefix, want string }{
		{"text", "time=", "level=COMPLETE msg=\"two words\" a=\"x\\ny\""},
		{"journald", "<7>msg=", "<7>msg=\"two words\" a=\"x\\ny\"\n"},
		{"json", "{", `"level":"COMPLETE","msg":"two words","a":"x\ny"}`},
	} {
		var b bytes.Buffer
		l, err := New(&b, tt.format, LevelComplete)
		if err != nil {
			t.Fatal(err)
		}
		l.Log(context.Background(), LevelComplete, "two words", "a", "x\ny")
		if got := b.String(); !strings.HasPrefix(got, tt.prefix) || !strings.Contains(got, tt.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: %q", tt.format, got)
		}
	}
	if _, err := New(&bytes.Buffer{}, "xml", slog.LevelInfo); err == nil || !strings.Contains(err.Error(), "auto, text, journald and json") {
		t.Errorf("unknown format: %v", err)
	}
}

func TestJournalPriorities(t *testing.T) {
	var b bytes.Buffer
	l, err := New(&b, "journald", LevelComplete)
	if err != nil {
		t.Fatal(err)
	}
	l = l.With("x", 1)
	l.Error("a")
	l.Warn("b")
	l.Info("c")
	l.Debug("d")
	want := "<3>msg=a x=1\n<4>msg=b x=1\n<6>msg=c x=1\n<7>msg=d x=1\n"
	if got := b.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAutoIsJSONWhereNobodyLooks(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := New(f, "auto", slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	l.Info("hello")
	b, err := os.ReadFile(f.Name())
	if err != nil || !json.Valid(b) {
		t.Errorf("%q, %v", b, err)
	}
}

func TestHeaders(t *testing.T) {
	var b bytes.Buffer
	l, _ := New(&b, "json", slog.LevelInfo)
	l.Info("x", "headers", Headers(http.Header{
		"Authorization": {"Bearer sekret"}, "X-Api-Key": {"sekret"}, "X-Claude-Code-Session-Id": {"sekret"}, "X-Codex-Turn-Metadata": {`{"cwd":"sekret"}`}, "Cookie": {"sekret"}, "Set-Cookie": {"sekret", "sekret"},
		"Proxy-Authorization": {"sekret"}, "X-Goog-Api-Key": {"sekret"}, "X-Auth-Token": {"sekret"}, "Sec-Websocket-Protocol": {"sekret"},
		"Accept": {"a", "b"}, "Referer": {"http://h/?api_key=sekret"}, "Location": {"/x?token=sekret"},
	}))
	if s := b.String(); strings.Contains(s, "sekret") || !strings.Contains(s, `"Accept":"a, b"`) || strings.Count(s, redacted) != 12 {
		t.Errorf("%s", s)
	}
}

func TestAnAttributeNamedLikeASecretIsHidden(t *testing.T) {
	var b bytes.Buffer
	l, _ := New(&b, "json", slog.LevelInfo)
	l.Info("x", "api_key", "sekret", slog.Group("g", "authorization", "sekret"), "input_tokens", 7)
	if s := b.String(); strings.Contains(s, "sekret") || !strings.Contains(s, `"input_tokens":7`) {
		t.Errorf("%s", s)
	}
}

func TestURI(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"/v1/models", "/v1/models"},
		{"/x?a=1&b", "/x?a=1&b"},
		{"/x?api_key=s&a=1", "/x?api_key=[redacted]&a=1"},
		{"/x?KEY=s&token=s&access_token=s", "/x?KEY=[redacted]&token=[redacted]&access_token=[redacted]"},
		{"/x?%6bey=s", "/x?%6bey=[redacted]"},
		{"/x?ke%zz=s", "/x?[redacted]"},
		{"/x?max_tokens=5", "/x?max_tokens=5"},
		{"/x?a=1;api_key=s;b=2&c", "/x?a=1;api_key=[redacted];b=2&c"},
		{"http://user:s@host/x?a=1", "http://[redacted]@host/x?a=1"},
		{"http://s@host", "http://[redacted]@host"},
		{"http://host/x@y?a=@", "http://host/x@y?a=@"},
		{"//s@host/x", "//s@host/x"},
	} {
		if got := URI(tt.in); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestBodyHidesKnownSecrets(t *testing.T) {
	if got := Body([]byte(`{"a":"sk-12345678","b":"short"}`), "sk-12345678", "short", ""); got != `{"a":"[redacted]","b":"short"}` {
		t.Errorf("%s", got)
	}
}

func TestBodyHidesTheSecretsThatRequestsCarry(t *testing.T) {
	for _, tt := range []struct{ body, want string }{
		{`{"mcp_servers":[{"url":"u","authorization_token": "s3cret\"x"}],"metadata":{"user_id":"{\"device\":1}"}}`,
			`{"mcp_servers":[{"url":"u","authorization_token": "[redacted]"}],"metadata":{"user_id":"[redacted]"}}`},
		{`{"tools":[{"type":"mcp","authorization":"s3cret","headers":{"X-Api-Key" :"s3cret","X-Trace":"1"}}]}`,
			`{"tools":[{"type":"mcp","authorization":"[redacted]","headers":{"X-Api-Key" :"[redacted]","X-Trace":"1"}}]}`},
		{"data: {\"max_tokens\":5,\"token\":\"Hi\",\"text\":\"say \\\"user_id\\\": \\\"x\\\"\"}\n\n", "data: {\"max_tokens\":5,\"token\":\"Hi\",\"text\":\"say \\\"user_id\\\": \\\"x\\\"\"}\n\n"},
		{`{"user_id":null,"properties":{"user_id":{"type":"string"}},"required":["user_id"],"user_id":"cut off`, `{"user_id":null,"properties":{"user_id":{"type":"string"}},"required":["user_id"],"user_id":"[redacted]`},
	} {
		if got := Body([]byte(tt.body)); got != tt.want {
			t.Errorf("%s\nwant\n%s", got, tt.want)
		}
	}
}

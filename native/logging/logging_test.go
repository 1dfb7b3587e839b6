package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
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

func TestAnAttributeNamedLikeASecretIsHidden(t *testing.T) {
	var b bytes.Buffer
	l, _ := New(&b, "json", slog.LevelInfo)
	l.Info("x", "api_key", "sekret", slog.Group("g", "authorization", "sekret"), "input_tokens", 7)
	if s := b.String(); strings.Contains(s, "sekret") || !strings.Contains(s, `"input_tokens":7`) {
		t.Errorf("%s", s)
	}
}

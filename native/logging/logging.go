// Package logging makes the binary's slog logger: its levels, its forms (short lines on a
// terminal, entries of the journal, JSON elsewhere, or text), their bounds, and the redaction
// that keeps secrets out of all of them.
//
// Of this module it imports shared/redact only.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// LevelComplete lies below DEBUG and shows whole bodies, prompts included.
const LevelComplete = slog.Level(-8)

var levels = []struct {
	name  string
	level slog.Level
}{
	{"COMPLETE", LevelComplete},
	{"DEBUG", slog.LevelDebug},
	{"INFO", slog.LevelInfo},
	{"WARN", slog.LevelWarn},
	{"ERROR", slog.LevelError},
}

// ParseLevel reads a level's name in any case. The error lists the allowed names.
func ParseLevel(s string) (slog.Level, error) {
	for _, l := range levels {
		if strings.EqualFold(s, l.name) {
			return l.level, nil
		}
	}
	return 0, fmt.Errorf("log level %q: allowed are COMPLETE, DEBUG, INFO, WARN and ERROR", s)
}

func levelName(l slog.Level) string {
	if l == LevelComplete {
		return "COMPLETE"
	}
	return l.String()
}

// New makes a logger that writes to w. Format is text, journald, json or auto;
// auto looks at w: a terminal gets short lines, systemd's journal entries of its own
// protocol, everything else JSON.
func New(w io.Writer, format string, level slog.Leveler) (*slog.Logger, error) {
	form := format
	if form == "auto" || form == "" {
		form = detect(w)
	} else if form == terminal {
		form = ""
	}
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: replace}
	switch form {
	case "json":
		return slog.New(bounded{slog.NewJSONHandler(w, opts)}), nil
	case terminal:
		return slog.New(bounded{newTerminal(w, level, os.Getenv)}), nil
	case "text":
		return slog.New(bounded{slog.NewTextHandler(w, opts)}), nil
	case "journald":
		return slog.New(bounded{newJournal(w, opts, sender(w))}), nil
	}
	return nil, fmt.Errorf("log format %q: allowed are auto, text, journald and json", format)
}

func detect(w io.Writer) string {
	if toJournal(w) {
		return "journald"
	}
	if toTerminal(w) {
		return terminal
	}
	return "json"
}

// terminal is the form that auto finds, and nobody can ask for.
const terminal = "terminal"

// replace names the levels, and is the last net for secrets: no value goes by it.
func replace(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 {
		switch a.Key {
		case slog.LevelKey:
			if l, ok := a.Value.Any().(slog.Level); ok {
				a.Value = slog.StringValue(levelName(l))
			}
			return a
		case slog.TimeKey:
			return a
		}
	}
	a.Value = visible(a)
	return a
}

// visible is an attribute's value as a log may show it.
func visible(a slog.Attr) slog.Value {
	var text string
	switch a.Value.Kind() {
	case slog.KindString:
		text = a.Value.String()
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case shown:
			return slog.StringValue(string(v))
		case error:
			text = fault(v)
		default:
			text = fmt.Sprint(v)
		}
	case slog.KindBool, slog.KindTime, slog.KindDuration:
		return a.Value
	default:
		if !redact.Secret(a.Key) || redact.Counts(a.Key) {
			return a.Value
		}
	}
	if redact.Secret(a.Key) {
		return slog.StringValue(redact.Hidden)
	}
	return slog.StringValue(redact.Text(text, redact.MaxValue))
}

// Package logging makes the binary's slog logger: its levels, its three forms
// (text on a terminal, lines with a priority for the journal, JSON elsewhere) and
// the redaction that keeps secrets out of all of them.
//
// It imports nothing of this module.
package logging

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/journal"
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
// auto looks at w: a terminal gets text, systemd's journal lines with a priority
// prefix such as <6>, everything else JSON.
func New(w io.Writer, format string, level slog.Leveler) (*slog.Logger, error) {
	if format == "auto" || format == "" {
		format = detect(w)
	}
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: replace}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	case "journald":
		return slog.New(newJournal(w, opts)), nil
	}
	return nil, fmt.Errorf("log format %q: allowed are auto, text, journald and json", format)
}

func detect(w io.Writer) string {
	f, ok := w.(*os.File)
	if !ok {
		return "json"
	}
	if f == os.Stderr {
		if yes, err := journal.StderrIsJournalStream(); err == nil && yes {
			return "journald"
		}
	}
	if f == os.Stdout {
		if yes, err := journal.StdoutIsJournalStream(); err == nil && yes {
			return "journald"
		}
	}
	if fi, err := f.Stat(); err == nil && fi.Mode()&os.ModeCharDevice != 0 {
		return "text"
	}
	return "json"
}

// replace names the levels and is the last net for secrets: an attribute whose key
// is that of a secret never shows its value.
func replace(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.LevelKey {
		if l, ok := a.Value.Any().(slog.Level); ok {
			a.Value = slog.StringValue(levelName(l))
		}
		return a
	}
	if secretHeader(a.Key) || secretParameter(a.Key) {
		a.Value = slog.StringValue(redacted)
	}
	return a
}

// journalHandler prefixes each line with its syslog priority, which the journal
// strips off and keeps (sd-daemon(3)). The journal adds the time itself.
type journalHandler struct {
	shared *journalSink
	text   slog.Handler
}

type journalSink struct {
	mu  sync.Mutex
	w   io.Writer
	buf bytes.Buffer
}

func newJournal(w io.Writer, opts *slog.HandlerOptions) *journalHandler {
	sink := &journalSink{w: w}
	o := *opts
	o.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return opts.ReplaceAttr(groups, a)
	}
	return &journalHandler{shared: sink, text: slog.NewTextHandler(&sink.buf, &o)}
}

func (h *journalHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return h.text.Enabled(ctx, l)
}

func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	prefix := "<7>"
	switch {
	case r.Level >= slog.LevelError:
		prefix = "<3>"
	case r.Level >= slog.LevelWarn:
		prefix = "<4>"
	case r.Level >= slog.LevelInfo:
		prefix = "<6>"
	}
	s := h.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Reset()
	s.buf.WriteString(prefix)
	if err := h.text.Handle(ctx, r); err != nil {
		return err
	}
	_, err := s.w.Write(s.buf.Bytes())
	return err
}

func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journalHandler{shared: h.shared, text: h.text.WithAttrs(attrs)}
}

func (h *journalHandler) WithGroup(name string) slog.Handler {
	return &journalHandler{shared: h.shared, text: h.text.WithGroup(name)}
}

var _ slog.Handler = (*journalHandler)(nil)

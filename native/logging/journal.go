package logging

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync"

	"github.com/coreos/go-systemd/v22/journal"
)

// journalHandler sends entries by the journal's own protocol, in which a text's length is
// said before it, so that nothing in it begins another entry or field. Where the journal
// isn't what w leads to, it writes lines with their priority before them, which the journal
// strips off and keeps (sd-daemon(3)).
type journalHandler struct {
	shared *journalSink
	text   slog.Handler
}

// send sends one entry.
type send func(message string, p journal.Priority, fields map[string]string) error

type journalSink struct {
	mu   sync.Mutex
	w    io.Writer
	send send // nil where there is no journal
	buf  bytes.Buffer
}

// toJournal tells whether what is written to w goes to the journal.
func toJournal(w io.Writer) bool {
	is := func() (bool, error) { return false, nil }
	switch w {
	case os.Stderr:
		is = journal.StderrIsJournalStream
	case os.Stdout:
		is = journal.StdoutIsJournalStream
	}
	yes, err := is()
	return err == nil && yes
}

func sender(w io.Writer) send {
	if toJournal(w) {
		return journal.Send
	}
	return nil
}

// newJournal makes a handler whose texts have no time and no level: the journal knows both.
func newJournal(w io.Writer, opts *slog.HandlerOptions, s send) *journalHandler {
	sink := &journalSink{w: w, send: s}
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

// identifier names the program in the journal.
var identifier = map[string]string{"SYSLOG_IDENTIFIER": "qwenvoy"}

func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	priority := journal.PriDebug
	switch {
	case r.Level >= slog.LevelError:
		priority = journal.PriErr
	case r.Level >= slog.LevelWarn:
		priority = journal.PriWarning
	case r.Level >= slog.LevelInfo:
		priority = journal.PriInfo
	}
	s := h.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Reset()
	s.buf.WriteString("<" + strconv.Itoa(int(priority)) + ">")
	if err := h.text.Handle(ctx, r); err != nil {
		return err
	}
	line := s.buf.Bytes()
	if s.send != nil && s.send(string(line[len("<6>"):len(line)-1]), priority, identifier) == nil {
		return nil
	}
	_, err := s.w.Write(line)
	return err
}

func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journalHandler{shared: h.shared, text: h.text.WithAttrs(attrs)}
}

func (h *journalHandler) WithGroup(name string) slog.Handler {
	return &journalHandler{shared: h.shared, text: h.text.WithGroup(name)}
}

var _ slog.Handler = (*journalHandler)(nil) // interface guard

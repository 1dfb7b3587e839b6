package logging

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// terminalHandler writes lines for somebody who looks on: the time, the level where it is not
// INFO, the message and what is to be said with it; of a request its method, path, model,
// status, duration and tokens.
type terminalHandler struct {
	shared *terminalSink
	level  slog.Leveler
	attrs  []slog.Attr
	group  string
}

type terminalSink struct {
	mu     sync.Mutex
	w      io.Writer
	colour bool
	buf    bytes.Buffer
}

// exchangeMessage is the message of a request's line.
const exchangeMessage = "exchange"

// newTerminal makes a handler that writes to a terminal. env is the environment, which may
// forbid colours (no-color.org).
func newTerminal(w io.Writer, level slog.Leveler, env func(string) string) *terminalHandler {
	return &terminalHandler{shared: &terminalSink{w: w, colour: env("NO_COLOR") == "" && env("TERM") != "dumb"}, level: level}
}

func (h *terminalHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

func (h *terminalHandler) Handle(_ context.Context, r slog.Record) error {
	s := h.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Reset()
	s.paint(dim, r.Time.Format(time.TimeOnly))
	if name := levelName(r.Level); r.Level != slog.LevelInfo {
		s.buf.WriteByte(' ')
		s.paint(colourOf(r.Level), name)
	}
	attrs := h.attrs
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs[:len(attrs):len(attrs)], h.grouped(a))
		return true
	})
	if r.Message == exchangeMessage {
		s.request(attrs)
	} else {
		s.buf.WriteString(" " + oneLine(redact.Text(r.Message, redact.MaxValue)))
		for _, a := range attrs {
			s.attr("", a)
		}
	}
	s.buf.WriteByte('\n')
	_, err := s.w.Write(s.buf.Bytes())
	return err
}

// request writes what of a request's line somebody wants to see who looks on.
func (s *terminalSink) request(attrs []slog.Attr) {
	of := map[string]string{}
	for _, a := range attrs {
		if a.Value.Kind() != slog.KindGroup {
			of[a.Key] = oneLine(visible(a).String())
		}
	}
	s.buf.WriteString(" " + of["method"] + " " + of["uri"])
	if m := of["virtual_model"]; m != "" {
		s.buf.WriteString(" " + m)
	}
	s.buf.WriteByte(' ')
	s.paint(colourOfStatus(of["code"]), of["code"])
	if ms, err := strconv.ParseFloat(of["duration_ms"], 64); err == nil {
		s.buf.WriteString(" " + short(ms))
	}
	if in := of["input_tokens"]; in != "" {
		s.buf.WriteString(" " + in + "→" + of["output_tokens"] + " tokens")
	}
	if e := of["error_type"]; e != "" {
		s.buf.WriteByte(' ')
		s.paint(yellow, e)
	}
	if id := of["request_id"]; id != "" {
		s.buf.WriteByte(' ')
		s.paint(dim, id)
	}
}

// short is a duration in a few signs.
func short(ms float64) string {
	if ms < 1000 {
		return strconv.FormatFloat(ms, 'f', 0, 64) + "ms"
	}
	return strconv.FormatFloat(ms/1000, 'f', 1, 64) + "s"
}

func (s *terminalSink) attr(prefix string, a slog.Attr) {
	if a.Value.Kind() == slog.KindGroup {
		for _, g := range a.Value.Group() {
			s.attr(prefix+a.Key+".", g)
		}
		return
	}
	s.buf.WriteByte(' ')
	s.paint(dim, prefix+a.Key+"=")
	text := visible(a).String()
	if shown := oneLine(text); shown != text || strings.ContainsAny(text, " \"=") || text == "" {
		text = strconv.Quote(text)
	}
	s.buf.WriteString(text)
}

// oneLine is a text in which nothing moves the cursor or begins another line.
func oneLine(text string) string {
	quoted := strconv.Quote(text)
	if plain := quoted[1 : len(quoted)-1]; strings.ContainsRune(plain, '\\') {
		return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(plain)
	}
	return text
}

// Colours, by their numbers among a terminal's.
const (
	dim    = 2
	red    = 31
	green  = 32
	yellow = 33
)

func (s *terminalSink) paint(colour int, text string) {
	if s.colour && text != "" {
		fmt.Fprintf(&s.buf, "\x1b[%dm%s\x1b[0m", colour, text)
		return
	}
	s.buf.WriteString(text)
}

func colourOf(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return red
	case l >= slog.LevelWarn:
		return yellow
	}
	return dim
}

func colourOfStatus(code string) int {
	switch {
	case code < "400":
		return green
	case code < "500":
		return yellow
	}
	return red
}

func (h *terminalHandler) grouped(a slog.Attr) slog.Attr {
	a.Key = h.group + a.Key
	return a
}

func (h *terminalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.attrs = h.attrs[:len(h.attrs):len(h.attrs)]
	for _, a := range attrs {
		next.attrs = append(next.attrs, h.grouped(a))
	}
	return &next
}

func (h *terminalHandler) WithGroup(name string) slog.Handler {
	next := *h
	next.group = h.group + name + "."
	return &next
}

func toTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	fi, err := f.Stat()
	return err == nil && fi.Mode()&os.ModeCharDevice != 0
}

var _ slog.Handler = (*terminalHandler)(nil) // interface guard

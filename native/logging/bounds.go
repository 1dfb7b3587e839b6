package logging

import (
	"context"
	"log/slog"
	"strconv"
	"unicode/utf8"

	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// bounded keeps lines within redact.MaxLine. Values have bounds of their own, so that only
// a line of many or of big ones comes near it.
type bounded struct{ slog.Handler }

func (h bounded) Handle(ctx context.Context, r slog.Record) error {
	room := redact.MaxLine - 512 - 3*min(len(r.Message), redact.MaxValue)
	fits := true
	left := room
	r.Attrs(func(a slog.Attr) bool {
		left -= atMost(a)
		fits = left >= 0
		return fits
	})
	if fits {
		return h.Handler.Handle(ctx, r)
	}
	cut := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a, ok := within(a, &room); ok {
			cut.AddAttrs(a)
		}
		return true
	})
	return h.Handler.Handle(ctx, cut)
}

// atMost is how long an attribute may become in a line.
func atMost(a slog.Attr) int {
	n := 3*len(a.Key) + 8
	switch a.Value.Kind() {
	case slog.KindGroup:
		for _, g := range a.Value.Group() {
			n += atMost(g) + len(a.Key) + 1 // the text form says the group's name each time
		}
	case slog.KindString:
		n += 3 * min(len(a.Value.String()), redact.MaxValue)
	case slog.KindAny, slog.KindLogValuer:
		if s, ok := a.Value.Any().(shown); ok {
			n += cost(string(s))
		} else {
			n += 3 * redact.MaxValue
		}
	default:
		n += 48
	}
	return n
}

// within is an attribute as it is shown, if there is room for it, else its length.
func within(a slog.Attr, room *int) (slog.Attr, bool) {
	if a.Value.Kind() == slog.KindGroup {
		var kept []slog.Attr
		for _, g := range a.Value.Group() {
			*room -= len(a.Key) + 1
			if g, ok := within(g, room); ok {
				kept = append(kept, g)
			}
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(kept...)}, len(kept) > 0
	}
	a.Value = slog.AnyValue(shown(visible(a).String()))
	n := cost(a.Key) + cost(a.Value.String()) + 8
	if n > *room {
		a.Value = slog.AnyValue(shown("[" + strconv.Itoa(len(a.Value.String())) + "]"))
		if n = cost(a.Key) + 24; n > *room {
			return a, false
		}
	}
	*room -= n
	return a, true
}

// cost is how long a text may become in any of the forms: escaped, and quoted.
func cost(s string) int {
	n := 2
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c < ' ':
			n += 2
		case c >= utf8.RuneSelf:
			n += 3
		default:
			n++
		}
	}
	return n
}

// fit is the beginning of a text that costs no more than limit.
func fit(s string, limit int) string {
	if len(s) <= limit/3 || cost(s) <= limit {
		return s
	}
	n, at := 64, 0
	for i, r := range s {
		if n += cost(string(r)) - 2; n > limit {
			break
		}
		at = i
	}
	return s[:at] + redact.Cut
}

func (h bounded) WithAttrs(attrs []slog.Attr) slog.Handler {
	return bounded{h.Handler.WithAttrs(attrs)}
}
func (h bounded) WithGroup(name string) slog.Handler { return bounded{h.Handler.WithGroup(name)} }

var _ slog.Handler = bounded{} // interface guard

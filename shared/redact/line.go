package redact

import (
	"strings"
	"unicode/utf8"
)

// MaxValue is how many bytes of one value a log shows, MaxLine how many one line has. Who
// reads logs has bounds too: journald takes 48 KiB of a line as one entry.
const (
	MaxValue = 2 << 10
	MaxLine  = 64 << 10
)

// Cut stands at the end of a text of which there was more.
const Cut = "…[cut]"

// Line shows a text that holds no secrets as one line of ASCII, at most MaxValue bytes of it.
func Line(s string) string {
	b := []byte(s[:min(len(s), MaxValue)])
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}

// Bounded shows at most MaxValue bytes of a text that holds no secrets.
func Bounded(s string) string { return bounded(s, MaxValue, len(s)) }

// bounded is the beginning of s that has no more than limit bytes, and says so where that
// is not all. Control characters and those that turn the direction of text
// are marked; only line ends and tabs stay, which all forms of a log escape.
func bounded(s string, limit, total int) string {
	s = printable(s)
	if len(s) <= limit && (total <= 4*limit) {
		return s
	}
	n := max(0, min(len(s), limit-len(Cut)))
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + Cut
}

func printable(s string) string {
	for i, r := range s {
		if r == utf8.RuneError || unprintable(r) {
			var b strings.Builder
			b.Grow(len(s) + 16)
			b.WriteString(s[:i])
			for _, r := range s[i:] {
				if unprintable(r) {
					r = utf8.RuneError
				}
				b.WriteRune(r)
			}
			return b.String()
		}
	}
	return s
}

func unprintable(r rune) bool {
	switch {
	case r < ' ':
		return r != '\n' && r != '\r' && r != '\t'
	case r < 0x7f:
		return false
	}
	return r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e ||
		r >= 0x2060 && r <= 0x206f || r == 0xfeff || r >= 0xfff0 && r <= 0xfffb || r >= 0xe0000 && r <= 0xe0fff
}

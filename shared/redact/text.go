package redact

import (
	"math/bits"
	"strings"
)

// Text shows at most limit bytes of a text without its secrets. A text may be anything: what
// a body holds, a piece of one, or a sentence that quotes one. Hidden are the values behind
// secrets' names, in any form that sets a name before a value; URLs' secrets; what looks like
// a key; and what is known: keys of at least 8 bytes. A text of valid JSON, if not cut, is
// valid afterwards.
//
// It goes through the text once, since a text comes from who may want it to take long.
func Text(s string, limit int, known ...string) string {
	total := len(s)
	return bounded(within(window(s, 4*limit, known), known, 0), limit, total)
}

// within shows a text that stands so many strings deep in another.
func within(s string, known []string, depth int) string {
	if depth > maxDepth {
		return size(len(s))
	}
	for _, k := range known {
		if len(k) >= 8 && strings.Contains(s, k) {
			s = strings.ReplaceAll(s, k, Hidden)
		}
	}
	t := text{s: s, known: known, depth: depth, blank: -2}
	if i := skipSpace(s, 0); i < len(s) && s[i] == '"' {
		t.json(i)
	}
	t.scan()
	return t.result()
}

// maxDepth is how deep strings in strings are read.
const maxDepth = 8

// window is the beginning of a text from which the shown is made. It ends where no URL, key
// or name does.
func window(s string, n int, known []string) string {
	if len(s) <= n {
		return s
	}
	end := n
	for _, k := range known {
		if from := max(0, end-len(k)); len(k) >= 8 {
			if i := strings.Index(s[from:min(len(s), end+len(k))], k); i >= 0 {
				end = min(end, from+i)
			}
		}
	}
	for end > 0 && s[end-1] > ' ' && s[end-1] < 0x80 && !strings.Contains("\"<>{}\\", s[end-1:end]) {
		end--
	}
	return s[:end]
}

// A text is one on its way: what of it was copied or hidden, and what is known of the rest.
type text struct {
	s      string
	out    []byte // nil while nothing was hidden
	copied int    // of s
	i      int    // where the scan is
	known  []string
	depth  int // how many strings it stands in
	// sep is where the last separator ends: no name reaches beyond it.
	sep int
	// blank is what follows the next empty line behind i, where one was looked for: -1 for
	// none, -2 for unknown. Else looking for one again and again would take the square of
	// the text's length.
	blank int
}

func (t *text) result() string {
	if t.out == nil {
		return t.s
	}
	return string(append(t.out, t.s[t.copied:]...))
}

// hide puts something in the place of s[from:to], and goes on behind it.
func (t *text) hide(from, to int, shown string) {
	if from < t.copied || to <= from {
		t.i = max(t.i, to)
		return
	}
	t.out = append(append(t.out, t.s[t.copied:from]...), shown...)
	t.copied, t.i = to, to
}

func (t *text) scan() {
	s := t.s
	for t.i < len(s) {
		i, c := t.i, s[t.i]
		t.i++
		switch c {
		case ':':
			if n := authority(s[i:]); n > 0 {
				t.url(i + n)
				continue
			}
			t.named(i, i+1)
		case '{', '[':
			if next := skipSpace(s, i+1); next < len(s) && (s[next] == '"' || s[next] == '{' || s[next] == '[') {
				t.json(i)
			}
		case '=', '>':
			t.named(i, i+1)
		case '%':
			if n := encodedSeparator(s[i:]); n > 0 {
				t.named(i, i+n)
			}
		case '-':
			if n := pem(s[i:]); n > 0 {
				t.hide(i, i+n, Hidden)
			} else if strings.HasPrefix(s[i:], "--") && (i == 0 || !alnum(s[i-1]) && s[i-1] != '-') {
				t.flag(i + 2)
			}
		default:
			if alnum(c) && c < 0x80 {
				t.word(i)
			}
		}
	}
}

// word looks at one that begins at i, and goes on behind it.
func (t *text) word(i int) {
	s := t.s[i:]
	if n := shape(s); n > 0 {
		t.hide(i, i+n, Hidden)
		return
	}
	switch s[0] | 0x20 {
	case 'b', 'd', 'n', 'a':
		if from, to := scheme(s); to > from {
			t.hide(i+from, i+to, Hidden)
			return
		}
	}
	for t.i < len(t.s) && alnum(t.s[t.i]) {
		t.i++
	}
}

// flag looks at a command line's --name value.
func (t *text) flag(from int) {
	to := from
	for to < len(t.s) && (alnum(t.s[to]) || t.s[to] == '-' || t.s[to] == '_') {
		to++
	}
	if to < len(t.s) && t.s[to] == ' ' && Secret(t.s[from:to]) {
		v := skipBlank(t.s, to)
		t.bare(v, tokenEnd(t.s, v, ""), Counts(t.s[from:to]))
	}
	t.i = max(t.i, from)
}

// authority is how far :// reaches, with what JSON may set before its slashes; 0 for none.
func authority(s string) int {
	i := 1
	for n := 0; n < 2; n++ {
		for i < len(s) && s[i] == '\\' {
			i++
		}
		if i >= len(s) || s[i] != '/' {
			return 0
		}
		i++
	}
	return i
}

// url hides the secrets of one whose authority begins at from.
func (t *text) url(from int) {
	to := from
	for to < len(t.s) && t.s[to] > ' ' && strings.IndexByte(`"<>\\`, t.s[to]) < 0 {
		to++
	}
	u := strings.TrimRight(t.s[from:to], ".,:;)}'`")
	if shown := string(appendTarget(nil, "://"+u))[3:]; shown != u {
		t.hide(from, from+len(u), shown)
	}
	t.i = max(t.i, from+len(u))
}

// encodedSeparator is how long the %3A, %3D or %253D is that s begins with; 0 for none.
func encodedSeparator(s string) int {
	i := 1
	for strings.HasPrefix(s[i:], "25") {
		i += 2
	}
	if len(s) >= i+2 && s[i] == '3' && (s[i+1]|0x20 == 'd' || s[i+1]|0x20 == 'a') {
		return i + 2
	}
	return 0
}

// level tells how deep the string is, of JSON within strings of JSON, that the quote at i
// begins or ends: 0 for `"`, 1 for `\"`, 2 for `\\\"`. What of the backslashes before it is
// no part of it belongs to the string.
func level(s string, i int) int {
	return bits.TrailingZeros(^uint(i - slashes(s, i)))
}

// literalEnd is where the string ends that a quote of that level began before from: at its
// own quote, the backslashes of which count to it, or at that of a string around it.
func literalEnd(s string, from, depth int) int {
	for i := from; ; i++ {
		n := strings.IndexByte(s[i:], '"')
		if n < 0 {
			return len(s)
		}
		i += n
		if l := level(s[from:], i-from); l <= depth {
			return i - (1<<l - 1)
		}
	}
}

package jsonedit

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// A SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int    // bytes before the fault
	What   string // such as "a value was expected"
}

func (e *SyntaxError) Error() string {
	return e.What + " at byte " + strconv.Itoa(e.Offset)
}

// A lexer reads the tokens of a JSON text: strings, numbers, literals, and the white space
// between them. It knows no nesting, which is the Scanner's.
type lexer struct {
	src    []byte
	pos    int
	utf8   bool // see Scanner.FromClient
	mends  bool // see Scanner.MendSurrogates
	mended bool
	err    SyntaxError
}

func (l *lexer) fail(what string) { l.failAt(l.pos, what) }

func (l *lexer) failAt(pos int, what string) {
	if l.err.What == "" {
		if pos >= len(l.src) {
			pos, what = len(l.src), "the text ends too early: "+what
		}
		l.err = SyntaxError{pos, what}
	}
	l.pos = len(l.src)
}

func (l *lexer) space() {
	for l.pos < len(l.src) {
		switch l.src[l.pos] {
		case ' ', '\n', '\t', '\r':
			l.pos++
		default:
			return
		}
	}
}

// memberKey reads `"key":`.
func (l *lexer) memberKey() bool {
	l.space()
	if l.pos >= len(l.src) || l.src[l.pos] != '"' {
		l.fail("a key in double quotes was expected")
		return false
	}
	l.str()
	l.space()
	if l.err.What == "" && (l.pos >= len(l.src) || l.src[l.pos] != ':') {
		l.fail("a colon was expected")
	}
	if l.err.What != "" {
		return false
	}
	l.pos++
	return true
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// str reads a string from its opening quote and tells whether it holds an escape.
// Sixteen bytes at a time: most of a coding agent's request is strings. Its shape, few
// branches and no inner loop, is for WebAssembly, where each jump of Go's costs. Whether
// there is anything but ASCII to be looked at again is gathered on the way, from what
// stands behind the closing quote too.
func (l *lexer) str() (escaped bool) {
	src, pos := l.src, l.pos+1
	var seen uint64
	for {
		if pos+16 <= len(src) {
			b := src[pos : pos+16 : pos+16]
			first, second := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
			seen |= first | second
			hit, behind := special(first), special(second)
			if hit|behind == 0 {
				pos += 16
				continue
			}
			if hit == 0 {
				pos += 8
				hit = behind
			}
			pos += bits.TrailingZeros64(hit) >> 3
		} else {
			for pos < len(src) && src[pos] != '"' && src[pos] != '\\' && src[pos] >= 0x20 {
				seen |= uint64(src[pos])
				pos++
			}
			if pos >= len(src) {
				l.failAt(pos, "a closing quote is missing")
				return escaped
			}
		}
		c := src[pos]
		if c == '"' {
			if l.utf8 && seen&highs != 0 && !l.checkUTF8(l.pos+1, pos) {
				return escaped
			}
			l.pos = pos + 1
			return escaped
		}
		escaped = true
		if c == '\\' && pos+1 < len(src) && plainEscape[src[pos+1]] {
			pos += 2
			continue
		}
		if pos = l.escape(pos); pos < 0 {
			return escaped
		}
	}
}

// checkUTF8 looks at src[start:end] and fails at the first byte that begins no character.
func (l *lexer) checkUTF8(start, end int) bool {
	text := l.src[start:end]
	if utf8.Valid(text) {
		return true
	}
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 {
			break
		}
		text = text[n:]
	}
	l.failAt(end-len(text), "the text is not UTF-8")
	return false
}

// special has the high bit set of bytes that end a string's plain text: a quote, a
// backslash, a control character. The lowest one is exact: borrows only disturb the
// bytes above it.
func special(v uint64) uint64 {
	q := v ^ (ones * '"')
	b := v ^ (ones * '\\')
	return (((v - ones*0x20) & ^v) | ((q - ones) & ^q) | ((b - ones) & ^b)) & highs
}

// plainEscape holds the bytes that make an escape together with a backslash alone.
var plainEscape = [256]bool{'"': true, '\\': true, '/': true, 'b': true, 'f': true, 'n': true, 'r': true, 't': true}

// escape reads what interrupts a string at pos and is no plain escape: four digits, or
// a fault, which is -1.
func (l *lexer) escape(pos int) int {
	src := l.src
	switch {
	case src[pos] != '\\':
		l.failAt(pos, "a control character must be escaped in a string")
	case pos+1 >= len(src):
		l.failAt(len(src), "an escape is not complete")
	case src[pos+1] != 'u':
		l.failAt(pos+1, "an unknown escape")
	default:
		for i := pos + 2; i < pos+6; i++ {
			if i >= len(src) || HexDigit(src[i]) < 0 {
				l.failAt(i, "four hexadecimal digits were expected")
				return -1
			}
		}
		if l.mends {
			width, instead := character(src[pos:], true)
			l.mended = l.mended || len(instead) > 0
			copy(src[pos:], instead)
			return pos + width
		}
		return pos + 6
	}
	return -1
}

func (l *lexer) literal(word string) {
	if len(l.src)-l.pos < len(word) || string(l.src[l.pos:l.pos+len(word)]) != word {
		l.fail("a value was expected")
		return
	}
	l.pos += len(word)
}

func (l *lexer) number() {
	start := l.pos
	if l.pos < len(l.src) && l.src[l.pos] == '-' {
		l.pos++
	}
	switch {
	case l.pos < len(l.src) && l.src[l.pos] == '0':
		l.pos++
	case l.digits() == 0:
		l.failAt(start, "a value was expected")
		return
	}
	if l.pos < len(l.src) && l.src[l.pos] == '.' {
		l.pos++
		if l.digits() == 0 {
			l.fail("a digit was expected")
			return
		}
	}
	if l.pos < len(l.src) && (l.src[l.pos] == 'e' || l.src[l.pos] == 'E') {
		l.pos++
		if l.pos < len(l.src) && (l.src[l.pos] == '+' || l.src[l.pos] == '-') {
			l.pos++
		}
		if l.digits() == 0 {
			l.fail("a digit was expected")
		}
	}
}

func (l *lexer) digits() (n int) {
	for l.pos < len(l.src) && l.src[l.pos] >= '0' && l.src[l.pos] <= '9' {
		l.pos++
		n++
	}
	return n
}

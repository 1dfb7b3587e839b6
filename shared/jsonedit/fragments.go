package jsonedit

import (
	"unicode/utf8"
)

// Fragments makes pieces of a string literal's inside into pieces that each stand for
// themselves: no escape, surrogate pair or UTF-8 sequence goes over a border, since a
// client decodes each before it joins them. What no literal can hold is mended on the
// way: control characters and backslashes that escape nothing get escaped, lone
// surrogates and bytes that are no UTF-8 become U+FFFD, for strict decoders refuse the
// whole text otherwise. Quotes are let through.
//
// However the text is cut, what comes out is the same text. The zero Fragments is ready.
type Fragments struct {
	// tail is a character whose end hasn't come: at most \ud83d\ude0.
	tail [11]byte
	n    int
	in   []byte
	out  []byte
}

// Reset starts on another text.
func (f *Fragments) Reset() { f.n = 0 }

// Next takes the next piece and returns what may go out now, empty if that is nothing.
// It is piece itself where that needs no change, and valid until the next call.
func (f *Fragments) Next(piece []byte) []byte {
	if f.n == 0 && whole(piece) {
		return piece
	}
	f.in = append(append(f.in[:0], f.tail[:f.n]...), piece...)
	f.n = 0
	return f.mend(false)
}

// End returns what was still held back; no more pieces come.
func (f *Fragments) End() []byte {
	if f.n == 0 {
		return nil
	}
	f.in = append(f.in[:0], f.tail[:f.n]...)
	f.n = 0
	return f.mend(true)
}

func (f *Fragments) mend(last bool) []byte {
	f.out = f.out[:0]
	for in := f.in; len(in) > 0; {
		width, instead := character(in, last)
		switch {
		case width == 0:
			f.n = copy(f.tail[:], in)
			return f.out
		case instead == "":
			f.out = append(f.out, in[:width]...)
		default:
			f.out = append(f.out, instead...)
		}
		in = in[width:]
	}
	return f.out
}

// whole tells whether a piece can go out as it is.
func whole(piece []byte) bool {
	for len(piece) > 0 {
		if c := piece[0]; c >= 0x20 && c < utf8.RuneSelf && c != '\\' {
			piece = piece[1:]
			continue
		}
		width, instead := character(piece, false)
		if width == 0 || instead != "" {
			return false
		}
		piece = piece[width:]
	}
	return true
}

const replacement = `\ufffd`

// character returns how many bytes the first character takes, 0 if its end hasn't come,
// and what must stand there instead, empty if it is right.
func character(in []byte, last bool) (width int, instead string) {
	c := in[0]
	switch {
	case c == '\n':
		return 1, `\n`
	case c < 0x20:
		const all = `\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u0008\u0009\u000a\u000b\u000c\u000d\u000e\u000f` +
			`\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f`
		return 1, all[6*int(c) : 6*int(c)+6]
	case c >= utf8.RuneSelf:
		if !last && !utf8.FullRune(in) {
			return 0, ""
		}
		if r, n := utf8.DecodeRune(in); r != utf8.RuneError || n > 1 {
			return n, ""
		}
		return 1, replacement
	case c != '\\':
		return 1, ""
	}
	if len(in) == 1 {
		if last {
			return 1, `\\`
		}
		return 0, ""
	}
	switch in[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, ""
	case 'u':
	default:
		return 1, `\\`
	}
	switch digits := hexDigits(in[2:]); {
	case digits == 4:
	case 2+digits == len(in) && !last:
		return 0, ""
	default:
		return 1, `\\`
	}
	r := codeUnit(in[2:])
	switch {
	case r < 0xD800 || r > 0xDFFF:
		return 6, ""
	case r >= 0xDC00:
		return 6, replacement
	}
	low := in[6:]
	switch {
	case len(low) >= 1 && low[0] != '\\', len(low) >= 2 && low[1] != 'u':
		return 6, replacement
	case len(low) >= 2:
		digits := hexDigits(low[2:])
		if digits == 4 {
			if r := codeUnit(low[2:]); r >= 0xDC00 && r <= 0xDFFF {
				return 12, ""
			}
			return 6, replacement
		}
		if 2+digits < len(low) {
			return 6, replacement
		}
	}
	if last {
		return 6, replacement
	}
	return 0, ""
}

// hexDigits is how many of the next four bytes are hexadecimal digits, up to the first
// that is none.
func hexDigits(b []byte) (n int) {
	for n < 4 && n < len(b) && HexDigit(b[n]) >= 0 {
		n++
	}
	return n
}

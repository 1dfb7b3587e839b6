package jsonedit

import (
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// HexDigit is what a hexadecimal digit says, -1 for what is none.
func HexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// codeUnit is what the four digits at the beginning of b say, negative for what are none.
func codeUnit[T []byte | string](b T) rune {
	if len(b) < 4 {
		return -1
	}
	return rune(HexDigit(b[0])<<12 | HexDigit(b[1])<<8 | HexDigit(b[2])<<4 | HexDigit(b[3]))
}

// AppendUnquoted appends what a string literal means. The literal, quotes included,
// must have passed the Scanner. A lone surrogate becomes U+FFFD.
func AppendUnquoted(dst, literal []byte) []byte {
	return AppendUnescaped(dst, literal[1:len(literal)-1])
}

// AppendUnescaped is AppendUnquoted for the inside of a literal, which need not have passed the
// Scanner: what is no escape stays.
func AppendUnescaped[T []byte | string](dst []byte, b T) []byte {
	for i := 0; i < len(b); {
		if b[i] != '\\' || i+1 == len(b) {
			j := i + 1
			for j < len(b) && b[j] != '\\' {
				j++
			}
			dst = append(dst, b[i:j]...)
			i = j
			continue
		}
		switch c := b[i+1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := codeUnit(b[i+2:])
			if r < 0 {
				dst = append(dst, '\\', 'u')
				break
			}
			i += 6
			if utf16.IsSurrogate(r) {
				low := rune(utf8.RuneError)
				if i+6 <= len(b) && b[i] == '\\' && b[i+1] == 'u' {
					low = codeUnit(b[i+2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		default: // '"', '\\', '/'
			dst = append(dst, c)
		}
		i += 2
	}
	return dst
}

// AppendPercentDecoded appends what a URL's path or a data URL means: %41 is A. A percent sign
// without two hexadecimal digits behind it stays, as in Python; valid tells that there is none.
func AppendPercentDecoded[T []byte | string](dst []byte, text T) (out []byte, valid bool) {
	valid = true
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' {
			if i+2 < len(text) && HexDigit(text[i+1]) >= 0 && HexDigit(text[i+2]) >= 0 {
				c = byte(HexDigit(text[i+1])<<4 | HexDigit(text[i+2]))
				i += 2
			} else {
				valid = false
			}
		}
		dst = append(dst, c)
	}
	return dst, valid
}

// AppendQuoted appends text as a string literal, quotes included. Only what JSON
// demands is escaped, so <, > and & stay as they are.
func AppendQuoted[T []byte | string](dst []byte, text T) []byte {
	dst = append(dst, '"')
	dst = AppendEscaped(dst, text)
	return append(dst, '"')
}

// AppendEscaped is AppendQuoted without the quotes.
func AppendEscaped[T []byte | string](dst []byte, text T) []byte {
	const hex = "0123456789abcdef"
	start := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(dst, text[start:]...)
}

// IsEmpty tells whether an array or object that has passed the Scanner holds nothing.
func IsEmpty(container []byte) bool {
	for _, c := range container[1 : len(container)-1] {
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

// Put is append(dst, text...) as a call. In WebAssembly the code of an append is 300
// bytes where it stands, that of a call 130, and the dialects have hundreds.
//
//go:noinline
func Put(dst []byte, text string) []byte { return append(dst, text...) }

// PutBytes is Put for bytes.
//
//go:noinline
func PutBytes(dst, text []byte) []byte { return append(dst, text...) }

// largeText is from how many bytes on a text that grows by pieces gets its room at once.
const largeText = 1 << 20

// PutPiece is PutBytes for a text that grows by pieces, to about whole bytes: a large one moves
// once, since each move leaves as much behind as there was.
//
//go:noinline
func PutPiece(dst, text []byte, whole int) []byte {
	if n := len(dst) + len(text); n > cap(dst) && n > largeText {
		dst = slices.Grow(dst, max(whole, n)-len(dst))
	}
	return append(dst, text...)
}

// Expect makes the room for n bytes more where a text that grows by pieces will be a large one.
func Expect(dst []byte, n int) []byte {
	if n > largeText {
		return slices.Grow(dst, n)
	}
	return dst
}

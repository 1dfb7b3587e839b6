package hub

// Arguments follows the text of a call's arguments and knows when it is a complete
// JSON object. It takes the text as it stands in a string literal, cut anywhere.
type Arguments struct {
	depth  int
	state  argumentState
	escape uint8 // of the literal: characters still to come; 1 behind a backslash, 2 to 5 in \uXXXX
	hex    rune
	done   bool
	broken bool
}

type argumentState uint8

const (
	outside argumentState = iota
	inString
	inEscape // behind a backslash of the arguments' own
)

// Reset starts on another call.
func (a *Arguments) Reset() { *a = Arguments{} }

// Object reports whether the text so far is a complete object.
func (a *Arguments) Object() bool { return a.done && !a.broken }

// Blank reports whether nothing but white space came so far.
func (a *Arguments) Blank() bool { return *a == Arguments{} }

// Open reports whether the text so far ends inside a value: more of it has to come.
func (a *Arguments) Open() bool { return a.depth > 0 || a.state != outside || a.escape > 0 }

// Feed takes the next piece.
func (a *Arguments) Feed(piece []byte) {
	for _, c := range piece {
		switch a.escape {
		case 0:
			if c == '\\' {
				a.escape = 1
			} else {
				a.char(rune(c))
			}
		case 1:
			a.escape = 0
			switch c {
			case 'u':
				a.escape, a.hex = 2, 0
			case 'n', 't', 'r':
				a.char(' ')
			case 'b', 'f':
				a.char(0)
			default: // a quote, a backslash, a slash
				a.char(rune(c))
			}
		default:
			a.hex = a.hex<<4 | rune(hexDigit(c))
			if a.escape++; a.escape > 5 {
				a.escape = 0
				a.char(a.hex)
			}
		}
	}
}

func hexDigit(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// char takes a character of the arguments. Only brackets and strings are followed: what
// the model wrote between them decides nothing about where the object ends.
func (a *Arguments) char(c rune) {
	switch a.state {
	case inString:
		switch c {
		case '\\':
			a.state = inEscape
		case '"':
			a.state = outside
		}
		return
	case inEscape:
		a.state = inString
		return
	}
	switch c {
	case ' ', '\n', '\r', '\t':
		return
	case '{', '[':
		if a.done || a.depth == 0 && c == '[' {
			a.broken = true
		}
		a.depth++
		return
	case '}', ']':
		if a.depth--; a.depth == 0 {
			a.done = true
		}
		if a.depth < 0 {
			a.broken = true
		}
		return
	case '"':
		a.state = inString
	}
	if a.depth <= 0 {
		a.broken = true
	}
}

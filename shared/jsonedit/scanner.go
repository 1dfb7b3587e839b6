package jsonedit

import "math"

// MaxDepth is how deep objects and arrays may be nested: more than any request that means
// something, and less than Python's decoder, which reads the text after us, gives up at.
const MaxDepth = 512

// MaxSteps is how many members and elements a walk may step through (what Value skips
// is not counted). Whoever walks keeps notes on each, so a body of nothing but braces
// must not grow them without bound: in a filter the memory never comes back. An agent's
// request with 300 tools and 2,000 messages takes about 20,000.
const MaxSteps = 250_000

// Kind is the kind of a JSON value.
type Kind uint8

const (
	Invalid Kind = iota
	Null
	False
	True
	Number
	String
	Array
	Object
)

// A Span is a part of the scanned text: src[Start:End]. The zero Span is absent.
type Span struct{ Start, End int }

// Absent reports whether the span was never set; no JSON value is empty.
func (s Span) Absent() bool { return s.End == 0 }

// Of returns the bytes that the span covers.
func (s Span) Of(src []byte) []byte { return src[s.Start:s.End] }

// A Scanner reads one JSON text from front to back. After a fault every method
// returns a zero value and Err says what was wrong, so a walk needs one check at its end.
//
//	for s.BeginObject(); s.NextMember(); {
//		switch string(s.Key()) {
//		case "model": span = s.Value()
//		default:      s.Value()
//		}
//	}
//	if err := s.Finish(); err != nil { … }
type Scanner struct {
	lexer
	depth   int
	steps   int
	first   bool // the innermost object or array has shown nothing yet
	key     []byte
	keySpan Span
	scratch []byte
	stack   []byte // of open brackets inside Value
	trusted []Span
}

// Reset starts on a new text. The Scanner keeps a reference to src.
func (s *Scanner) Reset(src []byte) {
	s.lexer = lexer{src: src}
	s.depth, s.steps, s.first, s.key, s.keySpan, s.trusted = 0, 0, false, nil, Span{}, nil
	if len(src) >= 3 && src[0] == 0xEF && src[1] == 0xBB && src[2] == 0xBF {
		s.pos = 3
	}
}

// Resume is Reset into the middle of a walk: behind the colon of a member of the
// outermost object. src[:pos] must be bytes that were walked before without a fault.
func (s *Scanner) Resume(src []byte, pos int) {
	s.Reset(src)
	s.pos, s.depth = pos, 1
}

// Trust names values, in order and apart from each other, that have passed a Scanner
// before they were copied into this text: Value steps over them without a look.
func (s *Scanner) Trust(values []Span) { s.trusted = values }

// Trusted reports whether the next value is one of those.
func (s *Scanner) Trusted() bool {
	if len(s.trusted) == 0 {
		return false
	}
	s.space()
	for len(s.trusted) > 0 && s.trusted[0].Start < s.pos {
		s.trusted = s.trusted[1:]
	}
	return len(s.trusted) > 0 && s.trusted[0].Start == s.pos
}

// AnySteps lifts the limit of MaxSteps until the next Reset, for text that was walked
// before, piece by piece.
func (s *Scanner) AnySteps() { s.steps = math.MinInt }

// FromClient is MendSurrogates, and bytes in a key or a string that are no UTF-8 are a fault:
// what goes up of a client's request, and what is kept of it, is text. It holds until the
// next Reset.
func (s *Scanner) FromClient() { s.utf8, s.mends = true, true }

// MendSurrogates has the escape of half a surrogate pair overwritten in the text, by
// that of U+FFFD, as it is passed. The text must be the caller's to change. It holds
// until the next Reset.
func (s *Scanner) MendSurrogates() { s.mends = true }

// Mended tells whether there was one.
func (s *Scanner) Mended() bool { return s.mended }

// Err is the first fault, nil if there was none.
func (s *Scanner) Err() error {
	if s.err.What == "" {
		return nil
	}
	return &s.err
}

// Finish is Err, and a fault if anything but white space is left.
func (s *Scanner) Finish() error {
	if s.err.What == "" {
		s.space()
		if s.pos < len(s.src) {
			s.fail("nothing more was expected")
		}
	}
	return s.Err()
}

// Kind is the kind of the next value, Invalid at the end or where no value begins.
//
//go:noinline
func (s *Scanner) Kind() Kind {
	s.space()
	if s.pos >= len(s.src) {
		return Invalid
	}
	return KindOf(s.src[s.pos])
}

// KindOf tells a value's kind from its first byte. It stands in so many places that, in
// line, it would be a part of the module that counts.
//
//go:noinline
func KindOf(c byte) Kind {
	switch c {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't':
		return True
	case 'f':
		return False
	case 'n':
		return Null
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return Number
	}
	return Invalid
}

// BeginObject steps into an object and returns the offset behind its brace.
func (s *Scanner) BeginObject() int { return s.begin('{', "an object was expected") }

// BeginArray steps into an array and returns the offset behind its bracket.
func (s *Scanner) BeginArray() int { return s.begin('[', "an array was expected") }

func (s *Scanner) begin(c byte, what string) int {
	s.space()
	if s.pos >= len(s.src) || s.src[s.pos] != c {
		s.fail(what)
		return s.pos
	}
	if s.depth++; s.depth > MaxDepth {
		s.fail("nested too deeply")
		return s.pos
	}
	s.pos++
	s.first = true
	return s.pos
}

// next steps to the next member or element; false at the closing bracket, which is consumed.
func (s *Scanner) next(closing byte) bool {
	s.space()
	if s.err.What != "" {
		return false
	}
	if s.pos >= len(s.src) {
		s.fail("a closing bracket is missing")
		return false
	}
	c := s.src[s.pos]
	if c == closing {
		s.pos++
		s.depth--
		s.first = false
		return false
	}
	if s.steps++; s.steps > MaxSteps {
		s.fail("too many members and elements")
		return false
	}
	if s.first {
		s.first = false
		return true
	}
	if c != ',' {
		s.fail("a comma or closing bracket was expected")
		return false
	}
	s.pos++
	return true
}

// NextMember steps to an object's next member, reading its key; false at the end.
func (s *Scanner) NextMember() bool {
	if !s.next('}') {
		return false
	}
	s.space()
	start := s.pos
	if s.pos >= len(s.src) || s.src[s.pos] != '"' {
		s.fail("a key in double quotes was expected")
		return false
	}
	escaped := s.str()
	if s.err.What != "" {
		return false
	}
	s.keySpan = Span{start, s.pos}
	s.key = s.src[start+1 : s.pos-1]
	if escaped {
		s.scratch = AppendUnquoted(s.scratch[:0], s.src[start:s.pos])
		s.key = s.scratch
	}
	s.space()
	if s.pos >= len(s.src) || s.src[s.pos] != ':' {
		s.fail("a colon was expected")
		return false
	}
	s.pos++
	return true
}

// Key is the current member's key, unescaped; valid until the next NextMember.
func (s *Scanner) Key() []byte { return s.key }

// KeySpan is where the current member's key stands, quotes included.
func (s *Scanner) KeySpan() Span { return s.keySpan }

// NextElement steps to an array's next element; false at the end.
func (s *Scanner) NextElement() bool { return s.next(']') }

// Pos is the offset of the next byte to read.
func (s *Scanner) Pos() int { return s.pos }

// Start skips white space and returns where the next value begins.
func (s *Scanner) Start() int {
	s.space()
	return s.pos
}

// Value reads one value of any kind and returns where it stands.
func (s *Scanner) Value() Span {
	s.space()
	start := s.pos
	if s.Trusted() {
		s.pos = s.trusted[0].End
		return s.trusted[0]
	}
	base := s.depth
	s.stack = s.stack[:0]
	for {
		// One value begins here, or its container does.
		s.space()
		if s.pos >= len(s.src) {
			s.fail("a value was expected")
			return Span{}
		}
		switch c := s.src[s.pos]; c {
		case '"':
			s.str()
		case '{', '[':
			if s.depth++; s.depth > MaxDepth {
				s.fail("nested too deeply")
				return Span{}
			}
			s.pos++
			s.space()
			if s.pos < len(s.src) && s.src[s.pos] == c+2 { // '{'+2 is '}', '['+2 is ']'
				s.pos++
				s.depth--
				break
			}
			s.stack = append(s.stack, c)
			if c == '{' && !s.memberKey() {
				return Span{}
			}
			continue
		case 't':
			s.literal("true")
		case 'f':
			s.literal("false")
		case 'n':
			s.literal("null")
		default:
			s.number()
		}
		// A value has ended: close what closes, or go on with the next in its container.
		for {
			if s.err.What != "" {
				return Span{}
			}
			if len(s.stack) == 0 {
				s.depth = base
				return Span{start, s.pos}
			}
			open := s.stack[len(s.stack)-1]
			s.space()
			if s.pos >= len(s.src) {
				s.fail("a closing bracket is missing")
				return Span{}
			}
			c := s.src[s.pos]
			if c == open+2 {
				s.pos++
				s.depth--
				s.stack = s.stack[:len(s.stack)-1]
				continue
			}
			if c != ',' {
				s.fail("a comma or closing bracket was expected")
				return Span{}
			}
			s.pos++
			if open == '{' && !s.memberKey() {
				return Span{}
			}
			break
		}
	}
}

package jsonedit

import "bytes"

// A value is held here as its text: the literal as it stands in a document that a Scanner
// has passed, nil where there is none.
//
// In WebAssembly, inlined code is large and calls are not dear: what stands in very many
// places is kept out of line, or the dialects would be a quarter larger.

// NotNull is Value, absent for null.
//
//go:noinline
func (s *Scanner) NotNull() Span {
	v := s.Value()
	if !v.Absent() && s.src[v.Start] == 'n' {
		return Span{}
	}
	return v
}

// Literal is Value as its text, nil for null.
//
//go:noinline
func (s *Scanner) Literal() []byte {
	v := s.Value()
	if !v.Absent() && s.src[v.Start] == 'n' {
		return nil
	}
	return v.Of(s.src)
}

// Pick starts on an object and puts the members that are called names into values, in the
// order of names: nil for one that is absent or null. Of two of one name the last counts.
func (s *Scanner) Pick(object []byte, names []string, values [][]byte) {
	s.Reset(object)
	for s.BeginObject(); s.NextMember(); {
		n := -1
		for i, name := range names {
			if name == string(s.Key()) {
				n = i
				break
			}
		}
		v := s.NotNull()
		switch {
		case n < 0:
		case v.Absent():
			values[n] = nil
		default:
			values[n] = v.Of(object)
		}
	}
}

// Is tells whether a value is of that kind; nil is of none.
//
//go:noinline
func Is(value []byte, kind Kind) bool { return len(value) > 0 && KindOf(value[0]) == kind }

// IsString is Is of a string.
//
//go:noinline
func IsString(value []byte) bool { return len(value) > 0 && value[0] == '"' }

// IsBool is Is of true or false.
//
//go:noinline
func IsBool(value []byte) bool { return len(value) > 0 && (value[0] == 't' || value[0] == 'f') }

// Inside is what stands between the quotes of a string, escapes and all; nil for what is no
// string.
//
//go:noinline
func Inside(value []byte) []byte {
	if len(value) == 0 || value[0] != '"' {
		return nil
	}
	return value[1 : len(value)-1]
}

// Text is what a string says, nil for what is no string. Bytes of its own are made only where
// something is escaped.
//
//go:noinline
func Text(value []byte) []byte {
	if len(value) == 0 || value[0] != '"' {
		return nil
	}
	inside := value[1 : len(value)-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return inside
	}
	return AppendUnescaped(nil, inside)
}

// PutOr appends a value, or absent where there is none.
//
//go:noinline
func PutOr(dst, value []byte, absent string) []byte {
	if value == nil {
		return Put(dst, absent)
	}
	return PutBytes(dst, value)
}

// PutBetween appends a value between two texts.
//
//go:noinline
func PutBetween(dst []byte, before string, value []byte, after string) []byte {
	return Put(PutBytes(Put(dst, before), value), after)
}

// PutMember appends a comma and a member of an object, nothing where there is no value.
//
//go:noinline
func PutMember(dst []byte, name string, value []byte) []byte {
	if value == nil {
		return dst
	}
	return PutBytes(Put(Put(Put(dst, `,"`), name), `":`), value)
}

// PutLine appends a value without the line breaks between its parts, for what is to stand on
// one line. Inside strings none can stand.
func PutLine(dst, value []byte) []byte {
	if bytes.IndexByte(value, '\n') < 0 && bytes.IndexByte(value, '\r') < 0 {
		return PutBytes(dst, value)
	}
	for _, c := range value {
		if c != '\n' && c != '\r' {
			dst = append(dst, c)
		}
	}
	return dst
}

package jsonedit

// A CompactSpan is a Span in half the room: a hostile body makes a dialect note very many of
// them. Texts of more than math.MaxInt32 bytes must be refused before. It also is a run of
// elements of a list.
type CompactSpan struct{ Start, End int32 }

// Compact is the span from start to end.
func Compact(start, end int) CompactSpan { return CompactSpan{int32(start), int32(end)} }

// Compact is the span in half the room.
func (s Span) Compact() CompactSpan { return CompactSpan{int32(s.Start), int32(s.End)} }

// Absent reports whether the span was never set.
func (s CompactSpan) Absent() bool { return s.End == 0 }

// Of returns the bytes that the span covers.
func (s CompactSpan) Of(src []byte) []byte { return src[s.Start:s.End] }

// Literal is the value at the span, nil where there is none.
func (s CompactSpan) Literal(src []byte) []byte {
	if s.Absent() {
		return nil
	}
	return s.Of(src)
}

// Len is how many bytes or elements the span covers.
func (s CompactSpan) Len() int { return int(s.End - s.Start) }

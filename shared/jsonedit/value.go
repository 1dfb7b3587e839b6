package jsonedit

import "strconv"

// A Value is a JSON value to look into where speed does not matter: a configuration, an
// error, an entry of a list. The zero Value is absent. It refers to the text it was made of.
type Value struct{ raw []byte }

// Parse reads a text that is one JSON value.
func Parse(src []byte) (Value, error) {
	var s Scanner
	s.Reset(src)
	v := s.Value()
	if err := s.Finish(); err != nil {
		return Value{}, err
	}
	return Value{v.Of(src)}, nil
}

// Known is Parse of a text that a Scanner has passed already.
func Known(raw []byte) Value { return Value{raw} }

// Exists is false for the zero Value.
func (v Value) Exists() bool { return len(v.raw) > 0 }

// Raw is the value's text; empty if it is absent.
func (v Value) Raw() []byte { return v.raw }

// Kind is Invalid for an absent value.
func (v Value) Kind() Kind {
	if len(v.raw) == 0 {
		return Invalid
	}
	return KindOf(v.raw[0])
}

// Get is the first member of that name, absent where there is none.
func (v Value) Get(name string) (found Value) {
	v.Each(func(key []byte, m Value) bool {
		if string(key) != name {
			return true
		}
		found = m
		return false
	})
	return found
}

// Each visits the members of an object, or with a nil key the elements of an array,
// until visit says false. The key is valid during the visit.
func (v Value) Each(visit func(key []byte, v Value) bool) {
	var s Scanner
	s.Reset(v.raw)
	switch v.Kind() {
	case Object:
		for s.BeginObject(); s.NextMember(); {
			key := s.Key()
			if at := s.Value(); s.Err() != nil || !visit(key, Value{at.Of(v.raw)}) {
				return
			}
		}
	case Array:
		for s.BeginArray(); s.NextElement(); {
			if at := s.Value(); s.Err() != nil || !visit(nil, Value{at.Of(v.raw)}) {
				return
			}
		}
	}
}

// Text is what a string says, the text of any other value, and nothing for null.
func (v Value) Text() string {
	switch v.Kind() {
	case String:
		return string(AppendUnquoted(nil, v.raw))
	case Null:
		return ""
	}
	return string(v.raw)
}

// Int is a whole number, or a string that holds one; 0 for anything else.
func (v Value) Int() int64 {
	n, _ := strconv.ParseInt(v.Text(), 10, 64)
	return n
}

package hub

import "strings"

// A HeaderEdit changes a message's header: some fields go, others are set in the place of
// what was there. Names are in lower case.
type HeaderEdit struct {
	// Drop names fields to remove, DropPrefixes beginnings of such names.
	Drop, DropPrefixes []string
	// Set holds names and values.
	Set [][2]string
}

// Drops tells whether a field, named in any case, is to be removed.
func (e *HeaderEdit) Drops(name string) bool {
	for _, n := range e.Drop {
		if len(n) == len(name) && strings.EqualFold(n, name) {
			return true
		}
	}
	for _, p := range e.DropPrefixes {
		if len(name) >= len(p) && strings.EqualFold(name[:len(p)], p) {
			return true
		}
	}
	return false
}

// Sets tells whether a field, named in any case, is to be set.
func (e *HeaderEdit) Sets(name string) bool {
	for i := range e.Set {
		if n := e.Set[i][0]; len(n) == len(name) && strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// With sets further fields. What Set holds may be shared by others, so it is copied.
func (e HeaderEdit) With(fields ...[2]string) HeaderEdit {
	e.Set = append(e.Set[:len(e.Set):len(e.Set)], fields...)
	return e
}

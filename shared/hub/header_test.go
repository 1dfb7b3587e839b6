package hub

import (
	"slices"
	"testing"
)

func TestHeaderEdit(t *testing.T) {
	e := HeaderEdit{Drop: []string{"x-api-key"}, DropPrefixes: []string{"x-stainless-"}, Set: [][2]string{{"authorization", "Bearer k"}}}
	for _, tt := range []struct {
		name        string
		drops, sets bool
	}{
		{"x-api-key", true, false},
		{"X-Api-Key", true, false},
		{"x-api-key2", false, false},
		{"X-Stainless-Lang", true, false},
		{"x-stainless-", true, false},
		{"x-stainless", false, false},
		{"Authorization", false, true},
		{"", false, false},
	} {
		if drops, sets := e.Drops(tt.name), e.Sets(tt.name); drops != tt.drops || sets != tt.sets {
			t.Errorf("%q: drops %t, sets %t", tt.name, drops, sets)
		}
	}
}

// Plans share the fields that all replies get.
func TestHeaderEditsDontWriteIntoEachOther(t *testing.T) {
	shared := make([][2]string, 1, 4)
	shared[0] = [2]string{"a", "1"}
	e := HeaderEdit{Set: shared}
	one, two := e.With([2]string{"b", "1"}), e.With([2]string{"b", "2"})
	if !slices.Equal(one.Set, [][2]string{{"a", "1"}, {"b", "1"}}) || !slices.Equal(two.Set, [][2]string{{"a", "1"}, {"b", "2"}}) || len(e.Set) != 1 {
		t.Errorf("%v, %v, %v", e.Set, one.Set, two.Set)
	}
}

// Package mutation makes broken streams out of good ones, one change each: a checker
// that lets a broken stream pass has a hole.
package mutation

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Event is an event whose data can be changed.
type Event struct {
	Name string
	Data map[string]any // numbers are json.Number

	text []byte // Data as JSON, if it is known
}

// Mutant is a stream with one thing changed.
type Mutant struct {
	// Change says what: "drop", "double", "swap" (with the next), "delete", "null",
	// "other" (another value of the same type), "type" (a value of another type).
	Change string
	// Event is the number of the event, Name its name.
	Event int
	Name  string
	// Path names the value that was changed: "response.output[0].id". "" if it was
	// the event.
	Path   string
	Events []Event
}

func (m Mutant) String() string {
	if m.Path == "" {
		return fmt.Sprintf("%s event %d (%s)", m.Change, m.Event, m.Name)
	}
	return fmt.Sprintf("%s %s in event %d (%s)", m.Change, m.Path, m.Event, m.Name)
}

// All makes every mutant of a stream: those of Orders, and those with one value changed.
func All(events []Event, renumber func([]Event)) []Mutant {
	mutants := Orders(events, renumber)
	written := slices.Clone(events)
	for i := range written {
		written[i].text = mustMarshal(written[i].Data)
	}
	for i := range events {
		for _, v := range values(events[i].Data) {
			made := slices.Clone(written)
			made[i] = Event{Name: events[i].Name, Data: v.data}
			mutants = append(mutants, Mutant{Change: v.change, Event: i, Name: events[i].Name, Path: v.path, Events: made})
		}
	}
	return mutants
}

// Orders makes the mutants whose events are fewer, more or in another order. Renumber
// (nil: nothing) then puts their numbers right, so that these don't give the change away.
func Orders(events []Event, renumber func([]Event)) []Mutant {
	var mutants []Mutant
	reorder := func(change string, i int, made []Event) {
		made = clones(made)
		if renumber != nil {
			renumber(made)
		}
		mutants = append(mutants, Mutant{Change: change, Event: i, Name: events[i].Name, Events: made})
	}
	for i := range events {
		reorder("drop", i, slices.Concat(events[:i], events[i+1:]))
		reorder("double", i, slices.Concat(events[:i+1], events[i:]))
		if i+1 < len(events) {
			reorder("swap", i, slices.Concat(events[:i], []Event{events[i+1], events[i]}, events[i+2:]))
		}
	}
	return mutants
}

// Objects makes every mutant of one JSON object.
func Objects(object map[string]any) []Mutant {
	var mutants []Mutant
	for _, v := range values(object) {
		mutants = append(mutants, Mutant{Change: v.change, Path: v.path, Events: []Event{{Data: v.data}}})
	}
	return mutants
}

func clones(events []Event) []Event {
	out := make([]Event, len(events))
	for i, e := range events {
		out[i] = Event{Name: e.Name, Data: clone(e.Data).(map[string]any)}
	}
	return out
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clone(e)
		}
		return out
	}
	return v
}

type value struct {
	change, path string
	data         map[string]any
}

// values changes each value of an object, at any depth.
func values(object map[string]any) []value {
	var made []value
	var walk func(steps []any, path string, v any)
	walk = func(steps []any, path string, v any) {
		if len(steps) > 0 {
			put := func(change string, to any) {
				copied := clone(object).(map[string]any)
				set(copied, steps, to)
				made = append(made, value{change, path, copied})
			}
			put("delete", deleted{})
			if v != nil {
				put("null", nil)
			}
			put("type", ofAnotherType(v))
			for _, o := range others(v) {
				put("other", o)
			}
		}
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(append(slices.Clip(steps), k), strings.TrimPrefix(path+"."+k, "."), v[k])
			}
		case []any:
			for i, e := range v {
				walk(append(slices.Clip(steps), i), fmt.Sprintf("%s[%d]", path, i), e)
			}
		}
	}
	walk(nil, "", object)
	return made
}

type deleted struct{}

func set(v any, steps []any, to any) any {
	if len(steps) == 0 {
		return to
	}
	switch step := steps[0].(type) {
	case string:
		m := v.(map[string]any)
		if n := set(m[step], steps[1:], to); isDeleted(n) {
			delete(m, step)
		} else {
			m[step] = n
		}
		return m
	default:
		a, i := v.([]any), step.(int)
		if n := set(a[i], steps[1:], to); isDeleted(n) {
			return slices.Delete(a, i, i+1)
		} else {
			a[i] = n
		}
		return a
	}
}

func isDeleted(v any) bool { _, ok := v.(deleted); return ok }

func ofAnotherType(v any) any {
	if _, ok := v.(json.Number); ok {
		return "text"
	}
	return json.Number("7.5")
}

// others are values of the same type.
func others(v any) []any {
	switch v := v.(type) {
	case string:
		if v == "" {
			return []any{"x"}
		}
		return []any{v + "x", ""}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return []any{json.Number(fmt.Sprint(n + 1)), json.Number(fmt.Sprint(n - 1))}
		}
		return []any{json.Number(v.String() + "1")}
	case bool:
		return []any{!v}
	case []any:
		if len(v) > 0 {
			return []any{append(slices.Clone(v), v[0])}
		}
		return []any{[]any{map[string]any{}}}
	case nil:
		return []any{map[string]any{}, "x"}
	}
	return nil
}

// Bytes is the stream as server-sent events.
func (m Mutant) Bytes() []byte {
	var b []byte
	for _, e := range m.Events {
		b = append(append(b, "event: "...), e.Name...)
		b = append(append(b, "\ndata: "...), e.JSON()...)
		b = append(b, "\n\n"...)
	}
	return b
}

// JSON is the event's data as text.
func (e Event) JSON() []byte {
	if e.text != nil {
		return e.text
	}
	return mustMarshal(e.Data)
}

func mustMarshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // it came from JSON
	}
	return data
}

package grammar

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Fault is one thing that is wrong with a stream, or worth a note. All errors of the
// checkers are Faults.
type Fault struct {
	// Event counts from 0, as sequence_number does. It is the event in which the
	// fault was seen; after the last event it is the number of events. It is
	// NoEvent for an object outside a stream.
	Event int
	// Name is the event's type; "" if it has none.
	Name string
	// What was wrong, where, and what is allowed.
	What string
	// Note: no client stumbles over it. The gateway never does it; other servers may.
	Note bool
}

// IsNote says whether an error of a checker is only a note.
func IsNote(err error) bool {
	var f *Fault
	return errors.As(err, &f) && f.Note
}

// Report takes what is wrong, or worth a note.
type Report func(note bool, what string)

// Fault reports what a client stumbles over.
func (r Report) Fault(format string, args ...any) { r(false, fmt.Sprintf(format, args...)) }

// Note reports what other servers do and the gateway doesn't.
func (r Report) Note(format string, args ...any) { r(true, fmt.Sprintf(format, args...)) }

// asNotes makes notes of all that is reported.
func (r Report) asNotes() Report { return func(_ bool, what string) { r(true, what) } }

// NoEvent is the number of what stands in no stream.
const NoEvent = -1

func (f *Fault) Error() string {
	if f.Event == NoEvent {
		return f.What
	}
	if f.Name == "" {
		return fmt.Sprintf("event %d: %s", f.Event, f.What)
	}
	return fmt.Sprintf("event %d (%s): %s", f.Event, f.Name, f.What)
}

// InOrder puts faults into the order of the events that they were seen in.
func InOrder(faults []error) []error {
	slices.SortStableFunc(faults, func(a, b error) int {
		var x, y *Fault
		if !errors.As(a, &x) || !errors.As(b, &y) {
			return 0
		}
		return cmp.Compare(x.Event, y.Event)
	})
	return faults
}

// A Checker follows one stream by its grammar.
type Checker interface {
	Event(name string, data []byte) []error
	End() []error
}

// Run takes a whole stream of server-sent events through c and returns what is wrong
// with it, in the order of the events.
func Run(stream []byte, c Checker) []error {
	events, faults := Events(stream)
	for _, e := range events {
		faults = append(faults, c.Event(e.Name, e.Data)...)
	}
	return InOrder(append(faults, c.End()...))
}

// Typed parses an event's data, nil for what is no object, and tells its type: that of
// the data or, where it has none, name. named: the two must be equal.
func Typed(data []byte, name string, named bool, report Report) (event map[string]any, kind string) {
	event, faults := Parse(data)
	for _, f := range faults {
		report.Fault("%s", f)
	}
	if event == nil {
		return nil, ""
	}
	kind, ok := event["type"].(string)
	switch {
	case !ok:
		report.Fault("type is %s; must be the event's name", Describe(event["type"]))
		kind = name
	case named && kind != name:
		report.Fault("the event: line says %q, type says %q; they must be equal", name, kind)
	}
	return event, kind
}

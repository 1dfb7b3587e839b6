package grammar

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Event is one event of a stream.
type Event struct {
	// Number counts from 0.
	Number int
	// Name is the value of the event: line; "" if there is none.
	Name string
	// Data is the value of the data: line. Several data: lines are a fault; they
	// are joined with line feeds as the standard says.
	Data []byte
}

// Done is the data that ends a stream of Chat Completions. Such an event has no name.
const Done = "[DONE]"

// Events reads a stream of server-sent events of the one form that the gateway
// writes:
//
//	event: NAME LF
//	data: one line LF
//	LF
//
// A comment may stand between events, with or without a blank line after it. All
// else that the standard permits is a note (carriage returns, id: and retry: lines,
// several data: lines, no space after the colon): the gateway has none of it, for some
// client trips over it. A last event without its blank line is a fault: clients lose it.
func Events(stream []byte) ([]Event, []error) {
	var r eventReader
	if bytes.HasPrefix(stream, []byte("\ufeff")) {
		r.fault("the stream begins with a byte order mark; it must begin with an event")
		stream = stream[len("\ufeff"):]
	}
	for len(stream) > 0 {
		end := bytes.IndexByte(stream, '\n')
		line := stream
		if end < 0 {
			stream = nil
			r.fault("the stream ends within the line %q; each line ends with a line feed", short(line))
		} else {
			line, stream = stream[:end], stream[end+1:]
		}
		r.line(line)
	}
	if r.begun() {
		r.fault("the stream ends without a blank line after it; clients lose such an event")
		r.flush()
	}
	return r.events, r.faults
}

// eventReader gathers the lines of the event at hand.
type eventReader struct {
	events []Event
	faults []error

	name       string
	data       []byte
	hasName    bool
	hasData    bool
	hasComment bool
}

func (r *eventReader) report(note bool, what string) {
	r.faults = append(r.faults, &Fault{Event: len(r.events), Name: r.name, What: what, Note: note})
}

func (r *eventReader) fault(format string, args ...any) {
	r.report(false, fmt.Sprintf(format, args...))
}

func (r *eventReader) note(format string, args ...any) { r.report(true, fmt.Sprintf(format, args...)) }

// begun reports whether a line of the event has come.
func (r *eventReader) begun() bool { return r.hasName || r.hasData }

// flush ends the event.
func (r *eventReader) flush() {
	switch {
	case !r.hasData:
		r.fault("has an event: line but no data: line; an event needs both")
	case !r.hasName && string(r.data) != Done:
		r.fault("has no event: line; clients drop an event without one")
	}
	if r.hasData {
		r.events = append(r.events, Event{Number: len(r.events), Name: r.name, Data: r.data})
	}
	r.name, r.data, r.hasName, r.hasData, r.hasComment = "", nil, false, false, false
}

// line takes a line without its line feed.
func (r *eventReader) line(line []byte) {
	if bytes.IndexByte(line, '\r') >= 0 {
		r.note("carriage return in the line %q; lines end with a line feed alone", short(line))
		line = bytes.ReplaceAll(line, []byte("\r"), nil)
	}
	if !utf8.Valid(line) {
		r.fault("the line %q is not UTF-8", short(line))
	}
	switch {
	case len(line) > 0 && line[0] == ':':
		if r.begun() {
			r.note("comment within an event; comments stand between events")
		}
		r.hasComment = true
	case len(line) > 0:
		r.field(line)
	case r.begun():
		r.flush()
	case r.hasComment:
		r.hasComment = false
	default:
		r.note("a blank line too many; one follows each event")
	}
}

// field takes an event: or data: line.
func (r *eventReader) field(line []byte) {
	field, value, colon := bytes.Cut(line, []byte(":"))
	if name := string(field); name != "event" && name != "data" {
		r.note("the line %q; an event has an event: line and a data: line, and no others", short(line))
		return
	}
	if !colon || len(value) < 2 || value[0] != ' ' || value[1] == ' ' {
		r.note("the line %q; it must be %s, a colon, one space, and a value", short(line), field)
	}
	value = bytes.TrimPrefix(value, []byte(" "))
	switch {
	case string(field) == "event":
		if r.hasData {
			r.fault("no blank line after it; each event ends with one")
			r.flush()
		} else if r.hasName {
			r.fault("two event: lines in one event")
		}
		r.name, r.hasName = string(value), true
	case r.hasData:
		r.note("two data: lines in one event; its JSON stands on one line")
		r.data = append(append(bytes.Clone(r.data), '\n'), value...)
	default:
		r.data, r.hasData = value, true
	}
}

// short makes a line fit into an error.
func short(line []byte) []byte {
	const most = 60
	if len(line) <= most {
		return line
	}
	return append(bytes.Clone(line[:most]), "…"...)
}

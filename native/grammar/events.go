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
// else that the standard permits is a fault (carriage returns, id: and retry: lines,
// several data: lines, no space after the colon), for some client trips over it. So
// is a last event without its blank line: clients lose it.
func Events(stream []byte) (events []Event, faults []error) {
	var e struct {
		name       string
		data       []byte
		hasName    bool
		hasData    bool
		hasComment bool
	}
	fault := func(format string, args ...any) {
		faults = append(faults, &Fault{Event: len(events), Name: e.name, What: fmt.Sprintf(format, args...)})
	}
	flush := func() {
		switch {
		case !e.hasData:
			fault("has an event: line but no data: line; an event needs both")
		case !e.hasName && string(e.data) != Done:
			fault("has no event: line; clients drop an event without one")
		}
		if e.hasData {
			events = append(events, Event{Number: len(events), Name: e.name, Data: e.data})
		}
		e.name, e.data, e.hasName, e.hasData, e.hasComment = "", nil, false, false, false
	}
	if bytes.HasPrefix(stream, []byte("\ufeff")) {
		fault("the stream begins with a byte order mark; it must begin with an event")
		stream = stream[len("\ufeff"):]
	}
	for len(stream) > 0 {
		end := bytes.IndexByte(stream, '\n')
		line := stream
		if end < 0 {
			stream = nil
			fault("the stream ends within the line %q; each line ends with a line feed", short(line))
		} else {
			line, stream = stream[:end], stream[end+1:]
		}
		if bytes.IndexByte(line, '\r') >= 0 {
			fault("carriage return in the line %q; lines end with a line feed alone", short(line))
			line = bytes.ReplaceAll(line, []byte("\r"), nil)
		}
		if !utf8.Valid(line) {
			fault("the line %q is not UTF-8", short(line))
		}
		if len(line) == 0 {
			switch {
			case e.hasName || e.hasData:
				flush()
			case e.hasComment:
				e.hasComment = false
			default:
				fault("a blank line too many; one follows each event")
			}
			continue
		}
		if line[0] == ':' {
			if e.hasName || e.hasData {
				fault("comment within an event; comments stand between events")
			}
			e.hasComment = true
			continue
		}
		field, value, colon := bytes.Cut(line, []byte(":"))
		if name := string(field); name != "event" && name != "data" {
			fault("the line %q; an event has an event: line and a data: line, and no others", short(line))
			continue
		}
		if !colon || len(value) < 2 || value[0] != ' ' || value[1] == ' ' {
			fault("the line %q; it must be %s, a colon, one space, and a value", short(line), field)
		}
		value = bytes.TrimPrefix(value, []byte(" "))
		if string(field) == "event" {
			if e.hasName || e.hasData {
				if e.hasData {
					fault("no blank line after it; each event ends with one")
					flush()
				} else {
					fault("two event: lines in one event")
				}
			}
			e.name, e.hasName = string(value), true
			continue
		}
		if e.hasData {
			fault("two data: lines in one event; its JSON stands on one line")
			e.data = append(append(bytes.Clone(e.data), '\n'), value...)
			continue
		}
		e.data, e.hasData = value, true
	}
	if e.hasName || e.hasData {
		fault("the stream ends without a blank line after it; clients lose such an event")
		flush()
	}
	return events, faults
}

// short makes a line fit into an error.
func short(line []byte) []byte {
	const most = 60
	if len(line) <= most {
		return line
	}
	return append(bytes.Clone(line[:most]), "…"...)
}

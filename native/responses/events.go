package responses

import "bytes"

// An event is one of a stream that the core made.
type event struct {
	// raw is all of it, the blank line included.
	raw []byte
	// name and data are empty in what is only a comment.
	name, data []byte
}

// terminal tells whether the event is a stream's last, but for a [DONE].
func (e *event) terminal() bool {
	switch string(e.name) {
	case "response.completed", "response.incomplete", "response.failed":
		return true
	}
	return false
}

// A splitter cuts a stream into its events. The core's streams have an event: line, one
// data: line and line feeds only; they mostly come in whole events, which are not copied.
type splitter struct{ rest []byte }

// push calls each for every event that has ended. The event is lent until each returns.
// It stops early when each returns false.
func (s *splitter) push(p []byte, each func(e event) bool) {
	held := len(s.rest) > 0
	if held {
		s.rest = append(s.rest, p...)
		p = s.rest
	}
	for {
		end := bytes.Index(p, blankLine)
		if end < 0 {
			break
		}
		e := event{raw: p[:end+2]}
		p = p[end+2:]
		for line := range bytes.Lines(e.raw) {
			line = line[:len(line)-1]
			if v, ok := bytes.CutPrefix(line, eventField); ok {
				e.name = v
			} else if v, ok := bytes.CutPrefix(line, dataField); ok {
				e.data = v
			}
		}
		if !each(e) {
			break
		}
	}
	if held {
		s.rest = append(s.rest[:0], p...)
	} else if len(p) > 0 {
		s.rest = append(s.rest, p...)
	}
}

var (
	blankLine  = []byte("\n\n")
	eventField = []byte("event: ")
	dataField  = []byte("data: ")
)

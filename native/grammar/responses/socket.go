package responses

import "github.com/qwenvoy/qwenvoy/native/grammar"

// Frames checks what a server sent over one WebSocket: one JSON text per frame.
func Frames(frames [][]byte, o Options) (faults []error) {
	s := NewSocket(o)
	for _, f := range frames {
		faults = append(faults, s.Frame(f)...)
	}
	return append(faults, s.End()...)
}

// Socket takes the frames of one connection one by one. Each frame holds an event as in
// a stream. Responses come one after another, each with its own numbers from 0 and an id
// of its own. Unlike in a stream, a frame {"type":"error"} may come at any time, as it
// may concern a request that waits, and a warm-up may end right after response.created.
type Socket struct {
	options  Options
	response *Checker
	seen     int
	ids      map[string]bool
}

// NewSocket makes a checker for one connection. First and Done have no meaning here.
func NewSocket(o Options) *Socket {
	o.First, o.Done = 0, false
	return &Socket{options: o, ids: map[string]bool{}}
}

// errorFrameShape is that of Open Responses; without status, and with a null code, Codex
// ignores the frame and waits until its idle limit.
var errorFrameShape = object(
	required("status", grammar.Count),
	required("error", object(
		required("type", grammar.Word),
		required("code", grammar.Word),
		required("message", grammar.Word),
		required("param", nullable(grammar.Text)))),
)

var steerFailedShape = object(
	required("sequence_number", grammar.Count),
	required("steer", object()),
	required("error", object(required("code", grammar.Word), required("message", grammar.Word))),
)

// Frame takes the next frame and returns what is wrong with it.
func (s *Socket) Frame(data []byte) (faults []error) {
	number := s.seen
	s.seen++
	event, wrong := grammar.Parse(data)
	kind, _ := event["type"].(string)
	report := grammar.Report(func(note bool, what string) {
		faults = append(faults, &grammar.Fault{Event: number, Name: kind, What: what, Note: note})
	})
	aside := map[string]grammar.Rule{"error": errorFrameShape, "response.steer.failed": steerFailedShape}
	if shape, ok := aside[kind]; ok {
		for _, w := range wrong {
			report.Fault("%s", w)
		}
		shape("", event, report)
		return faults
	}
	if s.response == nil {
		s.response = New(s.options)
		s.response.inFrames = true
	}
	for _, f := range s.response.Event("", data) {
		f.(*grammar.Fault).Event = number
		faults = append(faults, f)
	}
	if kind == "response.created" {
		response, _ := event["response"].(map[string]any)
		if id, _ := response["id"].(string); id != "" {
			if s.ids[id] {
				report.Fault("response.id %q was another response's; must be unique", id)
			}
			s.ids[id] = true
		}
	}
	if s.response.phase == over {
		s.response = nil
	}
	return faults
}

// End says that the connection ended and returns what is missing.
func (s *Socket) End() (faults []error) {
	if s.response == nil {
		return nil
	}
	for _, f := range s.response.End() {
		f.(*grammar.Fault).Event = s.seen
		faults = append(faults, f)
	}
	return faults
}

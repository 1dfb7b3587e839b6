package editor

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// maxStops bounds the bytes of stop strings that are looked for here.
const maxStops = 4 << 10

// holdStops takes the stop strings out of a request whose model thinks or may call tools: a
// server ends the turn at one in the thinking, before there is an answer, and inside a call,
// which breaks it. Here they end the answer's text (repair.Stops). Of several choices the server
// keeps them.
func holdStops(r *request, callable bool) {
	facts := &r.turn.Request
	if !facts.Thinking && !callable || facts.Choices != 1 {
		return
	}
	raw := r.literal(keyStop)
	var stops []string
	switch r.kind(keyStop) {
	case jsonedit.String:
		stops = append(stops, string(jsonedit.AppendUnquoted(nil, raw)))
	case jsonedit.Array:
		s := &r.inner
		s.Reset(raw)
		for s.BeginArray(); s.NextElement(); {
			if s.Kind() != jsonedit.String {
				return // the server says what it thinks of it
			}
			stops = append(stops, string(jsonedit.AppendUnquoted(nil, s.Value().Of(raw))))
		}
	}
	size := 0
	for _, stop := range stops {
		if size += len(stop); stop == "" {
			return
		}
	}
	if size == 0 || size > maxStops {
		return
	}
	r.drop(keyStop)
	facts.Stops, facts.KeepStop = stops, r.kind(keyIncludeStop) == jsonedit.True
	r.changed(hub.StopsHeld)
}

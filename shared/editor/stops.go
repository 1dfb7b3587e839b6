package editor

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// maxStops bounds the bytes of stop strings that are looked for here, and maxStopped the choices
// whose text they end, which is OpenAI's limit for n. The answer is read once for each of the strings.
const (
	maxStops   = 4 << 10
	maxStopped = 128
)

// holdStops takes the stop strings out of a request whose model thinks or may call tools: a
// server ends the turn at one in the thinking, before there is an answer, and inside a call,
// which breaks it. Here they end the answer's text (repair.Stops).
func holdStops(r *request, callable bool) *hub.Problem {
	facts := &r.turn.Request
	if !facts.Thinking && !callable {
		return nil
	}
	raw := r.literal(keyStop)
	var stops [][]byte
	switch r.kind(keyStop) {
	case jsonedit.String:
		stops = append(stops, jsonedit.AppendUnquoted(nil, raw))
	case jsonedit.Array:
		s := &r.inner
		s.Reset(raw)
		for s.BeginArray(); s.NextElement(); {
			if s.Kind() != jsonedit.String {
				return nil // the server says what it thinks of it
			}
			stops = append(stops, jsonedit.AppendUnquoted(nil, s.Value().Of(raw)))
		}
	}
	size := 0
	for _, stop := range stops {
		if size += len(stop); len(stop) == 0 {
			return nil
		}
	}
	switch {
	case size == 0:
		return nil
	case size > maxStops:
		return hub.BadRequest("stop", "The stop strings are %d bytes long; where the model thinks or has tools, %d bytes of them are allowed.",
			size, maxStops)
	case facts.Choices > maxStopped:
		return hub.BadRequest("n", "n is %d; where the model thinks or has tools, %d choices are allowed beside stop strings.",
			facts.Choices, maxStopped)
	}
	r.drop(keyStop)
	facts.Stops, facts.KeepStop = stops, r.kind(keyIncludeStop) == jsonedit.True
	if n, ok := integer(r.literal(keyMinTokens)); ok && r.kind(keyMinTokens) == jsonedit.Number {
		facts.MinTokens = n
	}
	r.changed(hub.StopsHeld)
	return nil
}

package responses

import (
	"encoding/json"
	"strings"
	"testing"
)

// A streamed is an event of a stream that was read.
type streamed struct {
	kind string
	data map[string]any
	text string
}

func (s streamed) response() map[string]any {
	r, _ := s.data["response"].(map[string]any)
	return r
}

// readEvents reads a whole stream and checks that its events are numbered without gaps.
func readEvents(t *testing.T, text string) (events []streamed) {
	t.Helper()
	for block := range strings.SplitSeq(text, "\n\n") {
		var s streamed
		for line := range strings.SplitSeq(block, "\n") {
			if v, ok := strings.CutPrefix(line, "event: "); ok {
				s.kind = v
			} else if v, ok := strings.CutPrefix(line, "data: "); ok {
				s.text = v
			}
		}
		if s.text == "" || s.text == "[DONE]" {
			continue
		}
		if err := json.Unmarshal([]byte(s.text), &s.data); err != nil {
			t.Fatalf("%v in %s", err, block)
		}
		if s.data["type"] != s.kind {
			t.Fatalf("%s holds %s", s.kind, s.text)
		}
		if n := len(events); n > 0 && s.data["sequence_number"] != events[n-1].data["sequence_number"].(float64)+1 {
			t.Fatalf("a gap before %s", s.text)
		}
		events = append(events, s)
	}
	if len(events) == 0 {
		t.Fatalf("no events in %q", text)
	}
	return events
}

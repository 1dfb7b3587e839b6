// Package example holds good streams, as text that a person can read: for the tests of
// the checkers, and of whatever else wants one. They don't come from any server, but some
// are as other servers send them (OpenAI, Anthropic).
package example

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/grammar/mutation"
)

// Stream is a good stream.
type Stream struct {
	Name string
	// Lines hold one event each, as JSON.
	Lines string
	// What the stream needs of a checker's options of the same names.
	OpenResponses, Keepalive bool
}

// read takes streams from a text. One begins with its name, and what it needs of a
// checker's options:
//
//	# NAME (OPTION)
//
// Each line below is an event, as JSON, or a word and what belongs to it, of which event
// makes events; a line that begins with a blank goes on where the one before it ends.
// $usage and $counted are the members of these names.
func read(text string, event func(word string, rest ...string) string) (streams []Stream) {
	text = strings.ReplaceAll(text, "\n  ", "")
	text = strings.NewReplacer("$usage", Usage, "$counted", counted).Replace(text)
	for _, part := range strings.Split("\n"+text, "\n# ")[1:] {
		title, events, _ := strings.Cut(part, "\n")
		name, option, _ := strings.Cut(strings.TrimSuffix(title, ")"), " (")
		s := Stream{Name: name, OpenResponses: option == "OpenResponses", Keepalive: option == "Keepalive"}
		for line := range strings.Lines(events) {
			switch word, rest, more := strings.Cut(strings.TrimSpace(line), " "); {
			case word == "" || word[0] == '{':
			case more:
				line = event(word, rest)
			default:
				line = event(word)
			}
			s.Lines += line
		}
		streams = append(streams, s)
	}
	return streams
}

// Named finds a stream.
func Named(streams []Stream, name string) Stream {
	for _, s := range streams {
		if s.Name == name {
			return s
		}
	}
	panic(fmt.Sprintf("there is no example %q", name))
}

// Events are the stream's events.
func (s Stream) Events() []mutation.Event {
	var events []mutation.Event
	d := json.NewDecoder(strings.NewReader(s.Lines))
	d.UseNumber()
	for d.More() {
		var data map[string]any
		if err := d.Decode(&data); err != nil {
			panic(fmt.Sprintf("example %q: %v", s.Name, err))
		}
		name, _ := data["type"].(string)
		events = append(events, mutation.Event{Name: name, Data: data})
	}
	if len(events) > 0 && strings.HasPrefix(events[0].Name, "response.") {
		Renumber(events)
	}
	return events
}

// Renumber gives events of the Responses API their sequence numbers.
func Renumber(events []mutation.Event) {
	for i, e := range events {
		e.Data["sequence_number"] = json.Number(fmt.Sprint(i))
	}
}

// Bytes is the stream as server-sent events.
func (s Stream) Bytes() []byte { return mutation.Mutant{Events: s.Events()}.Bytes() }

// Line replaces a text in one event.
func (s Stream) Line(n int, old, new string) Stream {
	lines := s.lines()
	if !strings.Contains(lines[n], old) {
		panic(fmt.Sprintf("event %d has no %s: %s", n, old, lines[n]))
	}
	lines[n] = strings.ReplaceAll(lines[n], old, new)
	s.Lines = strings.Join(lines, "\n")
	return s
}

// With replaces the first occurrence of a text.
func (s Stream) With(old, new string) Stream {
	if !strings.Contains(s.Lines, old) {
		panic(fmt.Sprintf("the stream has no %s", old))
	}
	s.Lines = strings.Replace(s.Lines, old, new, 1)
	return s
}

// Insert puts an event before event n.
func (s Stream) Insert(n int, event string) Stream {
	lines := s.lines()
	s.Lines = strings.Join(append(lines[:n:n], append([]string{event}, lines[n:]...)...), "\n")
	return s
}

func (s Stream) lines() (lines []string) {
	for _, e := range s.Events() {
		lines = append(lines, JSON(e.Data))
	}
	return lines
}

// JSON is a value's text.
func JSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // it came from JSON
	}
	return string(b)
}

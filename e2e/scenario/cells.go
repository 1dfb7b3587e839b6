package scenario

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"
)

// dialects are the routes on which a turn is created, by what they speak.
var dialects = map[string]string{
	"/v1/chat/completions": "chat",
	"/v1/completions":      "completions",
	"/v1/responses":        "responses",
	"/v1/messages":         "messages",
}

// counters are the routes that read a dialect's items and create no turn.
var counters = map[string]string{
	"/tokenize":                  "tokenize",
	"/v1/messages/count_tokens":  "count_tokens",
	"/v1/responses/input_tokens": "input_tokens",
	"/v1/responses/compact":      "compact",
}

// Path is the path of the scenario's request.
func (s *Scenario) Path() string {
	_, target, _ := strings.Cut(s.Request.Start, " ")
	path, _, _ := strings.Cut(target, "?")
	return path
}

// Streams tells whether the scenario's client asks for a stream.
func (s *Scenario) Streams() bool { return gjson.GetBytes(s.Request.Body, "stream").Type == gjson.True }

// Places are the places, besides its own route, to which the binary's tests take the scenario's
// items: those of a turn that reaches the server are read everywhere in one way.
func (s *Scenario) Places() []string {
	if s.Upstream == nil || s.Except["native"] != "" || !gjson.ValidBytes(s.Request.Body) {
		return nil
	}
	var all []string
	switch s.Path() {
	case "/v1/chat/completions":
		all = []string{"tokenize"}
	case "/v1/messages":
		all = []string{"count_tokens"}
	case "/v1/responses":
		all = []string{"input_tokens", "compact"}
		items := gjson.GetBytes(s.Request.Body, "input")
		if n := len(items.Array()); items.IsArray() && n > 1 && n <= 20 { // as many as a conversation takes at once
			all = append(all, "conversation")
		}
		if s.Reply.Start == "200" && !bytes.Contains(s.Reply.Body, []byte("response.failed")) {
			all = append(all, "previous")
		}
		if !s.Streams() {
			all = append(all, "background")
		} else if s.Request.Get("origin") == "" { // who may connect is decided before there is a turn
			all = append(all, "websocket")
		}
	}
	kept := all[:0]
	for _, place := range all {
		if s.Except[place] == "" {
			kept = append(kept, place)
		}
	}
	return kept
}

// Cells are the cells of the table of kinds that the scenario fills: its dialect as a stream or
// whole, or the route that counts, and the places to which it is taken.
func (s *Scenario) Cells() []string {
	if d := dialects[s.Path()]; d != "" {
		way := " whole"
		if s.Streams() {
			way = " stream"
		}
		return append([]string{d + way}, s.Places()...)
	}
	if c := counters[s.Path()]; c != "" {
		return []string{c}
	}
	return nil
}

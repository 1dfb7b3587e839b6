package responses_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/grammar"
	"github.com/qwenvoy/qwenvoy/native/grammar/example"
	"github.com/qwenvoy/qwenvoy/native/grammar/mutation"
	"github.com/qwenvoy/qwenvoy/native/grammar/responses"
)

// broken says whether one of the faults is no mere note.
func broken(faults []error) bool {
	return slices.ContainsFunc(faults, func(f error) bool { return !grammar.IsNote(f) })
}

func TestStreamsOfOtherServersHaveNotesOnly(t *testing.T) {
	for _, g := range example.OpenAI {
		faults := responses.Check(g.Bytes(), responses.Options{})
		if len(faults) == 0 {
			t.Errorf("%s: not a note", g.Name)
		}
		for _, f := range faults {
			if !grammar.IsNote(f) {
				t.Errorf("%s: %v", g.Name, f)
			}
		}
	}
}

// Whatever is lost, doubled or elsewhere breaks clients, whoever sent it.
func TestWhatIsLostOrDoubledIsAFault(t *testing.T) {
	harmless := []string{ // change and event
		"double response.in_progress",
		"drop response.mcp_call_arguments.done", "drop response.failed", // the item, the error event says it again
		"drop error", "double error", "swap response.in_progress", "swap error",
	}
	// Nothing tells of these events what must stand before or behind.
	bare := func(name string) bool {
		return name == "keepalive" || strings.Contains(name, "annotation") ||
			!strings.Contains(name, "arguments") && (strings.Contains(name, "mcp") || strings.Contains(name, "web_search"))
	}
	for _, g := range slices.Concat(example.OpenAI, example.Responses) {
		for _, m := range mutation.Orders(g.Events(), example.Renumber) {
			if exception(g.Name, m) != "" || slices.Contains(harmless, m.Change+" "+m.Name) || bare(m.Name) {
				continue
			}
			if m.Change == "swap" && (bare(m.Events[m.Event].Name) || ofTwoItems(m.Events[m.Event], m.Events[m.Event+1])) {
				continue
			}
			if !broken(responses.Check(m.Bytes(), options(g))) {
				t.Errorf("%s: %s is no fault", g.Name, m)
			}
		}
	}
}

// ofTwoItems tells whether events speak of two items, which may be open at once.
func ofTwoItems(a, b mutation.Event) bool {
	first, second := a.Data["output_index"], b.Data["output_index"]
	return first != nil && second != nil && !reflect.DeepEqual(first, second)
}

// Each item of several that are open at once is checked as if it were alone, and by its index and id.
func TestItemsThatAreOpenAtOnce(t *testing.T) {
	g := foreign("two calls at once, and thinking that stays open")
	for _, f := range responses.Check(g.Bytes(), responses.Options{}) {
		if !grammar.IsNote(f) {
			t.Error(f)
		}
	}
	const last = `{"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","encrypted_content":"gAAAAA","summary":[]}}`
	tests := []struct{ name, old, new, fault string }{
		{"a delta of the other", `"item_id":"fc_2","output_index":2,"delta":"{"`, `"item_id":"fc_1","output_index":1,"delta":"{"`, "must be its deltas joined"},
		{"an index of the other", `"item_id":"fc_2","output_index":2,"delta":"{"`, `"item_id":"fc_2","output_index":1,"delta":"{"`, "output_index is 1; must be 2"},
		{"an id of none", `"item_id":"fc_2","output_index":2,"delta":"{"`, `"item_id":"fc_3","output_index":2,"delta":"{"`, `item_id is "fc_3"; must be "fc_2"`},
		{"an index twice", `"output_index":2,"item":{"id":"fc_2","type":"function_call","status":"in_progress"`, `"output_index":1,"item":{"id":"fc_2","type":"function_call","status":"in_progress"`, "output_index is 1; must be 2"},
		{"one that never ends", last + "\n", "", "may not come here"},
		{"one that ends twice", last, last + "\n" + last, "may not come here"},
		{"an end without its text's", `{"type":"response.function_call_arguments.done","item_id":"fc_2","output_index":2,"name":"f","arguments":"{}"}` + "\n", "", "may not come here"},
		{"another order in the end", `"output":[{"encrypted_content":"gAAAAA","id":"rs_1"`, `"output":[{"encrypted_content":"gAAAAA","id":"rs_2"`, "response.output[0] differs"},
	}
	for _, tt := range tests {
		if !strings.Contains(g.Lines, tt.old) {
			t.Fatalf("%s: no %s in the stream", tt.name, tt.old)
		}
		faults := slices.DeleteFunc(responses.Check(g.With(tt.old, tt.new).Bytes(), responses.Options{}), grammar.IsNote)
		t.Run(tt.name, func(t *testing.T) { mustFail(t, faults, tt.fault) })
	}
}

func TestWhatBreaksClientsIsAFaultInStreamsOfOtherServersToo(t *testing.T) {
	text, mcp, call := foreign("reasoning without a status, and text"), foreign("MCP and a search"), foreign("a call without a status")
	tests := []struct{ name, old, new, fault string }{
		{"another id", `"item_id":"mcp_1","output_index":1,"delta":"1}"`, `"item_id":"mcp_2","output_index":1,"delta":"1}"`, `item_id is "mcp_2"`},
		{"another index", `"item_id":"ws_1","output_index":2`, `"item_id":"ws_1","output_index":3`, "output_index is 3; must be 2"},
		{"a delta lost", `"delta":"1}"`, `"delta":""`, "must be its deltas joined"},
		{"text lost", `"delta":"lo"`, `"delta":""`, "must be its deltas joined"},
		{"another text in the end", `"annotations":[],"text":"\nHello"}`, `"annotations":[],"text":"\nhello"}`, "differs from"},
		{"no name", `"call_id":"call_1","name":"f"`, `"call_id":"call_1"`, "item.name is missing"},
		{"no text", `"content_index":0,"text":"\nHello"`, `"content_index":0`, "text is missing"},
		{"one id twice", `"id":"ws_1"`, `"id":"mcp_1"`, "was another item's"},
		{"a text that is a number", `"delta":"lo"`, `"delta":7`, "delta is 7; must be a string"},
	}
	for _, tt := range tests {
		for _, g := range []example.Stream{text, mcp, call} {
			if !strings.Contains(g.Lines, tt.old) {
				continue
			}
			faults := slices.DeleteFunc(responses.Check(g.With(tt.old, tt.new).Bytes(), responses.Options{}), grammar.IsNote)
			t.Run(tt.name, func(t *testing.T) { mustFail(t, faults, tt.fault) })
		}
	}
}

func foreign(name string) example.Stream { return example.Named(example.OpenAI, name) }

// Streams recorded before OpenAI numbered its events are read; one that loses its numbers isn't.
func TestAStreamWithoutNumbers(t *testing.T) {
	g := named("text")
	events := g.Events()
	for _, e := range events {
		delete(e.Data, "sequence_number")
	}
	if faults := responses.Check(mutation.Mutant{Events: events}.Bytes(), responses.Options{}); len(faults) == 0 || broken(faults) {
		t.Error(faults)
	}
	events = g.Events()
	delete(events[3].Data, "sequence_number")
	if !broken(responses.Check(mutation.Mutant{Events: events}.Bytes(), responses.Options{})) {
		t.Error("no fault")
	}
}

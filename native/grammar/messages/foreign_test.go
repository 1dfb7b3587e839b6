package messages_test

import (
	"slices"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/grammar"
	"github.com/qwenvoy/qwenvoy/native/grammar/example"
	"github.com/qwenvoy/qwenvoy/native/grammar/messages"
	"github.com/qwenvoy/qwenvoy/native/grammar/mutation"
)

// broken says whether one of the faults is no mere note.
func broken(faults []error) bool {
	return slices.ContainsFunc(faults, func(f error) bool { return !grammar.IsNote(f) })
}

func TestStreamsOfOtherServersHaveNotesOnly(t *testing.T) {
	for _, g := range example.Anthropic {
		faults := messages.Check(g.Bytes(), messages.Options{})
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

// Whatever is lost, doubled or elsewhere breaks clients, whoever sent it, where it can
// be seen: this API tells a text by its deltas alone.
func TestWhatIsLostDoubledOrElsewhereIsAFault(t *testing.T) {
	for _, g := range slices.Concat(example.Anthropic, example.Messages) {
		for _, m := range mutation.Orders(g.Events(), nil) {
			free := []string{"content_block_delta", "ping", "an_event_of_tomorrow", "message_delta"}
			swapped := m.Change == "swap" && slices.Contains(free, m.Events[m.Event].Name)
			if slices.Contains(free, m.Name) || swapped || exception(g.Name, m) != "" {
				continue
			}
			if !broken(messages.Check(m.Bytes(), messages.Options{})) {
				t.Errorf("%s: %s is no fault", g.Name, m)
			}
		}
	}
}

func TestWhatBreaksClientsIsAFaultInStreamsOfOtherServersToo(t *testing.T) {
	tests := []struct{ stream, old, new, fault string }{
		{"redacted thinking, usage without counts", `"data":"EuoBCoYBGAIi"`, `"x":1`, "content_block.data is missing"},
		{"redacted thinking, usage without counts", `{"type":"content_block_delta","index":1,"delta":{"type":"signature_delta","signature":"EqQBCgIYAhIM"}}`, ``, "has no signature_delta"},
		{"redacted thinking, usage without counts", `"index":2,"delta"`, `"index":1,"delta"`, "index is 1; must be 2"},
		{"redacted thinking, usage without counts", `{"output_tokens":189}`, `{"output_tokens":2}`, "counted 5 already"},
		{"redacted thinking, usage without counts", `{"output_tokens":189}`, `{}`, "usage.output_tokens is missing"},
		{"tools of the server, usage that grows", `"input_tokens":10682`, `"input_tokens":1068`, "message_start counted 2679"},
		{"tools of the server, usage that grows", `"partial_json":"{\"code\":\"1\"}"`, `"partial_json":"{\"code\":\"1\""`, "must be a JSON object"},
		{"MCP, a compaction and a turn that pauses", `"delta":{"type":"compaction_delta","content":"What was said.","encrypted_content":null}`, `"delta":{"type":"text_delta","text":"x"}`, `must be "compaction_delta"`},
		{"MCP, a compaction and a turn that pauses", `:1}"`, `:1"`, "must be a JSON object"},
		{"MCP, a compaction and a turn that pauses", `{"type":"content_block_stop","index":3}`, ``, "may not come here"},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			stream := example.Named(example.Anthropic, tt.stream).With(tt.old, tt.new)
			mustFail(t, slices.DeleteFunc(messages.Check(stream.Bytes(), messages.Options{}), grammar.IsNote), tt.fault)
		})
	}
}

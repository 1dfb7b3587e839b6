package schema

import (
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/grammar/example"
	"github.com/qwenvoy/qwenvoy/native/grammar/messages"
	"github.com/qwenvoy/qwenvoy/native/grammar/mutation"
	"github.com/qwenvoy/qwenvoy/native/grammar/responses"
)

// dialects are the two ways to check, and good streams for them.
var dialects = []struct {
	name    string
	streams []example.Stream
	event   func([]byte) []error
	stream  func([]byte) []error
	grammar func([]byte) []error
}{
	{"responses", example.Responses, ResponsesEvent, ResponsesStream, func(b []byte) []error { return responses.Check(b, responses.Options{}) }},
	{"messages", example.Messages, MessagesEvent, MessagesStream, func(b []byte) []error { return messages.Check(b, messages.Options{}) }},
}

// foreign are names that OpenAI's SDK doesn't have.
func foreign(s example.Stream) bool { return s.OpenResponses || s.Keepalive }

func goodStreams() (faults []error) {
	for _, d := range dialects {
		for _, s := range d.streams {
			if !foreign(s) {
				faults = append(faults, d.stream(s.Bytes())...)
			}
		}
	}
	faults = append(faults, MessagesEvent([]byte(`{"type":"error","error":{"type":"api_error","message":"m"}}`))...)
	return faults
}

func TestTheSDKsTakeTheGoodStreams(t *testing.T) {
	for _, f := range goodStreams() {
		t.Error(f)
	}
	for _, s := range example.Responses {
		events := s.Events()
		for _, f := range Response([]byte(example.JSON(events[len(events)-1].Data["response"]))) {
			t.Errorf("%s: %v", s.Name, f)
		}
	}
}

func TestEachExceptionIsNeeded(t *testing.T) {
	for name, why := range exceptions {
		delete(exceptions, name)
		if len(goodStreams()) == 0 {
			t.Errorf("nothing needs the exception %s (%s)", name, why)
		}
		exceptions[name] = why
	}
}

// The two come from different sources, so that each proves the other: what the SDK's
// types forbid, the grammar forbids too.
func TestTheGrammarIsNoWeakerThanTheTypes(t *testing.T) {
	for _, d := range dialects {
		forbidden := 0
		for _, s := range d.streams {
			if foreign(s) {
				continue
			}
			for _, m := range mutation.All(s.Events(), nil) {
				switch {
				case m.Path == "":
					continue
				case strings.HasPrefix(m.Path, "response.") && (m.Event < 2 || s.Name != "text" && !strings.HasPrefix(m.Path, "response.output")):
					continue // the same object as in the last event of "text"
				case strings.HasPrefix(m.Path, "delta.citation."): // the gateway gives none
					continue
				case len(d.event(m.Events[m.Event].JSON())) == 0:
					continue
				}
				forbidden++
				if len(d.grammar(m.Bytes())) == 0 {
					t.Errorf("%s, %s: the types forbid, the grammar permits: %s", d.name, s.Name, m)
				}
			}
		}
		if forbidden < 500 {
			t.Errorf("%s: the types forbid only %d of the changes", d.name, forbidden)
		}
	}
}

func TestFaultsSayWhichTypeRequiresWhat(t *testing.T) {
	tests := []struct {
		name  string
		check func([]byte) []error
		json  string
		fault string
	}{
		{"key missing", ResponsesEvent, `{"type":"response.output_text.delta","sequence_number":1,"output_index":0,"content_index":0,"delta":"x","logprobs":[]}`,
			"item_id is missing; responses.ResponseTextDeltaEvent requires it"},
		{"another type", ResponsesEvent, `{"type":"response.refusal.delta","sequence_number":1,"output_index":"0","content_index":0,"delta":"x","item_id":"i"}`,
			`output_index is "0"; must be an integer`},
		{"deep", ResponsesEvent, `{"type":"response.output_item.done","sequence_number":1,"output_index":0,"item":{"type":"message","id":"m","role":"assistant","status":"completed","content":[{"type":"output_text","text":"x"}]}}`,
			"item.content[0].annotations is missing; responses.ResponseOutputText requires it"},
		{"null where a key may only be absent", ResponsesEvent, `{"type":"response.output_item.done","sequence_number":1,"output_index":0,"item":{"type":"function_call","id":null,"call_id":"c","name":"f","arguments":""}}`,
			"item.id is null; responses.ResponseFunctionToolCall permits to leave it out only"},
		{"no such event", ResponsesEvent, `{"type":"response.reasoning.delta"}`, "none of the variants of responses.ResponseStreamEventUnion"},
		{"no such item", ResponsesEvent, `{"type":"response.output_item.done","sequence_number":1,"output_index":0,"item":{"type":"poem"}}`, "item is {\"type\":\"poem\"}, none of the variants"},
		{"a constant", Message, `{"type":"message","role":"user"}`, `role is "user"; must be "assistant"`},
		{"a union without names", Response, `{"tool_choice":7}`, "tool_choice is 7; must be"},
		{"message without usage", MessagesEvent, `{"type":"message_start","message":{}}`, "message.usage is missing; anthropic.Message requires it"},
		{"error without type", MessagesEvent, `{"type":"error","error":{"message":"m"}}`, "none of the variants of shared.ErrorObjectUnion"},
		{"not JSON", Message, `{`, "the SDK can't decode it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var all []string
			for _, f := range tt.check([]byte(tt.json)) {
				all = append(all, f.Error())
			}
			if got := strings.Join(all, "\n"); !strings.Contains(got, tt.fault) {
				t.Errorf("no fault says %q: %s", tt.fault, got)
			}
		})
	}
	if f := MessagesStream([]byte("event: message_stop\ndata: {}\n\n")); len(f) != 1 || !strings.Contains(f[0].Error(), "event 0 (message_stop): ") {
		t.Error(f)
	}
}

package messages_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/grammar/example"
	"github.com/qwenvoy/qwenvoy/native/grammar/messages"
	"github.com/qwenvoy/qwenvoy/native/grammar/mutation"
)

func named(name string) example.Stream { return example.Named(example.Messages, name) }

func mustPass(t *testing.T, faults []error) {
	t.Helper()
	for _, f := range faults {
		t.Error(f)
	}
}

// mustFail wants a fault that says what.
func mustFail(t *testing.T, faults []error, what string) {
	t.Helper()
	for _, f := range faults {
		if strings.Contains(f.Error(), what) {
			return
		}
	}
	t.Errorf("no fault says %q: %v", what, faults)
}

func matches(pattern, s string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(s)
}

func TestGoodStreamsPass(t *testing.T) {
	for _, g := range example.Messages {
		t.Run(g.Name, func(t *testing.T) { mustPass(t, messages.Check(g.Bytes(), messages.Options{})) })
	}
}

// exceptions are all changes that leave a stream good, each as "change path name" of the
// streams in which it does. A Messages stream says most things once, so that nothing
// contradicts another value of the same kind.
var exceptions = []struct{ stream, change, why string }{
	{`.*`, `(drop|double|swap)  ping`, "a ping may come anywhere"},
	{`text`, `swap  content_block_delta`, "the next is a ping"},
	{`.*`, `(drop|double|swap|other) (delta.text|delta.thinking|delta.signature|delta.citation)? content_block_delta`, "text stands nowhere else"},
	{`text`, `(delete|null|other|type) delta.citation.[^t]\w+ content_block_delta`, "the gateway gives no citations"},
	{`text`, `other delta.citation.type content_block_delta`, "the gateway gives no citations"},
	{`a cut.*`, `(double|other) (delta.partial_json)? content_block_delta`, "an input that was cut off is any text but JSON"},
	{`.*`, `other message.(id|model) message_start`, "stands nowhere else"},
	{`.*`, `other content_block.(id|name|tool_use_id) content_block_start`, "stands nowhere else"},
	{`.*search.*`, `(delete|other) content_block.content(\[0\](.(title|url|encrypted_content|page_age))?)? content_block_start`, "a result stands nowhere else"},
	{`.*`, `delete (message.(stop_details|container)|delta.(stop_details|container)|content_block.(citations|caller)) .*`, "may be absent"},
	{`thinking.*`, `delete (message.)?usage.(cache_creation|output_tokens_details|server_tool_use|service_tier) .*`, "may be absent, beside the four counts"},
	{`.*`, `other (message.)?usage.(output_tokens|output_tokens_details.thinking_tokens|cache_creation.\w+) .*`, "any count that doesn't shrink"},
	{`thinking.*`, `other usage.(cache_creation_input_tokens|cache_read_input_tokens|input_tokens) message_delta`, "message_start did not know the prompt's size"},
	{`nothing.*`, `other delta.stop_sequence message_delta`, "the checker doesn't know the request"},
	{`refused`, `other delta.stop_details.(category|explanation) message_delta`, "any text"},
	{`an error.*`, `other (error.message|request_id) error`, "any text"},
	{`an error.*`, `delete request_id error`, "may be absent"},
	{`an error.*`, `other message.usage.\w+ message_start`, "no message_delta contradicts it"},
}

func exception(stream string, m mutation.Mutant) (why string) {
	for _, e := range exceptions {
		if matches(e.stream, stream) && matches(e.change, m.Change+" "+m.Path+" "+m.Name) {
			return e.why
		}
	}
	return ""
}

// Each event dropped, doubled, swapped with the next; each value at any depth deleted,
// set to null, to another value, to one of another type: all must be seen, but for the
// exceptions. An exception may still be seen for some values.
func TestEveryChangeOfAGoodStreamIsSeen(t *testing.T) {
	used := map[string]bool{}
	for _, g := range example.Messages {
		good := g.Bytes()
		mutants, seen := mutation.All(g.Events(), nil), 0
		for _, m := range mutants {
			stream := m.Bytes()
			if bytes.Equal(stream, good) {
				continue
			}
			if len(messages.Check(stream, messages.Options{})) > 0 {
				seen++
				continue
			}
			why := exception(g.Name, m)
			used[why] = true
			if why == "" {
				t.Errorf("%s: %s went unseen", g.Name, m)
			}
		}
		if seen < 120 { // a mutation that makes nothing would prove nothing
			t.Errorf("%s: only %d of %d changes were seen", g.Name, seen, len(mutants))
		}
	}
	for _, e := range exceptions {
		if !used[e.why] {
			t.Errorf("no stream needs the exception %q", e.why)
		}
	}
}

func TestACutStreamIsSeen(t *testing.T) {
	for _, g := range example.Messages {
		stream := g.Bytes()
		for n := range stream {
			if len(messages.Check(stream[:n], messages.Options{})) == 0 {
				t.Fatalf("%s, cut behind byte %d: no fault", g.Name, n)
			}
		}
	}
}

func TestAnErrorMayEndAStreamAnywhere(t *testing.T) {
	failed := mutation.Event{Name: "error", Data: map[string]any{"type": "error", "error": map[string]any{"type": "api_error", "message": "m"}}}
	for _, g := range example.Messages {
		events := g.Events()
		for n := range events {
			mustPass(t, messages.Check(mutation.Mutant{Events: append(events[:n:n], failed)}.Bytes(), messages.Options{}))
		}
	}
}

func TestAPingMayStandBetweenAnyTwoEvents(t *testing.T) {
	ping := mutation.Event{Name: "ping", Data: map[string]any{"type": "ping"}}
	for _, g := range example.Messages {
		events := g.Events()
		for n := 0; n <= len(events); n++ {
			faults := messages.Check(mutation.Mutant{Events: slices.Insert(slices.Clone(events), n, ping)}.Bytes(), messages.Options{})
			if between := n > 0 && n < len(events); between != (len(faults) == 0) {
				t.Errorf("%s, ping before event %d: %v", g.Name, n, faults)
			}
		}
	}
}

func TestFaultsSayWhatIsAllowed(t *testing.T) {
	text, calls := named("text"), named("thinking, text and two calls")
	cut, search := named("a cut call behind a whole one"), named("a search that nobody runs")
	tests := []struct {
		name   string
		golden example.Stream
		fault  string
	}{
		{"foreign event", text.With(`{"type":"ping"}`, `{"type":"keepalive"}`), `event 1 (keepalive): the grammar has no such event; allowed here: "content_block_start", "message_delta", "ping" or "error"`},
		{"no message_start", example.Stream{Lines: strings.Join(strings.SplitAfter(text.Lines, "\n")[1:], "")}, `may not come here; allowed: "message_start" or "error"`},
		{"two blocks open", calls.With(`{"type":"content_block_stop","index":2}`, ""), `event 12 (content_block_start): may not come here; allowed: "content_block_delta", "content_block_stop", "ping" or "error"`},
		{"index again", calls.With(`"index":1,"content_block"`, `"index":0,"content_block"`), "index is 0; must be 1"},
		{"delta of another block", calls.With(`{"type":"text_delta","text":" Let me look."}`, `{"type":"thinking_delta","thinking":"x"}`), `delta.type is "thinking_delta"; must be "text_delta" or "citations_delta" in a text block`},
		{"delta of a closed index", calls.With(`"index":2,"delta"`, `"index":1,"delta"`), "index is 1; must be 2, that of the open block"},
		{"thinking without a signature", calls.With(`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"qv1"}}`, ``), "has no signature_delta"},
		{"an empty signature", calls.With(`"signature_delta","signature":"qv1"`, `"signature_delta","signature":""`), "signature"},
		{"thinking behind the signature", calls.With(`{"type":"signature_delta","signature":"qv1"}}`, `{"type":"signature_delta","signature":"qv1"}}{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"x"}}`), "a signature comes once, and last"},
		{"input in the start", calls.With(`"input":{}`, `"input":{"command":"ls"}`), "content_block.input is an object; must be {}"},
		{"input a string", calls.With(`"input":{}`, `"input":""`), `content_block.input is ""; must be {}`},
		{"input isn't JSON", calls.With(`\"ls\"}`, `\"ls\"`), `the input of block 2, tool_use, is "{\"command\":\"ls\""; its partial_json joined must be a JSON object`},
		{"input is an array", calls.With(`"partial_json":"{}"`, `"partial_json":"[]"`), "must be a JSON object"},
		{"no input", calls.With(`"partial_json":"{}"`, `"partial_json":""`), "must be a JSON object"},
		{"the last call cut, but a turn that goes on", cut.With(`"max_tokens"`, `"tool_use"`), "the input of block 1, tool_use"},
		{"a call cut that isn't the last", cut.With(`{\"a\":1}`, `{\"a\":1`), "event 5 (content_block_start): the input of block 0"},
		{"a cut call that can be run", cut.With(`"partial_json":"{"`, `"partial_json":"{}"`), "must not be JSON, or clients run the call"},
		{"a cut call without input", cut.With(`"partial_json":"{"`, `"partial_json":""`), "must not be JSON, or clients run the call"},
		{"calls and end_turn", calls.With(`"stop_reason":"tool_use"`, `"stop_reason":"end_turn"`), `delta.stop_reason is "end_turn", but there is a tool_use block; must be "tool_use"`},
		{"tool_use without calls", text.With(`"end_turn"`, `"tool_use"`), `delta.stop_reason is "tool_use", but there is no tool_use block`},
		{"pause_turn", text.With(`"end_turn"`, `"pause_turn"`), `delta.stop_reason is "pause_turn"; must be`},
		{"empty text beside others", calls.With(`" Let me look."`, `""`), "block 1 is text of white space only"},
		{"line feeds behind thinking", calls.With(`" Let me look."`, `"\n\nLet me look."`), "the text begins with a line feed"},
		{"white space before a call", calls.With(`" Let me look."`, `" \n"`), "block 1 is text of white space only"},
		{"no block", example.Stream{Lines: example.MessageStart + example.MessageEnd("end_turn")}, "one that says nothing has one empty text block"},
		{"prompt counted twice", text.With(`"input_tokens":3`, `"input_tokens":20`), "usage counts 37 input tokens, those of the caches too; message_start counted 20"},
		{"output shrinks", text.With(`"output_tokens":1}`, `"output_tokens":10}`), "usage.output_tokens is 9; message_start counted 10 already"},
		{"null count", text.With(`"cache_read_input_tokens":16`, `"cache_read_input_tokens":null`), "usage.cache_read_input_tokens is null; must be an integer of 0 or more"},
		{"two message_delta", text.With(example.MessageStop, example.MessageEnd("end_turn")), `may not come here; allowed: "message_stop", "ping" or "error"`},
		{"after message_stop", text.With(example.MessageStop, example.MessageStop+example.MessageStop), "nothing may follow message_stop"},
		{"after an error", named("an error within a block").With(`"req_1"}`, `"req_1"}{"type":"message_stop"}`), "nothing may follow error"},
		{"tool id twice", calls.With(`"toolu_2"`, `"chatcmpl-tool-1"`), "was another block's"},
		{"tool id with a dot", calls.With(`"toolu_2"`, `"toolu.2"`), "must be letters, digits, _ and -"},
		{"result of no search", search.With(`"tool_use_id":"srvtoolu_1"`, `"tool_use_id":"srvtoolu_2"`), "must be the id of a server_tool_use block before it"},
		{"short id", text.With("msg_0123456789abcdefABCD", "chatcmpl-1"), `message.id is "chatcmpl-1"; must be "msg_"`},
		{"content null", text.With(`"content":[]`, `"content":null`), "message.content is null; must be []"},
		{"refused without details", named("refused").With(`{"type":"refusal","category":null,"explanation":null}`, "null"), "delta.stop_details is missing or null"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mustFail(t, messages.Check(tt.golden.Bytes(), messages.Options{}), tt.fault)
		})
	}
	estimated := text.With(`"input_tokens":3`, `"input_tokens":20`)
	mustPass(t, messages.Check(estimated.Bytes(), messages.Options{EstimatedInput: true}))
	done := append(text.Bytes(), "data: [DONE]\n\n"...)
	mustFail(t, messages.Check(done, messages.Options{}), "[DONE]; a stream of this API ends with message_stop")
	renamed := bytes.Replace(text.Bytes(), []byte("event: ping"), []byte("event: pong"), 1)
	mustFail(t, messages.Check(renamed, messages.Options{}), `the event: line says "pong", type says "ping"`)
	unnamed := bytes.Replace(text.Bytes(), []byte("event: ping\n"), nil, 1)
	mustFail(t, messages.Check(unnamed, messages.Options{}), "has no event: line")
}

func TestSpacesOfOtherScriptsAreText(t *testing.T) {
	calls := named("thinking, text and two calls")
	for _, space := range []string{"\u3000", "\u00a0", "\u2028"} {
		mustPass(t, messages.Check(calls.With(`" Let me look."`, `"`+space+`"`).Bytes(), messages.Options{}))
	}
}

func TestSummary(t *testing.T) {
	faults, s := messages.Read(named("thinking, text and two calls").Bytes(), messages.Options{})
	mustPass(t, faults)
	if s.Events != 18 || s.Terminal != "message_stop" || s.StopReason != "tool_use" || !slices.Equal(s.Blocks, []string{"thinking", "text", "tool_use", "tool_use"}) {
		t.Errorf("%+v", s)
	}
}

func FuzzCheck(f *testing.F) {
	for _, g := range example.Messages {
		f.Add(g.Bytes())
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, fault := range append(messages.Check(stream, messages.Options{}), messages.Object(stream)...) {
			if fault.Error() == "" {
				t.Error("a fault that says nothing")
			}
		}
	})
}

package responses_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/grammar"
	"github.com/qwenvoy/qwenvoy/native/grammar/example"
	"github.com/qwenvoy/qwenvoy/native/grammar/mutation"
	"github.com/qwenvoy/qwenvoy/native/grammar/responses"
)

func named(name string) example.Stream { return example.Named(example.Responses, name) }

func options(s example.Stream) responses.Options {
	return responses.Options{OpenResponses: s.OpenResponses, Keepalive: s.Keepalive}
}

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

func TestGoodStreamsPass(t *testing.T) {
	for _, g := range example.Responses {
		t.Run(g.Name, func(t *testing.T) { mustPass(t, responses.Check(g.Bytes(), options(g))) })
	}
}

// exceptions are all changes that leave a stream good, each as "change path name" of the
// streams in which it does.
var exceptions = []struct{ stream, change, why string }{
	{`.*`, `double  response.in_progress`, "a heartbeat"},
	{`background.*`, `(drop|double|swap)  (response.in_progress|keepalive)`, "a heartbeat more, less, or elsewhere"},
	{`background.*`, `drop  response.queued`, "the event may be left out"},
	{`text`, `delete item.phase response.output_item.added`, "the phase need not be known when an item begins"},
	{`text`, `delete part.logprobs response.content_part.added`, "may be absent"},
	{`.*`, `delete item.content response.output_item.added`, "an item of reasoning may begin without content"},
	{`summary.*`, `(delete|null|other) item.(action|operation).*\w response.output_item.added`, "may be empty when an item begins"},
	{`summary.*`, `delete item.action.commands\[0\] response.output_item.added`, "may be empty when an item begins"},
	{`.*`, `other response.completed_at response.completed`, "any time that isn't before created_at"},
	{`.*`, `other response.error.(code|message) response.failed`, "any code and text"},
	{`.*`, `null response.usage response.(completed|incomplete)`, "the model server may not have counted"},
	{`.*`, `other response.usage.\w+_details.\w+ response.(completed|incomplete)`, "any count that isn't above the whole"},
	{`failed within.*`, `(drop|double|other) (delta)? response.output_text.delta`, "nothing tells the text of an item that stays open"},
	{`failed behind.*`, `drop  response.output_item.done`, "an item may stay open, and its final form is in the output"},
}

func exception(stream string, m mutation.Mutant) (why string) {
	for _, e := range exceptions {
		if matches(e.stream, stream) && matches(e.change, m.Change+" "+m.Path+" "+m.Name) {
			return e.why
		}
	}
	return ""
}

func matches(pattern, s string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(s)
}

// Each event dropped, doubled, swapped with the next; each value at any depth deleted,
// set to null, to another value, to one of another type: all must be seen, but for the
// exceptions. An exception may still be seen for some values.
func TestEveryChangeOfAGoodStreamIsSeen(t *testing.T) {
	used := map[string]bool{}
	// All streams have the same echoes of their requests; to change them in two is enough.
	echo := regexp.MustCompile(`^response\.(tools|tool_choice|text|metadata|reasoning|\w+_penalty|max_\w+|top_\w+|temperature|instructions|model|safety_identifier|prompt_cache_key|truncation|parallel_tool_calls)`)
	echoed := []string{"text", "two parts, one a refusal"}
	for _, g := range example.Responses {
		good := g.Bytes()
		mutants, seen := mutation.All(g.Events(), example.Renumber), 0
		for _, m := range mutants {
			if echo.MatchString(m.Path) && !slices.Contains(echoed, g.Name) {
				continue
			}
			stream := m.Bytes()
			if bytes.Equal(stream, good) {
				continue
			}
			if faulty(stream, options(g)) {
				seen++
				continue
			}
			why := exception(g.Name, m)
			used[why] = true
			if why == "" {
				t.Errorf("%s: %s went unseen", g.Name, m)
			}
		}
		if seen < 200 { // a mutation that makes nothing would prove nothing
			t.Errorf("%s: only %d of %d changes were seen", g.Name, seen, len(mutants))
		}
	}
	for _, e := range exceptions {
		if !used[e.why] {
			t.Errorf("no stream needs the exception %q", e.why)
		}
	}
}

// faulty says whether Check has a fault to report; it stops at the first.
func faulty(stream []byte, o responses.Options) bool {
	events, faults := grammar.Events(stream)
	c := responses.New(o)
	for _, e := range events {
		if len(faults) > 0 {
			return true
		}
		faults = c.Event(e.Name, e.Data)
	}
	return len(faults) > 0 || len(c.End()) > 0
}

// Numbers that aren't put right after a change give every change of order away.
func TestNumbersAreDense(t *testing.T) {
	for _, g := range example.Responses {
		for _, m := range mutation.Orders(g.Events(), nil) {
			if m.Change == "drop" && m.Event == len(m.Events) {
				continue
			}
			mustFail(t, responses.Check(m.Bytes(), options(g)), "sequence_number is ")
		}
	}
}

func TestACutStreamIsSeen(t *testing.T) {
	g := named("failed behind a closed item") // a short one: this is quadratic
	stream := g.Bytes()
	for n := range stream {
		if len(responses.Check(stream[:n], options(g))) == 0 {
			t.Fatalf("cut behind byte %d: no fault", n)
		}
	}
}

func TestFraming(t *testing.T) {
	good := string(named("text").Bytes())
	replaced := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	tests := []struct{ name, stream, fault string }{
		{"comment between events", ": hi\n\n" + replaced("\n\nevent:", "\n\n: still here\nevent:"), ""},
		{"[DONE]", good + "data: [DONE]\n\n", "[DONE]; a stream of this API ends with its terminal event"},
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n"), "carriage return"},
		{"one CR", replaced("\n", "\r\n"), "carriage return"},
		{"no space", replaced("event: ", "event:"), "one space"},
		{"two spaces", replaced("data: ", "data:  "), "one space"},
		{"id", replaced("event: ", "id: 1\nevent: "), `the line "id: 1"`},
		{"retry", replaced("event: ", "retry: 1\nevent: "), `the line "retry: 1"`},
		{"no event line", replaced("event: response.created\n", ""), "has no event: line"},
		{"other event line", replaced("event: response.created\n", "event: response.queued\n"), "they must be equal"},
		{"no data line", "event: response.created\n\n" + good, "no data: line"},
		{"event behind data", "data: {}\nevent: x\n\n", "no blank line after it"},
		{"two data lines", replaced(`"sequence_number"`, "\ndata: \"sequence_number\""), "two data: lines"},
		{"comment in an event", replaced("\ndata:", "\n: hi\ndata:"), "comment within an event"},
		{"no blank line at the end", strings.TrimSuffix(good, "\n"), "without a blank line"},
		{"no blank line between", replaced("\n\nevent:", "\nevent:"), "no blank line after it"},
		{"blank line too many", replaced("\n\n", "\n\n\n"), "a blank line too many"},
		{"byte order mark", "\ufeff" + good, "byte order mark"},
		{"not UTF-8", replaced("Be brief", "Be \xff"), "not UTF-8"},
		{"not JSON", replaced(`{`, `{,`), "is not JSON"},
		{"array", "event: x\ndata: []\n\n" + good, "must be an object"},
		{"key twice", replaced(`"temperature":`, `"temperature":1,"temperature":`), "response.temperature stands twice"},
		{"half a character", replaced("Be brief", `\ud83d`), "half of a surrogate pair"},
		{"the other half", replaced("Be brief", `\ude00`), "half of a surrogate pair"},
		{"nothing", "", "without a terminal event"},
		{"HTML", "<html>\n</html>\n", `the line "<html>"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			faults := responses.Check([]byte(tt.stream), responses.Options{})
			if tt.fault == "" {
				mustPass(t, faults)
			} else {
				mustFail(t, faults, tt.fault)
			}
		})
	}
}

func TestFaultsSayWhatIsAllowed(t *testing.T) {
	text, calls := named("text"), named("thinking, text and calls")
	summary, cut := named("summary and items without a body"), named("a cut call")
	tests := []struct {
		name   string
		golden example.Stream
		fault  string
	}{
		{"foreign event", text.Line(4, "response.output_text.delta", "response.output_text.annotation.added"),
			`event 4 (response.output_text.annotation.added): the grammar has no such event; allowed here: "response.output_text.delta", "response.output_text.done", "response.in_progress" or "response.failed"`},
		{"error event", text.Line(4, "response.output_text.delta", "error"), "event 4 (error): an error event; before response.created an error is an HTTP status"},
		{"error key", text.Line(4, `"delta":`, `"error":null,"delta":`), "key error is null; only an error event may have the key"},
		{"content_index grows", calls.Line(5, `"content_index":0`, `"content_index":1`), "event 5 (response.reasoning_text.delta): content_index is 1; must be 0"},
		{"ids differ", calls.Line(7, `"item_id":"rs_1"`, `"item_id":"rs_2"`), `item_id is "rs_2"; must be "rs_1"`},
		{"deltas and text differ", calls.Line(6, `The user`, `the user`), `text is "the user\n"; must be its deltas joined, "The user\n"`},
		{"part differs", calls.Line(7, `The user`, `the user`), `part.text is "the user\n"; must be "The user\n"`},
		{"item differs", calls.Line(8, `The user`, `the user`), `item.content[0].text is "the user\n", was "The user\n"`},
		{"output differs", calls.Line(25, `The user`, `the user`), `response.output[0].content[0].text is "the user\n", was "The user\n"`},
		{"argument name", calls.Line(18, `"name":"get_weather"`, `"name":"sky__get_weather"`), `name is "sky__get_weather"; must be "get_weather"`},
		{"item id twice", calls.Line(9, `"id":"msg_1"`, `"id":"rs_1"`), `item.id "rs_1" was another item's`},
		{"call id twice", calls.Line(20, `"call_id":"call_2"`, `"call_id":"call_1"`), `item.call_id "call_1" was another call's`},
		{"encrypted_content null", calls.Line(8, `"encrypted_content":"qv1.x"`, `"encrypted_content":null`), "item.encrypted_content is null; must be a string"},
		{"phase null", text.Line(2, `"phase":"commentary"`, `"phase":null`), "item.phase is null; must be"},
		{"logprobs null", text.Line(3, `"logprobs":[]`, `"logprobs":null`), "part.logprobs is null; must be an array"},
		{"verbosity null", text.Line(0, `"text":{`, `"text":{"verbosity":null,`), "response.text.verbosity is null"},
		{"created_at a float", text.Line(0, `1764000000`, `1764000000.0`), "response.created_at is 1764000000.0; must be an integer"},
		{"output while it runs", text.Line(1, `"output":[]`, `"output":[{"type":"compaction","id":"cmp_1","encrypted_content":"x"}]`), "response.output has 1 items; must be []"},
		{"usage while it runs", text.Line(1, `"usage":null`, example.Usage), "response.usage is an object; must be null while the response runs"},
		{"sum of the usage", text.Line(9, `"total_tokens":29`, `"total_tokens":30`), "must be the sum of input_tokens and output_tokens, 29"},
		{"cached counted twice", text.Line(9, `"cached_tokens":16`, `"cached_tokens":21`), "they are a part of input_tokens, 20"},
		{"raw and summary mixed", summary.Insert(8, `{"type":"response.content_part.added","item_id":"rs_1","output_index":0,"content_index":0,"part":{"type":"reasoning_text","text":""}}`),
			`may not come here; allowed: "response.reasoning_summary_part.added", "response.output_item.done"`},
		{"item after a cut one", cut.Insert(6, `{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"fc_2","call_id":"call_2","name":"f","arguments":"","status":"in_progress"}}`),
			`another item after function_call "fc_1", whose status is incomplete`},
		{"completed with a cut item", cut.Insert(6, example.End("completed", `"output":[{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"a","status":"incomplete"}]`)),
			`response.output[0].status is "incomplete"; only the last item may be, in a response that isn't completed`},
		{"after the terminal event", text.Insert(10, example.End("completed")), "nothing may follow the terminal event, response.completed"},
		{"terminal event within an item", text.Insert(5, example.End("completed")), "may not come here"},
		{"white space beside calls", example.Stream{Lines: strings.ReplaceAll(calls.Lines, "Let me look.", ` \n`)}, "white space only"},
		{"line feed after thinking", example.Stream{Lines: strings.ReplaceAll(calls.Lines, "Let me look.", `\n\nLet me look.`)}, "begins with a line feed"},
		{"id without its prefix", example.Stream{Lines: strings.ReplaceAll(text.Lines, "msg_1", "item_1")}, `the id of a message begins with "msg_"`},
		{"short response id", example.Stream{Lines: strings.ReplaceAll(text.Lines, "resp_0123456789abcdef01234567", "resp_1")}, `response.id is "resp_1"; must be "resp_" and at least 24`},
		{"call without arguments", example.Stream{Lines: strings.NewReplacer(`"{\"a"`, `""`, `incomplete"`, `completed"`).Replace(cut.Lines)}, `must be "{}" for a call without arguments`},
		{"OpenAI's names for Open Responses", example.Stream{Lines: calls.Lines, OpenResponses: true}, `allowed: "response.reasoning.delta"`},
		{"Open Responses' names for OpenAI", example.Stream{Lines: named("the events of Open Responses").Lines}, `allowed: "response.reasoning_text.delta"`},
		{"keepalive", example.Stream{Lines: named("background, with an empty answer").Lines}, "event 3 (keepalive): may not come here"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { mustFail(t, responses.Check(tt.golden.Bytes(), options(tt.golden)), tt.fault) })
	}
}

func TestSpacesOfOtherScriptsAreText(t *testing.T) {
	calls := named("thinking, text and calls")
	for _, space := range []string{"\u3000", "\u00a0", "\u2028"} {
		mustPass(t, responses.Check(example.Stream{Lines: strings.ReplaceAll(calls.Lines, "Let me look.", space)}.Bytes(), responses.Options{}))
	}
}

func TestDoneWhereItIsWanted(t *testing.T) {
	stream := append(named("text").Bytes(), "data: [DONE]\n\n"...)
	mustPass(t, responses.Check(stream, responses.Options{Done: true}))
	mustFail(t, responses.Check(named("text").Bytes(), responses.Options{Done: true}), "ends without data: [DONE]")
	mustFail(t, responses.Check(append(stream, "data: [DONE]\n\n"...), responses.Options{Done: true}), "[DONE] twice")
	mustFail(t, responses.Check([]byte("data: [DONE]\n\n"), responses.Options{Done: true}), "[DONE] before the terminal event")
}

func TestAResponseThatCouldNotBeKeptSaysSoAtItsEnd(t *testing.T) {
	kept := strings.ReplaceAll(string(named("text").Bytes()), `"store":false`, `"store":true`)
	end := strings.LastIndex(kept, `"store":true`)
	mustPass(t, responses.Check([]byte(kept), responses.Options{}))
	mustPass(t, responses.Check([]byte(kept[:end]+strings.Replace(kept[end:], "true", "false", 1)), responses.Options{}))
	const changed = "response.store is"
	mustFail(t, responses.Check([]byte(strings.Replace(kept, `"store":true`, `"store":false`, 1)), responses.Options{}), changed)
	second := strings.Index(kept, `"store":true`) + 1
	second += strings.Index(kept[second:], `"store":true`)
	mustFail(t, responses.Check([]byte(kept[:second]+strings.Replace(kept[second:], "true", "false", 1)), responses.Options{}), changed)
}

func TestACancelledResponseEndsBehindAnItem(t *testing.T) {
	g := named("thinking, text and calls")
	for n := range g.Events() {
		faults := responses.Check(mutation.Mutant{Events: g.Events()[:n]}.Bytes(), responses.Options{Cancelled: true})
		if between := n == 2 || n == 9 || n == 15 || n == 20 || n == 25; between != (len(faults) == 0) {
			t.Errorf("behind %d events: %v", n, faults)
		}
	}
}

func TestAResumedStreamMayBeginAnywhere(t *testing.T) {
	for _, g := range example.Responses {
		events := g.Events()
		for n := 1; n <= len(events); n++ {
			o := options(g)
			o.First = int64(n)
			for _, f := range responses.Check(mutation.Mutant{Events: events[n:]}.Bytes(), o) {
				t.Errorf("%s from %d: %v", g.Name, n, f)
			}
			if n < len(events) {
				o.First--
				mustFail(t, responses.Check(mutation.Mutant{Events: events[n:]}.Bytes(), o), fmt.Sprintf("sequence_number is %d; must be %d", n, n-1))
			}
		}
	}
}

// An item that began without an output_index, in a stream whose first items are not known, has no
// place that its response could be looked at for, also where a later event tells one.
func TestAnItemOfNoKnownPlaceInAResumedStream(t *testing.T) {
	for _, g := range example.Responses {
		stream := mutation.Mutant{Events: g.Events()[2:]}.Bytes()
		without := bytes.Replace(stream, []byte(`"output_index":0,`), nil, 1)
		if bytes.Equal(without, stream) {
			continue
		}
		mustFail(t, responses.Check(without, responses.Options{First: 2, OpenResponses: g.OpenResponses}), "output_index")
	}
}

// What a resumed stream still knows is checked: whatever breaks the second half of a
// stream breaks it in the resumed one, once the first whole item is there.
func TestAResumedStreamIsChecked(t *testing.T) {
	g := named("thinking, text and calls")
	const from = 6 // within the first item
	o := responses.Options{First: from}
	events := g.Events()[from:]
	number := func(events []mutation.Event) {
		example.Renumber(events)
		for i, e := range events {
			e.Data["sequence_number"] = mustNumber(i + from)
		}
	}
	unseen := 0
	for _, m := range mutation.All(events, number) {
		if m.Event < 3 || m.Name == "response.completed" && (matches(`response\.output\[0\].*`, m.Path) || !matches(`response\.output.*`, m.Path)) {
			continue
		}
		if len(responses.Check(m.Bytes(), o)) == 0 {
			unseen++
			t.Errorf("%s went unseen", m)
		}
	}
	late := g.Line(8, `The user`, `the user`).Events()[from:]
	mustFail(t, responses.Check(mutation.Mutant{Events: late}.Bytes(), o), "item.content[0].text")
	late = g.Line(6, `The user`, `the nobody`).Events()[from-1:]
	mustFail(t, responses.Check(mutation.Mutant{Events: late}.Bytes(), responses.Options{First: from - 1}), "must end with the deltas since the stream was resumed")
}

func TestSummary(t *testing.T) {
	g := named("thinking, text and calls")
	faults, s := responses.Read(g.Bytes(), options(g))
	mustPass(t, faults)
	if s.Events != 26 || s.Terminal != "response.completed" || !slices.Equal(s.Items, []string{"reasoning", "message", "function_call", "custom_tool_call"}) {
		t.Errorf("%+v", s)
	}
}

func FuzzCheck(f *testing.F) {
	for _, g := range example.Responses {
		f.Add(g.Bytes(), int64(0))
		f.Add(mutation.Mutant{Events: g.Events()[2:]}.Bytes(), int64(2))
	}
	f.Fuzz(func(t *testing.T, stream []byte, first int64) {
		responses.Check(stream, responses.Options{First: first})
		for _, fault := range responses.Frames(bytes.Split(stream, []byte("\n")), responses.Options{}) {
			if fault.Error() == "" {
				t.Error("a fault that says nothing")
			}
		}
	})
}

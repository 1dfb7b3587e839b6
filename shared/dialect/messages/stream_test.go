package messages

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/sse"
)

// chunk is an upstream's event with that delta and finish_reason; "" is none.
func chunk(delta, finish string) string {
	reason := "null"
	if finish != "" {
		reason = `"` + finish + `"`
	}
	return `data: {"id":"c","object":"chat.completion.chunk","model":"Qwen/X","choices":[{"index":0,"delta":` + delta + `,"logprobs":null,"finish_reason":` + reason + `}]}` + "\n\n"
}

const (
	done  = "data: [DONE]\n\n"
	usage = `data: {"id":"c","choices":[],"usage":{"prompt_tokens":139,"completion_tokens":34,"prompt_tokens_details":{"cached_tokens":128}}}` + "\n\n"
)

func call(index int, id, name, arguments string) string {
	return fmt.Sprintf(`{"tool_calls":[{"index":%d,"id":%q,"type":"function","function":{"name":%q,"arguments":%s}}]}`, index, id, name, arguments)
}

func piece(index int, arguments string) string {
	return fmt.Sprintf(`{"tool_calls":[{"index":%d,"function":{"arguments":%q}}]}`, index, arguments)
}

// digest says a stream's events in short lines.
func digest(t testing.TB, stream []byte) string {
	t.Helper()
	var f sse.Framer
	f.Feed(stream)
	var b strings.Builder
	for ev, ok := f.Next(); ok; ev, ok = f.Next() {
		e := gjson.ParseBytes(ev.Data)
		if !gjson.ValidBytes(ev.Data) || e.Get("type").String() != string(ev.Name) || !ev.HasData || len(ev.Other) > 0 {
			t.Errorf("%q %q %s", ev.Name, ev.Other, ev.Data)
		}
		switch string(ev.Name) {
		case "message_start":
			fmt.Fprintf(&b, "start %s in %s out %s\n", e.Get("message.id"), e.Get("message.usage.input_tokens").Raw, e.Get("message.usage.output_tokens").Raw)
		case "content_block_start":
			c := e.Get("content_block")
			fmt.Fprintf(&b, "%s %s%s\n", e.Get("index"), c.Get("type"), strings.TrimRight(" "+c.Get("id").String()+" "+c.Get("name").String(), " "))
		case "content_block_delta":
			d := e.Get("delta")
			kinds := map[string]string{"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
			fmt.Fprintf(&b, "%s += %s\n", e.Get("index"), d.Get(kinds[d.Get("type").String()]).Raw)
		case "content_block_stop":
			fmt.Fprintf(&b, "%s.\n", e.Get("index"))
		case "message_delta":
			u := e.Get("usage")
			fmt.Fprintf(&b, "%s %s in %s+%s+%s out %s\n", e.Get("delta.stop_reason").Raw, e.Get("delta.stop_sequence").Raw, u.Get("input_tokens").Raw,
				u.Get("cache_creation_input_tokens").Raw, u.Get("cache_read_input_tokens").Raw, u.Get("output_tokens").Raw)
		case "message_stop":
			b.WriteString("end\n")
		case "error":
			fmt.Fprintf(&b, "%s: %s (%s)\n", e.Get("error.type"), e.Get("error.message"), e.Get("request_id"))
		default:
			fmt.Fprintf(&b, "%s\n", ev.Name)
		}
	}
	return numberDrawn(b.String())
}

func TestStreams(t *testing.T) {
	role := chunk(`{"role":"assistant","content":""}`, "")
	const ends = " null in 0+0+0 out 0\nend\n"
	tests := []struct {
		name     string
		upstream string
		want     string // behind "start" and "ping"
	}{
		{"thinking, text, two calls",
			role + chunk(`{"reasoning":"Hm"}`, "") + chunk(`{"reasoning":"."}`, "") + chunk(`{"content":"\n\nI "}`, "") + chunk(`{"content":"look."}`, "") +
				chunk(call(0, "a", "x", `"{\"k\":"`), "") + chunk(piece(0, `1`), "") + chunk(piece(0, `}`), "") + chunk(call(1, "b", "y", `"{}"`), "") + chunk(`{}`, "tool_calls") + usage + done,
			`0 thinking
0 += "Hm"
0 += "."
0.
1 text
1 += "I "
1 += "look."
1.
2 tool_use a x
2 += "{\"k\":"
2 += "1"
2 += "}"
2.
3 tool_use b y
3 += "{}"
3.
"tool_use" null in 11+0+128 out 34
end
`},
		{"everything in one chunk",
			chunk(`{"role":"assistant","reasoning":"Hm","content":"I look.","tool_calls":[{"index":0,"id":"a","function":{"name":"x","arguments":"{}"}}]}`, "tool_calls") + done,
			"0 thinking\n0 += \"Hm\"\n0.\n1 text\n1 += \"I look.\"\n1.\n2 tool_use a x\n2 += \"{}\"\n2.\n\"tool_use\"" + ends},
		{"a call first, text behind it, thinking behind that",
			role + chunk(call(0, "a", "x", `"{\"k\":1}"`), "") + chunk(`{"content":"And"}`, "") + chunk(`{"reasoning":"Hm"}`, "") + chunk(`{}`, "tool_calls") + done,
			"0 tool_use a x\n0 += \"{\\\"k\\\":1}\"\n0.\n1 text\n1 += \"And\"\n1.\n2 thinking\n2 += \"Hm\"\n2.\n\"tool_use\"" + ends},
		{"nulls alternate with texts, and empty ones are nothing",
			chunk(`{"role":"assistant","content":null,"reasoning":null,"tool_calls":null}`, "") + chunk(`{"reasoning_content":"Hm","content":null}`, "") + chunk(`{"reasoning_content":null,"content":"Hi"}`, "") +
				chunk(`{"reasoning_content":"","content":""}`, "") + chunk(`{"reasoning_content":null,"content":"!"}`, "stop") + done,
			"0 thinking\n0 += \"Hm\"\n0.\n1 text\n1 += \"Hi\"\n1 += \"!\"\n1.\n\"end_turn\"" + ends},
		{"pieces of two calls, interleaved",
			role + chunk(call(0, "a", "x", `"{\"k\":"`), "") + chunk(call(1, "b", "y", `"{\"m\":"`), "") + chunk(piece(0, `1}`), "") + chunk(piece(1, `2}`), "") + chunk(`{}`, "tool_calls") + done,
			`0 tool_use a x
0 += "{\"k\":"
0 += "1}"
0.
1 tool_use b y
1 += "{\"m\":"
1 += "2}"
1.
"tool_use"` + ends},
		{"the id repeated, the name late, no arguments",
			role + chunk(`{"tool_calls":[{"index":0,"id":"a"}]}`, "") + chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"x"}}]}`, "") + chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"x","arguments":""}}]}`, "") + chunk(`{}`, "tool_calls") + done,
			"0 tool_use a x\n0 += \"{}\"\n0.\n\"tool_use\"" + ends},
		{"no id, arguments null",
			role + chunk(`{"tool_calls":[{"index":0,"function":{"name":"x","arguments":null}}]}`, "tool_calls") + done,
			"0 tool_use toolu_DRAWN1 x\n0 += \"{}\"\n0.\n\"tool_use\"" + ends},
		{"arguments of white space",
			role + chunk(call(0, "a", "x", `" "`), "") + chunk(piece(0, "\n"), "tool_calls") + done,
			"0 tool_use a x\n0 += \"{}\"\n0.\n\"tool_use\"" + ends},
		{"arguments the word null",
			role + chunk(call(0, "a", "x", `"nu"`), "") + chunk(piece(0, "ll"), "tool_calls") + done,
			"0 tool_use a x\n0 += \"{}\"\n0.\n\"tool_use\"" + ends},
		{"arguments no object",
			role + chunk(call(0, "a", "x", `"[\"a\\n\""`), "") + chunk(piece(0, "]"), "tool_calls") + done,
			`0 tool_use a x
0 += "{\"_raw_arguments\":\"[\\\"a\\\\n\\\"]\"}"
0.
"tool_use"` + ends},
		{"arguments behind white space",
			role + chunk(call(0, "a", "x", `"\n "`), "") + chunk(piece(0, `{"k":`), "") + chunk(piece(0, `1}`), "") + chunk(piece(0, "\n"), "tool_calls") + done,
			`0 tool_use a x
0 += "\n {\"k\":"
0 += "1}\n"
0.
"tool_use"` + ends},
		{"arguments that go on behind their end are left as they are",
			role + chunk(call(0, "a", "x", `"{}"`), "") + chunk(piece(0, `{}`), "tool_calls") + done,
			`0 tool_use a x
0 += "{}{}"
0.
"tool_use"` + ends},
		{"arguments that never end, text behind them",
			role + chunk(call(0, "a", "x", `"{\"k\": oops"`), "") + chunk(`{"content":"And"}`, "") + chunk(call(1, "b", "y", `"{}"`), "") + chunk(`{}`, "tool_calls") + done,
			`0 tool_use a x
0 += "{\"k\": oops"
0.
1 text
1 += "And"
1.
2 tool_use b y
2 += "{}"
2.
"tool_use"` + ends},
		{"white space before a call is no text",
			chunk(`{"role":"assistant","reasoning":"Hm"}`, "") + chunk(`{"content":"\n\n"}`, "") + chunk(call(0, "a", "x", `"{}"`), "tool_calls") + done,
			"0 thinking\n0 += \"Hm\"\n0.\n1 tool_use a x\n1 += \"{}\"\n1.\n\"tool_use\"" + ends},
		{"a named tool ends with stop",
			role + chunk(call(0, "a", "x", `"{\"k\":1}"`), "stop") + done,
			"0 tool_use a x\n0 += \"{\\\"k\\\":1}\"\n0.\n\"tool_use\"" + ends},
		{"of two choices the first counts",
			role + strings.ReplaceAll(chunk(`{"content":"No"}`, ""), `"index":0`, `"index":1`) + chunk(`{"content":"Yes"}`, "") + strings.ReplaceAll(chunk(`{}`, "length"), `"index":0`, `"index":1`) + chunk(`{}`, "stop") + done,
			"0 text\n0 += \"Yes\"\n0.\n\"end_turn\"" + ends},
		{"nothing", role + chunk(`{}`, "stop") + done, "0 text\n0.\n\"end_turn\"" + ends},
		{"nothing but white space", role + chunk(`{"content":" \n"}`, "stop") + done, "0 text\n0.\n\"end_turn\"" + ends},
		{"nothing but the end", done, "0 text\n0.\n\"end_turn\"" + ends},
		{"no finish_reason", role + chunk(`{"content":"Hi"}`, "") + done, "0 text\n0 += \"Hi\"\n0.\n\"end_turn\"" + ends},
		{"no [DONE]", role + chunk(`{"content":"Hi"}`, "stop"), "0 text\n0 += \"Hi\"\n0.\n\"end_turn\"" + ends},
		{"usage before the finish_reason", role + usage + chunk(`{"content":"Hi"}`, "stop") + done, "0 text\n0 += \"Hi\"\n0.\n\"end_turn\" null in 11+0+128 out 34\nend\n"},
		{"usage ends it", role + chunk(`{"content":"Hi"}`, "stop") + usage, "0 text\n0 += \"Hi\"\n0.\n\"end_turn\" null in 11+0+128 out 34\nend\n"},
		{"more behind the end", role + chunk(`{"content":"Hi"}`, "stop") + done + chunk(`{"content":"more"}`, "stop") + done, "0 text\n0 += \"Hi\"\n0.\n\"end_turn\"" + ends},
		{"filtered", role + chunk(`{"content":"I can"}`, "content_filter") + done, "0 text\n0 += \"I can\"\n0.\n\"refusal\"" + ends},

		{"a call cut by the limit, its JSON closed in the last chunk",
			role + chunk(call(0, "a", "x", `"{\"k\":\"Par"`), "") + chunk(piece(0, `"}`), "length") + done,
			"0 tool_use a x\n0 += \"{\\\"k\\\":\\\"Par\"\n0.\n\"max_tokens\"" + ends},
		{"a call cut by the limit, its JSON closed in a chunk before",
			role + chunk(call(0, "a", "x", `"{\"k\":\"Par"`), "") + chunk(piece(0, `"}`), "") + chunk(`{}`, "length") + done,
			"0 tool_use a x\n0 += \"{\\\"k\\\":\\\"Par\"\n0.\n\"max_tokens\"" + ends},
		{"a call cut before anything of it went out",
			role + chunk(call(0, "a", "x", `"{}"`), "length") + done,
			"0 tool_use a x\n0 += \"{\"\n0.\n\"max_tokens\"" + ends},
		{"a call cut before its arguments",
			role + chunk(call(0, "a", "x", `""`), "length") + done,
			"0 tool_use a x\n0 += \"{\"\n0.\n\"max_tokens\"" + ends},
		{"a call cut whose arguments are no object",
			role + chunk(call(0, "a", "x", `"[1]"`), "length") + done,
			"0 tool_use a x\n0 += \"{\"\n0.\n\"max_tokens\"" + ends},
		{"of two calls the second is cut",
			role + chunk(call(0, "a", "x", `"{\"k\":1}"`), "") + chunk(call(1, "b", "y", `"{\"k\":"`), "") + chunk(piece(1, `2}`), "length") + done,
			`0 tool_use a x
0 += "{\"k\":1}"
0.
1 tool_use b y
1 += "{\"k\":"
1.
"max_tokens"` + ends},
		{"the limit ends the text behind a call",
			role + chunk(call(0, "a", "x", `"{\"k\":1}"`), "") + chunk(`{"content":"And"}`, "length") + done,
			"0 tool_use a x\n0 += \"{\\\"k\\\":1}\"\n0.\n1 text\n1 += \"And\"\n1.\n\"max_tokens\"" + ends},

		{"the upstream dies in a block",
			role + chunk(`{"content":"Hi"}`, ""),
			"0 text\n0 += \"Hi\"\napi_error: The model server's answer ended before it was complete. (req_1)\n"},
		{"the upstream dies behind a call",
			role + chunk(call(0, "a", "x", `"{\"k\":1}"`), ""),
			"0 tool_use a x\napi_error: The model server's answer ended before it was complete. (req_1)\n"},
		{"an error in the stream",
			role + chunk(`{"content":"Hi"}`, "") + `data: {"error":{"message":"The engine is dead.","type":"InternalServerError","code":500}}` + "\n\n" + done,
			"0 text\n0 += \"Hi\"\napi_error: The engine is dead. (req_1)\n"},
		{"too many requests, said in the stream",
			role + `data: {"error":{"message":"Slow down.","type":"x","code":429}}` + "\n\n",
			"rate_limit_error: Slow down. (req_1)\n"},
		{"overloaded, said in the stream", role + `data: {"error":{"message":"Full.","code":503}}` + "\n\n", "overloaded_error: Full. (req_1)\n"},
		{"no JSON", role + "data: oops\n\n", "api_error: The model server's answer can't be read. (req_1)\n"},
		{"broken off", role + chunk(`{"content":"Hi"}`, "abort") + done, "0 text\n0 += \"Hi\"\napi_error: The model server broke its answer off (finish_reason \"abort\"). (req_1)\n"},
		{"an end that nobody knows", role + chunk(`{"content":"Hi"}`, "repetition") + done, "0 text\n0 += \"Hi\"\n0.\napi_error: The model server broke its answer off (finish_reason \"repetition\"). (req_1)\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, _ := play(replyTurn(newRequest()), tt.upstream)
			if diff := cmp.Diff("start msg_1 in 0 out 0\nping\n"+tt.want, digest(t, out)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestThePromptIsCountedAtTheStartWhereItIsKnown(t *testing.T) {
	first := `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":{"prompt_tokens":19,"completion_tokens":0}}` + "\n\n"
	out, _ := play(replyTurn(newRequest()), first+chunk(`{"content":"Hi"}`, "stop")+usage)
	want := "start msg_1 in 19 out 0\nping\n0 text\n0 += \"Hi\"\n0.\n\"end_turn\" null in 11+0+128 out 34\nend\n"
	if diff := cmp.Diff(want, digest(t, out)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Nothing goes out before the upstream's first event: an error is worth more with a status.
func TestAnErrorInPlaceOfTheFirstEvent(t *testing.T) {
	for _, upstream := range []string{
		`data: {"error":{"message":"Full.","type":"x","code":503}}` + "\n\n",
		`{"error":{"message":"Full.","type":"x","code":503}}`, // under text/event-stream
	} {
		out, _ := play(replyTurn(newRequest()), upstream)
		if got := digest(t, out); got != "overloaded_error: Full. (req_1)\n" {
			t.Errorf("%s", got)
		}
	}
}

func TestFaultsAndBeats(t *testing.T) {
	begin := func() (hub.Stream, *hub.Turn, []byte) {
		turn := replyTurn(newRequest())
		s := Create.Stream(turn)
		out := s.Begin(nil)
		if out = s.Beat(out, 1); string(out) != ": keep-alive\n\n" { // message_start must be the first event
			t.Errorf("%s before the first event", out)
		}
		out = out[:0]
		data, _ := strings.CutPrefix(chunk(`{"content":"Hi"}`, ""), "data: ")
		out, _ = s.Event(out, nil, []byte(strings.TrimSpace(data)), true)
		return s, turn, out
	}
	const so = "start msg_1 in 0 out 0\nping\n0 text\n0 += \"Hi\"\n"

	s, turn, out := begin()
	out = s.Beat(s.Beat(out, 1), 2)
	out = s.Abort(out, hub.FaultProblem(hub.Idle, 0))
	if diff := cmp.Diff(so+"ping\nping\ntimeout_error: The model server stopped sending in the middle of its answer. (req_1)\n", digest(t, out)); diff != "" {
		t.Error(diff)
	}
	if turn.Reply.Finish != "error" {
		t.Errorf("finish %q", turn.Reply.Finish)
	}

	s, turn, out = begin()
	data, _ := strings.CutPrefix(chunk(`{}`, "stop"), "data: ")
	out, _ = s.Event(out, nil, []byte(data), true)
	out = s.Abort(out, hub.FaultProblem(hub.Cut, 0))
	if diff := cmp.Diff(so+"0.\n\"end_turn\" null in 0+0+0 out 0\nend\n", digest(t, out)); diff != "" {
		t.Errorf("behind the finish_reason: %s", diff)
	}
	if turn.Reply.Finish != "stop" || turn.Reply.Repairs != hub.EndedStream {
		t.Errorf("finish %q, repairs %v", turn.Reply.Finish, turn.Reply.Repairs.Names())
	}
}

func TestCallsThatTheClientForbade(t *testing.T) {
	r := newRequest()
	r.noCalls = true
	stream := chunk(`{"content":"Hi"}`, "") + chunk(call(0, "a", "x", `"{}"`), "tool_calls") + done
	out, _ := play(replyTurn(r), stream)
	if diff := cmp.Diff("start msg_1 in 0 out 0\nping\n0 text\n0 += \"Hi\"\n0.\n\"end_turn\" null in 0+0+0 out 0\nend\n", digest(t, out)); diff != "" {
		t.Error(diff)
	}
	r.noCalls = false
	out, _ = play(replyTurn(r), stream)
	if diff := cmp.Diff("start msg_1 in 0 out 0\nping\n0 text\n0 += \"Hi\"\n0.\n1 tool_use a x\n1 += \"{}\"\n1.\n\"tool_use\" null in 0+0+0 out 0\nend\n", digest(t, out)); diff != "" {
		t.Error(diff)
	}
}

package messages

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"golang.org/x/tools/txtar"

	"github.com/qwenvoy/qwenvoy/e2e/fold"
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
			if d.Get("type").String() == "signature_delta" && d.Get("signature").String() == signature {
				fmt.Fprintf(&b, "%s signed\n", e.Get("index"))
				break
			}
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

// A streamCase is a section of testdata/streams.txtar: the upstream's events, a line each,
// then a blank line, then what the client gets, folded (package fold). A line of the upstream
// is a delta, with the finish_reason behind it if there is one; usage; [DONE]; or as it is sent.
type streamCase struct{ name, upstream, want string }

var deltaLine = regexp.MustCompile(`^(\{.*\})(?: (\w+))?$`)

func streamCases(t *testing.T) (cases []streamCase) {
	t.Helper()
	a, err := txtar.ParseFile("testdata/streams.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		lines, want, _ := strings.Cut(string(f.Data), "\n\n")
		c := streamCase{name: f.Name, want: strings.TrimSuffix(fold.Out(want), "\n")}
		for line := range strings.SplitSeq(lines, "\n") {
			switch m := deltaLine.FindStringSubmatch(line); {
			case m != nil:
				c.upstream += chunk(m[1], m[2])
			case line == "usage":
				c.upstream += usage
			case line == "[DONE]":
				c.upstream += done
			default:
				c.upstream += line + "\n\n"
			}
		}
		cases = append(cases, c)
	}
	return cases
}

// updateStreams writes what the client gets into the cases' file.
func updateStreams(t *testing.T, got map[string]string) {
	t.Helper()
	a, err := txtar.ParseFile("testdata/streams.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Files {
		f := &a.Files[i]
		if want, ran := got[f.Name]; ran {
			lines, _, _ := strings.Cut(string(f.Data), "\n\n")
			f.Data = []byte(lines + "\n\n" + fold.In(want) + "\n")
		}
	}
	if err := os.WriteFile("testdata/streams.txtar", txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestStreams(t *testing.T) {
	all := map[string]string{}
	for _, tt := range streamCases(t) {
		t.Run(tt.name, func(t *testing.T) {
			out, _ := play(replyTurn(newRequest()), tt.upstream)
			got := digest(t, out)
			all[tt.name] = got
			if diff := cmp.Diff(tt.want, got); diff != "" && !*update {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if *update {
		updateStreams(t, all)
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

package parts_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

func whole(t *hub.Turn, w *recorder, o parts.Options, body string) (string, *hub.Problem) {
	w.turn = t
	out, p := parts.Whole(nil, []byte(body), t, w, o)
	return string(out), p
}

func reply(message, finish string) string {
	return `{"id":"chatcmpl-1","choices":[{"index":0,"message":` + message + `,"finish_reason":"` + finish + `"}],"usage":{"prompt_tokens":5,"completion_tokens":7}}`
}

func TestWholeOrdersParts(t *testing.T) {
	tests := []struct {
		name   string
		turn   func(*hub.Turn)
		refuse string
		body   string
		want   string
	}{
		{
			name: "thinking, text and calls",
			body: reply(`{"role":"assistant","content":"\n\nb","refusal":null,"reasoning":"a\n","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{\"x\":1}"}}]}`, "tool_calls"),
			want: lines("begin", "open reasoning", `+a\n`, "close", "open text", "+b", "close", "open call c1 f", "+{}", "close", "open call c2 g", `+{\"x\":1}`, "close last", "finish tool_calls"),
		},
		{
			name: "thinking off",
			turn: func(t *hub.Turn) { t.Request.Thinking = false },
			body: reply(`{"content":"b","reasoning_content":"a"}`, "stop"),
			want: lines("begin", "open text", "+a", "+b", "close last", "finish stop"),
		},
		{
			name: "each call stands for itself",
			body: reply(`{"content":null,"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{"}},{"index":0,"id":"c1","function":{"name":"g","arguments":"{}"}},{"function":{"name":"h"}},{"id":"c4","function":{"arguments":"{}"}}]}`, "tool_calls"),
			want: lines("begin", "open call c1 f", "+{", "close broken cut", "open call call_LmdIbRUtugWFbBtyknGttznI g", "+{}", "close",
				"open call call_K1VAzNkvTZfn6Tyz9OLSXklx h", "close empty broken cut last", "finish length"),
		},
		{
			name: "a named call, with an empty text",
			body: reply(`{"content":"","tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{}"}}]}`, "stop"),
			want: lines("begin", "open call c1 f", "+{}", "close last", "finish stop"),
		},
		{
			name: "a call that was cut, which only the counts show",
			turn: func(t *hub.Turn) { t.Request.Limit = 7 },
			body: reply(`{"content":null,"tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{}"}}]}`, "tool_calls"),
			want: lines("begin", "open call c1 f", "+{}", "close cut last", "finish length"),
		},
		{
			name: "cut inside the thinking",
			body: reply(`{"content":null,"reasoning":"a"}`, "length"),
			want: lines("begin", "open reasoning", "+a", "close cut last", "finish length"),
		},
		{
			name: "no reason",
			body: `{"choices":[{"message":{"content":"a"}}]}`,
			want: lines("begin", "open text", "+a", "close last", "finish "),
		},
		{
			name: "a filter has taken the message away",
			body: `{"choices":[{"index":0,"finish_reason":"content_filter"}]}`,
			want: lines("begin", "finish content_filter"),
		},
		{
			name: "no message, whatever the reason",
			body: reply("null", "stop"),
			want: lines("begin", "finish content_filter"),
		},
		{
			name: "no message for want of tokens",
			body: reply("null", "length"),
			want: lines("begin", "finish length"),
		},
		{
			name: "nothing but a nameless call",
			body: reply(`{"tool_calls":[{"id":"c1","function":{"arguments":"{}"}}]}`, "tool_calls"),
			want: lines("begin", "fail 502 The model server sent a tool call without the tool's name."),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			turn := newTurn()
			if test.turn != nil {
				test.turn(turn)
			}
			w := &recorder{}
			got, p := whole(turn, w, parts.Options{CallPrefix: "call_"}, test.body)
			if p != nil {
				t.Fatalf("problem: %+v", p)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, f := range w.faults {
				t.Error(f)
			}
		})
	}
}

func TestAWholeRepliesTextGetsItsOwnLogprobs(t *testing.T) {
	// list makes a list of tokens, their bytes beside them.
	list := func(tokens ...string) string {
		var all []string
		for _, token := range tokens {
			var numbers []string
			for _, b := range []byte(token) {
				numbers = append(numbers, strconv.Itoa(int(b)))
			}
			text := strings.ReplaceAll(strings.ToValidUTF8(token, "\uFFFD"), "\n", `\n`)
			all = append(all, `{"token":"`+text+`","logprob":-0.5,"bytes":[`+strings.Join(numbers, ", ")+`],"top_logprobs":[{"token":"x","logprob":-1,"bytes":[120]}]}`)
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	one := list
	thinking := `"reasoning":"Two\n",`
	calls := `,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]`
	tests := []struct{ name, message, logprobs, want string }{
		{"behind thinking", `{` + thinking + `"content":"\n\n2 Two."}`, list("Two", "\n", "</think>", "\n\n", "2", " Two", ".", "<|im_end|>"), list("2", " Two", ".")},
		{"behind thinking, line feeds one by one", `{` + thinking + `"content":"\n\n2"}`, list("Two", "\n", "</think>", "\n", "\n", "2"), one("2")},
		{"behind thinking, a token of line feeds and text", `{` + thinking + `"content":"\n\n2"}`, list("Two", "\n", "</think>", "\n", "\n2"), one("\n2")},
		{"behind thinking, spaces stay", `{` + thinking + `"content":"\n 2"}`, list("Two", "\n", "</think>", "\n", " ", "2"), list(" ", "2")},
		{"behind thinking, line feeds and spaces in one", `{` + thinking + `"content":"\n 2"}`, list("Two", "\n", "</think>", "\n ", "2"), list("\n ", "2")},
		{"white space without thinking", `{"content":"\n\n2"}`, list("\n\n", "2"), list("\n\n", "2")},
		{"that the thinking says too", `{` + thinking + `"content":"Two"}`, list("Two", "\n", "</think>", "\n\n", "Two", "<|im_end|>"), one("Two")},
		{"in reasoning_content", `{"reasoning_content":"Two\n","content":"Two"}`, list("Two", "\n", "</think>", "Two"), one("Two")},
		{"that a part of a token says too", `{` + thinking + `"content":"think"}`, list("Two", "\n", "</think>", "think", "<|im_end|>"), one("think")},
		{"before calls", `{` + thinking + `"content":"f"` + calls + `}`, list("Two", "\n", "</think>", "f", "<tool_call>", "f", "</tool_call>"), one("f")},
		{"whose white space went with the calls", `{"content":"So."` + calls + `}`, list("So", ".\n\n", "<tool_call>", "f", "</tool_call>"), list("So", ".\n\n")},
		{"whose white space is another", `{` + thinking + `"content":"\nTwo\n"}`, list("Two", "\n", "</think>", "Two", "<|im_end|>"), one("Two")},
		{"of characters in two tokens", `{` + thinking + `"content":"\ud83d\ude42!"}`, list("Two", "\n", "</think>", "\xf0\x9f", "\x99\x82", "!"), list("\xf0\x9f", "\x99\x82", "!")},
		{"without bytes", `{` + thinking + `"content":"a\n"}`, `[{"token":"Two\n"},{"token":"</think>"},{"token":"a\n","bytes":null}]`, `[{"token":"a\n","bytes":null}]`},
		{"without thinking", `{"content":"Two"}`, list("Two", "<|im_end|>"), one("Two")},
		{"that are not found", `{` + thinking + `"content":"Three"}`, list("Two", "\n", "</think>", "Two"), ""},
		{"behind thinking that is not found", `{"reasoning":"One","content":"Two"}`, list("Two", "\n", "</think>", "Two"), ""},
		{"before calls, not found", `{"content":"Three"` + calls + `}`, list("Two", "<tool_call>"), ""},
		{"not found in a text alone", `{"content":"Three","tool_calls":[]}`, list("Two"), list("Two")},
		{"of white space alone", `{` + thinking + `"content":"\n"}`, list("Two", "\n", "</think>"), ""},
		{"that are no tokens", `{` + thinking + `"content":"a"}`, `[1,null,{"token":5,"bytes":[-1,300,"x"]},{"bytes":{}}]`, ""},
		{"none", `{` + thinking + `"content":"a"}`, `[]`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := `{"choices":[{"index":0,"message":` + test.message + `,"logprobs":{"content":` + test.logprobs + `},"finish_reason":"stop"}]}`
			got, p := whole(newTurn(), &recorder{}, parts.Options{KeepBlank: true}, body)
			if p != nil {
				t.Fatalf("problem: %+v", p)
			}
			_, got, _ = strings.Cut(got, "open text\n")
			got, _, _ = strings.Cut(got, "\nclose")
			_, got, _ = strings.Cut(got, "  ")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// With thinking off all that was said is the text.
func TestLogprobsOfThinkingThatBecomesTextStay(t *testing.T) {
	turn := newTurn()
	turn.Request.Thinking = false
	got, p := whole(turn, &recorder{}, parts.Options{}, `{"choices":[{"message":{"reasoning":"a","content":"b"},"logprobs":{"content":[{"token":"a"},{"token":"b"}]},"finish_reason":"stop"}]}`)
	if want := lines("begin", "open text", "+a", `+b  [{"token":"a"},{"token":"b"}]`, "close last", "finish stop"); p != nil || got != want {
		t.Errorf("%v %s", p, got)
	}
}

func TestWholeRefusesWhatIsNoReply(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		message    string
	}{
		{"not JSON", `{"choices":[`, 502, "The model server's answer is not valid JSON: the text ends too early: a closing bracket is missing at byte 12."},
		{"no choices", `{"object":"x"}`, 502, "The model server's answer holds no message."},
		{"an empty list of choices", `{"choices":[]}`, 502, "The model server's answer holds no message."},
		{"a completion", `{"choices":[{"text":"a","finish_reason":"stop"}]}`, 502, "The model server's answer holds no message."},
		{"a message that is none", `{"choices":[{"message":"a","finish_reason":"stop"}]}`, 502, "The model server's answer holds no message."},
		{"an error", `{"error":{"message":"busy","code":503}}`, 503, "busy"},
		{"a failure", reply(`{"content":"a"}`, "error"), 502, `The model server broke its answer off (finish_reason "error").`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, p := whole(newTurn(), &recorder{}, parts.Options{}, test.body)
			if p == nil || got != "" {
				t.Fatalf("no problem, but %q", got)
			}
			if p.Status != test.status || p.Message != test.message {
				t.Errorf("%d %s", p.Status, p.Message)
			}
		})
	}
}

// TestAnyOrderGivesWholeParts: whatever an upstream sends in whatever order, parts don't
// overlap, ids are unique, and the turn begins and ends once.
func TestAnyOrderGivesWholeParts(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		texts := []string{"a", `\n`, " ", `b\ud83d`, `\ude42`, "{}", `{\"k\":1}`, `{\"k\"`, ":1}", "}", "", "\xf0\x9f", "é"}
		var script []string
		for range 1 + r.IntN(12) {
			x := texts[r.IntN(len(texts))]
			switch r.IntN(5) {
			case 0:
				script = append(script, reasoning(x))
			case 1, 2:
				script = append(script, text(x))
			default:
				members := []string{`"function":{"arguments":"` + x + `"}`}
				if r.IntN(2) == 0 {
					members = []string{`"function":{"name":"f","arguments":"` + x + `"}`}
				}
				if r.IntN(3) > 0 {
					members = append(members, `"index":`+strconv.Itoa(r.IntN(3)))
				}
				if r.IntN(3) == 0 {
					members = append(members, `"id":"c`+strconv.Itoa(r.IntN(3))+`"`)
				}
				script = append(script, toolCall("{"+strings.Join(members, ",")+"}"))
			}
		}
		ends := []string{"end", done, `{"error":{"message":"x"}}`, "{"}
		if r.IntN(2) == 0 {
			script = append(script, []string{stop, tool, "finish:length"}[r.IntN(3)])
		}
		script = append(script, ends[r.IntN(len(ends))], "end")
		w := &recorder{}
		got := stream(newTurn(), w, parts.Options{CallPrefix: "call_", Early: true}, script...)
		for _, f := range w.faults {
			t.Errorf("%s\nscript: %s\ngot: %s", f, strings.Join(script, "\n"), got)
		}
		if n := strings.Count(got, "\nfinish") + strings.Count(got, "\nfail"); n != 1 || strings.Count(got, "begin\n") != 1 {
			t.Errorf("%d ends\nscript: %s\ngot: %s", n, strings.Join(script, "\n"), got)
		}
		ids := map[string]bool{}
		for l := range strings.Lines(got) {
			if f := strings.Fields(l); len(f) > 2 && f[0] == "open" {
				if ids[f[2]] {
					t.Errorf("the id %s twice:\n%s", f[2], got)
				}
				ids[f[2]] = true
			}
		}
		if t.Failed() {
			return
		}
	}
}

package repair_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/repair"
)

// TestCallsInTextAreTheSameForAnyChunks takes texts through Stops in one piece, in bytes and in other
// steps: what is left of a text depends on how it ended, and not on its pieces.
func TestCallsInTextAreTheSameForAnyChunks(t *testing.T) {
	const call = "<function=get_weather>\n<parameter=city>\nParis\n"
	const whole = "<tool_call>\n" + call + "</parameter>\n</function>\n</tool_call>"
	tests := []struct {
		name, text, want       string
		limit, forbidden, none bool // none: no tools
		broken                 bool
		stop                   string
	}{
		{name: "a text", text: "a < b\n<b>bold</b>\n<form>", want: "a < b\n<b>bold</b>\n<form>"},
		{name: "a cut call", text: call, limit: true, broken: true},
		{name: "behind a text", text: "Let me look.\n" + call, want: "Let me look.", limit: true, broken: true},
		{name: "with its tag", text: "<tool_call>\n" + call, limit: true, broken: true},
		{name: "broken at the end of a turn", text: call, broken: true},
		{name: "cut in the name", text: "<function=get_we", limit: true, broken: true},
		{name: "cut in the mark", text: "Hi\n<func", want: "Hi", limit: true, broken: true},
		{name: "a mark at the end of a turn", text: "Hi\n<func", want: "Hi\n<func"},
		{name: "one bracket is none", text: "Hi\n<", want: "Hi\n<", limit: true},
		{name: "in a line", text: "so: <function=x>\nand more", want: "so: <function=x>\nand more", limit: true},
		{name: "no name", text: "<function=>\n", want: "<function=>\n", limit: true},
		{name: "a name with more behind it", text: "<function=x> is a tag", want: "<function=x> is a tag", limit: true},
		{name: "a long name", text: "<function=" + strings.Repeat("x", 300), want: "<function=" + strings.Repeat("x", 300), limit: true},
		{name: "whole", text: "a\n" + whole + "\nb", want: "a\n" + whole + "\nb"},
		{name: "whole, then cut", text: whole + "\nb\n" + call, want: whole + "\nb", limit: true, broken: true},
		{name: "forbidden", text: "Hi.\n\n" + whole, want: "Hi.", forbidden: true},
		{name: "forbidden and cut", text: "Hi.\n" + call, want: "Hi.", forbidden: true, limit: true},
		{name: "without tools", text: "Hi.\n" + call, want: "Hi.\n" + call, none: true, limit: true},
		{name: "no stop string counts in a call", text: "Hi.\n" + call, want: "Hi.", limit: true, broken: true, stop: "Paris"},
		{name: "a stop string like a mark", text: "Hi.\n<b", want: "Hi.\n", stop: "<"},
		{name: "longer than is held", text: call + strings.Repeat("x", 1<<20), want: call + strings.Repeat("x", 1<<20), limit: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, step := range []int{1, 2, 3, 7, 16, 1 << 30} {
				if len(test.text) > 1<<20 && step < 16 {
					continue
				}
				turn := &hub.Turn{Request: hub.RequestFacts{Tools: !test.none, NoCalls: test.forbidden}}
				if test.stop != "" {
					turn.Request.Stops = [][]byte{[]byte(test.stop)}
				}
				var stops repair.Stops
				var calls hub.Calls
				var out []byte
				ended := false
				for rest := test.text; len(rest) > 0 && !ended; {
					n := min(step, len(rest))
					piece := stops.Next(turn, jsonedit.AppendEscaped(nil, rest[:n]), nil, false)
					out, ended = jsonedit.AppendUnescaped(out, piece.Text), piece.Word != nil
					rest = rest[n:]
				}
				if !ended {
					text, _, _ := stops.Rest(turn, &calls, test.limit)
					out = jsonedit.AppendUnescaped(out, text)
				}
				// White space before a call may have gone on before the call came.
				want := []byte(test.want)
				if test.broken || test.forbidden {
					out = bytes.TrimRight(out, "\n")
				}
				if !bytes.Equal(out, want) {
					t.Errorf("in steps of %d: %.80q, want %.80q", step, out, want)
				}
				if calls.Broken != test.broken {
					t.Errorf("in steps of %d: broken is %v", step, calls.Broken)
				}
			}
		})
	}
}

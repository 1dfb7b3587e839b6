package responses

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// unwrap takes arguments through in pieces of size bytes of their literal, as an upstream
// sends them, and returns the input that a client puts together.
func unwrap(t testing.TB, arguments string, size int, cut bool) string {
	t.Helper()
	var pieces jsonedit.Fragments // as parts makes them
	var w customInput
	w.reset()
	w.pair.tool = toolset.Tool{Name: []byte("apply_patch"), Upstream: "n__apply_patch"}
	input := ""
	piece := func(delta []byte) {
		var s string
		if err := json.Unmarshal([]byte(`"`+string(delta)+`"`), &s); err != nil {
			t.Errorf("%q is no inside of a literal: %v", delta, err)
		}
		input += s
	}
	literal := jsonedit.AppendEscaped(nil, arguments)
	for i := 0; i < len(literal); i += size {
		piece(w.next(pieces.Next(literal[i:min(i+size, len(literal))])))
	}
	piece(w.next(pieces.End()))
	piece(w.end(cut))
	return input
}

func TestInputIsTakenOutOfItsWrapper(t *testing.T) {
	tests := []struct {
		name, arguments, want string
		cut                   bool
	}{
		{name: "plain", arguments: `{"input":"ls -l"}`, want: "ls -l"},
		{name: "spaces", arguments: " {\n\"input\" : \"a\" \n} ", want: "a"},
		{name: "escapes", arguments: `{"input": "a\nb\t\"q\" \\ \/ \u00e9 \ud83d\ude42 é 🙂"}`, want: "a\nb\t\"q\" \\ / é 🙂 é 🙂"},
		{name: "a patch", arguments: `{"input":"*** Begin Patch\n*** Add File: a.go\n+s := \"{\\\"x\\\": 1}\"\n*** End Patch\n"}`,
			want: "*** Begin Patch\n*** Add File: a.go\n+s := \"{\\\"x\\\": 1}\"\n*** End Patch\n"},
		{name: "empty", arguments: `{"input":""}`, want: ""},
		{name: "an input that looks like a wrapper", arguments: `{"input":"{\"input\":\"a\"}"}`, want: `{"input":"a"}`},
		{name: "members behind it", arguments: `{"input":"a","reason":"because"}`, want: "a"},
		{name: "members before it", arguments: `{"reason":"because","input":"a\n"}`, want: "a\n"},
		{name: "an escaped key", arguments: `{"\u0069nput":"a\n"}`, want: "a\n"},
		{name: "another key", arguments: `{"patch":"a\ud83d\ude42","n":1}`, want: "a🙂"},
		{name: "two other keys", arguments: `{"a":"x","b":"y"}`, want: `{"a":"x","b":"y"}`},
		// A command line in the input's place.
		{name: "a pair", arguments: ` ["apply_patch", "*** Begin \ud83d\ude42\n\"x\""] `, want: "*** Begin 🙂\n\"x\""},
		{name: "a pair by the upstream's name", arguments: `["n__apply_patch","x"]`, want: "x"},
		{name: "a pair as the input", arguments: `{"input":["apply_patch","x\n"],"reason":"because"}`, want: "x\n"},
		{name: "a pair as a command", arguments: `{"command":["apply_patch","x\n"]}`, want: "x\n"},
		{name: "a pair in the input", arguments: `{"input":"[\"apply_patch\", \"a\\nb \\\"q\\\" \\ud83d\\ude42\"]"}`, want: "a\nb \"q\" 🙂"},
		{name: "a pair in another member", arguments: `{"patch":"[\"apply_patch\",\"a\"]"}`, want: "a"},
		{name: "a pair behind line feeds", arguments: `{"input":"\n[\n  \"apply_patch\",\n  \"a\"\n]\n"}`, want: "a"},
		{name: "a list of another", arguments: `{"input":"[\"ls\", \"a\"]"}`, want: `["ls", "a"]`},
		{name: "a list of a longer name", arguments: `{"input":"[\"apply_patches\", \"a\"]"}`, want: `["apply_patches", "a"]`},
		{name: "a list of three", arguments: `{"input":"[\"apply_patch\",\"a\",\"b\"]"}`, want: `["apply_patch","a","b"]`},
		{name: "a list of one", arguments: `{"input":"[\"apply_patch\"]"}`, want: `["apply_patch"]`},
		{name: "a list that does not end", arguments: `{"input":"[\"apply_patch\",\"a"}`, want: `["apply_patch","a`},
		{name: "a list that is cut", arguments: `{"input":"[\"apply_patch\",\"a`, cut: true, want: `["apply_patch","a`},
		{name: "a list of three in place of the input", arguments: `["apply_patch","a",1]`, want: `["apply_patch","a",1]`},
		{name: "no list", arguments: `{"input":"[apply_patch, \"a\"]"}`, want: `[apply_patch, "a"]`},
		{name: "no string", arguments: `{"input":5}`, want: `{"input":5}`},
		{name: "a list", arguments: `["a"]`, want: `["a"]`},
		{name: "raw text", arguments: "*** Begin Patch\n\"x\"", want: "*** Begin Patch\n\"x\""},
		{name: "nothing", arguments: ``, want: ``},
		{name: "an empty object", arguments: `{}`, want: `{}`},
		// What models get wrong.
		{name: "raw line feeds", arguments: "{\"input\":\"a\nb\tc\"}", want: "a\nb\tc"},
		{name: "escapes that are none", arguments: `{"input":"\d+ \u12 \`, want: `\d+ \u12 `},
		{name: "escapes that are none, closed", arguments: `{"input":"\d+\."}`, want: `\d+\.`},
		{name: "half a surrogate pair", arguments: `{"input":"a\ud83d"}`, want: "a\uFFFD"},
		{name: "quotes that are not escaped", arguments: `{"input":"print("hi" + x) }"}`, want: `print("hi" + x) }`},
		{name: "what looks like the end", arguments: `{"input":"m = {"a":"b"}; n"}`, want: `m = {"a":"b"}; n`},
		{name: "no end", arguments: `{"input":"abc`, want: "abc"},
		// Cut by a limit.
		{name: "cut in the wrapper", arguments: `{"inp`, cut: true, want: ""},
		{name: "cut in the input", arguments: `{"input":"ab\u00`, cut: true, want: "ab"},
		{name: "cut in another shape", arguments: `{"patch":"ab`, cut: true, want: `{"patch":"ab`},
		{name: "not cut, but not all there", arguments: `{"inp`, want: `{"inp`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for size := 1; size <= 2*len(test.arguments)+1; size++ {
				if got := unwrap(t, test.arguments, size, test.cut); got != test.want {
					t.Errorf("in pieces of %d: %q, want %q", size, got, test.want)
				}
			}
		})
	}
}

func TestInputComesAsItIsWritten(t *testing.T) {
	var w customInput
	w.reset()
	for _, step := range [][2]string{{`{\"in`, ``}, {`put\": \"a`, `a`}, {`b\\`, `b`}, {`nc\\ud83d`, `\nc`}, {`\\ude42`, `\ud83d\ude42`}, {`é\"`, `é`}, {`}`, ``}} {
		if got := string(w.next([]byte(step[0]))); got != step[1] {
			t.Errorf("%s gives %q, want %q", step[0], got, step[1])
		}
	}
}

// FuzzInput: what is written as {"input":…} comes out as it went in, and however the
// arguments are cut, the same comes out.
func FuzzInput(f *testing.F) {
	f.Add("a\n\"b\" \\ é🙂", `{"input":"x"}`, uint8(3))
	f.Add("\x00\u2028</script>", `{"patch":"x","y":[{}]}`, uint8(1))
	f.Add(`","x":"`, "{\"input\": \"a\nb", uint8(2))
	f.Fuzz(func(t *testing.T, input, arguments string, size uint8) {
		if utf8.ValidString(input) {
			b, err := json.Marshal(map[string]string{"input": input})
			if err != nil {
				t.Fatal(err)
			}
			if got := unwrap(t, string(b), int(size)+1, false); got != input {
				t.Errorf("%s in pieces of %d gives %q", b, size+1, got)
			}
		}
		arguments = strings.ToValidUTF8(arguments, "?")
		for _, cut := range []bool{false, true} {
			if whole, got := unwrap(t, arguments, len(arguments)*6+1, cut), unwrap(t, arguments, int(size)%9+1, cut); got != whole {
				t.Errorf("%q in pieces of %d gives %q, in one %q", arguments, size%9+1, got, whole)
			}
		}
	})
}

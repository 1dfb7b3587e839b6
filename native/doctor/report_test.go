package doctor

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/probe"
)

func example() *Report {
	r := &Report{secrets: []string{secret}}
	r.add(probe.OK, "reach", "http://127.0.0.1:8000 answers", "")
	r.add(probe.Fail, "tool parser", `the server refuses tools (400): "auto" tool choice requires --enable-auto-tool-choice`, "start vLLM with --enable-auto-tool-choice")
	r.add(probe.Warn, "envoy idle", "envoy.yaml:3: 1h", "in the cluster:\nidle_timeout: 3s\n  x: y")
	r.add(probe.Skip, "media", "/tokenize would tell", "")
	r.add(probe.Info, "key", "it said \x1b[31m"+secret+"\nand more", "")
	r.conclude(false)
	return r
}

func TestTheTableIsALineForEachCheck(t *testing.T) {
	const want = `ok    reach        http://127.0.0.1:8000 answers
FAIL  tool parser  the server refuses tools (400): "auto" tool choice requires --enable-auto-tool-choice  start vLLM with --enable-auto-tool-choice
warn  envoy idle   envoy.yaml:3: 1h                                  in the cluster:
        idle_timeout: 3s
          x: y
skip  media        /tokenize would tell
info  key          it said �[31m[redacted] and more
Something is wrong: 5 checks, 1 FAIL, 1 warn, 1 info, 1 ok, 1 skip.
`
	if got := text(t, example()); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestColoursTakeNoRoom(t *testing.T) {
	var b bytes.Buffer
	if err := example().Table(&b, true); err != nil {
		t.Fatal(err)
	}
	coloured := b.String()
	for _, c := range []string{"\x1b[32mok  \x1b[0m", "\x1b[1;31mFAIL\x1b[0m", "\x1b[33mwarn\x1b[0m"} {
		if !strings.Contains(coloured, c) {
			t.Errorf("no %q", c)
		}
		coloured = strings.ReplaceAll(coloured, c, strings.TrimSuffix(c[strings.Index(c, "m")+1:], "\x1b[0m"))
	}
	coloured = strings.NewReplacer("\x1b[36m", "", "\x1b[2m", "", "\x1b[0m", "").Replace(coloured)
	if coloured != text(t, example()) {
		t.Errorf("%s", coloured)
	}
}

func TestJSONHoldsTheSame(t *testing.T) {
	var b bytes.Buffer
	r := example()
	if err := r.JSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Rows   []probe.Finding
		Counts map[string]int
		Exit   int
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 5 || got.Rows[1] != r.Rows[1] || got.Counts["fail"] != 1 || got.Counts["ok"] != 1 || got.Exit != ExitFault {
		t.Errorf("%+v", got)
	}
}

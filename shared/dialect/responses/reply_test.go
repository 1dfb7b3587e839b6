package responses

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/qwenvoy/qwenvoy/e2e/fold"
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/sse"
)

var update = flag.Bool("update", false, "write the goldens, to be read before they are committed")

// newRequest is a request whose echo is short.
func newRequest() *request {
	return &request{id: []byte("resp_abcdefghijklmnopqrst0000"), echo: []byte(`"model":"qwen3.5-thinking-coding"`), blob: coveringBlob}
}

// replyTurn is a turn at its reply. The answer takes five seconds.
func replyTurn(r *request) *hub.Turn {
	return &hub.Turn{
		Settings: &hub.Settings{},
		Edge:     hub.EdgeFacts{Now: 1795248367, Clock: func() int64 { return 1795248372 }, Window: 8192, Random: counter()},
		Request:  hub.RequestFacts{Name: []byte(`"qwen3.5-thinking-coding"`), Model: &catalog.Model{}, Thinking: true, Choices: 1, State: r},
	}
}

// A recording is what a vLLM 0.32 said. Its file and its golden's are folded (package fold).
type recording struct {
	name     string
	upstream string
	whole    bool
	limit    int
	thinking bool
}

// recordings are those of the Messages dialect and some that say something here only.
func recordings(t testing.TB) (all []recording) {
	t.Helper()
	files, err := filepath.Glob("../messages/testdata/recordings/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings: ", err)
	}
	own, err := filepath.Glob("testdata/recordings/*.txtar")
	if err != nil || len(own) == 0 {
		t.Fatal("no recordings: ", err)
	}
	for _, file := range append(files, own...) {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := recording{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), thinking: true}
		for line := range strings.Lines(string(a.Comment)) {
			line = strings.TrimSuffix(line, "\n")
			if s, ok := strings.CutPrefix(line, "limit: "); ok {
				if r.limit, err = strconv.Atoi(s); err != nil {
					t.Fatal(err)
				}
			}
			if line == "thinking: off" {
				r.thinking = false
			}
		}
		r.upstream = fold.Out(string(a.Files[0].Data))
		r.whole = strings.HasPrefix(r.upstream, "{")
		all = append(all, r)
	}
	return all
}

func (r *recording) turn() *hub.Turn {
	q := newRequest()
	q.logprobs = strings.Contains(r.name, "logprobs")
	t := replyTurn(q)
	t.Request.Thinking, t.Request.Limit = r.thinking, r.limit
	return t
}

// play takes an upstream's stream through the dialect in pieces that end at cuts.
func play(t *hub.Turn, upstream string, cuts ...int) (out []byte) {
	var f sse.Framer
	s := Create.Stream(t)
	out, ended := s.Begin(nil), false
	events := func() {
		for ev, ok := f.Next(); ok; ev, ok = f.Next() {
			if !ended {
				out, ended = s.Event(out, ev.Other, ev.Data, ev.HasData)
			}
		}
	}
	at := 0
	for _, n := range append(cuts, len(upstream)) {
		piece := []byte(upstream[at:n])
		f.Feed(piece)
		events()
		clear(piece) // the stream may keep nothing of it
		at = n
	}
	f.End()
	f.Feed(nil)
	events()
	if !ended {
		out = s.End(out)
	}
	return out
}

func reply(t testing.TB, d Dialect, turn *hub.Turn, body string) string {
	t.Helper()
	out, p := d.Reply(nil, []byte(body), turn)
	if p != nil {
		t.Fatalf("problem: %+v", p)
	}
	return string(out)
}

func TestRecordings(t *testing.T) {
	goldens, err := filepath.Glob("testdata/goldens/*")
	if all := recordings(t); err != nil || len(goldens) != len(all) && !*update {
		t.Errorf("%d goldens of %d recordings", len(goldens), len(all))
	}
	for _, r := range recordings(t) {
		t.Run(r.name, func(t *testing.T) {
			var got, file string
			if r.whole {
				got, file = reply(t, Create, r.turn(), r.upstream)+"\n", "testdata/goldens/"+r.name+".json"
			} else {
				got, file = string(play(r.turn(), r.upstream)), "testdata/goldens/"+r.name+".sse"
			}
			if *update {
				if err := os.WriteFile(file, []byte(fold.In(got)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fold.Out(string(want)), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhereTheUpstreamsBytesAreCutChangesNothing(t *testing.T) {
	for _, r := range recordings(t) {
		if r.whole {
			continue
		}
		want := string(play(r.turn(), r.upstream))
		var all []int
		for i := range r.upstream {
			all = append(all, i)
			if got := string(play(r.turn(), r.upstream, i)); got != want {
				t.Fatalf("%s cut at %d (-whole +cut):\n%s", r.name, i, cmp.Diff(want, got))
			}
		}
		if got := string(play(r.turn(), r.upstream, all...)); got != want {
			t.Errorf("%s byte by byte (-whole +cut):\n%s", r.name, cmp.Diff(want, got))
		}
		crlf := strings.ReplaceAll(r.upstream, "\n", "\r\n")
		if got := string(play(r.turn(), crlf, len(crlf)/2)); got != want {
			t.Errorf("%s with CRLF (-LF +CRLF):\n%s", r.name, cmp.Diff(want, got))
		}
	}
}

// lastResponse is the response object of a stream's terminal event.
func lastResponse(t testing.TB, stream []byte) []byte {
	t.Helper()
	at := bytes.LastIndex(stream, []byte(`,"response":`))
	if at < 0 {
		t.Fatalf("no response in %s", stream)
	}
	object, _, _ := bytes.Cut(stream[at+len(`,"response":`):], []byte("}\n\n"))
	return object
}

// TestAWholeReplyIsStreamedWhereAStreamWasAsked: it ends in the object that would have
// come without one.
func TestAWholeReplyIsStreamedWhereAStreamWasAsked(t *testing.T) {
	for _, r := range recordings(t) {
		if !r.whole {
			continue
		}
		turn := r.turn()
		turn.Request.Streamed = true
		stream := []byte(reply(t, Create, turn, r.upstream))
		if !bytes.HasPrefix(stream, []byte("event: response.created\n")) {
			t.Errorf("%s begins with %.80s", r.name, stream)
		}
		// Ids count up alike.
		if diff := cmp.Diff(reply(t, Create, r.turn(), r.upstream), string(lastResponse(t, stream))); diff != "" {
			t.Errorf("%s (-whole +stream):\n%s", r.name, diff)
		}
	}
}

// summary lists a stream's events without what is the same in all: a line for each with
// the fields that its name asks for.
func summary(t testing.TB, stream []byte) string {
	t.Helper()
	var b strings.Builder
	n := 0
	for block := range strings.SplitSeq(strings.TrimSuffix(string(stream), "\n\n"), "\n\n") {
		if strings.HasPrefix(block, ":") || block == "data: [DONE]" {
			b.WriteString(block + "\n")
			continue
		}
		name, data, ok := strings.Cut(block, "\ndata: ")
		name = strings.TrimPrefix(name, "event: response.")
		prefix := `{"type":"response.` + name + `","sequence_number":` + strconv.Itoa(n) + `,`
		if !ok || !strings.HasPrefix(data, prefix) {
			t.Errorf("event %d: %s", n, block)
		}
		n++
		rest := strings.TrimSuffix(strings.TrimPrefix(data, prefix), "}")
		switch {
		case strings.HasPrefix(rest, `"response":`):
			rest = strings.TrimPrefix(rest, `"response":`)
			if slices.Contains([]string{"created", "queued", "in_progress"}, name) {
				rest = ""
			}
		}
		b.WriteString(strings.TrimSpace(name+" "+rest) + "\n")
	}
	return b.String()
}

package messages

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/qwenvoy/qwenvoy/e2e/fold"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/sse"
)

var update = flag.Bool("update", false, "write the goldens, to be read before they are committed")

// A recording is what a vLLM 0.32 said, and the message or events that become of it. Its
// file is folded (package fold).
type recording struct {
	file, name       string
	comment          string
	upstream, golden string
	whole            bool
	stops            []string
	limit            int
	thinking         bool
}

func recordings(t testing.TB) (all []recording) {
	t.Helper()
	files, err := filepath.Glob("testdata/recordings/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings: ", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := recording{file: file, name: strings.TrimSuffix(filepath.Base(file), ".txtar"), comment: string(a.Comment), thinking: true}
		for line := range strings.Lines(r.comment) {
			line = strings.TrimSuffix(line, "\n")
			if s, ok := strings.CutPrefix(line, "stops: "); ok {
				r.stops = []string{s}
			}
			if s, ok := strings.CutPrefix(line, "limit: "); ok {
				if r.limit, err = strconv.Atoi(s); err != nil {
					t.Fatal(err)
				}
			}
			if line == "thinking: off" {
				r.thinking = false
			}
		}
		for _, f := range a.Files {
			switch f.Name {
			case "upstream":
				r.upstream = fold.Out(string(f.Data))
			default:
				r.golden = fold.Out(string(f.Data))
			}
		}
		r.whole = strings.HasPrefix(r.upstream, "{")
		if r.whole {
			r.upstream = strings.TrimSpace(r.upstream)
		}
		all = append(all, r)
	}
	return all
}

func (r *recording) turn() *hub.Turn {
	q := newRequest()
	q.stops = r.stops
	t := replyTurn(q)
	t.Request.Thinking = r.thinking
	t.Request.Limit = r.limit
	return t
}

// play takes an upstream's stream through the dialect in pieces that end at cuts; ended
// says that the upstream's own end was the stream's.
func play(t *hub.Turn, upstream string, cuts ...int) (out []byte, ended bool) {
	var f sse.Framer
	s := Create.Stream(t)
	out = s.Begin(nil)
	events := func() {
		for ev, ok := f.Next(); ok; ev, ok = f.Next() {
			if ended {
				continue
			}
			out, ended = s.Event(out, ev.Other, ev.Data, ev.HasData)
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
	return out, ended
}

func TestRecordings(t *testing.T) {
	for _, r := range recordings(t) {
		t.Run(r.name, func(t *testing.T) {
			var got, section string
			if r.whole {
				out, p := Create.Reply(nil, []byte(r.upstream), r.turn())
				if p != nil {
					t.Fatalf("%+v", p)
				}
				got, section = string(out)+"\n", "message"
			} else {
				out, ended := play(r.turn(), r.upstream)
				if !ended {
					t.Error("the upstream's end did not end it")
				}
				got, section = string(out), "events"
			}
			if *update {
				a := &txtar.Archive{Comment: []byte(r.comment), Files: []txtar.File{{Name: "upstream", Data: []byte(fold.In(r.upstream))}, {Name: section, Data: []byte(fold.In(got))}}}
				if err := os.WriteFile(r.file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(r.golden, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Where the upstream's bytes are cut means nothing.
func TestRecordingsCutAnywhere(t *testing.T) {
	for _, r := range recordings(t) {
		if r.whole {
			continue
		}
		for i := range r.upstream {
			if out, _ := play(r.turn(), r.upstream, i); string(out) != r.golden {
				t.Fatalf("%s cut at byte %d:\n%s", r.name, i, out)
			}
		}
		var every []int
		for i := range r.upstream {
			every = append(every, i)
		}
		if out, _ := play(r.turn(), r.upstream, every...); string(out) != r.golden {
			t.Errorf("%s in single bytes:\n%s", r.name, out)
		}
	}
}

// Wherever the upstream dies, the client gets an error behind whole events, and a whole
// turn once the finish_reason was said.
func TestRecordingsThatEndAnywhere(t *testing.T) {
	for _, r := range recordings(t) {
		if r.whole {
			continue
		}
		for i := range r.upstream {
			upstream := r.upstream[:i]
			want := "error"
			for line := range strings.Lines(upstream) {
				data, _ := strings.CutPrefix(strings.TrimSpace(line), "data: ")
				if strings.Contains(data, `"finish_reason":"`) && json.Valid([]byte(data)) {
					want = "message_stop"
				}
			}
			out, _ := play(r.turn(), upstream)
			if got := lastEvent(t, string(out)); got != want {
				t.Fatalf("%s that ends at byte %d: the last event is %s, want %s", r.name, i, got, want)
			}
		}
	}
}

func lastEvent(t testing.TB, stream string) string {
	t.Helper()
	i := strings.LastIndex(stream, "event: ")
	if i < 0 || !strings.HasSuffix(stream, "\n\n") {
		t.Fatalf("no whole event at the end of %q", stream)
	}
	name, _, _ := strings.Cut(stream[i+len("event: "):], "\n")
	return name
}

// A client that puts a stream together has the message of the reply in one piece.
func TestAnAnswerInOnePieceAsAStream(t *testing.T) {
	for _, r := range recordings(t) {
		if !r.whole {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			turn := r.turn()
			turn.Request.Streamed = true
			out, p := Create.Reply(nil, []byte(r.upstream), turn)
			if p != nil {
				t.Fatalf("%+v", p)
			}
			v, err := decode(r.golden)
			if err != nil {
				t.Fatal(err)
			}
			want := v.(map[string]any)
			got, cut := assemble(t, out)
			if cut { // the message leaves a cut call out
				got["content"] = got["content"].([]any)[:len(got["content"].([]any))-1]
			}
			// A stream's blocks and its last usage have fewer members.
			for _, b := range want["content"].([]any) {
				delete(b.(map[string]any), "citations")
			}
			delete(want["usage"].(map[string]any), "cache_creation")
			delete(want["usage"].(map[string]any), "service_tier")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-whole +stream:\n%s", diff)
			}
		})
	}
}

// decode reads one JSON value and keeps its numbers as they stand.
func decode(text string) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err = d.Decode(&v); err == nil && d.More() {
		err = errors.New("more than one value")
	}
	return v, err
}

func index(t testing.TB, e map[string]any) int {
	t.Helper()
	n, err := e["index"].(json.Number).Int64()
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

// assemble puts a stream's message together; cut says that the input of its last block
// is no JSON.
func assemble(t testing.TB, stream []byte) (message map[string]any, cut bool) {
	t.Helper()
	var f sse.Framer
	f.Feed(stream)
	var content []any
	var input strings.Builder
	for ev, ok := f.Next(); ok; ev, ok = f.Next() {
		v, err := decode(string(ev.Data))
		if err != nil {
			t.Fatalf("%s: %v", ev.Data, err)
		}
		e := v.(map[string]any)
		if e["type"] != string(ev.Name) {
			t.Errorf("%s is named %s", ev.Data, ev.Name)
		}
		switch e["type"] {
		case "message_start":
			message = e["message"].(map[string]any)
		case "content_block_start":
			content = append(content, e["content_block"])
			input.Reset()
		case "content_block_delta":
			b, d := content[index(t, e)].(map[string]any), e["delta"].(map[string]any)
			switch d["type"] {
			case "text_delta":
				b["text"] = b["text"].(string) + d["text"].(string)
			case "thinking_delta":
				b["thinking"] = b["thinking"].(string) + d["thinking"].(string)
			case "signature_delta":
				b["signature"] = b["signature"].(string) + d["signature"].(string)
			case "input_json_delta":
				input.WriteString(d["partial_json"].(string))
			default:
				t.Errorf("%s", ev.Data)
			}
		case "content_block_stop":
			if b := content[index(t, e)].(map[string]any); b["type"] == "tool_use" {
				input, err := decode(input.String())
				cut = err != nil
				b["input"] = input
			}
		case "message_delta":
			for k, v := range e["delta"].(map[string]any) {
				message[k] = v
			}
			message["usage"] = e["usage"]
		}
	}
	message["content"] = content
	return message, cut
}

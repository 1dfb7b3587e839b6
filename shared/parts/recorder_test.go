package parts_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

// recorder is a Writer that writes down what it is asked to write, a line for each call:
//
//	begin
//	open text
//	+Hello
//	close
//	finish
//
// Lines of pieces show logprobs behind the text, closes say what they know of the part.
type recorder struct {
	turn   *hub.Turn
	refuse string // a call of that name is not accepted
	tools  string // the tools that are offered, with blanks around; empty where any is
	faults []string
	open   bool
}

func (r *recorder) line(dst []byte, format string, args ...any) []byte {
	return append(fmt.Appendf(dst, format, args...), '\n')
}

func (r *recorder) Begin(dst []byte) []byte { return r.line(dst, "begin") }

func (r *recorder) Open(dst []byte, p *parts.Part) []byte {
	if r.open {
		r.faults = append(r.faults, "a part was opened inside another")
	}
	r.open = true
	if p.Kind == parts.Call {
		return r.line(dst, "open call %s %s", p.ID, p.Name)
	}
	return r.line(dst, "open %s", [...]string{"reasoning", "text", "refusal"}[p.Kind])
}

func (r *recorder) Delta(dst []byte, p *parts.Part, text, logprobs []byte) []byte {
	if len(text) == 0 || !r.open {
		r.faults = append(r.faults, fmt.Sprintf("a piece %q, open: %v", text, r.open))
	}
	if logprobs != nil && len(logprobs) < len("[]") {
		r.faults = append(r.faults, fmt.Sprintf("logprobs %q", logprobs))
	}
	if len(logprobs) > 0 {
		return r.line(dst, "+%s  %s", text, logprobs)
	}
	return r.line(dst, "+%s", text)
}

func (r *recorder) Close(dst []byte, p *parts.Part) []byte {
	if !r.open {
		r.faults = append(r.faults, "nothing was open to be closed")
	}
	r.open = false
	says := ""
	if p.Empty {
		says += " empty"
	}
	if p.Kind == parts.Call && !p.Object {
		says += " broken"
	}
	if p.Cut {
		says += " cut"
	}
	if p.Last {
		says += " last"
	}
	return r.line(dst, "close%s", says)
}

func (r *recorder) Finish(dst []byte) []byte {
	if r.open {
		r.faults = append(r.faults, "the turn ended inside a part")
	}
	return r.line(dst, "finish %s", r.turn.Reply.Finish)
}

func (r *recorder) Fail(dst []byte, open *parts.Part, p *hub.Problem) []byte {
	if open != nil {
		dst = r.Close(dst, open)
	}
	return r.line(dst, "fail %d %s", p.Status, p.Message)
}

func (r *recorder) Beat(dst []byte, n int) []byte { return r.line(dst, "beat %d", n) }

func (r *recorder) Offered(name []byte) bool {
	return r.tools == "" || strings.Contains(r.tools, " "+string(name)+" ")
}

func (r *recorder) Accept(name []byte) bool { return r.refuse == "" || string(name) != r.refuse }

// newTurn is a turn of a model that thinks, its random numbers counted.
func newTurn() *hub.Turn {
	n := uint64(0)
	return &hub.Turn{
		Settings: &hub.Settings{},
		Edge:     hub.EdgeFacts{Random: func() uint64 { n++; return n * 0x9E3779B97F4A7C15 }, Window: hub.NoWindow},
		Request:  hub.RequestFacts{Model: &catalog.Model{}, Thinking: true, Choices: 1},
	}
}

// chunk is a chunk of a stream around one choice's members.
func chunk(choice string) string {
	return `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"qwen","choices":[{"index":0,` + choice + `}]}`
}

// stream takes chunks through a Stream; `delta:` lines are shorthand for a chunk with that
// delta, `finish:` for one with that reason, `end` is the connection's end, anything else
// is an event's data as it is.
func stream(t *hub.Turn, w *recorder, o parts.Options, script ...string) string {
	w.turn = t
	s := parts.NewStream(t, w, o)
	out := s.Begin(nil)
	for _, step := range script {
		data := step
		if delta, ok := strings.CutPrefix(step, "delta:"); ok {
			data = chunk(`"delta":` + delta + `,"logprobs":null,"finish_reason":null`)
		} else if reason, ok := strings.CutPrefix(step, "finish:"); ok {
			data = chunk(`"delta":{},"finish_reason":"` + reason + `"`)
		}
		if step == "end" {
			return string(s.End(out))
		}
		lent := []byte(data)
		var done bool
		out, done = s.Event(out, nil, lent, true)
		// The next chunk overwrites what was lent.
		copy(lent, bytes.Repeat([]byte{'#'}, len(lent)))
		if done {
			break
		}
	}
	return string(out)
}

func text(s string) string      { return `delta:{"content":"` + s + `"}` }
func reasoning(s string) string { return `delta:{"reasoning":"` + s + `"}` }
func toolCall(members string) string {
	return `delta:{"tool_calls":[` + members + `]}`
}

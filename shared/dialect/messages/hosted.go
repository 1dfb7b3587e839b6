package messages

import (
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// hosted tells in words what a tool on Anthropic's side did in an earlier turn: nothing
// of the kind can be done here, but the conversation rests on it. Kinds that are not
// known are left out: the assistant's turn is an echo, which its client did not choose.
func (r *reader) hosted(kind string, b *block) {
	r.lines = r.lines[:0]
	switch kind {
	case "server_tool_use", "mcp_tool_use":
		name := jsonedit.Inside(b.name)
		if name == nil {
			return
		}
		r.lines = jsonedit.Put(jsonedit.PutBytes(append(r.lines, '['), name), ": ")
		if query := jsonedit.Inside(r.member(b.input, "query")); query != nil {
			r.lines = jsonedit.PutBytes(r.lines, query)
		} else {
			r.lines = jsonedit.AppendEscaped(r.lines, b.input)
		}
		r.lines = append(r.lines, ']')
	case "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result", "bash_code_execution_tool_result",
		"text_editor_code_execution_tool_result", "tool_search_tool_result", "advisor_tool_result", "mcp_tool_result":
		r.gather(b.content)
		if jsonedit.Is(b.isError, jsonedit.True) {
			r.lines = r.failed(r.lines)
		}
	}
	r.joined = false
	r.say(r.lines)
}

// line adds a line.
func (r *reader) line(text []byte) {
	if len(text) == 0 {
		return
	}
	if len(r.lines) > 0 {
		r.lines = jsonedit.Put(r.lines, `\n`)
	}
	r.lines = jsonedit.PutBytes(r.lines, text)
}

// gather adds the lines that a person would read in the results of hosted tools and
// the like. Encrypted texts and ids of files say nothing to a model.
func (r *reader) gather(v []byte) {
	if v == nil {
		return
	}
	s := r.scan(v)
	r.gatherFrom(s, v, 0)
	r.done(s)
}

func (r *reader) gatherFrom(s *jsonedit.Scanner, v []byte, depth int) {
	switch kind := s.Kind(); {
	case kind == jsonedit.String:
		text := jsonedit.Inside(s.Value().Of(v))
		r.line(text)
	case kind == jsonedit.Array && depth < 8:
		for s.BeginArray(); s.NextElement(); {
			r.gatherFrom(s, v, depth+1)
		}
	case kind == jsonedit.Object && depth < 8:
		for s.BeginObject(); s.NextMember(); {
			switch string(s.Key()) {
			case "title", "url", "text", "stdout", "stderr", "content", "lines", "tool_references":
				r.gatherFrom(s, v, depth+1)
			case "source":
				source := s.Value().Of(v)
				if string(jsonedit.Text(r.member(source, "type"))) == "text" {
					text := jsonedit.Inside(r.member(source, "data"))
					r.line(text)
				} else if content := r.member(source, "content"); content != nil && r.depth < 4 {
					r.gather(content)
				}
			case "error_code":
				if code := jsonedit.Inside(s.Literal()); code != nil {
					r.line(jsonedit.PutBytes([]byte("Error: "), code))
				}
			case "return_code":
				if n, ok := integer(s.Literal()); ok && n != 0 {
					r.line(strconv.AppendInt([]byte("Exit code "), int64(n), 10))
				}
			case "tool_name":
				r.referTo(s.Literal())
			default:
				s.Value()
			}
		}
	default:
		s.Value()
	}
}

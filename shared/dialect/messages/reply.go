package messages

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

// Reply implements hub.Dialect. A client that asked for a stream gets one, though the
// upstream answered in one piece.
func (d Dialect) Reply(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	if d.kind == countTokens {
		return appendCount(dst, body)
	}
	r := requestOf(t)
	if r.warming {
		return appendWarmed(dst, body, t, r)
	}
	if t.Request.Streamed {
		w := &events{turn: t, request: r}
		return whole(dst, body, t, w, &w.problem)
	}
	w := &message{turn: t, request: r}
	return whole(dst, body, t, w, &w.problem)
}

// appendWarmed appends the message of a request for none: the prompt was read, and the one
// token that the server had to write is nobody's.
func appendWarmed(dst, body []byte, t *hub.Turn, r *request) ([]byte, *hub.Problem) {
	var v hub.View
	if _, p := hub.ReadReply(body, &v); p != nil {
		return dst, p
	}
	t.Reply.Usage, t.Reply.HasUsage, t.Reply.Finish = v.Usage, v.HasUsage, "length"
	shown := *t
	shown.Reply.Usage.Completion, shown.Reply.Usage.Reasoning = 0, 0
	return appendTail(appendHead(dst, t, r), &shown, "max_tokens"), nil
}

// whole takes a whole reply through w, which says in failed why there is nothing to hand on.
func whole(dst, body []byte, t *hub.Turn, w parts.Writer, failed **hub.Problem) ([]byte, *hub.Problem) {
	out, p := parts.Whole(dst, body, t, w, requestOf(t).options())
	switch {
	case p != nil:
		return out, p
	case t.Need() == nil:
		return out, *failed
	}
	return t.After(out, func(dst []byte) ([]byte, *hub.Problem) { return dst, *failed })
}

// requestOf is what the request left for its reply.
func requestOf(t *hub.Turn) *request {
	r, _ := t.Request.State.(*request)
	if r == nil {
		r = &request{}
	}
	if len(r.id) == 0 {
		r.id = t.AppendID(nil, "msg_")
	}
	return r
}

// appendHead appends a message object up to its content list's bracket. The id is new in
// each exchange: Claude Code takes two turns of one id for one.
func appendHead(dst []byte, t *hub.Turn, r *request) []byte {
	dst = jsonedit.PutBytes(jsonedit.Put(dst, `{"id":"`), r.id)
	dst = jsonedit.Put(dst, `","type":"message","role":"assistant","model":`)
	if len(t.Request.Name) > 0 {
		dst = jsonedit.PutBytes(dst, t.Request.Name)
	} else {
		dst = jsonedit.Put(dst, `""`)
	}
	return jsonedit.Put(dst, `,"content":[`)
}

// appendCall appends a tool_use block without its closing brace, with an empty input.
func appendCall(dst []byte, r *request, p *parts.Part) []byte {
	dst = jsonedit.Put(dst, `{"type":"tool_use","id":`)
	dst = jsonedit.AppendQuoted(dst, p.ID)
	dst = jsonedit.Put(dst, `,"name":`)
	dst = jsonedit.AppendQuoted(dst, p.Name)
	if r.computer && isComputerMember(p.Name) {
		dst = jsonedit.Put(dst, `,"toolset_name":"`+computerToolset+`"`)
	}
	return jsonedit.Put(dst, `,"input":{}`)
}

// appendRaw appends an object that holds arguments which are none; text is the inside of
// a literal.
func appendRaw(dst, text []byte) []byte {
	return jsonedit.Put(jsonedit.PutBytes(jsonedit.Put(dst, `{"_raw_arguments":"`), text), `"}`)
}

// message writes a turn as one message object.
type message struct {
	turn    *hub.Turn
	request *request
	blocks  int // written so far
	called  bool
	// start is where the open block begins, arguments are those of the open call.
	start     int
	arguments []byte
	problem   *hub.Problem
}

// Begin implements parts.Writer.
func (w *message) Begin(dst []byte) []byte { return appendHead(dst, w.turn, w.request) }

// Beat implements parts.Writer.
func (w *message) Beat(dst []byte, _ int) []byte { return dst }

// Offered implements parts.Writer.
func (w *message) Offered(name []byte) bool { return w.request.offers(name) }

// Accept implements parts.Writer.
func (w *message) Accept([]byte) bool { return !w.request.noCalls }

// Open implements parts.Writer.
func (w *message) Open(dst []byte, p *parts.Part) []byte {
	w.start = len(dst)
	if w.blocks > 0 {
		dst = append(dst, ',')
	}
	switch p.Kind {
	case parts.Reasoning:
		return jsonedit.Put(dst, `{"type":"thinking","thinking":"`)
	case parts.Call:
		w.arguments = w.arguments[:0]
		dst = appendCall(dst, w.request, p)
		return dst[:len(dst)-len("{}")] // it follows at Close
	}
	return jsonedit.Put(dst, `{"type":"text","text":"`)
}

// Delta implements parts.Writer.
func (w *message) Delta(dst []byte, p *parts.Part, text, _ []byte) []byte {
	if p.Kind == parts.Call {
		w.arguments = jsonedit.PutBytes(w.arguments, text)
		return dst
	}
	return jsonedit.PutBytes(dst, text)
}

// Close implements parts.Writer.
func (w *message) Close(dst []byte, p *parts.Part) []byte {
	switch p.Kind {
	case parts.Reasoning:
		dst = jsonedit.Put(dst, `","signature":"`+signature+`"}`)
	case parts.Call:
		input, whole := w.input()
		// A call that was cut must not be run, and vLLM makes valid JSON of what there was.
		if p.Cut || !whole && (w.turn.Reply.Finish == "length" || w.turn.Reply.Finish == "content_filter") {
			return dst[:w.start]
		}
		w.called = true
		dst = append(jsonedit.PutBytes(dst, input), '}')
	default:
		dst = jsonedit.Put(dst, `","citations":null}`)
	}
	w.blocks++
	return dst
}

// input is the open call's input; whole says that the arguments were an object, or nothing.
func (w *message) input() (input []byte, whole bool) {
	literal := append(jsonedit.PutBytes([]byte{'"'}, w.arguments), '"')
	plain := jsonedit.AppendUnquoted(nil, literal)
	var s jsonedit.Scanner
	s.Reset(plain)
	kind := s.Kind()
	s.Value()
	switch err := s.Finish(); {
	case kind == jsonedit.Object && err == nil:
		return plain, true
	case firstByte(w.arguments) == 0, kind == jsonedit.Null && err == nil:
		return []byte("{}"), true
	}
	return appendRaw(nil, w.arguments), false
}

// Finish implements parts.Writer.
func (w *message) Finish(dst []byte) []byte {
	if wantsWindow(w.turn) {
		w.turn.AskWindow(func(dst []byte) ([]byte, *hub.Problem) { return w.Finish(dst), nil })
		return dst
	}
	reason := stopReason(w.turn, w.request, w.called)
	if w.blocks == 0 {
		dst = jsonedit.Put(dst, `{"type":"text","text":"","citations":null}`)
	}
	return appendTail(dst, w.turn, reason)
}

// appendTail appends a message object from its content list's closing bracket on.
func appendTail(dst []byte, t *hub.Turn, reason string) []byte {
	dst = jsonedit.Put(dst, `],`)
	if requestOf(t).judged {
		dst = jsonedit.Put(dst, safeguardResults)
	}
	dst = appendStop(dst, t, reason)
	dst = jsonedit.Put(dst, `,"container":null,"usage":`)
	return append(appendUsage(dst, &t.Reply.Usage), '}')
}

// Fail implements parts.Writer.
func (w *message) Fail(dst []byte, _ *parts.Part, p *hub.Problem) []byte {
	w.problem = p
	return dst
}

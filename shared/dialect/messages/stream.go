package messages

import (
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

// Stream implements hub.Dialect.
func (d Dialect) Stream(t *hub.Turn) hub.Stream {
	r := requestOf(t)
	return parts.NewStream(t, &events{turn: t, request: r}, r.options())
}

// events writes a turn as the events of a stream:
//
//	message_start ping (content_block_start content_block_delta* content_block_stop)* message_delta message_stop
//
// with one block open at a time and indexes from 0 without a gap. An error event may
// stand in the place of the rest from anywhere on.
type events struct {
	turn    *hub.Turn
	request *request
	blocks  int  // opened so far
	called  bool // a call was handed on
	// problem is set by Fail.
	problem *hub.Problem

	// Of the open call: held are pieces of its arguments that may not go out yet, first is
	// the first byte of the arguments that is no white space, sent says that something of
	// them has gone out.
	held  []byte
	first byte
	sent  bool
}

func event(dst []byte, name string) []byte {
	dst = jsonedit.Put(jsonedit.Put(dst, "event: "), name)
	return append(jsonedit.Put(jsonedit.Put(dst, "\ndata: {\"type\":\""), name), '"')
}

const end = "}\n\n"

// Begin implements parts.Writer.
func (w *events) Begin(dst []byte) []byte {
	dst = jsonedit.Put(event(dst, "message_start"), `,"message":`)
	dst = appendHead(dst, w.turn, w.request)
	dst = jsonedit.Put(dst, `],"stop_reason":null,"stop_sequence":null,"stop_details":null,"container":null,"usage":`)
	dst = append(appendUsage(dst, &w.turn.Reply.Usage), '}')
	dst = jsonedit.Put(dst, end)
	return w.Beat(dst, 0)
}

// Beat implements parts.Writer.
func (w *events) Beat(dst []byte, _ int) []byte {
	return jsonedit.Put(event(dst, "ping"), end)
}

// Offered implements parts.Writer.
func (w *events) Offered(name []byte) bool { return w.request.offers(name) }

// Accept implements parts.Writer.
func (w *events) Accept([]byte) bool { return !w.request.noCalls }

// Open implements parts.Writer.
func (w *events) Open(dst []byte, p *parts.Part) []byte {
	w.blocks++
	dst = w.block(dst, "content_block_start", p.Index)
	dst = jsonedit.Put(dst, `,"content_block":`)
	switch p.Kind {
	case parts.Reasoning:
		dst = jsonedit.Put(dst, `{"type":"thinking","thinking":"","signature":""}`)
	case parts.Call:
		w.called, w.held, w.first, w.sent = true, w.held[:0], 0, false
		dst = append(appendCall(dst, w.request, p), '}') // {} stands for no input yet
	default:
		dst = jsonedit.Put(dst, `{"type":"text","text":""}`)
	}
	return jsonedit.Put(dst, end)
}

func (w *events) block(dst []byte, name string, index int) []byte {
	return strconv.AppendInt(jsonedit.Put(event(dst, name), `,"index":`), int64(index), 10)
}

// Delta implements parts.Writer.
func (w *events) Delta(dst []byte, p *parts.Part, text, _ []byte) []byte {
	switch p.Kind {
	case parts.Reasoning:
		return w.delta(dst, p, `thinking_delta","thinking`, text, nil)
	case parts.Call:
		return w.arguments(dst, p, text)
	}
	return w.delta(dst, p, `text_delta","text`, text, nil)
}

// delta appends an event with the texts a and b; kind is the delta's type and its member.
func (w *events) delta(dst []byte, p *parts.Part, kind string, a, b []byte) []byte {
	dst = jsonedit.Put(w.block(dst, "content_block_delta", p.Index), `,"delta":{"type":"`)
	dst = jsonedit.Put(jsonedit.Put(dst, kind), `":"`)
	dst = jsonedit.Put(jsonedit.PutBytes(jsonedit.PutBytes(dst, a), b), `"}`)
	return jsonedit.Put(dst, end)
}

const inputDelta = `input_json_delta","partial_json`

// arguments holds back a piece that makes the arguments complete: if the token limit cut
// the call, its client must not be able to run it, and vLLM completes the JSON of a cut
// call. Arguments that are no object are held back whole, to be wrapped in one.
func (w *events) arguments(dst []byte, p *parts.Part, text []byte) []byte {
	if w.first == 0 {
		w.first = firstByte(text)
	}
	if p.Object || w.first != '{' {
		w.held = jsonedit.PutBytes(w.held, text)
		return dst
	}
	dst = w.delta(dst, p, inputDelta, w.held, text)
	w.held, w.sent = w.held[:0], true
	return dst
}

// firstByte is the first one in a literal's inside that is no white space, 0 for none.
func firstByte(text []byte) byte {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ' ':
		case c == '\\' && (text[i+1] == 'n' || text[i+1] == 'r' || text[i+1] == 't'):
			i++
		default:
			return c
		}
	}
	return 0
}

// Close implements parts.Writer.
func (w *events) Close(dst []byte, p *parts.Part) []byte {
	switch p.Kind {
	case parts.Reasoning:
		dst = w.delta(dst, p, `signature_delta","signature`, []byte(signature), nil)
	case parts.Call:
		dst = w.closeCall(dst, p)
	}
	return jsonedit.Put(w.block(dst, "content_block_stop", p.Index), end)
}

func (w *events) closeCall(dst []byte, p *parts.Part) []byte {
	switch {
	case p.Cut && w.sent:
		return dst // what has gone out is the beginning of an object
	case p.Cut:
		return w.delta(dst, p, inputDelta, []byte("{"), nil) // nothing at all would be read as {}
	case p.Object || w.first == '{':
		if len(w.held) > 0 {
			dst = w.delta(dst, p, inputDelta, w.held, nil)
		}
		return dst
	case w.first == 0, string(w.held) == "null":
		return w.delta(dst, p, inputDelta, []byte("{}"), nil)
	}
	return w.delta(dst, p, inputDelta, jsonedit.AppendEscaped(nil, appendRaw(nil, w.held)), nil)
}

// Finish implements parts.Writer.
func (w *events) Finish(dst []byte) []byte {
	if wantsWindow(w.turn) {
		w.turn.AskWindow(func(dst []byte) ([]byte, *hub.Problem) { return w.Finish(dst), nil })
		return dst
	}
	reason := stopReason(w.turn, w.request, w.called)
	if w.blocks == 0 {
		p := parts.Part{Kind: parts.Text}
		dst = w.Close(w.Open(dst, &p), &p)
	}
	return w.tail(dst, reason)
}

// tail ends the stream.
func (w *events) tail(dst []byte, reason string) []byte {
	dst = jsonedit.Put(event(dst, "message_delta"), `,"delta":{`)
	if w.request.judged {
		dst = jsonedit.Put(dst, safeguardResults)
	}
	dst = appendStop(dst, w.turn, reason)
	dst = jsonedit.Put(dst, `,"container":null},"usage":`)
	dst = jsonedit.Put(appendDeltaUsage(dst, &w.turn.Reply.Usage), end)
	return jsonedit.Put(event(dst, "message_stop"), end)
}

// Fail implements parts.Writer. Blocks stay open: closed, a cut one would look whole.
func (w *events) Fail(dst []byte, _ *parts.Part, p *hub.Problem) []byte {
	w.problem = p
	dst = jsonedit.Put(dst, "event: error\ndata: ")
	return jsonedit.Put(appendError(dst, p, w.turn), "\n\n")
}

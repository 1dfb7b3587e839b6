package messages

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

// answerWebSearch answers a request for nothing but a web search, which nobody here can
// make: the search is shown as tried and failed. Claude Code hands that to its model in one
// round; to a 400 it would ask again. query is the user's text.
func answerWebSearch(t *hub.Turn, r *request, query []byte) {
	id := t.AppendID(nil, "srvtoolu_")
	input := jsonedit.AppendQuoted([]byte(`{"query":`), searchQuery(query))
	input = append(input, '}')
	const text = "Web search is not available here."
	call := func(b, input []byte) []byte {
		b = jsonedit.Put(jsonedit.PutBytes(jsonedit.Put(b, `{"type":"server_tool_use","id":"`), id), `","name":"web_search","input":`)
		return append(jsonedit.PutBytes(b, input), '}')
	}
	result := func(b []byte) []byte {
		b = jsonedit.Put(jsonedit.PutBytes(jsonedit.Put(b, `{"type":"web_search_tool_result","tool_use_id":"`), id), `","content":`)
		return jsonedit.Put(b, `{"type":"web_search_tool_result_error","error_code":"unavailable"}}`)
	}
	*t.Request.Answer = hub.Answer{Status: 200, Reason: "web_search"}
	if !t.Request.Streamed {
		b := append(call(appendHead(nil, t, r), input), ',')
		b = jsonedit.Put(result(b), `,{"type":"text","text":"`+text+`","citations":null}`)
		t.Request.Answer.Body = appendTail(b, t, "end_turn")
		return
	}
	t.Request.Answer.ContentType = "text/event-stream; charset=utf-8"
	t.Request.Answer.Header = [][2]string{{"cache-control", "no-cache"}}

	w := &events{turn: t, request: r}
	b := w.Begin(nil)
	p := parts.Part{Kind: parts.Call}
	b = jsonedit.Put(w.block(b, "content_block_start", p.Index), `,"content_block":`)
	b = jsonedit.Put(call(b, []byte("{}")), end)
	b = w.delta(b, &p, inputDelta, jsonedit.AppendEscaped(nil, input), nil)
	b = jsonedit.Put(w.block(b, "content_block_stop", p.Index), end)

	b = jsonedit.Put(w.block(b, "content_block_start", 1), `,"content_block":`)
	b = jsonedit.Put(result(b), end)
	b = jsonedit.Put(w.block(b, "content_block_stop", 1), end)

	p = parts.Part{Kind: parts.Text, Index: 2}
	b = w.Close(w.Delta(w.Open(b, &p), &p, []byte(text), nil), &p)
	t.Request.Answer.Body = w.tail(b, "end_turn")
}

// searchQuery is what a user's text, given as inside of a literal, asks to search for.
func searchQuery(text []byte) []byte {
	text = jsonedit.AppendUnescaped(nil, text)
	text = bytes.TrimPrefix(text, []byte("Perform a web search for the query: "))
	if len(text) > 400 {
		text = bytes.ToValidUTF8(text[:400], nil)
	}
	return text
}

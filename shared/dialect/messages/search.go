package messages

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// answer answers a request for nothing but a web search, which nobody here can make:
// the search is shown as tried and failed. Claude Code hands that to its model in one
// round; to a 400 it would ask again.
func (r *reader) answer() {
	t := r.turn
	a := t.Answer
	*a = hub.Answer{Status: 200, Reason: "web_search"}
	id := t.AppendID(nil, "srvtoolu_")
	input := jsonedit.AppendQuoted([]byte(`{"query":`), searched(r.query))
	input = append(input, '}')
	const (
		said  = "Web search is not available here."
		usage = `"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}`
	)
	message := func(b []byte) []byte {
		b = append(append(append(b, `{"id":"`...), r.q.id...), `","type":"message","role":"assistant","model":`...)
		return append(append(b, t.Name...), `,"content":[`...)
	}
	call := func(b, input []byte) []byte {
		b = append(append(append(b, `{"type":"server_tool_use","id":"`...), id...), `","name":"web_search","input":`...)
		return append(append(b, input...), '}')
	}
	result := func(b []byte) []byte {
		b = append(append(append(b, `{"type":"web_search_tool_result","tool_use_id":"`...), id...), `","content":`...)
		return append(b, `{"type":"web_search_tool_result_error","error_code":"unavailable"}}`...)
	}
	if !t.Streamed {
		b := append(call(message(nil), input), ',')
		b = append(result(b), `,{"type":"text","text":"`+said+`","citations":null}],"stop_reason":"end_turn","stop_sequence":null,`+usage+`}`...)
		a.Body = b
		return
	}
	a.ContentType = "text/event-stream; charset=utf-8"
	a.Header = [][2]string{{"cache-control", "no-cache"}}
	b := append(message([]byte("event: message_start\ndata: {\"type\":\"message_start\",\"message\":")), `],"stop_reason":null,"stop_sequence":null,`+usage+"}}\n\n"...)
	event := func(name, index string) {
		b = append(b, "event: "+name+"\ndata: {\"type\":\""+name+`","index":`+index...)
	}
	end := func() { b = append(b, "}\n\n"...) }

	event("content_block_start", "0")
	b = call(append(b, `,"content_block":`...), []byte("{}"))
	end()
	event("content_block_delta", "0")
	b = jsonedit.AppendQuoted(append(b, `,"delta":{"type":"input_json_delta","partial_json":`...), input)
	b = append(b, '}')
	end()
	event("content_block_stop", "0")
	end()

	event("content_block_start", "1")
	b = result(append(b, `,"content_block":`...))
	end()
	event("content_block_stop", "1")
	end()

	event("content_block_start", "2")
	b = append(b, `,"content_block":{"type":"text","text":""}`...)
	end()
	event("content_block_delta", "2")
	b = append(b, `,"delta":{"type":"text_delta","text":"`+said+`"}`...)
	end()
	event("content_block_stop", "2")
	end()

	b = append(b, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"+usage+"}\n\n"...)
	a.Body = append(b, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"...)
}

// searched is what a user's text, given as inside of a literal, asks to search for.
func searched(text []byte) []byte {
	text = word(append(append([]byte{'"'}, text...), '"'))
	text = bytes.TrimPrefix(text, []byte("Perform a web search for the query: "))
	if len(text) > 400 {
		text = bytes.ToValidUTF8(text[:400], nil)
	}
	return text
}

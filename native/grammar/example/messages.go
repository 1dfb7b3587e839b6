package example

const (
	// MessageStart is how a stream begins: two events.
	MessageStart = `{"type":"message_start","message":{"id":"msg_0123456789abcdefABCD","type":"message","role":"assistant","model":"claude-qwen","content":[],"stop_reason":null,"stop_sequence":null,
	"usage":{"input_tokens":20,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}
{"type":"ping"}`
	counted = `"usage":{"input_tokens":3,"cache_creation_input_tokens":1,"cache_read_input_tokens":16,"output_tokens":9}`
	// MessageStop is the last event.
	MessageStop = `{"type":"message_stop"}`
)

// MessageEnd is how a stream ends that stopped for a reason: two events.
func MessageEnd(reason string) string {
	return `{"type":"message_delta","delta":{"stop_reason":"` + reason + `","stop_sequence":null},` + counted + "}\n" + MessageStop
}

// Messages are good streams of the Messages API.
var Messages = []Stream{
	{Name: "text", Lines: MessageStart + `
{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}
{"type":"ping"}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}}
{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"char_location","cited_text":"Hi","document_index":0,"document_title":null,"start_char_index":0,"end_char_index":2,"file_id":null}}}
{"type":"content_block_stop","index":0}
` + MessageEnd("end_turn")},

	{Name: "thinking, text and two calls", Lines: `{"type":"message_start","message":{"id":"msg_0123456789abcdefABCD","type":"message","role":"assistant","model":"claude-qwen","content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null,"container":null,
	"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens_details":{"thinking_tokens":0},"server_tool_use":null,"service_tier":"standard"}}}
{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}
{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"The "}}
{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"user"}}
{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"qv1"}}
{"type":"content_block_stop","index":0}
{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"","citations":null}}
{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" Let me look."}}
{"type":"content_block_stop","index":1}
{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"chatcmpl-tool-1","name":"Bash","input":{},"caller":{"type":"direct"}}}
{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"command\":"}}
{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\"ls\"}"}}
{"type":"content_block_stop","index":2}
{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_2","name":"Read","input":{}}}
{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{}"}}
{"type":"content_block_stop","index":3}
{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null,"stop_details":null,"container":null},"usage":{"input_tokens":3,"cache_creation_input_tokens":1,"cache_read_input_tokens":16,"output_tokens":9,"output_tokens_details":{"thinking_tokens":4},"server_tool_use":null}}
` + MessageStop},

	{Name: "a cut call behind a whole one", Lines: MessageStart + `
{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"Read","input":{}}}
{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}
{"type":"content_block_stop","index":0}
{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_2","name":"Read","input":{}}}
{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{"}}
{"type":"content_block_stop","index":1}
` + MessageEnd("max_tokens")},

	{Name: "nothing said, a stop sequence", Lines: MessageStart + `
{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
{"type":"content_block_stop","index":0}
{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"END"},` + counted + `}
` + MessageStop},

	{Name: "refused", Lines: MessageStart + `
{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"I"}}
{"type":"content_block_stop","index":0}
{"type":"message_delta","delta":{"stop_reason":"refusal","stop_sequence":null,"stop_details":{"type":"refusal","category":null,"explanation":null}},` + counted + `}
` + MessageStop},

	{Name: "a search that nobody runs", Lines: MessageStart + `
{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}}
{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"query\":\"x\"}"}}
{"type":"content_block_stop","index":0}
{"type":"content_block_start","index":1,"content_block":{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":{"type":"web_search_tool_result_error","error_code":"unavailable"}}}
{"type":"content_block_stop","index":1}
{"type":"content_block_start","index":2,"content_block":{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result","title":"t","url":"https://a","encrypted_content":"x","page_age":null}]}}
{"type":"content_block_stop","index":2}
` + MessageEnd("end_turn")},

	{Name: "an error within a block", Lines: MessageStart + `
{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"Read","input":{}}}
{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}
{"type":"content_block_stop","index":0}
{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"I"}}
{"type":"error","error":{"type":"overloaded_error","message":"The model server is full."},"request_id":"req_1"}`},
}

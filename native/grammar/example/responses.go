package example

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

const base = `{"id":"resp_0123456789abcdef01234567","object":"response","created_at":1764000000,"completed_at":null,
	"status":"in_progress","error":null,"incomplete_details":null,"instructions":"Be brief.","model":"qwen3.5-thinking-coding",
	"output":[],"previous_response_id":null,
	"tools":[{"type":"function","name":"get_weather","description":null,"parameters":{"type":"object","properties":{}},"strict":null},{"type":"web_search"}],
	"tool_choice":"auto","parallel_tool_calls":true,"temperature":0.6,"top_p":1,"presence_penalty":0,"frequency_penalty":0,
	"top_logprobs":0,"text":{"format":{"type":"text"}},"reasoning":{"effort":"medium","summary":null},"truncation":"disabled",
	"max_output_tokens":null,"max_tool_calls":null,"store":false,"background":false,"service_tier":"default",
	"metadata":{"team":"a"},"safety_identifier":null,"prompt_cache_key":"k","usage":null}`

// Usage is a member of a response object.
const Usage = `"usage":{"input_tokens":20,"input_tokens_details":{"cached_tokens":16,"cache_write_tokens":0},
	"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":29}`

// Response is a response object: a running one, with these members instead of its own,
// each as `"key":value`.
func Response(members ...string) string {
	object, other := map[string]any{}, map[string]any{}
	for _, m := range []string{base, "{" + strings.Join(members, ",") + "}"} {
		d := json.NewDecoder(strings.NewReader(m))
		d.UseNumber()
		if err := d.Decode(&other); err != nil {
			panic(fmt.Sprint(err, m))
		}
		maps.Copy(object, other)
		clear(other)
	}
	return JSON(object)
}

func begin(members ...string) string {
	return `{"type":"response.created","response":` + Response(members...) + "}\n" +
		`{"type":"response.in_progress","response":` + Response(members...) + "}\n"
}

// End is a terminal event, as response.completed. It has members as Response takes them.
func End(status string, members ...string) string {
	members = append(members, `"status":"`+status+`"`)
	switch status {
	case "completed":
		members = append(members, `"completed_at":1764000002`)
	case "incomplete":
		members = append(members, `"incomplete_details":{"reason":"max_output_tokens"}`)
	case "failed":
		members = append(members, `"error":{"code":"server_error","message":"The model server closed the connection."}`)
	}
	return `{"type":"response.` + status + `","response":` + Response(members...) + "}\n"
}

// Responses are good streams of the Responses API, without their sequence numbers, which
// Events gives them.
var Responses = []Stream{
	{Name: "text", Lines: begin() + `
{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"msg_1","status":"in_progress","role":"assistant","content":[],"phase":"commentary"}}
{"type":"response.content_part.added","item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}
{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hel","logprobs":[{"token":"Hel","logprob":-0.5,"bytes":[72,101,108],"top_logprobs":[{"token":"Hi","logprob":-1.5,"bytes":[72,105]}]}]}
{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"lo \ud83d\ude00","logprobs":[]}
{"type":"response.output_text.done","item_id":"msg_1","output_index":0,"content_index":0,"text":"Hello \ud83d\ude00","logprobs":[{"token":"Hel","logprob":-0.5,"bytes":[72,101,108],"top_logprobs":[{"token":"Hi","logprob":-1.5,"bytes":[72,105]}]}]}
{"type":"response.content_part.done","item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"Hello \ud83d\ude00","annotations":[],"logprobs":[{"token":"Hel","logprob":-0.5,"bytes":[72,101,108],"top_logprobs":[{"token":"Hi","logprob":-1.5,"bytes":[72,105]}]}]}}
{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"msg_1","status":"completed","role":"assistant","phase":"commentary","content":[{"type":"output_text","text":"Hello \ud83d\ude00","annotations":[],"logprobs":[{"token":"Hel","logprob":-0.5,"bytes":[72,101,108],"top_logprobs":[{"token":"Hi","logprob":-1.5,"bytes":[72,105]}]}]}]}}
` + End("completed", Usage, `"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","phase":"commentary","content":[{"type":"output_text","text":"Hello \ud83d\ude00","annotations":[],"logprobs":[{"token":"Hel","logprob":-0.5,"bytes":[72,101,108],"top_logprobs":[{"token":"Hi","logprob":-1.5,"bytes":[72,105]}]}]}]}]`)},

	{Name: "thinking, text and calls", Lines: begin() + `
{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[],"content":[],"status":"in_progress"}}
{"type":"response.content_part.added","item_id":"rs_1","output_index":0,"content_index":0,"part":{"type":"reasoning_text","text":""}}
{"type":"response.reasoning_text.delta","item_id":"rs_1","output_index":0,"content_index":0,"delta":"The "}
{"type":"response.reasoning_text.delta","item_id":"rs_1","output_index":0,"content_index":0,"delta":"user\n"}
{"type":"response.reasoning_text.done","item_id":"rs_1","output_index":0,"content_index":0,"text":"The user\n"}
{"type":"response.content_part.done","item_id":"rs_1","output_index":0,"content_index":0,"part":{"type":"reasoning_text","text":"The user\n"}}
{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"The user\n"}],"encrypted_content":"qv1.x","status":"completed"}}
{"type":"response.output_item.added","output_index":1,"item":{"type":"message","id":"msg_1","status":"in_progress","role":"assistant","content":[]}}
{"type":"response.content_part.added","item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}
{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"Let me look.","logprobs":[]}
{"type":"response.output_text.done","item_id":"msg_1","output_index":1,"content_index":0,"text":"Let me look.","logprobs":[]}
{"type":"response.content_part.done","item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":"Let me look.","annotations":[]}}
{"type":"response.output_item.done","output_index":1,"item":{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Let me look.","annotations":[]}]}}
{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"get_weather","namespace":"sky","arguments":"","status":"in_progress"}}
{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":"{\"city\":"}
{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":"\"Oslo\"}"}
{"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":2,"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}
{"type":"response.output_item.done","output_index":2,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"get_weather","namespace":"sky","arguments":"{\"city\":\"Oslo\"}","status":"completed"}}
{"type":"response.output_item.added","output_index":3,"item":{"type":"custom_tool_call","id":"ctc_1","call_id":"call_2","name":"apply_patch","input":"","status":"in_progress"}}
{"type":"response.custom_tool_call_input.delta","item_id":"ctc_1","output_index":3,"delta":"*** Begin"}
{"type":"response.custom_tool_call_input.delta","item_id":"ctc_1","output_index":3,"delta":" Patch"}
{"type":"response.custom_tool_call_input.done","item_id":"ctc_1","output_index":3,"input":"*** Begin Patch"}
{"type":"response.output_item.done","output_index":3,"item":{"type":"custom_tool_call","id":"ctc_1","call_id":"call_2","name":"apply_patch","input":"*** Begin Patch","status":"completed"}}
` + End("completed", Usage, `"output":[{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"The user\n"}],"encrypted_content":"qv1.x","status":"completed"},
	{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Let me look.","annotations":[]}]},
	{"type":"function_call","id":"fc_1","call_id":"call_1","name":"get_weather","namespace":"sky","arguments":"{\"city\":\"Oslo\"}","status":"completed"},
	{"type":"custom_tool_call","id":"ctc_1","call_id":"call_2","name":"apply_patch","input":"*** Begin Patch","status":"completed"}]`)},

	{Name: "summary and items without a body", Lines: begin(`"reasoning":{"effort":"high","summary":"auto"}`) + `
{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[],"status":"in_progress"}}
{"type":"response.reasoning_summary_part.added","item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}
{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"Look"}
{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"ing"}
{"type":"response.reasoning_summary_text.done","item_id":"rs_1","output_index":0,"summary_index":0,"text":"Looking"}
{"type":"response.reasoning_summary_part.done","item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"Looking"}}
{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Looking"}],"status":"completed"}}
{"type":"response.output_item.added","output_index":1,"item":{"type":"tool_search_call","id":"tsc_1","call_id":"call_1","execution":"client","arguments":{},"status":"in_progress"}}
{"type":"response.output_item.done","output_index":1,"item":{"type":"tool_search_call","id":"tsc_1","call_id":"call_1","execution":"client","arguments":{"query":"mail"},"status":"completed"}}
{"type":"response.output_item.added","output_index":2,"item":{"type":"shell_call","id":"sh_1","call_id":"call_2","action":{"commands":["ls"],"timeout_ms":null,"max_output_length":100},"environment":null,"status":"in_progress"}}
{"type":"response.output_item.done","output_index":2,"item":{"type":"shell_call","id":"sh_1","call_id":"call_2","action":{"commands":["ls"],"timeout_ms":null,"max_output_length":100},"environment":null,"status":"completed"}}
{"type":"response.output_item.added","output_index":3,"item":{"type":"local_shell_call","id":"lsh_1","call_id":"call_3","action":{"type":"exec","command":["ls","-l"],"env":{"A":"b"}},"status":"in_progress"}}
{"type":"response.output_item.done","output_index":3,"item":{"type":"local_shell_call","id":"lsh_1","call_id":"call_3","action":{"type":"exec","command":["ls","-l"],"env":{"A":"b"}},"status":"completed"}}
{"type":"response.output_item.added","output_index":4,"item":{"type":"apply_patch_call","id":"apc_1","call_id":"call_4","operation":{"type":"update_file","path":"a.go","diff":""},"status":"in_progress"}}
{"type":"response.output_item.done","output_index":4,"item":{"type":"apply_patch_call","id":"apc_1","call_id":"call_4","operation":{"type":"update_file","path":"a.go","diff":"-a\n+b"},"status":"completed"}}
{"type":"response.output_item.added","output_index":5,"item":{"type":"compaction","id":"cmp_1","encrypted_content":""}}
{"type":"response.output_item.done","output_index":5,"item":{"type":"compaction","id":"cmp_1","encrypted_content":"qv1.y"}}
` + End("completed", Usage, `"reasoning":{"effort":"high","summary":"auto"}`, `"output":[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Looking"}],"status":"completed"},
	{"type":"tool_search_call","id":"tsc_1","call_id":"call_1","execution":"client","arguments":{"query":"mail"},"status":"completed"},
	{"type":"shell_call","id":"sh_1","call_id":"call_2","action":{"commands":["ls"],"timeout_ms":null,"max_output_length":100},"environment":null,"status":"completed"},
	{"type":"local_shell_call","id":"lsh_1","call_id":"call_3","action":{"type":"exec","command":["ls","-l"],"env":{"A":"b"}},"status":"completed"},
	{"type":"apply_patch_call","id":"apc_1","call_id":"call_4","operation":{"type":"update_file","path":"a.go","diff":"-a\n+b"},"status":"completed"},
	{"type":"compaction","id":"cmp_1","encrypted_content":"qv1.y"}]`)},

	{Name: "two parts, one a refusal", Lines: begin(`"tools":[]`, `"tool_choice":{"type":"function","name":"f"}`,
		`"text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true},"verbosity":"low"}`) + `
{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"msg_1","status":"in_progress","role":"assistant","content":[]}}
{"type":"response.content_part.added","item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}
{"type":"response.output_text.done","item_id":"msg_1","output_index":0,"content_index":0,"text":"","logprobs":[]}
{"type":"response.content_part.done","item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}
{"type":"response.content_part.added","item_id":"msg_1","output_index":0,"content_index":1,"part":{"type":"refusal","refusal":""}}
{"type":"response.refusal.delta","item_id":"msg_1","output_index":0,"content_index":1,"delta":"No"}
{"type":"response.refusal.delta","item_id":"msg_1","output_index":0,"content_index":1,"delta":"."}
{"type":"response.refusal.done","item_id":"msg_1","output_index":0,"content_index":1,"refusal":"No."}
{"type":"response.content_part.done","item_id":"msg_1","output_index":0,"content_index":1,"part":{"type":"refusal","refusal":"No."}}
{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"","annotations":[]},{"type":"refusal","refusal":"No."}]}}
` + End("completed", `"tools":[]`, `"tool_choice":{"type":"function","name":"f"}`,
		`"text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true},"verbosity":"low"}`,
		`"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"","annotations":[]},{"type":"refusal","refusal":"No."}]}]`)},

	{Name: "a cut call", Lines: begin() + `
{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"","status":"in_progress"}}
{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":0,"delta":"{\"a"}
{"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":0,"name":"f","arguments":"{\"a"}
{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"a","status":"incomplete"}}
` + End("incomplete", Usage, `"output":[{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"a","status":"incomplete"}]`)},

	{Name: "failed within an item, which stays open", Lines: begin() + `
{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"msg_1","status":"in_progress","role":"assistant","content":[]}}
{"type":"response.content_part.added","item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}
{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"He","logprobs":[]}
` + End("failed")},

	{Name: "failed behind a closed item", Lines: begin() + `
{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[],"content":[],"status":"in_progress"}}
{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[],"content":[],"status":"incomplete"}}
` + End("failed", `"output":[{"type":"reasoning","id":"rs_1","summary":[],"content":[],"status":"incomplete"}]`)},

	{Name: "background, with an empty answer", Keepalive: true, Lines: `
{"type":"response.created","response":` + Response(`"status":"queued"`, `"background":true`, `"store":true`) + `}
{"type":"response.queued","response":` + Response(`"status":"queued"`, `"background":true`, `"store":true`) + `}
{"type":"response.in_progress","response":` + Response(`"background":true`, `"store":true`) + `}
{"type":"keepalive"}
{"type":"response.in_progress","response":` + Response(`"background":true`, `"store":true`) + `}
` + End("completed", `"background":true`, `"store":true`, Usage)},

	{Name: "the events of Open Responses", OpenResponses: true, Lines: begin() + `
{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[],"content":[],"status":"in_progress"}}
{"type":"response.content_part.added","item_id":"rs_1","output_index":0,"content_index":0,"part":{"type":"reasoning_text","text":""}}
{"type":"response.reasoning.delta","item_id":"rs_1","output_index":0,"content_index":0,"delta":"Hm"}
{"type":"response.reasoning.done","item_id":"rs_1","output_index":0,"content_index":0,"text":"Hm"}
{"type":"response.content_part.done","item_id":"rs_1","output_index":0,"content_index":0,"part":{"type":"reasoning_text","text":"Hm"}}
{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"Hm"}],"status":"completed"}}
` + End("completed", `"output":[{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"Hm"}],"status":"completed"}]`)},
}

package example

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

const base = `{"id":"resp_0123456789abcdef01234567","object":"response","created_at":1764000000,"completed_at":null,
	"status":"in_progress","error":null,"incomplete_details":null,"instructions":"Be brief.","model":"qwen3.5-thinking-coding",
	"output":[],"previous_response_id":null,
	"tools":[{"type":"function","name":"get_weather","description":null,"parameters":{"type":"object","properties":{}},"strict":null},
		{"type":"web_search"}],
	"tool_choice":"auto","parallel_tool_calls":true,"temperature":0.6,"top_p":1,"presence_penalty":0,"frequency_penalty":0,
	"top_logprobs":0,"text":{"format":{"type":"text"}},"reasoning":{"effort":"medium","summary":null},"truncation":"disabled",
	"max_output_tokens":null,"max_tool_calls":null,"store":false,"background":false,"service_tier":"default",
	"metadata":{"team":"a"},"safety_identifier":null,"prompt_cache_key":"k","usage":null}`

// Usage is a member of a response object.
const Usage = `"usage":{"input_tokens":20,"input_tokens_details":{"cached_tokens":16,"cache_write_tokens":0},` +
	`"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":29}`

// Response is a response object: a running one, with these members instead of its own,
// each as `"key":value`.
func Response(members ...string) string { return object(base, members) }

// object is a JSON object with these members instead of its own.
func object(base string, members []string) string {
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

// running is an event of a response that hasn't ended.
func running(event string, members ...string) string {
	return `{"type":"response.` + event + `","response":` + Response(members...) + "}\n"
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

//go:embed responses.txt
var responsesText string

// Responses are good streams of the Responses API, without their sequence numbers, which
// Events gives them. Among the words of their file, begin stands for two events.
var Responses = read(responsesText, func(word string, members ...string) string {
	switch word {
	case "begin":
		return running("created", members...) + running("in_progress", members...)
	case "created", "queued", "in_progress":
		return running(word, members...)
	}
	return End(word, members...)
})

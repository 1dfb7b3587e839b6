package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

const (
	servedModel  = "Qwen/Qwen3.5-397B-A17B-FP8"
	virtualModel = "qwen3.5-thinking-general"
	chatPath     = "/v1/chat/completions"
)

// A workload is one request, sent again and again. Proxies pass it and the backend
// answers all of them alike; Qwenvoy turns those of other dialects, and their answers.
type workload struct {
	name, title, path string
	body              func() []byte
	stream            bool
	// turned tells whether a reply's body is whole in the path's own dialect; nil for chat.
	turned func(body []byte, stream bool) bool
}

const (
	responsesPath = "/v1/responses"
	messagesPath  = "/v1/messages"
)

var workloads = []workload{
	{name: "chat-3k", title: "chat, 3 KB", path: chatPath, body: func() []byte { return smallChat(false) }},
	{name: "chat-67k", title: "agent chat, 67 KB", path: chatPath, body: func() []byte { return agentChat(730) }},
	{name: "chat-646k", title: "agent chat, 646 KB", path: chatPath, body: func() []byte { return agentChat(29000) }},
	{name: "stream-200", title: "stream of 200 chunks", path: chatPath, body: func() []byte { return smallChat(true) }, stream: true},
	{name: "responses-67k", title: "agent request, Responses, 67 KB", path: responsesPath, body: func() []byte { return agentResponse(730, false) }, turned: wholeResponse},
	{name: "responses-200", title: "stream of 200 chunks, Responses", path: responsesPath, body: func() []byte { return agentResponse(0, true) }, stream: true, turned: wholeResponse},
	{name: "messages-67k", title: "agent request, Messages, 67 KB", path: messagesPath, body: func() []byte { return agentMessages(730, false) }, turned: wholeMessage},
	{name: "messages-200", title: "stream of 200 chunks, Messages", path: messagesPath, body: func() []byte { return agentMessages(0, true) }, stream: true, turned: wholeMessage},
}

type (
	object = map[string]any
	list   = []any
)

const prose = "The build reads every file under the source folder, keeps what changed, and writes a \"report\" with line numbers.\n\tSee docs/guide.md for the rules — naïve paths fail. "

func text(n int) string { return strings.Repeat(prose, n/len(prose)+1)[:n] }

func encode(v object) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps and strings of our own
	}
	return b
}

// smallChat is a question of 3 KB.
func smallChat(stream bool) []byte {
	v := object{
		"model": virtualModel, "stream": stream, "max_tokens": 512,
		"messages": list{object{"role": "system", "content": text(600)}, object{"role": "user", "content": text(2300)}},
	}
	if stream {
		v["stream_options"] = object{"include_usage": true}
	}
	return encode(v)
}

// agentChat is a coding agent's turn: a long system prompt, 18 tools, and 20 turns of
// a tool call and its result of so many bytes.
func agentChat(result int) []byte {
	var offered list
	for i := range agentTools {
		offered = append(offered, object{"type": "function", "function": object{"name": fmt.Sprintf("tool_%02d", i), "description": text(400), "parameters": schema()}})
	}
	messages := list{object{"role": "system", "content": text(14000)}, object{"role": "user", "content": "Fix the failing test."}}
	for i := range agentTurns {
		id := fmt.Sprintf("call_%04d", i)
		call := object{"id": id, "type": "function", "function": object{"name": fmt.Sprintf("tool_%02d", i%agentTools), "arguments": arguments(i)}}
		messages = append(messages,
			object{"role": "assistant", "content": "Looking at it.", "reasoning": text(150), "tool_calls": list{call}},
			object{"role": "tool", "tool_call_id": id, "content": text(result)})
	}
	return encode(object{"model": virtualModel, "stream": false, "max_tokens": 4096, "messages": messages, "tools": offered})
}

// agentResponse is agentChat as a request of the Responses API; without results, a
// question of 3 KB.
func agentResponse(result int, stream bool) []byte {
	v := object{"model": virtualModel, "stream": stream, "store": false, "max_output_tokens": 4096, "instructions": text(500), "include": list{"reasoning.encrypted_content"}}
	input := list{message("user", "input_text", text(2300))}
	if result > 0 {
		v["instructions"] = text(14000)
		input = list{message("user", "input_text", "Fix the failing test.")}
		var offered list
		for i := range agentTools {
			offered = append(offered, object{"type": "function", "name": fmt.Sprintf("tool_%02d", i), "description": text(400), "parameters": schema(), "strict": false})
		}
		v["tools"] = offered
		for i := range agentTurns {
			id := fmt.Sprintf("call_%04d", i)
			input = append(input,
				object{"type": "reasoning", "id": fmt.Sprintf("rs_%04d", i), "summary": list{}, "content": list{object{"type": "reasoning_text", "text": text(150)}}},
				message("assistant", "output_text", "Looking at it."),
				object{"type": "function_call", "call_id": id, "name": fmt.Sprintf("tool_%02d", i%agentTools), "arguments": arguments(i)},
				object{"type": "function_call_output", "call_id": id, "output": text(result)})
		}
	}
	v["input"] = input
	return encode(v)
}

func message(role, part, s string) object {
	return object{"type": "message", "role": role, "content": list{object{"type": part, "text": s}}}
}

// agentMessages is agentChat as a request of the Messages API; without results, a
// question of 3 KB.
func agentMessages(result int, stream bool) []byte {
	v := object{"model": virtualModel, "stream": stream, "max_tokens": 4096, "system": list{object{"type": "text", "text": text(600)}}}
	messages := list{object{"role": "user", "content": text(2300)}}
	if result > 0 {
		v["system"] = list{object{"type": "text", "text": text(14000), "cache_control": object{"type": "ephemeral"}}}
		messages = list{object{"role": "user", "content": "Fix the failing test."}}
		var offered list
		for i := range agentTools {
			offered = append(offered, object{"name": fmt.Sprintf("tool_%02d", i), "description": text(400), "input_schema": schema()})
		}
		v["tools"] = offered
		for i := range agentTurns {
			id := fmt.Sprintf("toolu_%04d", i)
			messages = append(messages,
				object{"role": "assistant", "content": list{
					object{"type": "thinking", "thinking": text(150), "signature": ""},
					object{"type": "text", "text": "Looking at it."},
					object{"type": "tool_use", "id": id, "name": fmt.Sprintf("tool_%02d", i%agentTools), "input": json.RawMessage(arguments(i))}}},
				object{"role": "user", "content": list{object{"type": "tool_result", "tool_use_id": id, "content": list{object{"type": "text", "text": text(result)}}}}})
		}
	}
	v["messages"] = messages
	return encode(v)
}

const agentTools, agentTurns = 18, 20

func arguments(i int) string {
	return string(encode(object{"field_0": "value", "items": list{object{"path": "pkg/file.go", "line": i}}}))
}

func schema() object {
	properties := object{}
	for i := range 6 {
		properties[fmt.Sprintf("field_%d", i)] = object{"type": []string{"string", "integer", "boolean"}[i%3], "description": text(90)}
	}
	properties["items"] = object{"type": "array", "items": object{"type": "object", "required": list{"path"},
		"properties": object{"path": object{"type": "string"}, "line": object{"type": "integer"}}}}
	return object{"type": "object", "properties": properties, "required": list{"field_0", "items"}, "additionalProperties": false, "$schema": "http://json-schema.org/draft-07/schema#"}
}

// wholeAnswer tells whether a reply's body is the backend's, to its end, with the
// model's name that this gateway's clients must see.
func wholeAnswer(body []byte, stream bool, model string) bool {
	name := []byte(`"model":"` + model + `"`)
	if !stream {
		return bytes.HasPrefix(body, []byte("{")) && bytes.HasSuffix(body, []byte("}")) &&
			bytes.Contains(body, name) && bytes.Contains(body, []byte(answerEnd))
	}
	return bytes.HasSuffix(body, []byte("data: [DONE]\n\n")) &&
		bytes.Count(body, []byte("data: ")) == streamChunks+extraEvents &&
		bytes.Count(body, name) == streamChunks+extraEvents-1
}

// streamEnd ends the text of a stream.
const streamEnd = " and on."

func wholeResponse(body []byte, stream bool) bool {
	total := []byte(`"total_tokens":211`)
	if !stream {
		return bytes.HasPrefix(body, []byte(`{"id":"resp_`)) && bytes.HasSuffix(body, []byte("}")) && bytes.Contains(body, []byte(`"status":"completed"`)) && bytes.Contains(body, total)
	}
	at := bytes.LastIndex(body, []byte("event: response.completed\n"))
	return at > 0 && bytes.HasSuffix(body, []byte("}\n\n")) && bytes.Contains(body[at:], total) && bytes.Contains(body[at:], []byte(streamEnd)) &&
		bytes.Count(body, []byte("event: response.output_text.delta\n")) == streamChunks
}

func wholeMessage(body []byte, stream bool) bool {
	total := []byte(`"output_tokens":200`)
	if !stream {
		return bytes.HasPrefix(body, []byte(`{"id":"msg_`)) && bytes.HasSuffix(body, []byte("}")) && bytes.Contains(body, []byte(`"stop_reason":"end_turn"`)) && bytes.Contains(body, total)
	}
	return bytes.HasSuffix(body, []byte("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")) && bytes.Contains(body, total) &&
		bytes.Count(body, []byte(`"type":"text_delta"`)) == streamChunks
}

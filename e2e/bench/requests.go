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

// A workload is one request, sent again and again.
type workload struct {
	name, title string
	body        func() []byte
	stream      bool
}

var workloads = []workload{
	{name: "chat-3k", title: "chat, 3 KB", body: func() []byte { return smallChat(false) }},
	{name: "chat-67k", title: "agent chat, 67 KB", body: func() []byte { return agentChat(730) }},
	{name: "chat-646k", title: "agent chat, 646 KB", body: func() []byte { return agentChat(29000) }},
	{name: "stream-200", title: "stream of 200 chunks", body: func() []byte { return smallChat(true) }, stream: true},
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
	const tools, turns = 18, 20
	var offered list
	for i := range tools {
		offered = append(offered, object{"type": "function", "function": object{"name": fmt.Sprintf("tool_%02d", i), "description": text(400), "parameters": schema()}})
	}
	messages := list{object{"role": "system", "content": text(14000)}, object{"role": "user", "content": "Fix the failing test."}}
	for i := range turns {
		id := fmt.Sprintf("call_%04d", i)
		arguments := encode(object{"field_0": "value", "items": list{object{"path": "pkg/file.go", "line": i}}})
		call := object{"id": id, "type": "function", "function": object{"name": fmt.Sprintf("tool_%02d", i%tools), "arguments": string(arguments)}}
		messages = append(messages,
			object{"role": "assistant", "content": "Looking at it.", "reasoning": text(150), "tool_calls": list{call}},
			object{"role": "tool", "tool_call_id": id, "content": text(result)})
	}
	return encode(object{"model": virtualModel, "stream": false, "max_tokens": 4096, "messages": messages, "tools": offered})
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

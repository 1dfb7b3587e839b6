package example

import (
	_ "embed"
	"strings"
)

// foreignBase is a response as OpenAI's server echoes one: with fields that no schema
// has, without some that ours has, and null where the request said nothing.
const foreignBase = `{"id":"resp_0123456789abcdef01234567890123456789","object":"response","created_at":1764000000,` +
	`"status":"in_progress","background":false,"error":null,"incomplete_details":null,"instructions":null,` +
	`"max_output_tokens":null,"max_tool_calls":null,"model":"gpt-x-2026-01-01","output":[],"parallel_tool_calls":true,` +
	`"previous_response_id":null,"prompt_cache_key":null,"reasoning":{"effort":"high","summary":"detailed","context":null},` +
	`"safety_identifier":null,"service_tier":"auto","store":true,"temperature":null,` +
	`"text":{"format":{"type":"text"},"verbosity":null},"tool_choice":"auto",` +
	`"tools":[{"type":"function","name":"f","parameters":{},"strict":true},{"type":"mcp","server_label":"s","headers":null}],` +
	`"top_logprobs":null,"top_p":null,"truncation":null,"usage":null,"user":null,"metadata":null}`

// foreignUsage is a usage of a server that doesn't count what it writes into its cache.
const foreignUsage = `"usage":{"input_tokens":20,"input_tokens_details":{"cached_tokens":0},` +
	`"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":29}`

var (
	//go:embed openai.txt
	openaiText string
	//go:embed anthropic.txt
	anthropicText string
)

// OpenAI are streams as OpenAI's server sends them, written by the types of its SDK:
// good ones, though the gateway would send none of them.
var OpenAI = read(strings.ReplaceAll(openaiText, "$counts", foreignUsage), func(word string, members ...string) string {
	event := func(name string, more ...string) string {
		return `{"type":"response.` + name + `","response":` + object(foreignBase, append(more, members...)) + "}\n"
	}
	if word == "begin" {
		return event("created") + event("in_progress")
	}
	return event(word, `"status":"`+word+`"`)
})

// Anthropic are streams as Anthropic's server sends them, likewise.
var Anthropic = read(anthropicText, nil)

package messages

import (
	"regexp"

	"github.com/qwenvoy/qwenvoy/native/grammar"
)

// Short names, as the tables below are all of them.
var (
	object   = grammar.Object
	array    = grammar.Array
	required = grammar.Required
	expected = grammar.Expected
	optional = grammar.Optional
	nullable = grammar.Nullable
	oneOf    = grammar.OneOf
)

// Stop reasons. pause_turn is not among them: clients would send the turn again.
const (
	endTurn       = "end_turn"
	maxTokens     = "max_tokens"
	windowIsFull  = "model_context_window_exceeded"
	stopSequence  = "stop_sequence"
	toolUse       = "tool_use"
	refusal       = "refusal"
	serverToolUse = "server_tool_use" // a type of block only
)

var stopReasonShape = oneOf(endTurn, maxTokens, windowIsFull, stopSequence, toolUse, refusal)

// cut says whether a stop reason means that the answer was cut off.
func cut(reason string) bool { return reason == maxTokens || reason == windowIsFull }

// pattern is a string of a certain form.
func pattern(expression, what string) grammar.Rule {
	compiled := regexp.MustCompile(expression)
	return grammar.Usual(grammar.Word, what, func(v any) bool { s, ok := v.(string); return ok && compiled.MatchString(s) })
}

var (
	messageIDShape = pattern(`^msg_[0-9A-Za-z]{20,}$`, `"msg_" and at least 20 letters and digits`)
	toolIDShape    = pattern(`^[0-9A-Za-z_-]+$`, "letters, digits, _ and -")
)

// counts are the four counts that every usage of ours has. Anthropic's API gives null for
// those that it doesn't count, and none of the input at a stream's end; some clients
// break on that.
var counts = []grammar.Field{
	expected("input_tokens", grammar.Count),
	expected("cache_creation_input_tokens", grammar.Count),
	expected("cache_read_input_tokens", grammar.Count),
	required("output_tokens", grammar.Count),
}

var (
	cacheCreationShape = object(
		required("ephemeral_5m_input_tokens", grammar.Count),
		required("ephemeral_1h_input_tokens", grammar.Count))
	outputDetailsShape = object(required("thinking_tokens", grammar.Count))
	serverToolsShape   = nullable(object(required("web_search_requests", grammar.Count)))
	serviceTierShape   = oneOf("standard", "priority", "batch")

	// usageShape is that of the events: four counts, more may come.
	usageShape = object(append(counts[:4:4],
		optional("cache_creation", cacheCreationShape),
		optional("output_tokens_details", outputDetailsShape),
		optional("server_tool_use", serverToolsShape),
		optional("service_tier", serviceTierShape))...)
	// wholeUsageShape is that of a whole message.
	wholeUsageShape = object(append(counts[:4:4],
		expected("cache_creation", cacheCreationShape),
		expected("output_tokens_details", outputDetailsShape),
		expected("server_tool_use", serverToolsShape),
		expected("service_tier", serviceTierShape))...)
)

var stopDetailsShape = object(
	required("type", oneOf("refusal")),
	expected("category", nullable(grammar.Text)),
	expected("explanation", nullable(grammar.Text)),
)

// exactly is one certain string.
func exactly(s string) grammar.Rule {
	return func(path string, v any, report grammar.Report) {
		if v != s {
			report.Fault("%s is %s; must be %q", path, grammar.Describe(v), s)
		}
	}
}

// callerShape: other callers than the model run at Anthropic.
var callerShape = optional("caller", object(required("type", oneOf("direct"))))

// blockStarts are the blocks as content_block_start has them: empty, their text and
// input come in deltas. Clients lose what stands there already.
var blockStarts = map[string]grammar.Rule{
	"text": object(
		required("text", exactly("")),
		optional("citations", nullable(grammar.Empty))),
	"thinking": object(
		required("thinking", exactly("")),
		expected("signature", exactly(""))),
	toolUse: object(
		required("id", toolIDShape),
		required("name", grammar.Word),
		required("input", grammar.EmptyObject),
		callerShape),
	serverToolUse: object(
		required("id", pattern(`^srvtoolu_[0-9A-Za-z_-]+$`, `"srvtoolu_" and letters, digits, _ and -`)),
		required("name", grammar.Word),
		required("input", grammar.EmptyObject),
		callerShape),
	"web_search_tool_result": searchResultShape,
}

// foreignStarts are blocks of Anthropic's own servers, which the gateway has none of.
// They come whole but for the input of a call and the text of a compaction. What isn't
// here (results of other tools) is told by its type alone.
var foreignStarts = map[string]grammar.Rule{
	"redacted_thinking": object(required("data", grammar.Text)),
	"mcp_tool_use":      object(required("id", grammar.Word), required("name", grammar.Word), required("input", grammar.EmptyObject)),
	"mcp_tool_result":   object(required("tool_use_id", grammar.Word), required("content", grammar.Any)),
	"compaction":        object(),
	"container_upload":  object(required("file_id", grammar.Word)),
}

// blocks are the blocks of a whole message.
var blocks = grammar.ByTypeOr(map[string]grammar.Rule{
	"text": object(
		required("text", grammar.Text),
		expected("citations", nullable(array(object(required("type", grammar.Word)))))),
	"thinking": object(
		required("thinking", grammar.Text),
		required("signature", grammar.Word)),
	toolUse: object(
		required("id", toolIDShape),
		required("name", grammar.Word),
		required("input", object()),
		callerShape),
	serverToolUse: object(
		required("id", pattern(`^srvtoolu_[0-9A-Za-z_-]+$`, `"srvtoolu_" and letters, digits, _ and -`)),
		required("name", grammar.Word),
		required("input", object()),
		callerShape),
	"web_search_tool_result": searchResultShape,
}, map[string]grammar.Rule{
	"redacted_thinking": foreignStarts["redacted_thinking"],
	"mcp_tool_use":      object(required("id", grammar.Word), required("name", grammar.Word), required("input", object())),
	"mcp_tool_result":   foreignStarts["mcp_tool_result"],
})

func searchResultShape(path string, v any, report grammar.Report) {
	block, _ := v.(map[string]any)
	content := grammar.Rule(object(
		required("type", exactly("web_search_tool_result_error")),
		required("error_code", oneOf("invalid_tool_input", "unavailable", "max_uses_exceeded",
			"too_many_requests", "query_too_long", "request_too_large"))))
	if _, ok := block["content"].([]any); ok {
		content = array(object(
			required("type", exactly("web_search_result")),
			required("title", grammar.Text),
			required("url", grammar.Word),
			required("encrypted_content", grammar.Text),
			expected("page_age", nullable(grammar.Text))))
	}
	object(required("tool_use_id", grammar.Word), required("content", content), callerShape)(path, v, report)
}

// deltaShapes are the deltas, and fits says which block each belongs to.
var (
	deltaShapes = grammar.ByTypeOr(map[string]grammar.Rule{
		"text_delta":       object(required("text", grammar.Text)),
		"citations_delta":  object(required("citation", object(required("type", grammar.Word)))),
		"thinking_delta":   object(required("thinking", grammar.Text)),
		"signature_delta":  object(required("signature", grammar.Word)),
		"input_json_delta": object(required("partial_json", grammar.Text)),
	}, map[string]grammar.Rule{
		"compaction_delta": object(required("content", nullable(grammar.Text))),
	})
	fits = map[string][]string{
		"text":        {"text_delta", "citations_delta"},
		"thinking":    {"thinking_delta", "signature_delta"},
		toolUse:       {"input_json_delta"},
		serverToolUse: {"input_json_delta"},

		"mcp_tool_use": {"input_json_delta"},
		"compaction":   {"compaction_delta"},
	}
)

// startShape is the message of message_start.
var startShape = object(
	required("id", messageIDShape),
	required("type", exactly("message")),
	required("role", exactly("assistant")),
	required("model", grammar.Word),
	required("content", grammar.Empty),
	expected("stop_reason", grammar.Null),
	expected("stop_sequence", grammar.Null),
	required("usage", usageShape),
	optional("stop_details", grammar.Null),
	optional("container", grammar.Null),
)

// messageShape is a whole message.
var messageShape = object(
	required("id", messageIDShape),
	required("type", exactly("message")),
	required("role", exactly("assistant")),
	required("model", grammar.Word),
	required("content", array(blocks)),
	required("stop_reason", stopReasonShape),
	expected("stop_sequence", nullable(grammar.Word)),
	expected("stop_details", nullable(stopDetailsShape)),
	expected("container", grammar.Null),
	required("usage", wholeUsageShape),
)

// eventShapes holds the fields of each event beside type.
var eventShapes = map[string]grammar.Rule{
	"message_start":       object(required("message", startShape)),
	"ping":                object(),
	"content_block_start": object(required("index", grammar.Count), required("content_block", grammar.ByTypeOr(blockStarts, foreignStarts))),
	"content_block_delta": object(required("index", grammar.Count), required("delta", deltaShapes)),
	"content_block_stop":  object(required("index", grammar.Count)),
	"message_delta": object(
		required("delta", object(
			required("stop_reason", stopReasonShape),
			expected("stop_sequence", nullable(grammar.Word)),
			optional("stop_details", nullable(stopDetailsShape)),
			optional("container", grammar.Null))),
		required("usage", usageShape)),
	"message_stop": object(),
	"error": object(
		required("error", object(
			required("type", oneOf("invalid_request_error", "authentication_error", "permission_error", "billing_error",
				"not_found_error", "request_too_large", "rate_limit_error", "api_error", "timeout_error", "overloaded_error")),
			required("message", grammar.Word))),
		optional("request_id", grammar.Word)),
}

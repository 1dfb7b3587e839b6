package responses

import "github.com/qwenvoy/qwenvoy/native/grammar"

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

// Statuses of a response.
const (
	queued     = "queued"
	inProgress = "in_progress"
	completed  = "completed"
	incomplete = "incomplete"
	failed     = "failed"
	cancelled  = "cancelled"
)

// responseShape holds every key that the Open Responses schema requires, which are more
// than the SDKs require. Four fields may be absent but not null, as that schema refuses
// null there: encrypted_content, phase, logprobs and text.verbosity.
var responseShape = object(
	required("id", grammar.Word),
	required("object", oneOf("response")),
	required("created_at", grammar.Count),
	expected("completed_at", nullable(grammar.Count)),
	required("status", oneOf(queued, inProgress, completed, incomplete, failed, cancelled)),
	required("error", nullable(object(required("code", grammar.Word), required("message", grammar.Word)))),
	required("incomplete_details", nullable(object(
		expected("reason", oneOf("max_output_tokens", "content_filter", "max_messages", "steered"))))),
	required("instructions", nullable(instructionsShape)),
	required("model", grammar.Word),
	required("output", array(itemShape)),
	expected("previous_response_id", nullable(grammar.Word)),
	required("tools", array(toolShape)),
	required("tool_choice", toolChoiceShape),
	required("parallel_tool_calls", grammar.Bool),
	expected("temperature", grammar.Number),
	expected("top_p", grammar.Number),
	expected("presence_penalty", grammar.Number),
	expected("frequency_penalty", grammar.Number),
	expected("top_logprobs", grammar.Count),
	expected("text", object(
		expected("format", grammar.ByType(map[string]grammar.Rule{
			"text":        object(),
			"json_object": object(),
			"json_schema": object(
				required("name", grammar.Word),
				required("schema", object()),
				optional("description", nullable(grammar.Text)),
				optional("strict", nullable(grammar.Bool))),
		})),
		optional("verbosity", oneOf("low", "medium", "high")))),
	expected("reasoning", object(
		expected("effort", nullable(oneOf("none", "minimal", "low", "medium", "high", "xhigh", "max"))),
		expected("summary", nullable(oneOf("auto", "concise", "detailed"))))),
	expected("truncation", oneOf("auto", "disabled")),
	expected("max_output_tokens", nullable(grammar.Count)),
	expected("max_tool_calls", nullable(grammar.Count)),
	expected("store", grammar.Bool),
	expected("background", grammar.Bool),
	expected("service_tier", grammar.Word),
	expected("metadata", grammar.Map(grammar.Text)),
	expected("safety_identifier", nullable(grammar.Text)),
	expected("prompt_cache_key", nullable(grammar.Text)),
	expected("usage", nullable(usageShape)),
	optional("user", grammar.Text),
	optional("conversation", object(required("id", grammar.Word))),
	optional("prompt_cache_retention", grammar.Word),
)

// instructionsShape: OpenAI's API echoes those of a stored prompt as items.
var instructionsShape = grammar.Usual(grammar.Any, "a string", func(v any) bool { _, ok := v.(string); return ok })

// changing are the keys of a response that differ from event to event. All others are
// echoes of the request and stay.
var changing = map[string]bool{
	"status": true, "output": true, "usage": true, "completed_at": true,
	"error": true, "incomplete_details": true,
}

var usageShape = object(
	required("input_tokens", grammar.Count),
	required("input_tokens_details", object(
		required("cached_tokens", grammar.Count),
		expected("cache_write_tokens", grammar.Count))),
	required("output_tokens", grammar.Count),
	required("output_tokens_details", object(required("reasoning_tokens", grammar.Count))),
	required("total_tokens", grammar.Count),
)

// toolShape: a function tool has all its keys, null where the client sent nothing.
func toolShape(path string, v any, report grammar.Report) {
	object(required("type", grammar.Word))(path, v, report)
	if tool, _ := v.(map[string]any); tool["type"] == "function" {
		object(
			required("name", grammar.Word),
			expected("description", nullable(grammar.Text)),
			expected("parameters", nullable(object())),
			expected("strict", nullable(grammar.Bool)),
		)(path, v, report)
	}
}

func toolChoiceShape(path string, v any, report grammar.Report) {
	if _, ok := v.(string); ok {
		oneOf("none", "auto", "required")(path, v, report)
		return
	}
	object(required("type", grammar.Word))(path, v, report)
}

var (
	itemStatus = oneOf(inProgress, completed, incomplete)
	itemShape  = grammar.ByTypeOr(itemShapes, foreignItems)
)

// noStatus: OpenAI's reasoning items have none.
var noStatus = grammar.Usual(nullable(itemStatus), "absent in reasoning", func(any) bool { return false })

// itemShapes holds the items that a gateway in front of a model without tools of its
// own can give. Statuses are those that the SDK's types name.
var itemShapes = map[string]grammar.Rule{
	"message": object(
		required("id", grammar.Word),
		required("status", itemStatus),
		required("role", oneOf("assistant")),
		required("content", array(grammar.ByType(map[string]grammar.Rule{
			"output_text": outputTextShape,
			"refusal":     refusalShape,
		}))),
		optional("phase", oneOf("commentary", "final_answer"))),
	"reasoning": object(
		required("id", grammar.Word),
		required("summary", array(grammar.ByType(map[string]grammar.Rule{"summary_text": summaryTextShape}))),
		optional("content", array(grammar.ByType(map[string]grammar.Rule{"reasoning_text": reasoningTextShape}))),
		optional("status", noStatus),
		optional("encrypted_content", grammar.Text)),
	"function_call": object(
		required("id", grammar.Word),
		required("call_id", grammar.Word),
		required("name", grammar.Word),
		required("arguments", grammar.Text),
		expected("status", itemStatus),
		optional("namespace", grammar.Word)),
	"custom_tool_call": object(
		required("id", grammar.Word),
		required("call_id", grammar.Word),
		required("name", grammar.Word),
		required("input", grammar.Text),
		expected("status", itemStatus),
		optional("namespace", grammar.Word)),
	"tool_search_call": object(
		required("id", grammar.Word),
		expected("call_id", grammar.Word),
		required("execution", oneOf("client")),
		required("arguments", object()),
		required("status", itemStatus)),
	"shell_call": object(
		required("id", grammar.Word),
		required("call_id", grammar.Word),
		required("action", object(
			required("commands", array(grammar.Text)),
			expected("timeout_ms", nullable(grammar.Count)),
			expected("max_output_length", nullable(grammar.Count)))),
		expected("environment", nullable(object(required("type", grammar.Word)))),
		required("status", itemStatus)),
	"local_shell_call": object(
		required("id", grammar.Word),
		required("call_id", grammar.Word),
		required("action", object(
			required("type", oneOf("exec")),
			required("command", array(grammar.Text)),
			required("env", grammar.Map(grammar.Text)),
			optional("timeout_ms", nullable(grammar.Count)),
			optional("user", nullable(grammar.Text)),
			optional("working_directory", nullable(grammar.Text)))),
		required("status", itemStatus)),
	"apply_patch_call": object(
		required("id", grammar.Word),
		required("call_id", grammar.Word),
		required("operation", grammar.ByType(map[string]grammar.Rule{
			"create_file": object(required("path", grammar.Text), required("diff", grammar.Text)),
			"update_file": object(required("path", grammar.Text), required("diff", grammar.Text)),
			"delete_file": object(required("path", grammar.Text)),
		})),
		required("status", oneOf(inProgress, completed))),
	"compaction": object(
		required("id", grammar.Word),
		required("encrypted_content", grammar.Text)),
}

// foreignItems are items of tools that OpenAI's servers run, with the keys that its types
// require and clients need. What isn't here is told by its type alone.
var foreignItems = map[string]grammar.Rule{
	"mcp_call": object(required("id", grammar.Word), required("name", grammar.Word),
		required("server_label", grammar.Text), required("arguments", grammar.Text)),
	"mcp_list_tools":        object(required("id", grammar.Word), required("server_label", grammar.Text)),
	"mcp_approval_request":  object(required("id", grammar.Word), required("name", grammar.Word), required("arguments", grammar.Text)),
	"web_search_call":       object(required("id", grammar.Word)),
	"file_search_call":      object(required("id", grammar.Word)),
	"code_interpreter_call": object(required("id", grammar.Word)),
	"image_generation_call": object(required("id", grammar.Word)),
}

// idPrefix is what ids begin with.
var idPrefix = map[string]string{
	"message":          "msg_",
	"reasoning":        "rs_",
	"function_call":    "fc_",
	"custom_tool_call": "ctc_",
	"tool_search_call": "tsc_",
	"compaction":       "cmp_",
}

// Content parts.
var (
	outputTextShape = object(
		required("text", grammar.Text),
		required("annotations", array(object(required("type", grammar.Word)))),
		optional("logprobs", logprobsShape))
	refusalShape       = object(required("refusal", grammar.Text))
	reasoningTextShape = object(required("text", grammar.Text))
	summaryTextShape   = object(required("text", grammar.Text))

	partShape = grammar.ByType(map[string]grammar.Rule{
		"output_text":    outputTextShape,
		"refusal":        refusalShape,
		"reasoning_text": reasoningTextShape,
	})
	summaryPartShape = grammar.ByType(map[string]grammar.Rule{"summary_text": summaryTextShape})

	logprobsShape = array(object(append(logprob, expected("top_logprobs", array(object(logprob...))))...))
	logprob       = []grammar.Field{
		required("token", grammar.Text),
		required("logprob", grammar.Number),
		expected("bytes", array(grammar.Count)),
	}
)

// eventShapes holds the fields of each event beside type and sequence_number.
var eventShapes = map[string]grammar.Rule{
	"response.created":     object(required("response", responseShape)),
	"response.queued":      object(required("response", responseShape)),
	"response.in_progress": object(required("response", responseShape)),
	"response.completed":   object(required("response", responseShape)),
	"response.incomplete":  object(required("response", responseShape)),
	"response.failed":      object(required("response", responseShape)),

	"response.output_item.added": object(required("output_index", grammar.Count), required("item", itemShape)),
	"response.output_item.done":  object(required("output_index", grammar.Count), required("item", itemShape)),

	"response.content_part.added": inContent(required("part", partShape)),
	"response.content_part.done":  inContent(required("part", partShape)),
	"response.output_text.delta":  inContent(required("delta", grammar.Text), expected("logprobs", logprobsShape)),
	"response.output_text.done":   inContent(required("text", grammar.Text), expected("logprobs", logprobsShape)),
	"response.refusal.delta":      inContent(required("delta", grammar.Text)),
	"response.refusal.done":       inContent(required("refusal", grammar.Text)),

	"response.reasoning_text.delta": inContent(required("delta", grammar.Text)),
	"response.reasoning_text.done":  inContent(required("text", grammar.Text)),
	"response.reasoning.delta":      inContent(required("delta", grammar.Text)),
	"response.reasoning.done":       inContent(required("text", grammar.Text)),

	"response.reasoning_summary_part.added": inSummary(required("part", summaryPartShape)),
	"response.reasoning_summary_part.done":  inSummary(required("part", summaryPartShape)),
	"response.reasoning_summary_text.delta": inSummary(required("delta", grammar.Text)),
	"response.reasoning_summary_text.done":  inSummary(required("text", grammar.Text)),

	"response.function_call_arguments.delta": inItem(required("delta", grammar.Text)),
	"response.function_call_arguments.done":  inItem(expected("name", grammar.Word), required("arguments", grammar.Text)),
	"response.custom_tool_call_input.delta":  inItem(required("delta", grammar.Text)),
	"response.custom_tool_call_input.done":   inItem(required("input", grammar.Text)),

	"keepalive": object(),
}

func inItem(fields ...grammar.Field) grammar.Rule {
	return object(append(fields, required("item_id", grammar.Word), required("output_index", grammar.Count))...)
}

func inContent(fields ...grammar.Field) grammar.Rule {
	return inItem(append(fields, required("content_index", grammar.Count))...)
}

func inSummary(fields ...grammar.Field) grammar.Rule {
	return inItem(append(fields, required("summary_index", grammar.Count))...)
}

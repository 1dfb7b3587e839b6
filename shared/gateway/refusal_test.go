package gateway

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// An upstream's refusal on its whole way: what it sent with which status, and what clients of
// Messages and Responses get for it. Bodies are those of vLLM 0.32 and 0.33, of its front end in
// Rust, of SGLang, llama.cpp, Ollama and hosted servers. {S} in a client's message is the
// server's sentence.
var refusals = []struct {
	name     string
	status   int
	sentence string
	more     string // further members of the error object
	messages string // the status and message
	code     string // of Responses, beside the status
}{
	// vLLM
	{"vLLM: late system", 400, "System message must be at the beginning.", "", "400 capability_rejected: mid_conv_system ({S})", ""},
	{"vLLM: a role that the template lacks", 400, "Unexpected message role.", "", "400 capability_rejected: mid_conv_system ({S})", ""},
	{"vLLM: developer", 400, "Chat template does not support the 'developer' message role. Use 'system'.", "", "400 capability_rejected: mid_conv_system ({S})", ""},
	{"vLLM: no eyes", 400, "Qwen/X is not a multimodal model", "", "400 capability_rejected: image_block ({S})", ""},
	{"vLLM: fewer images", 400, "At most 3 image(s) may be provided in one prompt.", "", "400 capability_rejected: media_budget ({S})", ""},
	{"vLLM: media decoded", 400, "Request decoded media exceeds VLLM_MAX_MEDIA_REQUEST_DECODE_BYTES=1000 (2000 bytes).", "", "400 capability_rejected: media_budget ({S})", ""},
	{"vLLM: media pool", 400, "Multimodal GPU decode requested 9 bytes, which exceeds the total pool size of 8 bytes. Increase --mm-ipc-gpu-memory-gb or reduce the multimodal input size.", "", "400 capability_rejected: media_budget ({S})", ""},
	{"vLLM: an image, as a fault of its own", 500, "cannot identify image file <_io.BytesIO object at 0x7f>", "", "400 capability_rejected: image_block ({S})", ""},
	{"vLLM: schema", 400, `Invalid structured outputs: [19:44:27] /project/cpp/json_schema_converter.cc:4944: Unsupported type "nosuch"`, "", "400 capability_rejected: structured_outputs_unsupported ({S})", ""},
	{"vLLM: effort", 400, `1 validation error:\n  {'type': 'literal_error', 'loc': 'body.reasoning_effort', 'msg': "Input should be 'none', 'low'", 'input': 'bogus'}`, "", "400 capability_rejected: effort_unsupported ({S})", ""},
	{"vLLM: effort of Harmony", 400, "Harmony does not support reasoning_effort='max'", "", "400 capability_rejected: effort_unsupported ({S})", ""},
	{"vLLM: overflow", 400, "This model's maximum context length is 8192 tokens. However, your prompt contains at least 8193 input tokens, which exceeds this limit even without any output tokens.", "", "400 prompt is too long: ({S})", "context_length_exceeded"},
	{"vLLM in Rust: overflow", 400, "This model's maximum context length is 8192 tokens. However, your prompt contains 27011 input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt.", "", "400 prompt is too long: 27011 tokens > 8192 maximum", "context_length_exceeded"},
	{"vLLM in Rust: effort", 400, "Failed to deserialize the JSON body into the target type: reasoning_effort: unknown variant `bogus`, expected one of `none`", "", "400 capability_rejected: effort_unsupported ({S})", ""},
	{"vLLM in Rust: image", 400, "unsupported multimodal content: image_url", "", "400 capability_rejected: image_block ({S})", ""},
	{"vLLM in Rust: body", 400, "Failed to buffer the request body: length limit exceeded", "", "413 {S}", "request_too_large"},
	{"vLLM in Rust: a template's fault", 500, "failed to submit chat request: chat template error: System message must be at the beginning.", "", "400 capability_rejected: mid_conv_system ({S})", ""},

	// SGLang
	{"SGLang: overflow", 400, "The input (61709 tokens) is longer than the model's context length (40960 tokens).", "", "400 prompt is too long: 61709 tokens > 40960 maximum", "context_length_exceeded"},
	{"SGLang: overflow with a limit", 400, "Requested token count exceeds the model's maximum context length of 202752 tokens. You requested a total of 202941 tokens: 170941 tokens from the input messages and 32000 tokens for the completion.", "", "400 input length and `max_tokens` exceed context limit: 170941 + 32000 > 202752, decrease input length or `max_tokens` and try again", "context_length_exceeded"},
	{"SGLang: overflow without counts", 400, "Requested token count exceeds the model's maximum context length of 262144 tokens.", "", "400 prompt is too long: ({S})", "context_length_exceeded"},
	{"SGLang: input length", 400, "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens). Use a shorter input or enable --allow-auto-truncate.", "", "400 prompt is too long: 160062 tokens > 59862 maximum", "context_length_exceeded"},
	{"SGLang: allowed input length", 400, "Input length 131393 exceeds the maximum allowed input length of 131040 tokens.", "", "400 prompt is too long: 131393 tokens > 131040 maximum", "context_length_exceeded"},
	{"SGLang: images expanded", 400, "Multimodal prompt is too long after expanding multimodal tokens. After expanding len(req.origin_input_ids_unpadded)=9 => 40961 >= 40960.", "", "400 prompt is too long: ({S})", "context_length_exceeded"},
	{"SGLang: image", 500, "Internal server error: An exception occurred while loading multimodal data: Error while loading data ImageData(url='data:image/png;base64,x'): cannot identify", "", "400 capability_rejected: image_block ({S})", ""},
	{"SGLang: grammar", 400, "Invalid grammar request with cache hit: key=('json', '{}')", "", "400 capability_rejected: structured_outputs_unsupported ({S})", ""},
	{"SGLang: no grammar", 500, "Grammar-based generation (json_schema, regex, ebnf, structural_tag) is not supported when the server is launched with --grammar-backend none", "", "400 capability_rejected: structured_outputs_unsupported ({S})", ""},
	{"SGLang: slow grammar", 400, "Grammar preprocessing timed out: req.grammar_key=('json', '{}')", "", "400 capability_rejected: structured_outputs_unsupported ({S})", ""},

	// llama.cpp
	{"llama.cpp: overflow", 400, "request (22293 tokens) exceeds the available context size (16384 tokens), try increasing it", `,"n_prompt_tokens":22293,"n_ctx":16384`, "400 prompt is too long: 22293 tokens > 16384 maximum", "context_length_exceeded"},
	{"llama.cpp: overflow with its counts beside", 400, "the request exceeds the available context size, try increasing it", `,"n_prompt_tokens":22293,"n_ctx":16384`, "400 prompt is too long: 22293 tokens > 16384 maximum", "context_length_exceeded"},
	{"llama.cpp: overflow without counts", 400, "the request exceeds the available context size. try increasing the context size or enable context shift", "", "400 prompt is too long: ({S})", "context_length_exceeded"},
	{"llama.cpp: overflow in the midst", 500, "Context size has been exceeded.", "", "400 prompt is too long: ({S})", "context_length_exceeded"},
	{"llama.cpp: no eyes", 500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj", "", "400 capability_rejected: image_block ({S})", ""},
	{"llama.cpp: image", 400, "Failed to load image or audio file", "", "400 capability_rejected: image_block ({S})", ""},
	{"llama.cpp: grammar", 400, "Failed to initialize samplers: failed to parse grammar", "", "400 capability_rejected: structured_outputs_unsupported ({S})", ""},
	{"llama.cpp: samplers", 400, "Failed to initialize samplers: Unexpected empty grammar stack after accepting piece", "", "400 capability_rejected: structured_outputs_unsupported ({S})", ""},

	// others
	{"Ollama: no eyes", 500, "this model is missing data required for image input", "", "400 capability_rejected: image_block ({S})", ""},
	{"Ollama: effort", 400, `think value "medium" is not supported for this model`, "", "400 capability_rejected: effort_unsupported ({S})", ""},
	{"a schema that knows no effort", 400, "1 validation error: loc: body.reasoning_effort, Extra inputs are not permitted", "", "400 capability_rejected: effort_unsupported ({S})", ""},
	{"OpenAI: effort", 400, "Unsupported value: 'reasoning_effort' does not support 'xhigh' with this model.", "", "400 capability_rejected: effort_unsupported ({S})", ""},
	{"OpenAI: unknown effort", 400, "Unrecognized request argument supplied: reasoning_effort", "", "400 capability_rejected: effort_unsupported ({S})", ""},
	{"a schema that knows no format", 400, "body.response_format: Extra inputs are not permitted", "", "400 capability_rejected: structured_outputs_unsupported ({S})", ""},
	{"DashScope: overflow", 400, "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 98304]", "", "400 prompt is too long: ({S})", "context_length_exceeded"},
	{"DashScope: image", 400, "<400> InternalError.Algo.InvalidParameter: The image length and width do not meet the model restrictions.", "", "400 capability_rejected: image_block ({S})", ""},

	// no cure
	{"an image's name in another fault", 400, "the tool render_image is not supported", "", "400 {S}", ""},
	{"a queue", 503, "The engine is currently busy and cannot accept new requests.", "", "529 {S}", "server_error"},
	{"loading", 503, "Loading model", "", "529 {S}", "server_error"},
	{"overloaded", 529, "Overloaded", "", "529 {S}", "server_error"},
	{"a route that the server lacks", 501, "POST /v1/chat/completions is not supported by the Rust frontend yet.", "", "501 {S}", "server_error"},
}

func TestRefusalsOnTheirWholeWay(t *testing.T) {
	g := newGateway(t, `,"late_system":"keep"`, Edge{})
	for _, tt := range refusals {
		sentence := strings.ReplaceAll(tt.sentence, `\n`, "\n")
		quoted, _ := json.Marshal(sentence)
		body := `{"error":{"message":` + string(quoted) + `,"type":"BadRequestError","param":null,"code":400` + tt.more + `}}`
		want, message, _ := strings.Cut(strings.ReplaceAll(tt.messages, "{S}", sentence), " ")

		status, header, got := exchange(t, g, "/v1/messages", `{"model":"gpt-5","max_tokens":100,"messages":[{"role":"user","content":"x"}]}`, anthropic,
			tt.status, "application/json", body)
		if gjson.Get(got, "error.message").String() != message || want != gjson.Get(`{"s":`+itoa(status)+`}`, "s").String() {
			t.Errorf("%s: Messages: %d %s\nwant %s", tt.name, status, got, tt.messages)
		}
		if wantType := messagesTypes[status]; gjson.Get(got, "error.type").String() != wantType {
			t.Errorf("%s: Messages: the type of a %d is %s", tt.name, status, got)
		}
		if noRetry := field(header, "x-should-retry"); (status == 501) != (noRetry == "false") {
			t.Errorf("%s: Messages: x-should-retry %q with a %d", tt.name, noRetry, status)
		}

		status, _, got = exchange(t, g, "/v1/responses", `{"model":"gpt-5","input":"x"}`, nil, tt.status, "application/json", body)
		if code := gjson.Get(got, "error.code").String(); code != tt.code || status != responsesStatus(tt.status, want) ||
			gjson.Get(got, "error.message").String() != sentence {
			t.Errorf("%s: Responses: %d %s\nwant the code %q", tt.name, status, got, tt.code)
		}
	}
}

// messagesTypes are the types of Anthropic's errors by status.
var messagesTypes = map[int]string{400: "invalid_request_error", 413: "request_too_large", 501: "not_supported", 529: "overloaded_error"}

// responsesStatus is a refusal's status in Responses: that of Messages where that says whose fault
// it is, else the server's.
func responsesStatus(upstream int, messages string) int {
	switch messages {
	case "400":
		return 400
	case "413":
		return 413
	}
	return upstream
}

func itoa(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}

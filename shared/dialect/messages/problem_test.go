package messages

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

func TestProblems(t *testing.T) {
	type test struct {
		name    string
		problem *hub.Problem
		status  int
		kind    string
		message string
	}
	tests := []test{
		{"ours", hub.BadRequest("messages.1.content.0.source", "a PDF can't be read here."), 400, "invalid_request_error", "messages.1.content.0.source: a PDF can't be read here."},
		{"ours, which names the field", hub.BadRequest("messages", "messages is empty."), 400, "invalid_request_error", "messages is empty."},
		{"ours, of no field", hub.BadRequest("", "The request body must be a JSON object."), 400, "invalid_request_error", "The request body must be a JSON object."},
		{"an unknown model", &hub.Problem{Status: 404, Type: hub.TypeModelNotFound, Param: "model", Message: "The model \"x\" does not exist."}, 404, "not_found_error", "The model \"x\" does not exist."},
		{"too large", hub.FaultProblem(hub.BodyTooLarge, 100), 413, "request_too_large", "The request body is larger than the limit of 100 bytes (limits.body)."},
		{"inflated", hub.FaultProblem(hub.Inflated, 0), 413, "request_too_large", ""},
		{"encoding", hub.FaultProblem(hub.BadEncoding, 100), 415, "invalid_request_error", ""},
		{"unreachable", hub.FaultProblem(hub.Unreachable, 0), 502, "api_error", ""},
		{"no head", hub.FaultProblem(hub.NoHead, 0), 504, "timeout_error", ""},
		{"panic", hub.FaultProblem(hub.Panic, 0), 500, "api_error", ""},
		{"no UTF-8", hub.BadRequest("", "\xff"), 400, "invalid_request_error", "\uFFFD"},
		{"upstream 400", hub.UpstreamProblem(400, []byte(`{"error":{"message":"No user query found in messages.","type":"BadRequestError","param":"messages","code":400}}`)), 400, "invalid_request_error", "No user query found in messages."},
		{"upstream 401", hub.UpstreamProblem(401, []byte(`{"error":"Unauthorized"}`)), 401, "authentication_error", "Unauthorized"},
		{"upstream 402", hub.UpstreamProblem(402, nil), 402, "billing_error", "The model server answered with status 402."},
		{"upstream 403", hub.UpstreamProblem(403, nil), 403, "permission_error", ""},
		{"upstream 404", hub.UpstreamProblem(404, []byte(`{"detail":"Not Found"}`)), 404, "not_found_error", "Not Found"},
		{"upstream 405", hub.UpstreamProblem(405, nil), 405, "invalid_request_error", ""},
		{"upstream 408", hub.UpstreamProblem(408, nil), 408, "timeout_error", ""},
		{"upstream 413", hub.UpstreamProblem(413, nil), 413, "request_too_large", ""},
		{"upstream 422", hub.UpstreamProblem(422, []byte(`{"detail":"x"}`)), 400, "invalid_request_error", "x"},
		{"upstream 429", hub.UpstreamProblem(429, []byte(`Slow down`)), 429, "rate_limit_error", "Slow down"},
		{"upstream 500", hub.UpstreamProblem(500, []byte(`Internal Server Error`)), 500, "api_error", "Internal Server Error"},
		{"upstream 502", hub.UpstreamProblem(502, []byte(`<html>`)), 502, "api_error", "The model server answered with status 502."},
		{"upstream 503", hub.UpstreamProblem(503, []byte(`{"message":"queue full","type":"ServiceUnavailable"}`)), 529, "overloaded_error", "queue full"},
		{"upstream 504", hub.UpstreamProblem(504, nil), 504, "timeout_error", ""},
		{"upstream 529", hub.UpstreamProblem(529, nil), 529, "overloaded_error", ""},
		{"upstream 507", hub.UpstreamProblem(507, nil), 500, "api_error", ""},
		{"said already", hub.UpstreamProblem(400, []byte(`capability_rejected: document_block (no)`)), 400, "invalid_request_error", "capability_rejected: document_block (no)"},
		{"named by Anthropic's path", hub.UpstreamProblem(400, []byte(`messages.0.content.1.image.source: Could not process image`)), 400, "invalid_request_error", "messages.0.content.1.image.source: Could not process image"},
		{"a key that says so", hub.UpstreamProblem(403, []byte(`This key does not support image input`)), 403, "permission_error", "This key does not support image input"},
		{"overflow", hub.UpstreamProblem(400, []byte(`{"error":{"message":"The decoder prompt (length 9000) is longer than the maximum model length of 8192. Make sure it is not.","type":"BadRequestError","param":null,"code":400}}`)), 400, "invalid_request_error", "prompt is too long: 9000 tokens > 8192 maximum"},
	}
	for _, r := range []struct {
		sentence, class string
		status          int
	}{
		{"Qwen/Qwen3.5-9B is not a multimodal model", "image_block", 400},
		{"Qwen/Qwen3.5-9B is not a multimodal model None", "image_block", 422},
		{"At most 0 image(s) may be provided in one prompt.", "image_block", 400},
		{"absolute aspect ratio must be smaller than 200, got 900.0", "image_block", 500},
		{"cannot identify image file <_io.BytesIO object at 0x7f>", "image_block", 500},
		{"Failed to load image: image file is truncated (0 bytes not processed)", "image_block", 400},
		{"System message must be at the beginning.", "mid_conv_system", 400},
		{"[{'type': 'literal_error', 'loc': ('body', 'reasoning_effort'), 'msg': \"Input should be 'low', 'medium' or 'high'\"}]", "effort_unsupported", 400},
	} {
		body := jsonedit.AppendQuoted([]byte(`{"error":{"type":"BadRequestError","message":`), r.sentence)
		tests = append(tests, test{r.sentence, hub.UpstreamProblem(r.status, append(body, "}}"...)), 400, "invalid_request_error",
			"capability_rejected: " + r.class + " (" + r.sentence + ")"})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			turn := replyTurn(nil)
			turn.Request.ReplyHeader = nil
			a := Create.Problem(tt.problem, turn)
			if !gjson.ValidBytes(a.Body) {
				t.Fatalf("not JSON: %s", a.Body)
			}
			e := gjson.ParseBytes(a.Body)
			if a.Status != tt.status || e.Get("type").String() != "error" || e.Get("error.type").String() != tt.kind {
				t.Errorf("status %d: %s", a.Status, a.Body)
			}
			if m := e.Get("error.message").String(); m == "" || tt.message != "" && m != tt.message {
				t.Errorf("message %q, want %q", m, tt.message)
			}
			id := e.Get("request_id").String()
			if len(id) != len("req_")+24 || len(a.Header) != 1 || a.Header[0] != [2]string{"request-id", id} {
				t.Errorf("%s and the header %v", a.Body, a.Header)
			}
			if tt.problem.Upstream != 0 && tt.problem.Upstream != 500 && Create.Status(tt.problem.Upstream) != a.Status {
				t.Errorf("the head said %d", Create.Status(tt.problem.Upstream))
			}
		})
	}
}

func TestOneRequestHasOneRequestID(t *testing.T) {
	turn := replyTurn(nil)
	turn.Request.ReplyHeader = [][2]string{{"qwenvoy-dropped-tools", "web_search"}, {"request-id", "req_7"}}
	p := hub.BadRequest("", "No.")
	p.Header = [][2]string{{"allow", "POST"}}
	a := Create.Problem(p, turn)
	if got := gjson.GetBytes(a.Body, "request_id").String(); got != "req_7" || len(a.Header) != 2 || a.Header[0][0] != "allow" || a.Header[1][1] != "req_7" || len(turn.Request.ReplyHeader) != 2 {
		t.Errorf("%s %v %v", a.Body, a.Header, turn.Request.ReplyHeader)
	}
	turn.Request.ReplyHeader = nil
	first := turn.RequestID()
	if again := turn.RequestID(); first != again || !strings.HasPrefix(first, "req_") {
		t.Errorf("%s, then %s", first, again)
	}
}

func TestOverflows(t *testing.T) {
	const (
		compact = "prompt is too long"
		lessTo  = "input length and `max_tokens` exceed context limit: %, decrease input length or `max_tokens` and try again"
	)
	less := func(sum string) string { return strings.Replace(lessTo, "%", sum, 1) }
	tests := []struct{ name, message, want string }{
		{"vLLM 0.32, a bound", "This model's maximum context length is 8192 tokens. However, your prompt contains at least 8193 input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=8193)", compact},
		{"vLLM 0.32, a count", "This model's maximum context length is 8192 tokens. However, your prompt contains 9310 input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt.", "prompt is too long: 9310 tokens > 8192 maximum"},
		{"vLLM 0.32, just full", "This model's maximum context length is 8192 tokens. However, your prompt contains 8192 input tokens, which leaves no room.", "prompt is too long: 8192 tokens > 8191 maximum"},
		{"vLLM 0.32, characters", "This model's maximum context length is 8192 tokens. However, your prompt contains 90000 characters (more than 81920 characters, which is the upper bound for 8192 input tokens).", compact},
		{"vLLM 0.32, max_tokens over the window", "max_tokens=999999 cannot be greater than max_model_len=8192. Please request fewer output tokens. (parameter=max_tokens, value=999999)", less("1 + 999999 > 8192")},
		{"vLLM 0.32, max_completion_tokens over the window", "max_completion_tokens=64000 cannot be greater than max_model_len=32768. Please request fewer output tokens. (parameter=max_completion_tokens, value=64000)", less("1 + 64000 > 32768")},
		{"vLLM 0.18, a bound", "This model's maximum context length is 32768 tokens. However, you requested 32000 output tokens and your prompt contains at least 769 input tokens, for a total of at least 32769 tokens. Please reduce the length of the input prompt or the number of requested output tokens. (parameter=input_tokens, value=769)", compact},
		{"vLLM 0.18, a count", "This model's maximum context length is 32768 tokens. However, you requested 32000 output tokens and your prompt contains 9000 input tokens, for a total of 41000 tokens. Please reduce.", less("9000 + 32000 > 32768")},
		{"vLLM 0.18, nothing asked for", "This model's maximum context length is 262144 tokens. However, you requested 0 output tokens and your prompt contains at least 262145 input tokens, for a total of at least 262145 tokens.", compact},
		{"vLLM 0.18, the whole window asked for", "This model's maximum context length is 32768 tokens. However, you requested 32768 output tokens and your prompt contains at least 1 input tokens, for a total of at least 32769 tokens.", less("1 + 32768 > 32768")},
		{"vLLM 0.18, the whole window asked for, characters", "This model's maximum context length is 32768 tokens. However, you requested 32768 output tokens and your prompt contains 581 characters (more than 0 characters, which is the upper bound for 0 input tokens).", less("1 + 32768 > 32768")},
		{"vLLM 0.18, characters", "This model's maximum context length is 32768 tokens. However, you requested 8192 output tokens and your prompt contains 900000 characters (more than 245760 characters, which is the upper bound for 24576 input tokens).", compact},
		{"vLLM 0.16, a sum that is a bound", "You passed 10243 input tokens and requested 6142 output tokens. However, the model's context length is only 16384 tokens, resulting in a maximum input length of 10242 tokens. Please reduce the length of the input prompt.", compact},
		{"vLLM 0.16, a count", "You passed 33537 input tokens and requested 32000 output tokens. However, the model's context length is only 65536 tokens, resulting in a maximum input length of 33536 tokens.", compact},
		{"vLLM 0.16, a true count", "You passed 40000 input tokens and requested 32000 output tokens. However, the model's context length is only 65536, resulting in a maximum input length of 33536.", less("40000 + 32000 > 65536")},
		{"vLLM 0.16, no room for another answer", "You passed 63000 input tokens and requested 32000 output tokens. However, the model's context length is only 65536, resulting in a maximum input length of 33536.", compact},
		{"vLLM 0.12, max_tokens", "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 40960 tokens and your request has 12000 input tokens (32000 > 40960 - 12000). None", less("12000 + 32000 > 40960")},
		{"vLLM 0.12, the prompt", "This model's maximum context length is 40960 tokens. However, your request has 50000 input tokens. Please reduce the length of the input messages. None", "prompt is too long: 50000 tokens > 40960 maximum"},
		{"vLLM's engine", "The decoder prompt (length 50000) is longer than the maximum model length of 40960. Make sure that `max_model_len` is no smaller than the number of text tokens.", "prompt is too long: 50000 tokens > 40960 maximum"},
		{"older vLLM", "This model's maximum context length is 8192 tokens. However, you requested 9224 tokens (1224 in the messages, 8000 in the completion). Please reduce the length of the messages or completion.", less("1224 + 8000 > 8192")},
		{"OpenAI", "This model's maximum context length is 4097 tokens. However, your messages resulted in 5000 tokens. Please reduce the length of the messages.", "prompt is too long: 5000 tokens > 4097 maximum"},
		{"SGLang, the prompt", "The input (265330 tokens) is longer than the model's context length (262144 tokens).", "prompt is too long: 265330 tokens > 262144 maximum"},
		{"SGLang, the sum", "Requested token count exceeds the model's maximum context length of 262144 tokens. You requested a total of 262758 tokens: 198758 tokens from the input messages and 64000 tokens for the completion. Please reduce the number of tokens.", less("198758 + 64000 > 262144")},
		{"SGLang, its scheduler", "Input length (265330 tokens) exceeds the maximum allowed length (262138 tokens). Use a shorter input or enable --allow-auto-truncate.", "prompt is too long: 265330 tokens > 262138 maximum"},
		{"SGLang, max_tokens", "max_completion_tokens is too large: 128000.This model supports at most 32768 completion tokens.", less("1 + 128000 > 32768")},
		{"llama.cpp", "request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it", "prompt is too long: 9000 tokens > 8192 maximum"},
		{"DashScope", "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]", compact},
		{"a code word", "context_length_exceeded", compact},
		{"OpenAI's responses", "Your input exceeds the context window of this model. Please adjust your input and try again.", compact},
		{"said already", "prompt is too long: 213462 tokens > 200000 maximum", "prompt is too long: 213462 tokens > 200000 maximum"},
		{"numbers beyond belief", "The input (99999999999999999999 tokens) is longer than the model's context length (8192 tokens).", compact},

		{"something else", "max_tokens must be at least 1, got 0.", "max_tokens must be at least 1, got 0."},
		{"another limit", "top_logprobs is too large: 30", "top_logprobs is too large: 30"},
	}
	for _, tt := range tests {
		want := tt.want
		if want == compact {
			want = "prompt is too long: (" + tt.message + ")"
		}
		got, ok := refusalMessage(&hub.Problem{Upstream: 400, Message: tt.message})
		if !ok {
			got = tt.message
		}
		if got != want {
			t.Errorf("%s: got  %s\nwant %s", tt.name, got, want)
		}
	}
}

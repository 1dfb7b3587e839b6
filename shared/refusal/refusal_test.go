package refusal

import (
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

func TestSentences(t *testing.T) {
	for sentence, want := range map[string]Refusal{
		"This model's maximum context length is 8192 tokens. However, your prompt contains at least 8193 input tokens, which exceeds this limit.":                             {Class: PromptTooLong, Prompt: 8193, Window: 8192, Bound: true},
		"This model's maximum context length is 8192 tokens. However, your prompt contains 90000 characters (more than 81920 characters, which is the upper bound for 8192).": {Class: PromptTooLong, Window: 8192},
		"max_completion_tokens=64000 cannot be greater than max_model_len=32768. Please request fewer output tokens.":                                                         {Class: LimitTooLarge, Limit: 64000, Window: 32768},
		"Input Is Too Long for requested model":             {Class: PromptTooLong},
		"X is not a multimodal model":                       {Class: Image},
		"At most 3 image(s) may be provided in one prompt.": {Class: MediaBudget},
		"Image dimensions 30000x20000 (600000000 pixels) exceed the maximum of 178956970 pixels. Set VLLM_MAX_IMAGE_PIXELS to increase this limit.": {Class: Image},
		"unsupported multimodal content: image_url":                                                                                   {Class: Image},
		"Request decoded media exceeds VLLM_MAX_MEDIA_REQUEST_DECODE_BYTES.":                                                          {Class: MediaBudget},
		"Request decoded media exceeds VLLM_MAX_MEDIA_REQUEST_DECODE_BYTES=1000 (2000 bytes).":                                        {Class: MediaBudget},
		"Grammar error: Invalid type: nosuch":                                                                                         {Class: Structured},
		"The provided JSON schema contains features not supported by xgrammar.":                                                       {Class: Structured},
		"Failed to transform json schema into a grammar: x":                                                                           {Class: Structured},
		"Invalid structured outputs: [19:44:27] /project/cpp/json_schema_converter.cc:4944: Unsupported type \"nosuch\"":              {Class: Structured},
		"Outlines structured outputs backend does not support json_object specifications":                                             {Class: Structured},
		"<400> InternalError.Algo.InvalidParameter: Json mode response is not supported when enable_thinking is true":                 {Class: Structured},
		"This response_format type is unavailable now":                                                                                {Class: Structured},
		"response_format.type json_schema is not supported by this model":                                                             {Class: Structured},
		"Failed to deserialize the JSON body into the target type: reasoning_effort: unknown variant `bogus`, expected one of `none`": {Class: Effort},
		// Leaving something else out would not help, or the sentence says another thing.
		"<400> InternalError.Algo.InvalidParameter: The value of the enable_thinking parameter is restricted to True.": {},
		"parameter.enable_thinking must be set to false for non-streaming calls":                                       {},
		"tool_choice function `grammar` was not found in the available tools":                                          {},
		"Audio exceeds maximum allowed duration of 600 seconds":                                                        {},
		"response_format must be an object":                                                                            {},
		"At most 3 video(s) may be provided in one prompt.":                                                            {},
		"valid values are low, high; reasoning_effort":                                                                 {}, // the words' order is a part of the rule
		"max_tokens must be at least 1, got 0.":                                                                        {},
		"capability_rejected: something":                                                                               {},
		"":                                                                                                             {},
		`think value "medium" is not supported for this model`:                                                         {Class: Effort},
		"Conversation roles: System message must be at the beginning. None":                                            {Class: LateSystem},
	} {
		if got := Read(sentence); got != want {
			t.Errorf("%q: %+v, want %+v", sentence, got, want)
		}
	}
}

func TestProblems(t *testing.T) {
	const image = "X is not a multimodal model"
	for _, tt := range []struct {
		p    hub.Problem
		want Class
	}{
		{hub.Problem{Upstream: 400, Message: image}, Image},
		{hub.Problem{Upstream: 500, Message: image}, Image},
		{hub.Problem{Message: image}, Other}, // ours
		{hub.Problem{Upstream: 401, Message: image}, Other},
		{hub.Problem{Upstream: 403, Message: image}, Other},
		{hub.Problem{Upstream: 429, Message: "maximum context length"}, Other},
		{hub.Problem{Upstream: 429, Message: "You exceeded your current quota, please check your plan and billing details."}, Ended},
		{hub.Problem{Upstream: 429, Message: "You exceeded your current quota, see https://x/error-code#token-limit", Code: "insufficient_quota"}, Other},
		{hub.Problem{Upstream: 429, Message: "Allocated quota exceeded, please increase your quota limit.", Code: "insufficient_quota"}, Other},
		{hub.Problem{Upstream: 429, Message: "Free allocated quota exceeded."}, Ended},
		{hub.Problem{Upstream: 429, Message: "month allocated quota exceeded"}, Ended},
		{hub.Problem{Upstream: 429, Message: "no", Code: "PostpaidBillOverdue"}, Ended},
		{hub.Problem{Upstream: 403, Message: "no", Type: "Arrearage"}, Ended},
		{hub.Problem{Upstream: 400, Message: "no", Code: "context_length_exceeded"}, PromptTooLong},
		{hub.Problem{Upstream: 400, Message: "no", Param: "input_tokens"}, PromptTooLong},
		{hub.Problem{Upstream: 400, Message: "no", Type: "exceed_context_size_error"}, PromptTooLong},
	} {
		if got := Of(&tt.p).Class; got != tt.want {
			t.Errorf("%+v: %d, want %d", tt.p, got, tt.want)
		}
	}
}

// Every class but Other is called something in a dialect, or has sentences with counts.
func TestClassesAreNamed(t *testing.T) {
	for _, r := range rules {
		if r.class.Capability() == "" && r.class.Code() == "" || r.class == Other || len(r.words) == 0 {
			t.Errorf("%+v", r)
		}
	}
}

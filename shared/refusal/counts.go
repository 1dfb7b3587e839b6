package refusal

import (
	"strconv"
	"strings"
)

// counted are sentences with counts in them. {P} stands for the prompt's tokens, {M} for the
// limit that was asked for, {W} for the window, {T} for a sum that is of no use; "at least "
// may stand before {P}. The first that fits counts.
var counted = []struct {
	class   Class
	pattern string
}{
	// vLLM 0.18 and later
	{PromptTooLong, "maximum context length is {W} tokens. However, you requested {M} output tokens and your prompt contains " +
		"{P} input tokens"},
	{PromptTooLong, "maximum context length is {W} tokens. However, your prompt contains {P} input tokens"},
	{LimitTooLarge, "max_tokens={M} cannot be greater than max_model_len={W}"},
	{LimitTooLarge, "max_completion_tokens={M} cannot be greater than max_model_len={W}"},
	// a prompt that is refused for its characters is not counted
	{PromptTooLong, "maximum context length is {W} tokens. However, you requested {M} output tokens and your prompt contains"},
	{PromptTooLong, "maximum context length is {W} tokens. However, your prompt contains"},
	// vLLM 0.16
	{PromptTooLong, "You passed {P} input tokens and requested {M} output tokens. However, the model's context length is only {W}"},
	// vLLM 0.11 to 0.15
	{PromptTooLong, "is too large: {M}. This model's maximum context length is {W} tokens and your request has {P} input tokens"},
	{PromptTooLong, "maximum context length is {W} tokens. However, your request has {P} input tokens"},
	// vLLM's engine
	{PromptTooLong, "prompt (length {P}) is longer than the maximum model length of {W}"},
	// older vLLM, and OpenAI
	{PromptTooLong, "maximum context length is {W} tokens. However, you requested {T} tokens ({P} in the messages, {M} in the completion)"},
	{PromptTooLong, "maximum context length is {W} tokens. However, your messages resulted in {P} tokens"},
	// SGLang
	{PromptTooLong, "The input ({P} tokens) is longer than the model's context length ({W} tokens)"},
	{PromptTooLong, "maximum context length of {W} tokens. You requested a total of {T} tokens: " +
		"{P} tokens from the input messages and {M} tokens for the completion"},
	{PromptTooLong, "Input length ({P} tokens) exceeds the maximum allowed length ({W} tokens)"},
	{PromptTooLong, "maximum context length of {W} tokens."},
	{PromptTooLong, "Input length {P} exceeds the maximum allowed input length of {W} tokens"},
	{LimitTooLarge, "max_completion_tokens is too large: {M}.This model supports at most {W} completion tokens"},
	// llama.cpp
	{PromptTooLong, "request ({P} tokens) exceeds the available context size ({W} tokens)"},
	// DashScope
	{PromptTooLong, "Range of input length should be [1, {W}]"},
}

// maxCount is the largest count that is believed.
const maxCount = 1_000_000_000

// readCounts finds a pattern in a sentence and reads its counts.
func readCounts(sentence, pattern string) (r Refusal, ok bool) {
	head, rest, _ := strings.Cut(pattern, "{")
	for {
		_, after, found := strings.Cut(sentence, head)
		if !found {
			return Refusal{}, false
		}
		if r, ok = readRest(after, rest); ok {
			return r, true
		}
		sentence = after
	}
}

// readRest reads what follows a pattern's first brace.
func readRest(text, pattern string) (r Refusal, ok bool) {
	for more := true; more; {
		count := pattern[0]
		var literal string
		literal, pattern, more = strings.Cut(pattern[len("W}"):], "{")
		if count == 'P' {
			text, r.Bound = strings.CutPrefix(text, "at least ")
		}
		digits := 0
		for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
			digits++
		}
		n, err := strconv.Atoi(text[:digits])
		if err != nil || n > maxCount {
			return r, false
		}
		switch count {
		case 'P':
			r.Prompt = n
		case 'M':
			r.Limit = n
		case 'W':
			r.Window = n
		}
		if text, ok = strings.CutPrefix(text[digits:], literal); !ok {
			return r, false
		}
	}
	// A sum of one more than the window is no count of the prompt: vLLM stops there.
	r.Bound = r.Bound || r.Limit > 0 && r.Prompt+r.Limit == r.Window+1
	return r, true
}

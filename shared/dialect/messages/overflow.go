package messages

import (
	"strconv"
	"strings"
)

// patterns are of the sentences by which servers say that a request does not fit into the
// context window. {P} stands for the prompt's tokens, {M} for the limit that was asked
// for, {W} for the window; "at least " may stand before {P}.
var patterns = []string{
	// vLLM 0.18 and later
	"maximum context length is {W} tokens. However, you requested {M} output tokens and your prompt contains {P} input tokens",
	"maximum context length is {W} tokens. However, your prompt contains {P} input tokens",
	"max_tokens={M} cannot be greater than max_model_len={W}",
	"max_completion_tokens={M} cannot be greater than max_model_len={W}",
	// a prompt that is refused for its characters is not counted
	"maximum context length is {W} tokens. However, you requested {M} output tokens and your prompt contains",
	// vLLM 0.16
	"You passed {P} input tokens and requested {M} output tokens. However, the model's context length is only {W}",
	// vLLM 0.11 to 0.15
	"is too large: {M}. This model's maximum context length is {W} tokens and your request has {P} input tokens",
	"maximum context length is {W} tokens. However, your request has {P} input tokens",
	// vLLM's engine
	"prompt (length {P}) is longer than the maximum model length of {W}",
	// older vLLM, and OpenAI
	"maximum context length is {W} tokens. However, you requested {T} tokens ({P} in the messages, {M} in the completion)",
	"maximum context length is {W} tokens. However, your messages resulted in {P} tokens",
	// SGLang
	"The input ({P} tokens) is longer than the model's context length ({W} tokens)",
	"maximum context length of {W} tokens. You requested a total of {T} tokens: " +
		"{P} tokens from the input messages and {M} tokens for the completion",
	"Input length ({P} tokens) exceeds the maximum allowed length ({W} tokens)",
	"max_completion_tokens is too large: {M}.This model supports at most {W} completion tokens",
	// llama.cpp
	"request ({P} tokens) exceeds the available context size ({W} tokens)",
}

// phrases are parts of sentences that say the same without numbers that are of use.
var phrases = []string{
	"maximum context length", "model's context length", "maximum model length", "context_length_exceeded", "context window",
	"available context size", "exceed_context_size", "Range of input length should be", "nput is too long",
}

const (
	tooLong = "prompt is too long"
	// maxCount is the largest count that is believed.
	maxCount = 1_000_000_000
	// minAnswer is how many tokens of the window must be left for a smaller max_tokens to help.
	minAnswer = 4000
)

// overflow holds the counts of a sentence, 0 for one that it doesn't have.
type overflow struct {
	prompt, limit, window int
	// bound: the prompt has that many tokens or more; the server stopped counting.
	bound bool
}

// overflowMessage puts an upstream's complaint about the context window into the words
// by which Anthropic's clients know what to do; other messages stay. Claude Code
// compacts the conversation for "prompt is too long", by the difference of the two
// numbers where there are two, and asks again with a smaller max_tokens for "input
// length and `max_tokens` exceed context limit". Nothing may stand around these.
func overflowMessage(message string) string {
	if strings.HasPrefix(message, tooLong) {
		return message
	}
	for _, pattern := range patterns {
		if o, ok := readOverflow(message, pattern); ok {
			return o.message(message)
		}
	}
	for _, phrase := range phrases {
		if strings.Contains(message, phrase) {
			return overflow{}.message(message)
		}
	}
	return message
}

// message is the complaint in Anthropic's words; original is the server's.
func (o overflow) message(original string) string {
	// A sum of one more than the window is no count of the prompt: vLLM stops there.
	bound := o.bound || o.limit > 0 && o.prompt+o.limit == o.window+1
	n := strconv.Itoa
	switch {
	case o.prompt >= o.window && o.window > 0 && !bound:
		// A prompt that fills the window leaves nothing for an answer.
		return tooLong + ": " + n(o.prompt) + " tokens > " + n(min(o.window, o.prompt-1)) + " maximum"
	case o.window-o.prompt < minAnswer:
		// Claude Code asks for at least 3,000 tokens after taking 1,000 off what is left;
		// of less it would give up. So it is to compact.
	case o.limit >= o.window, o.prompt > 0 && o.limit > 0 && !bound:
		return "input length and `max_tokens` exceed context limit: " + n(max(o.prompt, 1)) + " + " + n(o.limit) + " > " + n(o.window) +
			", decrease input length or `max_tokens` and try again"
	}
	return tooLong + " (" + original + ")"
}

// readOverflow finds a pattern in a message and reads its counts.
func readOverflow(message, pattern string) (o overflow, ok bool) {
	head, rest, _ := strings.Cut(pattern, "{")
	for {
		_, after, found := strings.Cut(message, head)
		if !found {
			return overflow{}, false
		}
		if o, ok = readCounts(after, rest); ok {
			return o, true
		}
		message = after
	}
}

// readCounts reads what follows a pattern's first brace.
func readCounts(text, pattern string) (o overflow, ok bool) {
	for more := true; more; {
		count := pattern[0]
		var literal string
		literal, pattern, more = strings.Cut(pattern[len("W}"):], "{")
		if count == 'P' {
			text, o.bound = strings.CutPrefix(text, "at least ")
		}
		digits := 0
		for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
			digits++
		}
		n, err := strconv.Atoi(text[:digits])
		if err != nil || n > maxCount {
			return o, false
		}
		switch count {
		case 'P':
			o.prompt = n
		case 'M':
			o.limit = n
		case 'W':
			o.window = n
		}
		if text, ok = strings.CutPrefix(text[digits:], literal); !ok {
			return o, false
		}
	}
	return o, true
}

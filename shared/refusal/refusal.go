// Package refusal knows the sentences by which servers refuse a request: one table of
// wordings, the class that each is of, and what each dialect calls the class. A dialect's
// clients heal by their own words, so a rule that knew a sentence in one dialect only would
// leave the other's clients dead.
//
//	refusal.go  the classes, the table, and how a sentence is found in it
//	counts.go   sentences with counts in them, of the context window
//
// It imports hub.
package refusal

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A Class is what a refusal means to a client that can go on without what was refused.
type Class uint8

const (
	// Other is a sentence that no rule knows. It stays as it is: a wrong class starts the
	// wrong cure.
	Other Class = iota
	// PromptTooLong: the prompt does not fit into the context window.
	PromptTooLong
	// LimitTooLarge: the answer's limit does not.
	LimitTooLarge
	// Image: an image that the model can't take, or the server can't read.
	Image
	// MediaBudget: more or larger images than a request may have.
	MediaBudget
	// Structured: a form of the answer that the server can't hold the model to.
	Structured
	// LateSystem: a system message behind the first turn.
	LateSystem
	// Effort: an effort that the model does not know.
	Effort
	// Throttled: too many requests or tokens for now. It is told apart since some servers
	// call it a quota.
	Throttled
	// Ended: whoever pays must do something before there is an answer again.
	Ended
	// TooLarge: the request's body is larger than the server takes.
	TooLarge
)

// names are what the dialects call the classes.
var names = [...]struct {
	// messages is the word behind capability_rejected: that Claude Code goes by. Those of the
	// context window have none: sentences with numbers serve it better.
	messages string
	// responses is OpenAI's code.
	responses string
}{
	PromptTooLong: {responses: "context_length_exceeded"},
	Image:         {messages: "image_block"},
	MediaBudget:   {messages: "media_budget"},
	Structured:    {messages: "structured_outputs_unsupported"},
	LateSystem:    {messages: "mid_conv_system"},
	Effort:        {messages: "effort_unsupported"},
	Throttled:     {responses: "rate_limit_exceeded"},
	Ended:         {responses: "insufficient_quota"},
	TooLarge:      {responses: "request_too_large"},
}

// Capability is the class's name in Messages, "" for one without.
func (c Class) Capability() string {
	if int(c) < len(names) {
		return names[c].messages
	}
	return ""
}

// Code is the class's name in Responses, "" for one without.
func (c Class) Code() string {
	if int(c) < len(names) {
		return names[c].responses
	}
	return ""
}

// A rule is a row of the table: sentences that hold all of the words, in their order and in
// lower case, are of the class.
type rule struct {
	class Class
	words []string
}

// rules is the table; the first that fits counts.
//
// Three of the words by which Claude Code heals have no row. thinking_type has it ask for thinking
// in another way, which would come to the same here; thinking_signature has it leave thinking out,
// of which nobody checks the signature; beta_header has it leave a beta out, and none goes up.
var rules = []rule{
	{PromptTooLong, []string{"maximum context length"}},
	{PromptTooLong, []string{"model's context length"}},
	{PromptTooLong, []string{"maximum model length"}},
	{PromptTooLong, []string{"context_length_exceeded"}},
	{PromptTooLong, []string{"context window"}},
	{PromptTooLong, []string{"available context size"}},
	{PromptTooLong, []string{"exceed_context_size"}},
	{PromptTooLong, []string{"context size has been exceeded"}},  // llama.cpp, in the midst of an answer
	{PromptTooLong, []string{"range of input length should be"}}, // DashScope
	{PromptTooLong, []string{"prompt is too long"}},
	{PromptTooLong, []string{"input is too long"}},

	// the model has no eyes
	{Image, []string{"is not a multimodal model"}},
	{Image, []string{"at most 0 image(s) may be provided"}},
	{Image, []string{"does not support image"}},
	{Image, []string{"image input is not supported"}},           // llama.cpp
	{Image, []string{"missing data required for image input"}},  // Ollama
	{Image, []string{"while loading multimodal data", "image"}}, // SGLang: one that can't be read
	// vLLM: one that can't be read
	{Image, []string{"absolute aspect ratio must be smaller than"}},
	{Image, []string{"height:", "width:", "must be larger than factor"}},
	{Image, []string{"cannot identify image file"}},
	{Image, []string{"failed to load image"}},
	{Image, []string{"image file is truncated"}},
	{Image, []string{"image dimensions ", " exceed the maximum of"}},
	{Image, []string{"unsupported multimodal content: image"}}, // its front end in Rust
	// DashScope: of a model that takes text only, and of one too small or too long
	{Image, []string{"input content must be a string"}},
	{Image, []string{"image length and width do not meet"}},

	// vLLM: all images of a request together
	{MediaBudget, []string{"at most ", " image(s) may be provided"}},
	{MediaBudget, []string{"reduce the multimodal input size"}},
	{MediaBudget, []string{"request decoded media exceeds"}},
	{MediaBudget, []string{"too much media"}},

	// vLLM: llguidance, XGrammar, Outlines, and its front end in Rust
	{Structured, []string{"grammar error: "}},
	{Structured, []string{"json schema contains features not supported"}},
	{Structured, []string{"failed to transform ", " into a grammar"}},
	{Structured, []string{"failed to transform json schema into a regex"}},
	{Structured, []string{"invalid json grammar specification"}},
	{Structured, []string{"structured outputs backend does not support"}},
	{Structured, []string{"invalid structured outputs: "}},
	// DashScope, of a model that thinks; DeepSeek and its like; llama.cpp
	{Structured, []string{"json mode response is not supported"}},
	{Structured, []string{"response_format", "is not supported"}},
	{Structured, []string{"response_format", "is unavailable"}},
	{Structured, []string{"json schema conversion failed"}},
	{Structured, []string{"failed to parse grammar"}},
	{Structured, []string{"failed to initialize samplers"}},
	{Structured, []string{"response_format", "extra inputs are not permitted"}},
	// SGLang
	{Structured, []string{"invalid grammar request"}},
	{Structured, []string{"grammar-based generation", "is not supported"}},
	{Structured, []string{"grammar preprocessing timed out"}},

	// Qwen's templates, and vLLM of others
	{LateSystem, []string{"system message must be at the beginning"}},
	{LateSystem, []string{"unexpected message role"}},
	{LateSystem, []string{"does not support the 'developer' message role"}},

	{Effort, []string{"reasoning_effort", "input should be"}},
	{Effort, []string{"reasoning_effort", "valid values are"}},
	{Effort, []string{"reasoning_effort", "unknown variant"}}, // vLLM's front end in Rust
	{Effort, []string{"reasoning_effort", "extra inputs are not permitted"}},
	{Effort, []string{"reasoning_effort", "not support"}}, // OpenAI
	{Effort, []string{"does not support reasoning_effort"}},
	{Effort, []string{"unrecognized request argument", "reasoning_effort"}},
	{Effort, []string{"think value", "is not supported"}}, // Ollama

	// vLLM's front end in Rust, which says it with a 400
	{TooLarge, []string{"failed to buffer the request body: length limit exceeded"}},

	// DashScope: a limit by the minute, and quotas
	{Throttled, []string{"exceeded your current quota", "#token-limit"}},
	{Ended, []string{"free allocated quota exceeded"}},
	{Ended, []string{"hour allocated quota exceeded"}},
	{Ended, []string{"week allocated quota exceeded"}},
	{Ended, []string{"month allocated quota exceeded"}},
	// OpenAI
	{Ended, []string{"exceeded your current quota"}},
	{Ended, []string{"billing hard limit"}},
	{Ended, []string{"credit balance is too low"}}, // Anthropic
}

// A Refusal is what an upstream's sentence says; counts are 0 where it doesn't have them.
type Refusal struct {
	Class Class
	// Prompt counts the prompt's tokens, Limit those that were asked for, Window those that
	// there may be in all.
	Prompt, Limit, Window int
	// Bound: the prompt has Prompt tokens or more, since the server stopped counting.
	Bound bool
}

// Of says what an upstream's problem means.
func Of(p *hub.Problem) Refusal {
	switch {
	case p.Upstream == 0:
		return Refusal{}
	case p.Upstream == 401, p.Upstream == 403, p.Upstream == 429:
		// Whatever it says of the request, something else is to be done.
		if hasEnded(p) {
			return Refusal{Class: Ended}
		}
		return Refusal{}
	case p.Code == "context_length_exceeded", p.Type == "context_length_exceeded", p.Type == "exceed_context_size_error",
		p.Param == "input_tokens":
		r := Read(p.Message)
		r.Class = PromptTooLong
		return r.counted(p)
	}
	return Read(p.Message).counted(p)
}

// counted is the refusal with the counts that are known besides its sentence.
func (r Refusal) counted(p *hub.Problem) Refusal {
	if p.PromptTokens > 0 {
		r.Prompt, r.Bound = p.PromptTokens, false
	}
	if r.Window == 0 {
		r.Window = p.Window
	}
	return r
}

// Status is what a client is told in place of a status that is to be said of an upstream's problem.
// A refusal is the request's fault, and a quota one of the time, whatever server or proxy called it
// another, or one of its own: clients heal, or leave off asking, at these alone.
func Status(p *hub.Problem, status int) int {
	if status != 400 && status != 500 && status != 502 {
		return status
	}
	switch Of(p).Class {
	case Other:
		return status
	case Throttled, Ended:
		return 429
	case TooLarge:
		return 413
	}
	return 400
}

// endedCodes are servers' words for an entitlement that has ended, in lower case.
// insufficient_quota is not among them: DashScope says it of its limit by the minute.
var endedCodes = []string{"commoditynotpurchased", "prepaidbilloverdue", "postpaidbilloverdue", "arrearage",
	"allocationquota.freetieronly", "billing_hard_limit_reached"}

func hasEnded(p *hub.Problem) bool {
	for _, code := range endedCodes {
		if strings.EqualFold(p.Code, code) || strings.EqualFold(p.Type, code) {
			return true
		}
	}
	return Read(p.Message).Class == Ended
}

// Read says what a sentence means.
func Read(sentence string) Refusal {
	for i := range counted {
		if r, ok := readCounts(sentence, counted[i].pattern); ok {
			r.Class = counted[i].class
			return r
		}
	}
	text := strings.ToLower(sentence)
	for i := range rules {
		if holds(text, rules[i].words) {
			return Refusal{Class: rules[i].class}
		}
	}
	return Refusal{}
}

func holds(text string, words []string) bool {
	for _, word := range words {
		at := strings.Index(text, word)
		if at < 0 {
			return false
		}
		text = text[at+len(word):]
	}
	return true
}

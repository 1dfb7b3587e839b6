package hub

// A PassedField is a member of a server's chat request that the other dialects' APIs don't
// have. Clients that know their server send it along, and it goes up as it is.
type PassedField struct {
	Name string
	// Shapes: it says what the answer has to look like, which a summary of the conversation can't.
	Shapes bool
	// Prompt: the prompt depends on it, so that it counts where tokens are counted.
	Prompt bool
}

// PassedFields is the one list of them, for all dialects that make a chat request of their own.
// A dialect that reads a member of such a name itself does not pass it. What would change the
// reply into one that no dialect but chat can show is not among them: RefusedFields are refused,
// all others (prompt_logprobs, return_token_ids) are left out and named.
var PassedFields = [...]PassedField{
	PassedKwargs:    {Name: "chat_template_kwargs", Prompt: true},
	PassedProcessor: {Name: "mm_processor_kwargs", Prompt: true},
	PassedMedia:     {Name: "media_io_kwargs", Prompt: true},
	PassedTemplate:  {Name: "chat_template", Prompt: true},
	PassedSpecial:   {Name: "add_special_tokens", Prompt: true},
	PassedBudget:    {Name: "thinking_token_budget"},
	PassedEffort:    {Name: "reasoning_effort"},
	PassedFormat:    {Name: "response_format", Shapes: true},
	PassedStop:      {Name: "stop", Shapes: true},
	PassedOutputs:   {Name: "structured_outputs", Shapes: true},
	{Name: "include_reasoning"},
	{Name: "documents"},
	{Name: "top_k"},
	{Name: "min_p"},
	{Name: "presence_penalty"},
	{Name: "frequency_penalty"},
	{Name: "repetition_penalty"},
	{Name: "length_penalty"},
	{Name: "repetition_detection"},
	{Name: "seed"},
	{Name: "logit_bias", Shapes: true},
	{Name: "stop_token_ids", Shapes: true},
	{Name: "min_tokens", Shapes: true},
	{Name: "ignore_eos", Shapes: true},
	{Name: "bad_words", Shapes: true},
	{Name: "allowed_token_ids", Shapes: true},
	{Name: "include_stop_str_in_output", Shapes: true},
	{Name: "skip_special_tokens"},
	{Name: "spaces_between_special_tokens"},
	{Name: "truncate_prompt_tokens"},
	{Name: "truncation_side"},
	{Name: "priority"},
	{Name: "cache_salt"},
	{Name: "request_id"},
	{Name: "session_id"},
	{Name: "stream_interval"},
	{Name: "vllm_xargs"},
	{Name: "kv_transfer_params"},
	{Name: "ec_transfer_params"},
	{Name: "watermarking"},
}

// The places in PassedFields of those that dialects look at.
const (
	PassedKwargs = iota
	PassedProcessor
	PassedMedia
	PassedTemplate
	PassedSpecial
	PassedBudget
	PassedEffort
	PassedFormat
	PassedStop
	PassedOutputs
)

// A RefusedField is a member of a server's chat request without which the answer would be
// another one than the client asked for.
type RefusedField struct {
	Name string
	// Neutral is the value that asks for nothing.
	Neutral string
	// Why ends a sentence.
	Why string
}

// RefusedFields is the one list of them, for all dialects that make a chat request of their own.
var RefusedFields = [...]RefusedField{
	{"n", "1", "there is one answer to a request; send it several times."},
	{"best_of", "1", "there is one answer to a request; send it several times."},
	{"echo", "false", "an answer does not repeat its prompt."},
	{"use_beam_search", "false", "answers are sampled, not searched for."},
}

// Asks tells whether a value of the field, nil where it is absent, asks for what can't be had.
func (f *RefusedField) Asks(value []byte) bool { return value != nil && string(value) != f.Neutral }

package responses

// The members of a request that are read. Those of verbatim are counted apart.
const (
	keyModel = iota
	keyInput
	keyInstructions
	keyPrevious
	keyConversation
	keyTools
	keyToolChoice
	keyParallel
	keyText
	keyReasoning
	keyInclude
	keyMaxOutput
	keyMaxTokens
	keyMaxToolCalls
	keyTemperature
	keyTopP
	keyPresence
	keyFrequency
	keyTopLogprobs
	keyStream
	keyStore
	keyBackground
	keyGenerate
	keyTruncation
	keyMetadata
	keyCacheKey
	keySafety
	keyUser
	keyPrompt
	keyKwargs
	keyN
	keyBestOf
	keyEcho
	keyBeam
	keyCount
)

var keyNames = [keyCount]string{"model", "input", "instructions", "previous_response_id", "conversation", "tools", "tool_choice",
	"parallel_tool_calls", "text", "reasoning", "include", "max_output_tokens", "max_tokens", "max_tool_calls", "temperature", "top_p",
	"presence_penalty", "frequency_penalty", "top_logprobs", "stream", "store", "background", "generate", "truncation", "metadata",
	"prompt_cache_key", "safety_identifier", "user", "prompt", "chat_template_kwargs", "n", "best_of", "echo", "use_beam_search"}

// verbatim are members of vLLM's chat request that clients add and that go up as they
// are. Those with shapes say what the answer has to look like, which a summary can't.
var verbatim = [...]struct {
	name   string
	shapes bool
}{
	{"top_k", false}, {"min_p", false}, {"repetition_penalty", false}, {"seed", false}, {"priority", false},
	{"cache_salt", false}, {"thinking_token_budget", false}, {"vllm_xargs", false}, {"mm_processor_kwargs", false},
	{"stop", true}, {"stop_token_ids", true}, {"logit_bias", true}, {"min_tokens", true}, {"ignore_eos", true},
	{"structured_outputs", true}, {"response_format", true},
}

const (
	processorKwargs = 8
	responseFormat  = len(verbatim) - 1
)

// members finds the number of a member: one of the keys, keyCount and more for
// verbatim, -1 for one that is known and has no effect.
var members = func() map[string]int {
	m := map[string]int{}
	for i, name := range keyNames {
		m[name] = i
	}
	for i, v := range verbatim {
		m[v.name] = keyCount + i
	}
	for _, name := range []string{"type", "stream_options", "service_tier", "context_management", "prompt_cache_retention",
		"prompt_cache_options", "moderation", "access_programs", "client_metadata"} {
		m[name] = -1
	}
	return m
}()

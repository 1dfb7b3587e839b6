package responses

import "github.com/qwenvoy/qwenvoy/shared/hub"

// The members of a request that are read. Those of hub.PassedFields are counted apart.
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
	keyMaxCompletion
	keyMaxTokens
	keyMaxToolCalls
	keyTemperature
	keyTopP
	keyPresence
	keyFrequency
	keyTopLogprobs
	keyLogprobs
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
	keyClient
	keyRefused // the first of hub.RefusedFields
	keyCount   = keyRefused + len(hub.RefusedFields)
)

var keyNames = [keyCount]string{
	"model", "input", "instructions", "previous_response_id", "conversation", "tools", "tool_choice", "parallel_tool_calls",
	"text", "reasoning", "include", "max_output_tokens", "max_completion_tokens", "max_tokens", "max_tool_calls", "temperature", "top_p",
	"presence_penalty", "frequency_penalty", "top_logprobs", "logprobs", "stream", "store", "background", "generate", "truncation",
	"metadata", "prompt_cache_key", "safety_identifier", "user", "prompt", "chat_template_kwargs",
	"client_metadata",
}

// members finds the number of a member: one of the keys, keyCount and more for
// hub.PassedFields, -1 for one that is known and has no effect.
var members = func() map[string]int {
	m := map[string]int{}
	for i, f := range hub.PassedFields {
		m[f.Name] = keyCount + i
	}
	for i := range hub.RefusedFields {
		m[hub.RefusedFields[i].Name] = keyRefused + i
	}
	for i, name := range keyNames[:keyRefused] {
		m[name] = i
	}
	for _, name := range []string{"type", "stream_options", "service_tier", "context_management", "prompt_cache_retention",
		"prompt_cache_options", "moderation", "access_programs"} {
		m[name] = -1
	}
	return m
}()

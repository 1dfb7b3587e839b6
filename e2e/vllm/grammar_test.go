package vllm

import (
	"testing"

	"github.com/qwenvoy/qwenvoy/native/grammar/messages"
	"github.com/qwenvoy/qwenvoy/native/grammar/responses"
)

func checkResponsesStream(t *testing.T, stream []byte) {
	t.Helper()
	for _, fault := range responses.Check(stream, responses.Options{}) {
		t.Error(fault)
	}
}

func checkMessagesStream(t *testing.T, stream []byte) {
	t.Helper()
	// vLLM's first chunk doesn't know yet how much of the prompt was cached.
	for _, fault := range messages.Check(stream, messages.Options{EstimatedInput: true}) {
		t.Error(fault)
	}
}

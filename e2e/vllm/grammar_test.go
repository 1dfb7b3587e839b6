package vllm

import (
	"testing"

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
	_ = stream
}

package vllm

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/qwenvoy/qwenvoy/e2e/scenario"
)

// A prompt that is too long for chat is counted by /tokenize, from the very body that chat has
// refused. So /tokenize must take each body that goes to chat, and count what chat counts.
func TestTokenizeCountsWhatChatTakes(t *testing.T) {
	need(t, "QWENVOY_VLLM_URL", vllmURL)
	table, err := scenario.Load()
	if err != nil {
		t.Fatal(err)
	}
	counted := 0
	for _, s := range table {
		if s.Upstream == nil || s.Upstream.Start != "POST "+chatPath {
			continue
		}
		short := oneToken(t, s.Upstream.Body)
		status, chat := posted(t, chatPath, short)
		if status != http.StatusOK {
			continue // its own configuration, or this model, forbids it
		}
		counted++
		status, answer := posted(t, "/tokenize", s.Upstream.Body)
		if got, want := answer.Get("count").Int(), chat.Get("usage.prompt_tokens").Int(); status != http.StatusOK || got != want {
			t.Errorf("%s: %d, %d tokens, want %d: %.300s", s.Name, status, got, want, answer.Raw)
		}
		if answer.Get("max_model_len").Int() == 0 {
			t.Errorf("%s: no window", s.Name)
		}
	}
	if counted < 80 {
		t.Errorf("only %d bodies were taken by chat", counted)
	}
}

// oneToken is a chat request whose answer is one token, and whole.
func oneToken(t *testing.T, body []byte) []byte {
	t.Helper()
	var err error
	for _, field := range []string{"max_tokens", "stream", "stream_options", "stop", "thinking_token_budget", "response_format", "structured_outputs"} {
		if body, err = sjson.DeleteBytes(body, field); err != nil {
			t.Fatal(err)
		}
	}
	if body, err = sjson.SetBytes(body, "max_completion_tokens", 1); err != nil {
		t.Fatal(err)
	}
	return body
}

func posted(t *testing.T, path string, body []byte) (status int, answer gjson.Result) {
	t.Helper()
	reply, err := http.Post(vllmURL+path, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, gjson.ParseBytes(text)
}

package main_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

const (
	served  = "Qwen/Qwen3.5-397B-A17B-FP8"
	virtual = "qwen3.5-thinking-coding"
	chat    = "/v1/chat/completions"

	question = `{"model":"` + virtual + `","messages":[{"role":"user","content":"Grüße"}]}`
	answer   = `{"id":"c","object":"chat.completion","model":"` + served + `","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`
)

const streamed = `{"model":"` + virtual + `","stream":true,"messages":[{"role":"user","content":"Grüße"}]}`

// event is one chunk of a chat stream.
func event(delta, finish string) string {
	return `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"` + served +
		`","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + "}]}\n\n"
}

var events = []string{
	event(`{"role":"assistant","content":""}`, "null"),
	event(`{"content":"Grü"}`, "null"),
	event(`{"content":"ße"}`, "null"),
	event(`{}`, `"stop"`),
	"data: [DONE]\n\n",
}

func configuration(more string) string {
	return `{"upstreams":[{"name":"local","kind":"vllm","model":"` + served + `"}]` + more + `}`
}

// bothKnobs runs a test with and without allow_on_headers_stop_iteration.
func bothKnobs(t *testing.T, more string, test func(t *testing.T, h *wasmtest.Host, knob bool)) {
	t.Helper()
	for _, knob := range []bool{false, true} {
		t.Run(fmt.Sprintf("knob=%t", knob), func(t *testing.T) {
			test(t, wasmtest.New(t, wasmtest.Options{Config: configuration(more), Knob: knob}), knob)
		})
	}
}

func replies(r wasmtest.Reply) func(*wasmtest.Message) wasmtest.Reply {
	return func(*wasmtest.Message) wasmtest.Reply { return r }
}

func unreached(t *testing.T) func(*wasmtest.Message) wasmtest.Reply {
	return func(*wasmtest.Message) wasmtest.Reply {
		t.Error("the request went upstream")
		return wasmtest.JSON(200, []byte(answer))
	}
}

// wantError checks that the client got a whole JSON error of ours.
func wantError(t *testing.T, s *wasmtest.Stream, status int) {
	t.Helper()
	c := &s.Client
	code := gjson.GetBytes(c.Body(), "error.code")
	if c.Status() != status || !c.Ended || c.Reset || c.Get("content-type") != "application/json" || code.Int() != int64(status) {
		t.Errorf("client got %v %s (ended %t, reset %t), want a JSON error with status %d", c.Header, c.Body(), c.Ended, c.Reset, status)
	}
}

// ways are the forms in which a body can arrive.
func ways(b []byte) map[string]wasmtest.Request {
	oneByOne := wasmtest.Post(chat, wasmtest.Pieces(b, 1)...)
	marked := wasmtest.Post(chat, wasmtest.Split(b, len(b)/2)...)
	marked.LastMarked = true
	trailers := wasmtest.Post(chat, b)
	trailers.Trailer = [][2]string{{"x-sum", "1"}}
	return map[string]wasmtest.Request{
		"at once": wasmtest.Post(chat, b), "byte by byte": oneByOne,
		"end with the last piece": marked, "trailers": trailers,
	}
}

func zip(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	fmt.Fprint(w, s)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// clientEvents is what a client gets of events when they come in one piece.
func clientEvents(t *testing.T, h *wasmtest.Host) string {
	t.Helper()
	s := h.Exchange(t, wasmtest.Post(chat, []byte(streamed)), replies(wasmtest.Events([]byte(strings.Join(events, "")))))
	return string(s.Client.Body())
}

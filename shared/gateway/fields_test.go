package gateway

import (
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// What goes up of a client's header follows from the kind of route; e2e/scenario has requests
// of each (fields_of_clients).
func TestFieldsOfClients(t *testing.T) {
	g := newGateway(t, `,"client_fields":{"deny":["X-VLLM-Priority"]}`, Edge{})
	vendors := []string{"openai-beta", "OpenAI-Organization", "x-openai-subagent", "x-oai-a", "chatgpt-account-id", "anthropic-beta",
		"X-Stainless-Retry-Count", "x-claude-code-session-id", "x-codex-turn-metadata", "sec-fetch-mode", "Sec-CH-UA", "origin", "referer",
		"session-id", "session_id", "thread-id", "conversation_id", "x-session-id", "x-session-token", "X-Session-Affinity", "x-kilocode-taskid"}
	agents := []string{"x-app", "originator"}
	always := []string{"cookie", "Cookie", "x-vllm-priority"}
	never := []string{"content-type", "accept", "user-agent", "authorization", "traceparent", "tracestate", "baggage", "b3", "x-b3-traceid", "x-request-id",
		"x-data-parallel-rank", "x-user-id", "forwarded", "x-forwarded-for", "x-envoy-attempt-count", "x-title", "x-app-name", "section", "originate"}
	for _, tt := range []struct {
		method, path    string
		vendors, agents bool
	}{
		{"POST", "/v1/chat/completions", true, false},
		{"POST", "/v1/completions", true, false},
		{"POST", "/tokenize", true, false},
		{"POST", "/detokenize", true, false},
		{"GET", "/v1/models", true, false},
		{"POST", "/v1/responses", true, true},
		{"POST", "/v1/responses/compact", true, true},
		{"POST", "/v1/messages", true, true},
		{"POST", "/v1/messages/count_tokens", true, true},
		{"POST", "/v1/embeddings", false, false},
		{"GET", "/elsewhere", false, false},
	} {
		edit := &open(g, Env{}, tt.method, tt.path).Plan().Edit
		for _, want := range []struct {
			names []string
			drops bool
		}{{vendors, tt.vendors}, {agents, tt.agents}, {always, true}, {never, false}} {
			for _, name := range want.names {
				if edit.Drops(name) != want.drops {
					t.Errorf("%s: %s goes up: %t", tt.path, name, want.drops)
				}
			}
		}
	}
}

// A key of ours is the only one that the server gets, and no field holds a client's beside it.
func TestNoKeyOfAClientGoesUpBesideOurs(t *testing.T) {
	c, err := config.Decode([]byte(`{"upstreams":[{"name":"a","model":"Qwen/X","api_key":"ours"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(c, Edge{})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/chat/completions", "/v1/messages", "/v1/responses", "/elsewhere"} {
		edit := &open(g, Env{}, "POST", path, "authorization", "Bearer a").Plan().Edit
		for _, name := range []string{"x-api-key", "Api-Key", "x-goog-api-key"} {
			if !edit.Drops(name) || !edit.Sets("authorization") {
				t.Errorf("%s: %s goes up", path, name)
			}
		}
	}
}

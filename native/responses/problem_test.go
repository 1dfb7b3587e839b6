package responses

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAnErrorQuotesLittleOfWhatTheClientSent(t *testing.T) {
	e := start(t, setup{})
	long := strings.Repeat("x", 10_000)
	response, _ := e.create(`{"model":"qwen3.5-instruct-general","input":"x"}`)
	conversation := e.conversation(`{}`)
	tests := []struct{ name, method, path, body, says string }{
		{"a path", "GET", "/v1/responses/a/LONG/b", ``, "There is nothing at"},
		{"a path of the wrong method", "POST", "/v1/responses/LONG", ``, "is not allowed"},
		{"a method", "LONG", "/v1/responses/" + response, ``, "GET, DELETE is."},
		{"a response", "GET", "/v1/responses/LONG", ``, "not found."},
		{"a response to cancel", "POST", "/v1/responses/LONG/cancel", ``, "not found."},
		{"a response before", "POST", "/v1/responses", `{"model":"qwen3.5-instruct-general","input":"x","previous_response_id":"LONG"}`, "not found."},
		{"a conversation", "POST", "/v1/responses", `{"model":"qwen3.5-instruct-general","input":"x","conversation":"LONG"}`, "not found."},
		{"an item", "GET", "/v1/conversations/" + conversation + "/items/LONG", ``, "not found in conversation"},
		{"an item of no conversation", "GET", "/v1/conversations/LONG/items/LONG", ``, "not found."},
		{"an item to begin behind", "GET", "/v1/conversations/" + conversation + "/items?after=LONG", ``, "not found in conversation"},
		{"a limit", "GET", "/v1/conversations/" + conversation + "/items?limit=LONG", ``, "is not allowed here"},
		{"an order", "GET", "/v1/conversations/" + conversation + "/items?order=LONG", ``, "is not allowed here"},
		{"an event", "GET", "/v1/responses/" + response + "?stream=true&starting_after=LONG", ``, "is not allowed here"},
		{"a key of metadata", "POST", "/v1/conversations", `{"metadata":{"LONG":1}}`, "a string is wanted."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := e.do(strings.ReplaceAll(tt.method, "LONG", long), strings.ReplaceAll(tt.path, "LONG", long), strings.ReplaceAll(tt.body, "LONG", long))
			failure, _ := r.object["error"].(map[string]any)
			if r.status < 400 || failure == nil || len(r.text) > 1500 || !utf8.ValidString(r.text) {
				t.Fatalf("status %d, %d bytes: %.1500s", r.status, len(r.text), r.text)
			}
			if m, _ := failure["message"].(string); !strings.Contains(m, tt.says) {
				t.Errorf("%q is missing in %s", tt.says, r.text)
			}
		})
	}
}

func TestASocketQuotesLittleOfAMessagesType(t *testing.T) {
	c := start(t, setup{}).dial()
	c.send(`{"type":"` + strings.Repeat("x", 10_000) + `"}`)
	if s := c.fails(400, "invalid_value", "type", "response.create is."); len(s.text) > 1500 {
		t.Errorf("%d bytes", len(s.text))
	}
}

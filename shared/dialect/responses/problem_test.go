package responses

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

func TestProblem(t *testing.T) {
	upstream := func(status int, body string) *hub.Problem { return hub.UpstreamProblem(status, []byte(body)) }
	tests := []struct {
		name   string
		d      Dialect
		p      *hub.Problem
		status int
		body   string
	}{
		// Ours.
		{"not JSON", Create, hub.BadRequest("", "The request body must be a JSON object."), 400,
			`{"error":{"message":"The request body must be a JSON object.","type":"invalid_request_error","param":null,"code":null}}`},
		{"with a code", Create, &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Param: "input[3].output", Code: "invalid_type", Message: "x"}, 400,
			`{"error":{"message":"x","type":"invalid_request_error","param":"input[3].output","code":"invalid_type"}}`},
		{"of the chat form", Create, hub.BadRequest("messages[1].content", "messages[1].content must be a string."), 400,
			`{"error":{"message":"messages[1].content must be a string.","type":"invalid_request_error","param":"input","code":null}}`},
		{"an unknown model", Create, &hub.Problem{Status: 404, Type: hub.TypeModelNotFound, Param: "model", Message: "There is no model \"x\"."}, 404,
			`{"error":{"message":"There is no model \"x\".","type":"invalid_request_error","param":"model","code":"model_not_found"}}`},
		{"nothing stored", Create, &hub.Problem{Status: 404, Type: hub.TypeNotFound, Message: "Nothing is stored here."}, 404,
			`{"error":{"message":"Nothing is stored here.","type":"invalid_request_error","param":null,"code":null}}`},
		{"a body too large", Create, hub.FaultProblem(hub.BodyTooLarge, 10), 413,
			`{"error":{"message":"The request body is larger than the limit of 10 bytes (limits.body).","type":"invalid_request_error","param":null,"code":"request_too_large"}}`},
		{"no upstream", Create, hub.FaultProblem(hub.Unreachable, 0), 502,
			`{"error":{"message":"The model server can't be reached, or it closed the connection before it answered.","type":"server_error","param":null,"code":"server_error"}}`},
		{"a slow upstream", Create, hub.FaultProblem(hub.NoHead, 0), 504,
			`{"error":{"message":"The model server did not begin to answer in time.","type":"server_error","param":null,"code":"server_error"}}`},
		{"a fault of the gateway", Create, hub.FaultProblem(hub.Panic, 0), 500,
			`{"error":{"message":"The gateway failed on this request. It is a bug; its log says more.","type":"server_error","param":null,"code":"server_error"}}`},
		{"no store", Create, &hub.Problem{Status: 503, Type: hub.TypeServer, Code: "store_unavailable", Message: "x"}, 503,
			`{"error":{"message":"x","type":"server_error","param":null,"code":"store_unavailable"}}`},
		{"too many at once", Create, &hub.Problem{Status: 429, Code: "response_already_in_flight", Message: "x"}, 429,
			`{"error":{"message":"x","type":"rate_limit_error","param":null,"code":"response_already_in_flight"}}`},
		{"a client too fast", Create, &hub.Problem{Status: 429, Type: "rate_limit", Message: "x"}, 429,
			`{"error":{"message":"x","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}`},
		// The upstream's.
		{"a prompt over the window", Create, upstream(400, `{"error":{"message":"This model's maximum context length is 8192 tokens. However, your prompt contains at least 8193 input tokens.","type":"BadRequestError","param":"input_tokens","code":400}}`), 400,
			`{"error":{"message":"This model's maximum context length is 8192 tokens. However, your prompt contains at least 8193 input tokens.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}`},
		{"an engine's word for it", Create, upstream(400, `{"error":{"message":"The decoder prompt (length 9) is longer than the maximum model length of 8.","code":400}}`), 400,
			`{"error":{"message":"The decoder prompt (length 9) is longer than the maximum model length of 8.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}`},
		{"OpenAI's word for it", Create, upstream(413, `{"error":{"message":"too much","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`), 400,
			`{"error":{"message":"too much","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}`},
		{"llama.cpp's word for it", Create, upstream(400, `{"error":{"code":400,"message":"the request exceeds it","type":"exceed_context_size_error"}}`), 400,
			`{"error":{"message":"the request exceeds it","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}`},
		{"a limit", Create, upstream(400, `{"error":{"message":"max_tokens must be at least 1, got 0.","type":"BadRequestError","param":"max_tokens","code":400}}`), 400,
			`{"error":{"message":"max_tokens must be at least 1, got 0.","type":"invalid_request_error","param":"max_output_tokens","code":null}}`},
		{"a message", Create, upstream(422, `{"error":{"message":"bad","type":"Bad Request","param":"messages[2].content","code":422}}`), 422,
			`{"error":{"message":"bad","type":"invalid_request_error","param":"input","code":null}}`},
		{"a field of the same name", Create, upstream(400, `{"error":{"message":"bad","type":"BadRequestError","param":"temperature","code":"bad_thing"}}`), 400,
			`{"error":{"message":"bad","type":"invalid_request_error","param":"temperature","code":null}}`},
		{"a key", Create, upstream(401, `{"error":"Unauthorized"}`), 401,
			`{"error":{"message":"Unauthorized","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`},
		{"no right", Create, upstream(403, `{"detail":"Forbidden"}`), 403,
			`{"error":{"message":"Forbidden","type":"invalid_request_error","param":null,"code":null}}`},
		{"a model", Create, upstream(404, "{\"error\":{\"message\":\"The model `x` does not exist.\",\"type\":\"NotFoundError\",\"param\":\"model\",\"code\":404}}"), 404,
			"{\"error\":{\"message\":\"The model `x` does not exist.\",\"type\":\"invalid_request_error\",\"param\":\"model\",\"code\":\"model_not_found\"}}"},
		{"a path", Create, upstream(404, `{"detail":"Not Found"}`), 404,
			`{"error":{"message":"Not Found","type":"invalid_request_error","param":null,"code":null}}`},
		{"a rate", Create, upstream(429, `{"error":{"message":"Try again in 1.5s.","type":"rate","code":429}}`), 429,
			`{"error":{"message":"Try again in 1.5s.","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}`},
		{"a rate that speaks of length", Create, upstream(429, `too many tokens for the maximum context length`), 429,
			`{"error":{"message":"too many tokens for the maximum context length","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}`},
		{"a quota", Create, upstream(429, `{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","code":"insufficient_quota"}}`), 429,
			`{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`},
		{"a full queue", Create, upstream(503, `{"error":{"message":"queue full","type":"Service Unavailable","param":null,"code":503}}`), 503,
			`{"error":{"message":"queue full","type":"server_error","param":null,"code":"server_error"}}`},
		{"a page", Create, upstream(500, `<html>`), 500,
			`{"error":{"message":"The model server answered with status 500.","type":"server_error","param":null,"code":"server_error"}}`},
		{"bytes of anybody's", Create, upstream(400, "\xff\"\n<&>"), 400,
			"{\"error\":{\"message\":\"\uFFFD\\\"\\n<&>\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}"},
		// Counting.
		{"no /tokenize", InputTokens, upstream(404, `{"detail":"Not Found"}`), 400,
			`{"error":{"message":"The model server can't count tokens: it has no /tokenize. It said: Not Found","type":"invalid_request_error","param":null,"code":"unsupported_parameter"}}`},
		{"no POST to /tokenize", InputTokens, upstream(405, `{"detail":"Method Not Allowed"}`), 400,
			`{"error":{"message":"The model server can't count tokens: it has no /tokenize. It said: Method Not Allowed","type":"invalid_request_error","param":null,"code":"unsupported_parameter"}}`},
		{"a bad request to /tokenize", InputTokens, upstream(400, `{"error":{"message":"bad","type":"BadRequestError","param":"messages","code":400}}`), 400,
			`{"error":{"message":"bad","type":"invalid_request_error","param":"input","code":null}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := test.d.Problem(test.p, replyTurn(nil))
			if diff := cmp.Diff(test.body, string(a.Body)); diff != "" || a.Status != test.status {
				t.Errorf("%d, want %d (-want +got):\n%s", a.Status, test.status, diff)
			}
			if test.p.Upstream != 0 && test.name != "OpenAI's word for it" && test.d.Status(test.p.Upstream) != a.Status {
				t.Errorf("the head says %d, the body is that of %d", test.d.Status(test.p.Upstream), a.Status)
			}
		})
	}
	p := &hub.Problem{Status: 405, Header: [][2]string{{"allow", "POST"}}, Reason: "method_not_allowed"}
	if a := Create.Problem(p, replyTurn(nil)); len(a.Header) != 1 || a.Reason != p.Reason {
		t.Errorf("header and reason: %+v", a)
	}
}

// TestFailureCodes: what a client is told when it has begun to read the stream.
func TestFailureCodes(t *testing.T) {
	tests := []struct{ chunk, code string }{
		{`{"error":{"message":"EngineCore died","type":"InternalServerError","code":500}}`, "server_error"},
		{`{"error":{"message":"queue full","code":503}}`, "server_error"},
		{`{"error":{"message":"boom"}}`, "server_error"},
		{`{"error":"boom"}`, "server_error"},
		{`{"error":{"message":"Your prompt exceeds the maximum context length","code":400}}`, "context_length_exceeded"},
		{`{"error":{"message":"x","code":"context_length_exceeded"}}`, "context_length_exceeded"},
		{`{"error":{"message":"slow down","code":429}}`, "rate_limit_exceeded"},
		{`{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`, "rate_limit_exceeded"},
		{`{"error":{"message":"slow down","type":"rate_limit_error","code":null}}`, "rate_limit_exceeded"},
		{`{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}`, "insufficient_quota"},
		{`{"error":{"message":"the template can't render this","type":"BadRequestError","code":400}}`, "invalid_prompt"},
		{`{"error":{"message":"key","code":401}}`, "server_error"},
	}
	for _, test := range tests {
		stream := play(replyTurn(newRequest()), "data: "+test.chunk+"\n\n")
		if got := string(lastResponse(t, stream)); !strings.Contains(got, `"status":"failed","error":{"code":"`+test.code+`",`) {
			t.Errorf("%s: no %s in %s", test.chunk, test.code, got)
		}
	}
}

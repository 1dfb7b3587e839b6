package gateway

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

var anthropic = []string{"anthropic-version", "2023-06-01"}

const vllmModels = `{"object":"list","data":[{"id":"Qwen/X","object":"model","created":1795248343,"owned_by":"vllm","root":"/models/x","parent":null,"max_model_len":8192}]}`

// exchange is a request and its whole reply, as an edge that holds the head back carries them.
func exchange(t *testing.T, g *Gateway, path, body string, header []string, status int, kind, reply string) (gotStatus int, gotHeader [][2]string, got string) {
	t.Helper()
	method := "POST"
	if body == "" {
		method = "GET"
	}
	x := open(g, Env{}, method, path, header...)
	plan := x.Plan()
	if plan.Action == Local {
		return plan.Answer.Status, plan.Answer.Header, string(plan.Answer.Body)
	}
	if !plan.NoBody {
		if _, a := x.Request(nil, []byte(body)); a != nil {
			return a.Status, a.Header, string(a.Body)
		}
	}
	p := x.ReplyHead(status, values("content-type", kind))
	switch p.Mode {
	case ReplyLocal:
		return p.Answer.Status, p.Answer.Header, string(p.Answer.Body)
	case ReplyPass:
		return status, nil, reply
	case ReplyStream:
		return status, p.Edit.Set, string(x.Reply(nil, []byte(reply), true))
	}
	out, a := x.ReplyWhole(nil, []byte(reply))
	if a != nil {
		return a.Status, a.Header, string(a.Body)
	}
	if p.Status != 0 {
		status = p.Status
	}
	return status, p.Edit.Set, string(out)
}

func field(header [][2]string, name string) string {
	for _, h := range header {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

func TestModelsInAnthropicsShape(t *testing.T) {
	g := newGateway(t, `,"models":[{"name":"mine","profile":"thinking-coding","aliases":["claude-qwen","team-*"]}]`, Edge{})
	one := func(id string) string {
		_, _, got := exchange(t, g, "/v1/models/"+id, "", anthropic, 200, "application/json", vllmModels)
		if !strings.HasPrefix(got, `{"type":"model","id":"`+id+`","display_name":"`+id+`","description":"Qwen/X, `) ||
			!strings.Contains(got, `"created_at":"2026-11-21T08:05:43Z","max_input_tokens":8192,"max_tokens":8192,`) {
			t.Errorf("%s: %s", id, got)
		}
		return got
	}
	status, header, got := exchange(t, g, "/v1/models?limit=1000", "", anthropic, 200, "application/json", vllmModels)
	var list []string
	for _, name := range g.Models() {
		list = append(list, one(name))
	}
	want := `{"data":[` + strings.Join(list, ",") + `],"first_id":"` + g.Models()[0] + `","last_id":"claude-qwen","has_more":false}`
	if status != 200 || got != want {
		t.Errorf("status %d: %s, want %s", status, got, want)
	}
	if !strings.HasPrefix(field(header, "request-id"), "req_") || field(header, "content-type") != "application/json" {
		t.Errorf("%v", header)
	}

	status, header, got = exchange(t, g, "/v1/models/claude-opus-4", "", anthropic, 200, "application/json", vllmModels)
	if status != 200 || got != one("claude-opus-4") || field(header, "request-id") == "" {
		t.Errorf("status %d: %v %s", status, header, got)
	}
	if status, _, got = exchange(t, g, "/v1/models", "", nil, 200, "application/json", vllmModels); status != 200 || !strings.HasPrefix(got, `{"object":"list"`) {
		t.Errorf("without the header: %d %s", status, got)
	}

	plan := open(g, Env{}, "GET", "/v1/models/mine?limit=1", anthropic...).Plan()
	if plan.Path != "/v1/models" || plan.Route != "model" || !plan.Edit.Drops("anthropic-version") || !slices.Contains(plan.Edit.Drop, "accept-encoding") {
		t.Errorf("%+v", plan)
	}
}

func TestModelsErrorsHaveTheirClientsShape(t *testing.T) {
	g := newGateway(t, "", Edge{})
	tests := []struct {
		name, path string
		header     []string
		status     int
		kind       string
		reply      string
		want       int
		types      string // type and error.type
	}{
		{"unknown", "/v1/models/llama", anthropic, 0, "", "", 404, "error not_found_error"},
		{"unknown to OpenAI's clients", "/v1/models/llama", nil, 0, "", "", 404, " model_not_found"},
		{"refused upstream", "/v1/models", anthropic, 401, "application/json", `{"error":"Unauthorized"}`, 401, "error authentication_error"},
		{"overloaded upstream", "/v1/models/gpt-5", anthropic, 503, "text/plain", `busy`, 529, "error overloaded_error"},
		{"no list", "/v1/models", anthropic, 200, "text/html", `<html>`, 502, "error api_error"},
		{"another list", "/v1/models", anthropic, 200, "application/json", `{"data":[{"id":"Other"}]}`, 502, "error api_error"},
		{"an empty list has no entry", "/v1/models/gpt-5", anthropic, 200, "application/json", `{"data":[]}`, 502, "error api_error"},
	}
	for _, tt := range tests {
		status, header, got := exchange(t, g, tt.path, "", tt.header, tt.status, tt.kind, tt.reply)
		e := gjson.Parse(got)
		if status != tt.want || e.Get("type").String()+" "+e.Get("error.type").String() != tt.types {
			t.Errorf("%s: %d %s", tt.name, status, got)
		}
		if tt.header != nil && (e.Get("request_id").String() == "" || field(header, "request-id") != e.Get("request_id").String()) {
			t.Errorf("%s: %v %s", tt.name, header, got)
		}
	}
	if x := open(g, Env{}, "POST", "/v1/models", anthropic...); x.Plan().Answer.Status != 405 || !gjson.GetBytes(x.Plan().Answer.Body, "request_id").Exists() {
		t.Errorf("%s", x.Plan().Answer.Body)
	}
	status, _, got := exchange(t, g, "/v1/models", "", anthropic, 200, "application/json", `{"data":[]}`)
	if status != 200 || got != `{"data":[],"first_id":null,"last_id":null,"has_more":false}` {
		t.Errorf("an empty list: %d %s", status, got)
	}
}

func TestWhatAnthropicHasAndIsNotOffered(t *testing.T) {
	g := newGateway(t, "", Edge{})
	for _, path := range []string{"/v1/messages/batches", "/v1/messages/batches/msgbatch_1/results", "/v1/files", "/v1/files/file_1/content?beta=true", "/v1/skills", "/v1/complete"} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			x := open(g, Env{}, method, path, anthropic...)
			if p := x.Plan(); p.Action != Local || p.Answer.Status != 501 || gjson.GetBytes(p.Answer.Body, "error.type").String() != "not_supported" ||
				field(p.Answer.Header, "x-should-retry") != "false" {
				t.Errorf("%s %s: %+v", method, path, p)
			}
		}
	}
	for _, path := range []string{"/v1/files", "/v1/skills", "/v1/filesystem"} {
		header := anthropic
		if path != "/v1/filesystem" {
			header = nil // the upstream may have files for OpenAI's clients
		}
		if p := open(g, Env{}, "GET", path, header...).Plan(); p.Action != Pass {
			t.Errorf("%s: %+v", path, p)
		}
	}
}

const hello = `{"model":"claude-sonnet-4-5","max_tokens":100,"messages":[{"role":"user","content":"Hello, who are you?"}]}`

func TestTokensAreEstimatedWhereTheUpstreamDoesNotCount(t *testing.T) {
	g := newGateway(t, "", Edge{})
	for _, status := range []int{404, 405, 501} {
		got, header, body := exchange(t, g, "/v1/messages/count_tokens", hello, anthropic, status, "application/json", `{"detail":"Not Found"}`)
		if got != 200 || gjson.Get(body, "input_tokens").Int() != int64(len(hello)*2/7) || field(header, "qwenvoy-estimated") != "input_tokens" || field(header, "request-id") == "" {
			t.Errorf("%d: %d %v %s", status, got, header, body)
		}
	}
	if got, header, body := exchange(t, g, "/v1/messages/count_tokens", hello, anthropic, 200, "application/json", `{"count":13,"tokens":[1,2]}`); got != 200 || body != `{"input_tokens":13}` || field(header, "qwenvoy-estimated") != "" {
		t.Errorf("%d %v %s", got, header, body)
	}
	if got, _, body := exchange(t, g, "/v1/messages/count_tokens", hello, anthropic, 500, "text/plain", `x`); got != 500 || gjson.Get(body, "error.type").String() != "api_error" {
		t.Errorf("%d %s", got, body)
	}
	if got, _, body := exchange(t, g, "/v1/messages", hello, anthropic, 404, "application/json", `{"detail":"Not Found"}`); got != 404 || gjson.Get(body, "error.type").String() != "not_found_error" {
		t.Errorf("%d %s", got, body)
	}
}

func TestMessagesRepliesAndErrorsNameOneRequest(t *testing.T) {
	g := newGateway(t, "", Edge{})
	ids := map[string]bool{}
	tests := []struct {
		name   string
		body   string
		status int
		kind   string
		reply  string
		want   int
		has    string
	}{
		{"a message", hello, 200, "application/json", `{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}`, 200, `"content":[{"type":"text","text":"Hi","citations":null}]`},
		{"a stream", strings.Replace(hello, "{", `{"stream":true,`, 1), 200, "text/event-stream", "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n", 200, "event: message_stop\n"},
		{"a stream out of one piece", strings.Replace(hello, "{", `{"stream":true,`, 1), 200, "application/json", `{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}`, 200, "event: message_stop\n"},
		{"a bad request", `{"model":"claude-x","messages":[]}`, 0, "", "", 400, `"type":"invalid_request_error"`},
		{"no object", `[]`, 0, "", "", 400, `"type":"invalid_request_error"`},
		{"an unknown model", strings.Replace(hello, "claude-sonnet-4-5", "llama", 1), 0, "", "", 404, `"type":"not_found_error"`},
		{"too long", hello, 400, "application/json", `{"error":{"message":"The input (9000 tokens) is longer than the model's context length (8192 tokens).","type":"BadRequestError"}}`, 400, `"message":"prompt is too long: 9000 tokens > 8192 maximum"`},
		{"overloaded", hello, 503, "application/json", `{"error":{"message":"Full.","type":"ServiceUnavailable"}}`, 529, `"type":"overloaded_error"`},
		{"an error with status 200", hello, 200, "application/json", `{"error":{"message":"Full.","type":"x","code":503}}`, 529, `"type":"overloaded_error"`},
		{"an error with status 200 in place of a stream", strings.Replace(hello, "{", `{"stream":true,`, 1), 200, "application/json", `{"error":{"message":"Full.","type":"x","code":429}}`, 429, `"type":"rate_limit_error"`},
		{"a page", hello, 200, "text/html", `<html>`, 502, `"type":"api_error"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, header, got := exchange(t, g, "/v1/messages", tt.body, anthropic, tt.status, tt.kind, tt.reply)
			if status != tt.want || !strings.Contains(got, tt.has) {
				t.Errorf("%d %s", status, got)
			}
			id := field(header, "request-id")
			if !strings.HasPrefix(id, "req_") || ids[id] {
				t.Errorf("request-id %q of %v", id, header)
			}
			ids[id] = true
			if status >= 400 && gjson.Get(got, "request_id").String() != id {
				t.Errorf("header %s, body %s", id, got)
			}
		})
	}
}

func TestRetryAfterStays(t *testing.T) {
	x := open(newGateway(t, "", Edge{}), Env{}, "POST", "/v1/messages")
	if _, a := x.Request(nil, []byte(hello)); a != nil {
		t.Fatal(a)
	}
	p := x.ReplyHead(429, values("content-type", "application/json", "retry-after", "3"))
	if slices.Contains(p.Edit.Drop, "retry-after") || field(p.Edit.Set, "retry-after") != "" || p.Status != 0 {
		t.Errorf("%+v", p)
	}
}

// An edge that can have prompts counted is asked where the server stopped counting, and the
// client gets the two numbers by which Claude Code compacts in one step.
func TestAnOverflowIsCounted(t *testing.T) {
	const (
		bound   = "This model's maximum context length is 8192 tokens. However, your prompt contains at least 8193 input tokens, which exceeds this limit even without any output tokens."
		counted = "This model's maximum context length is 8192 tokens. However, your prompt contains 9310 input tokens, which exceeds this limit even without any output tokens."
		asked   = "This model's maximum context length is 32768 tokens. However, you requested 32000 output tokens and your prompt contains at least 769 input tokens, for a total of at least 32769 tokens."
		letters = "This model's maximum context length is 8192 tokens. However, your prompt contains 90000 characters (more than 81920 characters, which is the upper bound for 8192 input tokens)."
		create  = "/v1/messages"
		vague   = "Your input exceeds the context window of this model."

		unbounded = "Your input of 12345 tokens exceeds the context window of this model."
	)
	for _, tt := range []struct {
		name, path, says string
		status, count    int
		need             bool
		want             string
	}{
		{"a bound", create, bound, 400, 12345, true, "prompt is too long: 12345 tokens > 8192 maximum"},
		{"characters", create, letters, 400, 20000, true, "prompt is too long: 20000 tokens > 8192 maximum"},
		{"a server's own fault", create, bound, 500, 12345, true, "prompt is too long: 12345 tokens > 8192 maximum"},
		{"a prompt that would fit with a shorter answer", create, asked, 400, 9000, true, "input length and `max_tokens` exceed context limit: 9000 + 32000 > 32768, decrease input length or `max_tokens` and try again"},
		{"a prompt that leaves no room", create, asked, 400, 30000, true, "prompt is too long: (" + asked + ")"},
		{"no count to be had", create, bound, 400, 0, true, "prompt is too long: (" + bound + ")"},
		{"a count that says otherwise", create, bound, 400, 100, true, "prompt is too long: (" + bound + ")"},
		{"counted already", create, counted, 400, 1, false, "prompt is too long: 9310 tokens > 8192 maximum"},
		{"no window in the sentence", create, vague, 400, 12345, true, "prompt is too long: 12345 tokens > 8192 maximum"},
		{"a count without a window in it", create, unbounded, 400, 12345, true, "prompt is too long: 12345 tokens > 8192 maximum"},
		{"neither there nor a count", create, vague, 400, 0, true, "prompt is too long: (" + vague + ")"},
		{"a count that the window holds", create, vague, 400, 100, true, "prompt is too long: (" + vague + ")"},
		{"another refusal", create, "X is not a multimodal model", 400, 1, false, "capability_rejected: image_block (X is not a multimodal model)"},
		{"a key", create, bound, 401, 1, false, bound},
		{"count_tokens", "/v1/messages/count_tokens", bound, 400, 1, false, "prompt is too long: (" + bound + ")"},
		{"Responses", "/v1/responses", bound, 400, 1, false, bound},
	} {
		for _, counts := range []bool{true, false} {
			x := open(newGateway(t, "", Edge{}), Env{Counts: counts}, "POST", tt.path)
			body := `{"model":"claude-x","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}],"input":"Hi"}`
			if _, a := x.Request(nil, []byte(body)); a != nil {
				t.Fatalf("%s", a.Body)
			}
			x.ReplyHead(tt.status, values("content-type", "application/json"))
			out, a := x.ReplyWhole([]byte("<"), jsonedit.PutBytes(jsonedit.AppendQuoted([]byte(`{"error":{"message":`), tt.says), []byte(`}}`)))
			asks, want := 0, tt.want
			for n := x.Need(); n != nil; n = x.Need() {
				if n.Kind != hub.NeedCount {
					t.Errorf("%s: asks for %d", tt.name, n.Kind)
				}
				asks++
				out, a = x.Resume(out, hub.Given{Count: tt.count, Window: min(tt.count, 1) * 8192})
			}
			if wanted := tt.need && counts; asks > 1 || (asks == 1) != wanted {
				t.Errorf("%s, %t: asked %d times", tt.name, counts, asks)
			}
			if tt.need && !counts {
				want = "prompt is too long: (" + tt.says + ")"
			}
			got := string(out[1:])
			if a != nil {
				got = string(a.Body)
			}
			if m := gjson.Get(got, "error.message").Str; m != want || a != nil && tt.status != 401 && a.Status != 400 {
				t.Errorf("%s, %t: %+v says %q, want %q", tt.name, counts, a, m, want)
			}
		}
	}
}

package responses_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/grammar/example"
	"github.com/qwenvoy/qwenvoy/native/grammar/mutation"
	"github.com/qwenvoy/qwenvoy/native/grammar/responses"
)

func mustNumber(n int) json.Number { return json.Number(example.JSON(n)) }

// objects are the response objects of the golden streams.
func objects(t testing.TB) map[string]map[string]any {
	all := map[string]map[string]any{}
	for _, g := range example.Responses {
		for _, e := range g.Events() {
			if r, ok := e.Data["response"].(map[string]any); ok {
				all[g.Name+", "+e.Name] = r
			}
		}
	}
	return all
}

func TestGoodObjectsPass(t *testing.T) {
	for name, o := range objects(t) {
		for _, f := range responses.Object([]byte(example.JSON(o))) {
			t.Errorf("%s: %v", name, f)
		}
	}
	mustPass(t, responses.Object([]byte(example.Response(`"status":"cancelled"`, example.Usage, `"output":[{"type":"reasoning","id":"rs_1","summary":[]}]`))))
}

// An object alone has no second place that says the same, so that a value may become
// another of its kind. But no key may go, be null or of another type.
func TestEveryMissingKeyOfAnObjectIsSeen(t *testing.T) {
	exceptions := []struct{ path, change, why string }{
		{`usage`, `null`, "nobody may have counted"},
		{`output(\[.*)?|tools(\[\d\])?|.*\.(content|summary|logprobs|top_logprobs|bytes|command|commands|annotations)\[\d\]`, `delete`, "an array may be shorter"},
		{`tools\[\d\]\.(description|parameters|strict|name)`, `null`, "echo of what the client sent"},
		{`tools\[0\].parameters\..*|text.format.schema\..*`, `delete|null|type`, "the client's own schema"},
		{`metadata.team`, `delete`, "the client's own key"},
		{`.*\.(phase|namespace|encrypted_content|verbosity|logprobs)|output\[0\].content`, `delete`, "may be absent"},
		{`text.format.strict`, `delete|null`, "may be absent"},
		{`tool_choice.name`, `delete|null|type`, "belongs to the kinds of tool choice, which are many"},
		{`.*\.(query|env.A)`, `delete|null|type`, "the model's own arguments"},
		{`.*\.max_output_length`, `null`, "may be null"},
		{`instructions|reasoning.effort|reasoning.summary|prompt_cache_key`, `null`, "null if the client sent none"},
	}
	for name, o := range objects(t) {
		if strings.HasSuffix(name, "response.created") || strings.HasSuffix(name, "response.in_progress") && !strings.HasPrefix(name, "text") {
			continue // all the same
		}
		for _, m := range mutation.Objects(o) {
			if m.Change == "other" || len(responses.Object(m.Events[0].JSON())) > 0 {
				continue
			}
			why := ""
			for _, e := range exceptions {
				if matches(e.path, m.Path) && matches(e.change, m.Change) {
					why = e.why
				}
			}
			if why == "" {
				t.Errorf("%s: %s went unseen", name, m)
			}
		}
	}
}

func TestTheStatusOfAnObjectFits(t *testing.T) {
	call := func(status string) string {
		return `"output":[{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{}","status":"` + status + `"}]`
	}
	tests := []struct {
		name, object, fault string
	}{
		{"completed without a time", example.Response(`"status":"completed"`), "completed_at is null; must stand there"},
		{"time without completed", example.Response(`"completed_at":1764000001`), `completed_at is 1764000001; must be null unless status is "completed"`},
		{"completed before it was created", example.Response(`"status":"completed"`, `"completed_at":1`), "may not be before created_at"},
		{"failed without error", example.Response(`"status":"failed"`), "error is null; must stand there"},
		{"error without code", example.Response(`"status":"failed"`, `"error":{"message":"m"}`), "error.code is missing"},
		{"incomplete without reason", example.Response(`"status":"incomplete"`), "incomplete_details is null; must stand there"},
		{"foreign reason", example.Response(`"status":"incomplete"`, `"incomplete_details":{"reason":"length"}`), `incomplete_details.reason is "length"; must be`},
		{"finished with a running item", example.Response(`"status":"completed"`, `"completed_at":1764000001`, call("in_progress")), "only the last item may be, while the response runs"},
		{"completed with a cut item", example.Response(`"status":"completed"`, `"completed_at":1764000001`, call("incomplete")), "only the last item may be, in a response that isn't completed"},
		{"not JSON", "{", "is not JSON"},
		{"foreign status", example.Response(`"status":"done"`), `status is "done"; must be`},
		{"tools without description", example.Response(`"tools":[{"type":"function","name":"f","parameters":{},"strict":null}]`), "tools[0].description is missing"},
		{"raw reasoning and summary", example.Response(`"output":[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"a"}],"content":[{"type":"reasoning_text","text":"a"}]}]`), "reasoning stands in one of them"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { mustFail(t, responses.Object([]byte(tt.object)), tt.fault) })
	}
	mustPass(t, responses.Object([]byte(example.Response(call("in_progress")))))
	if f := responses.Object([]byte(strings.Replace(example.Response(), `"store":false,`, "", 1))); len(f) != 1 || f[0].Error() != "store is missing" {
		t.Error(f)
	}
}

package responses

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// What a client sends again beside what is stored goes to the model once; thinking comes back by its id.
func TestWhatIsSentAgainGoesToTheModelOnce(t *testing.T) {
	e, v := gateway(t, simulator.Options{}, nil)
	first, object := e.create(say(thinking, "hello"))
	output, _ := json.Marshal(object["output"])
	resent := strings.Trim(string(output), "[]")
	var thoughtID string
	for _, item := range object["output"].([]any) {
		if item := item.(map[string]any); item["type"] == "reasoning" {
			thoughtID = item["id"].(string)
		}
	}
	check := func(where string, users int) {
		t.Helper()
		if n := strings.Count(v.last(), `"role":"assistant"`); n != 1 {
			t.Errorf("%s: %d answers in %s", where, n, v.last())
		}
		if n := strings.Count(v.last(), `"role":"user"`); n != users {
			t.Errorf("%s: %d users in %s", where, n, v.last())
		}
		if !strings.Contains(v.last(), `"reasoning":"`) {
			t.Errorf("%s: no thinking in %s", where, v.last())
		}
	}
	next := `{"role":"user","content":"and?"}`
	e.create(`{"model":"` + thinking + `","previous_response_id":"` + first + `","input":[` + resent + `,` + next + `]}`)
	check("beside a response", 2)

	conversation := e.conversation(`{"items":[{"role":"user","content":"hello"},` + resent + `]}`)
	e.create(`{"model":"` + thinking + `","conversation":"` + conversation + `","input":[` + resent + `,` + next + `]}`)
	check("beside a conversation", 2)

	c := e.dial()
	c.send(`{"type":"response.create","model":"` + thinking + `","input":[{"role":"user","content":"hello"},` + resent + `,` + resent + `,` + next + `]}`)
	c.turn()
	check("on a socket", 2)

	var answer string
	for _, item := range object["output"].([]any) {
		if item := item.(map[string]any); item["type"] == "message" {
			b, _ := json.Marshal(item)
			answer = string(b)
		}
	}
	e.create(`{"model":"` + thinking + `","input":[{"role":"user","content":"hello"},{"type":"reasoning","id":"` + thoughtID + `","summary":[]},` + answer + `,` + next + `]}`)
	check("by the thinking's id", 2)
	e.do("POST", "/v1/responses/input_tokens", `{"model":"`+thinking+`","previous_response_id":"`+first+`","input":[`+resent+`,`+next+`]}`)
	check("counted", 2)
}

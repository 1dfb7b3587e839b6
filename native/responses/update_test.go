package responses

import (
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// An update of the configuration counts for all that goes on from it, wherever its items are kept.
func TestAnUpdateCountsInWhatGoesOn(t *testing.T) {
	const off = `{"type":"configuration_update","reasoning":{"effort":"none"}}`
	input := `"input":[{"role":"user","content":"hello"},` + off + `]`
	e, v := gateway(t, simulator.Options{}, nil)
	wants := func(where, state string) {
		t.Helper()
		if !strings.Contains(v.last(), `"enable_thinking":`+state) {
			t.Errorf("%s: %s", where, v.last())
		}
	}
	first, _ := e.create(`{"model":"` + thinking + `",` + input + `}`)
	wants("itself", "false")
	second, _ := e.create(say(thinking, "hello", `"previous_response_id":"`+first+`"`))
	wants("behind a response", "false")
	e.create(say(thinking, "hello", `"previous_response_id":"`+second+`"`, `"reasoning":{"effort":"high"}`))
	wants("behind two, beside the request's own", "false")

	conversation := e.conversation(`{"items":[` + off + `]}`)
	e.create(say(thinking, "hello", `"conversation":"`+conversation+`"`))
	wants("in a conversation", "false")
	e.create(`{"model":"` + thinking + `","conversation":"` + conversation + `","input":[{"role":"user","content":"hello"},{"type":"configuration_update","reasoning":{"effort":"low"}}]}`)
	wants("in a conversation, changed", "true")
	e.create(say(thinking, "hello", `"conversation":"`+conversation+`"`))
	wants("in a conversation, later", "true")

	for _, store := range []string{"true", "false"} {
		c := e.dial()
		c.send(`{"type":"response.create","model":"` + thinking + `","store":` + store + `,` + input + `}`)
		last, _ := c.turn()
		c.send(`{"type":"response.create","model":"` + thinking + `","store":` + store + `,"input":"hello","previous_response_id":"` + id(last) + `"}`)
		c.turn()
		wants("on a socket, store "+store, "false")
	}
	e.do("POST", "/v1/responses/input_tokens", say(thinking, "hello", `"previous_response_id":"`+first+`"`))
	wants("counted", "false")
	e.do("POST", "/v1/conversations", `{"items":[{"type":"configuration_update","reasoning":{"effort":"huge"}}]}`).wants(t, 400, "items[0].reasoning.effort", "invalid_value")
}

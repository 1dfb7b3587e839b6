package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// A place takes a body: a path, a WebSocket, the background.
type place struct {
	name, path string
	body       string // a good one
	state      bool   // only the binary has it
	socket     bool   // the body is a message on a WebSocket
	chat       bool   // the body goes up much as it is
}

// Parts of the places' bodies.
const (
	chatTools  = `[{"type":"function","function":{"name":"get_weather","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}]`
	flatTools  = `[{"type":"function","name":"get_weather","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]},"strict":false}]`
	namedTools = `[{"name":"get_weather","description":"d","input_schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]`
	chatTurns  = `[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Weather in Rome?"}]},` +
		`{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Rome\"}"}}]},` +
		`{"role":"tool","tool_call_id":"c1","content":"sunny"},{"role":"user","content":"hello é 😀"}]`
	items = `[{"role":"system","content":"Be brief."},{"type":"message","role":"user","content":[{"type":"input_text","text":"Weather in Rome?"}]},` +
		`{"type":"function_call","call_id":"c1","name":"get_weather","arguments":"{\"city\":\"Rome\"}"},` +
		`{"type":"function_call_output","call_id":"c1","output":"sunny"},{"role":"user","content":"hello é 😀"}]`
	blocks = `[{"role":"user","content":[{"type":"text","text":"Weather in Rome?"}]},` +
		`{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"get_weather","input":{"city":"Rome"}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"sunny"},{"type":"text","text":"hello é 😀"}]}]`
)

// places are all of a gateway's. It makes the conversation and the response that some of them
// name.
func places(ctx context.Context, c *client, stateless bool) ([]place, error) {
	chat := `{"model":"` + virtual + `","messages":` + chatTurns + `,"tools":` + chatTools + `,"tool_choice":"auto","temperature":0.5,"top_p":0.9,"max_tokens":50,"stop":["END"],"n":1,"seed":3%s}`
	responses := `{"model":"` + virtual + `","input":` + items + `,"instructions":"Answer.","tools":` + flatTools + `,"tool_choice":"auto","temperature":0.5,"max_output_tokens":50,"metadata":{"a":"b"}%s}`
	messages := `{"model":"` + virtual + `","system":"Be brief.","messages":` + blocks + `,"tools":` + namedTools + `,"tool_choice":{"type":"auto"}%s}`
	all := []place{
		{name: "chat", chat: true, path: "/v1/chat/completions", body: fmt.Sprintf(chat, "")},
		{name: "chat, stream", chat: true, path: "/v1/chat/completions", body: fmt.Sprintf(chat, `,"stream":true,"stream_options":{"include_usage":true}`)},
		{name: "completions", chat: true, path: "/v1/completions", body: `{"model":"` + virtual + `","prompt":"Once upon","max_tokens":20,"temperature":0.5,"stop":["END"],"n":1,"echo":false}`},
		{name: "messages", path: "/v1/messages", body: fmt.Sprintf(messages, `,"max_tokens":50,"temperature":0.5,"stop_sequences":["END"]`)},
		{name: "messages, stream", path: "/v1/messages", body: fmt.Sprintf(messages, `,"max_tokens":50,"stream":true`)},
		{name: "count_tokens", path: "/v1/messages/count_tokens", body: fmt.Sprintf(messages, "")},
		{name: "responses", path: "/v1/responses", body: fmt.Sprintf(responses, `,"store":false`)},
		{name: "responses, stream", path: "/v1/responses", body: fmt.Sprintf(responses, `,"store":false,"stream":true`)},
		{name: "input_tokens", path: "/v1/responses/input_tokens", body: `{"model":"` + virtual + `","input":` + items + `,"tools":` + flatTools + `}`},
		{name: "compact", path: "/v1/responses/compact", body: `{"model":"` + virtual + `","input":` + items + `}`},
		{name: "tokenize", chat: true, path: "/tokenize", body: `{"model":"` + virtual + `","messages":` + chatTurns + `,"tools":` + chatTools + `}`},
		{name: "detokenize", chat: true, path: "/detokenize", body: `{"model":"` + virtual + `","tokens":[1,2,3]}`},
	}
	if stateless {
		return all, nil
	}
	made := c.ask(ctx, "POST", "/v1/conversations", `{"items":[{"role":"user","content":"first"}]}`)
	first := c.ask(ctx, "POST", "/v1/responses", `{"model":"`+virtual+`","input":"hello"}`)
	conversation, previous := made.get("id"), first.get("id")
	if conversation == "" || previous == "" {
		return nil, fmt.Errorf("nothing is stored: %+v, %+v", made, first)
	}
	return append(all,
		place{name: "conversations", path: "/v1/conversations", body: `{"items":` + items + `,"metadata":{"a":"b"}}`, state: true},
		place{name: "items of a conversation", path: "/v1/conversations/" + conversation + "/items", body: `{"items":[{"role":"user","content":"more"}]}`, state: true},
		place{name: "update of a conversation", path: "/v1/conversations/" + conversation, body: `{"metadata":{"a":"b"}}`, state: true},
		place{name: "responses, stored", path: "/v1/responses", body: fmt.Sprintf(responses, `,"store":true`), state: true},
		place{name: "responses, in the background", path: "/v1/responses", body: fmt.Sprintf(responses, `,"background":true`), state: true},
		place{name: "responses, in a conversation", path: "/v1/responses", body: fmt.Sprintf(responses, `,"conversation":"`+conversation+`"`), state: true},
		place{name: "responses, after another", path: "/v1/responses", body: fmt.Sprintf(responses, `,"previous_response_id":"`+previous+`"`), state: true},
		place{name: "WebSocket", body: fmt.Sprintf(responses, `,"type":"response.create"`), state: true, socket: true},
	), nil
}

// send sends a body to a place. ok: it was served, as only a good one may be; wrong: what is
// wrong with the answer, whatever the body.
func (p *place) send(ctx context.Context, c *client, body string, header ...string) (ok bool, wrong string) {
	if p.socket {
		return sendMessage(ctx, c, body)
	}
	a := c.ask(ctx, "POST", p.path, body, header...)
	switch {
	case a.hung():
		return false, "it hangs"
	case a.err != nil:
		return false, "it breaks off: " + a.err.Error()
	case a.status < 300:
		return true, ""
	case a.status >= 500 && a.status != 503 && a.status != 529:
		return false, fmt.Sprintf("status %d: %s", a.status, a.text)
	case !gjson.Valid(a.text) || a.get("error.message") == "":
		return false, fmt.Sprintf("status %d is no error in JSON: %s", a.status, a.text)
	}
	return false, ""
}

func sendMessage(ctx context.Context, c *client, body string) (ok bool, wrong string) {
	s, err := c.dial(ctx)
	if err != nil {
		return false, "no WebSocket: " + err.Error()
	}
	defer s.close()
	last, _, err := s.turn(body)
	switch {
	case s.ctx.Err() != nil:
		return false, "the WebSocket hangs"
	case err != nil: // closed for what it was sent
		if strings.Contains(err.Error(), "StatusInternalError") {
			return false, err.Error()
		}
		return false, ""
	case gjson.Get(last, "type").Str == "error":
		return false, ""
	}
	return true, ""
}

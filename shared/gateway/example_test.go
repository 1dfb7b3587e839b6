package gateway_test

import (
	"fmt"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// One request of the Messages API and its reply, a stream, as an edge carries them.
func ExampleExchange() {
	cfg, err := config.Decode([]byte(`{"upstreams": [{"name": "local", "model": "Qwen/Qwen3.5-397B-A17B-FP8", "api_key": "sk-up"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	g, err := gateway.New(cfg, gateway.Edge{}) // once, for all exchanges
	if err != nil {
		fmt.Println(err)
		return
	}

	// 1. All that is decided about the head is decided from the head.
	header := map[string]string{"content-type": "application/json", "x-api-key": "sk-client"}
	get := func(name string) string { return header[name] }
	draws := uint64(0)
	x := g.Open(
		gateway.Head{Method: "POST", Path: "/v1/messages", Header: get, Credential: access.Read(get)},
		gateway.Env{
			Now:          1795248367,
			Random:       func() uint64 { draws++; return draws },
			LearnsWindow: true,
		})
	defer x.Close()
	plan := x.Plan()
	if plan.Action != gateway.Transform { // else it passes untouched, or plan.Answer is the reply
		return
	}
	fmt.Println("to", plan.Path)
	for _, field := range plan.Edit.Set {
		fmt.Printf("%s: %s\n", field[0], field[1])
	}

	// 2. The whole body. What the core can't know it asks for, and goes on when it is given:
	// here the model's context window, of 8192 tokens.
	body, answer := x.Request(nil, []byte(`{"model":"claude-sonnet-4-5","max_tokens":32000,"thinking":{"type":"adaptive"},"stream":true,`+
		`"messages":[{"role":"user","content":"Hi"}]}`))
	for n := x.Need(); n != nil; n = x.Need() {
		given := hub.Given{}
		if n.Kind == hub.NeedWindow {
			given.Window = 8192
		}
		body, answer = x.Resume(body, given)
	}
	if answer != nil { // a refusal, in the client's dialect
		fmt.Printf("%d %s\n", answer.Status, answer.Body)
		return
	}
	for _, name := range []string{"model", "max_completion_tokens", "chat_template_kwargs", "messages"} {
		v, _ := jsonedit.Parse(body)
		fmt.Printf("%s: %s\n", name, v.Get(name).Raw())
	}

	// 3. and 4. The upstream's head, then its stream in chunks that end anywhere. What is ready
	// goes out at once.
	upstream := map[string]string{"content-type": "text/event-stream"}
	if p := x.ReplyHead(200, func(name string) string { return upstream[name] }); p.Mode != gateway.ReplyStream {
		return
	}
	show := func(events []byte) {
		for line := range strings.Lines(string(events)) {
			if strings.HasPrefix(line, "event: ") { // its data, which is long, is left out here
				fmt.Print(line)
			}
		}
	}
	for _, chunk := range []string{
		`data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Hel`,
		`lo."}}]}` + "\n\n" + `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n",
		"data: [DONE]\n\n",
	} {
		fmt.Printf("a chunk of %d bytes\n", len(chunk))
		show(x.Reply(nil, []byte(chunk), false))
	}
	show(x.Reply(nil, nil, true))

	// 6. What happened, for logs and metrics.
	r := x.Report()
	fmt.Println(r.Route, r.Model, r.Finish)
	// Output:
	// to /v1/chat/completions
	// authorization: Bearer sk-up
	// model: "Qwen/Qwen3.5-397B-A17B-FP8"
	// max_completion_tokens: 8192
	// chat_template_kwargs: {"enable_thinking":true}
	// messages: [{"role":"user","content":"Hi"}]
	// a chunk of 71 bytes
	// a chunk of 77 bytes
	// event: message_start
	// event: ping
	// event: content_block_start
	// event: content_block_delta
	// a chunk of 14 bytes
	// event: content_block_stop
	// event: message_delta
	// event: message_stop
	// messages qwen3.5-thinking-coding stop
}

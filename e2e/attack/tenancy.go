package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// A tenant is who sends a key. secret is in all that it has stored.
type tenant struct {
	header []string
	secret string
	// what it has
	response, background, conversation, item string
	socket                                   *socket
	last                                     string // the response that the socket remembers
}

// impostors are headers that are not the key "key-a", however much they look like it.
var impostors = [][]string{
	{}, {"authorization", "Bearer key-b"}, {"x-api-key", "key-b"}, {"authorization", "Bearer key-A"}, {"authorization", "Bearer key-"},
	{"authorization", "Bearer key-aa"}, {"authorization", "Bearer key-a,key-b"}, {"authorization", "Bearer key-b, Bearer key-a"},
	{"authorization", "Bearer"}, {"authorization", "Bearer Bearer key-a"}, {"authorization", "Bearer key-a\t x"},
	{"authorization", "Bearer key-b", "x-api-key", "key-a"}, {"x-api-key", "Bearer key-a"}, {"api-key", "key-b"}, {"cookie", "authorization=Bearer key-a"},
	{"x-forwarded-authorization", "Bearer key-a"}, {"proxy-authorization", "Bearer key-a"}, {"openai-organization", "key-a"},
}

// tenancy stores things under a key and asks for them with others, in every way there is; then
// many at once say something of their own and must read nothing else.
func tenancy(ctx context.Context, r *round) error {
	g, err := r.open(r.serve(simulator.New(simulator.Options{Control: true, MaxModelLen: 8192})), map[string]any{"responses": map[string]any{"background_jobs": 1000}})
	if err != nil {
		return err
	}
	c := r.reach(g)
	for n := range r.size(1, 6) {
		owner := &tenant{header: []string{"authorization", "Bearer key-a"}, secret: fmt.Sprintf("secret-%d", n)}
		if err := owner.store(ctx, c); err != nil {
			return err
		}
		each(impostors, 4, func(header []string) { r.trespass(ctx, c, owner, header) })
		r.intact(ctx, c, owner)
		owner.socket.close()
	}
	r.crowd(ctx, c, r.size(400, 3000))
	return nil
}

// store stores one thing of each kind.
func (t *tenant) store(ctx context.Context, c *client) (err error) {
	say := func(members string) string {
		return `{"model":"` + instruct + `","input":"` + t.secret + `"` + members + `}`
	}
	a := c.ask(ctx, "POST", "/v1/responses", say(`,"metadata":{"a":"`+t.secret+`"}`), t.header...)
	t.response = a.get("id")
	t.background = c.ask(ctx, "POST", "/v1/responses", say(`,"background":true`), append([]string{"x-simulate", "slow=20ms"}, t.header...)...).get("id")
	made := c.ask(ctx, "POST", "/v1/conversations", `{"items":[{"role":"user","content":"`+t.secret+`"}]}`, t.header...)
	t.conversation = made.get("id")
	t.item = c.ask(ctx, "GET", "/v1/conversations/"+t.conversation+"/items", "", t.header...).get("data.0.id")
	if t.socket, err = c.dial(ctx, t.header...); err != nil {
		return err
	}
	last, _, err := t.socket.turn(`{"type":"response.create","store":false,"model":"` + instruct + `","input":"` + t.secret + `"}`)
	t.last = gjson.Get(last, "response.id").Str
	if t.response == "" || t.background == "" || t.conversation == "" || t.item == "" || t.last == "" {
		return fmt.Errorf("nothing is stored: %+v, %+v, %s, %v", a, made, last, err)
	}
	return nil
}

// trespass asks for all that a tenant has with headers that are another's.
func (r *round) trespass(ctx context.Context, c *client, owner *tenant, header []string) {
	create := func(member string) string {
		return `{"model":"` + instruct + `","input":"what did I say?",` + member + `}`
	}
	tries := []struct{ method, path, body string }{}
	try := func(method, path, body string) {
		tries = append(tries, struct{ method, path, body string }{method, path, body})
	}
	for _, id := range []string{owner.response, owner.background, owner.last} {
		try("GET", "/v1/responses/"+id, "")
		try("GET", "/v1/responses/"+id+"?stream=true", "")
		try("GET", "/v1/responses/"+id+"?include=reasoning.encrypted_content", "")
		try("GET", "/v1/responses/"+id+"/input_items", "")
		try("POST", "/v1/responses/"+id+"/cancel", "")
		try("DELETE", "/v1/responses/"+id, "")
		try("POST", "/v1/responses", create(`"previous_response_id":"`+id+`"`))
		try("POST", "/v1/responses", create(`"background":true,"previous_response_id":"`+id+`"`))
		try("POST", "/v1/responses/input_tokens", create(`"previous_response_id":"`+id+`"`))
		try("POST", "/v1/responses/compact", create(`"previous_response_id":"`+id+`"`))
	}
	k := owner.conversation
	for _, p := range []string{"", "/items", "/items/" + owner.item} {
		try("GET", "/v1/conversations/"+k+p, "")
		try("DELETE", "/v1/conversations/"+k+p, "")
	}
	try("POST", "/v1/conversations/"+k, `{"metadata":{"taken":"over"}}`)
	try("POST", "/v1/conversations/"+k+"/items", `{"items":[{"role":"user","content":"mine"}]}`)
	try("POST", "/v1/responses", create(`"conversation":"`+k+`"`))
	try("POST", "/v1/responses", create(`"conversation":{"id":"`+k+`"}`))
	for _, path := range []string{"/v1/responses", "/v1/responses/input_tokens", "/v1/responses/compact"} {
		try("POST", path, `{"model":"`+instruct+`","input":[{"role":"user","content":"hi"},{"type":"item_reference","id":"`+owner.item+`"}]}`)
	}
	try("POST", "/v1/conversations", `{"items":[{"type":"item_reference","id":"`+owner.item+`"}]}`)
	for _, t := range tries {
		a := c.ask(ctx, t.method, t.path, t.body, header...)
		r.tried.Add(1)
		switch {
		case a.err != nil && strings.Contains(a.err.Error(), "invalid header"):
		case a.err != nil:
			r.problem("%s %s with %q: %v", t.method, t.path, header, a.err)
		case a.status < 400 || strings.Contains(a.text, owner.secret):
			r.problem("%s %s %s with %q: %d %s", t.method, t.path, t.body, header, a.status, a.text)
		}
	}
	s, err := c.dial(ctx, header...)
	if err != nil {
		return // refused, as it should be
	}
	defer s.close()
	for _, member := range []string{`"previous_response_id":"` + owner.last + `"`, `"previous_response_id":"` + owner.response + `"`, `"conversation":"` + k + `"`} {
		last, all, err := s.turn(`{"type":"response.create",` + create(member)[1:])
		r.tried.Add(1)
		if err != nil {
			return
		}
		if gjson.Get(last, "type").Str != "error" || strings.Contains(strings.Join(all, ""), owner.secret) {
			r.problem("a WebSocket with %q and %s: %s", header, member, last)
		}
	}
}

// intact finds out whether a tenant still has what it had.
func (r *round) intact(ctx context.Context, c *client, t *tenant) {
	for _, path := range []string{"/v1/responses/" + t.response, "/v1/responses/" + t.background, "/v1/responses/" + t.response + "/input_items",
		"/v1/conversations/" + t.conversation, "/v1/conversations/" + t.conversation + "/items/" + t.item} {
		a := c.ask(ctx, "GET", path, "", t.header...)
		r.tried.Add(1)
		if a.status != http.StatusOK || strings.Contains(a.text, "taken") || strings.Contains(path, "item") && !strings.Contains(a.text, t.secret) || a.get("status") == "cancelled" {
			r.problem("afterwards its owner gets %d %s from %s", a.status, a.text, path)
		}
	}
	last, _, err := t.socket.turn(`{"type":"response.create","store":false,"model":"` + instruct + `","input":"more","previous_response_id":"` + t.last + `"}`)
	if err != nil || gjson.Get(last, "type").Str != "response.completed" {
		r.problem("afterwards the owner's WebSocket says %s (%v)", last, err)
	}
}

// crowd has many keys say something of their own at once; each reads only that.
func (r *round) crowd(ctx context.Context, c *client, n int) {
	turns := make([]int, n)
	for i := range turns {
		turns[i] = i
	}
	each(turns, 16, func(i int) {
		word, header := fmt.Sprintf("mark%06dx", i), []string{"authorization", fmt.Sprintf("Bearer key-%d", i%7)}
		stream := fmt.Sprint(i%2 == 0)
		path, body := "/v1/chat/completions", `{"model":"`+instruct+`","messages":[{"role":"user","content":"`+word+`"}],"stream":`+stream+`}`
		switch i % 3 {
		case 1:
			path, body = "/v1/responses", `{"model":"`+instruct+`","input":"`+word+`","stream":`+stream+`}`
		case 2:
			path, body = "/v1/messages", `{"model":"`+instruct+`","max_tokens":50,"messages":[{"role":"user","content":"`+word+`"}],"stream":`+stream+`}`
		}
		a := c.ask(ctx, "POST", path, body, header...)
		r.tried.Add(1)
		if others := strings.ReplaceAll(a.text, word, ""); a.err != nil || a.status != http.StatusOK || strings.Contains(others, "mark0") {
			r.problem("%s, %s: %d %v %s", word, path, a.status, a.err, a.text)
		}
	})
}

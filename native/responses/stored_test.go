package responses

import (
	"fmt"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

func create(input string, members ...string) string {
	return `{"model":"qwen3.5-instruct-general","input":"` + input + `"` + strings.Join(append([]string{""}, members...), ",") + `}`
}

func TestAStoredResponseIsGotListedAndDeleted(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		t.Run(fmt.Sprintf("streamed=%v", streamed), func(t *testing.T) {
			e := start(t, setup{})
			var id string
			if streamed {
				r := e.do("POST", "/v1/responses", create("hello", `"stream":true`))
				events := readEvents(t, r.text)
				last := events[len(events)-1]
				if last.kind != "response.completed" {
					t.Fatal(r.text)
				}
				id = last.response()["id"].(string)
			} else {
				id, _ = e.create(create("hello"))
			}
			got := e.do("GET", "/v1/responses/"+id, "")
			if got.status != 200 || got.object["status"] != "completed" || answerOf(got.object) != "0 before: hello" {
				t.Fatalf("%d %s", got.status, got.text)
			}
			list := e.do("GET", "/v1/responses/"+id+"/input_items", "")
			data := list.object["data"].([]any)
			if len(data) != 1 || textOf(data[0]) != "hello" || list.object["has_more"] != false {
				t.Fatal(list.text)
			}
			item := data[0].(map[string]any)
			if item["type"] != "message" || item["role"] != "user" || item["id"] != list.object["first_id"] || item["id"] != list.object["last_id"] || !strings.HasPrefix(item["id"].(string), "msg_") {
				t.Error(list.text)
			}
			gone := e.do("DELETE", "/v1/responses/"+id, "")
			if gone.status != 200 || gone.text != `{"id":"`+id+`","object":"response","deleted":true}` {
				t.Errorf("%d %s", gone.status, gone.text)
			}
			for _, r := range []reply{e.do("GET", "/v1/responses/"+id, ""), e.do("DELETE", "/v1/responses/"+id, ""), e.do("GET", "/v1/responses/"+id+"/input_items", "")} {
				r.wants(t, 404, "id", nil, id)
			}
			e.do("POST", "/v1/responses", create("more", `"previous_response_id":"`+id+`"`)).wants(t, 400, "previous_response_id", "previous_response_not_found", id)
		})
	}
}

func TestInputItemsArePaged(t *testing.T) {
	e := start(t, setup{})
	first, _ := e.create(create("one"))
	second, _ := e.create(create("two", `"previous_response_id":"`+first+`"`))
	third, _ := e.create(`{"model":"qwen3.5-instruct-general","previous_response_id":"` + second + `","input":[{"role":"user","content":"three"},{"type":"message","id":"msg_mine","role":"assistant","content":"four"},{"role":"user","content":[{"type":"input_text","text":"five"}]}]}`)
	texts := func(query string) (out []string, list reply) {
		list = e.do("GET", "/v1/responses/"+third+"/input_items"+query, "")
		if list.status != 200 {
			t.Fatal(list.text)
		}
		for _, item := range list.object["data"].([]any) {
			out = append(out, textOf(item))
		}
		return out, list
	}
	all := "one|0 before: one|two|2 before: two|three|four|five"
	got, list := texts("?order=asc")
	if strings.Join(got, "|") != all {
		t.Fatal(list.text)
	}
	backwards, _ := texts("")
	for i := range backwards {
		if backwards[i] != got[len(got)-1-i] {
			t.Fatalf("%v", backwards)
		}
	}
	var paged []string
	after := ""
	for pages := 1; ; pages++ {
		page, list := texts("?order=asc&limit=2" + after)
		paged = append(paged, page...)
		if list.object["has_more"] != true {
			if pages != 4 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		after = "&after=" + list.object["last_id"].(string)
	}
	if strings.Join(paged, "|") != all {
		t.Errorf("%v", paged)
	}
	if !strings.Contains(list.text, `"id":"msg_mine"`) || !strings.Contains(list.text, `"type":"output_text","text":"four"`) {
		t.Error(list.text)
	}
	for _, q := range []string{"limit=0", "limit=101", "limit=x"} {
		e.do("GET", "/v1/responses/"+third+"/input_items?"+q, "").wants(t, 400, "limit", "invalid_value", "1 to 100")
	}
	e.do("GET", "/v1/responses/"+third+"/input_items?order=up", "").wants(t, 400, "order", "invalid_value", "asc")
	e.do("GET", "/v1/responses/"+third+"/input_items?after=msg_none", "").wants(t, 404, "after", nil, "msg_none")
}

func TestContextIsTheChainInOrder(t *testing.T) {
	e := start(t, setup{})
	first, _ := e.create(create("one"))
	second, object := e.create(create("two", `"previous_response_id":"`+first+`"`))
	if answerOf(object) != "2 before: two" {
		t.Error(answerOf(object))
	}
	third, object := e.create(create("three", `"previous_response_id":"`+second+`"`))
	if answerOf(object) != "4 before: three" {
		t.Error(answerOf(object))
	}
	_, object = e.create(create("fork", `"previous_response_id":"`+second+`"`))
	if answerOf(object) != "4 before: fork" {
		t.Error(answerOf(object))
	}
	e.do("DELETE", "/v1/responses/"+second, "")
	e.do("POST", "/v1/responses", create("four", `"previous_response_id":"`+third+`"`)).wants(t, 400, "previous_response_id", "previous_response_not_found", "deleted")
	if r := e.do("GET", "/v1/responses/"+third, ""); r.status != 200 {
		t.Error(r.text)
	}
}

func TestAReferenceIsStoredAsTheItemThatItNames(t *testing.T) {
	e := start(t, setup{})
	_, first := e.create(create("one"))
	item := first["output"].([]any)[0].(map[string]any)["id"].(string)
	for _, reference := range []string{`{"type":"item_reference","id":"` + item + `"}`, `{"id":"` + item + `"}`} {
		second, _ := e.create(`{"model":"qwen3.5-instruct-general","input":[` + reference + `,{"role":"user","content":"two"}]}`)
		list := e.do("GET", "/v1/responses/"+second+"/input_items?order=asc", "")
		if got := list.object["data"].([]any); len(got) != 2 || textOf(got[0]) != "0 before: one" || got[0].(map[string]any)["id"] != item {
			t.Error(list.text)
		}
		e.do("POST", "/v1/responses", `{"model":"qwen3.5-instruct-general","input":[`+reference+`,{"role":"user","content":"two"}]}`, "Authorization", "Bearer other").wants(t, 400, "input[0].id", "invalid_value", "no stored item")
	}
}

func TestStoreFalseLeavesNothing(t *testing.T) {
	e := start(t, setup{})
	id, object := e.create(create("hello", `"store":false`))
	if object["store"] != false {
		t.Error(object)
	}
	e.do("GET", "/v1/responses/"+id, "").wants(t, 404, "id", nil)
	e.do("POST", "/v1/responses", create("more", `"previous_response_id":"`+id+`"`)).wants(t, 400, "previous_response_id", "previous_response_not_found")
	// It may go on from what is stored, though.
	kept, _ := e.create(create("one"))
	if _, object := e.create(create("two", `"store":false`, `"previous_response_id":"`+kept+`"`)); answerOf(object) != "2 before: two" {
		t.Error(answerOf(object))
	}
}

func TestStoringCanBeSwitchedOff(t *testing.T) {
	e := start(t, setup{config: func(c *config.Config) { c.Responses.Store = false }})
	for _, store := range []string{`"store":null`, `"store":true`} {
		id, object := e.create(create("hello", store))
		if object["store"] != false {
			t.Error(object)
		}
		e.do("GET", "/v1/responses/"+id, "").wants(t, 404, "id", nil)
	}
	e.do("POST", "/v1/responses", create("hello", `"background":true`)).wants(t, 400, "background", "unsupported_parameter", "responses.store")
	// A conversation that never grows would be none.
	for _, path := range []string{"/v1/conversations", "/v1/conversations/conv_1/items"} {
		e.do("POST", path, `{"items":[{"role":"user","content":"hello"}]}`).wants(t, 400, nil, "unsupported_parameter", "responses.store")
	}
	e.do("POST", "/v1/responses", create("hello", `"conversation":"conv_1"`)).wants(t, 400, "conversation", "unsupported_parameter", "responses.store")
}

func TestAConversationFromBeforeStoringWasSwitchedOffIsStillThere(t *testing.T) {
	e := start(t, setup{})
	id := e.conversation(`{"items":[{"role":"user","content":"before"}]}`)
	off := *e.archive.Config()
	off.Responses.Store = false
	e.archive.Reload(&off)
	if got := e.texts(id); got != "before" {
		t.Error(got)
	}
	e.do("POST", "/v1/responses", create("hello", `"conversation":"`+id+`"`)).wants(t, 400, "conversation", "unsupported_parameter", "responses.store")
	if r := e.do("DELETE", "/v1/conversations/"+id, ""); r.status != 200 {
		t.Error(r.text)
	}
}

func TestAnotherKeySeesNothing(t *testing.T) {
	e := start(t, setup{})
	r := e.do("POST", "/v1/responses", create("hello"), "Authorization", "Bearer one")
	id := r.object["id"].(string)
	if got := e.do("GET", "/v1/responses/"+id, "", "X-Api-Key", "one"); got.status != 200 {
		t.Errorf("the same key in another header: %d", got.status)
	}
	for _, header := range [][]string{{"Authorization", "Bearer two"}, {"X-Api-Key", "two"}, {}} {
		e.do("GET", "/v1/responses/"+id, "", header...).wants(t, 404, "id", nil)
		e.do("DELETE", "/v1/responses/"+id, "", header...).wants(t, 404, "id", nil)
		e.do("GET", "/v1/responses/"+id+"/input_items", "", header...).wants(t, 404, "id", nil)
		e.do("POST", "/v1/responses/"+id+"/cancel", "", header...).wants(t, 404, "id", nil)
		e.do("POST", "/v1/responses", create("more", `"previous_response_id":"`+id+`"`), header...).wants(t, 400, "previous_response_id", "previous_response_not_found")
	}
}

func TestFailedResponsesAreKeptButNotContinued(t *testing.T) {
	e := start(t, setup{})
	for said, status := range map[string]string{"fail": "failed", "cut short": "incomplete"} {
		events := readEvents(t, e.do("POST", "/v1/responses", create(said, `"stream":true`)).text)
		id := events[len(events)-1].response()["id"].(string)
		if got := e.do("GET", "/v1/responses/"+id, ""); got.object["status"] != status {
			t.Error(got.text)
		}
		r := e.do("POST", "/v1/responses", create("more", `"previous_response_id":"`+id+`"`))
		if status == "failed" {
			r.wants(t, 400, "previous_response_id", "previous_response_not_found", "failed")
		} else if answerOf(r.object) != "2 before: more" {
			t.Error(r.text)
		}
	}
}

func TestWrongMethodsAndPathsAreNamed(t *testing.T) {
	e := start(t, setup{})
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", "/v1/responses/resp_1", "GET, DELETE"},
		{"POST", "/v1/responses/resp_1/input_items", "GET"},
		{"GET", "/v1/responses/resp_1/cancel", "POST"},
		{"GET", "/v1/conversations", "POST"},
		{"PATCH", "/v1/conversations/conv_1", "GET, POST, DELETE"},
		{"POST", "/v1/conversations/conv_1/items/msg_1", "GET, DELETE"},
	} {
		r := e.do(c.method, c.path, "")
		if r.status != 405 || r.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, allow %q", c.method, c.path, r.status, r.header.Get("Allow"))
		}
	}
	if r := e.do("GET", "/v1/responses/resp_1/elsewhere", ""); r.status != 404 {
		t.Error(r.status)
	}
}

func TestAReferenceNeedsTheStore(t *testing.T) {
	s, err := store.Open(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g := &gone{Store: s}
	e := start(t, setup{store: g})
	_, object := e.create(create("one"))
	item := object["output"].([]any)[0].(map[string]any)["id"].(string)
	refer := func(id string) reply {
		return e.do("POST", "/v1/responses", `{"model":"`+instruct+`","input":[{"type":"item_reference","id":"`+id+`"},{"role":"user","content":"two"}]}`)
	}
	if r := refer(item); r.status != 200 {
		t.Error(r.text)
	}
	g.off.Store(true)
	for range 2 { // when it is found out, and when it is known
		refer(item).wants(t, 503, nil, "store_unavailable")
	}
	for _, other := range []string{"msg_1", "x"} { // not of a stored response, whatever the store holds
		refer(other).wants(t, 400, "input[0].id", "invalid_value", "no stored item")
	}
}

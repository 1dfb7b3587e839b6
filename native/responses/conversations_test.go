package responses

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

func (e *edge) conversation(body string) string {
	e.t.Helper()
	r := e.do("POST", "/v1/conversations", body)
	id, _ := r.object["id"].(string)
	if r.status != 200 || !strings.HasPrefix(id, "conv_") || r.object["object"] != "conversation" || r.object["created_at"] == nil {
		e.t.Fatalf("%d %s", r.status, r.text)
	}
	return id
}

func (e *edge) texts(id string) string {
	e.t.Helper()
	r := e.do("GET", "/v1/conversations/"+id+"/items?order=asc&limit=100", "")
	if r.status != 200 {
		e.t.Fatal(r.text)
	}
	var out []string
	for _, item := range r.object["data"].([]any) {
		out = append(out, textOf(item))
	}
	return strings.Join(out, "|")
}

func TestAConversationGrowsByItsResponses(t *testing.T) {
	e := start(t, setup{})
	id := e.conversation(`{"metadata":{"a":"b"},"items":[{"role":"user","content":"before"}]}`)
	for _, streamed := range []string{`"stream":false`, `"stream":true`} {
		if r := e.do("POST", "/v1/responses", create("hello", `"conversation":"`+id+`"`, streamed)); r.status != 200 {
			t.Fatal(r.text)
		}
	}
	if r := e.do("POST", "/v1/responses", create("fail", `"conversation":"`+id+`"`, `"stream":true`)); r.status != 200 {
		t.Fatal(r.text)
	}
	if got := e.texts(id); got != "before|hello|1 before: hello|hello|3 before: hello" {
		t.Error(got)
	}
	e.model.mu.Lock()
	seen := fmt.Sprint(e.model.bodies[1]["messages"])
	e.model.mu.Unlock()
	if !strings.Contains(seen, "before") || !strings.Contains(seen, "1 before: hello") {
		t.Error(seen)
	}
	r := e.do("GET", "/v1/conversations/"+id, "")
	if r.status != 200 || r.object["metadata"].(map[string]any)["a"] != "b" {
		t.Error(r.text)
	}
}

func TestConversationsAndTheirItemsAreManaged(t *testing.T) {
	e := start(t, setup{})
	id := e.conversation(``)
	if r := e.do("POST", "/v1/conversations/"+id, `{"metadata":{"k":"v"}}`); r.object["metadata"].(map[string]any)["k"] != "v" {
		t.Error(r.text)
	}
	added := e.do("POST", "/v1/conversations/"+id+"/items", `{"items":[{"type":"message","id":"msg_a","role":"user","content":"a"},{"role":"assistant","content":[{"type":"output_text","text":"b"}]}]}`)
	if added.status != 200 || added.object["first_id"] != "msg_a" || added.object["has_more"] != false {
		t.Fatal(added.text)
	}
	again := e.do("POST", "/v1/conversations/"+id+"/items", `{"items":[{"role":"user","content":"\u0061","id":"msg_a"},{"role":"user","id":"msg_c","content":"c"},{"role":"user","id":"msg_c","content":"c"}]}`)
	if again.status != 200 || e.texts(id) != "a|b|c" {
		t.Errorf("%s, and then %s", again.text, e.texts(id))
	}
	if r := e.do("POST", "/v1/conversations/"+id+"/items", `{"items":[{"role":"user","content":"c","id":"msg_c"}]}`); r.status != 200 || e.texts(id) != "a|b|c" {
		t.Errorf("%s, and then %s", r.text, e.texts(id))
	}
	e.do("POST", "/v1/conversations/"+id+"/items", `{"items":[{"role":"user","id":"msg_d","content":"d"},{"type":"message","id":"msg_a","role":"user","content":"other"}]}`).wants(t, 400, "items", "invalid_value", "already")
	e.do("DELETE", "/v1/conversations/"+id+"/items/msg_c", "")
	item := e.do("GET", "/v1/conversations/"+id+"/items/msg_a", "")
	if item.status != 200 || textOf(item.object) != "a" {
		t.Error(item.text)
	}
	page := e.do("GET", "/v1/conversations/"+id+"/items?limit=1", "")
	if page.object["has_more"] != true || textOf(page.object["data"].([]any)[0]) != "b" {
		t.Error(page.text)
	}
	if r := e.do("DELETE", "/v1/conversations/"+id+"/items/msg_a", ""); r.status != 200 || r.object["id"] != id {
		t.Error(r.text)
	}
	e.do("GET", "/v1/conversations/"+id+"/items/msg_a", "").wants(t, 404, "item_id", nil, "msg_a")
	e.do("DELETE", "/v1/conversations/"+id+"/items/msg_a", "").wants(t, 404, "item_id", nil)
	if r := e.do("DELETE", "/v1/conversations/"+id, ""); r.text != `{"id":"`+id+`","object":"conversation.deleted","deleted":true}` {
		t.Error(r.text)
	}
	for _, r := range []reply{
		e.do("GET", "/v1/conversations/"+id, ""), e.do("POST", "/v1/conversations/"+id, `{"metadata":{}}`), e.do("DELETE", "/v1/conversations/"+id, ""),
		e.do("GET", "/v1/conversations/"+id+"/items", ""), e.do("POST", "/v1/conversations/"+id+"/items", `{"items":[]}`), e.do("GET", "/v1/conversations/"+id+"/items/x", ""),
	} {
		r.wants(t, 404, "id", nil, id)
	}
	e.do("POST", "/v1/responses", create("hello", `"conversation":"`+id+`"`)).wants(t, 404, "conversation", nil, id)
}

func TestConversationRequestsAreChecked(t *testing.T) {
	e := start(t, setup{})
	for _, c := range []struct {
		body        string
		param, code any
	}{
		{`{`, nil, nil},
		{`[]`, nil, nil},
		{`{"metadata":"x"}`, "metadata", "invalid_type"},
		{`{"metadata":{"a":1}}`, "metadata.a", "invalid_type"},
		{`{"metadata":{"a":"` + strings.Repeat("x", 513) + `"}}`, "metadata.a", "invalid_value"},
		{`{"metadata":{"` + strings.Repeat("x", 65) + `":""}}`, "metadata", "invalid_value"},
		{`{"items":{}}`, "items", "invalid_type"},
		{`{"items":["x"]}`, "items[0]", "invalid_type"},
		{`{"items":[{"role":"user","content":"x"},{}]}`, "items[1].type", "missing_required_parameter"},
		{`{"items":[{"type":"mcp_approval_response"}]}`, "items[0].type", "unsupported_value"},
		{`{"items":[{"id":"msg_1","role":"user","content":"x"},{"id":"msg_1","role":"user","content":"y"}]}`, "items", nil},
		{`{"items":[{"role":"x","content":"x"}]}`, "items[0].role", "invalid_value"},
		{`{"items":[{"role":"user"}]}`, "items[0].content", "missing_required_parameter"},
		{`{"items":[{"role":"user","content":5}]}`, "items[0].content", "invalid_type"},
		{`{"items":[{"role":"user","content":[{"type":"input_text"}]}]}`, "items[0].content[0].text", "missing_required_parameter"},
		{`{"items":[{"type":1,"role":"user","content":"x"}]}`, "items[0].type", "invalid_type"},
		{`{"items":[{"type":"function_call","call_id":"c"}]}`, "items[0].name", "missing_required_parameter"},
		{`{"items":[{"role":"user","content":"x","id":"` + strings.Repeat("i", 513) + `"}]}`, "items[0].id", "invalid_value"},
		{`{"items":[{"role":"user","content":"x"},{"type":"item_reference","id":"msg_x"}]}`, "items[1].id", "invalid_value"},
		{`{"items":[` + strings.Repeat(`{"role":"user","content":"x"},`, 20) + `{"role":"user","content":"x"}]}`, "items", "invalid_value"},
	} {
		e.do("POST", "/v1/conversations", c.body).wants(t, 400, c.param, c.code)
	}
	// An item of a type that nobody knows is kept as it came: a later turn reads what it can.
	unknown := e.conversation(`{"items":[{"type":"x","id":"x_1"}]}`)
	if item := e.do("GET", "/v1/conversations/"+unknown+"/items/x_1", ""); item.status != 200 || item.object["type"] != "x" {
		t.Error(item.text)
	}
	id := e.conversation(`{"metadata":{"` + strings.Repeat("é", 64) + `":""}}`)
	e.do("POST", "/v1/conversations/"+id+"/items", `{}`).wants(t, 400, "items", "missing_required_parameter")
}

// A conversation that holds an output without its call could not be gone on from.
func TestAnOutputIsAddedBehindItsCallOnly(t *testing.T) {
	e := start(t, setup{})
	const call, output = `{"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{}"}`, `{"type":"function_call_output","call_id":"c","output":"x"}`
	add := func(id string, items ...string) reply {
		return e.do("POST", "/v1/conversations/"+id+"/items", `{"items":[`+strings.Join(items, ",")+`]}`)
	}
	words := []string{"No tool call found for the output with call_id 'c'."}
	e.do("POST", "/v1/conversations", `{"items":[`+output+`]}`).wants(t, 400, "items", nil, words...)
	e.do("POST", "/v1/conversations", `{"items":[`+output+`,`+call+`]}`).wants(t, 400, "items", nil, words...)
	id := e.conversation(`{"items":[{"role":"user","content":"a"}]}`)
	add(id, `{"role":"user","content":"b"}`, output).wants(t, 400, "items", nil, words...)
	add("conv_x", output).wants(t, 404, "id", nil)
	if r := add(id, call); r.status != 200 {
		t.Fatal(r.text)
	}
	if r := add(id, output, `{"role":"user","content":"c"}`); r.status != 200 {
		t.Error(r.text)
	}
	if got := e.texts(id); got != "a|||c" { // a call and an output have no text
		t.Errorf("%q", got)
	}
	other := e.conversation(`{"items":[` + strings.Replace(call, "fc_1", "fc_2", 1) + `,` + output + `]}`)
	if got := e.texts(other); got != "|" {
		t.Errorf("%q", got)
	}
	// A summary may stand for the call.
	summed := e.conversation(`{"items":[{"type":"compaction","encrypted_content":"sealed elsewhere"}]}`)
	if r := add(summed, output); r.status != 200 {
		t.Error(r.text)
	}
}

func TestOneResponseOfAConversationAtATime(t *testing.T) {
	e := start(t, setup{})
	id := e.conversation(`{}`)
	job, _ := e.create(create("wait", `"background":true`, `"conversation":"`+id+`"`))
	r := e.do("POST", "/v1/responses", create("hello", `"conversation":"`+id+`"`))
	if r.wants(t, 409, "conversation", "conversation_locked", id); r.header.Get("Content-Type") != "application/json" {
		t.Error(r.header)
	}
	e.model.next <- struct{}{}
	e.polled(job)
	if r := e.do("POST", "/v1/responses", create("hello", `"conversation":"`+id+`"`)); r.status != 200 {
		t.Error(r.text)
	}
	if got := e.texts(id); got != "wait|a word: 0 before: wait|hello|2 before: hello" {
		t.Error(got)
	}
}

// What has been answered is over, whatever is still to be tidied up behind the answer.
func TestAConversationGoesOnAsSoonAsItsResponseIsThere(t *testing.T) {
	e := start(t, setup{})
	id := e.conversation(`{}`)
	resp, err := http.Post(e.url+"/v1/responses", "application/json", strings.NewReader(create("linger", `"stream":true`, `"conversation":"`+id+`"`)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for r := bufio.NewReader(resp.Body); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, `data: {"type":"response.completed"`) {
			break
		}
	}
	if _, object := e.create(create("hello", `"conversation":"`+id+`"`)); answerOf(object) != "2 before: hello" {
		t.Error(object)
	}
	e.model.next <- struct{}{}
	job, _ := e.create(create("linger", `"background":true`, `"conversation":"`+id+`"`))
	e.polled(job)
	if _, object := e.create(create("hello", `"conversation":"`+id+`"`)); answerOf(object) != "6 before: hello" {
		t.Error(object)
	}
	e.model.next <- struct{}{}
}

// What is kept goes up with every later turn.
func TestTextThatIsNotUTF8IsNotKept(t *testing.T) {
	e := start(t, setup{})
	id := e.conversation(`{}`)
	item := func(text string) string {
		return `{"items":[{"type":"message","role":"user","content":"` + text + `"}]}`
	}
	for _, r := range []struct{ path, body string }{
		{"/v1/conversations", item("Gr\xfc\xdfe")},
		{"/v1/conversations", "{\"metadata\":{\"\xff\":\"1\"}}"},
		{"/v1/conversations/" + id, "{\"metadata\":{\"a\":\"\xff\"}}"},
		{"/v1/conversations/" + id + "/items", item("\xed\xa0\xbd")},
	} {
		at := strings.IndexFunc(r.body, func(c rune) bool { return c == '\ufffd' })
		for _, encoding := range []string{"identity", "gzip", "zstd"} {
			a := e.do("POST", r.path, encoded(t, encoding, r.body), "Content-Encoding", encoding)
			a.wants(t, 400, nil, nil)
			if want := fmt.Sprintf("the text is not UTF-8 at byte %d.", at); !strings.Contains(a.text, want) {
				t.Errorf("%s %q: %s, want %s", r.path, r.body, a.text, want)
			}
		}
	}
	if texts := e.texts(id); texts != "" {
		t.Errorf("kept: %s", texts)
	}
	// Half of a surrogate pair is text for JavaScript: it is mended as in a response's input.
	e.do("POST", "/v1/conversations/"+id+"/items", item(`a\ud83d`))
	if texts := e.texts(id); !strings.Contains(texts, "a\ufffd") {
		t.Errorf("kept: %q", texts)
	}
}

// What is stored has its bodies' deadlines, and answers that need no body don't wait for it.
func TestBodiesForWhatIsStoredHaveDeadlines(t *testing.T) {
	t.Run("read", func(t *testing.T) {
		e := start(t, setup{})
		c := *e.archive.Config()
		c.Timeouts.Header, c.Timeouts.Idle = config.Duration(50*time.Millisecond), config.Duration(50*time.Millisecond)
		if err := e.reload(&c); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/v1/conversations", "/v1/conversations/conv_1", "/v1/conversations/conv_1/items"} {
			for _, begins := range []string{"", "{"} {
				status, closes, body := e.unfinished(t, "POST "+path, "Content-Length: 1000\r\n\r\n"+begins)
				if status != 408 || !closes || !strings.Contains(body, "did not come in time") {
					t.Errorf("%s %q: %d, closes: %t, %s", path, begins, status, closes, body)
				}
			}
		}
	})
	t.Run("unread", func(t *testing.T) {
		e := start(t, setup{config: func(c *config.Config) { c.Timeouts.Header, c.Timeouts.Idle = config.Duration(time.Hour), 0 }})
		for request, want := range map[string]int{
			"PUT /v1/conversations": 405, "GET /v1/conversations/conv_1": 404, "DELETE /v1/responses/resp_1": 404,
			"POST /v1/responses/resp_1/cancel": 404, "POST /v1/responses/nothing/here": 404,
		} {
			for _, framing := range []string{"Content-Length: 9\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"} {
				if status, closes, body := e.unfinished(t, request, framing); status != want || !closes {
					t.Errorf("%s: %d, closes: %t, %s", request, status, closes, body)
				}
			}
		}
	})
}

// unfinished sends a request without the rest of its body.
func (e *edge) unfinished(t *testing.T, request, rest string) (status int, closes bool, body string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(soon))
	_, _ = io.WriteString(c, request+" HTTP/1.1\r\nHost: localhost\r\n"+rest)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Close, string(b)
}

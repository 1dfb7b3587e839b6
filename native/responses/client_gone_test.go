package responses

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

func TestAClientThatLeavesCancelsItsResponse(t *testing.T) {
	e := start(t, setup{})
	resp, err := http.Post(e.url+"/v1/responses", "application/json", strings.NewReader(create("wait", `"stream":true`)))
	if err != nil {
		t.Fatal(err)
	}
	id := ""
	for r := bufio.NewReader(resp.Body); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if _, after, ok := strings.Cut(line, `"id":"resp_`); ok {
			id, _, _ = strings.Cut("resp_"+after, `"`)
		}
		if strings.Contains(line, "a word") {
			break
		}
	}
	resp.Body.Close()
	eventually(t, "the upstream's end", func() bool { _, ended := e.model.counts(); return ended == 1 })
	eventually(t, "the stored response", func() bool { return e.do("GET", "/v1/responses/"+id, "").status == 200 })
	object := e.do("GET", "/v1/responses/"+id, "").object
	if object["status"] != "cancelled" || object["error"] != nil || answerOf(object) != "a word" {
		t.Error(object)
	}
	e.do("POST", "/v1/responses", create("more", `"previous_response_id":"`+id+`"`)).wants(t, 400, "previous_response_id", "previous_response_not_found", "cancelled")
}

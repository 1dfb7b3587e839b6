package responses

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// works waits until the model is at work: a background response is there before it is asked.
func (e *edge) works() {
	e.t.Helper()
	eventually(e.t, "the model's work", func() bool { running, _ := e.model.counts(); return running > 0 })
}

// polled polls a response until it has another status than the ones of work under way.
func (e *edge) polled(id string) map[string]any {
	e.t.Helper()
	var got reply
	eventually(e.t, "the response's end", func() bool {
		got = e.do("GET", "/v1/responses/"+id, "")
		return got.status != 200 || got.object["status"] != "queued" && got.object["status"] != "in_progress"
	})
	return got.object
}

func TestABackgroundResponseIsPolled(t *testing.T) {
	e := start(t, setup{})
	id, object := e.create(create("wait", `"background":true`))
	if object["status"] != "queued" || object["background"] != true {
		t.Fatal(object)
	}
	eventually(t, "in progress", func() bool {
		return e.do("GET", "/v1/responses/"+id, "").object["status"] == "in_progress"
	})
	e.do("POST", "/v1/responses", create("more", `"previous_response_id":"`+id+`"`)).wants(t, 400, "previous_response_id", nil, "in progress", "wait")
	e.do("GET", "/v1/responses/"+id+"?stream=true", "").wants(t, 400, "stream", nil, "background: true and stream: true")
	e.model.next <- struct{}{}
	if object := e.polled(id); object["status"] != "completed" || answerOf(object) != "a word: 0 before: wait" {
		t.Fatal(object)
	}
	if _, object := e.create(create("more", `"previous_response_id":"`+id+`"`)); answerOf(object) != "2 before: more" {
		t.Error(object)
	}
	if e.h.InFlight() != 0 {
		eventually(t, "nothing in flight", func() bool { return e.h.InFlight() == 0 })
	}
}

func TestABackgroundRequestThatIsRefusedIsAnError(t *testing.T) {
	e := start(t, setup{})
	e.do("POST", "/v1/responses", strings.Replace(create("hello", `"background":true`), instruct, "none", 1)).wants(t, 404, "model", "model_not_found")
	e.do("POST", "/v1/responses", create("hello", `"background":true`, `"previous_response_id":"resp_none"`)).wants(t, 400, "previous_response_id", "previous_response_not_found")
}

func TestBackgroundResponsesAreBounded(t *testing.T) {
	e := start(t, setup{config: func(c *config.Config) { c.Responses.BackgroundJobs = 2 }})
	for range 2 {
		e.create(create("wait", `"background":true`))
	}
	r := e.do("POST", "/v1/responses", create("wait", `"background":true`))
	if r.wants(t, 429, nil, "rate_limit_exceeded"); r.header.Get("Retry-After") == "" {
		t.Error("no retry-after")
	}
	e.model.next <- struct{}{}
	eventually(t, "a free place", func() bool {
		return e.do("POST", "/v1/responses", create("hello", `"background":true`)).status == 200
	})
	e.model.next <- struct{}{}
}

func TestCancelIsRepeatable(t *testing.T) {
	e := start(t, setup{})
	id, _ := e.create(create("wait", `"background":true`))
	e.works()
	for range 2 {
		r := e.do("POST", "/v1/responses/"+id+"/cancel", "")
		if r.status != 200 || r.object["status"] != "cancelled" || r.object["error"] != nil {
			t.Fatalf("%d %s", r.status, r.text)
		}
	}
	eventually(t, "the turn's end", func() bool { _, ended := e.model.counts(); return ended == 1 })
	if object := e.do("GET", "/v1/responses/"+id, "").object; object["status"] != "cancelled" {
		t.Error(object)
	}
	e.do("POST", "/v1/responses", create("more", `"previous_response_id":"`+id+`"`)).wants(t, 400, "previous_response_id", "previous_response_not_found", "cancelled")
	done, _ := e.create(create("hello", `"background":true`))
	e.polled(done)
	if r := e.do("POST", "/v1/responses/"+done+"/cancel", ""); r.status != 200 || r.object["status"] != "completed" {
		t.Error(r.text)
	}
	other, _ := e.create(create("hello"))
	e.do("POST", "/v1/responses/"+other+"/cancel", "").wants(t, 400, "id", nil, "background: true")
	e.do("POST", "/v1/responses/resp_none/cancel", "").wants(t, 404, "id", nil)
}

func TestDeletingARunningResponseEndsIt(t *testing.T) {
	e := start(t, setup{})
	id, _ := e.create(create("wait", `"background":true`))
	e.works()
	if r := e.do("DELETE", "/v1/responses/"+id, ""); r.status != 200 {
		t.Fatal(r.text)
	}
	eventually(t, "the turn's end", func() bool { _, ended := e.model.counts(); return ended == 1 })
	e.do("GET", "/v1/responses/"+id, "").wants(t, 404, "id", nil)
}

func TestABackgroundStreamIsResumedWithTheSameEvents(t *testing.T) {
	e := start(t, setup{})
	resp, err := http.Post(e.url+"/v1/responses", "application/json", strings.NewReader(create("wait", `"background":true`, `"stream":true`)))
	if err != nil {
		t.Fatal(err)
	}
	// The client reads what is there, then leaves.
	var begun strings.Builder
	for r := bufio.NewReader(resp.Body); !strings.Contains(begun.String(), "a word"); {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		begun.WriteString(line)
	}
	resp.Body.Close()
	first := readEvents(t, begun.String()+"\n")
	if first[0].kind != "response.created" || first[0].response()["status"] != "queued" {
		t.Fatal(begun.String())
	}
	id := first[0].response()["id"].(string)
	live := make(chan string, 1)
	go func() {
		r, _ := e.try("GET", "/v1/responses/"+id+"?stream=true&starting_after=1", "")
		live <- r.text
	}()
	e.model.next <- struct{}{}
	rest := <-live
	whole := e.do("GET", "/v1/responses/"+id+"?stream=true", "")
	all := readEvents(t, whole.text)
	if all[0].data["sequence_number"] != 0.0 || all[len(all)-1].kind != "response.completed" {
		t.Fatal(whole.text)
	}
	for i, e := range first {
		if e.text != all[i].text {
			t.Errorf("%s was %s", all[i].text, e.text)
		}
	}
	for i, e := range readEvents(t, rest) {
		if e.text != all[i+2].text {
			t.Errorf("%s was %s", all[i+2].text, e.text)
		}
	}
	for after := range len(all) - 1 {
		r := e.do("GET", "/v1/responses/"+id+"?stream=true&starting_after="+strconv.Itoa(after), "")
		if !strings.HasSuffix(whole.text, r.text) || len(readEvents(t, r.text)) != len(all)-after-1 {
			t.Errorf("after %d: %s", after, r.text)
		}
	}
	for _, after := range []int{len(all) - 1, len(all) + 100} {
		if r := e.do("GET", "/v1/responses/"+id+"?stream=true&starting_after="+strconv.Itoa(after), ""); r.status != 200 || r.text != "" {
			t.Errorf("%d %q", r.status, r.text)
		}
	}
	e.do("GET", "/v1/responses/"+id+"?stream=true&starting_after=-1", "").wants(t, 400, "starting_after", "invalid_value")
	e.do("GET", "/v1/responses/resp_none?stream=true", "").wants(t, 404, "id", nil)
	if got := e.do("GET", "/v1/responses/"+id, ""); got.object["status"] != "completed" {
		t.Error(got.text)
	}
}

func TestACancelledBackgroundStreamJustEnds(t *testing.T) {
	e := start(t, setup{})
	resp, err := http.Post(e.url+"/v1/responses", "application/json", strings.NewReader(create("wait", `"background":true`, `"stream":true`)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	id := ""
	var text strings.Builder
	r := bufio.NewReader(resp.Body)
	for {
		line, err := r.ReadString('\n')
		text.WriteString(line)
		if err != nil {
			break
		}
		if strings.HasPrefix(line, "data: ") && strings.Contains(line, "a word") && id == "" {
			id = readEvents(t, text.String()+"\n\n")[0].response()["id"].(string)
			go func() { _, _ = e.try("POST", "/v1/responses/"+id+"/cancel", "") }()
		}
	}
	events := readEvents(t, text.String())
	if last := events[len(events)-1]; last.kind != "response.output_item.done" && last.kind != "response.output_text.delta" {
		t.Errorf("the stream ends with %s", last.text)
	}
	if object := e.polled(id); object["status"] != "cancelled" || answerOf(object) != "a word" {
		t.Error(object)
	}
}

func TestAPanicOfATurnFailsItsResponse(t *testing.T) {
	e := start(t, setup{})
	r := e.do("POST", "/v1/responses", create("panic", `"background":true`, `"stream":true`))
	events := readEvents(t, r.text)
	last := events[len(events)-1]
	if last.kind != "response.failed" || last.response()["status"] != "failed" || last.response()["error"].(map[string]any)["code"] != "server_error" {
		t.Error(r.text)
	}
}

// Two processes share a store; the one that runs the responses stops renewing its leases.
func TestResponsesOfADeadProcessAreFailed(t *testing.T) {
	s, err := store.Open(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dead := start(t, setup{store: lapsing{s}, clock: func(c *clocks) { c.Lease = quick.Lease / 20 }})
	ids := map[string]string{}
	for name, members := range map[string]string{"plain": `"background":true`, "streamed": `"background":true,"stream":true`, "cancelled": `"background":true,"metadata":{}`} {
		resp, err := http.Post(dead.url+"/v1/responses", "application/json", strings.NewReader(create("wait", members)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if name != "streamed" {
			var b strings.Builder
			if _, err := bufio.NewReader(resp.Body).WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			_, id, _ := strings.Cut(b.String(), `"id":"`)
			ids[name], _, _ = strings.Cut(id, `"`)
			continue
		}
		for r := bufio.NewReader(resp.Body); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if _, id, ok := strings.Cut(line, `"id":"resp_`); ok {
				ids[name], _, _ = strings.Cut("resp_"+id, `"`)
			}
			if strings.Contains(line, "a word") {
				break
			}
		}
	}
	alive := start(t, setup{store: s})
	for name, id := range ids {
		object := alive.polled(id)
		failure, _ := object["error"].(map[string]any)
		if object["status"] != "failed" || failure["code"] != "server_error" {
			t.Errorf("%s: %v", name, object)
		}
	}
	events := readEvents(t, alive.do("GET", "/v1/responses/"+ids["streamed"]+"?stream=true", "").text)
	if last := events[len(events)-1]; last.kind != "response.failed" || last.response()["status"] != "failed" {
		t.Error(last.text)
	}
	// The dead process, should it live after all, writes nothing more.
	for range ids {
		select {
		case dead.model.next <- struct{}{}:
		default: // has noticed
		}
	}
	for name, id := range ids {
		if object := alive.polled(id); object["status"] != "failed" {
			t.Errorf("%s: %v", name, object)
		}
	}
}

// lapsing loses every renewal, and finds no lapsed lease itself.
type lapsing struct{ store.Store }

func (l lapsing) Renew(context.Context, string, string, store.Lease) error { return nil }

func (l lapsing) Lapsed(context.Context, store.Lease, int) ([]store.Job, error) { return nil, nil }

func TestWhatADrainEndsIsFailed(t *testing.T) {
	e := start(t, setup{})
	id, _ := e.create(create("wait", `"background":true`))
	e.works()
	e.end()
	e.archive.Close()
	if head, _, err := e.store.Get(t.Context(), access.Credential{}.Tenant(), id); err != nil || head.Status != store.Failed {
		t.Error(head, err)
	}
	if e.h.InFlight() != 0 {
		t.Error(e.h.InFlight())
	}
}

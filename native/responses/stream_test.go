package responses

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/store"
)

// A streamed is an event of a stream that was read.
type streamed struct {
	kind string
	data map[string]any
	text string
}

func (s streamed) response() map[string]any {
	r, _ := s.data["response"].(map[string]any)
	return r
}

// readEvents reads a whole stream and checks that its events are numbered without gaps.
func readEvents(t *testing.T, text string) (events []streamed) {
	t.Helper()
	for block := range strings.SplitSeq(text, "\n\n") {
		var s streamed
		for line := range strings.SplitSeq(block, "\n") {
			if v, ok := strings.CutPrefix(line, "event: "); ok {
				s.kind = v
			} else if v, ok := strings.CutPrefix(line, "data: "); ok {
				s.text = v
			}
		}
		if s.text == "" || s.text == "[DONE]" {
			continue
		}
		if err := json.Unmarshal([]byte(s.text), &s.data); err != nil {
			t.Fatalf("%v in %s", err, block)
		}
		if s.data["type"] != s.kind {
			t.Fatalf("%s holds %s", s.kind, s.text)
		}
		if n := len(events); n > 0 && s.data["sequence_number"] != events[n-1].data["sequence_number"].(float64)+1 {
			t.Fatalf("a gap before %s", s.text)
		}
		events = append(events, s)
	}
	if len(events) == 0 {
		t.Fatalf("no events in %q", text)
	}
	return events
}

// holding is a store that takes a response only when it is let.
type holding struct {
	store.Store
	let chan struct{}
}

func (h holding) Put(ctx context.Context, tenant string, r *store.Response) error {
	<-h.let
	return h.Store.Put(ctx, tenant, r)
}

// Only the last event waits for the store.
func TestAllEventsButTheLastAreThereBeforeTheStoreHasTheResponse(t *testing.T) {
	s, err := store.Open(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := holding{s, make(chan struct{})}
	e := start(t, setup{store: h})
	resp, err := http.Post(e.url+"/v1/responses", "application/json", strings.NewReader(create("hello", `"stream":true`)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var text strings.Builder
	r := bufio.NewReader(resp.Body)
	for !strings.Contains(text.String(), "event: response.output_item.done\ndata: ") {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(line)
		if line == "event: response.output_item.done\n" {
			line, _ = r.ReadString('\n')
			text.WriteString(line)
		}
	}
	id := readEvents(t, text.String())[0].response()["id"].(string)
	e.do("GET", "/v1/responses/"+id, "").wants(t, 404, "id", nil)
	h.let <- struct{}{}
	rest, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	events := readEvents(t, text.String()+string(rest))
	if last := events[len(events)-1]; last.kind != "response.completed" {
		t.Error(last.text)
	}
	if r := e.do("GET", "/v1/responses/"+id, ""); r.object["status"] != "completed" {
		t.Error(r.text)
	}
}

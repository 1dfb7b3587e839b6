package local

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/qwenvoy/qwenvoy/e2e/carrier"
	"github.com/qwenvoy/qwenvoy/e2e/scenario"
	"github.com/qwenvoy/qwenvoy/e2e/upstream"
)

// A place is one more route or way by which a request of the table can come, whose messages must
// reach the server as the table says. A rule that held only where a turn is created shows here.
type place struct {
	// name is what scenario.Places and a scenario's "except" call it.
	name string
	try  func(*testing.T, *visit)
}

// A visit is one scenario at one place.
type visit struct {
	scenario *scenario.Scenario
	base     string // of the binary that has the scenario's configuration
	server   *upstream.Server
	request  gjson.Result
	want     gjson.Result // what reaches the server where a turn is created
}

var places = []place{
	{"tokenize", func(t *testing.T, v *visit) {
		sameMessages(t, v, v.counted(t, "/tokenize", v.body(t, "stream", "stream_options")), true)
	}},
	{"count_tokens", func(t *testing.T, v *visit) {
		sameMessages(t, v, v.counted(t, "/v1/messages/count_tokens", v.body(t, "stream", "max_tokens")), true)
	}},
	{"input_tokens", func(t *testing.T, v *visit) {
		sameMessages(t, v, v.counted(t, "/v1/responses/input_tokens", v.body(t, "stream", "store")), true)
	}},
	{"compact", func(t *testing.T, v *visit) {
		got, _ := v.carried(t, "/v1/responses/compact", v.body(t, "stream", "store"), scenario.Message{Start: "200",
			Header: [][2]string{{"content-type", "application/json"}},
			Body:   []byte(`{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Short."},"finish_reason":"stop"}]}`)})
		sameMessages(t, v, got, false)
	}},
	{"previous", behindPrevious},
	{"conversation", inConversation},
	{"websocket", overWebSocket},
	{"background", inBackground},
}

func TestEveryPlaceReadsWhatTheTableSays(t *testing.T) {
	list := must[[]*scenario.Scenario](t)(scenario.Load())
	urls := must[map[string]string](t)(nativeTable())
	server := must[*upstream.Server](t)(scripted())
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			for _, s := range list {
				if !slices.Contains(s.Places(), p.name) {
					continue
				}
				t.Run(s.Name, func(t *testing.T) {
					p.try(t, &visit{s, urls[s.Config], server, gjson.ParseBytes(s.Request.Body), gjson.ParseBytes(s.Upstream.Body)})
				})
			}
		})
	}
}

// body is the request's without the members that the place doesn't know.
func (v *visit) body(t *testing.T, without ...string) []byte {
	body := bytes.Clone(v.scenario.Request.Body)
	for _, name := range without {
		body = must[[]byte](t)(sjson.DeleteBytes(body, name))
	}
	return body
}

// counted sends a body to a route that counts, and returns what /tokenize got.
func (v *visit) counted(t *testing.T, route string, body []byte) []byte {
	got, _ := v.carried(t, route, body, scenario.Message{Start: "200", Header: [][2]string{{"content-type", "application/json"}},
		Body: []byte(`{"count":7,"max_model_len":8192,"tokens":[1,2,3,4,5,6,7]}`)})
	return got
}

// carried sends a body, has the server give the answer, and returns what the server got and the reply.
func (v *visit) carried(t *testing.T, route string, body []byte, answer scenario.Message) (got []byte, reply *scenario.Message) {
	t.Helper()
	s := *v.scenario
	_, target, _ := strings.Cut(s.Request.Start, " ")
	_, query, _ := strings.Cut(target, "?")
	s.Request.Start, s.Request.Body, s.Answer = "POST "+strings.TrimSuffix(route+"?"+query, "?"), body, answer
	s.Cut = s.Cut && len(answer.Body) > 0 && &answer.Body[0] == &v.scenario.Answer.Body[0]
	client := carrier.NewClient(false)
	defer client.CloseIdleConnections()
	c := &carrier.HTTP{Title: "native", Bases: map[string]string{s.Config: v.base}, Upstream: carrier.InProcess{Server: v.server}, Client: client}
	arrived, reply := c.Carry(t, &s)
	if arrived == nil {
		t.Fatalf("nothing reached the server; the client got %s %s", reply.Start, reply.Body)
	}
	return arrived.Body, reply
}

// sameMessages checks that what the server got at a place has the messages (whole, or as a beginning)
// and tools that it gets where a turn is created.
func sameMessages(t *testing.T, v *visit, got []byte, whole bool) {
	t.Helper()
	wants, have := v.want.Get("messages").Array(), gjson.GetBytes(got, "messages").Array()
	if !whole && len(have) > len(wants) {
		have = have[:len(wants)]
	}
	if diff := cmp.Diff(lines(wants), lines(have)); diff != "" {
		t.Errorf("messages (-created +here):\n%s", diff)
	}
	if whole {
		if diff := cmp.Diff(v.want.Get("tools").Raw, gjson.GetBytes(got, "tools").Raw); diff != "" {
			t.Errorf("tools (-created +here):\n%s", diff)
		}
	}
}

func lines(values []gjson.Result) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = v.Raw
	}
	return list
}

// inConversation puts all items but the last into a conversation, and creates a response of the last.
func inConversation(t *testing.T, v *visit) {
	items := v.request.Get("input").Array()
	head := "[" + strings.Join(lines(items[:len(items)-1]), ",") + "]"
	status, text := answered(t, "POST", v.base+"/v1/conversations", `{"items":`+head+`}`)
	if status != http.StatusOK {
		t.Fatalf("the conversation: %d %s", status, text)
	}
	body := v.body(t, "store")
	body = must[[]byte](t)(sjson.SetRawBytes(body, "input", []byte("["+items[len(items)-1].Raw+"]")))
	body = must[[]byte](t)(sjson.SetBytes(body, "conversation", gjson.Get(text, "id").Str))
	got, _ := v.carried(t, "/v1/responses", body, v.scenario.Answer)
	sameMessages(t, v, got, true)
}

// overWebSocket has the events that the table's client gets as a stream.
func overWebSocket(t *testing.T, v *visit) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	mark, arrived := carrier.InProcess{Server: v.server}.Play(t, v.scenario)
	header := http.Header{mark[0]: {mark[1]}}
	for _, h := range v.scenario.Request.Header {
		if !strings.EqualFold(h[0], "content-type") {
			header.Set(h[0], h[1])
		}
	}
	conn, _, err := websocket.Dial(ctx, v.base+"/v1/responses", &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1)
	message := must[[]byte](t)(sjson.SetBytes(v.body(t, "stream"), "type", "response.create"))
	if err := conn.Write(ctx, websocket.MessageText, message); err != nil {
		t.Fatal(err)
	}
	var events bytes.Buffer
	for ended := false; !ended; {
		_, event, err := conn.Read(ctx)
		if err != nil {
			t.Fatalf("%v after\n%s", err, &events)
		}
		events.Write(append(event, '\n'))
		switch gjson.GetBytes(event, "type").Str {
		case "response.completed", "response.incomplete", "response.failed", "error":
			ended = true
		}
	}
	want := sentOverWebSocket(v.scenario)
	if diff := cmp.Diff(want, string(scenario.Normalize(events.Bytes()))); diff != "" {
		t.Errorf("events (-stream +socket):\n%s", diff)
	}
	got := arrived()
	if got == nil {
		t.Fatal("nothing reached the server")
	}
	if diff := cmp.Diff(string(v.scenario.Upstream.Body), string(got.Body)); diff != "" {
		t.Errorf("upstream (-stream +socket):\n%s", diff)
	}
}

// sentOverWebSocket is what a socket's client gets where a stream's gets the table's reply: the same
// events, or the error with its status in one.
func sentOverWebSocket(s *scenario.Scenario) string {
	if !s.Reply.IsStream() {
		e := gjson.GetBytes(s.Reply.Body, "error")
		code := e.Get("code").Raw
		if code == "null" {
			code = e.Get("type").Raw
		}
		return `{"type":"error","status":` + s.Reply.Start + `,"error":{"type":` + e.Get("type").Raw + `,"code":` + code +
			`,"message":` + e.Get("message").Raw + `,"param":` + e.Get("param").Raw + "}}\n"
	}
	var want strings.Builder
	for line := range strings.Lines(string(s.Reply.Body)) {
		if data, ok := strings.CutPrefix(line, "data: "); ok && data != "[DONE]\n" {
			want.WriteString(data)
		}
	}
	return want.String()
}

var responseID = regexp.MustCompile(`resp_[0-9A-Za-z]{24}`)

// behindPrevious has the response stored, and goes on from it.
func behindPrevious(t *testing.T, v *visit) {
	_, reply := v.carried(t, "/v1/responses", v.body(t, "store"), v.scenario.Answer)
	body := must[[]byte](t)(sjson.SetBytes(v.body(t, "store"), "previous_response_id", string(responseID.Find(reply.Body))))
	body = must[[]byte](t)(sjson.SetBytes(body, "input", "And then?"))
	got, _ := v.carried(t, "/v1/responses", body, v.scenario.Answer)
	sameMessages(t, v, got, false)
}

var streamOptions = regexp.MustCompile(`"stream_options":\{[^}]*\},`)

// inBackground has the response that the table's client gets at once.
func inBackground(t *testing.T, v *visit) {
	body := must[[]byte](t)(sjson.SetBytes(v.body(t, "store"), "background", true))
	s := *v.scenario
	s.Request.Body = body
	mark, arrived := carrier.InProcess{Server: v.server}.Play(t, &s)
	req := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), "POST", v.base+"/v1/responses", bytes.NewReader(body)))
	for _, h := range append(s.Request.Header, mark) {
		req.Header.Set(h[0], h[1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var queued bytes.Buffer
	if _, err := queued.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	id := gjson.GetBytes(queued.Bytes(), "id").Str
	if resp.StatusCode != http.StatusOK || id == "" {
		t.Fatalf("%s %s", resp.Status, &queued)
	}
	var final string
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		_, final = answered(t, "GET", v.base+"/v1/responses/"+id, "")
		if status := gjson.Get(final, "status").Str; status != "queued" && status != "in_progress" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it does not end: %s", final)
		}
	}
	names := []string{"status", "output", "usage", "error", "incomplete_details"}
	if s.Reply.Start != "200" {
		names = []string{"error.message"}
		if status := gjson.Get(final, "status").Str; status != "failed" {
			t.Errorf("the status is %q", status)
		}
	}
	for _, name := range names {
		if diff := cmp.Diff(gjson.GetBytes(s.Reply.Body, name).Raw, gjson.Get(string(scenario.Normalize([]byte(final))), name).Raw); diff != "" {
			t.Errorf("%s (-at once +in the background):\n%s", name, diff)
		}
	}
	got := arrived()
	if got == nil {
		t.Fatal("nothing reached the server")
	}
	// A job's turn is a stream, so that its events can be followed.
	sent := streamOptions.ReplaceAll(got.Body, nil)
	sent = bytes.Replace(sent, []byte(`,"stream":true}`), []byte("}"), 1)
	if diff := cmp.Diff(string(s.Upstream.Body), string(sent)); diff != "" {
		t.Errorf("upstream (-at once +in the background):\n%s", diff)
	}
}

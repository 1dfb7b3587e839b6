package responses

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	checker "github.com/qwenvoy/qwenvoy/native/grammar/responses"
	"github.com/qwenvoy/qwenvoy/native/simulator"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

const (
	instruct = "qwen3.5-instruct-general"
	thinking = "qwen3.5-thinking-general"
)

// A vllm is a simulated one that notes what it is asked and whose clients leave.
type vllm struct {
	http.Handler
	mu     sync.Mutex
	bodies []string
	left   int
}

func (v *vllm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		b, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(b)))
		v.mu.Lock()
		v.bodies = append(v.bodies, string(b))
		v.mu.Unlock()
	}
	v.Handler.ServeHTTP(w, r)
	if r.Context().Err() != nil {
		v.mu.Lock()
		v.left++
		v.mu.Unlock()
	}
}

func (v *vllm) last() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.bodies) == 0 {
		return ""
	}
	return v.bodies[len(v.bodies)-1]
}

func (v *vllm) asked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.bodies)
}

// gateway starts an edge with the real core in front of a simulated vLLM.
func gateway(t *testing.T, o simulator.Options, change func(*config.Config)) (*edge, *vllm) {
	t.Helper()
	return gatewayOn(t, nil, o, change)
}

// gatewayOn is gateway with a store.
func gatewayOn(t *testing.T, s store.Store, o simulator.Options, change func(*config.Config)) (*edge, *vllm) {
	t.Helper()
	v := &vllm{Handler: simulator.New(o)}
	return start(t, setup{store: s, upstream: v, config: func(c *config.Config) {
		simulated(c)
		if change != nil {
			change(c)
		}
	}}), v
}

// simulated is the configuration in front of a simulated vLLM.
func simulated(c *config.Config) {
	c.Upstreams[0].Model, c.Upstreams[0].MaxModelLen = simulator.DefaultModel, 0
}

// faultless fails for each fault that the grammar finds in a stream.
func faultless(t *testing.T, text string, o checker.Options) {
	t.Helper()
	for _, f := range checker.Check([]byte(text), o) {
		t.Errorf("%v", f)
	}
	if t.Failed() {
		t.Fatal(text)
	}
}

func say(model, input string, members ...string) string {
	return `{"model":"` + model + `","input":"` + input + `"` + strings.Join(append([]string{""}, members...), ",") + `}`
}

func TestAChainReachesTheModel(t *testing.T) {
	e, v := gateway(t, simulator.Options{}, nil)
	first, object := e.create(say(thinking, "hello", `"instructions":"Be brief."`))
	for _, fault := range checker.Object([]byte(e.do("GET", "/v1/responses/"+first, "").text)) {
		t.Error(fault)
	}
	if object["store"] != true {
		t.Error(object)
	}
	r := e.do("POST", "/v1/responses", say(thinking, "count to 3", `"stream":true`, `"previous_response_id":"`+first+`"`))
	faultless(t, r.text, checker.Options{})
	events := readEvents(t, r.text)
	second := events[len(events)-1].response()
	if second["previous_response_id"] != first {
		t.Error(second)
	}
	var chat struct {
		Messages []struct{ Role, Content, Reasoning string }
	}
	if err := json.Unmarshal([]byte(v.last()), &chat); err != nil {
		t.Fatal(err)
	}
	if m := chat.Messages; len(m) != 3 || m[0].Content != "hello" || m[1].Role != "assistant" || m[1].Content != answerOf(object) || m[1].Reasoning == "" || m[2].Content != "count to 3" {
		t.Errorf("the model got %+v", m)
	}
	if strings.Contains(v.last(), "Be brief.") {
		t.Error("instructions were carried over")
	}
	got := e.do("GET", "/v1/responses/"+second["id"].(string), "")
	if want, _ := json.Marshal(second); !sameJSON(t, got.text, string(want)) {
		t.Errorf("stored %s\nstreamed %s", got.text, want)
	}
	list := e.do("GET", "/v1/responses/"+second["id"].(string)+"/input_items?order=asc", "")
	var kinds []string
	for _, item := range list.object["data"].([]any) {
		kinds = append(kinds, item.(map[string]any)["type"].(string))
	}
	if strings.Join(kinds, " ") != "message reasoning message message" {
		t.Error(list.text)
	}
	e.do("POST", "/v1/responses", say(thinking, "x", `"previous_response_id":"resp_none"`)).wants(t, 400, "previous_response_id", "previous_response_not_found")
	e.do("POST", "/v1/responses", `{"model":"`+thinking+`","previous_response_id":"`+first+`","input":[{"type":"function_call_output","call_id":"unknown","output":"x"}]}`).wants(t, 400, "input", nil)
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		t.Fatalf("not JSON: %s %s", a, b)
	}
	one, _ := json.Marshal(x)
	two, _ := json.Marshal(y)
	return string(one) == string(two)
}

func TestAToolsResultGoesOnFromItsCall(t *testing.T) {
	e, v := gateway(t, simulator.Options{}, nil)
	tools := `"tools":[{"type":"function","name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]`
	first, object := e.create(say(instruct, "the weather in Rome", tools))
	call := object["output"].([]any)[len(object["output"].([]any))-1].(map[string]any)
	if call["type"] != "function_call" {
		t.Fatal(object)
	}
	_, object = e.create(`{"model":"` + instruct + `",` + tools + `,"previous_response_id":"` + first + `","input":[{"type":"function_call_output","call_id":"` + call["call_id"].(string) + `","output":"sunny"}]}`)
	if !strings.Contains(answerOf(object), "sunny") {
		t.Errorf("%v after %s", object, v.last())
	}
}

func TestStreamsOfBackgroundResponsesKeepTheGrammar(t *testing.T) {
	e, v := gateway(t, simulator.Options{ChunkDelay: 2 * time.Millisecond}, nil)
	r := e.do("POST", "/v1/responses", say(thinking, "count to 20", `"stream":true`, `"background":true`))
	r.text = strings.ReplaceAll(r.text, ": keep-alive\n\n", "") // where the machine is slow
	faultless(t, r.text, checker.Options{})
	events := readEvents(t, r.text)
	id := events[0].response()["id"].(string)
	whole := e.do("GET", "/v1/responses/"+id+"?stream=true", "")
	if whole.text != r.text {
		t.Errorf("replayed\n%s\nwas\n%s", whole.text, r.text)
	}
	for after := range len(events) {
		part := e.do("GET", "/v1/responses/"+id+"?stream=true&starting_after="+itoa(after), "")
		faultless(t, part.text, checker.Options{First: int64(after) + 1})
	}
	polled := ""
	if r := e.do("POST", "/v1/responses", say(thinking, "count to 20", `"background":true`, `"tools":[{"type":"web_search"},{"type":"function","name":"f"}]`)); r.object["status"] != "queued" || r.header.Get("Qwenvoy-Dropped-Tools") != "web_search" {
		t.Errorf("%s %v", r.text, r.header)
	} else {
		polled = r.object["id"].(string)
	}
	if object := e.polled(polled); object["status"] != "completed" || !strings.Contains(answerOf(object), "20") {
		t.Error(object)
	}
	for _, fault := range checker.Object([]byte(e.do("GET", "/v1/responses/"+polled, "").text)) {
		t.Error(fault)
	}
	n := v.asked()
	e.do("POST", "/v1/responses", say("nobody", "hello", `"background":true`)).wants(t, 404, "model", "model_not_found")
	e.do("POST", "/v1/responses", `{"model":"`+thinking+`","background":true}`).wants(t, 400, "input", "missing_required_parameter")
	e.do("POST", "/v1/responses", say(thinking, "hello", `"background":true`, `"store":false`)).wants(t, 400, "store", "invalid_value")
	if v.asked() != n {
		t.Error("a request that is refused reached the model")
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestCancelEndsTheModelsWork(t *testing.T) {
	e, v := gateway(t, simulator.Options{ChunkDelay: 20 * time.Millisecond}, nil)
	resp, err := http.Post(e.url+"/v1/responses", "application/json", strings.NewReader(say(instruct, "count to 500", `"stream":true`, `"background":true`)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, chunk := "", make([]byte, 4096)
	for !strings.Contains(text, "output_text.delta") {
		n, err := resp.Body.Read(chunk)
		if text += string(chunk[:n]); err != nil {
			t.Fatal(err)
		}
	}
	first, _, _ := strings.Cut(text, "\n\n")
	id := readEvents(t, first)[0].response()["id"].(string)
	r := e.do("POST", "/v1/responses/"+id+"/cancel", "")
	if r.object["status"] != "cancelled" || answerOf(r.object) == "" {
		t.Error(r.text)
	}
	rest, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	faultless(t, text+string(rest), checker.Options{Cancelled: true})
	eventually(t, "the model's end", func() bool { v.mu.Lock(); defer v.mu.Unlock(); return v.left == 1 })
}

func TestAClientThatLeavesEndsTheModelsWork(t *testing.T) {
	e, v := gateway(t, simulator.Options{ChunkDelay: 20 * time.Millisecond}, nil)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	req, _ := http.NewRequestWithContext(ctx, "POST", e.url+"/v1/responses", strings.NewReader(say(instruct, "count to 500", `"stream":true`)))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, chunk := "", make([]byte, 4096)
	for strings.Count(text, "output_text.delta") < 6 {
		n, err := resp.Body.Read(chunk)
		if text += string(chunk[:n]); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	first, _, _ := strings.Cut(text, "\n\n")
	id := readEvents(t, first)[0].response()["id"].(string)
	eventually(t, "the stored response", func() bool { return e.do("GET", "/v1/responses/"+id, "").status == 200 })
	object := e.do("GET", "/v1/responses/"+id, "")
	if object.object["status"] != "cancelled" || answerOf(object.object) == "" {
		t.Error(object.text)
	}
	for _, fault := range checker.Object([]byte(object.text)) {
		t.Error(fault)
	}
	eventually(t, "the model's end", func() bool { v.mu.Lock(); defer v.mu.Unlock(); return v.left == 1 })
}

func TestASocketsFramesKeepTheGrammar(t *testing.T) {
	e, v := gateway(t, simulator.Options{}, nil)
	c := e.dial()
	frames := checker.NewSocket(checker.Options{})
	turn := func(message string) streamed {
		t.Helper()
		c.send(message)
		for {
			s := c.read()
			for _, fault := range frames.Frame([]byte(s.text)) {
				t.Errorf("%v in %s", fault, s.text)
			}
			if s.kind == "error" || s.kind == "response.completed" || s.kind == "response.failed" || s.kind == "response.incomplete" {
				return s
			}
		}
	}
	create := func(members ...string) string {
		return `{"type":"response.create","model":"` + thinking + `","store":false,"tools":[]` + strings.Join(append([]string{""}, members...), ",") + `}`
	}
	warm := turn(create(`"generate":false`, `"input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"Be brief."}]}]`))
	if warm.kind != "response.completed" || v.asked() != 0 {
		t.Fatal(warm.text)
	}
	first := turn(create(`"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hello"}]}]`, `"stream":true`, `"previous_response_id":"`+id(warm)+`"`))
	if first.kind != "response.completed" || !strings.Contains(v.last(), "Be brief.") {
		t.Errorf("%s after %s", first.text, v.last())
	}
	second := turn(create(`"input":"count to 3"`, `"previous_response_id":"`+id(first)+`"`))
	if second.kind != "response.completed" || !strings.Contains(v.last(), "hello") || !strings.Contains(v.last(), "Be brief.") {
		t.Errorf("%s after %s", second.text, v.last())
	}
	for _, bad := range []string{
		create(`"input":"x"`, `"previous_response_id":"resp_none"`),
		create(`"previous_response_id":"`+id(second)+`"`, `"input":[{"type":"function_call_output","call_id":"none","output":"x"}]`),
		create(`"previous_response_id":"`+id(second)+`"`, `"input":"x"`), // evicted by the one before
		create(`"input":5`),
		`{"type":"response.create","model":"nobody","input":"x"}`,
		`not JSON`,
	} {
		if s := turn(bad); s.kind != "error" {
			t.Errorf("%s: %s", bad, s.text)
		}
	}
	// What a compact call gives begins a new chain.
	compacted := e.do("POST", "/v1/responses/compact", say(thinking, "hello"))
	output, _ := json.Marshal(compacted.object["output"])
	if compacted.status != 200 {
		t.Fatal(compacted.text)
	}
	input := strings.TrimSuffix(string(output), "]") + `,{"role":"user","content":"count to 3"}]`
	anew := turn(create(`"input":` + input))
	if anew.kind != "response.completed" {
		t.Error(anew.text)
	}
	if more := turn(create(`"input":"and on"`, `"previous_response_id":"`+id(anew)+`"`)); more.kind != "response.completed" {
		t.Error(more.text)
	}
	for _, fault := range frames.End() {
		t.Error(fault)
	}
}

func TestADroppedSocketEndsTheModelsWork(t *testing.T) {
	e, v := gateway(t, simulator.Options{ChunkDelay: 20 * time.Millisecond}, nil)
	c := e.dial()
	c.send(`{"type":"response.create","model":"` + instruct + `","input":"count to 500"}`)
	for c.read().kind != "response.output_text.delta" {
	}
	_ = c.conn.CloseNow()
	eventually(t, "the model's end", func() bool { v.mu.Lock(); defer v.mu.Unlock(); return v.left == 1 })
	eventually(t, "nothing in flight", func() bool { return e.h.InFlight() == 0 })
}

func TestQuestionsKnowWhatIsStored(t *testing.T) {
	e, v := gateway(t, simulator.Options{}, nil)
	first, object := e.create(say(instruct, "My name is Ada."))
	count := func(members string) float64 {
		t.Helper()
		r := e.do("POST", "/v1/responses/input_tokens", say(instruct, "What is my name?", members))
		n, ok := r.object["input_tokens"].(float64)
		if r.status != 200 || !ok {
			t.Fatal(r.text)
		}
		return n
	}
	previous := `"previous_response_id":"` + first + `"`
	with := count(previous)
	_, second := e.create(say(instruct, "What is my name?", previous))
	if used := second["usage"].(map[string]any)["input_tokens"]; used != with || with <= count(`"store":false`) {
		t.Errorf("%v were counted, %v used", with, used)
	}
	if r := e.do("POST", "/v1/responses/compact", `{"model":"`+instruct+`",`+previous+`}`); r.status != 200 || !strings.Contains(v.last(), "Ada") {
		t.Errorf("%s after %s", r.text, v.last())
	} else {
		e.do("POST", "/v1/responses", say(instruct, "x", `"previous_response_id":"`+r.object["id"].(string)+`"`)).wants(t, 400, "previous_response_id", "previous_response_not_found")
	}
	// A reference to an item of a stored response is that item.
	item := object["output"].([]any)[0].(map[string]any)["id"].(string)
	_, third := e.create(`{"model":"` + instruct + `","input":[{"role":"user","content":"hello"},{"type":"item_reference","id":"` + item + `"},{"role":"user","content":"count to 3"}]}`)
	if third["status"] != "completed" || !strings.Contains(v.last(), strings.TrimSuffix(answerOf(object), ".")) {
		t.Errorf("%v after %s", third, v.last())
	}
	e.do("POST", "/v1/responses", `{"model":"`+instruct+`","input":[{"type":"item_reference","id":"msg_none"},{"role":"user","content":"x"}]}`).wants(t, 400, "input[0].id", "invalid_value")
	// While a question is asked of a conversation, a response of it may run.
	conversation := e.conversation(`{}`)
	if r := e.do("POST", "/v1/responses", say(instruct, "My name is Ada.", `"conversation":"`+conversation+`"`)); r.object["conversation"].(map[string]any)["id"] != conversation {
		t.Error(r.text)
	}
	if n := count(`"conversation":{"id":"` + conversation + `"}`); n != with {
		t.Errorf("%v were counted, want %v", n, with)
	}
}

func TestWebSocketSwitchedOff(t *testing.T) {
	e, _ := gateway(t, simulator.Options{}, func(c *config.Config) { c.Responses.WebSocket = false })
	r := e.do("GET", "/v1/responses", "", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	if r.status != 426 || r.object["error"] == nil {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := e.do("GET", "/v1/responses", ""); r.status != 405 || r.header.Get("Allow") != "POST" {
		t.Errorf("%d %s", r.status, r.text)
	}
}

func TestBodiesComeInEveryForm(t *testing.T) {
	e, _ := gateway(t, simulator.Options{}, func(c *config.Config) { c.Limits.Body = 2000 })
	body := say(instruct, "hello")
	for _, encoding := range []string{"gzip", "zstd", "identity"} {
		r := e.do("POST", "/v1/responses", encoded(t, encoding, body), "Content-Encoding", encoding)
		if r.status != 200 {
			t.Fatalf("%s: %d %s", encoding, r.status, r.text)
		}
		if got := e.do("GET", "/v1/responses/"+r.object["id"].(string), ""); got.status != 200 {
			t.Errorf("%s: not stored", encoding)
		}
	}
	e.do("POST", "/v1/responses", body, "Content-Encoding", "br").wants(t, 415, nil, nil)
	e.do("POST", "/v1/responses", body, "Content-Encoding", "gzip").wants(t, 400, nil, nil)
	large := say(instruct, strings.Repeat("x", 3000))
	e.do("POST", "/v1/responses", large).wants(t, 413, nil, "request_too_large")
	e.do("POST", "/v1/responses", encoded(t, "gzip", large), "Content-Encoding", "gzip").wants(t, 413, nil, "request_too_large")
	req, _ := http.NewRequest("POST", e.url+"/v1/responses", io.MultiReader(strings.NewReader(large[:100]), strings.NewReader(large[100:])))
	resp, err := http.DefaultClient.Do(req) // in chunks, its length is not known
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Error(resp.Status)
	}
	for _, body := range []string{``, `{`, `[]`, `{"model":"` + instruct + `","input":"x"} x`} {
		e.do("POST", "/v1/responses", body).wants(t, 400, nil, nil)
	}
}

// A background response is answered before the model server begins to answer, so what
// that says is the response's.
func TestABackgroundResponseDoesNotWaitForTheModel(t *testing.T) {
	late := make(chan struct{})
	var fault atomic.Value
	fault.Store("")
	sim := simulator.New(simulator.Options{Control: true})
	e := start(t, setup{config: simulated, upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // else the client's end would not be noticed
		r.Body = io.NopCloser(strings.NewReader(string(b)))
		select {
		case <-late:
		case <-r.Context().Done():
			return
		}
		r.Header.Set("X-Simulate", fault.Load().(string))
		sim.ServeHTTP(w, r)
	})})

	id, object := e.create(say(instruct, "hello", `"background":true`))
	if object["status"] != "queued" {
		t.Error(object)
	}
	if got := e.do("GET", "/v1/responses/"+id, ""); got.object["status"] != "queued" {
		t.Error(got.text)
	}
	late <- struct{}{}
	if object := e.polled(id); object["status"] != "completed" || answerOf(object) == "" {
		t.Error(object)
	}
	fault.Store("503")
	for _, members := range []string{`"background":true`, `"background":true,"stream":true`} {
		if strings.Contains(members, "stream") {
			done := make(chan reply)
			go func() { r, _ := e.try("POST", "/v1/responses", say(instruct, "hello", members)); done <- r }()
			late <- struct{}{}
			r := <-done
			faultless(t, r.text, checker.Options{})
			if !strings.Contains(r.text, "event: response.failed") {
				t.Error(r.text)
			}
			continue
		}
		id, _ := e.create(say(instruct, "hello", members))
		late <- struct{}{}
		object := e.polled(id)
		if object["status"] != "failed" || object["error"].(map[string]any)["message"] == "" {
			t.Error(object)
		}
		for _, f := range checker.Object([]byte(e.do("GET", "/v1/responses/"+id, "").text)) {
			t.Error(f)
		}
	}
	id, _ = e.create(say(instruct, "hello", `"background":true`, `"metadata":{"a":"b"}`))
	if r := e.do("POST", "/v1/responses/"+id+"/cancel", ""); r.object["status"] != "cancelled" || r.object["error"] != nil {
		t.Error(r.text)
	}
}

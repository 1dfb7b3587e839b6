package main_test

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

// said counts the lines about a knob that is not there.
func said(h *wasmtest.Host) (n int) {
	for _, l := range h.Logs() {
		if l.Level == "error" && strings.Contains(l.Text, "Set both or neither") {
			n++
		}
	}
	return n
}

// Where the configuration is wrong about Envoy's knob, the first exchange waits for a tick, and
// none hangs.
func TestAKnobThatIsNotThere(t *testing.T) {
	h := wasmtest.New(t, wasmtest.Options{Config: configuration(""), Mistaken: true})
	begin := func(r wasmtest.Request) *wasmtest.Stream {
		s := h.NewStream()
		s.RequestHead(r.Header, len(r.Body) == 0)
		for _, b := range r.Body {
			s.RequestBody(b, false)
		}
		if len(r.Body) > 0 {
			s.RequestBody(nil, true)
		}
		return s
	}
	respond := func(s *wasmtest.Stream, r wasmtest.Reply) {
		s.ReplyHead(r.Header, false)
		s.ReplyBody(r.Body[0], false)
		s.ReplyBody(nil, true)
	}
	models := wasmtest.JSON(200, []byte(`{"object":"list","data":[{"id":"`+served+`","object":"model"}]}`))

	// Several at once; one whose client has left, one whose body has not come.
	left, slow := h.NewStream(), h.NewStream()
	left.RequestHead(wasmtest.Post(chat, []byte(question)).Header, false)
	slow.RequestHead(wasmtest.Post(chat, []byte(question)).Header, false)
	h.Tick()
	if slow.Upstream.Started || said(h) > 0 {
		t.Fatal("a client that sends nothing yet is taken for a mistake")
	}
	left.ClientGone()
	waiting := []*wasmtest.Stream{begin(wasmtest.Post(chat, []byte(question))), begin(wasmtest.Post(chat, wasmtest.Pieces([]byte(question), 7)...)), begin(wasmtest.Get("/v1/models"))}
	respond(waiting[2], models)
	slow.RequestBody([]byte(question), true)
	h.Tick()
	for _, s := range append(waiting[:2:2], slow) {
		if got := gjson.GetBytes(s.Upstream.Body(), "model").String(); got != served || !s.Upstream.Ended || s.Upstream.Get("content-length") != "" {
			t.Errorf("upstream got %v %s", s.Upstream.Header, s.Upstream.Body())
		}
		s.ReplyHead(wasmtest.JSON(200, []byte(answer)).Header, false)
		s.ReplyBody([]byte(answer), true)
		wantVirtual(t, s)
		s.Close()
	}
	if !strings.Contains(string(waiting[2].Client.Body()), virtual) || !waiting[2].Client.Ended {
		t.Errorf("client got %v %s", waiting[2].Client.Header, waiting[2].Client.Body())
	}
	// From now on nobody waits.
	s := begin(wasmtest.Post(chat, []byte(question)))
	if gjson.GetBytes(s.Upstream.Body(), "model").String() != served {
		t.Errorf("upstream got %v %s", s.Upstream.Header, s.Upstream.Body())
	}
	respond(s, wasmtest.JSON(200, []byte(answer)))
	wantVirtual(t, s)
	if said(h) != 1 {
		t.Errorf("said %d times: %v", said(h), h.Logs())
	}
}

// A reply so large that Envoy never has all of it goes on after some ticks.
func TestAKnobThatIsNotThereAndALargeReply(t *testing.T) {
	h := wasmtest.New(t, wasmtest.Options{Config: configuration(""), Mistaken: true})
	s := h.NewStream()
	s.RequestHead(wasmtest.Get("/v1/models").Header, true)
	body := `{"object":"list","data":[{"id":"` + served + `","object":"model"}]}`
	s.ReplyHead(wasmtest.JSON(200, []byte(body)).Header, false)
	s.ReplyBody([]byte(body[:20]), false)
	for range 3 {
		h.Tick()
	}
	s.ReplyBody([]byte(body[20:]), true)
	if !strings.Contains(string(s.Client.Body()), virtual) || !s.Client.Ended {
		t.Errorf("client got %v %s", s.Client.Header, s.Client.Body())
	}
}

// Where the knob is, whoever is slow is waited for.
func TestSlowBodiesWithTheKnob(t *testing.T) {
	h := wasmtest.New(t, wasmtest.Options{Config: configuration(""), Knob: true})
	s := h.NewStream()
	s.RequestHead(wasmtest.Post(chat, []byte(question)).Header, false)
	h.Tick()
	s.RequestBody([]byte(question[:9]), false)
	h.Tick()
	s.RequestBody([]byte(question[9:]), true)
	if s.Upstream.Get("content-length") == "" || s.Upstream.LengthError() != nil {
		t.Errorf("upstream got %v %s", s.Upstream.Header, s.Upstream.Body())
	}
	s.ReplyHead(wasmtest.JSON(200, []byte(answer)).Header, false)
	for range 5 {
		h.Tick()
	}
	if s.Client.Started {
		t.Error("the reply's head did not wait for its body")
	}
	s.ReplyBody([]byte(`{"error":{"message":"no","code":503}}`), true)
	wantError(t, s, 503)
	if said(h) > 0 {
		t.Error(h.Logs())
	}
}

// wantVirtual checks for a whole answer that names the model as the client did.
func wantVirtual(t *testing.T, s *wasmtest.Stream) {
	t.Helper()
	if gjson.GetBytes(s.Client.Body(), "model").String() != virtual || !s.Client.Ended || s.Client.LengthError() != nil {
		t.Errorf("client got %v %s", s.Client.Header, s.Client.Body())
	}
}

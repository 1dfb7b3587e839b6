package main_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

func TestStreamGoesOnEventByEvent(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		s := h.NewStream()
		defer s.Close()
		s.RequestHead(wasmtest.Post(chat).Header, false)
		s.RequestBody([]byte(streamed), true)
		s.ReplyHead(wasmtest.Events().Header, false)
		if !s.Client.Started || s.Client.Get("content-length") != "" {
			t.Fatalf("the head waits or has a length: %+v", s.Client)
		}
		for i, e := range events {
			s.ReplyBody([]byte(e), false)
			if got := len(s.Client.Pieces); got != i+1 {
				t.Fatalf("after event %d the client has %d pieces", i+1, got)
			}
			if p := string(s.Client.Pieces[i]); strings.Contains(p, served) || !strings.HasSuffix(p, "\n\n") {
				t.Errorf("client got %q", p)
			}
		}
		before := len(s.Client.Pieces)
		s.ReplyBody(nil, true)
		if !s.Client.Ended || len(s.Client.Pieces) != before {
			t.Errorf("after [DONE] and the end mark: ended %t, pieces %q", s.Client.Ended, s.Client.Pieces[before:])
		}
	})
}

func TestStreamIsTheSameHoweverItIsCut(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		text := []byte(strings.Join(events, ""))
		want := clientEvents(t, h)
		if strings.Count(want, "data: ") != len(events) || !strings.HasSuffix(want, "data: [DONE]\n\n") {
			t.Fatalf("uncut, the client gets\n%s", want)
		}
		check := func(name string, r wasmtest.Reply) {
			s := h.Exchange(t, wasmtest.Post(chat, []byte(streamed)), replies(r))
			if got := string(s.Client.Body()); got != want || !s.Client.Ended {
				t.Fatalf("%s: ended %t, client got\n%s\nwant\n%s", name, s.Client.Ended, got, want)
			}
		}
		for i := range len(text) {
			check(fmt.Sprintf("cut at %d", i), wasmtest.Events(wasmtest.Split(text, i)...))
		}
		check("byte by byte", wasmtest.Events(wasmtest.Pieces(text, 1)...))
		marked := wasmtest.Events(wasmtest.Split(text, 9)...)
		marked.LastMarked = true
		check("end with the last piece", marked)
		trailers := wasmtest.Events(text)
		trailers.Trailer = [][2]string{{"x-sum", "1"}}
		check("trailers", trailers)
	})
}

// The VM's buffers are shared by all streams, so none may leave anything in them.
func TestInterleavedStreamsDontMix(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		const n = 3
		var streams [n]*wasmtest.Stream
		request := func(i int) []byte {
			return []byte(strings.Replace(streamed, "Grüße", strings.Repeat(strconv.Itoa(i), 100*(i+1)), 1))
		}
		for i := range streams {
			streams[i] = h.NewStream()
			defer streams[i].Close()
			streams[i].RequestHead(wasmtest.Post(chat).Header, false)
			// An empty body before, so that nothing is read where a body could be.
			wantError(t, h.Exchange(t, wasmtest.Post(chat, []byte{}), unreached(t)), 400)
		}
		for part := range 2 {
			for i, s := range streams {
				body := request(i)
				s.RequestBody(wasmtest.Split(body, len(body)/2)[part], part == 1)
			}
		}
		for _, s := range streams {
			s.ReplyHead(wasmtest.Events().Header, false)
		}
		for _, e := range events {
			for i, s := range streams {
				e := []byte(strings.ReplaceAll(e, "Grü", strings.Repeat(strconv.Itoa(i), 10)))
				s.ReplyBody(e[:len(e)/2], false)
			}
			for i, s := range streams {
				e := []byte(strings.ReplaceAll(e, "Grü", strings.Repeat(strconv.Itoa(i), 10)))
				s.ReplyBody(e[len(e)/2:], false)
			}
		}
		want := clientEvents(t, h)
		for i, s := range streams {
			if got := gjson.GetBytes(s.Upstream.Body(), "messages.0.content").String(); got != strings.Repeat(strconv.Itoa(i), 100*(i+1)) {
				t.Errorf("stream %d: upstream got %s", i, s.Upstream.Body())
			}
			if got, want := string(s.Client.Body()), strings.ReplaceAll(want, "Grü", strings.Repeat(strconv.Itoa(i), 10)); got != want {
				t.Errorf("stream %d: client got\n%s\nwant\n%s", i, got, want)
			}
		}
	})
}

func TestStreamThatEndsEarlyIsClosedByItsGrammar(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		s := h.Exchange(t, wasmtest.Post(chat, []byte(streamed)), replies(wasmtest.Events([]byte(events[0]+events[1]))))
		got := string(s.Client.Body())
		if !s.Client.Ended || !strings.HasSuffix(got, "data: [DONE]\n\n") || !strings.Contains(got, `"error"`) {
			t.Errorf("client got\n%s", got)
		}
	})
}

func TestUpstreamGoneInAStreamIsCounted(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		r := wasmtest.Events([]byte(events[0]))
		r.Gone = true
		s := h.Exchange(t, wasmtest.Post(chat, []byte(streamed)), replies(r))
		if !s.Client.Reset {
			t.Error("the host didn't cut the client off")
		}
		if got := h.Counter("qwenvoy_stream_cut"); got != 1 {
			t.Errorf("qwenvoy_stream_cut is %d, want 1", got)
		}
	})
}

func TestClientGoneIsNoUpstreamFault(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		s := h.NewStream()
		s.RequestHead(wasmtest.Post(chat).Header, false)
		s.RequestBody([]byte(streamed), true)
		s.ReplyHead(wasmtest.Events().Header, false)
		s.ReplyBody([]byte(events[0]), false)
		s.ClientGone()
		if got := h.Counter("qwenvoy_stream_cut"); got != 0 {
			t.Errorf("qwenvoy_stream_cut is %d, want 0", got)
		}
		if h.Exchange(t, wasmtest.Post(chat, []byte(question)), replies(wasmtest.JSON(200, []byte(answer)))).Client.Status() != 200 {
			t.Error("the next request failed")
		}
	})
}

// Without the knob the head of a stream is out before an error in the body is read, so
// that it must be told as a stream's event.
func TestErrorInAReplyToAStreamIsAnEventOnceTheHeadIsOut(t *testing.T) {
	h := wasmtest.New(t, wasmtest.Options{Config: configuration("")})
	for path, want := range map[string][2]string{
		"/v1/messages":  {`"max_tokens":9,"messages":[{"role":"user","content":"hi"}]`, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"full\"}"},
		"/v1/responses": {`"input":"hi"`, "event: response.failed\ndata: {\"type\":\"response.failed\""},
	} {
		for _, reply := range []string{`{"error":{"message":"full","type":"x","code":503}}`, `{"choices":`, `{"choices":[]}`} {
			s := h.Exchange(t, wasmtest.Post(path, []byte(`{"model":"`+virtual+`","stream":true,`+want[0]+`}`)), replies(wasmtest.JSON(200, []byte(reply))))
			got := string(s.Client.Body())
			if kind := s.Client.Get("content-type"); s.Client.Get(":status") != "200" || !strings.HasPrefix(kind, "text/event-stream") {
				t.Errorf("%s %s: the head is %v", path, reply, s.Client.Header)
			}
			start, _, _ := strings.Cut(want[1], "\"error\":{")
			if strings.HasPrefix(reply, `{"error"`) {
				start = want[1]
			}
			if !strings.Contains(got, start) || !strings.HasSuffix(got, "}\n\n") {
				t.Errorf("%s %s: client got\n%s", path, reply, got)
			}
		}
	}
}

package main_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

const (
	served  = "Qwen/Qwen3.5-397B-A17B-FP8"
	virtual = "qwen3.5-thinking-coding"
	chat    = "/v1/chat/completions"

	question = `{"model":"` + virtual + `","messages":[{"role":"user","content":"Grüße"}]}`
	answer   = `{"id":"c","object":"chat.completion","model":"` + served + `","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`
)

// event is one chunk of a chat stream.
func event(delta, finish string) string {
	return `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"` + served +
		`","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + "}]}\n\n"
}

var events = []string{
	event(`{"role":"assistant","content":""}`, "null"),
	event(`{"content":"Grü"}`, "null"),
	event(`{"content":"ße"}`, "null"),
	event(`{}`, `"stop"`),
	"data: [DONE]\n\n",
}

func configuration(more string) string {
	return `{"upstreams":[{"name":"local","kind":"vllm","model":"` + served + `"}]` + more + `}`
}

// bothKnobs runs a test with and without allow_on_headers_stop_iteration.
func bothKnobs(t *testing.T, more string, test func(t *testing.T, h *wasmtest.Host, knob bool)) {
	t.Helper()
	for _, knob := range []bool{false, true} {
		t.Run(fmt.Sprintf("knob=%t", knob), func(t *testing.T) {
			test(t, wasmtest.New(t, wasmtest.Options{Config: configuration(more), Knob: knob}), knob)
		})
	}
}

func replies(r wasmtest.Reply) func(*wasmtest.Message) wasmtest.Reply {
	return func(*wasmtest.Message) wasmtest.Reply { return r }
}

func unreached(t *testing.T) func(*wasmtest.Message) wasmtest.Reply {
	return func(*wasmtest.Message) wasmtest.Reply {
		t.Error("the request went upstream")
		return wasmtest.JSON(200, []byte(answer))
	}
}

// wantError checks that the client got a whole JSON error of ours.
func wantError(t *testing.T, s *wasmtest.Stream, status int) {
	t.Helper()
	c := &s.Client
	code := gjson.GetBytes(c.Body(), "error.code")
	if c.Status() != status || !c.Ended || c.Reset || c.Get("content-type") != "application/json" || code.Int() != int64(status) {
		t.Errorf("client got %v %s (ended %t, reset %t), want a JSON error with status %d", c.Header, c.Body(), c.Ended, c.Reset, status)
	}
}

// ways are the forms in which a body can arrive.
func ways(b []byte) map[string]wasmtest.Request {
	oneByOne := wasmtest.Post(chat, wasmtest.Pieces(b, 1)...)
	marked := wasmtest.Post(chat, wasmtest.Split(b, len(b)/2)...)
	marked.LastMarked = true
	trailers := wasmtest.Post(chat, b)
	trailers.Trailer = [][2]string{{"x-sum", "1"}}
	return map[string]wasmtest.Request{
		"at once": wasmtest.Post(chat, b), "byte by byte": oneByOne,
		"end with the last piece": marked, "trailers": trailers,
	}
}

func TestRequestIsRewrittenHoweverItArrives(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		for name, r := range ways([]byte(question)) {
			t.Run(name, func(t *testing.T) {
				s := h.Exchange(t, r, replies(wasmtest.JSON(200, []byte(answer))))
				up := &s.Upstream
				if got := gjson.GetBytes(up.Body(), "model").String(); got != served {
					t.Errorf("upstream got model %q in %s", got, up.Body())
				}
				if got := gjson.GetBytes(up.Body(), "messages.0.content").String(); got != "Grüße" {
					t.Errorf("upstream got content %q", got)
				}
				if got := up.Get("accept-encoding"); got != "" {
					t.Errorf("upstream may answer in %q", got)
				}
				want := ""
				if knob {
					want = strconv.Itoa(len(up.Body()))
				}
				if got := up.Get("content-length"); got != want {
					t.Errorf("content-length to upstream is %q, want %q", got, want)
				}
				if got := gjson.GetBytes(s.Client.Body(), "model").String(); got != virtual {
					t.Errorf("client got model %q", got)
				}
			})
		}
	})
}

func TestReplyIsRewrittenHoweverItArrives(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		whole := wasmtest.JSON(200, []byte(answer))
		bytewise := wasmtest.JSON(200, wasmtest.Pieces([]byte(answer), 1)...)
		marked := wasmtest.JSON(200, wasmtest.Split([]byte(answer), 7)...)
		marked.LastMarked = true
		trailers := wasmtest.JSON(200, []byte(answer))
		trailers.Trailer = [][2]string{{"x-sum", "1"}}
		for name, r := range map[string]wasmtest.Reply{"at once": whole, "byte by byte": bytewise, "end with the last piece": marked, "trailers": trailers} {
			t.Run(name, func(t *testing.T) {
				s := h.Exchange(t, wasmtest.Post(chat, []byte(question)), replies(r))
				c := &s.Client
				if gjson.GetBytes(c.Body(), "model").String() != virtual || gjson.GetBytes(c.Body(), "choices.0.message.content").String() != "hello" {
					t.Errorf("client got %s", c.Body())
				}
				if c.Status() != 200 || !c.Ended {
					t.Errorf("client got %v, ended %t", c.Header, c.Ended)
				}
				want := ""
				if knob {
					want = strconv.Itoa(len(c.Body()))
				}
				if got := c.Get("content-length"); got != want {
					t.Errorf("content-length to the client is %q, want %q", got, want)
				}
				if (c.Trailer != nil) != (r.Trailer != nil) {
					t.Errorf("trailers to the client: %v", c.Trailer)
				}
			})
		}
	})
}

func TestBadRequestIsAnsweredHere(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		for name, r := range ways([]byte(`{"model":`)) {
			t.Run(name, func(t *testing.T) {
				s := h.Exchange(t, r, unreached(t))
				wantError(t, s, 400)
				if s.Upstream.Ended || knob && s.Upstream.Started {
					t.Errorf("upstream got %+v", s.Upstream)
				}
			})
		}
		t.Run("no body", func(t *testing.T) {
			r := wasmtest.Post(chat)
			r.Header = slices.DeleteFunc(r.Header, func(f [2]string) bool { return f[0] == "content-length" })
			wantError(t, h.Exchange(t, r, unreached(t)), 400)
		})
		t.Run("wrong method", func(t *testing.T) {
			wantError(t, h.Exchange(t, wasmtest.Get(chat), unreached(t)), 405)
		})
		if got := h.Counter("qwenvoy_errors"); got != 6 {
			t.Errorf("qwenvoy_errors is %d, want 6", got)
		}
	})
}

func TestBodyOverTheLimitIs413(t *testing.T) {
	bothKnobs(t, `,"limits":{"body":"1KiB"}`, func(t *testing.T, h *wasmtest.Host, knob bool) {
		big := []byte(strings.Replace(question, "Grüße", strings.Repeat("x", 2000), 1))
		for name, r := range ways(big) {
			t.Run(name, func(t *testing.T) { wantError(t, h.Exchange(t, r, unreached(t)), 413) })
		}
	})
}

func TestReplyOverTheLimitIsRefused(t *testing.T) {
	bothKnobs(t, `,"limits":{"body":"1KiB"}`, func(t *testing.T, h *wasmtest.Host, knob bool) {
		big := []byte(strings.Replace(answer, "hello", strings.Repeat("x", 2000), 1))
		s := h.Exchange(t, wasmtest.Post(chat, []byte(question)), replies(wasmtest.JSON(200, wasmtest.Pieces(big, 700)...)))
		if knob {
			wantError(t, s, 502)
			return
		}
		if code := gjson.GetBytes(s.Client.Body(), "error.code").Int(); code != 502 || !s.Client.Ended {
			t.Errorf("client got %s", s.Client.Body())
		}
	})
}

func TestUnreadableReply(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		t.Run("broken JSON", func(t *testing.T) {
			s := h.Exchange(t, wasmtest.Post(chat, []byte(question)), replies(wasmtest.JSON(200, []byte(`{"id":`))))
			if knob {
				wantError(t, s, 502)
				return
			}
			// The status is out before the body can be seen.
			if s.Client.Status() != 200 || gjson.GetBytes(s.Client.Body(), "error.code").Int() != 502 {
				t.Errorf("client got %v %s", s.Client.Header, s.Client.Body())
			}
		})
		t.Run("unknown encoding", func(t *testing.T) {
			r := wasmtest.JSON(200, []byte("\x0b\x00"))
			r.Header = append(r.Header, [2]string{"content-encoding", "br"})
			wantError(t, h.Exchange(t, wasmtest.Post(chat, []byte(question)), replies(r)), 502)
		})
		t.Run("no body", func(t *testing.T) {
			r := wasmtest.JSON(200)
			wantError(t, h.Exchange(t, wasmtest.Post(chat, []byte(question)), replies(r)), 502)
		})
	})
}

func TestGzipReplyIsDecoded(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		t.Run("whole", func(t *testing.T) {
			r := wasmtest.JSON(200, wasmtest.Pieces(zip(t, answer), 10)...)
			r.Header = append(r.Header, [2]string{"content-encoding", "gzip"})
			s := h.Exchange(t, wasmtest.Post(chat, []byte(question)), replies(r))
			if gjson.GetBytes(s.Client.Body(), "model").String() != virtual || s.Client.Get("content-encoding") != "" {
				t.Errorf("client got %v %q", s.Client.Header, s.Client.Body())
			}
		})
		t.Run("stream", func(t *testing.T) {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			var pieces [][]byte
			for _, e := range events {
				fmt.Fprint(w, e)
				if err := w.Flush(); err != nil {
					t.Fatal(err)
				}
				pieces = append(pieces, bytes.Clone(b.Bytes()))
				b.Reset()
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			r := wasmtest.Events(append(pieces, b.Bytes())...)
			r.Header = append(r.Header, [2]string{"content-encoding", "gzip"})
			s := h.Exchange(t, wasmtest.Post(chat, []byte(question)), replies(r))
			if got, want := string(s.Client.Body()), clientEvents(t, h); got != want || s.Client.Get("content-encoding") != "" {
				t.Errorf("client got %v\n%s\nwant\n%s", s.Client.Header, got, want)
			}
			if len(s.Client.Pieces) < len(events) {
				t.Errorf("the client got %d events in %d pieces", len(events), len(s.Client.Pieces))
			}
		})
	})
}

func zip(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	fmt.Fprint(w, s)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// clientEvents is what a client gets of events when they come in one piece.
func clientEvents(t *testing.T, h *wasmtest.Host) string {
	t.Helper()
	s := h.Exchange(t, wasmtest.Post(chat, []byte(streamed)), replies(wasmtest.Events([]byte(strings.Join(events, "")))))
	return string(s.Client.Body())
}

const streamed = `{"model":"` + virtual + `","stream":true,"messages":[{"role":"user","content":"Grüße"}]}`

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

func TestEnvoysOwnErrorsBecomeOurs(t *testing.T) {
	tests := []struct {
		details      string
		status, want int // want 0: untouched
	}{
		{"no_healthy_upstream", 503, 502},
		{"upstream_reset_before_response_started{connection_failure,delayed_connect_error:_111}", 503, 502},
		{"upstream_response_timeout", 504, 504},
		{"response_timeout", 504, 504},
		{"request_payload_too_large", 413, 413},
		{"request_rate_limited", 429, 0},
		{"rbac_access_denied_matched_policy[none]", 403, 0},
	}
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		for _, test := range tests {
			for _, path := range []string{chat, "/v1/embeddings"} {
				t.Run(test.details+path, func(t *testing.T) {
					s := h.NewStream()
					defer s.Close()
					s.RequestHead(wasmtest.Post(path).Header, false)
					s.RequestBody([]byte(question), true)
					s.EnvoyReply(test.status, test.details, "upstream connect error")
					if test.want != 0 {
						wantError(t, s, test.want)
					} else if s.Client.Status() != test.status || string(s.Client.Body()) != "upstream connect error" {
						t.Errorf("client got %v %s", s.Client.Header, s.Client.Body())
					}
					if err := s.Client.LengthError(); err != nil {
						t.Error(err)
					}
				})
			}
		}
	})
}

func TestHostsBufferLimit(t *testing.T) {
	for _, knob := range []bool{false, true} {
		h := wasmtest.New(t, wasmtest.Options{Config: configuration(""), Knob: knob, BufferLimit: 1000})
		big := []byte(strings.Replace(question, "Grüße", strings.Repeat("x", 2000), 1))
		wantError(t, h.Exchange(t, wasmtest.Post(chat, wasmtest.Pieces(big, 400)...), unreached(t)), 413)
	}
}

func TestUpstreamsErrorPassesUntouched(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		r := wasmtest.JSON(429, []byte(`{"error":{"message":"slow down"}}`))
		r.Header = append(r.Header, [2]string{"retry-after", "7"})
		s := h.Exchange(t, wasmtest.Post(chat, []byte(question)), replies(r))
		if s.Client.Status() != 429 || s.Client.Get("retry-after") != "7" || string(s.Client.Body()) != `{"error":{"message":"slow down"}}` {
			t.Errorf("client got %v %s", s.Client.Header, s.Client.Body())
		}
	})
}

func TestOtherPathsPassUntouched(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		r := wasmtest.Post("/v1/embeddings?x=1", []byte(`{"model": "a",`), []byte(` "input":"b"}`))
		s := h.Exchange(t, r, replies(wasmtest.JSON(200, []byte(`{"model": "a"}`))))
		if !slices.Equal(s.Upstream.Header, r.Header) || string(s.Upstream.Body()) != `{"model": "a", "input":"b"}` {
			t.Errorf("upstream got %v %s", s.Upstream.Header, s.Upstream.Body())
		}
		if !slices.Equal(s.Client.Header, wasmtest.JSON(200, []byte(`{"model": "a"}`)).Header) || string(s.Client.Body()) != `{"model": "a"}` {
			t.Errorf("client got %v %s", s.Client.Header, s.Client.Body())
		}
		if h.Counter("qwenvoy_passed") != 1 || h.Counter("qwenvoy_requests") != 0 {
			t.Errorf("qwenvoy_passed is %d, qwenvoy_requests %d", h.Counter("qwenvoy_passed"), h.Counter("qwenvoy_requests"))
		}
	})
}

func TestWebSocketPassesUntouchedBothWays(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		s := h.NewStream()
		defer s.Close()
		s.RequestHead([][2]string{{":method", "GET"}, {":path", "/v1/realtime"}, {"connection", "upgrade"}, {"upgrade", "websocket"}}, false)
		s.RequestBody(nil, false)
		if !s.Upstream.Started || s.Upstream.Get("upgrade") != "websocket" {
			t.Fatalf("the upgrade waits: %+v", s.Upstream)
		}
		s.ReplyHead([][2]string{{":status", "101"}, {"upgrade", "websocket"}}, false)
		for i := range 3 {
			s.RequestBody([]byte{0x81, byte(i)}, false)
			s.ReplyBody([]byte{0x82, byte(i)}, false)
			if len(s.Upstream.Pieces) != i+1 || len(s.Client.Pieces) != i+1 {
				t.Fatalf("frame %d waits", i)
			}
		}
		if want := []byte{0x82, 0, 0x82, 1, 0x82, 2}; !bytes.Equal(s.Client.Body(), want) {
			t.Errorf("client got %x, want %x", s.Client.Body(), want)
		}
	})
}

func TestModelsAreListed(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		found := []byte(`{"object":"list","data":[{"id":"` + served + `","object":"model","max_model_len":262144}]}`)
		s := h.Exchange(t, wasmtest.Get("/v1/models"), replies(wasmtest.JSON(200, found)))
		if id := gjson.GetBytes(s.Client.Body(), "data.#.id").String(); !strings.Contains(id, virtual) || strings.Contains(id, served) {
			t.Errorf("client got %s", s.Client.Body())
		}
	})
}

func TestPanicIsAnsweredAndTheVMLives(t *testing.T) {
	module := wasmtest.Module(t, "qwenvoy_panic")
	for _, knob := range []bool{false, true} {
		for _, point := range []string{"request-head", "request-body", "reply-head", "reply-body", "stream"} {
			t.Run(fmt.Sprintf("%s knob=%t", point, knob), func(t *testing.T) {
				h := wasmtest.New(t, wasmtest.Options{Module: module, Interpret: true, Config: configuration(""), Knob: knob})
				body, reply, at := question, wasmtest.JSON(200, []byte(answer)), point
				if point == "stream" {
					body, reply, at = streamed, wasmtest.Events([]byte(events[0]), []byte(events[1])), "reply-body"
				}
				r := wasmtest.Post(chat, []byte(body))
				r.Header = append(r.Header, [2]string{"x-panic", at})
				s := h.Exchange(t, r, replies(reply))
				got := string(s.Client.Body())
				switch {
				case point == "stream":
					if !strings.HasSuffix(got, "data: [DONE]\n\n") || !strings.Contains(got, `"error"`) || !s.Client.Ended {
						t.Errorf("client got\n%s", got)
					}
				case point == "reply-body" && !knob:
					if gjson.Get(got, "error.code").Int() != 500 || !s.Client.Ended {
						t.Errorf("client got %s", got)
					}
				default:
					wantError(t, s, 500)
				}
				if h.Counter("qwenvoy_panics") != 1 {
					t.Errorf("qwenvoy_panics is %d", h.Counter("qwenvoy_panics"))
				}
				logged := slices.ContainsFunc(h.Logs(), func(l wasmtest.Line) bool {
					return l.Level == "error" && strings.Contains(l.Text, "index out of range") && strings.Contains(l.Text, "filter/edge.(*Exchange)")
				})
				if !logged {
					t.Errorf("no line with the stack's frames: %v", h.Logs())
				}
				s = h.Exchange(t, wasmtest.Post(chat, []byte(question)), replies(wasmtest.JSON(200, []byte(answer))))
				if s.Client.Status() != 200 {
					t.Errorf("the next request got %v %s", s.Client.Header, s.Client.Body())
				}
			})
		}
	}
}

func TestBadConfigurationIsRefusedByItsKey(t *testing.T) {
	tests := []struct{ config, key string }{
		{`{"upstreams":[{"model":"m"}],"enforce_samplings":true}`, "enforce_samplings"},
		{`{"upstreams":[{"model":"m"}],"late_system":"sometimes"}`, "late_system"},
		{`{"upstreams":[{"model":"m","kind":"sglang-ish"}]}`, "upstreams[0].kind"},
		{`{"upstreams":`, "JSON"},
		{`{}`, "upstreams"},
		{"\n\x0d\n\x03log\x12\x06", "StringValue"},
	}
	for _, test := range tests {
		h, err := wasmtest.Start(wasmtest.Options{Module: wasmtest.Module(t), Config: test.config})
		if err != wasmtest.ErrRefused {
			t.Errorf("%s: %v, want it refused", test.config, err)
			continue
		}
		defer h.Close()
		if logs := h.Logs(); len(logs) != 1 || logs[0].Level != "critical" || !strings.Contains(logs[0].Text, test.key) {
			t.Errorf("%s: the log says %v", test.config, logs)
		}
	}
}

func TestKeysOfTheBinaryAreAcceptedWithOneLine(t *testing.T) {
	h := wasmtest.New(t, wasmtest.Options{Config: `{"listen":"0.0.0.0","port":1234,"timeouts":{"idle":"1m"},"log":{"format":"json"},"store":{"folder":"/var/lib/qwenvoy"},
		"upstreams":[{"url":"http://10.0.0.1:8000","model":"m"}]}`})
	logs := h.Logs()
	if len(logs) != 1 || logs[0].Level != "info" {
		t.Fatalf("the log says %v", logs)
	}
	for _, key := range []string{"listen", "port", "timeouts", "store", "log.format", "upstreams[0].url"} {
		if !strings.Contains(logs[0].Text, key) {
			t.Errorf("%s is missing in %q", key, logs[0].Text)
		}
	}
}

func TestTraceShowsNoText(t *testing.T) {
	h := wasmtest.New(t, wasmtest.Options{Config: configuration(`,"log":{"level":"DEBUG"}`)})
	h.Exchange(t, wasmtest.Post(chat, []byte(question)), replies(wasmtest.JSON(200, []byte(answer))))
	logs := h.Logs()
	if len(logs) != 1 || logs[0].Level != "debug" || !strings.Contains(logs[0].Text, virtual) {
		t.Fatalf("the log says %v", logs)
	}
	for _, text := range []string{"Grüße", "hello"} {
		if strings.Contains(logs[0].Text, text) {
			t.Errorf("%q is in the log: %s", text, logs[0].Text)
		}
	}
}

// A VM's memory never shrinks, so it must not creep. 3,000 requests show a creep of
// 10 KB each; QWENVOY_MEMORY_REQUESTS asks for more.
func TestMemoryStaysFlat(t *testing.T) {
	n := 3000
	if s := os.Getenv("QWENVOY_MEMORY_REQUESTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	h := wasmtest.New(t, wasmtest.Options{Config: configuration(""), Knob: true})
	body := []byte(strings.Replace(question, "Grüße", strings.Repeat("x", 70_000), 1))
	var half int
	for i := range n {
		s := h.Exchange(t, wasmtest.Post(chat, wasmtest.Pieces(body, 16<<10)...), replies(wasmtest.JSON(200, []byte(answer))))
		if s.Client.Status() != 200 {
			t.Fatalf("request %d got %v", i, s.Client.Header)
		}
		if i == n/2 {
			half = h.MemoryBytes()
		}
	}
	const limit = 32 << 20
	if got := h.MemoryBytes(); got > limit || got > half+4<<20 {
		t.Errorf("memory is %d bytes after %d requests, %d after half of them; the limit is %d", got, n, half, limit)
	}
	t.Logf("%d requests: %d bytes", n, h.MemoryBytes())
}

// What a proxy before the model server refuses has often no body at all. The fields of
// its head still count: Retry-After, and those that every reply of the dialect has.
func TestErrorWithoutABodyKeepsItsHead(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		refused := wasmtest.Reply{Header: [][2]string{{":status", "429"}, {"content-type", "text/plain"}, {"content-length", "0"}, {"retry-after", "7"}}}
		for _, stream := range []string{"false", "true"} {
			s := h.Exchange(t, wasmtest.Post("/v1/messages", []byte(`{"model":"`+virtual+`","max_tokens":9,"stream":`+stream+`,"messages":[{"role":"user","content":"hi"}]}`)), replies(refused))
			c := &s.Client
			if c.Get(":status") != "429" || c.Get("retry-after") != "7" || c.Get("content-type") != "application/json" || !strings.HasPrefix(c.Get("request-id"), "req_") {
				t.Errorf("stream %s: client got the head %v", stream, c.Header)
			}
			if got := gjson.GetBytes(c.Body(), "error.type").String(); got != "rate_limit_error" {
				t.Errorf("stream %s: client got %s", stream, c.Body())
			}
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

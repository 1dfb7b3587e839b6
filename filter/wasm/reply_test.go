package main_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

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

func TestModelsAreListed(t *testing.T) {
	bothKnobs(t, "", func(t *testing.T, h *wasmtest.Host, knob bool) {
		found := []byte(`{"object":"list","data":[{"id":"` + served + `","object":"model","max_model_len":262144}]}`)
		s := h.Exchange(t, wasmtest.Get("/v1/models"), replies(wasmtest.JSON(200, found)))
		if id := gjson.GetBytes(s.Client.Body(), "data.#.id").String(); !strings.Contains(id, virtual) || strings.Count(id, served) != 1 {
			t.Errorf("client got %s", s.Client.Body())
		}
	})
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

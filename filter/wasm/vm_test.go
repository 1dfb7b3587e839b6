package main_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

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

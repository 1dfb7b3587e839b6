package main_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

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

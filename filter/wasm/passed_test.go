package main_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

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

// No page of another origin, no host that is not among those allowed and no target that servers
// read otherwise gets past the filter, nor does the server's key, on our paths and on others.
func TestWhatIsRefusedOnEveryPath(t *testing.T) {
	more := `,"allowed_hosts":["gw.test"],"cors":{"origins":["https://app.example.com"]}`
	bothKnobs(t, more, func(t *testing.T, h *wasmtest.Host, knob bool) {
		upgrade := [][2]string{{"connection", "upgrade"}, {"upgrade", "websocket"}}
		for _, tt := range []struct {
			method, path, host string
			header             [][2]string
			status             int
		}{
			{"POST", chat, "gw.test", [][2]string{{"origin", "https://evil.test"}, {"content-type", "text/plain"}}, 403},
			{"POST", chat, "gw.test", [][2]string{{"sec-fetch-site", "cross-site"}}, 403},
			{"POST", "/v1/responses", "gw.test", [][2]string{{"origin", "null"}}, 403},
			{"POST", "/v1/embeddings", "gw.test", [][2]string{{"origin", "https://evil.test"}}, 403},
			{"GET", "/metrics", "gw.test", [][2]string{{"origin", "https://evil.test"}}, 403},
			{"GET", "/v1/realtime", "gw.test", append(upgrade[:2:2], [2]string{"origin", "https://evil.test"}), 403},
			{"GET", "/v1/responses", "gw.test", append(upgrade[:2:2], [2]string{"origin", "https://evil.test"}), 403},
			{"GET", "/v1/realtime", "gw.test", append(upgrade[:2:2], [2]string{"sec-fetch-site", "cross-site"}), 403},
			{"POST", chat, "evil.test", [][2]string{{"origin", "http://evil.test"}}, 403},
			{"GET", "/v1/realtime", "evil.test:10000", append(upgrade[:2:2], [2]string{"origin", "http://evil.test:10000"}), 403},
			{"POST", chat + "#x", "gw.test", nil, 400},
			{"POST", "/v1/embeddings?a#b", "gw.test", nil, 400},
			{"GET", "/v1/%72esponses/a%zz", "gw.test", nil, 404},
			{"POST", chat, "gw.test", [][2]string{{"origin", "https://app.example.com"}, {"sec-fetch-site", "cross-site"}, {"content-type", "text/plain"}}, 200},
			{"POST", chat, "gw.test:10000", [][2]string{{"origin", "https://gw.test:10000"}}, 200},
			{"POST", chat, "localhost:10000", nil, 200},
			{"GET", "/metrics", "gw.test", [][2]string{{"sec-fetch-site", "cross-site"}}, 200},
		} {
			r := wasmtest.Request{Header: append([][2]string{{":method", tt.method}, {":path", tt.path}, {":authority", tt.host}}, tt.header...)}
			if tt.method == "POST" {
				r.Body = [][]byte{[]byte(question)}
			}
			s := h.Exchange(t, r, replies(wasmtest.JSON(200, []byte(`{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}`))))
			if s.Client.Status() != tt.status || s.Upstream.Started != (tt.status == 200) {
				t.Errorf("%s %s of %s with %v: status %d, upstream got %v", tt.method, tt.path, tt.host, tt.header, s.Client.Status(), s.Upstream.Header)
			}
		}
	})
}

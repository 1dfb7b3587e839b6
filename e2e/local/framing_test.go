package local

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/e2e/carrier"
	"github.com/qwenvoy/qwenvoy/e2e/upstream"
)

// With trailers a body has no end mark of its own.
func TestTrailersDoNotHideTheBody(t *testing.T) {
	onEveryEdge(t, func(t *testing.T, e edge) {
		for _, h2c := range []bool{false, true} {
			for name, text := range map[string]string{"JSON": question, "a stream": streamed} {
				t.Run(fmt.Sprintf("%s, HTTP/2: %t", name, h2c), func(t *testing.T) {
					var model atomic.Value
					id := play(t, func(w http.ResponseWriter, r *http.Request) {
						body, _ := io.ReadAll(r.Body)
						model.Store(gjson.GetBytes(body, "model").Str)
						w.Header().Set("trailer", "x-sum")
						if text == streamed {
							sendEvents(w, event("H", "null")+event("i", `"stop"`)+"data: [DONE]\n\n")
						} else {
							w.Header().Set("content-type", "application/json")
							_, _ = io.WriteString(w, reply)
						}
						w.Header().Set("x-sum", "1")
					})
					client := carrier.NewClient(h2c)
					defer client.CloseIdleConnections()
					// Of unknown length, as only such a body can have trailers in HTTP/1.1.
					r, err := http.NewRequestWithContext(t.Context(), "POST", e.url+chat, io.MultiReader(strings.NewReader(text)))
					if err != nil {
						t.Fatal(err)
					}
					r.Header.Set("content-type", "application/json")
					r.Header.Set(upstream.Header, id)
					r.Trailer = http.Header{"X-Sum": {"2"}}
					resp, err := client.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					defer resp.Body.Close()
					b, err := io.ReadAll(resp.Body)
					if err != nil || resp.StatusCode != 200 || !strings.Contains(string(b), `"`+virtual+`"`) || strings.Contains(string(b), served) {
						t.Errorf("got %d %q (%v)", resp.StatusCode, b, err)
					}
					if text == streamed && !strings.HasSuffix(string(b), "data: [DONE]\n\n") {
						t.Errorf("the stream ends with %q", b)
					}
					if model.Load() != served {
						t.Errorf("the upstream was asked for %v", model.Load())
					}
				})
			}
		}
	})
}

// curl asks for leave before it sends a body over 1 MB.
func TestClientThatWaitsForContinueGetsIt(t *testing.T) {
	onEveryEdge(t, func(t *testing.T, e edge) {
		id := play(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("content-type", "application/json")
			_, _ = io.WriteString(w, reply)
		})
		client := carrier.NewClient(false)
		client.Transport.(*http.Transport).ExpectContinueTimeout = patience // else it sends the body anyway
		defer client.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), "POST", e.url+chat, strings.NewReader(chatOf(2_000_000)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("expect", "100-continue")
		r.Header.Set("content-type", "application/json")
		r.Header.Set(upstream.Header, id)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || gjson.GetBytes(b, "model").Str != virtual {
			t.Errorf("got %d %q (%v)", resp.StatusCode, b, err)
		}
	})
}

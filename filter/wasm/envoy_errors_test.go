package main_test

import (
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

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

package service

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/settings"
)

// What the checks found stands in /readyz by name, without what is not everybody's to know.
func TestWhatTheChecksFoundStandsInReadyz(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(401)
		_, _ = io.WriteString(w, `{"error":"Unauthorized"}`)
	}))
	t.Cleanup(server.Close)
	refusing := server.URL
	for _, tt := range []struct{ name, config, body string }{
		{"a key that is refused", "upstreams: [{url: " + refusing + ", model: Served, api_key: sekret}]\n",
			`{"status":"ready","failing":["key"]}`},
		{"a model without a name", "upstreams: [{url: " + refusing + ", api_key: sekret}]\n",
			`{"status":"not ready","reasons":["The served model's name is not known yet."],"failing":["key","model"]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, tt.config)
			r := run(t, settings.Flags{Config: &file})
			eventually(t, tt.body, func() bool {
				resp, err := http.Get(r.url + "/readyz")
				if err != nil {
					t.Fatal(err)
				}
				text, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				return string(text) == tt.body
			})
		})
	}
}

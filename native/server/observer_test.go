package server

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A handler in front that answers by itself has the same line as what goes through the core.
func TestObservedRepliesHaveTheSameLine(t *testing.T) {
	e := start(t, upstreamOf(t, answers))
	if status, _, _ := e.do(t, "GET", "/v1/responses/x", nil); status != 404 {
		t.Fatalf("status %d", status)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := e.handler.Observer().Observe(w, r, "responses_stored")
		defer o.End()
		if b, f := o.Body(r, 10, nil); string(b) != "abc" || f != hub.NoFault {
			t.Errorf("body %q, fault %d", b, f)
		}
		o.Failed("not_found")
		o.WriteHeader(404)
		_, _ = io.WriteString(o, "none")
	}))
	defer s.Close()
	r, err := http.NewRequest("GET", s.URL+"/v1/responses/x?key=sekret", strings.NewReader("abc"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Request-Id", "mine-1")
	resp, err := newClient(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	eventually(t, "both lines", func() bool { return len(e.lines(t, "exchange")) == 2 })
	lines := e.lines(t, "exchange")
	keys := func(line map[string]any) map[string]bool {
		out := map[string]bool{}
		for key := range line {
			out[key] = true
		}
		return out
	}
	if diff := cmp.Diff(keys(lines[0]), keys(lines[1])); diff != "" {
		t.Errorf("keys (-of the core, +observed):\n%s", diff)
	}
	for key, want := range map[string]any{
		slog.LevelKey: "INFO", "request_id": "mine-1", "client": "127.0.0.1", "method": "GET", "route": "responses_stored",
		"code": 404.0, "error_type": "not_found", "bytes_in": 3.0, "bytes_out": 4.0,
	} {
		if lines[1][key] != want {
			t.Errorf("%s is %v, want %v", key, lines[1][key], want)
		}
	}
	if uri := lines[1]["uri"].(string); !strings.HasPrefix(uri, "/v1/responses/x") || strings.Contains(uri, "sekret") {
		t.Errorf("uri is %s", uri)
	}
}

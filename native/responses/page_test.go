package responses

import (
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// A web page may read what is stored as it may read what the core answers: where its origin
// is allowed, errors and background responses included.
func TestAPageReadsWhatIsStored(t *testing.T) {
	e := start(t, setup{config: func(c *config.Config) { c.CORS.Origins = []string{"https://app.example.com"} }})
	id, _ := e.create(create("hello"))
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/v1/responses/" + id, ""},
		{"GET", "/v1/responses/none", ""},
		{"GET", "/v1/responses/" + id + "/input_items", ""},
		{"PATCH", "/v1/responses/" + id, ""},
		{"POST", "/v1/conversations", "{}"},
		{"POST", "/v1/responses", create("hello")},
		{"POST", "/v1/responses", create("hello", `"background":true`)},
		{"POST", "/v1/responses", create("hello", `"background":true`, `"stream":true`)},
		{"POST", "/v1/responses/input_tokens", "{}"},
		{"DELETE", "/v1/responses/" + id, ""},
	} {
		for origin, allowed := range map[string]string{"https://app.example.com": "https://app.example.com", "https://evil.test": "", "": ""} {
			var header []string
			if origin != "" {
				header = []string{"Origin", origin}
			}
			r := e.do(c.method, c.path, c.body, header...)
			if foreign := origin == "https://evil.test"; foreign != (r.status == 403) {
				t.Errorf("%s %s from %q: status %d", c.method, c.path, origin, r.status)
			}
			if got := r.header.Get("Access-Control-Allow-Origin"); got != allowed {
				t.Errorf("%s %s from %q: status %d, allows %q", c.method, c.path, origin, r.status, got)
			}
			if varies := r.header.Get("Vary"); (varies != "") != (origin != "") {
				t.Errorf("%s %s from %q: varies by %q", c.method, c.path, origin, varies)
			}
			asked := e.do("OPTIONS", c.path, "", append(header, "Access-Control-Request-Method", c.method)...)
			want := map[string]int{"https://app.example.com": 204, "https://evil.test": 403, "": asked.status}[origin]
			if asked.status != want || asked.header.Get("Access-Control-Allow-Origin") != allowed {
				t.Errorf("a preflight for %s %s from %q: status %d, %v", c.method, c.path, origin, asked.status, asked.header)
			}
		}
	} // One turn before all, and three of each other client: a page of another origin begins none,
	// neither in the background.
	eventually(t, "the turns", func() bool { running, _ := e.model.counts(); return running == 0 && e.model.n.Load() >= 7 })
	if n := e.model.n.Load(); n != 7 {
		t.Errorf("%d turns", n)
	}
}

package gateway

import (
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// The tag of the catalogue and that of the responses are one, and change with what a
// configuration makes of the catalogue, not with anything else.
func TestTheTagOfTheCatalogue(t *testing.T) {
	const path = "/v1/models?client_version=0.171.0"
	tags := map[string]string{}
	for _, more := range []string{``, `,"late_system":"fold"`, `,"models":[{"name":"mine","profile":"thinking-coding"}]`, `,"served_name":false`} {
		g := newGateway(t, more, Edge{})
		status, header, _ := exchange(t, g, path, "", nil, 200, "application/json", vllmModels)
		tag := field(header, "etag")
		if status != 200 || !strings.HasPrefix(tag, `W/"`) || tag != g.ModelsTag() {
			t.Errorf("%s: %d, %s, %s", more, status, tag, g.ModelsTag())
		}
		tags[tag] += more + ";"
		_, header, _ = exchange(t, g, "/v1/responses", `{"model":"qwen3.5-thinking-coding","input":"x"}`, nil, 200, "application/json",
			`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"y"},"finish_reason":"stop"}]}`)
		if pushed := field(header, hub.ModelsTagHeader); pushed != tag {
			t.Errorf("%s: a response brings %s, the list %s", more, pushed, tag)
		}
	}
	if len(tags) != 3 {
		t.Errorf("%v", tags)
	}
}

// Who has the catalogue is told so where nothing of the server's stands in it; else it is sent
// again, as its window may be another.
func TestAKnownCatalogue(t *testing.T) {
	const path = "/v1/models?client_version=0.171.0"
	for _, tt := range []struct {
		upstream, path, known string
		want                  int
	}{
		{`"max_model_len":8192`, path, `TAG`, 304}, {`"max_model_len":8192`, path, `"a", TAG`, 304}, {`"max_model_len":8192`, path + "&x", `"TAGW/"`, 200},
		{`"max_model_len":8192`, path, `"a"`, 200}, {`"max_model_len":8192`, path, ``, 200}, {`"max_model_len":8192`, "/v1/models", `TAG`, 200},
		{`"name":"local"`, path, `TAG`, 200},
	} {
		c, err := config.Decode([]byte(`{"upstreams":[{"model":"Qwen/X",` + tt.upstream + `}]}`))
		if err != nil {
			t.Fatal(err)
		}
		g, err := New(c, Edge{})
		if err != nil {
			t.Fatal(err)
		}
		known := strings.ReplaceAll(tt.known, "TAG", g.ModelsTag())
		status, header, body := exchange(t, g, tt.path, "", []string{"if-none-match", known}, 200, "application/json", vllmModels)
		if status != tt.want || (body == "") != (status == 304) || status == 304 && field(header, "etag") != g.ModelsTag() {
			t.Errorf("%s, %s, %s: %d, %v, %.40s", tt.upstream, tt.path, tt.known, status, header, body)
		}
	}
}

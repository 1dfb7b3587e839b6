package models

import (
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

func newCatalog(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, err := config.Decode([]byte(`{"upstreams":[{"model":"Qwen/X"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// Whatever an upstream lists, the client gets JSON or an error, and the served model's
// own name only where the list was left alone.
func FuzzAnyListStaysJSON(f *testing.F) {
	f.Add(`{"object":"list","data":[{"id":"Qwen/X","max_model_len":8192,"permission":[{"id":"p"}]}]}`)
	f.Add(`{"data":[{"object":"model"},{"id":"Qwen/X","id":"Qwen/X"}],"data":[]}`)
	f.Add(`{"data":[]}`)
	f.Add(`{"data":{"id":"Qwen/X"}}`)
	cat := newCatalog(f)
	f.Fuzz(func(t *testing.T, body string) {
		list, p := AppendList(nil, []byte(body), cat)
		if p == nil && !gjson.ValidBytes(list) {
			t.Errorf("%s\nbecame %s", body, list)
		}
		if p != nil && (p.Status != 502 || p.Message == "") {
			t.Errorf("%s: %+v", body, p)
		}
		one, p := AppendOne(nil, []byte(body), cat, "gpt-5")
		if p == nil && !gjson.ValidBytes(one) {
			t.Errorf("%s\nbecame %s", body, one)
		}
		list, p = AppendAnthropicList(nil, []byte(body), cat, "limit=2")
		if p == nil && !gjson.ValidBytes(list) {
			t.Errorf("%s\nbecame %s", body, list)
		}
		one, p = AppendAnthropicOne(nil, []byte(body), cat, "gpt-5")
		if p == nil && !gjson.ValidBytes(one) {
			t.Errorf("%s\nbecame %s", body, one)
		}
	})
}

func TestAnEmptyListHasNoModelToShow(t *testing.T) {
	_, p := AppendOne(nil, []byte(`{"data":[]}`), newCatalog(t), "gpt-5")
	if p == nil || p.Status != 502 {
		t.Errorf("%+v", p)
	}
}

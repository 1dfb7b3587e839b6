package models

import (
	"strings"
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

// What clients read of an entry is there, unless the upstream says it itself.
func TestAnEntrySaysWhatClientsRead(t *testing.T) {
	for _, tt := range []struct{ model, entry, id, want string }{
		{"Qwen3.8-27B", `"max_model_len":8192`, "qwen-thinking-coding", `"context_length":8192,"context_window":8192,"max_output_tokens":8192,"input_modalities":["text","image"],` +
			`"output_modalities":["text"],"generation":"qwen3.8","profile":"thinking-coding","official":null}`},
		{"Qwen3.8-27B", `"max_model_len":8192`, "gpt-5-mini", `"generation":"qwen3.8","profile":"instruct-general","official":"qwen3.8"}`},
		{"Qwen3-Coder-Next", `"object":"model"`, "Qwen3-Coder-Next", `{"id":"Qwen3-Coder-Next","object":"model","input_modalities":["text"],"output_modalities":["text"],` +
			`"generation":"qwen3-coder-next","profile":"thinking-general","official":null}`},
		{"prod", `"max_model_len":8192,"context_length":4096,"generation":{"a":1}`, "prod", `{"id":"prod","max_model_len":8192,"context_length":4096,"generation":{"a":1},` +
			`"context_window":8192,"max_output_tokens":8192,"profile":"thinking-general","official":null}`},
	} {
		c, err := config.Decode([]byte(`{"upstreams":[{"model":"` + tt.model + `"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		cat, err := catalog.New(c)
		if err != nil {
			t.Fatal(err)
		}
		out, p := AppendOne(nil, []byte(`{"data":[{"id":"`+tt.model+`",`+tt.entry+`}]}`), cat, tt.id)
		if p != nil || !gjson.ValidBytes(out) || !strings.HasSuffix(string(out), tt.want) {
			t.Errorf("%s: %s\nwant %s", tt.model, out, tt.want)
		}
	}
}

// An entry in Anthropic's words is all that its SDK wants to know of a model.
func TestAnAnthropicEntryIsOneOfItsSDKs(t *testing.T) {
	for _, tt := range []struct {
		model, id                 string
		thinks, grades, sees, set bool
	}{
		{"Qwen3.8-27B", "qwen-thinking-general", true, true, true, true}, {"Qwen3.8-27B", "claude-haiku-4-5", false, false, true, true},
		{"Qwen3.5-27B", "claude-opus-5", true, false, true, true}, {"Qwen3-Coder-Next", "claude-opus-5", false, false, false, false},
		{"prod", "claude-opus-5", true, false, true, false},
	} {
		c, _ := config.Decode([]byte(`{"upstreams":[{"model":"` + tt.model + `"}]}`))
		cat, err := catalog.New(c)
		if err != nil {
			t.Fatal(err)
		}
		out, p := AppendAnthropicOne(nil, []byte(`{"data":[{"id":"`+tt.model+`","created":1,"max_model_len":9}]}`), cat, tt.id)
		if p != nil || !gjson.ValidBytes(out) {
			t.Fatalf("%+v: %s", p, out)
		}
		m := gjson.ParseBytes(out)
		for path, want := range map[string]bool{
			"capabilities.thinking.supported": tt.thinks, "capabilities.effort.supported": tt.grades, "capabilities.effort.max.supported": tt.grades,
			"capabilities.image_input.supported": tt.sees, "capabilities.batch.supported": false, "capabilities.structured_outputs.supported": true,
			"capabilities.thinking.types.disabled.supported": true, "capabilities.context_management.compact_20260112.supported": false,
		} {
			if v := m.Get(path); !v.IsBool() || v.Bool() != want {
				t.Errorf("%s, %s: %s is %s", tt.model, tt.id, path, v.Raw)
			}
		}
		if m.Get("official").Exists() != true || (m.Get("official").Type == gjson.String) != tt.set || m.Get("lifecycle").String() != "active" {
			t.Errorf("%s, %s: %s", tt.model, tt.id, out)
		}
	}
}

// The list is the default upstream's, whoever answers for the first of the models.
func TestTheListIsTheDefaultUpstreams(t *testing.T) {
	c, err := config.Decode([]byte(`{"upstreams":[{"name":"far","model":"Far/Y"},{"name":"here","model":"Qwen/X"}],"default_upstream":"here",
		"models":[{"name":"qwen3.5-thinking-general","profile":"thinking-general","targets":["far"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.New(c)
	if err != nil {
		t.Fatal(err)
	}
	list, p := AppendList(nil, []byte(`{"object":"list","data":[{"id":"Qwen/X","max_model_len":8192}]}`), cat)
	if p != nil || gjson.GetBytes(list, "data.0.id").Str != "qwen3.5-thinking-general" {
		t.Errorf("%s, %+v", list, p)
	}
}

package models

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

func catalogOf(t *testing.T, text string) *catalog.Catalog {
	t.Helper()
	c, err := config.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// codexFields are what Codex 0.171 refuses a whole list for where it is missing, null or of
// another type, as found by leaving out and spoiling each.
var codexFields = map[string]func(gjson.Result) bool{
	"slug": isText, "display_name": isText, "base_instructions": isText,
	"supported_in_api": gjson.Result.IsBool, "support_verbosity": gjson.Result.IsBool,
	"shell_type":                   oneOf("default", "local", "shell_command", "unified_exec", "disabled"),
	"visibility":                   oneOf("list", "hide", "none"),
	"priority":                     isNumber,
	"truncation_policy.mode":       oneOf("bytes", "tokens"),
	"truncation_policy.limit":      isNumber,
	"experimental_supported_tools": gjson.Result.IsArray,
	"supported_reasoning_levels":   gjson.Result.IsArray,
}

func isText(r gjson.Result) bool { return r.Type == gjson.String && r.Str != "" }
func isNumber(r gjson.Result) bool {
	return r.Type == gjson.Number && !strings.ContainsAny(r.Raw, ".eE")
}

func oneOf(words ...string) func(gjson.Result) bool {
	return func(r gjson.Result) bool { return r.Type == gjson.String && slices.Contains(words, r.Str) }
}

// Each entry of the catalogue has all that Codex requires, for each generation.
func TestACatalogueIsWholeForCodex(t *testing.T) {
	for _, model := range []string{"Qwen3.5-27B", "Qwen3.6-27B", "Qwen3.8-27B", "qwen4-max", "Qwen3-Coder-Next", "Qwen3-30B-A3B-Thinking-2507", "prod"} {
		c := catalogOf(t, `{"upstreams":[{"model":"`+model+`"}],"models":[{"name":"a \"b\"","profile":"thinking-coding","aliases":["c"]}]}`)
		out, p := AppendCatalog(nil, []byte(`{"models":[{"name":"theirs"}],"object":"list","data":[{"id":"`+model+`","max_model_len":8192,"owned_by":"x"}]}`), c)
		if p != nil || !gjson.ValidBytes(out) {
			t.Fatalf("%s: %+v %s", model, p, out)
		}
		list := gjson.ParseBytes(out)
		entries := list.Get("models").Array()
		if len(entries) != len(c.Listed()) || list.Get("data.#").Int() != int64(len(entries)) || list.Get("object").Str != "list" {
			t.Errorf("%s: %d entries of %d", model, len(entries), len(c.Listed()))
		}
		if strings.Count(string(out), `"models":`) != 1 {
			t.Errorf("%s: the server's own list is there too: %s", model, out)
		}
		for i, e := range entries {
			for name, ok := range codexFields {
				if !ok(e.Get(name)) {
					t.Errorf("%s: %s is %q", e.Get("slug"), name, e.Get(name).Raw)
				}
			}
			var words []string
			for _, level := range e.Get("supported_reasoning_levels").Array() {
				if !isText(level.Get("effort")) || !isText(level.Get("description")) {
					t.Errorf("%s: the level %s", e.Get("slug"), level)
				}
				words = append(words, level.Get("effort").Str)
			}
			if usual := e.Get("default_reasoning_level"); usual.Exists() && !slices.Contains(words, usual.Str) {
				t.Errorf("%s: %s is none of %v", e.Get("slug"), usual, words)
			}
			if e.Get("slug").Str != c.Listed()[i] || e.Get("context_window").Int() != 8192 || e.Get("auto_compact_token_limit").Int() != 6144 ||
				e.Get("apply_patch_tool_type").Str != "freeform" {
				t.Errorf("%s", e)
			}
		}
	}
}

// A model is shown once, and hidden under its other names.
func TestWhatAListOfCodexShows(t *testing.T) {
	c := catalogOf(t, `{"upstreams":[{"model":"Qwen3.5-27B"}],"models":[{"name":"mine","profile":"thinking-coding"},{"name":"ours","profile":"instruct-general","aliases":["alias"]}]}`)
	out, _ := AppendCatalog(nil, []byte(`{"data":[{"id":"Qwen3.5-27B"}]}`), c)
	var shown, first []string
	for _, e := range gjson.GetBytes(out, "models").Array() {
		if e.Get("visibility").Str == "list" {
			shown = append(shown, e.Get("slug").Str)
			if e.Get("priority").Int() == 0 {
				first = append(first, e.Get("slug").Str)
			}
		}
		if e.Get("context_window").Exists() || e.Get("auto_compact_token_limit").Exists() {
			t.Errorf("a window that nobody knows: %s", e)
		}
	}
	want := []string{"qwen3.5-thinking-general", "qwen3.5-thinking-coding", "qwen3.5-instruct-general", "qwen3.5-instruct-reasoning", "Qwen3.5-27B"}
	if !slices.Equal(shown, want) || !slices.Equal(first, want[1:2]) {
		t.Errorf("shown are %q, first %q", shown, first)
	}
}

// The tag is another when the catalogue is, and says nothing of what the server adds to it.
func TestTheTagOfACatalogue(t *testing.T) {
	tags := map[string]string{}
	for _, text := range []string{
		`{"upstreams":[{"model":"Qwen3.5-27B"}]}`, `{"upstreams":[{"model":"Qwen3.8-27B"}]}`, `{"upstreams":[{"model":"Qwen3.5-27B","max_model_len":8192}]}`,
		`{"upstreams":[{"model":"Qwen3.5-27B"}],"served_name":false}`,
	} {
		tag := CatalogTag(catalogOf(t, text))
		if again := CatalogTag(catalogOf(t, text)); again != tag || !strings.HasPrefix(tag, `W/"`) || !strings.HasSuffix(tag, `"`) {
			t.Errorf("%s: %s, then %s", text, tag, again)
		}
		if other := tags[tag]; other != "" {
			t.Errorf("%s and %s have the same tag %s", text, other, tag)
		}
		tags[tag] = text
	}
}

func TestAsksForCatalog(t *testing.T) {
	for query, want := range map[string]bool{
		"client_version=0.171.0": true, "limit=1&client_version=": true, "client_version": true, "": false, "client_versions=1": false, "x=client_version": false,
	} {
		if AsksForCatalog(query) != want {
			t.Error(query)
		}
	}
}

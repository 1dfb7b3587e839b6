package hub

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// facts are what a reader of a View sees.
type facts struct {
	Model, Error jsonedit.Span
	HasChoices   bool
	Choices      []Choice
	Usage        Usage
	HasUsage     bool
	Err          string
}

func factsOf(v *View, err error) facts {
	f := facts{v.Model, v.Error, v.HasChoices, v.Choices, v.Usage, v.HasUsage, ""}
	if err != nil {
		f.Err = err.Error()
	}
	return f
}

func TestAChunkReadsTheSameWhateverCameBefore(t *testing.T) {
	chunks := []string{
		`{"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}`,
		`{"id":"1","model":"m","choices":[{"index":0,"delta":{"reasoning":"b","content":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`,
		`{"id":"1","model":"m","choices":[]}`,
		`{"id":"1","model":"m","choices":null,"choices":[{}]}`,
		`{"id":"1","model":"m","choices": {"a":1}}`,
		`{"id":"1","model":"m","choices":`,
		`{"id":"1","model":"m","choices":[{"index":0}]`,
		`{"id":"1","model":"m","choices":[{"index":0}]} x`,
		`{"id":"12","model":"n","choices":[{"index":1}]}`,
		`{"choices":[{"index":0}],"model":"late"}`,
		`{"error":{"code":500},"choices":[]}`,
		`{"usage":{"completion_tokens":3},"choices":[]}`,
		`{"model":"a","choices":[],"model":"b","choices":[{"index":2}]}`,
		"\xEF\xBB\xBF{\"choices\":[]}",
		`[]`, ``,
	}
	equal := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Choice{}, "Message")}
	for _, first := range chunks {
		for _, second := range chunks {
			var alone, after View
			var h Head
			want := factsOf(&alone, alone.Read([]byte(second)))
			_ = after.ReadChunk([]byte(first), &h)
			got := factsOf(&after, after.ReadChunk([]byte(second), &h))
			if diff := cmp.Diff(want, got, equal); diff != "" {
				t.Errorf("%s\nbehind %s (-alone +behind):\n%s", second, first, diff)
			}
		}
	}
}

func TestCountsAreOnesThatCanBe(t *testing.T) {
	const most = 1<<31 - 1
	tests := []struct {
		name, usage string
		want        Usage
	}{
		{"as it should be", `{"prompt_tokens":139,"completion_tokens":34,"total_tokens":173,"prompt_tokens_details":{"cached_tokens":128,"created_cache_tokens":3},"completion_tokens_details":{"reasoning_tokens":9}}`,
			Usage{Prompt: 139, Completion: 34, Cached: 128, Created: 3, Reasoning: 9}},
		{"details first", `{"completion_tokens_details":{"reasoning_tokens":9},"prompt_tokens_details":{"cached_tokens":128},"completion_tokens":34,"prompt_tokens":139}`,
			Usage{Prompt: 139, Completion: 34, Cached: 128, Reasoning: 9}},
		{"more cached than there was", `{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":16,"created_cache_tokens":1}}`, Usage{Prompt: 10, Cached: 10}},
		{"more written than there was", `{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":6,"created_cache_tokens":5}}`, Usage{Prompt: 10, Cached: 6, Created: 4}},
		{"more thought than was said", `{"completion_tokens":3,"completion_tokens_details":{"reasoning_tokens":4}}`, Usage{Completion: 3, Reasoning: 3}},
		{"below zero", `{"prompt_tokens":5,"completion_tokens":-1,"prompt_tokens_details":{"cached_tokens":-1,"created_cache_tokens":-9},"completion_tokens_details":{"reasoning_tokens":-3}}`, Usage{Prompt: 5}},
		{"too large", `{"prompt_tokens":9223372036854775807,"completion_tokens":99999999999999999999,"prompt_tokens_details":{"cached_tokens":9223372036854775807}}`,
			Usage{Prompt: most, Completion: most, Cached: most}},
		{"no numbers", `{"prompt_tokens":null,"completion_tokens":"x","completion_tokens_details":[]}`, Usage{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var v View
			if err := v.Read([]byte(`{"choices":[],"usage":` + tt.usage + `}`)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, v.Usage); diff != "" || !v.HasUsage {
				t.Error(diff)
			}
		})
	}
}

func TestTextsInLists(t *testing.T) {
	message := func(members string) string { return `{"choices":[{"index":0,"message":{` + members + `}}]}` }
	for _, tt := range []struct {
		name, members, want string
		misshapen           bool
	}{
		{"a text", `"content":"a"`, `"content":"a"`, false},
		{"nothing", `"content":null,"reasoning":null,"tool_calls":null`, `"content":null,"reasoning":null,"tool_calls":null`, false},
		{"text parts", `"content":[{"type":"text","text":"a\n"},{"text":"\"b","type":"text","annotations":[]}]`, `"content":"a\n\"b"`, false},
		{"parts of Responses", `"content":[{"type":"output_text","text":"a"}]`, `"content":"a"`, false},
		{"parts without a type, and texts", `"content":[{"text":"a"},"b"]`, `"content":"ab"`, false},
		{"an empty list", `"content":[ ],"tool_calls":[]`, `"content":"","tool_calls":[]`, false},
		{"thinking in parts", `"reasoning":["a"],"reasoning_content":[{"text":"a"}],"content":"b"`, `"reasoning":"a","reasoning_content":"a","content":"b"`, false},
		{"empty objects", `"content":{},"tool_calls":{ }`, `"content":{},"tool_calls":{ }`, false},
		{"a part of another kind", `"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{}}]`, "", true},
		{"a part of another kind that has a text", `"content":[{"type":"thinking","text":"a"}]`, "", true},
		{"a part whose text is none", `"content":[{"type":"text","text":null}]`, "", true},
		{"a list of numbers", `"content":[1]`, "", true},
		{"a number", `"content":1`, "", true},
		{"an object", `"content":{"text":"a"}`, "", true},
		{"thinking that is an object", `"content":"a","reasoning":{"text":"b"}`, "", true},
		{"one list that is read and one that is not", `"reasoning":["a"],"content":[1]`, `"reasoning":"a","content":[1]`, true},
		{"calls in an object", `"tool_calls":{"0":{}}`, "", true},
		{"calls in a text", `"tool_calls":"[]"`, "", true},
		{"a text behind another shape", `"content":1},"message":{"content":"a"`, "", false},
	} {
		src := []byte(message(tt.members))
		want := message(tt.want)
		if tt.want == "" {
			want = string(src)
		}
		var v View
		if err := v.Read(src); err != nil {
			t.Fatal(tt.name, err)
		}
		if got := v.Flat(src); string(got) != want {
			t.Errorf("%s: %s, want %s", tt.name, got, want)
		} else if v.Choices[0].Misshapen != tt.misshapen {
			t.Errorf("%s: misshapen is %v", tt.name, v.Choices[0].Misshapen)
		} else if text := v.Choices[0].Content.Value; !tt.misshapen && !text.Absent() && !jsonedit.Is(text.Of(got), jsonedit.Null) && text.Of(got)[0] != '"' && tt.name != "empty objects" {
			t.Errorf("%s: the content's place holds %s", tt.name, text.Of(got))
		}
	}
}

func TestTheBeginningOfAReplyIsNoReply(t *testing.T) {
	members := []string{`"content":{"a":1}`, `"content":[{"type":"text","text":"a"}]`, `"reasoning":{"a":1}`, `"reasoning":[1]`, `"reasoning_content":{}`,
		`"tool_calls":{"a":1}`, `"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]`, `"refusal":{}`, `"function_call":{"name":"f"}`}
	for _, member := range members {
		whole := `{"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant",` + member + `},"logprobs":{"content":[]},` +
			`"finish_reason":"stop","text":{}}],"usage":{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":1}},"error":{}}`
		for n := range whole {
			var v View
			var h Head
			if v.Read([]byte(whole[:n])) == nil || v.ReadChunk([]byte(whole[:n]), &h) == nil {
				t.Errorf("%s is read as if it were whole", whole[:n])
			}
		}
	}
}

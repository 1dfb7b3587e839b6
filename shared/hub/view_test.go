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

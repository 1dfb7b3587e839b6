package catalog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// several is the catalog of two servers, whose models are of two generations.
func several(t *testing.T, models string) (*Catalog, error) {
	t.Helper()
	c, err := config.Decode([]byte(`{"upstreams":[{"name":"local","model":"Qwen/Qwen3.5-27B"},` +
		`{"name":"far","model":"Qwen3.8-27B","max_model_len":1000}],"models":[` + models + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return New(c)
}

func TestEachTargetAnswersAsItsGenerationIsToBeAsked(t *testing.T) {
	c, err := several(t, `{"name":"both","profile":"thinking-coding","aliases":["b-*"],"targets":["local",{"upstream":"far"},`+
		`{"upstream":"far","model":"Qwen/Qwen3-Coder-Next"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	m := c.Resolve([]byte("b-1"))
	if n := m.Targets(); n != 3 {
		t.Fatalf("%d targets", n)
	}
	type row struct {
		Upstream, Model, Generation string
		Window                      int
		Thinking                    Thinking
		Temperature                 string
	}
	var got []row
	for i := range m.Targets() {
		at := m.At(i)
		if at.Name != "both" {
			t.Errorf("target %d has the name %q", i, at.Name)
		}
		got = append(got, row{at.Target.Upstream, at.Target.Model, at.Target.Generation.Name, at.Target.Window, at.Thinking, at.On[0]})
	}
	want := []row{
		{"local", "Qwen/Qwen3.5-27B", "qwen3.5", 0, On, "0.6"},
		{"far", "Qwen3.8-27B", "qwen3.8", 1000, On, "1.0"},
		{"far", "Qwen/Qwen3-Coder-Next", "qwen3-coder-next", 1000, Off, "1.0"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"Qwen/Qwen3.5-27B", "Qwen3.8-27B"} {
		if m := c.Resolve([]byte(name)); m == nil || m.Target.Model != name || m.Targets() != 1 || m.Thinking != Client {
			t.Errorf("a served model's own name means %+v", m)
		}
	}
	if m := c.Resolve([]byte("qwen3.5-thinking-coding")); m.Target.Upstream != "local" || m.Targets() != 1 {
		t.Errorf("a model without targets has %+v", m)
	}
}

func TestAModelsNamesShareItsTargets(t *testing.T) {
	c, err := several(t, `{"name":"qwen3.5-thinking-coding","profile":"thinking-coding","targets":["far","local"]}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"qwen3.5-thinking-coding", "qwen-thinking-coding", "claude-opus-5"} {
		m := c.Resolve([]byte(name))
		if m.Targets() != 2 || m.At(0).Target.Upstream != "far" || m.At(1).Target.Upstream != "local" || m.At(1).Name != m.Name {
			t.Errorf("%s means %+v", name, m)
		}
	}
}

func TestAFaultOfSeveralTargetsIsNamedOnce(t *testing.T) {
	for _, tt := range []struct{ models, want string }{
		{`{"name":"x","profile":"thinkng","targets":["local","far"]}`,
			`models[0].profile: "thinkng" is not known, the profiles are instruct-general, instruct-reasoning, thinking-coding, thinking-general`},
		{`{"name":"x","profile":"thinking-coding","targets":["local",{"upstream":"far","generation":"qwen9"}]}`,
			`models[0].targets[1].generation: "qwen9" is not allowed here, ` + strings.Join(generationNames(), ", ") + ` is`},
		// What a profile hands over to when thinking is off is not there for the other's generation.
		{`{"name":"x","profile":"p","targets":["local","far"]}],"profiles":[{"name":"p","thinking":"on","when_off":"q"},` +
			`{"name":"q","thinking":"off","when":{"generation":"qwen3.5"}}`,
			`models[0].profile: "p" hands over where thinking is off, and "q" is for models of other generations than qwen3.8 alone, ` +
				`the profiles for it are instruct-general, instruct-reasoning, p, thinking-coding, thinking-general`},
	} {
		if _, err := several(t, tt.models); err == nil || err.Error() != tt.want {
			t.Errorf("got %v\nwant %s", err, tt.want)
		}
	}
}

package catalog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

func build(t *testing.T, text string) (*Catalog, error) {
	t.Helper()
	c, err := config.Decode([]byte(`{"upstreams":[{"name":"local","model":"Qwen/X","max_model_len":100}]` + text + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return New(c)
}

func TestTheFourBuiltinModels(t *testing.T) {
	c, err := build(t, "")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		thinking Thinking
		on, off  Sampling
	}{
		{"qwen3.5-thinking-general", On, Sampling{"1.0", "0.95", "20", "0.0", "1.5", "1.0"}, Sampling{"0.7", "0.8", "20", "0.0", "1.5", "1.0"}},
		{"qwen3.5-thinking-coding", On, Sampling{"0.6", "0.95", "20", "0.0", "0.0", "1.0"}, Sampling{"0.7", "0.8", "20", "0.0", "1.5", "1.0"}},
		{"qwen3.5-instruct-general", Off, Sampling{"0.7", "0.8", "20", "0.0", "1.5", "1.0"}, Sampling{"0.7", "0.8", "20", "0.0", "1.5", "1.0"}},
		{"qwen3.5-instruct-reasoning", Off, Sampling{"1.0", "0.95", "20", "0.0", "1.5", "1.0"}, Sampling{"1.0", "0.95", "20", "0.0", "1.5", "1.0"}},
	}
	var names []string
	for _, tt := range tests {
		want := &Model{Name: tt.name, Profile: strings.TrimPrefix(tt.name, "qwen3.5-"), Thinking: tt.thinking, On: tt.on, Off: tt.off,
			Target: Target{"local", "Qwen/X", 100, Unknown}}
		if diff := cmp.Diff(want, c.Resolve([]byte(tt.name)), cmp.AllowUnexported(Generation{})); diff != "" {
			t.Error(diff)
		}
		names = append(names, tt.name)
		// Without a generation it is the same model under another name.
		want.Name = "qwen-" + want.Profile
		if diff := cmp.Diff(want, c.Resolve([]byte(want.Name)), cmp.AllowUnexported(Generation{})); diff != "" {
			t.Error(diff)
		}
	}
	names = append(names, "qwen-thinking-general", "qwen-thinking-coding", "qwen-instruct-general", "qwen-instruct-reasoning", "Qwen/X")
	if diff := cmp.Diff(names, c.Listed()); diff != "" {
		t.Error(diff)
	}
	want := &Model{Name: "Qwen/X", Profile: "thinking-general", Thinking: Client, On: tests[0].on, Off: tests[0].off, Target: *c.Main()}
	if diff := cmp.Diff(want, c.Resolve([]byte("Qwen/X")), cmp.AllowUnexported(Generation{})); diff != "" {
		t.Error(diff)
	}
	if c.Resolve(nil) != nil {
		t.Error("no name is a model's")
	}
}

func TestNamesThatNobodyConfiguredMakeWay(t *testing.T) {
	for _, tt := range []struct{ text, name, want, listed string }{
		{`,"served_name":false`, "Qwen/X", "", "qwen-instruct-reasoning"},
		{`,"models":[{"name":"Qwen/X","profile":"instruct-general"}]`, "Qwen/X", "Qwen/X", "qwen-instruct-reasoning Qwen/X"},
		{`,"models":[{"name":"a","profile":"instruct-general","aliases":["Qwen/X","qwen-thinking-coding"]}]`, "Qwen/X", "a",
			"qwen-instruct-reasoning a Qwen/X qwen-thinking-coding"},
		{`,"models":[{"name":"a","profile":"instruct-general","aliases":["qwen-thinking-coding"]}]`, "qwen-thinking-coding", "a",
			"qwen-instruct-reasoning a Qwen/X qwen-thinking-coding"},
		{`,"models":[{"name":"a","profile":"instruct-general","aliases":["*"]}]`, "Qwen/X", "Qwen/X", "qwen-instruct-reasoning a Qwen/X"},
		{`,"builtin_models":{"thinking-coding":"qwen-thinking-coding"}`, "qwen-thinking-coding", "qwen-thinking-coding", "qwen-instruct-reasoning Qwen/X"},
		// A built-in model that is overridden is so under both names.
		{`,"models":[{"name":"qwen3.5-thinking-coding","profile":"instruct-general"}]`, "qwen-thinking-coding", "qwen-thinking-coding",
			"qwen-instruct-reasoning Qwen/X"},
	} {
		c, err := build(t, tt.text)
		if err != nil {
			t.Fatalf("%s: %v", tt.text, err)
		}
		got := ""
		if m := c.Resolve([]byte(tt.name)); m != nil {
			got = m.Name
		}
		if listed := strings.Join(c.Listed(), " "); got != tt.want || !strings.HasSuffix(listed, " "+tt.listed) {
			t.Errorf("%s: %s is %q, listed %s", tt.text, tt.name, got, listed)
		}
	}
	c, _ := build(t, `,"models":[{"name":"qwen3.5-thinking-coding","profile":"instruct-general"}]`)
	if m := c.Resolve([]byte("qwen-thinking-coding")); m.Profile != "instruct-general" || m.Thinking != Off {
		t.Errorf("%+v", m)
	}
}

func TestSmallModelsOfAgentsDoNotThink(t *testing.T) {
	c, err := build(t, "")
	if err != nil {
		t.Fatal(err)
	}
	for want, names := range map[string][]string{
		"instruct-general": {"claude-haiku-4-5", "claude-3-5-haiku-20241022", "claude-haiku", "gpt-5-mini", "gpt-5.1-nano", "gpt-4o-mini"},
		"thinking-coding": {"claude-opus-5", "claude-sonnet-4-5", "gpt-5", "gpt-5.1", "gpt-5-codex", "gpt-5.1-codex-mini", "gpt-5-codex-nano", "gpt-codex-mini",
			"codex-mini-latest", "codex-mini", "gpt-mini"},
	} {
		for _, name := range names {
			if m := c.Resolve([]byte(name)); m == nil || m.Profile != want {
				t.Errorf("%s: %+v, want %s", name, m, want)
			}
		}
	}
	c, err = build(t, `,"models":[{"name":"m","profile":"thinking-general","aliases":["claude-*haiku*","gpt-5-*"]}]`)
	if err != nil || c.Resolve([]byte("claude-haiku-4-5")).Name != "m" || c.Resolve([]byte("gpt-5-mini")).Profile != "instruct-general" {
		t.Errorf("the most specific pattern, and of one text the configured one, must count; error %v", err)
	}
}

func TestAProfileCanEnforceItsValues(t *testing.T) {
	for global, want := range map[string][3]bool{"false": {true, false, false}, "true": {true, false, true}} {
		c, err := build(t, `,"enforce_sampling":`+global+`,"profiles":[{"name":"yes","thinking":"on","enforce_sampling":true},
			{"name":"no","thinking":"on","enforce_sampling":false},{"name":"unsaid","thinking":"on"}],
			"models":[{"name":"a","profile":"yes"},{"name":"b","profile":"no"},{"name":"c","profile":"unsaid"}]`)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"a", "b", "c"} {
			if m := c.Resolve([]byte(name)); m.Enforce != want[i] {
				t.Errorf("enforce_sampling %s, %s: %t", global, name, m.Enforce)
			}
		}
		if m := c.Resolve([]byte("gpt-5")); m.Enforce != want[2] {
			t.Errorf("enforce_sampling %s, built in: %t", global, m.Enforce)
		}
	}
}

func TestTheMostSpecificAliasWins(t *testing.T) {
	c, err := build(t, `,"models":[
		{"name":"a","profile":"thinking-general","aliases":["*","team-*","exact"]},
		{"name":"b","profile":"instruct-general","aliases":["team-b-*","*-x-mini","claude-*","exact-b"]}]`)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"anything": "a", "team-x": "a", "team-b-x": "b", "exact": "a", "exact-b": "b", "a-x-mini": "b",
		"claude-opus": "b", "gpt-5": "qwen3.5-thinking-coding", "codex-mini-latest": "qwen3.5-thinking-coding",
	} {
		if m := c.Resolve([]byte(name)); m == nil || m.Name != want {
			t.Errorf("%s: got %+v, want %s", name, m, want)
		}
	}
	if got := strings.Join(c.Listed()[8:], " "); got != "a b Qwen/X exact exact-b" {
		t.Errorf("listed %s", got)
	}
}

func TestBuiltinAliasesCanBeSwitchedOff(t *testing.T) {
	c, err := build(t, `,"builtin_aliases":false`)
	if err != nil || c.Resolve([]byte("claude-opus")) != nil {
		t.Errorf("claude-opus still resolves, error %v", err)
	}
}

func TestAConfiguredModelOverridesABuiltinOne(t *testing.T) {
	c, err := build(t, `,"profiles":[{"name":"p","thinking":"client","top_k":7,"when_off":"instruct-reasoning"}],
		"models":[{"name":"qwen3.5-thinking-coding","profile":"p"}]`)
	if err != nil {
		t.Fatal(err)
	}
	m := c.Resolve([]byte("gpt-5"))
	if m.Thinking != Client || m.On != (Sampling{"", "", "7", "", "", ""}) || m.Off[0] != "1.0" || len(c.Listed()) != 9 {
		t.Errorf("%+v, listed %v", m, c.Listed())
	}
}

func TestModelsOfClasses(t *testing.T) {
	c, err := build(t, `,"models":[
		{"name":"a","profile":"thinking-general","aliases":["alias"],"classes":{"subagent":"b","auxiliary":"qwen3.5-instruct-general"}},
		{"name":"b","profile":"thinking-general","classes":{"subagent":"alias"}},
		{"name":"qwen3.5-instruct-general","profile":"instruct-general","classes":{"compaction":"Qwen/X"}}]`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		class access.Class
		want  string
	}{
		{"a", access.Unknown, "a"}, {"a", access.Main, "a"}, {"alias", access.Subagent, "b"}, {"a", access.Auxiliary, "qwen3.5-instruct-general"},
		{"a", access.Compaction, "a"}, {"b", access.Subagent, "a"}, {"b", access.Auxiliary, "b"}, {"gpt-5", access.Subagent, "qwen3.5-thinking-coding"},
		{"qwen3.5-instruct-general", access.Compaction, "Qwen/X"}, {"qwen-instruct-general", access.Compaction, "Qwen/X"},
	} {
		if got := c.Resolve([]byte(tt.name)).For(tt.class).Name; got != tt.want {
			t.Errorf("%s as %s: %s, want %s", tt.name, tt.class, got, tt.want)
		}
	}
}

func TestWhatCannotBeMeantIsRefused(t *testing.T) {
	tests := []struct{ text, want string }{
		{`,"models":[{"name":"a","profile":"nope"}]`, `models[0].profile: "nope" is not known, the profiles are instruct-general, `},
		{`,"models":[{"name":"a"}]`, `models[0].profile: "" is not known`},
		{`,"models":[{"profile":"thinking-general"}]`, `models[0].name: a name is required`},
		{`,"models":[{"name":"a*","profile":"thinking-general"}]`, `models[0].name: "a*": a name can't hold *`},
		{`,"models":[{"name":"a","profile":"thinking-general"},{"name":"a","profile":"thinking-general"}]`, `models[1].name: "a" stands twice`},
		{`,"models":[{"name":"a","profile":"thinking-general","aliases":["x"]},{"name":"b","profile":"thinking-general","aliases":["x"]}]`, `models[1].aliases[0]: "x" means a already`},
		{`,"models":[{"name":"a","profile":"thinking-general","aliases":["x-*"]},{"name":"b","profile":"thinking-general","aliases":["*-x"]}]`, `models[1].aliases[0]: "*-x" and "x-*" can match the same name equally well but mean b and a`},
		{`,"models":[{"name":"a","profile":"thinking-general","classes":{"compaction":"x-*","subagent":"nope"}}]`,
			`models[0].classes.subagent: "nope" is not known, the models are qwen3.5-thinking-general, qwen3.5-thinking-coding, ` +
				"qwen3.5-instruct-general, qwen3.5-instruct-reasoning, qwen-thinking-general, qwen-thinking-coding, qwen-instruct-general, " +
				"qwen-instruct-reasoning, a, Qwen/X\n" + `models[0].classes.compaction: "x-*" is not known`},
		{`,"profiles":[{"name":"p","thinking":"on","when_off":"q"}],"models":[{"name":"a","profile":"p"}]`, `profiles[0].when_off: "q" is not known`},
		{`,"profiles":[{"name":"p","thinking":"on"},{"name":"p","thinking":"on"}]`, `profiles[1].name: "p" stands twice`},
		{`,"builtin_models":{"thinking-coding":""}`, `builtin_models.thinking-coding: a name is required`},
		{`,"builtin_models":{"thinking-general":""},"models":[{"name":"a","profile":"nope"},{"profile":"thinking-general","aliases":[""]}]`,
			"builtin_models.thinking-general: a name is required\n" +
				`models[0].profile: "nope" is not known, the profiles are instruct-general, instruct-reasoning, thinking-coding, thinking-general` +
				"\nmodels[1].name: a name is required\nmodels[1].aliases[0]: a name or pattern is required"},
		{`,"builtin_models":{"thinking-coding":"x","thinking-general":"x"}`, `builtin_models.thinking-coding: "x" stands twice`},
	}
	for _, tt := range tests {
		if _, err := build(t, tt.text); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
	for _, text := range []string{
		`,"models":[{"name":"a","profile":"thinking-general","aliases":["x-*"]},{"name":"b","profile":"thinking-general","aliases":["y-*"]}]`,
		`,"models":[{"name":"a","profile":"thinking-general","aliases":["x-*","*-x"]}]`,
	} {
		if _, err := build(t, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"a*", "a", true}, {"a*", "ba", false}, {"*a", "ba", true}, {"*a", "ab", false},
		{"a*c", "abc", true}, {"a*c", "ac", true}, {"ab*bc", "abc", false}, {"a*b*c", "axbxc", true}, {"a*b*c", "axcxb", false}, {"a**c", "abc", true},
	}
	for _, tt := range tests {
		if got := match(tt.pattern, tt.name); got != tt.want {
			t.Errorf("match(%q, %q) = %t", tt.pattern, tt.name, got)
		}
	}
}

package catalog

import (
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

func TestTheGenerationIsReadFromTheName(t *testing.T) {
	for want, names := range map[string][]string{
		"qwen3.5": {
			"Qwen/Qwen3.5-397B-A17B-FP8", "/models/Qwen3.5-397B-A17B", "/models/Qwen3.5-397B-A17B/", "qwen3.5-397b-a17b", "qwen3_5_moe",
			"Qwen35-27B-UD-Q4_K_M.gguf", "unsloth/Qwen3.5-27B-GGUF:Q4_K_XL", "QWEN/QWEN3.5-9B-AWQ", "Qwen_Qwen3.5-27B-Q6_K.gguf",
			`C:\models\Qwen3.5-9B-Q8_0.gguf`, "/root/.cache/huggingface/hub/models--Qwen--Qwen3.5-27B/snapshots/0123abc",
			"qwen3.5", "acme/qwen3.5-27b-support-lora", "nvidia/Qwen3.5-397B-A17B-NVFP4", "my-qwen3.5", "qwen3.5-27b-instruct-tuned",
		},
		"qwen3.6": {"Qwen3.6-27B-FP8", "qwen/qwen3.6-35b-a3b", "qwen3.6:27b", "qwen3.6-plus", "/models/qwen3.6-27b/snapshots/7f", "qwen36-27b"},
		"qwen3.7": {"accounts/fireworks/models/qwen3p7-plus", "qwen3.7-max-2026-06-01"},
		"qwen3.8": {
			"qwen-3.8-27b", "qwen3.8:27b", "Qwen/Qwen3.8-27B-TEE", "qwen3p8-max", "Qwen3.8-27B-MLX-4bit", "qwen3.8-max-0902", "qwen38-flash",
			"Qwen3.8-2.4T-A95B",
		},
		"qwen3.8-flash-next": {"Qwen3.8-Flash-Next-NVFP4", "qwen3.8-flash-next", "Qwen3.8_Flash_Next", "qwen4_exp", "Qwen4ExpForConditionalGeneration"},
		"qwen4":              {"qwen4-max", "qwen4-max-preview", "Qwen/Qwen4"},
		"qwen3": {
			"Qwen3-8B", "qwen3:8b", "qwen3_8b", "Qwen3-0.6B", "Qwen3-235B-A22B-Thinking-2507", "qwen3-next-80b-a3b-instruct", "qwen3-max-2026-01-23",
			"qwen-3-32b", "QwQ-32B", "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", "/models/qwen3", "/mnt/qwen3/weights",
		},
		"qwen3-vl":         {"Qwen/Qwen3-VL-235B-A22B-Instruct", "qwen3-vl:8b", "qwen3_vl_moe"},
		"qwen3-coder":      {"Qwen3-Coder-30B-A3B-Instruct-FP8", "qwen3-coder-plus", "qwen3-coder:30b", "Qwen/Qwen3-Coder-480B-A35B-Instruct", "qwen3coder"},
		"qwen3-coder-next": {"qwen3-coder-next", "Qwen/Qwen3-Coder-Next-FP8", "Qwen3_Coder_Next"},
		"qwen2.5":          {"Qwen2.5-Coder-32B", "qwen2.5vl", "Qwen25-7B-Instruct", "DeepSeek-R1-Distill-Qwen2.5-14B"},
		"unknown": {
			"", "/", "qwen", "qwen-plus", "qwen-max-latest", "qwen-flash", "Qwen-7B-Chat", "qwen-72b", "Qwen-1.8B", "Qwen1.5-7B", "qwen35b", "qwen3.10-x",
			"coder", "prod", "acme/support-v7", "llama-3.5-8b", "qwen3.9-27b", "qwen5-max", "qwen4.5-plus", "DeepSeek-R1-Distill-Qwen-7B", "Qwen2-7B",
			"qwen3.5b", "qwenvoy", "qwen3000", "QWEN", "q", "qwen/x", "qwen-", "qwen3.",
		},
	} {
		for _, name := range names {
			if g, _ := readName(name); g.Name != want {
				t.Errorf("%q is %s, want %s", name, g.Name, want)
			}
		}
	}
}

func TestTheNameTellsWhetherItsModelCanThink(t *testing.T) {
	for name, want := range map[string]mode{
		"Qwen3-235B-A22B-Thinking-2507": alwaysThinks, "qwen3-next-80b-a3b-instruct": neverThinks, "Qwen3-8B": switchable, "QwQ-32B": alwaysThinks,
		"Qwen3-VL-8B-Thinking": alwaysThinks, "Qwen3-VL-8B-Instruct": neverThinks, "Qwen3-Coder-30B-A3B-Instruct": neverThinks,
		"qwen3-coder-next": neverThinks, "Qwen2.5-7B-Instruct": neverThinks, "qwen3.5-27b-instruct-tuned": switchable,
		"/models/thinking/Qwen3-8B": switchable, "prod-thinking": switchable,
	} {
		if _, m := readName(name); m != want {
			t.Errorf("%s: %d, want %d", name, m, want)
		}
	}
}

func FuzzReadName(f *testing.F) {
	f.Add("Qwen/Qwen3.5-397B-A17B-FP8")
	f.Add("qwen3")
	f.Fuzz(func(t *testing.T, name string) {
		if g, _ := readName(name); generation(g.Name) != g {
			t.Errorf("%q: %v", name, g)
		}
	})
}

// of builds the catalog of a served model.
func of(t *testing.T, upstream, rest string) (*Catalog, error) {
	t.Helper()
	c, err := config.Decode([]byte(`{"upstreams":[{` + upstream + `}]` + rest + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return New(c)
}

func TestTheBuiltinProfilesAreTheGenerations(t *testing.T) {
	type row struct {
		thinking Thinking
		on, off  string // temperature, top_p, top_k, presence and repetition penalty
		official bool
	}
	const instruct = "0.7 0.8 20 1.5 1.0"
	tests := []struct {
		upstream string
		official string
		rows     [4]row
	}{
		{`"model":"Qwen/Qwen3.5-27B"`, "qwen3.5", [4]row{
			{On, "1.0 0.95 20 1.5 1.0", instruct, true}, {On, "0.6 0.95 20 0.0 1.0", instruct, true},
			{Off, instruct, instruct, true}, {Off, "1.0 0.95 20 1.5 1.0", "1.0 0.95 20 1.5 1.0", true}}},
		{`"model":"Qwen/Qwen3.6-27B"`, "qwen3.6", [4]row{
			{On, "1.0 0.95 20 0.0 1.0", instruct, true}, {On, "0.6 0.95 20 0.0 1.0", instruct, true},
			{Off, instruct, instruct, true}, {Off, instruct, instruct, false}}},
		{`"model":"prod","generation":"qwen3.8"`, "qwen3.8", [4]row{
			{On, "1.0 0.95 20 0.0 1.0", instruct, true}, {On, "1.0 0.95 20 0.0 1.0", instruct, false},
			{Off, instruct, instruct, true}, {Off, instruct, instruct, false}}},
		{`"model":"Qwen3-8B"`, "qwen3", [4]row{
			{On, "0.6 0.95 20", "0.7 0.8 20", true}, {On, "0.6 0.95 20", "0.7 0.8 20", false},
			{Off, "0.7 0.8 20", "0.7 0.8 20", true}, {Off, "0.7 0.8 20", "0.7 0.8 20", false}}},
		{`"model":"Qwen3-30B-A3B-Thinking-2507"`, "qwen3", [4]row{
			{Always, "0.6 0.95 20", "0.6 0.95 20", true}, {Always, "0.6 0.95 20", "0.6 0.95 20", false},
			{Always, "0.6 0.95 20", "0.6 0.95 20", false}, {Always, "0.6 0.95 20", "0.6 0.95 20", false}}},
		{`"model":"Qwen3-30B-A3B-Instruct-2507"`, "qwen3", [4]row{
			{Off, "0.7 0.8 20", "0.7 0.8 20", false}, {Off, "0.7 0.8 20", "0.7 0.8 20", false},
			{Off, "0.7 0.8 20", "0.7 0.8 20", true}, {Off, "0.7 0.8 20", "0.7 0.8 20", false}}},
		{`"model":"Qwen3-Coder-Next"`, "qwen3-coder-next", [4]row{
			{Off, "1.0 0.95 40", "1.0 0.95 40", false}, {Off, "1.0 0.95 40", "1.0 0.95 40", false},
			{Off, "1.0 0.95 40", "1.0 0.95 40", true}, {Off, "1.0 0.95 40", "1.0 0.95 40", true}}},
		{`"model":"qwen4-max"`, "qwen4", [4]row{{thinking: On}, {thinking: On}, {thinking: Off}, {thinking: Off}}},
		{`"model":"Qwen2.5-7B-Instruct"`, "qwen2.5", [4]row{{thinking: Off}, {thinking: Off}, {thinking: Off}, {thinking: Off}}},
		{`"model":"Qwen3.5-27B","generation":"unknown"`, "unknown", [4]row{
			{On, "1.0 0.95 20 1.5 1.0", instruct, false}, {On, "0.6 0.95 20 0.0 1.0", instruct, false},
			{Off, instruct, instruct, false}, {Off, "1.0 0.95 20 1.5 1.0", "1.0 0.95 20 1.5 1.0", false}}},
	}
	short := func(s Sampling) string {
		return strings.Join(strings.Fields(strings.Join([]string{s[0], s[1], s[2], s[4], s[5]}, " ")), " ")
	}
	for _, tt := range tests {
		c, err := of(t, tt.upstream, "")
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range tt.rows {
			m := c.Models()[i]
			official := ""
			if want.official {
				official = tt.official
			}
			if got := (row{m.Thinking, short(m.On), short(m.Off), want.official}); got != want || m.Official != official || m.Target.Generation.Name != tt.official {
				t.Errorf("%s, %s: %+v, official %q, generation %s", tt.upstream, m.Profile, got, m.Official, m.Target.Generation.Name)
			}
		}
	}
}

func TestAProfileCanBeForAGeneration(t *testing.T) {
	const both = `,"profiles":[{"name":"p","thinking":"on","top_k":8,"when":{"generation":"qwen3.8"}},{"name":"p","thinking":"off","top_k":1},
		{"name":"thinking-coding","thinking":"on","top_k":6,"when":{"generation":"qwen3.6"}}],"models":[{"name":"m","profile":"p"}]`
	for _, tt := range []struct{ model, m, coding string }{
		{"Qwen3.8-27B", "8", "20"}, {"Qwen3.6-27B", "1", "6"}, {"prod", "1", "20"},
	} {
		c, err := of(t, `"model":"`+tt.model+`"`, both)
		if err != nil {
			t.Fatal(err)
		}
		if m, coding := c.Resolve([]byte("m")).On[2], c.Resolve([]byte("gpt-5")).On[2]; m != tt.m || coding != tt.coding {
			t.Errorf("%s: top_k %s and %s", tt.model, m, coding)
		}
	}
	for _, tt := range []struct{ text, want string }{
		{`,"profiles":[{"name":"p","thinking":"on","when":{"generation":"qwen3.8"}}],"models":[{"name":"m","profile":"p"}]`,
			`models[0].profile: "p" is for models of other generations than qwen3.5 alone, the profiles for it are instruct-general, `},
		{`,"profiles":[{"name":"p","thinking":"on","when":{"generation":"3.8"}}]`, `profiles[0].when.generation: "3.8" is not allowed here, qwen2.5, qwen3, `},
		{`,"profiles":[{"name":"p","thinking":"on","when":{"generation":"qwen3"}},{"name":"p","thinking":"on","when":{"generation":"qwen3"}}]`,
			`profiles[1].name: "p" stands twice`},
	} {
		if _, err := of(t, `"model":"Qwen3.5-27B"`, tt.text); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
	if _, err := of(t, `"model":"m","generation":"qwen9"`, ""); err == nil || !strings.HasPrefix(err.Error(), `upstreams[0].generation: "qwen9" is not allowed here, `) {
		t.Errorf("got %v", err)
	}
}

// The words that a client is shown are those that make a difference.
func TestLevels(t *testing.T) {
	for _, tt := range []struct{ model, name, words, usual string }{
		{"Qwen3.5-27B", "qwen-thinking-coding", "none medium", "medium"},
		{"Qwen3.5-27B", "qwen-instruct-general", "", ""},
		{"Qwen3.5-27B", "Qwen3.5-27B", "none medium", "medium"},
		{"Qwen3.8-27B", "qwen-thinking-coding", "none low medium xhigh", "xhigh"},
		{"qwen4-max", "qwen-thinking-general", "none minimal low medium high xhigh max", ""},
		{"Qwen3-Coder-Next", "qwen-thinking-coding", "", ""},
		{"Qwen3-30B-A3B-Thinking-2507", "qwen-thinking-coding", "", ""},
		{"prod", "qwen-thinking-coding", "none medium", "medium"},
	} {
		c, err := of(t, `"model":"`+tt.model+`"`, "")
		if err != nil {
			t.Fatal(err)
		}
		words, usual := c.Resolve([]byte(tt.name)).Levels()
		if strings.Join(words, " ") != tt.words || usual != tt.usual {
			t.Errorf("%s, %s: %q, %q", tt.model, tt.name, words, usual)
		}
	}
}

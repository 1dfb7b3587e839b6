package messages

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// Who says nothing of thinking gets the answer first, as from Anthropic's API.
func TestThinkingThatNobodyAskedFor(t *testing.T) {
	const (
		off, hidden, shown = "off", "hidden", "shown"
		alias, own         = "claude-sonnet-4-5", "qwen3.5-thinking-coding"
		tool               = `,"tools":[{"name":"f"}]`
	)
	for _, tt := range []struct {
		name, model, more        string
		auto, profile, whenAsked string
	}{
		{"an alias", alias, "", off, shown, hidden},
		{"an alias marked for a million tokens", alias + "[1m]", "", off, shown, hidden},
		{"the model's own name", own, "", hidden, shown, hidden},
		{"its own name marked so", own + "[1m]", "", hidden, shown, hidden},
		{"its own name, escaped", `qwen3.5-\u0074hinking-coding`, "", hidden, shown, hidden},
		{"a name that doesn't think", "qwen3.5-instruct-general", "", off, off, off},
		{"no tools", alias, `,"tools":[]`, off, shown, hidden},
		{"tools", alias, tool, shown, shown, hidden},
		{"a tool that is dropped, and one that isn't", own, `,"tools":[{"type":"web_fetch_20250910","name":"w"},{"name":"f"}]`, shown, shown, hidden},
		{"thinking", alias, `,"thinking":{"type":"adaptive"}`, shown, shown, shown},
		{"a budget", own, `,"thinking":{"type":"enabled","budget_tokens":1024}`, shown, shown, shown},
		{"thinking off", own, `,"thinking":{"type":"disabled"}`, off, off, off},
		{"null is nothing", alias, `,"thinking":null,"output_config":{"effort":null}`, off, shown, hidden},
		{"effort", alias, `,"output_config":{"effort":"low"}`, shown, shown, shown},
		{"a format alone", alias, `,"output_config":{"format":{"type":"json_schema","schema":{}}}`, off, shown, hidden},
		{"vLLM's effort", own, `,"reasoning_effort":"low"`, shown, shown, shown},
		{"vLLM's budget", alias, `,"thinking_token_budget":100`, shown, shown, shown},
		{"the template's argument", alias, `,"chat_template_kwargs":{"enable_thinking":true}`, shown, shown, shown},
		{"another argument", alias, `,"chat_template_kwargs":{"x":1}`, off, shown, hidden},
	} {
		for _, way := range []struct {
			setting hub.ThinkingShown
			want    string
		}{{hub.ShownAuto, tt.auto}, {hub.ShownByProfile, tt.profile}, {hub.ShownWhenAsked, tt.whenAsked}} {
			turn := newTurn(t, "")
			turn.Messages.Thinking = way.setting
			body := `{"model":"` + tt.model + `","max_tokens":4096,"messages":[` + hello + `]` + tt.more + `}`
			out := translate(t, turn, body)
			if on := gjson.Get(out, "chat_template_kwargs.enable_thinking").Bool(); on != (way.want != off) {
				t.Errorf("%s, %d: %s", tt.name, way.setting, out)
			}
			counted := newTurn(t, "")
			counted.Messages.Thinking = way.setting
			if asked, p := CountTokens.Request(nil, []byte(body), counted); p != nil || gjson.GetBytes(asked, "chat_template_kwargs.enable_thinking").Bool() != (way.want != off) {
				t.Errorf("%s, %d is counted as %s", tt.name, way.setting, asked)
			}
			if way.want == off {
				continue
			}
			whole, p := Create.Reply(nil, []byte(chatReply(`{"content":"\n\nHi","reasoning":"Hm"}`, `"stop"`)), turn)
			if p != nil {
				t.Fatal(p)
			}
			streamed, _ := play(turn, chunk(`{"reasoning":"Hm"}`, "")+strings.Repeat(chunk(`{"reasoning":"."}`, ""), 200)+chunk(`{"content":"\n\nHi"}`, "stop")+done)
			if kinds := gjson.GetBytes(whole, "content.#.type").Raw; kinds != `["thinking","text"]` && way.want == shown || kinds != `["text"]` && way.want == hidden {
				t.Errorf("%s, %d: %s", tt.name, way.setting, whole)
			}
			said := digest(t, streamed)
			if _, blocks, _ := strings.Cut(said, "\n"); way.want == hidden && !strings.HasPrefix(blocks, "ping\nping\nping\nping\n0 text\n0 += \"Hi\"\n0.\n\"end_turn\"") {
				t.Errorf("%s, %d: %s", tt.name, way.setting, said)
			}
			if way.want == shown && !strings.Contains(said, "0 thinking\n") {
				t.Errorf("%s, %d: %s", tt.name, way.setting, said)
			}
		}
	}
}

func TestThinking(t *testing.T) {
	const (
		afterResults = hello + `,{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":"r"}]}`
		client       = `,"profiles":[{"name":"p","thinking":"client"}],"models":[{"name":"qwen3.5-thinking-coding","profile":"p"}]`
		off          = `,"profiles":[{"name":"p","thinking":"off","temperature":0.5}],"models":[{"name":"qwen3.5-thinking-coding","profile":"p"}]`
		enforced     = `,"enforce_sampling":true`
	)
	state := func(enabled, budget, effort string) []string {
		return []string{"chat_template_kwargs.enable_thinking", enabled, "thinking_token_budget", budget, "reasoning_effort", effort}
	}
	for _, tt := range []translationTest{
		{"absent", "", chat(hello, ""), state("true", "", "")},
		{"disabled", "", chat(hello, `,"thinking":{"type":"disabled"}`), append(state("false", "", ""), "temperature", "0.7")},
		{"enabled", "", chat(hello, `,"thinking":{"type":"enabled","budget_tokens":2048}`), state("true", "2048", "")},
		{"a budget over the limit", "", chat(hello, `,"thinking":{"type":"enabled","budget_tokens":31999}`), state("true", "4095", "")},
		{"a budget over the window", "", `{"model":"claude-x","max_tokens":64000,"messages":[` + hello + `],"thinking":{"type":"enabled","budget_tokens":63999}}`, state("true", "32767", "")},
		{"a budget and no room", "", `{"model":"claude-x","max_tokens":1,"messages":[` + hello + `],"thinking":{"type":"enabled","budget_tokens":1024}}`, state("true", "", "")},
		{"a budget that is none", "", chat(hello, `,"thinking":{"type":"enabled","budget_tokens":"much"}`), state("true", "", "")},
		{"a budget of vLLM's own", "", chat(hello, `,"thinking":{"type":"enabled","budget_tokens":2048},"thinking_token_budget":7`), state("true", "7", "")},
		{"adaptive", "", chat(hello, `,"thinking":{"type":"adaptive","display":"omitted","block_binding":{}}`), state("true", "", "")},
		{"between tools, at the start", "", chat(hello, `,"thinking":{"type":"between_tools"}`), state("false", "", "")},
		{"between tools, behind results", "", chat(afterResults, `,"thinking":{"type":"between_tools"}`), state("true", "", "")},
		{"between tools, behind results and a system message", "", chat(afterResults+`,{"role":"system","content":"S"}`, `,"thinking":{"type":"between_tools"}`), state("true", "", "")},
		{"of a new type", "", chat(hello, `,"thinking":{"type":"deeply"}`), state("true", "", "")},

		{"profile off, absent", off, chat(hello, ""), append(state("false", "", ""), "temperature", "0.5")},
		{"profile off, enabled", off, chat(hello, `,"thinking":{"type":"enabled","budget_tokens":2048}`), state("false", "", "")},
		{"profile off, adaptive", off, chat(hello, `,"thinking":{"type":"adaptive"},"chat_template_kwargs":{"enable_thinking":true}`), state("false", "", "")},
		{"profile off, disabled", off, chat(hello, `,"thinking":{"type":"disabled"}`), state("false", "", "")},
		{"profile of the client, absent", client, chat(hello, ""), state("true", "", "")},
		{"profile of the client, disabled", client, chat(hello, `,"thinking":{"type":"disabled"}`), state("false", "", "")},
		{"profile of the client, by the template's argument", client, chat(hello, `,"thinking":{"type":"adaptive"},"chat_template_kwargs":{"enable_thinking":false}`), state("false", "", "")},
		{"the client's sampling", "", chat(hello, `,"temperature":1,"thinking":{"type":"disabled"}`), append(state("false", "", ""), "temperature", "1")},
		{"the client's sampling, enforced", enforced, chat(hello, `,"temperature":1,"thinking":{"type":"disabled"}`), append(state("false", "", ""), "temperature", "0.7")},
	} {
		tt.run(t)
	}
}

func TestEffort(t *testing.T) {
	const (
		newer = `,"upstreams":[{"model":"Qwen/Qwen3.8-Max"}]`
		off   = newer + `,"profiles":[{"name":"p","thinking":"off"}],"models":[{"name":"qwen3.5-thinking-coding","profile":"p"}]`
	)
	asked := func(effort string) string { return chat(hello, `,"output_config":{"effort":`+effort+`}`) }
	for _, tt := range []translationTest{
		{"Qwen3.5 knows none", "", asked(`"high"`), []string{"reasoning_effort", ""}},
		{"low", newer, asked(`"low"`), []string{"reasoning_effort", `"low"`}},
		{"medium", newer, asked(`"medium"`), []string{"reasoning_effort", `"medium"`}},
		{"high", newer, asked(`"high"`), []string{"reasoning_effort", `"xhigh"`}},
		{"xhigh", newer, asked(`"xhigh"`), []string{"reasoning_effort", `"xhigh"`}},
		{"max", newer, asked(`"max"`), []string{"reasoning_effort", `"xhigh"`}},
		{"none", newer, asked(`"none"`), []string{"reasoning_effort", "", "chat_template_kwargs.enable_thinking", "false"}},
		{"null", newer, asked(`null`), []string{"reasoning_effort", "", "chat_template_kwargs.enable_thinking", "true"}},
		{"none said", newer, chat(hello, ""), []string{"reasoning_effort", ""}},
		{"of the turn", newer, chat(hello+`,{"role":"system","content":[],"output_config":{"effort":"low"}}`, `,"output_config":{"effort":"max"}`), []string{"reasoning_effort", `"low"`, "messages.#", "1"}},
		{"of the last turn", newer, `{"output_config":{"effort":"max"},` + must + `"messages":[` + hello + `,{"role":"system","output_config":{"effort":"low"},"content":""},{"role":"system","content":"S","output_config":{"effort":"medium"}},{"role":"system","content":"T","output_config":{}}]}`,
			[]string{"reasoning_effort", `"medium"`}},
		{"with thinking off", newer, chat(hello, `,"thinking":{"type":"disabled"},"output_config":{"effort":"max"}`), []string{"reasoning_effort", "", "chat_template_kwargs.enable_thinking", "false"}},
		{"with a profile that is off", off, asked(`"max"`), []string{"reasoning_effort", ""}},
		{"vLLM's own word", newer, chat(hello, `,"output_config":{"effort":"max"},"reasoning_effort":"minimal"`), []string{"reasoning_effort", `"low"`}},
	} {
		tt.run(t)
	}
	for path, body := range map[string]string{
		"output_config.effort": asked(`"heroic"`), "reasoning_effort": chat(hello, `,"reasoning_effort":""`),
		"messages.1.output_config.effort": chat(hello+`,{"role":"system","content":[],"output_config":{"effort":"HIGH"}}`, ""),
	} {
		want := "capability_rejected: effort_unsupported (" + path + `: "`
		if got := refused(t, newTurn(t, newer), body); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "is none of none, minimal, low, medium, high, xhigh, max.)") {
			t.Errorf("%s: %s", path, got)
		}
	}
	if got := refused(t, newTurn(t, newer), asked(`3`)); !strings.Contains(got, "must be a string, one of none, minimal") {
		t.Error(got)
	}
}

// A model that can't do without thinking thinks, unseen by who switched it off.
func TestThinkingThatCannotBeSwitchedOffIsHidden(t *testing.T) {
	for more, shown := range map[string]bool{"": true, `,"thinking":{"type":"disabled"}`: false, `,"thinking":{"type":"adaptive"}`: true} {
		turn := newTurn(t, `,"upstreams":[{"model":"Qwen3-30B-A3B-Thinking-2507"}]`)
		out := translate(t, turn, chat(hello, `,"tools":[{"name":"f"}]`+more))
		body, p := Create.Reply(nil, []byte(chatReply(`{"content":"Hi","reasoning":"Hm."}`, `"stop"`)), turn)
		if p != nil || gjson.Get(out, "chat_template_kwargs.enable_thinking").Raw != "true" || strings.Contains(string(body), "Hm.") != shown {
			t.Errorf("%s: %s became %s", more, out, body)
		}
	}
}

func TestClearedThinking(t *testing.T) {
	history := hello + `,{"role":"assistant","content":[{"type":"thinking","thinking":"1"},{"type":"text","text":"a"}]},` + hello +
		`,{"role":"assistant","content":[{"type":"thinking","thinking":"2"},{"type":"tool_use","id":"x","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":"r"}]},` +
		`{"role":"assistant","content":[{"type":"thinking","thinking":"3"},{"type":"text","text":"b"}]},` + hello
	edits := func(list string) string { return chat(history, `,"context_management":{"edits":`+list+`}`) }
	clear := func(keep string) string { return edits(`[{"type":"clear_thinking_20251015"` + keep + `}]`) }
	kept := func(all string) []string {
		return []string{"messages.#.reasoning", all, "chat_template_kwargs.preserve_thinking", "true", "chat_template_kwargs.enable_thinking", "true"}
	}
	const newer = `,"upstreams":[{"model":"Qwen/Qwen3.6-27B"}]`
	for _, tt := range []translationTest{
		{"Qwen3.5 knows no argument for it", "", clear(``), []string{"messages.#.reasoning", `["2","3"]`, "chat_template_kwargs", `{"enable_thinking":true}`}},
		{"not asked for", "", chat(history, ""), []string{"messages.#.reasoning", `["1","2","3"]`, "chat_template_kwargs", `{"enable_thinking":true}`}},
		{"all kept", newer, clear(`,"keep":"all"`), kept(`["1","2","3"]`)},
		{"all kept, as an object", newer, clear(`,"keep":{"type":"all"}`), kept(`["1","2","3"]`)},
		{"two turns", newer, clear(`,"keep":{"type":"thinking_turns","value":2}`), kept(`["1","2","3"]`)},
		{"one turn, its calls included", newer, clear(`,"keep":{"type":"thinking_turns","value":1}`), kept(`["2","3"]`)},
		{"by default one", newer, clear(``), kept(`["2","3"]`)},
		{"of no number", newer, clear(`,"keep":{"type":"thinking_turns","value":"x"}`), kept(`["1","2","3"]`)},
		{"edits of other types", newer, edits(`[{"type":"clear_tool_uses_20250919"},{"type":"new","keep":1},7]`), []string{"messages.#.reasoning", `["1","2","3"]`, "chat_template_kwargs.preserve_thinking", ""}},
		{"no list", newer, edits(`"all"`), []string{"chat_template_kwargs.preserve_thinking", ""}},
		{"the client's own argument counts", newer, chat(history, `,"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"chat_template_kwargs":{"preserve_thinking":false,"x":1}`),
			[]string{"chat_template_kwargs", `{"enable_thinking":true,"preserve_thinking":false,"x":1}`}},
		{"beside the client's own arguments", newer, chat(history, `,"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"chat_template_kwargs":{ "x":1}`),
			[]string{"chat_template_kwargs", `{"enable_thinking":true,"preserve_thinking":true, "x":1}`}},
		{"beside empty ones", newer, chat(history, `,"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"chat_template_kwargs":{ }`),
			[]string{"chat_template_kwargs", `{"enable_thinking":true,"preserve_thinking":true }`}},
	} {
		tt.run(t)
	}
}

package messages

import (
	"testing"
)

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
		{"an unknown word", newer, asked(`"heroic"`), []string{"reasoning_effort", ""}},
		{"no word", newer, asked(`3`), []string{"reasoning_effort", ""}},
		{"none said", newer, chat(hello, ""), []string{"reasoning_effort", ""}},
		{"of the turn", newer, chat(hello+`,{"role":"system","content":[],"output_config":{"effort":"low"}}`, `,"output_config":{"effort":"max"}`), []string{"reasoning_effort", `"low"`, "messages.#", "1"}},
		{"of the last turn", newer, `{"output_config":{"effort":"max"},` + must + `"messages":[` + hello + `,{"role":"system","output_config":{"effort":"low"},"content":""},{"role":"system","content":"S","output_config":{"effort":"medium"}},{"role":"system","content":"T","output_config":{}}]}`,
			[]string{"reasoning_effort", `"medium"`}},
		{"with thinking off", newer, chat(hello, `,"thinking":{"type":"disabled"},"output_config":{"effort":"max"}`), []string{"reasoning_effort", "", "chat_template_kwargs.enable_thinking", "false"}},
		{"with a profile that is off", off, asked(`"max"`), []string{"reasoning_effort", ""}},
		{"vLLM's own word", newer, chat(hello, `,"output_config":{"effort":"max"},"reasoning_effort":"minimal"`), []string{"reasoning_effort", `"minimal"`}},
	} {
		tt.run(t)
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
	for _, tt := range []translationTest{
		{"not asked for", "", chat(history, ""), []string{"messages.#.reasoning", `["1","2","3"]`, "chat_template_kwargs", `{"enable_thinking":true}`}},
		{"all kept", "", clear(`,"keep":"all"`), kept(`["1","2","3"]`)},
		{"all kept, as an object", "", clear(`,"keep":{"type":"all"}`), kept(`["1","2","3"]`)},
		{"two turns", "", clear(`,"keep":{"type":"thinking_turns","value":2}`), kept(`["1","2","3"]`)},
		{"one turn, its calls included", "", clear(`,"keep":{"type":"thinking_turns","value":1}`), kept(`["2","3"]`)},
		{"by default one", "", clear(``), kept(`["2","3"]`)},
		{"of no number", "", clear(`,"keep":{"type":"thinking_turns","value":"x"}`), kept(`["1","2","3"]`)},
		{"edits of other types", "", edits(`[{"type":"clear_tool_uses_20250919"},{"type":"new","keep":1},7]`), []string{"messages.#.reasoning", `["1","2","3"]`, "chat_template_kwargs.preserve_thinking", ""}},
		{"no list", "", edits(`"all"`), []string{"chat_template_kwargs.preserve_thinking", ""}},
		{"the client's own argument counts", "", chat(history, `,"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"chat_template_kwargs":{"preserve_thinking":false,"x":1}`),
			[]string{"chat_template_kwargs", `{"enable_thinking":true,"preserve_thinking":false,"x":1}`}},
		{"beside the client's own arguments", "", chat(history, `,"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"chat_template_kwargs":{ "x":1}`),
			[]string{"chat_template_kwargs", `{"enable_thinking":true,"preserve_thinking":true, "x":1}`}},
		{"beside empty ones", "", chat(history, `,"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"chat_template_kwargs":{ }`),
			[]string{"chat_template_kwargs", `{"enable_thinking":true,"preserve_thinking":true}`}},
	} {
		tt.run(t)
	}
}

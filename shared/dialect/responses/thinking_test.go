package responses

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

func TestEffortIsASwitchAndMoreForModelsThatKnowMore(t *testing.T) {
	tests := []struct {
		model, request string
		thinking       bool
		effort         string // of Qwen3.8
	}{
		{"think", ``, true, ""},
		{"think", `"reasoning":{}`, true, ""},
		{"think", `"reasoning":{"effort":"none"}`, false, ""},
		{"think", `"reasoning":{"effort":"minimal"}`, true, "low"},
		{"think", `"reasoning":{"effort":"low"}`, true, "low"},
		{"think", `"reasoning":{"effort":"medium"}`, true, "medium"},
		{"think", `"reasoning":{"effort":"high"}`, true, "xhigh"},
		{"think", `"reasoning":{"effort":"xhigh"}`, true, "xhigh"},
		{"think", `"reasoning":{"effort":"max"}`, true, "xhigh"},
		{"think", `"chat_template_kwargs":{"enable_thinking":false},"reasoning":{"effort":"low"}`, true, "low"},
		{"plain", `"reasoning":{"effort":"max"}`, false, ""},
		{"plain", `"reasoning":{"effort":"none"}`, false, ""},
		{"plain", `"chat_template_kwargs":{"enable_thinking":true}`, false, ""},
		{"free", ``, true, ""},
		{"free", `"reasoning":{"effort":"none"}`, false, ""},
		{"free", `"reasoning":{"effort":"none"},"chat_template_kwargs":{"enable_thinking":true}`, true, ""},
		{"free", `"reasoning":{"effort":"low"},"chat_template_kwargs":{"enable_thinking":false}`, false, ""},
		{"free", `"reasoning":{"effort":"low"},"chat_template_kwargs":{"enable_thinking":null}`, true, "low"},
	}
	for _, served := range []string{"Qwen/Qwen3.5-397B", "qwen/QWEN3.8-Max"} {
		s := settings(t, served)
		for _, tt := range tests {
			body := `{"model":"` + tt.model + `","input":"Hi"`
			if tt.request != "" {
				body += "," + tt.request
			}
			got, turn := ask(t, s, Create, body+"}")
			want := tt.effort
			if strings.Contains(served, "3.5") {
				want = ""
			}
			if e := gjson.Get(got, "reasoning_effort").String(); e != want || gjson.Get(got, "chat_template_kwargs.enable_thinking").Bool() != tt.thinking || turn.Request.Thinking != tt.thinking {
				t.Errorf("%s, %s with %s: effort %q, want %q: %s", served, tt.model, tt.request, e, want, got)
			}
			counted, _ := ask(t, s, InputTokens, body+"}")
			if e := gjson.Get(counted, "chat_template_kwargs.reasoning_effort").String(); e != want || gjson.Get(counted, "chat_template_kwargs.enable_thinking").Bool() != tt.thinking {
				t.Errorf("%s, %s with %s: counted with %s", served, tt.model, tt.request, counted)
			}
		}
	}
}

func TestThinkingOfEarlierTurnsIsKeptAsAsked(t *testing.T) {
	s := settings(t, "Qwen/X")
	tests := []struct{ request, want string }{
		{`"reasoning":{"context":"all_turns"}`, `{"enable_thinking":true,"preserve_thinking":true}`},
		{`"reasoning":{"context":"current_turn"},"chat_template_kwargs":{}`, `{"enable_thinking":true,"preserve_thinking":false}`},
		{`"reasoning":{"context":"auto"},"chat_template_kwargs":{"a":1}`, `{"enable_thinking":true,"a":1}`},
		{`"reasoning":{"context":"all_turns"},"chat_template_kwargs":{ "a":9007199254740993}`, `{"enable_thinking":true,"preserve_thinking":true, "a":9007199254740993}`},
		{`"reasoning":{"context":"all_turns"},"chat_template_kwargs":{"preserve_thinking":false}`, `{"enable_thinking":true,"preserve_thinking":false}`},
	}
	for _, tt := range tests {
		got, _ := ask(t, s, Create, `{"model":"think","input":"Hi",`+tt.request+`}`)
		if k := gjson.Get(got, "chat_template_kwargs").Raw; k != tt.want {
			t.Errorf("%s: %s, want %s", tt.request, k, tt.want)
		}
	}
}

func TestClientsMayAskForSummariesAndForSealedThinking(t *testing.T) {
	s := settings(t, "Qwen/X")
	tests := []struct {
		request                   string
		summary, sealed, logprobs bool
	}{
		{`"include":[]`, false, false, false},
		{`"reasoning":{"summary":"auto"},"include":["reasoning.encrypted_content"]`, true, true, false},
		{`"reasoning":{"generate_summary":"concise"}`, true, false, false},
		{`"reasoning":{"summary":null}`, false, false, false},
		{`"top_logprobs":1`, false, false, true},
	}
	for _, tt := range tests {
		_, turn := ask(t, s, Create, `{"model":"think","input":"Hi",`+tt.request+`}`)
		if r := turn.Request.State.(*request); r.summary != tt.summary || r.sealed != tt.sealed || r.logprobs != tt.logprobs {
			t.Errorf("%s: %v %v %v", tt.request, r.summary, r.sealed, r.logprobs)
		}
	}
}

func TestThinkingComesBackOutOfItsBlob(t *testing.T) {
	s := settings(t, "Qwen/X")
	s.Responses.HasKey = true
	blob, _ := appendSealed(nil, reasoningBlob, []byte(`line\n\"one\"`), turnOf(s))
	summary, _ := appendSealed(nil, keptBlob, []byte(`a summary`), turnOf(s))
	tests := []struct {
		name, item, want string
		dropped          bool
	}{
		{"ours", `"summary":[],"encrypted_content":"` + string(blob) + `"`, `line\n\"one\"`, false},
		{"content first", `"summary":[],"content":[{"type":"reasoning_text","text":"c"}],"encrypted_content":"` + string(blob) + `"`, `c`, false},
		{"ours before the summary", `"summary":[{"type":"summary_text","text":"s"}],"content":null,"encrypted_content":"` + string(blob) + `"`, `line\n\"one\"`, false},
		{"damaged, but there is a summary", `"summary":[{"type":"summary_text","text":"s"}],"encrypted_content":"` + string(blob[:len(blob)-2]) + `"`, `s`, true},
		{"another maker's", `"summary":[],"encrypted_content":"gAAAAABo"`, ``, true},
		{"no thinking", `"summary":[],"encrypted_content":"` + string(summary) + `"`, ``, true},
	}
	for _, tt := range tests {
		got, turn := ask(t, s, Create, `{"model":"think","input":[{"role":"user","content":"Hi"},{"type":"reasoning","id":"rs_1",`+tt.item+`},{"role":"assistant","content":"x"}]}`)
		want := `{"role":"assistant","content":"x"`
		if tt.want != "" {
			want += `,"reasoning":"` + tt.want + `"`
		}
		if m := gjson.Get(got, "messages.1").Raw; m != want+"}" {
			t.Errorf("%s: %s", tt.name, m)
		}
		if dropped := turn.Request.Changes&hub.ReasoningDropped != 0; dropped != tt.dropped {
			t.Errorf("%s: dropped %v", tt.name, dropped)
		}
	}
}

// A body within its limits must not make the gateway inflate a thousand times as much.
func TestBlobsOfOneRequestInflateToSoMuchTogether(t *testing.T) {
	s := settings(t, "Qwen/X")
	blob, ok := appendSealed(nil, reasoningBlob, []byte(strings.Repeat("a", maxSealedText)), turnOf(s))
	if !ok {
		t.Fatal("not sealed")
	}
	item := `,{"type":"reasoning","summary":[],"encrypted_content":"` + string(blob) + `"},{"role":"assistant","content":"x"},{"role":"user","content":"y"}`
	got, turn := ask(t, s, Create, `{"model":"think","input":[{"role":"user","content":"Hi"}`+strings.Repeat(item, 10)+`]}`)
	if n := strings.Count(got, `"reasoning":"`); n != maxOpenedText/maxSealedText || turn.Request.Changes&hub.ReasoningDropped == 0 {
		t.Errorf("%d blobs were opened, %d bytes", n, len(got))
	}
}

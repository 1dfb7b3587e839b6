package access

import (
	"strings"
	"testing"
)

func TestHintsOfAgents(t *testing.T) {
	const cc = "x-claude-code-"
	for _, tt := range []struct {
		name   string
		header []string
		want   Hints
		prefix string
	}{
		{"none", nil, Hints{}, ""},
		{"Claude Code without its hints", []string{cc + "session-id", "s"}, Hints{Session: "s", ClaudeCode: true}, "s"},
		{"its sub-agent without hints", []string{cc + "session-id", "s", cc + "agent-id", "a", cc + "parent-agent-id", "p"},
			Hints{Session: "s", Agent: "a", Parent: "p", Class: Subagent, ClaudeCode: true}, "a"},
		{"its hints", []string{cc + "session-id", "s", cc + "request-class", "main", cc + "prompt-id", "q"},
			Hints{Session: "s", Prompt: "q", Class: Main, ClaudeCode: true}, "s"},
		{"workflow", []string{cc + "session-id", "s", cc + "request-class", "workflow"}, Hints{Session: "s", Class: Subagent, ClaudeCode: true}, "s"},
		{"compaction of a sub-agent", []string{cc + "session-id", "s", cc + "request-class", "compaction", cc + "agent-id", "a"},
			Hints{Session: "s", Agent: "a", Class: Compaction, ClaudeCode: true}, "a"},
		{"side reply", []string{cc + "session-id", "s", cc + "request-class", "side_reply"}, Hints{Session: "s", Class: Auxiliary, ClaudeCode: true}, "s"},
		{"a class that nobody knows", []string{cc + "session-id", "s", cc + "request-class", "tomorrow"}, Hints{Session: "s", ClaudeCode: true}, "s"},
		{"Codex", []string{"session-id", "t", "thread-id", "t", "x-codex-turn-metadata", `{"request_kind":"turn","turn_id":"u","root_turn_id":"r","sandbox_mode":"x"}`},
			Hints{Session: "t", Prompt: "r", Class: Main}, "t"},
		{"Codex's sub-agent", []string{"session-id", "s", "thread-id", "t", "x-codex-parent-thread-id", "s", "x-openai-subagent", "review",
			"x-codex-turn-metadata", `{"request_kind":"turn","turn_id":"u"}`}, Hints{Session: "s", Agent: "t", Parent: "s", Prompt: "u", Class: Subagent, spawned: Subagent}, "t"},
		{"Codex's sub-agent by its metadata", []string{"session-id", "s", "x-codex-turn-metadata", `{"request_kind":"turn","subagent_kind":"thread_spawn"}`},
			Hints{Session: "s", Class: Subagent}, "s"},
		{"Codex's memory", []string{"thread-id", "t", "x-openai-subagent", "memory_consolidation"}, Hints{Session: "t", Class: Auxiliary, spawned: Auxiliary}, "t"},
		{"Codex's compaction", []string{"session-id", "s", "x-openai-subagent", "review", "x-codex-turn-metadata", `{"request_kind":"compact"}`},
			Hints{Session: "s", Class: Compaction, spawned: Subagent}, "s"},
		{"no metadata", []string{"session-id", "s", "x-codex-turn-metadata", `{"request_kind":`}, Hints{Session: "s"}, "s"},
		{"metadata of another kind", []string{"session-id", "s", "x-codex-turn-metadata", `["turn"]`}, Hints{Session: "s"}, "s"},
		{"long metadata", []string{"session-id", "s", "x-codex-turn-metadata", `{"request_kind":"turn","x":"` + strings.Repeat("x", maxTurn) + `"}`}, Hints{Session: "s"}, "s"},
		{"OpenCode", []string{"x-session-affinity", "s", "x-session-id", "s"}, Hints{Session: "s", chosen: "s"}, "s"},
		{"OpenCode's sub-agent", []string{"x-session-affinity", "s", "x-parent-session-id", "p"}, Hints{Session: "s", Parent: "p", Class: Subagent}, "s"},
		{"Kilo", []string{"x-kilocode-taskid", "k"}, Hints{Session: "k"}, "k"},
		{"pi", []string{"session_id", "p"}, Hints{Session: "p"}, "p"},
		{"one named for routing", []string{"x-session-token", "x", cc + "session-id", "s"}, Hints{Session: "s", ClaudeCode: true, chosen: "x"}, "x"},
		{"a prompt in an id's place", []string{cc + "session-id", "write me a poem", "x-kilocode-taskid", "k"}, Hints{Session: "k"}, "k"},
		{"a long one", []string{cc + "session-id", strings.Repeat("x", maxID+1)}, Hints{}, ""},
		{"the longest", []string{"x-session-id", strings.Repeat("x", maxID)}, Hints{Session: strings.Repeat("x", maxID), chosen: strings.Repeat("x", maxID)}, strings.Repeat("x", maxID)},
		{"no text", []string{cc + "session-id", "s\x00", "session-id", "é", "x-session-id", "\x7f"}, Hints{}, ""},
	} {
		got := ReadHints(func(name string) string {
			for i := 0; i < len(tt.header); i += 2 {
				if tt.header[i] == name {
					return tt.header[i+1]
				}
			}
			return ""
		})
		if got != tt.want || got.Prefix() != tt.prefix {
			t.Errorf("%s: %+v, want %+v; prefix %q, want %q", tt.name, got, tt.want, got.Prefix(), tt.prefix)
		}
	}
}

// A socket has one header for all turns, and each turn says of itself what it is.
func TestTheBodysWordOfATurnCounts(t *testing.T) {
	h := ReadHints(func(name string) string {
		return map[string]string{"session-id": "s", "x-codex-turn-metadata": `{"request_kind":"compact","turn_id":"1"}`}[name]
	})
	h.ReadTurn([]byte(`{"request_kind":"turn","turn_id":"2","session_id":"other"}`))
	h.Note("third", "3")
	if want := (Hints{Session: "s", Prompt: "2", Class: Main}); h != want {
		t.Errorf("%+v, want %+v", h, want)
	}
	h = Hints{}
	h.ReadTurn([]byte(`{"session_id":"s","thread_id":"s","request_kind":"prewarm"}`))
	h.Note("third", "not an id")
	if want := (Hints{Session: "s"}); h != want {
		t.Errorf("%+v, want %+v", h, want)
	}
}

// What is named by a hash stays so: an endpoint picker keeps by it where a session's prefix is.
func TestHashedIDs(t *testing.T) {
	for id, want := range map[string]string{"": "", "a": "82a2a958a9bece5b", "foobar": "2c22194922d1672b"} {
		if got := Hashed(id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
	if Hashed("a") == Hashed("b") {
		t.Error("two ids are one")
	}
}

package access

import (
	"hash/fnv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Class is what a request is for, in the agent that sends it.
type Class uint8

const (
	// Unknown: nobody says.
	Unknown Class = iota
	// Main: the conversation with the user.
	Main
	// Subagent: a task that the main agent has handed on.
	Subagent
	// Auxiliary: a title, a classification, a suggestion, a memory.
	Auxiliary
	// Compaction: a summary that takes a conversation's place.
	Compaction
	// Classes is how many there are.
	Classes
)

// String is the class's word for logs and configurations, "" for Unknown.
func (c Class) String() string {
	return [Classes]string{"", "main", "subagent", "auxiliary", "compaction"}[c]
}

// Hints are what agents say of a request in its header: whose it is, and what for. They are the
// client's claims, for routing and logs and never for rights. Ids are "" where nobody says.
type Hints struct {
	// Session is the id of the user's session, Prompt that of what the user asked, Agent that of
	// a sub-agent and Parent that of whoever has started it.
	Session, Prompt, Agent, Parent string
	Class                          Class
	// ClaudeCode: it is Claude Code that says so.
	ClaudeCode bool
	// chosen is the id that was named for routing, whatever the agent.
	chosen string
	// spawned is the class of Codex's sub-agent that all requests with this header are of.
	spawned Class
}

// HintFields are those of what Hints are read of, and their like, that ClientPrefixes do not name.
// They lead to a person and what it works on; a router behind is told a hash, where it is told.
var HintFields = []string{"session-id", "session_id", "thread-id", "conversation_id", "x-session-id", "x-session-token",
	"x-session-affinity", "x-parent-session-id", "x-client-request-id"}

// ReadHints reads a request's header, as Read does.
func ReadHints(header func(name string) string) Hints {
	h := Hints{chosen: first(id(header("x-session-id")), id(header("x-session-token")))}
	switch {
	case h.readClaudeCode(header), h.readCodex(header):
	default:
		h.readOthers(header)
	}
	h.Session = first(h.Session, h.chosen)
	return h
}

// readClaudeCode reads what Claude Code says, all of it only where it is told to
// (CLAUDE_CODE_GATEWAY_HINT_HEADERS).
func (h *Hints) readClaudeCode(header func(name string) string) bool {
	if h.Session = id(header("x-claude-code-session-id")); h.Session == "" {
		return false
	}
	h.ClaudeCode = true
	h.Agent = id(header("x-claude-code-agent-id"))
	h.Parent = id(header("x-claude-code-parent-agent-id"))
	h.Prompt = id(header("x-claude-code-prompt-id"))
	switch header("x-claude-code-request-class") {
	case "main":
		h.Class = Main
	case "subagent", "workflow":
		h.Class = Subagent
	case "compaction":
		h.Class = Compaction
	case "auxiliary", "side_reply":
		h.Class = Auxiliary
	default:
		if h.Agent != "" {
			h.Class = Subagent
		}
	}
	return true
}

// readCodex reads what Codex says.
func (h *Hints) readCodex(header func(name string) string) bool {
	thread := id(header("thread-id"))
	if h.Session = first(id(header("session-id")), thread); h.Session == "" {
		return false
	}
	if thread != h.Session {
		h.Agent = thread
	}
	h.Parent = id(header("x-codex-parent-thread-id"))
	h.spawned = codexClass(header("x-openai-subagent"))
	h.Class = h.spawned
	h.ReadTurn([]byte(header("x-codex-turn-metadata")))
	return true
}

// codexClass is the class of one of Codex's words for sub-agents.
func codexClass(word string) Class {
	switch {
	case word == "":
		return Unknown
	case strings.HasPrefix(word, "compact"):
		return Compaction
	case strings.HasPrefix(word, "memory"):
		return Auxiliary
	}
	return Subagent
}

// maxTurn is the most bytes of Codex's metadata of a turn that are looked into.
const maxTurn = 8 << 10

// ReadTurn reads Codex's metadata of a turn, a JSON object that stands in a field of its header
// or in the body's client_metadata; the later one counts, since a socket has one header for all
// turns. It says of the user's machine too, so no more of it is kept.
func (h *Hints) ReadTurn(metadata []byte) {
	if len(metadata) == 0 || len(metadata) > maxTurn {
		return
	}
	m, err := jsonedit.Parse(metadata)
	if err != nil || m.Kind() != jsonedit.Object {
		return
	}
	var turn struct{ session, thread, root, id, kind, spawned string }
	m.Each(func(key []byte, v jsonedit.Value) bool {
		switch string(key) {
		case "session_id":
			turn.session = id(v.Text())
		case "thread_id":
			turn.thread = id(v.Text())
		case "root_turn_id":
			turn.root = id(v.Text())
		case "turn_id":
			turn.id = id(v.Text())
		case "request_kind":
			turn.kind = v.Text()
		case "subagent_kind":
			turn.spawned = v.Text()
		}
		return true
	})
	h.Session = first(h.Session, turn.session, turn.thread)
	h.Prompt = first(turn.root, turn.id, h.Prompt)
	switch spawned := codexClass(turn.spawned); {
	case strings.HasPrefix(turn.kind, "compact"):
		h.Class = Compaction
	case h.spawned != Unknown:
		h.Class = h.spawned
	case spawned != Unknown:
		h.Class = spawned
	case turn.kind == "turn":
		h.Class = Main
	}
}

// Note takes ids that a request's body says, where its header has said none.
func (h *Hints) Note(session, prompt string) {
	h.Session, h.Prompt = first(h.Session, id(session)), first(h.Prompt, id(prompt))
}

// first is the first id that is said.
func first(ids ...string) string {
	for _, id := range ids {
		if id != "" {
			return id
		}
	}
	return ""
}

// readOthers reads what OpenCode, Kilo, pi and their like say.
func (h *Hints) readOthers(header func(name string) string) {
	h.Session = first(id(header("x-session-affinity")), id(header("x-kilocode-taskid")), id(header("session_id")))
	if h.Parent = id(header("x-parent-session-id")); h.Parent != "" {
		h.Class = Subagent
	}
}

// Prefix is the id of whose requests begin alike, so that they are best served by one server: that
// which was named for routing, a sub-agent's, or the session's; "" where nobody says.
func (h *Hints) Prefix() string {
	return first(h.chosen, h.Agent, h.Session)
}

// maxID is the most bytes of an id.
const maxID = 256

// id is an id as a client says it, "" for what can't be one.
func id(said string) string {
	if len(said) > maxID {
		return ""
	}
	for i := range len(said) {
		if said[i] <= ' ' || said[i] > '~' {
			return ""
		}
	}
	return said
}

// Hashed stands for an id in logs and upstream: 16 digits of its hash, "" for none. It keeps ids
// apart, and what a client puts into one out of both; whoever has the id can find it.
func Hashed(id string) string {
	if id == "" {
		return ""
	}
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(id))
	n := sum.Sum64()
	// Ids that differ in their last letter only would else have like hashes.
	n = (n ^ n>>33) * 0xff51afd7ed558ccd
	n = (n ^ n>>33) * 0xc4ceb9fe1a85ec53
	n ^= n >> 33
	const digits = "0123456789abcdef"
	var text [16]byte
	for i := len(text) - 1; i >= 0; i, n = i-1, n>>4 {
		text[i] = digits[n&15]
	}
	return string(text[:])
}

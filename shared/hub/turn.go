package hub

import (
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Settings are what a configuration says to the stages; shared by all exchanges.
type Settings struct {
	Catalog         *catalog.Catalog
	EnforceSampling bool
	ReasoningField  ReasoningField
	LateSystem      LateSystem
	// RejectTools: a tool that can't be had is a 400; else it is dropped and named in
	// the reply header DroppedToolsHeader.
	RejectTools bool
	Responses   ResponsesSettings
	Messages    MessagesSettings
}

// ResponsesSettings are for the Responses API.
type ResponsesSettings struct {
	// ReasoningEvents says how thinking is shown.
	ReasoningEvents ReasoningEvents
	// DoneMarker: streams end with data: [DONE], as the Open Responses text wants and
	// OpenAI does not.
	DoneMarker bool
	// Key seals encrypted_content where HasKey.
	Key    [32]byte
	HasKey bool
}

// ReasoningEvents is a family of stream events for thinking.
type ReasoningEvents uint8

const (
	// AsAsked: summary events where the client set reasoning.summary, else response.reasoning_text.*.
	AsAsked ReasoningEvents = iota
	// OpenResponses: response.reasoning.delta and .done.
	OpenResponses
	// Summary: response.reasoning_summary_*, whatever the client asked for.
	Summary
)

// MessagesSettings are for the Messages API.
type MessagesSettings struct {
	// ForwardUser: metadata.user_id goes upstream as user.
	ForwardUser bool
	// KeepBilling: the system block x-anthropic-billing-header, whose text changes from
	// prompt to prompt and so defeats prefix caching, stays.
	KeepBilling bool
}

// DroppedToolsHeader is the reply header that names the tools which a request offered
// and the model did not get.
const DroppedToolsHeader = "qwenvoy-dropped-tools"

// EstimateHeader is the reply header that names the values which are estimates.
const EstimateHeader = "qwenvoy-estimated"

// ReasoningField says which field the client reads reasoning from.
type ReasoningField uint8

const (
	BothFields ReasoningField = iota
	OnlyReasoning
	OnlyReasoningContent
)

// LateSystem says what becomes of system messages after the first user or assistant message.
type LateSystem uint8

const (
	// ByDialect: fold for Messages, merge for all others.
	ByDialect LateSystem = iota
	// Merge moves them into the leading system message.
	Merge
	// Fold joins them to the turn before, so that the prompt's earlier bytes, and with
	// them the upstream's prefix cache, stay the same.
	Fold
	// Keep leaves them, for templates that take them.
	Keep
)

// A Turn is what the stages of one exchange know of it, apart by who may write it: the
// edge before anything else, the dialect and the editor while they read the request, the
// view and the repairs while they read the reply.
type Turn struct {
	*Settings
	Edge    EdgeFacts
	Request RequestFacts
	Reply   ReplyFacts
}

// EdgeFacts is what the edge hands in when an exchange begins. Nobody writes it later.
type EdgeFacts struct {
	// Now is when the exchange began, in Unix seconds.
	Now int64
	// Clock tells the time in Unix seconds; nil at an edge that has none.
	Clock func() int64
	// Random returns unpredictable bits, for ids that nobody may guess.
	Random func() uint64
	// Memory is set at an edge that keeps state.
	Memory Memory
	// Window is the upstream's context window in tokens, 0 when unknown. It may ask the
	// upstream, so it is called only where the answer matters.
	Window func() int
}

// RequestFacts is what a dialect and the editor find in the request. The reply's side
// only reads it.
type RequestFacts struct {
	// Answer, where a dialect's Request sets it, goes to the client without an upstream being asked.
	Answer *Answer
	// Streamed: the client asked for a stream. Set by translated dialects only.
	Streamed bool
	// NoThinking: the client switched thinking off in its dialect's own words.
	NoThinking bool
	// SingleCall: of several tool calls only the first is handed on.
	SingleCall bool
	// DroppedTools names the tools that the model did not get.
	DroppedTools []string
	// ReplyHeader holds header fields for the reply, names in lower case.
	ReplyHeader [][2]string
	// State is what a translated dialect keeps of the request for its reply.
	State any

	// Name is the model name that the client used, as a JSON string literal; empty if it named none.
	Name []byte
	// Model is the virtual model, nil if the client named none where that is allowed.
	Model *catalog.Model
	// Thinking is the effective state.
	Thinking bool
	// Limit is the token limit that went upstream, 0 for none.
	Limit int
	// Choices is n.
	Choices int
	// HideUsage: usage was asked for on the gateway's account, the client shall not see it.
	HideUsage bool
	// Changes is what was changed in the request.
	Changes Change
}

// ReplyFacts is what is found in the upstream's reply.
type ReplyFacts struct {
	// Finish is the finish_reason of choice 0.
	Finish string
	// StopWord is the string that vLLM names in stop_reason, "" for none.
	StopWord string
	HasUsage bool
	Usage    Usage
	// Repairs is what was mended in the reply.
	Repairs Repair

	callIDs map[string]struct{}
}

// Usage holds token counts; null and absent ones are 0. An upstream's that can't be are
// made such: none is below 0 or over 2^31-1, so that a sum stays small, and what is a part
// of a count (Cached and Created together of Prompt, Reasoning of Completion) is no more
// than that.
type Usage struct {
	Prompt, Completion, Cached, Reasoning int
	// Created counts tokens written to the prefix cache (created_cache_tokens, vLLM 0.32).
	Created int
}

// A Memory is what an edge that keeps state offers to dialects that go on from earlier
// responses.
type Memory interface {
	// Context returns the items that come before a request's input, as the elements of
	// a JSON list with commas between and nothing around them; empty for none. One of
	// the two ids is not empty.
	Context(previous, conversation string) ([]byte, *Problem)
	// Item returns a stored item as JSON, nil for one that is not there.
	Item(id string) ([]byte, *Problem)
	// Stores: responses are kept unless the request says store: false.
	Stores() bool
}

// Time is the time in Unix seconds, or when the exchange began at an edge without a clock.
func (t *Turn) Time() int64 {
	if t.Edge.Clock == nil {
		return t.Edge.Now
	}
	return t.Edge.Clock()
}

// A Keeper is a Memory that has a say in what is kept, and when a client is answered.
type Keeper interface {
	Memory
	// Admit is asked once for a create request, before its context is, with what it says
	// of store. A Problem refuses it.
	Admit(store Wish, background bool) *Problem
	// Started is told a background response's object in its first state, and fields for
	// the reply's header, once the request is known to be good and before the upstream is
	// asked. It copies what it keeps of the object.
	Started(object []byte, header [][2]string)
}

// A Wish is a boolean that a request may leave open.
type Wish uint8

const (
	Unsaid Wish = iota
	Yes
	No
)

const idLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// AppendID appends prefix and 24 random letters and digits (142 bits).
func (t *Turn) AppendID(dst []byte, prefix string) []byte {
	dst = jsonedit.Put(dst, prefix)
	for n := 0; n < 24; {
		// Ten digits to the base of 64 out of 64 bits, those over 61 thrown away.
		for r, i := t.Edge.Random(), 0; i < 10 && n < 24; r, i = r>>6, i+1 {
			if d := r & 63; d < uint64(len(idLetters)) {
				dst = append(dst, idLetters[d])
				n++
			}
		}
	}
	return dst
}

// UseCallID notes a tool call's id and tells whether it is the first of its kind in
// this exchange. Clients match results to calls by it, and drop what repeats one.
func (t *Turn) UseCallID(id []byte) bool {
	if _, used := t.Reply.callIDs[string(id)]; used {
		return false
	}
	if t.Reply.callIDs == nil {
		t.Reply.callIDs = map[string]struct{}{}
	}
	t.Reply.callIDs[string(id)] = struct{}{}
	return true
}

// A Change is a set of what was changed in a request.
type Change uint32

const (
	ChangedModel Change = 1 << iota
	ChangedSampling
	ChangedThinking
	SystemMerged
	SystemFolded
	DeveloperRenamed
	ArgumentsRepaired
	ReasoningRenamed
	ToolsNested
	ToolsDropped
	ToolChoiceDropped
	LimitClamped
	DuplicatesDropped
	UsageRequested
	PromptDropped
	FieldsIgnored
	ReasoningDropped
)

var changeNames = []string{"model", "sampling", "thinking", "system_merged", "system_folded", "developer_renamed", "arguments_repaired",
	"reasoning_renamed", "tools_nested", "tools_dropped", "tool_choice_dropped", "limit_clamped", "duplicates_dropped", "usage_requested", "prompt_dropped",
	"fields_ignored", "reasoning_dropped"}

// Names lists the set.
func (c Change) Names() []string { return names(uint32(c), changeNames) }

// A Repair is a set of what was mended in a reply.
type Repair uint32

const (
	ReasoningToContent Repair = 1 << iota
	CutCall
	EndedStream
)

var repairNames = []string{"reasoning_to_content", "cut_call", "ended_stream"}

// Names lists the set.
func (r Repair) Names() []string { return names(uint32(r), repairNames) }

func names(set uint32, all []string) (list []string) {
	for i, name := range all {
		if set&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return list
}
